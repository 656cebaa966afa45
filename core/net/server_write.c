/* What a connection sends, and its clock. */
#include "base/mem.h"
#include "net/server_internal.h"

enum {
    KEEP_BYTES = 16384,
    SOON_BYTES = 16384, /* more goes at once */
    SOON_NS = 1000000   /* for so long answers are collected */
};

size_t server_conn_pending(const server_conn *conn)
{
    size_t queued = conn->writing ? uv_stream_get_write_queue_size(&conn->stream.stream) : 0;
    return queued + conn->out.len + conn->raw.len;
}

static void on_written(uv_write_t *req, int status)
{
    server_conn *conn = PV_OWNER(req, server_conn, write);
    conn->writing = 0;
    conn->write_due = 0;
    pv_buf_deinit(&conn->sent);
    if (conn->state == CONN_GONE) return;
    if (status < 0) {
        server_conn_drop(conn);
        return;
    }
    server_conn_flush(conn);
    if (conn->state != CONN_GONE) server_conn_written(conn);
}

/* What could not be sent at once waits in the loop; what comes meanwhile is collected. */
static void send_later(server_conn *conn, pv_buf *from)
{
    uv_buf_t buf;
    conn->sent = *from;
    pv_buf_init(from, 0);
    buf = uv_buf_init(conn->sent.data, (unsigned)conn->sent.len);
    if (uv_write(&conn->write, &conn->stream.stream, &buf, 1, on_written) != 0) {
        pv_buf_deinit(&conn->sent);
        server_conn_drop(conn);
        return;
    }
    conn->writing = 1;
    conn->write_left = uv_stream_get_write_queue_size(&conn->stream.stream);
    conn->write_due = server_now(conn->server) + (uint64_t)conn->server->limits.write_ms;
    server_conn_arm(conn);
}

void server_conn_flush(server_conn *conn)
{
    pv_buf *from = conn->session != NULL ? &conn->raw : &conn->out;
    uv_buf_t buf;
    int n;
    if (conn->state == CONN_GONE || conn->writing) return;
    if (conn->session != NULL && server_session_write(conn) != 0) {
        server_conn_drop(conn);
        return;
    }
    if (from->len == 0) return;
    buf = uv_buf_init(from->data, (unsigned)from->len);
    n = uv_try_write(&conn->stream.stream, &buf, 1);
    if (n < 0 && n != UV_EAGAIN) {
        server_conn_drop(conn);
        return;
    }
    if (n < 0) n = 0;
    if ((size_t)n < from->len) {
        pv_buf_consume(from, (size_t)n);
        send_later(conn, from);
        return;
    }
    pv_buf_reset(from);
    if (from->cap > KEEP_BYTES) pv_buf_deinit(from);
}

void server_conn_forget_unsent(server_conn *conn)
{
    server_conn **at = &conn->server->unsent;
    if (!conn->is_unsent) return;
    while (*at != conn) at = &(*at)->next_unsent;
    *at = conn->next_unsent;
    if (*at == NULL) conn->server->unsent_end = at;
    conn->next_unsent = NULL;
    conn->is_unsent = 0;
}

void server_flush(pv_httpd *server)
{
    while (server->unsent != NULL) {
        server_conn *conn = server->unsent;
        server_conn_forget_unsent(conn);
        server_conn_flush(conn);
    }
}

void server_flush_overdue(pv_httpd *server)
{
    if (server->unsent != NULL && uv_hrtime() - server->unsent_since > SOON_NS)
        server_flush(server);
}

/* Whoever waits for an answer has to be woken, maybe on another processor, and that takes longer
 * than to send it.  Answers of one turn are sent together: who was woken for the first is awake for
 * the others.  They are encrypted at once, for what TLS says later may be the end of it. */
void server_conn_flush_soon(server_conn *conn)
{
    pv_httpd *server = conn->server;
    const pv_buf *ready = conn->session != NULL ? &conn->raw : &conn->out;
    if (conn->state != CONN_HEAD || conn->writing || server->closed) {
        server_conn_flush(conn);
        return;
    }
    if (conn->session != NULL && server_session_write(conn) != 0) {
        server_conn_drop(conn);
        return;
    }
    if (ready->len > SOON_BYTES) {
        server_conn_forget_unsent(conn);
        server_conn_flush(conn);
    } else if (ready->len > 0 && !conn->is_unsent) {
        if (server->unsent == NULL) server->unsent_since = uv_hrtime();
        *server->unsent_end = conn;
        server->unsent_end = &conn->next_unsent;
        conn->is_unsent = 1;
    }
}

static void on_timer(uv_timer_t *timer)
{
    server_conn *conn = PV_OWNER(timer, server_conn, timer);
    uint64_t now = server_now(conn->server);
    conn->armed = 0;
    if (conn->write_due > 0 && now >= conn->write_due) {
        size_t left = uv_stream_get_write_queue_size(&conn->stream.stream);
        if (left >= conn->write_left) {
            server_conn_drop(conn);
            return;
        }
        conn->write_left = left;
        conn->write_due = now + (uint64_t)conn->server->limits.write_ms;
    }
    server_conn_overdue(conn, now);
}

/* The timer is only moved to an earlier time; when it comes too early it is set again. */
void server_conn_arm(server_conn *conn)
{
    uint64_t due = conn->read_due, now = server_now(conn->server);
    if (conn->write_due > 0 && (due == 0 || conn->write_due < due)) due = conn->write_due;
    if (due == 0 || (conn->armed > 0 && conn->armed <= due)) return;
    conn->armed = due;
    uv_timer_start(&conn->timer, on_timer, due > now ? due - now : 0, 0);
}
