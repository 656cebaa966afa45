/* One connection: from received bytes to exchanges, and when it ends. */
#include <string.h>

#include "base/mem.h"
#include "net/server_internal.h"

enum {
    IN_MAX = 65536,   /* received ahead of what is being answered */
    OUT_MAX = 262144, /* answers waiting for a client that sends more requests */
    KEEP_BYTES = 4096,
    LINGER_MS = 2000
};

server_conn *server_conn_new(pv_httpd *server)
{
    server_conn *conn = pv_alloc(sizeof *conn);
    conn->server = server;
    if (server->is_unix) uv_pipe_init(server->loop, &conn->stream.pipe, 0);
    else uv_tcp_init(server->loop, &conn->stream.tcp);
    uv_timer_init(server->loop, &conn->timer);
    conn->open_handles = 2;
    if (server->tls != NULL) conn->session = server_session_new(server->tls);
    return conn;
}

static void handle_closed(server_conn *conn)
{
    if (--conn->open_handles > 0) return;
    if (conn->exchange != NULL) server_exchange_gone(conn->exchange);
    if (conn->socket != NULL) server_socket_gone(conn->socket);
    server_session_free(conn->session);
    pv_buf_deinit(&conn->in);
    pv_buf_deinit(&conn->out);
    pv_buf_deinit(&conn->raw);
    server_conn_closed(conn);
}

static void on_stream_closed(uv_handle_t *handle)
{
    handle_closed(PV_OWNER(handle, server_conn, stream));
}

static void on_timer_closed(uv_handle_t *handle)
{
    handle_closed(PV_OWNER(handle, server_conn, timer));
}

void server_conn_drop(server_conn *conn)
{
    if (conn->state == CONN_GONE) return;
    conn->state = CONN_GONE;
    server_conn_forget_unsent(conn);
    uv_close((uv_handle_t *)&conn->timer, on_timer_closed);
    uv_close(&conn->stream.handle, on_stream_closed);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    server_conn *conn = PV_OWNER(req, server_conn, shutdown);
    conn->shutting = 2;
    if (status < 0 || conn->eof) server_conn_drop(conn);
}

void server_conn_linger(server_conn *conn)
{
    if (conn->state == CONN_GONE || conn->state == CONN_LINGER) return;
    conn->state = CONN_LINGER;
    conn->read_due = 0;
    server_conn_process(conn);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    server_conn *conn = PV_OWNER(handle, server_conn, stream);
    (void)suggested;
    *buf = uv_buf_init(conn->server->read_buffer, SERVER_READ_SIZE);
}

/* A client that has asked may close its half; one that listens to a stream has left. */
static void on_eof(server_conn *conn)
{
    conn->eof = 1;
    if (conn->shutting == 2 || (conn->state == CONN_BUSY && conn->exchange->started))
        server_conn_drop(conn);
    else server_conn_process(conn);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    server_conn *conn = PV_OWNER(stream, server_conn, stream);
    pv_bytes bytes = {buf->base, n > 0 ? (size_t)n : 0};
    if (n == 0 || conn->state == CONN_GONE) return;
    if (n == UV_EOF) {
        conn->reading = 0;
        on_eof(conn);
    } else if (n < 0) {
        server_conn_drop(conn);
    } else if (conn->state == CONN_LINGER) {
        return;
    } else if (conn->session == NULL) {
        server_conn_feed(conn, bytes);
    } else if (server_session_read(conn, bytes) != 0) {
        server_conn_flush(conn); /* the alert that says why */
        server_conn_drop(conn);
    } else if (conn->eof) {
        on_eof(conn);
    } else {
        server_conn_process(conn);
    }
}

void server_conn_feed(server_conn *conn, pv_bytes plain)
{
    if (conn->state == CONN_GONE || conn->state == CONN_LINGER) return;
    if (conn->socket != NULL) server_socket_heard(conn->socket);
    pv_buf_add(&conn->in, plain.data, plain.len); /* no limit: reading stops at IN_MAX */
    server_conn_process(conn);
}

/* Hands the request to the handler. */
static int dispatch(server_conn *conn)
{
    pv_exchange *x = conn->exchange;
    conn->state = CONN_BUSY;
    conn->given = 1;
    conn->read_due = 0;
    x->request.body.data = x->body.data != NULL ? x->body.data : "";
    x->request.body.len = x->body.len;
    server_flush_overdue(conn->server); /* nobody knows how long the handler takes */
    conn->server->handler(conn->server->arg, x);
    return 1;
}

