#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "linux/serve_parts.h"

struct pv_listener {
    uv_poll_t poll;
    int fd;
    pv_serve *serve;
    void (*on_client)(pv_serve *serve, int fd, void *arg);
    void *arg;
};

typedef struct relay relay;

/* One direction: what is read on `from` is written to `to` before more is read. */
typedef struct direction {
    relay *relay;
    uv_tcp_t from;
    uv_write_t write;
    uv_shutdown_t shutdown;
    int ended;
    char bytes[PV_SERVE_CHUNK];
} direction;

struct relay {
    pv_serve *serve;
    direction side[2];
    int closed; /* of the two handles */
};

static direction *other(direction *d)
{
    return d == &d->relay->side[0] ? &d->relay->side[1] : &d->relay->side[0];
}

static void on_closed(uv_handle_t *handle)
{
    relay *r = ((direction *)handle->data)->relay;
    if (++r->closed < 2) return;
    r->serve->clients--;
    pv_free(r);
}

static void end(relay *r)
{
    for (int i = 0; i < 2; i++) {
        if (!uv_is_closing((uv_handle_t *)&r->side[i].from))
            uv_close((uv_handle_t *)&r->side[i].from, on_closed);
    }
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    direction *d = handle->data;
    (void)size;
    *buf = uv_buf_init(d->bytes, sizeof d->bytes);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    direction *d = req->data;
    d->ended = 1;
    if (status != 0 || other(d)->ended) end(d->relay);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void on_written(uv_write_t *req, int status)
{
    direction *d = req->data;
    if (status != 0) end(d->relay);
    else if (!uv_is_closing((uv_handle_t *)&d->from))
        uv_read_start((uv_stream_t *)&d->from, on_alloc, on_read);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    direction *d = stream->data;
    uv_stream_t *to = (uv_stream_t *)&other(d)->from;
    uv_buf_t out;
    if (n == 0) return;
    uv_read_stop(stream);
    if (n == UV_EOF) {
        d->shutdown.data = d;
        if (uv_shutdown(&d->shutdown, to, on_shutdown) != 0) end(d->relay);
        return;
    }
    if (n < 0) {
        end(d->relay);
        return;
    }
    d->write.data = d;
    out = uv_buf_init(buf->base, (unsigned)n);
    if (uv_write(&d->write, to, &out, 1, on_written) != 0) end(d->relay);
}

void pv_relay_start(pv_serve *serve, int a, int b)
{
    relay *r = pv_alloc(sizeof *r);
    const int fds[2] = {a, b};
    r->serve = serve;
    serve->clients++;
    for (int i = 0; i < 2; i++) {
        r->side[i].relay = r;
        r->side[i].from.data = &r->side[i];
        uv_tcp_init(&serve->loop, &r->side[i].from);
    }
    for (int i = 0; i < 2; i++) {
        if (uv_tcp_open(&r->side[i].from, fds[i]) != 0) {
            close(fds[i]);
            end(r);
            return;
        }
        uv_tcp_nodelay(&r->side[i].from, 1);
    }
    for (int i = 0; i < 2; i++) uv_read_start((uv_stream_t *)&r->side[i].from, on_alloc, on_read);
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
    pv_listener *l = poll->data;
    int fd;
    (void)events;
    if (status != 0) return;
    while ((fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (l->serve->clients >= PV_SERVE_MOST_CLIENTS) close(fd);
        else l->on_client(l->serve, fd, l->arg);
    }
}

pv_listener *pv_listener_open(pv_serve *serve, int fd,
                              void (*on_client)(pv_serve *serve, int fd, void *arg), void *arg)
{
    pv_listener *l = pv_alloc(sizeof *l);
    l->fd = fd;
    l->serve = serve;
    l->on_client = on_client;
    l->arg = arg;
    uv_poll_init(&serve->loop, &l->poll, fd);
    l->poll.data = l;
    uv_poll_start(&l->poll, UV_READABLE, on_acceptable);
    return l;
}

static void on_listener_closed(uv_handle_t *handle)
{
    pv_listener *l = handle->data;
    close(l->fd);
    pv_free(l);
}

void pv_listener_close(pv_listener *l)
{
    if (l != NULL && !uv_is_closing((uv_handle_t *)&l->poll))
        uv_close((uv_handle_t *)&l->poll, on_listener_closed);
}

/* Dialing ----------------------------------------------------------------------------------- */

/* A connection being made. */
typedef struct dial {
    uv_poll_t poll;
    pv_serve *serve;
    int client;
    int other_end;
} dial;

/* Makes the end of a connection that led nowhere look like that: a reset. */
static void refuse(int client)
{
    struct linger at_once = {1, 0};
    setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(client);
}

static void on_dial_closed(uv_handle_t *handle)
{
    pv_free(handle->data);
}

static void on_dialed(uv_poll_t *poll, int status, int events)
{
    dial *d = poll->data;
    int error = 0;
    socklen_t len = sizeof error;
    (void)events;
    uv_poll_stop(poll);
    if (status == 0 && getsockopt(d->other_end, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
        error == 0) {
        /* The relay gets descriptors of its own: libuv ties one to one handle. */
        int client = dup(d->client), other_end = dup(d->other_end);
        if (client >= 0 && other_end >= 0) {
            pv_relay_start(d->serve, client, other_end);
        } else {
            if (client >= 0) close(client);
            if (other_end >= 0) close(other_end);
        }
        close(d->client);
    } else {
        refuse(d->client);
    }
    uv_close((uv_handle_t *)poll, on_dial_closed);
    close(d->other_end);
    d->serve->clients--;
}

void pv_relay_dial(pv_serve *serve, int client, int socket, const struct sockaddr_in *to)
{
    dial *d;
    if (socket < 0 ||
        (connect(socket, (const struct sockaddr *)to, sizeof *to) != 0 && errno != EINPROGRESS)) {
        if (socket >= 0) close(socket);
        refuse(client);
        return;
    }
    d = pv_alloc(sizeof *d);
    d->serve = serve;
    d->client = client;
    d->other_end = socket;
    serve->clients++;
    uv_poll_init(&serve->loop, &d->poll, socket);
    d->poll.data = d;
    uv_poll_start(&d->poll, UV_WRITABLE, on_dialed);
}
