/* TCP connections on the loop: name resolution, one address after the other, inside
 * a network namespace when asked. */
#ifndef PV_NET_TCP_H
#define PV_NET_TCP_H

#include <uv.h>

#include "base/buf.h"
#include "base/status.h"

/* A connection being made. */
typedef struct pv_tcp pv_tcp;

typedef struct pv_tcp_options {
    const char *host;  /* name or address */
    int port;          /* 1 to 65535 */
    const char *netns; /* path of a network namespace, or NULL; names are resolved outside of it */
    int timeout_ms;    /* for everything together; 0 means 30 s */
} pv_tcp_options;

/* Called once from the loop: with a connected, non-blocking socket (TCP_NODELAY set)
 * that now belongs to the callee, or with fd -1 and the error.  PV_EUNAVAILABLE: refused
 * or unreachable; PV_ETIMEOUT; PV_ENOTFOUND: no such name; PV_ECANCELED. */
typedef void (*pv_tcp_cb)(void *arg, int fd, const pv_err *err);

/* Starts connecting.  Copies the options.  After PV_OK cb comes exactly once, never
 * from inside this call; *out is valid until then. */
pv_status pv_tcp_connect(pv_tcp **out, uv_loop_t *loop, const pv_tcp_options *options, pv_tcp_cb cb,
                         void *arg, pv_err *err);

/* Stops connecting; cb still comes, with PV_ECANCELED. */
void pv_tcp_cancel(pv_tcp *tcp);

#endif
