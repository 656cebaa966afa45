/* Growing byte buffer with a maximum, for everything whose size is decided
 * outside: bodies, files, packets, host output. */
#ifndef PV_BASE_BUF_H
#define PV_BASE_BUF_H

#include <stddef.h>

#include "base/status.h"

/* Bytes somebody else owns. */
typedef struct pv_bytes {
    const char *data;
    size_t len;
} pv_bytes;

/* data is NUL terminated behind len as soon as anything was appended; an empty
 * buffer may have data == NULL. */
typedef struct pv_buf {
    char *data;
    size_t len;
    size_t cap;
    size_t max; /* largest len; 0 means no limit */
} pv_buf;

/* Prepares an empty buffer that never grows past max bytes (0: no limit). */
void pv_buf_init(pv_buf *buf, size_t max);

/* Frees the bytes; the buffer may be used again. NULL is fine. */
void pv_buf_deinit(pv_buf *buf);

/* Like pv_buf_deinit, overwriting the bytes first. */
void pv_buf_wipe(pv_buf *buf);

/* Appends len bytes.  PV_ELIMIT when that would pass the maximum; the buffer is
 * unchanged then. */
pv_status pv_buf_add(pv_buf *buf, const void *data, size_t len);

/* Appends a NUL terminated string. */
pv_status pv_buf_adds(pv_buf *buf, const char *text);

/* Appends one byte. */
pv_status pv_buf_addc(pv_buf *buf, char byte);

/* Appends formatted text. */
pv_status pv_buf_addf(pv_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Makes room for len more bytes and returns where to write them, NULL when that
 * would pass the maximum; follow with buf->len += written. */
char *pv_buf_reserve(pv_buf *buf, size_t len);

/* Drops the first len bytes (all when len is larger). */
void pv_buf_consume(pv_buf *buf, size_t len);

/* Empties the buffer, keeping its memory. */
void pv_buf_reset(pv_buf *buf);

#endif
