#include "net/server.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/server_internal.h"

enum {
    HEAD_BYTES = 16384,
    BODY_BYTES = 1 << 20,
    STREAM_BYTES = 1 << 20,
    CONNECTIONS = 1024,
    PER_ADDRESS = 256,
    HEAD_MS = 10000,
    BODY_MS = 30000,
    IDLE_MS = 60000,
    WRITE_MS = 30000,
    SPARE = 32, /* connections over the limit that are told so; more are only closed */
    BACKLOG = 511
};

static void fill_limits(pv_httpd_limits *l)
{
    if (l->head_bytes == 0) l->head_bytes = HEAD_BYTES;
    if (l->body_bytes == 0) l->body_bytes = BODY_BYTES;
    if (l->stream_bytes == 0) l->stream_bytes = STREAM_BYTES;
    if (l->connections <= 0) l->connections = CONNECTIONS;
    if (l->per_address <= 0) l->per_address = PER_ADDRESS;
    if (l->head_ms <= 0) l->head_ms = HEAD_MS;
    if (l->body_ms <= 0) l->body_ms = BODY_MS;
    if (l->idle_ms <= 0) l->idle_ms = IDLE_MS;
    if (l->write_ms <= 0) l->write_ms = WRITE_MS;
}

void server_unref(pv_httpd *server)
{
    if (--server->refs > 0) return;
    server_tls_free(server->tls);
    pv_map_deinit(&server->addresses);
    pv_free(server->read_buffer);
    pv_free(server->plain_buffer);
    pv_free(server->path);
    pv_free(server);
}

uint64_t server_now(const pv_httpd *server)
{
    return uv_now(server->loop);
}

static void on_listener_closed(uv_handle_t *handle)
{
    server_unref(PV_OWNER(handle, pv_httpd, listener));
}

static void on_drain_timer_closed(uv_handle_t *handle)
{
    server_unref(PV_OWNER(handle, pv_httpd, drain_timer));
}

static void on_before_wait_closed(uv_handle_t *handle)
{
    server_unref(PV_OWNER(handle, pv_httpd, before_wait));
}

static void on_before_wait(uv_prepare_t *handle)
{
    server_flush(PV_OWNER(handle, pv_httpd, before_wait));
}

static void stop_listening(pv_httpd *server)
{
    if (!server->listening) return;
    server->listening = 0;
    if (server->path != NULL) unlink(server->path);
    uv_close(&server->listener.handle, on_listener_closed);
}

/* Counts the connection at its address; how many that has now. */
static int64_t count_address(server_conn *conn, int add)
{
    pv_bytes key = {conn->address, conn->address_len};
    pv_value value = {.num = 0}, *kept = pv_map_get(&conn->server->addresses, key);
    if (kept != NULL) value = *kept;
    value.num += add;
    if (value.num > 0) pv_map_set(&conn->server->addresses, key, value);
    else pv_map_del(&conn->server->addresses, key);
    return value.num;
}

static void drained(pv_httpd *server)
{
    pv_httpd_drained_cb cb = server->on_drained;
    server->on_drained = NULL;
    if (cb != NULL) cb(server->drained_arg, server->cut);
}

void server_conn_closed(server_conn *conn)
{
    pv_httpd *server = conn->server;
    if (conn->prev != NULL) conn->prev->next = conn->next;
    else server->conns = conn->next;
    if (conn->next != NULL) conn->next->prev = conn->prev;
    if (conn->counted) count_address(conn, -1);
    server->count--;
    pv_free(conn);
    if (server->count == 0 && server->draining) drained(server);
    server_unref(server);
}

static int is_idle(const server_conn *conn)
{
    return conn->state == CONN_HEAD && !conn->begun && conn->in.len == conn->at &&
           server_conn_pending(conn) == 0;
}

/* Makes room for one connection; 0 when none is idle. */
static int drop_longest_idle(pv_httpd *server)
{
    server_conn *oldest = NULL;
    server_flush(server); /* who has been answered is idle */
    for (server_conn *c = server->conns; c != NULL; c = c->next)
        if (is_idle(c) && c->read_due > 0 && (oldest == NULL || c->read_due < oldest->read_due))
            oldest = c;
    if (oldest != NULL) server_conn_drop(oldest);
    return oldest != NULL;
}

static void refuse_or_drop(server_conn *conn, int status, const char *detail)
{
    if (conn->server->tls != NULL || conn->server->count > conn->server->limits.connections + SPARE)
        server_conn_drop(conn);
    else server_refuse(conn, status, detail, 0);
}

