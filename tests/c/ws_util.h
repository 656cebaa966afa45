/* Frames as a WebSocket client sends them. */
#ifndef PV_TESTS_WS_UTIL_H
#define PV_TESTS_WS_UTIL_H

#include <stdint.h>
#include <string.h>

#include "base/buf.h"

/* Appends a masked frame; `first` is its first byte: 0x80 (last) and the opcode. */
static inline void ws_frame(pv_buf *out, int first, const char *payload, size_t len)
{
    static const unsigned char mask[4] = {0x37, 0xFA, 0x21, 0x3D};
    size_t extra = len < 126 ? 0 : len < 65536 ? 2 : 8;
    pv_buf_addc(out, (char)first);
    pv_buf_addc(out, (char)(0x80 | (extra == 0 ? len : extra == 2 ? 126 : 127)));
    for (size_t i = extra; i-- > 0;) pv_buf_addc(out, (char)((uint64_t)len >> (8 * i)));
    pv_buf_add(out, mask, sizeof mask);
    for (size_t i = 0; i < len; i++) pv_buf_addc(out, (char)(payload[i] ^ (char)mask[i & 3]));
}

#endif
