#include "data/utf8.h"

#include <stdint.h>
#include <string.h>

/* Length of the sequence at p, or 0 when it is malformed. */
static size_t sequence(const unsigned char *p, size_t left)
{
    uint32_t code, least;
    size_t len;
    if (p[0] >= 0xC2 && p[0] <= 0xDF) len = 2, code = p[0] & 0x1F, least = 0x80;
    else if (p[0] >= 0xE0 && p[0] <= 0xEF) len = 3, code = p[0] & 0x0F, least = 0x800;
    else if (p[0] >= 0xF0 && p[0] <= 0xF4) len = 4, code = p[0] & 0x07, least = 0x10000;
    else return 0;
    if (len > left) return 0;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) return 0;
        code = code << 6 | (p[i] & 0x3F);
    }
    return code < least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF) ? 0 : len;
}

bool pv_utf8_valid(pv_bytes text)
{
    return pv_utf8_prefix(text) == text.len;
}

size_t pv_utf8_prefix(pv_bytes text)
{
    const unsigned char *p = (const unsigned char *)text.data;
    size_t i = 0;
    while (i < text.len) {
        uint64_t eight;
        size_t len;
        if (text.len - i >= sizeof eight) { /* most text is ASCII */
            memcpy(&eight, p + i, sizeof eight);
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                i += sizeof eight;
                continue;
            }
        }
        len = p[i] < 0x80 ? 1 : sequence(p + i, text.len - i);
        if (len == 0) break;
        i += len;
    }
    return i;
}