static void on_connection(uv_stream_t *listener, int status)
{
    pv_httpd *server = PV_OWNER(listener, pv_httpd, listener);
    server_conn *conn;
    int over;
    if (status < 0 || server->closed) return;
    over = server->count >= server->limits.connections && !drop_longest_idle(server);
    conn = server_conn_new(server);
    conn->next = server->conns;
    if (conn->next != NULL) conn->next->prev = conn;
    server->conns = conn;
    server->count++;
    server->refs++;
    if (uv_accept(listener, &conn->stream.stream) != 0) {
        server_conn_drop(conn);
        return;
    }
    server_peer(conn);
    server_conn_start(conn);
    if (over) {
        refuse_or_drop(conn, 503, "too many connections");
    } else if (conn->address_len > 0) {
        conn->counted = 1;
        if (count_address(conn, 1) > server->limits.per_address)
            refuse_or_drop(conn, 429, "too many connections from this address");
    }
}

static void on_drain_timer(uv_timer_t *timer)
{
    pv_httpd *server = PV_OWNER(timer, pv_httpd, drain_timer);
    if (server->count == 0) {
        drained(server);
        return;
    }
    for (server_conn *c = server->conns; c != NULL; c = c->next) {
        if (c->state != CONN_LINGER && c->state != CONN_GONE) server->cut++;
        server_conn_drop(c);
    }
}

/* Makes the socket a handle of the loop, which owns it afterwards. */
static int adopt(pv_httpd *server, int fd)
{
    int rc;
    if (server->is_unix) {
        uv_pipe_init(server->loop, &server->listener.pipe, 0);
        rc = uv_pipe_open(&server->listener.pipe, fd);
    } else {
        uv_tcp_init(server->loop, &server->listener.tcp);
        rc = uv_tcp_open(&server->listener.tcp, fd);
    }
    if (rc != 0) close(fd);
    else rc = uv_listen(&server->listener.stream, BACKLOG, on_connection);
    return rc;
}

pv_status pv_httpd_listen(pv_httpd **out, uv_loop_t *loop, const pv_httpd_options *options,
                          pv_httpd_handler handler, void *arg, pv_err *err)
{
    pv_httpd *server;
    pv_status status;
    int fd = -1, rc;
    *out = NULL;
    if ((options->cert == NULL) != (options->key == NULL))
        return pv_fail(err, PV_EINVAL, "a certificate needs its key and a key its certificate");
    server = pv_alloc(sizeof *server);
    server->loop = loop;
    server->limits = options->limits;
    server->handler = handler;
    server->arg = arg;
    server->refs = 1;
    server->unsent_end = &server->unsent;
    fill_limits(&server->limits);
    if (options->cert != NULL &&
        (status = server_tls_new(&server->tls, options->cert, options->key, err)) != PV_OK)
        goto fail;
    if ((status = server_open_socket(server, &fd, options, err)) != PV_OK) goto fail;
    server->read_buffer = pv_alloc(SERVER_READ_SIZE);
    if (server->tls != NULL) server->plain_buffer = pv_alloc(SERVER_READ_SIZE);
    uv_timer_init(loop, &server->drain_timer);
    uv_prepare_init(loop, &server->before_wait);
    uv_prepare_start(&server->before_wait, on_before_wait);
    uv_unref((uv_handle_t *)&server->before_wait); /* it keeps no loop going */
    server->refs = 3;
    server->listening = 1;
    if ((rc = adopt(server, fd)) != 0) {
        pv_httpd_close(server);
        return pv_fail_errno(err, -rc, "listen");
    }
    *out = server;
    return PV_OK;
fail:
    server_unref(server);
    return status;
}

int pv_httpd_port(const pv_httpd *server)
{
    return server->port;
}

int pv_httpd_connections(const pv_httpd *server)
{
    return server->count;
}

void pv_httpd_drain(pv_httpd *server, int within_ms, pv_httpd_drained_cb cb, void *arg)
{
    if (server->draining || server->closed) return;
    server->draining = 1;
    server->on_drained = cb;
    server->drained_arg = arg;
    server_flush(server);
    stop_listening(server);
    for (server_conn *c = server->conns; c != NULL; c = c->next)
        if (is_idle(c)) server_conn_linger(c);
        else if (c->socket != NULL) server_socket_going_away(c->socket);
    if (server->count == 0 || within_ms < 0) within_ms = 0;
    uv_timer_start(&server->drain_timer, on_drain_timer, (uint64_t)within_ms, 0);
}

void pv_httpd_close(pv_httpd *server)
{
    if (server == NULL || server->closed) return;
    server_flush(server);
    server->closed = 1;
    server->on_drained = NULL;
    for (server_conn *c = server->conns; c != NULL; c = c->next) server_conn_drop(c);
    stop_listening(server);
    uv_close((uv_handle_t *)&server->drain_timer, on_drain_timer_closed);
    uv_close((uv_handle_t *)&server->before_wait, on_before_wait_closed);
}
