#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void pv_buf_init(pv_buf *buf, size_t max)
{
    *buf = (pv_buf){.max = max};
}

void pv_buf_deinit(pv_buf *buf)
{
    if (buf == NULL) return;
    pv_free(buf->data);
    *buf = (pv_buf){.max = buf->max};
}

void pv_buf_wipe(pv_buf *buf)
{
    if (buf == NULL) return;
    pv_wipe(buf->data, buf->cap);
    pv_buf_deinit(buf);
}

char *pv_buf_reserve(pv_buf *buf, size_t len)
{
    size_t want;
    if (len >= (size_t)-1 - buf->len) return NULL;
    if (buf->max != 0 && buf->len + len > buf->max) return NULL;
    want = buf->len + len + 1;
    if (want > buf->cap) {
        size_t cap = buf->cap < 64 ? 64 : buf->cap;
        while (cap < want) cap = cap > (size_t)-1 / 2 ? want : cap * 2;
        buf->data = pv_realloc_array(buf->data, cap, 1);
        buf->cap = cap;
    }
    return buf->data + buf->len;
}

pv_status pv_buf_add(pv_buf *buf, const void *data, size_t len)
{
    char *to = pv_buf_reserve(buf, len);
    if (to == NULL) return PV_ELIMIT;
    if (len != 0) memcpy(to, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return PV_OK;
}

pv_status pv_buf_adds(pv_buf *buf, const char *text)
{
    return pv_buf_add(buf, text, strlen(text));
}

pv_status pv_buf_addc(pv_buf *buf, char byte)
{
    if (buf->cap - buf->len < 2) return pv_buf_add(buf, &byte, 1);
    if (buf->max != 0 && buf->len == buf->max) return PV_ELIMIT;
    buf->data[buf->len++] = byte;
    buf->data[buf->len] = '\0';
    return PV_OK;
}

pv_status pv_buf_addf(pv_buf *buf, const char *fmt, ...)
{
    va_list ap;
    int len;
    char *to;
    va_start(ap, fmt);
    len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (len < 0) return PV_EINVAL;
    if ((to = pv_buf_reserve(buf, (size_t)len)) == NULL) return PV_ELIMIT;
    va_start(ap, fmt);
    vsnprintf(to, (size_t)len + 1, fmt, ap);
    va_end(ap);
    buf->len += (size_t)len;
    return PV_OK;
}

void pv_buf_consume(pv_buf *buf, size_t len)
{
    if (len > buf->len) len = buf->len;
    if (len == 0) return;
    memmove(buf->data, buf->data + len, buf->len - len);
    buf->len -= len;
    buf->data[buf->len] = '\0';
}

void pv_buf_reset(pv_buf *buf)
{
    buf->len = 0;
    if (buf->data != NULL) buf->data[0] = '\0';
}
