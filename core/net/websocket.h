/* WebSocket frames (RFC 6455) as bytes: what a client sends is read strictly, what a server sends
 * is written.  No extensions, no I/O. */
#ifndef PV_NET_WEBSOCKET_H
#define PV_NET_WEBSOCKET_H

#include <stdint.h>

#include "base/buf.h"

enum { PV_WS_TEXT = 1, PV_WS_BINARY = 2, PV_WS_CLOSE = 8, PV_WS_PING = 9, PV_WS_PONG = 10 };

enum {
    PV_WS_NORMAL = 1000,
    PV_WS_GOING_AWAY = 1001,
    PV_WS_PROTOCOL = 1002,
    PV_WS_NO_CODE = 1005,  /* never sent: a close frame without a code */
    PV_WS_ABNORMAL = 1006, /* never sent: no close frame came */
    PV_WS_NOT_UTF8 = 1007,
    PV_WS_TOO_BIG = 1009,
    PV_WS_FAILED = 1011
};

enum {
    PV_WS_CONTROL_MAX = 125, /* bytes of a control frame */
    PV_WS_REASON_MAX = 123   /* bytes of the reason in a close frame */
};

/* UTF-8 being checked in pieces; zeroes to begin. */
typedef struct pv_ws_utf8 {
    unsigned char need; /* bytes until the character is whole: 0 between characters */
    unsigned char low, high;
} pv_ws_utf8;

/* Whether what came so far can become UTF-8; it is whole when need is 0. */
int pv_ws_utf8_feed(pv_ws_utf8 *state, pv_bytes bytes);

/* Whether the whole of it is UTF-8. */
int pv_ws_is_utf8(pv_bytes text);

/* The frames of one client. */
typedef struct pv_ws_reader {
    size_t max; /* bytes of a message */
    unsigned char head[14];
    size_t head_len;
    int in_payload;
    uint64_t left;   /* of the payload */
    size_t mask_at;  /* byte of the mask that is next */
    int kind;        /* of the message under way; 0: none */
    pv_buf message;  /* of it, or the last whole one */
    pv_ws_utf8 utf8; /* of it */
    unsigned char control[PV_WS_CONTROL_MAX];
    size_t control_len;
} pv_ws_reader;

/* What was read. */
typedef struct pv_ws_event {
    int opcode;    /* PV_WS_...; whole messages are PV_WS_TEXT or PV_WS_BINARY */
    pv_bytes data; /* until the next call; of a close frame its reason */
    int code;      /* of a close frame, PV_WS_NO_CODE without; of a failure the one to close with */
    const char *why; /* of a failure: what is wrong, a constant */
} pv_ws_event;

/* Prepares a reader of messages of up to max bytes. */
void pv_ws_reader_init(pv_ws_reader *reader, size_t max);

/* Frees what it holds; NULL is fine. */
void pv_ws_reader_deinit(pv_ws_reader *reader);

/* Reads on in data and sets *used, the bytes that were taken.  Returns 1 and a message or control
 * frame; 0 when more bytes are needed; -1 when the client breaks the protocol: then nothing more
 * may be read.  A message grows with its bytes, never with what a frame announces. */
int pv_ws_read(pv_ws_reader *reader, pv_bytes data, size_t *used, pv_ws_event *event);

/* Moves the message that was just read to out, which is not initialized. */
void pv_ws_take(pv_ws_reader *reader, pv_buf *out);

/* Whether a close frame may carry the code. */
int pv_ws_is_code(int code);

/* Appends a whole message or control frame, as a server sends it: not masked. */
void pv_ws_write(pv_buf *out, int opcode, pv_bytes data);

/* Appends a close frame.  Without a code that may be sent it is empty; a long reason is cut between
 * characters. */
void pv_ws_write_close(pv_buf *out, int code, pv_bytes reason);

#endif
