#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pv_status pv_base64_encode(pv_buf *out, pv_bytes bytes)
{
    const unsigned char *in = (const unsigned char *)bytes.data;
    char *to = pv_buf_reserve(out, (bytes.len + 2) / 3 * 4);
    size_t at = 0;
    if (to == NULL) return PV_ELIMIT;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t group = (uint32_t)in[i] << 16;
        if (left > 1) group |= (uint32_t)in[i + 1] << 8;
        if (left > 2) group |= in[i + 2];
        to[at++] = alphabet[group >> 18];
        to[at++] = alphabet[group >> 12 & 63];
        to[at++] = '=';
        to[at++] = '=';
        if (left > 1) to[at - 2] = alphabet[group >> 6 & 63];
        if (left > 2) to[at - 1] = alphabet[group & 63];
    }
    out->len += at;
    out->data[out->len] = '\0';
    return PV_OK;
}

/* 0 to 63, -1 for anything else. */
static int digit(char c)
{
    const char *at = c != '\0' ? strchr(alphabet, c) : NULL;
    return at != NULL ? (int)(at - alphabet) : -1;
}

pv_status pv_base64_decode(pv_buf *out, pv_bytes text, pv_err *err)
{
    uint32_t group = 0;
    int digits = 0, pads = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i], three[3];
        int value = digit(c);
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
        if (c == '=') pads++;
        if ((value < 0 && c != '=') || (value >= 0 && pads > 0)) {
            return pv_fail(err, PV_EINVAL, "not base64 at byte %zu", i + 1);
        }
        group = group << 6 | (value < 0 ? 0 : (uint32_t)value);
        if (++digits < 4) continue;
        if (pads > 2) return pv_fail(err, PV_EINVAL, "not base64: too much padding");
        three[0] = (char)(group >> 16);
        three[1] = (char)(group >> 8);
        three[2] = (char)group;
        if (pv_buf_add(out, three, (size_t)(3 - pads)) != PV_OK)
            return pv_fail(err, PV_ELIMIT, "base64 is too long");
        group = 0;
        digits = 0;
    }
    if (digits != 0) return pv_fail(err, PV_EINVAL, "not base64: it ends in the middle");
    return PV_OK;
}
