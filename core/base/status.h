/* Statuses and errors: the one way a C function of prov fails.
 *
 * A function that can fail returns pv_status and, when the caller hands in a
 * pv_err, a message for a person in it.  Values leave through out parameters,
 * which are set to NULL or 0 first.  Messages start lower case, name the thing
 * and have no full stop; they never hold a secret.  Control characters and bytes that are no
 * UTF-8, which a quoted input may bring in, become question marks. */
#ifndef PV_BASE_STATUS_H
#define PV_BASE_STATUS_H

#include <stdarg.h>

typedef enum {
    PV_OK = 0,
    PV_EINVAL,       /* "invalid": input or argument is malformed */
    PV_EIO,          /* "io": disk, pipe or operating system refused */
    PV_ENOTFOUND,    /* "notfound" */
    PV_EEXIST,       /* "exists" */
    PV_EBUSY,        /* "locked": somebody else holds it */
    PV_EDENIED,      /* "denied": permission */
    PV_ELIMIT,       /* "limit": larger than the cap it was given */
    PV_ETIMEOUT,     /* "timeout" */
    PV_ECANCELED,    /* "canceled" */
    PV_EUNAVAILABLE, /* "unavailable": the far side cannot be reached */
    PV_EPROTO,       /* "protocol": the far side answered nonsense */
    PV_EAUTH,        /* "auth": credentials or host key refused */
    PV_ECORRUPT,     /* "corrupt": stored bytes fail their check */
    PV_ECYCLE,       /* "cycle" */
    PV_ECONFLICT,    /* "conflict": changed by somebody else meanwhile */
    PV_EUNSUPPORTED, /* "unsupported": this machine or build cannot */
    PV_ECLOSED,      /* "closed": used after close */
    PV_STATUS_COUNT
} pv_status;

enum { PV_ERR_MSG = 1024 };

/* An error owned by the caller.  line and column are 0 when there is no place
 * in a text to point at. */
typedef struct pv_err {
    pv_status status;
    int line;
    int column;
    char msg[PV_ERR_MSG];
} pv_err;

/* Fills *err (which may be NULL) and returns status, so that a failing function
 * ends in `return pv_fail(err, PV_EIO, "open %s: %s", path, why);`. */
pv_status pv_fail(pv_err *err, pv_status status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Like pv_fail, for an error at a line and column (both from 1) of a text. */
pv_status pv_fail_at(pv_err *err, pv_status status, int line, int column, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Like pv_fail, followed by ": " and the text of errno value `error`; the status
 * is derived from it (ENOENT is PV_ENOTFOUND, EACCES PV_EDENIED, ...). */
pv_status pv_fail_errno(pv_err *err, int error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The stable name of a status ("notfound"); what Lua sees as err.code. */
const char *pv_status_name(pv_status status);

/* The status that fits an errno value. */
pv_status pv_status_errno(int error);

#endif
