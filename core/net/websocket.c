#include "net/websocket.h"

#include <string.h>

enum { FIN = 0x80, RESERVED = 0x70, OPCODE = 0x0F, MASKED = 0x80, LENGTH = 0x7F, MASK_BYTES = 4 };

/* How many bytes at p are ASCII, in whole words. */
static size_t ascii_words(const unsigned char *p, size_t len)
{
    size_t at = 0;
    uint64_t word;
    for (; at + sizeof word <= len; at += sizeof word) {
        memcpy(&word, p + at, sizeof word);
        if (word & 0x8080808080808080u) break;
    }
    return at;
}

int pv_ws_utf8_feed(pv_ws_utf8 *state, pv_bytes bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.data;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c;
        if (state->need == 0) i += ascii_words(p + i, bytes.len - i);
        if (i == bytes.len) break;
        c = p[i];
        if (state->need > 0) {
            if (c < state->low || c > state->high) return 0;
            state->need--;
        } else if (c < 0x80) {
            continue;
        } else if (c >= 0xC2 && c <= 0xF4) {
            state->need = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
        } else {
            return 0;
        }
        /* No overlong forms, no surrogates, nothing past U+10FFFF. */
        state->low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
        state->high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    }
    return 1;
}

int pv_ws_is_utf8(pv_bytes text)
{
    pv_ws_utf8 state = {0};
    return pv_ws_utf8_feed(&state, text) && state.need == 0;
}

void pv_ws_reader_init(pv_ws_reader *r, size_t max)
{
    memset(r, 0, sizeof *r);
    r->max = max;
}

void pv_ws_reader_deinit(pv_ws_reader *r)
{
    if (r != NULL) pv_buf_deinit(&r->message);
}

static int fail(pv_ws_event *event, int code, const char *why)
{
    event->code = code;
    event->why = why;
    return -1;
}

static int opcode_of(const pv_ws_reader *r)
{
    return r->head[0] & OPCODE;
}

static int is_control(const pv_ws_reader *r)
{
    return opcode_of(r) >= PV_WS_CLOSE;
}

/* How long the head is, as far as that is known. */
static size_t head_size(const pv_ws_reader *r)
{
    int length = r->head_len >= 2 ? r->head[1] & LENGTH : 0;
    if (r->head_len < 2) return 2;
    return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + MASK_BYTES;
}

/* What the first two bytes say that cannot be. */
static const char *check_start(const pv_ws_reader *r)
{
    int opcode = opcode_of(r), is_final = r->head[0] & FIN;
    if (r->head[0] & RESERVED) return "a reserved bit is set";
    if ((opcode > PV_WS_BINARY && opcode < PV_WS_CLOSE) || opcode > PV_WS_PONG)
        return "an unknown kind of frame";
    if (!(r->head[1] & MASKED)) return "a frame is not masked";
    if (is_control(r) && !is_final) return "a control frame in pieces";
    if (is_control(r) && (r->head[1] & LENGTH) > PV_WS_CONTROL_MAX)
        return "a control frame is too long";
    if (opcode == 0 && r->kind == 0) return "a piece of no message";
    if ((opcode == PV_WS_TEXT || opcode == PV_WS_BINARY) && r->kind != 0)
        return "a message begins inside of another";
    return NULL;
}

static int begin_payload(pv_ws_reader *r, pv_ws_event *event)
{
    int length = r->head[1] & LENGTH, extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    r->left = extra == 0 ? (uint64_t)length : 0;
    for (int i = 0; i < extra; i++) r->left = r->left << 8 | r->head[2 + i];
    if (r->left >> 63 != 0) return fail(event, PV_WS_PROTOCOL, "a length is too large");
    if (extra > 0 && r->left < (extra == 2 ? 126u : 65536u))
        return fail(event, PV_WS_PROTOCOL, "a length is longer than it needs to be");
    if (is_control(r)) {
        r->control_len = 0;
    } else {
        if (opcode_of(r) != 0) {
            r->kind = opcode_of(r);
            pv_buf_reset(&r->message);
            memset(&r->utf8, 0, sizeof r->utf8);
        }
        if (r->left > r->max - r->message.len)
            return fail(event, PV_WS_TOO_BIG, "the message is too large");
    }
    r->in_payload = 1;
    r->mask_at = 0;
    return 0;
}

/* Takes bytes of the head: 1 when it is whole, 0, or -1. */
static int read_head(pv_ws_reader *r, pv_bytes data, size_t *used, pv_ws_event *event)
{
    while (*used < data.len) {
        const char *why;
        r->head[r->head_len++] = (unsigned char)data.data[(*used)++];
        if (r->head_len == 2 && (why = check_start(r)) != NULL)
            return fail(event, PV_WS_PROTOCOL, why);
        if (r->head_len == head_size(r)) return begin_payload(r, event) == 0 ? 1 : -1;
    }
    return 0;
}

