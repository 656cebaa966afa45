/* One HTTP request to a mirror, made from the machine's own network. */
#ifndef PV_LINUX_UPSTREAM_H
#define PV_LINUX_UPSTREAM_H

#include "linux/serve_parts.h"

typedef struct pv_upstream pv_upstream;

/* A head of a request or response: first line and fields, valid while its bytes are. */
typedef struct pv_http_head {
    const char *text;
    size_t len; /* with the empty line at its end */
} pv_http_head;

typedef struct pv_upstream_events {
    /* The response began; length of the body is -1 when it ends with the connection. */
    void (*on_head)(void *arg, int status, pv_http_head head, long long length);
    void (*on_body)(void *arg, pv_bytes bytes);
    /* Exactly once, and the last one: the whole response came, or not. */
    void (*on_end)(void *arg, int ok);
} pv_upstream_events;

/* Sends the request (a whole head) to host:port. Events come later, never from inside this call. */
pv_upstream *pv_upstream_open(pv_serve *serve, const char *host, int port, pv_bytes request,
                              int is_head, const pv_upstream_events *events, void *arg);

/* Stops or goes on reading the body. */
void pv_upstream_pause(pv_upstream *up, int paused);

/* Gives up: no event comes any more. NULL is fine. */
void pv_upstream_close(pv_upstream *up);

/* Length of the head at the start of bytes, 0 when it is not complete. */
size_t pv_http_head_size(pv_bytes bytes);

/* The value of a field, trimmed; {NULL, 0} when it is not there. */
pv_bytes pv_http_field(pv_http_head head, const char *name);

/* Calls fn for every field line (without line end). */
void pv_http_each(pv_http_head head, void (*fn)(void *arg, pv_bytes line), void *arg);

/* 1 when the line is the field `name`. */
int pv_http_is(pv_bytes line, const char *name);

#endif
