#include "base/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the well-formed UTF-8 sequence at p, or 0. */
static size_t sequence(const unsigned char *p)
{
    size_t len = p[0] >= 0xC2 && p[0] <= 0xDF   ? 2
                 : p[0] >= 0xE0 && p[0] <= 0xEF ? 3
                 : p[0] >= 0xF0 && p[0] <= 0xF4 ? 4
                                                : 0;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) return 0; /* also the NUL at the end */
    }
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F)) return 0;
    if ((p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F)) return 0;
    return len;
}

/* What a message quotes may be anything: it stays on one line, and is text. */
static void make_readable(char *msg)
{
    for (unsigned char *p = (unsigned char *)msg; *p != '\0';) {
        size_t len = *p < 0x80 ? 1 : sequence(p);
        if (len == 0 || *p < 0x20 || *p == 0x7F) *p = '?';
        p += len == 0 ? 1 : len;
    }
}

static void fill(pv_err *err, pv_status status, int line, int column, const char *fmt, va_list ap)
{
    if (err == NULL) return;
    err->status = status;
    err->line = line;
    err->column = column;
    vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    make_readable(err->msg);
}

pv_status pv_fail(pv_err *err, pv_status status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill(err, status, 0, 0, fmt, ap);
    va_end(ap);
    return status;
}

pv_status pv_fail_at(pv_err *err, pv_status status, int line, int column, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill(err, status, line, column, fmt, ap);
    va_end(ap);
    return status;
}

pv_status pv_fail_errno(pv_err *err, int error, const char *fmt, ...)
{
    pv_status status = pv_status_errno(error);
    va_list ap;
    va_start(ap, fmt);
    fill(err, status, 0, 0, fmt, ap);
    va_end(ap);
    if (err != NULL) {
        size_t used = strlen(err->msg);
        snprintf(err->msg + used, sizeof err->msg - used, ": %s", strerror(error));
    }
    return status;
}

const char *pv_status_name(pv_status status)
{
    static const char *const names[PV_STATUS_COUNT] = {
        "ok",     "invalid", "io",      "notfound", "exists",      "locked",
        "denied", "limit",   "timeout", "canceled", "unavailable", "protocol",
        "auth",   "corrupt", "cycle",   "conflict", "unsupported", "closed",
    };
    return (unsigned)status < PV_STATUS_COUNT ? names[status] : "bug";
}

pv_status pv_status_errno(int error)
{
    switch (error) {
    case 0: return PV_OK;
    case ENOENT:
    case ESRCH: return PV_ENOTFOUND;
    case EEXIST:
    case ENOTEMPTY: return PV_EEXIST;
    case EACCES:
    case EPERM:
    case EROFS: return PV_EDENIED;
    case EBUSY:
    case EAGAIN: return PV_EBUSY;
    case EINVAL:
    case ENAMETOOLONG: return PV_EINVAL;
    case ETIMEDOUT: return PV_ETIMEOUT;
    case ECANCELED: return PV_ECANCELED;
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EPIPE: return PV_EUNAVAILABLE;
    case E2BIG:
    case EFBIG: return PV_ELIMIT;
    case ENOSYS:
    case ENOTSUP:
    case ENODEV: return PV_EUNSUPPORTED;
    default: return PV_EIO;
    }
}