static void unmask(pv_ws_reader *r, char *to, const char *from, size_t len)
{
    const unsigned char *mask = r->head + r->head_len - MASK_BYTES;
    unsigned char turned[8];
    uint64_t word, mask_word;
    size_t i = 0;
    for (size_t k = 0; k < sizeof turned; k++) turned[k] = mask[(r->mask_at + k) & 3];
    memcpy(&mask_word, turned, sizeof mask_word);
    for (; i + sizeof word <= len; i += sizeof word) {
        memcpy(&word, from + i, sizeof word);
        word ^= mask_word;
        memcpy(to + i, &word, sizeof word);
    }
    for (; i < len; i++) to[i] = (char)(from[i] ^ turned[i & 7]);
    r->mask_at = (r->mask_at + len) & 3;
}

static int read_payload(pv_ws_reader *r, pv_bytes data, size_t *used, pv_ws_event *event)
{
    size_t len = data.len - *used;
    char *to;
    if (len > r->left) len = (size_t)r->left;
    if (len == 0) return 0;
    to = is_control(r) ? (char *)r->control + r->control_len : pv_buf_reserve(&r->message, len);
    unmask(r, to, data.data + *used, len);
    *used += len;
    r->left -= len;
    if (is_control(r)) {
        r->control_len += len;
        return 0;
    }
    r->message.len += len;
    r->message.data[r->message.len] = '\0';
    if (r->kind == PV_WS_TEXT && !pv_ws_utf8_feed(&r->utf8, (pv_bytes){to, len}))
        return fail(event, PV_WS_NOT_UTF8, "the text is not UTF-8");
    return 0;
}

int pv_ws_is_code(int code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static int end_close(pv_ws_reader *r, pv_ws_event *event)
{
    event->code = PV_WS_NO_CODE;
    if (r->control_len == 0) return 1;
    if (r->control_len == 1) return fail(event, PV_WS_PROTOCOL, "half a close code");
    event->code = r->control[0] << 8 | r->control[1];
    event->data.data += 2;
    event->data.len -= 2;
    if (!pv_ws_is_code(event->code))
        return fail(event, PV_WS_PROTOCOL, "a close code that may not be sent");
    if (!pv_ws_is_utf8(event->data))
        return fail(event, PV_WS_NOT_UTF8, "the reason of a close is not UTF-8");
    return 1;
}

/* The frame is whole: 1 and what it is, 0 when its message goes on, or -1. */
static int end_frame(pv_ws_reader *r, pv_ws_event *event)
{
    r->in_payload = 0;
    r->head_len = 0;
    event->opcode = opcode_of(r);
    if (is_control(r)) {
        event->data = (pv_bytes){(const char *)r->control, r->control_len};
        return event->opcode == PV_WS_CLOSE ? end_close(r, event) : 1;
    }
    if (!(r->head[0] & FIN)) return 0;
    if (r->kind == PV_WS_TEXT && r->utf8.need > 0)
        return fail(event, PV_WS_NOT_UTF8, "the text ends inside of a character");
    event->opcode = r->kind;
    event->data = (pv_bytes){r->message.len > 0 ? r->message.data : "", r->message.len};
    r->kind = 0;
    return 1;
}

int pv_ws_read(pv_ws_reader *r, pv_bytes data, size_t *used, pv_ws_event *event)
{
    int got;
    *used = 0;
    memset(event, 0, sizeof *event);
    event->data.data = "";
    for (;;) {
        if (!r->in_payload && (got = read_head(r, data, used, event)) <= 0) return got;
        if (read_payload(r, data, used, event) != 0) return -1;
        if (r->left > 0) return 0;
        if ((got = end_frame(r, event)) != 0) return got;
    }
}

void pv_ws_take(pv_ws_reader *r, pv_buf *out)
{
    *out = r->message;
    pv_buf_init(&r->message, 0);
}

void pv_ws_write(pv_buf *out, int opcode, pv_bytes data)
{
    unsigned char head[10] = {(unsigned char)(FIN | opcode)};
    size_t extra = data.len < 126 ? 0 : data.len < 65536 ? 2 : 8;
    head[1] = (unsigned char)(extra == 0 ? data.len : extra == 2 ? 126 : 127);
    for (size_t i = 0; i < extra; i++)
        head[2 + i] = (unsigned char)((uint64_t)data.len >> (8 * (extra - 1 - i)));
    pv_buf_add(out, head, 2 + extra);
    if (data.len > 0) pv_buf_add(out, data.data, data.len);
}

void pv_ws_write_close(pv_buf *out, int code, pv_bytes reason)
{
    char payload[PV_WS_CONTROL_MAX] = {(char)(code >> 8), (char)code};
    size_t len = reason.len;
    if (!pv_ws_is_code(code)) {
        pv_ws_write(out, PV_WS_CLOSE, (pv_bytes){"", 0});
        return;
    }
    if (len > PV_WS_REASON_MAX)
        for (len = PV_WS_REASON_MAX; len > 0 && (reason.data[len] & 0xC0) == 0x80;) len--;
    if (len > 0) memcpy(payload + 2, reason.data, len);
    pv_ws_write(out, PV_WS_CLOSE, (pv_bytes){payload, len + 2});
}