static int refuse(server_conn *conn, int status, const char *why)
{
    pv_exchange *x = conn->exchange;
    int is_head = x != NULL && x->is_head;
    conn->exchange = NULL;
    if (x != NULL) server_exchange_free(x);
    server_refuse(conn, status, why, is_head);
    return 0;
}

/* The head is whole: takes its `len` bytes. */
static int begin_exchange(server_conn *conn, pv_bytes head)
{
    pv_httpd *server = conn->server;
    pv_exchange *x = pv_alloc(sizeof *x);
    pv_request *r = &x->request;
    const char *why;
    int status;
    conn->exchange = x;
    conn->given = 0;
    x->conn = conn;
    x->head_bytes = pv_memdup(head.data, head.len);
    x->stream_bytes = server->limits.stream_bytes;
    pv_buf_init(&x->body, server->limits.body_bytes);
    head.data = x->head_bytes;
    conn->at += head.len;
    conn->begun = conn->skipped = 0;
    memset(&conn->scan, 0, sizeof conn->scan);
    if ((status = pv_http1_parse(&r->head, head, &why)) != 0) return refuse(conn, status, why);
    x->keep = r->head.keep_alive;
    x->is_head = r->head.method.len == 4 && memcmp(r->head.method.data, "HEAD", 4) == 0;
    r->peer = conn->peer;
    r->peer_port = conn->peer_port;
    r->peer_uid = conn->peer_uid;
    r->tls = conn->session != NULL;
    if (r->head.length > server->limits.body_bytes)
        return refuse(conn, 413, "the body is too large");
    if (!r->head.chunked && r->head.length == 0) return dispatch(conn);
    conn->state = CONN_BODY;
    conn->read_due = server_now(server) + (uint64_t)server->limits.body_ms;
    if (r->head.expect_continue && conn->in.len == conn->at)
        pv_buf_adds(&conn->out, "HTTP/1.1 100 Continue\r\n\r\n");
    return 1;
}

pv_bytes server_conn_ahead(const server_conn *conn)
{
    pv_bytes rest = {"", conn->in.len - conn->at};
    if (rest.len > 0) rest.data = conn->in.data + conn->at;
    return rest;
}

static int read_head(server_conn *conn)
{
    size_t max = conn->server->limits.head_bytes, len;
    pv_bytes rest = server_conn_ahead(conn);
    int found;
    if (server_conn_pending(conn) > OUT_MAX) return 0; /* until the client has taken some */
    if (!conn->skipped && rest.len >= 2 && memcmp(rest.data, "\r\n", 2) == 0) {
        conn->skipped = 1;
        conn->at += 2;
        memset(&conn->scan, 0, sizeof conn->scan);
        return 1;
    }
    found = rest.len > 0 ? pv_http1_find_end(&conn->scan, rest, &len) : 0;
    if (found < 0) return refuse(conn, 400, "a line does not end with CR LF");
    if ((found == 0 ? rest.len : len) > max)
        return refuse(conn, conn->scan.line == 0 ? 414 : 431, "the header is too large");
    if (found > 0) {
        rest.len = len;
        return begin_exchange(conn, rest);
    }
    if (conn->eof) server_conn_linger(conn);
    return 0;
}

static int read_body(server_conn *conn)
{
    pv_exchange *x = conn->exchange;
    pv_bytes rest = server_conn_ahead(conn);
    const char *why = NULL;
    size_t used = rest.len;
    int status = 0, done;
    if (x == NULL) return 0;
    if (x->request.head.chunked) {
        status = pv_http1_chunks_feed(&x->chunks, rest, &used, &x->body, &why);
        done = x->chunks.done;
    } else {
        size_t left = (size_t)x->request.head.length - x->body.len;
        if (used > left) used = left;
        if (used > 0) pv_buf_add(&x->body, rest.data, used);
        done = used == left;
    }
    conn->at += used;
    if (status != 0) return refuse(conn, status, why);
    if (done) return dispatch(conn);
    if (conn->eof) server_conn_drop(conn);
    return 0;
}

static int step(server_conn *conn)
{
    if (conn->state == CONN_HEAD) return read_head(conn);
    if (conn->state == CONN_BODY) return read_body(conn);
    if (conn->state == CONN_SOCKET) return server_socket_step(conn);
    return 0;
}

