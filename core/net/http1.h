/* HTTP/1.1 requests as bytes: the head and chunked bodies, read strictly.  What two programs could
 * understand differently (request smuggling) is refused, never repaired.  No I/O. */
#ifndef PV_NET_HTTP1_H
#define PV_NET_HTTP1_H

#include <stdint.h>

#include "base/buf.h"

enum { PV_HTTP1_FIELDS = 100 }; /* header lines of one request */

typedef struct pv_http1_field {
    pv_bytes name, value;
} pv_http1_field;

/* A parsed head; everything points into the bytes it was parsed from. */
typedef struct pv_http1_head {
    pv_bytes method, target;
    pv_bytes path, query; /* raw; query is empty when there is none */
    pv_bytes host;        /* of the target when that is absolute, else the Host field */
    int minor;            /* of HTTP/1.minor */
    int keep_alive;
    int expect_continue;
    int chunked;
    uint64_t length; /* Content-Length; 0 without */
    pv_http1_field fields[PV_HTTP1_FIELDS];
    size_t field_count;
} pv_http1_head;

/* Where the search for the end of a head is; zeroes to begin. */
typedef struct pv_http1_scan {
    size_t line; /* start of the line */
    size_t at;   /* what lies before was looked at */
} pv_http1_scan;

/* Looks on in data, the head's bytes from its first one.  Returns 1 and *len, the length of the
 * head with its empty line; 0 when more bytes are needed; -1 for a line that ends without CR. */
int pv_http1_find_end(pv_http1_scan *scan, pv_bytes data, size_t *len);

/* Parses a whole head.  Returns 0, or the status to refuse it with (400, 417, 431, 501, 505) and
 * in *why what is wrong, a constant. */
int pv_http1_parse(pv_http1_head *head, pv_bytes data, const char **why);

/* A chunked body being read; zeroes to begin. */
typedef struct pv_http1_chunks {
    int state;
    int digits;
    int done;        /* the last byte of the body was read */
    uint64_t left;   /* of the chunk */
    size_t overhead; /* bytes of extensions and trailers so far */
} pv_http1_chunks;

/* Appends the data of chunks to body and sets *used, the bytes that were taken.  Returns 0, or 400
 * and *why, or 413 when body is full. */
int pv_http1_chunks_feed(pv_http1_chunks *chunks, pv_bytes data, size_t *used, pv_buf *body,
                         const char **why);

/* Whether text is an HTTP token, as methods and header names are. */
int pv_http1_is_token(pv_bytes text);

/* Whether text may be a header's value: no control bytes but tab. */
int pv_http1_is_value(pv_bytes text);

/* The reason phrase of a status, "Unknown" for others than the usual ones. */
const char *pv_http1_reason(int status);

#endif
