/* WebSockets: the handshake, and a connection that carries frames. */
#include <openssl/sha.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/mem.h"
#include "net/server_internal.h"

enum {
    MESSAGE_BYTES = 1 << 20,
    PING_MS = 30000,
    CLOSE_MS = 5000,
    OUT_MAX = 262144, /* waiting for a client that goes on sending pings */
    KEY_BYTES = 16
};

/* The handshake ------------------------------------------------------------------------------- */

static int same(pv_bytes text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

/* The next item of a list with commas; 0 at its end. */
static int next_item(pv_bytes *list, pv_bytes *item)
{
    const char *comma = list->len > 0 ? memchr(list->data, ',', list->len) : NULL;
    size_t len = comma != NULL ? (size_t)(comma - list->data) : list->len;
    if (list->data == NULL) return 0;
    *item = (pv_bytes){list->data, len};
    list->data = comma != NULL ? comma + 1 : NULL;
    list->len -= comma != NULL ? len + 1 : len;
    while (item->len > 0 && (item->data[0] == ' ' || item->data[0] == '\t'))
        item->data++, item->len--;
    while (item->len > 0 && (item->data[item->len - 1] == ' ' || item->data[item->len - 1] == '\t'))
        item->len--;
    return 1;
}

/* Whether one of the fields of that name lists the word; protocols are told apart by case. */
static int lists(const pv_request *r, const char *name, const char *word, int exactly)
{
    for (size_t i = 0; i < r->head.field_count; i++) {
        pv_bytes list = r->head.fields[i].value, item;
        if (!same(r->head.fields[i].name, name)) continue;
        while (next_item(&list, &item))
            if (same(item, word) && (!exactly || memcmp(item.data, word, item.len) == 0)) return 1;
    }
    return 0;
}

/* The key when there is exactly one, of 16 bytes. */
static pv_bytes read_key(const pv_request *r)
{
    pv_bytes key = {NULL, 0}, none = {NULL, 0};
    pv_buf bytes;
    int good;
    for (size_t i = 0; i < r->head.field_count; i++) {
        if (!same(r->head.fields[i].name, "Sec-WebSocket-Key")) continue;
        if (key.data != NULL) return none;
        key = r->head.fields[i].value;
    }
    if (key.len != 24) return none;
    pv_buf_init(&bytes, KEY_BYTES + 2);
    good = pv_base64_decode(&bytes, key, NULL) == PV_OK && bytes.len == KEY_BYTES;
    pv_buf_deinit(&bytes);
    return good ? key : none;
}

/* What is wrong with the handshake: the status, and a header line that helps, to say so with; NULL
 * and the key when it is right. */
static const char *check_handshake(const pv_exchange *x, pv_bytes *key, int *status,
                                   const char **field)
{
    const pv_request *r = &x->request;
    *status = 400;
    *field = NULL;
    if (!same(r->head.method, "GET")) {
        *status = 405;
        *field = "Allow: GET";
        return "a WebSocket begins with GET";
    }
    if (r->head.minor < 1 || r->body.len > 0) return "a WebSocket begins with HTTP/1.1 and no body";
    if (!lists(r, "Upgrade", "websocket", 0)) {
        *status = 426;
        *field = "Upgrade: websocket";
        return "only WebSocket is spoken here";
    }
    if (!lists(r, "Connection", "upgrade", 0)) return "Connection does not list upgrade";
    if (!same(pv_request_field(r, "Sec-WebSocket-Version"), "13")) {
        *status = 426;
        *field = "Sec-WebSocket-Version: 13";
        return "only version 13 of WebSocket is spoken here";
    }
    *key = read_key(r);
    if (key->data == NULL) return "Sec-WebSocket-Key is not one key of 16 bytes";
    return NULL;
}

static void add_answer(pv_buf *out, pv_bytes key, const char *protocol)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[SHA_DIGEST_LENGTH];
    char text[24 + sizeof guid - 1];
    memcpy(text, key.data, 24);
    memcpy(text + 24, guid, sizeof guid - 1);
    SHA1((const unsigned char *)text, sizeof text, digest);
    pv_buf_adds(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Accept: ");
    pv_base64_encode(out, (pv_bytes){(const char *)digest, sizeof digest});
    if (protocol != NULL) pv_buf_addf(out, "\r\nSec-WebSocket-Protocol: %s", protocol);
    pv_buf_adds(out, "\r\n\r\n");
}

static pv_socket *socket_new(server_conn *conn, const pv_socket_options *o,
                             const pv_socket_events *events)
{
    pv_socket *s = pv_alloc(sizeof *s);
    s->conn = conn;
    s->held = 1;
    s->events = *events;
    s->stream_bytes = conn->server->limits.stream_bytes;
    s->ping_ms = (uint64_t)(o->ping_ms > 0 ? o->ping_ms : PING_MS);
    s->close_ms = (uint64_t)(o->close_ms > 0 ? o->close_ms : CLOSE_MS);
    s->heard = server_now(conn->server);
    pv_ws_reader_init(&s->reader, o->message_bytes > 0 ? o->message_bytes : MESSAGE_BYTES);
    return s;
}

/* Goes on reading without telling: who called looks. */
static void process_quietly(pv_socket *s)
{
    s->quiet = 1;
    server_conn_process(s->conn);
    s->quiet = 0;
}

pv_status pv_exchange_websocket(pv_socket **out, pv_exchange *x, const pv_socket_options *o,
                                const pv_socket_events *events, pv_err *err)
{
    server_conn *conn = server_exchange_live(x);
    const char *why, *field;
    pv_bytes key;
    pv_socket *s;
    int status;
    *out = NULL;
    for (size_t i = 0; i < o->protocol_count; i++) {
        if (pv_http1_is_token((pv_bytes){o->protocols[i], strlen(o->protocols[i])})) continue;
        pv_exchange_problem(x, 500, NULL);
        return pv_fail(err, PV_EINVAL, "'%s' is no name of a protocol", o->protocols[i]);
    }
    if (x->started) {
        pv_exchange_abort(x);
        return pv_fail(err, PV_EINVAL, "the answer has begun already");
    }
    if ((why = check_handshake(x, &key, &status, &field)) != NULL) {
        server_problem(x, status, why, field);
        return pv_fail(err, PV_EPROTO, "no WebSocket: %s", why);
    }
    if (conn == NULL || conn->server->draining) {
        pv_exchange_problem(x, 503, "the server is going away");
        return conn == NULL ? pv_fail(err, PV_ECLOSED, "the client is gone")
                            : pv_fail(err, PV_EUNAVAILABLE, "the server is draining");
    }
    *out = s = socket_new(conn, o, events);
    for (size_t i = 0; i < o->protocol_count && s->protocol == NULL; i++)
        if (lists(&x->request, "Sec-WebSocket-Protocol", o->protocols[i], 1))
            s->protocol = o->protocols[i];
    add_answer(&conn->out, key, s->protocol);
    conn->socket = s;
    conn->state = CONN_SOCKET;
    conn->read_due = s->heard + s->ping_ms;
    server_exchange_end(x, 1);
    process_quietly(s);
    return PV_OK;
}

/* Receiving ----------------------------------------------------------------------------------- */

static void socket_free(pv_socket *s)
{
    pv_ws_reader_deinit(&s->reader);
    pv_free(s);
}

static void tell(pv_socket *s)
{
    if (s->held && !s->quiet && s->events.on_ready != NULL) s->events.on_ready(s->events.arg);
}

/* Remembers how it closed; the first reason counts. */
static void closed(pv_socket *s, int code, pv_bytes reason)
{
    if (s->code != 0) return;
    s->code = code;
    s->reason_len = reason.len < sizeof s->reason ? reason.len : sizeof s->reason;
    if (s->reason_len > 0) memcpy(s->reason, reason.data, s->reason_len);
}

static void send_close(pv_socket *s, int code, pv_bytes reason)
{
    if (s->close_sent) return;
    s->close_sent = 1;
    pv_ws_write_close(&s->conn->out, code, reason);
    s->conn->read_due = server_now(s->conn->server) + s->close_ms;
}

/* Nothing more is read: what is to be sent goes, then the connection. */
static int leave(server_conn *conn, int code, pv_bytes reason)
{
    pv_socket *s = conn->socket;
    send_close(s, code, reason);
    closed(s, code, reason);
    server_conn_linger(conn);
    tell(s);
    return 0;
}

static int on_frame(server_conn *conn, const pv_ws_event *event)
{
    pv_socket *s = conn->socket;
    switch (event->opcode) {
    case PV_WS_CLOSE: return leave(conn, event->code, event->data);
    case PV_WS_PING:
        if (!s->close_sent) pv_ws_write(&conn->out, PV_WS_PONG, event->data);
        return 1;
    case PV_WS_PONG: return 1;
    default:
        if (s->close_sent || !s->held) return 1; /* comes too late */
        s->ready = event->opcode;
        tell(s);
        return 1;
    }
}

int server_socket_step(server_conn *conn)
{
    pv_socket *s = conn->socket;
    pv_ws_event event;
    size_t used;
    int got;
    if (s->ready != 0 || server_conn_pending(conn) > OUT_MAX) return 0;
    got = pv_ws_read(&s->reader, server_conn_ahead(conn), &used, &event);
    conn->at += used;
    if (got < 0) return leave(conn, event.code, (pv_bytes){event.why, strlen(event.why)});
    if (got > 0) return on_frame(conn, &event);
    if (conn->eof) server_conn_drop(conn);
    return 0;
}

int pv_socket_receive(pv_socket *s, int *kind, pv_buf *message)
{
    pv_buf_init(message, 0);
    *kind = s->ready;
    if (s->ready == 0) return s->code != 0 ? -1 : 0;
    pv_ws_take(&s->reader, message);
    s->ready = 0;
    if (s->conn != NULL) process_quietly(s);
    return 1;
}

int pv_socket_closed(const pv_socket *s, pv_bytes *reason)
{
    *reason = (pv_bytes){s->reason, s->reason_len};
    return s->code;
}

void server_socket_gone(pv_socket *s)
{
    s->conn = NULL;
    closed(s, PV_WS_ABNORMAL, (pv_bytes){"", 0});
    if (s->held) tell(s);
    else socket_free(s);
}

/* Sending ------------------------------------------------------------------------------------- */

static server_conn *open_conn(const pv_socket *s)
{
    return s->conn != NULL && s->conn->state == CONN_SOCKET && !s->close_sent ? s->conn : NULL;
}

const char *pv_socket_protocol(const pv_socket *s)
{
    return s->protocol;
}

pv_status pv_socket_send(pv_socket *s, int kind, pv_bytes data, pv_err *err)
{
    server_conn *conn = open_conn(s);
    size_t pending;
    if (kind == PV_WS_TEXT && !pv_ws_is_utf8(data))
        return pv_fail(err, PV_EINVAL, "the text is not UTF-8");
    if (conn == NULL) return pv_fail(err, PV_ECLOSED, "the WebSocket has closed");
    pending = server_conn_pending(conn);
    if (pending > 0 && pending + data.len > s->stream_bytes)
        return pv_fail(err, PV_ELIMIT, "the client does not take its messages fast enough");
    pv_ws_write(&conn->out, kind, data);
    server_conn_flush(conn);
    if (conn->state != CONN_GONE) conn->owes_drained = server_conn_pending(conn) > 0;
    return PV_OK;
}

size_t pv_socket_pending(const pv_socket *s)
{
    server_conn *conn = open_conn(s);
    return conn != NULL ? server_conn_pending(conn) : 0;
}

void server_socket_drained(pv_socket *s)
{
    if (s->held && s->events.on_drained != NULL) s->events.on_drained(s->events.arg);
}

void pv_socket_close(pv_socket *s, int code, pv_bytes reason)
{
    if (s == NULL) return;
    s->held = 0;
    s->ready = 0;
    if (s->conn == NULL) {
        socket_free(s);
    } else if (s->conn->state == CONN_SOCKET) {
        send_close(s, code, reason);
        server_conn_process(s->conn);
    }
}

void server_socket_going_away(pv_socket *s)
{
    static const char why[] = "the server is going away";
    pv_bytes reason = {why, sizeof why - 1};
    if (open_conn(s) == NULL) return;
    send_close(s, PV_WS_GOING_AWAY, reason);
    closed(s, PV_WS_GOING_AWAY, reason);
    process_quietly(s);
}

void server_socket_heard(pv_socket *s)
{
    s->heard = server_now(s->conn->server);
    s->pinged = 0;
}

/* Nothing came for a while.  A client whose messages nobody takes cannot be blamed for it. */
void server_socket_overdue(server_conn *conn)
{
    pv_socket *s = conn->socket;
    uint64_t now = server_now(conn->server);
    int silent = now >= s->heard + s->ping_ms;
    if (s->close_sent || (silent && s->pinged && s->ready == 0)) {
        server_conn_drop(conn);
    } else if (!silent) {
        conn->read_due = s->heard + s->ping_ms;
    } else {
        s->pinged = 1;
        conn->read_due = now + s->ping_ms;
        pv_ws_write(&conn->out, PV_WS_PING, (pv_bytes){"", 0});
        server_conn_flush(conn);
    }
}
