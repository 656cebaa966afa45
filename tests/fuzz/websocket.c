/* libFuzzer: frames read at once and byte by byte give the same; texts are UTF-8, messages have a
 * limit; what the server writes of a message is, masked, read as the same message. */
#include <stdlib.h>
#include <string.h>

#include "net/websocket.h"

enum { MAX = 300 };

/* Everything that was read, and how it ended. */
static int read_all(pv_bytes bytes, size_t piece, pv_buf *log, int *code)
{
    pv_ws_reader r;
    pv_ws_event e;
    size_t at = 0, used;
    int got = 0;
    pv_ws_reader_init(&r, MAX);
    *code = 0;
    while (at < bytes.len && got >= 0) {
        size_t left = bytes.len - at < piece ? bytes.len - at : piece;
        got = pv_ws_read(&r, (pv_bytes){bytes.data + at, left}, &used, &e);
        if (used > left || (got == 0 && used != left) || (got >= 0 && used == 0)) abort();
        at += used;
        if (got < 0 && (!pv_ws_is_code(e.code) || e.why == NULL)) abort();
        if (got < 0) *code = e.code;
        if (got <= 0) continue;
        if (e.opcode == PV_WS_TEXT && !pv_ws_is_utf8(e.data)) abort();
        if (e.data.len > (e.opcode >= PV_WS_CLOSE ? PV_WS_CONTROL_MAX : MAX)) abort();
        pv_buf_addf(log, "%d %d %zu ", e.opcode, e.code, e.data.len);
        pv_buf_add(log, e.data.data, e.data.len);
    }
    pv_ws_reader_deinit(&r);
    return got;
}

/* The server's frame made one of a client: with the mask bit and a mask of zeroes. */
static void write_and_read(pv_bytes bytes)
{
    pv_buf out = {0}, masked = {0};
    pv_ws_reader r;
    pv_ws_event e;
    size_t used, head = bytes.len < 126 ? 2 : bytes.len < 65536 ? 4 : 10;
    pv_ws_write(&out, PV_WS_BINARY, bytes);
    pv_buf_add(&masked, out.data, head);
    masked.data[1] = (char)(masked.data[1] | 0x80);
    pv_buf_add(&masked, "\0\0\0\0", 4);
    pv_buf_add(&masked, out.data + head, out.len - head);
    pv_ws_reader_init(&r, bytes.len);
    if (pv_ws_read(&r, (pv_bytes){masked.data, masked.len}, &used, &e) != 1) abort();
    if (used != masked.len || e.opcode != PV_WS_BINARY || e.data.len != bytes.len) abort();
    if (bytes.len > 0 && memcmp(e.data.data, bytes.data, bytes.len) != 0) abort();
    pv_ws_reader_deinit(&r);
    pv_buf_deinit(&masked);
    pv_buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1); /* reading behind its end shows */
    pv_bytes bytes = {copy, size};
    pv_buf once = {0}, slow = {0};
    int code, slow_code;
    if (copy == NULL) return 0;
    if (size > 0) memcpy(copy, data, size);
    if (read_all(bytes, size, &once, &code) != read_all(bytes, 1, &slow, &slow_code)) abort();
    if (code != slow_code || once.len != slow.len) abort();
    if (once.len > 0 && memcmp(once.data, slow.data, once.len) != 0) abort();
    write_and_read(bytes);
    pv_buf_deinit(&once);
    pv_buf_deinit(&slow);
    free(copy);
    return 0;
}
