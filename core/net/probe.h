/* Does a TCP port answer, and what does it say first? */
#ifndef PV_NET_PROBE_H
#define PV_NET_PROBE_H

#include "net/tcp.h"

typedef struct pv_probe pv_probe;

typedef struct pv_probe_options {
    pv_tcp_options tcp;
    int banner; /* also wait for the first line ("SSH-2.0-..."), at most 255 bytes */
} pv_probe_options;

/* Called once: the banner ("" when none was asked for) or NULL and the error. */
typedef void (*pv_probe_cb)(void *arg, const char *banner, const pv_err *err);

/* Connects once; the timeout of options->tcp counts for everything. */
pv_status pv_probe_start(pv_probe **out, uv_loop_t *loop, const pv_probe_options *options,
                         pv_probe_cb cb, void *arg, pv_err *err);

/* Stops; cb still comes, with PV_ECANCELED. */
void pv_probe_cancel(pv_probe *probe);

#endif
