#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pv_status pv_base64_encode(pv_buf *out, pv_bytes bytes)
{
    const unsigned char *in = (const unsigned char *)bytes.data;
    char *to = pv_buf_reserve(out, (bytes.len + 2) / 3 * 4);
    size_t left = bytes.len;
    if (to == NULL) return PV_ELIMIT;
    for (; left >= 3; left -= 3, in += 3) {
        uint32_t group = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        *to++ = alphabet[group >> 18];
        *to++ = alphabet[group >> 12 & 63];
        *to++ = alphabet[group >> 6 & 63];
        *to++ = alphabet[group & 63];
    }
    if (left > 0) {
        uint32_t group = (uint32_t)in[0] << 16 | (left > 1 ? (uint32_t)in[1] << 8 : 0);
        *to++ = alphabet[group >> 18];
        *to++ = alphabet[group >> 12 & 63];
        *to++ = left > 1 ? alphabet[group >> 6 & 63] : '=';
        *to++ = '=';
    }
    out->len = (size_t)(to - out->data);
    *to = '\0';
    return PV_OK;
}

pv_status pv_base64_encode_raw(pv_buf *out, pv_bytes bytes)
{
    pv_status status = pv_base64_encode(out, bytes);
    if (status == PV_OK && bytes.len % 3 != 0) {
        out->len -= 3 - bytes.len % 3;
        out->data[out->len] = '\0';
    }
    return status;
}

/* 0 to 63, -1 for anything else. */
static int digit(char c)
{
    static const signed char values[] = {
        62, -1, -1, -1, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1, -1, -1, -1, -1, -1,
        -1, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
        20, 21, 22, 23, 24, 25, -1, -1, -1, -1, -1, -1, 26, 27, 28, 29, 30, 31, 32, 33, 34,
        35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51}; /* + to z */
    size_t at = (size_t)(unsigned char)c - '+';
    return at < sizeof values ? values[at] : -1;
}

/* Writes the bytes of as many whole groups of four digits as text begins with; how many digits that
 * were. */
static size_t decode_groups(char *to, pv_bytes text)
{
    size_t i = 0;
    for (; text.len - i >= 4; i += 4, to += 3) {
        const char *in = text.data + i;
        int a = digit(in[0]), b = digit(in[1]), c = digit(in[2]), d = digit(in[3]);
        if ((a | b | c | d) < 0) break;
        to[0] = (char)(a << 2 | b >> 4);
        to[1] = (char)(b << 4 | c >> 2);
        to[2] = (char)(c << 6 | d);
    }
    return i;
}

pv_status pv_base64_decode(pv_buf *out, pv_bytes text, pv_err *err)
{
    uint32_t group = 0;
    int digits = 0, pads = 0;
    char *to = pv_buf_reserve(out, text.len / 4 * 3);
    size_t i = 0;
    if (to != NULL) {
        i = decode_groups(to, text);
        out->len += i / 4 * 3;
        out->data[out->len] = '\0';
    }
    for (; i < text.len; i++) {
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

pv_status pv_base64_decode_exact(pv_buf *out, pv_bytes text, bool padded, pv_err *err)
{
    size_t len = text.len, pads = 0;
    uint32_t group = 0;
    size_t size, at;
    char *to;
    if (padded && len != 0) {
        while (pads < 2 && len > 0 && text.data[len - 1] == '=') {
            len--;
            pads++;
        }
        if (text.len % 4 != 0) return pv_fail(err, PV_EINVAL, "not base64: it ends in the middle");
    }
    if (len % 4 == 1 || (padded && (4 - len % 4) % 4 != pads))
        return pv_fail(err, PV_EINVAL, "not base64: it ends in the middle");
    size = len / 4 * 3 + (len % 4 != 0 ? len % 4 - 1 : 0);
    to = pv_buf_reserve(out, size);
    if (to == NULL) return pv_fail(err, PV_ELIMIT, "base64 is too long");
    at = decode_groups(to, (pv_bytes){text.data, len});
    to += at / 4 * 3;
    for (size_t i = at; i < len; i++) {
        int value = digit(text.data[i]);
        if (value < 0) return pv_fail(err, PV_EINVAL, "not base64 at byte %zu", i + 1);
        group = group << 6 | (uint32_t)value;
        if (i % 4 != 0) *to++ = (char)(group >> (6 - 2 * (i % 4)));
    }
    out->len += size;
    out->data[out->len] = '\0';
    if ((len % 4 == 2 && (group & 15) != 0) || (len % 4 == 3 && (group & 3) != 0))
        return pv_fail(err, PV_EINVAL, "not base64: there are bits too many at its end");
    return PV_OK;
}
