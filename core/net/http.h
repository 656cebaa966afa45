/* HTTP client on the loop: libcurl's multi interface driven by uv_poll and one timer.
 * HTTP/1.1 and HTTP/2, TLS, connection reuse, proxies from the environment (http_proxy,
 * https_proxy, no_proxy). Callbacks never come from inside the function that was given them. */
#ifndef PV_NET_HTTP_H
#define PV_NET_HTTP_H

#include <uv.h>

#include "base/buf.h"
#include "base/status.h"

typedef struct pv_http pv_http;         /* a client: a pool of connections */
typedef struct pv_http_req pv_http_req; /* a request under way */

/* Makes a client; it keeps the loop alive only while requests run. */
pv_http *pv_http_new(uv_loop_t *loop);

/* Ends all requests with PV_ECANCELED in the next turn and frees the client.  NULL is fine. */
void pv_http_close(pv_http *http);

typedef struct pv_http_result {
    int status;
    pv_bytes headers; /* of the last response: lines "Name: value" ended by CRLF */
    pv_bytes body;    /* empty when on_data took it */
} pv_http_result;

/* Called once: the response (of any status), or NULL and the error.  PV_ENOTFOUND: no such
 * host name; PV_EUNAVAILABLE; PV_ETIMEOUT; PV_EAUTH: certificate; PV_ELIMIT: max_body;
 * PV_EPROTO; PV_ECANCELED. */
typedef void (*pv_http_done_cb)(void *arg, const pv_http_result *result, const pv_err *err);

/* A piece of the body as it comes. */
typedef void (*pv_http_data_cb)(void *arg, const char *data, size_t len);

typedef struct pv_http_options {
    const char *method;         /* NULL means GET */
    const char *url;            /* http or https */
    const char *const *headers; /* "Name: value" */
    size_t header_count;
    pv_bytes body;      /* copied; data NULL: none */
    const char *netns;  /* path of the network namespace to connect from, or NULL */
    const char *socket; /* path of a Unix socket to use instead of the URL's host, or NULL */
    const char *ca;     /* file of certificates to trust instead of the system's, or NULL */
    const char *cert;   /* client certificate and key files (PEM), or NULL */
    const char *key;
    int no_verify; /* accept any certificate */
    int no_proxy;  /* connect by itself, whatever the environment says of proxies */
    int redirects; /* how many to follow; 0: none */
    /* Nonzero: sending it twice is like sending it once (GET, HEAD, PUT, DELETE, ...; RFC 9110,
     * 9.2.2), so it may go over a connection that was used before.  When that one is cut without an
     * answer, libcurl sends the request again by itself. */
    int repeatable;
    int timeout_ms;          /* for everything; 0 means 60 s */
    size_t max_body;         /* 0 means 64 MiB kept, or no limit with on_data */
    pv_http_data_cb on_data; /* NULL: the body is kept */
    pv_http_done_cb on_done;
    void *arg;
} pv_http_options;

/* Starts a request; copies what it needs.  *out is valid until on_done returned.
 * PV_EINVAL: a malformed URL, method or header. */
pv_status pv_http_start(pv_http_req **out, pv_http *http, const pv_http_options *options,
                        pv_err *err);

/* Ends the request; on_done comes with PV_ECANCELED in the next turn. */
void pv_http_cancel(pv_http_req *req);

#endif
