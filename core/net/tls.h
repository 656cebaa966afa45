/* TLS client on the loop: a stream of bytes to a server whose certificate was verified, for
 * protocols that are not HTTP.  One read and one write may wait at a time; callbacks never come
 * from inside the function that was given them. */
#ifndef PV_NET_TLS_H
#define PV_NET_TLS_H

#include "net/tcp.h"

/* A connection, from pv_tls_connect() to pv_tls_close(). */
typedef struct pv_tls pv_tls;

typedef struct pv_tls_options {
    pv_tcp_options tcp;      /* the timeout counts for the handshake, too */
    const char *server_name; /* whom the certificate must name; NULL: the host */
    const char *ca;          /* file of certificates to trust instead of the system's, or NULL */
    const char *ca_text;     /* these certificates themselves (PEM) instead of a file, or NULL */
    const char *cert;        /* client certificate, with its chain, and key (PEM files), or NULL */
    const char *key;
    int no_verify; /* accept any certificate */
    int tls13;     /* no TLS before 1.3; else none before 1.2 */
} pv_tls_options;

/* Something is done: err is NULL, or why it is not.  PV_EAUTH: a certificate was refused, on this
 * side or the other; PV_EUNAVAILABLE: the connection broke; PV_EPROTO: no TLS there; PV_ETIMEOUT;
 * PV_ENOTFOUND: no such host name; PV_ECANCELED: closed meanwhile. */
typedef void (*pv_tls_cb)(void *arg, const pv_err *err);

/* Bytes that came, valid during the call; none and no error: the far side ended the stream. */
typedef void (*pv_tls_read_cb)(void *arg, pv_bytes bytes, const pv_err *err);

/* Starts connecting.  Copies the options.  After PV_OK cb comes exactly once; *out lives until
 * pv_tls_close(), whatever cb says.  PV_ENOTFOUND, PV_EAUTH: a file cannot be used; PV_EINVAL. */
pv_status pv_tls_connect(pv_tls **out, uv_loop_t *loop, const pv_tls_options *options, pv_tls_cb cb,
                         void *arg, pv_err *err);

/* Waits for the next bytes, up to 16 KiB.  PV_EBUSY: a read waits already; PV_ECLOSED: it is not
 * connected; what broke it. */
pv_status pv_tls_read(pv_tls *tls, pv_tls_read_cb cb, void *arg, pv_err *err);

/* Sends bytes, which are copied; cb comes when the kernel has all of them.  PV_EBUSY: a write
 * waits already; PV_ECLOSED. */
pv_status pv_tls_write(pv_tls *tls, pv_bytes bytes, pv_tls_cb cb, void *arg, pv_err *err);

/* Ends the connection; what waits is told PV_ECANCELED in a later turn.  NULL is fine. */
void pv_tls_close(pv_tls *tls);

#endif
