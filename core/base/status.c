#include "base/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void fill(pv_err *err, pv_status status, int line, int column, const char *fmt, va_list ap)
{
    if (err == NULL) return;
    err->status = status;
    err->line = line;
    err->column = column;
    vsnprintf(err->msg, sizeof err->msg, fmt, ap);
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