static void start_shutdown(server_conn *conn)
{
    conn->shutting = 1;
    if (conn->session != NULL) {
        server_session_goodbye(conn);
        server_conn_flush(conn);
    }
    if (conn->state == CONN_GONE) return;
    conn->read_due = server_now(conn->server) + LINGER_MS;
    if (uv_shutdown(&conn->shutdown, &conn->stream.stream, on_shutdown) != 0)
        server_conn_drop(conn);
}

/* Sets what the connection waits for: bytes and until when. */
static void settle(server_conn *conn)
{
    const pv_httpd_limits *limits = &conn->server->limits;
    size_t left = conn->in.len - conn->at;
    int want;
    if (conn->state == CONN_LINGER && conn->shutting == 0 && server_conn_pending(conn) == 0)
        start_shutdown(conn);
    if (conn->state == CONN_GONE) return;
    if (conn->state == CONN_HEAD) {
        if (server_conn_pending(conn) > OUT_MAX) {
            conn->read_due = 0;
        } else if (left > 0 && !conn->begun) {
            conn->begun = 1;
            conn->read_due = server_now(conn->server) + (uint64_t)limits->head_ms;
        } else if (left == 0 && conn->read_due == 0) {
            conn->read_due = server_now(conn->server) + (uint64_t)limits->idle_ms;
        }
    }
    want = !conn->eof && (conn->state == CONN_LINGER || left < IN_MAX);
    if (want && !conn->reading) uv_read_start(&conn->stream.stream, on_alloc, on_read);
    if (!want && conn->reading) uv_read_stop(&conn->stream.stream);
    conn->reading = want;
    server_conn_arm(conn);
}

static void process_once(server_conn *conn)
{
    conn->processing = 1;
    while (step(conn)) continue;
    conn->processing = 0;
    if (conn->state == CONN_GONE) return;
    if (conn->state == CONN_LINGER || conn->at == conn->in.len) {
        pv_buf_reset(&conn->in);
        if (conn->in.cap > KEEP_BYTES) pv_buf_deinit(&conn->in);
    } else {
        pv_buf_consume(&conn->in, conn->at);
    }
    conn->at = 0;
}

/* Goes on with what was received as far as possible: what waited because too much was to be sent
 * goes on at once when all of that could be. */
void server_conn_process(server_conn *conn)
{
    int more = 1;
    if (conn->processing) return;
    while (more && conn->state != CONN_GONE) {
        int waits;
        process_once(conn);
        waits = conn->in.len > 0 && server_conn_pending(conn) > OUT_MAX;
        server_conn_flush_soon(conn);
        more = waits && server_conn_pending(conn) <= OUT_MAX; /* else on_written() goes on */
    }
    if (conn->state != CONN_GONE) settle(conn);
}

void server_conn_answered(server_conn *conn, int keep)
{
    conn->begun = 0;
    conn->read_due = 0;
    conn->state = keep && !conn->server->draining ? CONN_HEAD : CONN_LINGER;
    server_conn_process(conn);
}

void server_conn_written(server_conn *conn)
{
    pv_exchange *x = conn->exchange;
    if (conn->owes_drained && server_conn_pending(conn) == 0) {
        conn->owes_drained = 0;
        if (x != NULL && x->events.on_drained != NULL) x->events.on_drained(x->events.arg);
        if (conn->socket != NULL) server_socket_drained(conn->socket);
    }
    server_conn_process(conn);
}

static void read_timed_out(server_conn *conn)
{
    conn->read_due = 0;
    if (conn->state == CONN_BODY) refuse(conn, 408, "the body did not come in time");
    else if (conn->state == CONN_HEAD && conn->begun)
        refuse(conn, 408, "the header did not come in time");
    else if (conn->state == CONN_HEAD) server_conn_linger(conn);
    else if (conn->state == CONN_SOCKET) server_socket_overdue(conn);
    else if (conn->state == CONN_LINGER) server_conn_drop(conn);
}

void server_conn_start(server_conn *conn)
{
    conn->read_due = server_now(conn->server) + (uint64_t)conn->server->limits.head_ms;
    settle(conn);
}

void server_conn_overdue(server_conn *conn, uint64_t now)
{
    if (conn->read_due > 0 && now >= conn->read_due) read_timed_out(conn);
    if (conn->state != CONN_GONE) server_conn_arm(conn);
}
