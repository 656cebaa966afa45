/* Sessions through other sessions.  libssh wants a socket, so it gets one end of a pair; the
 * other end is pumped into a direct-tcpip channel of the jump session. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/handle.h"
#include "net/ssh_internal.h"

enum {
    PIECE = 32 << 10,
    BACKLOG = 256 << 10, /* bytes waiting for the jump host's window */
};

typedef struct bridge {
    pv_ssh *s;      /* the session that runs through here */
    pv_ssh_exec *e; /* the channel; NULL once it has ended */
    uv_poll_t poll;
    uv_timer_t start; /* hands the socket over in the next turn */
    int fd;
    int events;
    int fd_ended; /* the session has closed its end */
    int handles;
    pv_buf to_session;
} bridge;

static void on_ready(uv_poll_t *poll, int status, int events);

static void watch(bridge *b)
{
    int events = 0;
    if (b->fd < 0) return;
    if (!b->fd_ended && b->e != NULL && ssh_exec_backlog(b->e) < BACKLOG) events |= UV_READABLE;
    if (b->to_session.len > 0) events |= UV_WRITABLE;
    if (events == b->events) return;
    b->events = events;
    if (events == 0) uv_poll_stop(&b->poll);
    else uv_poll_start(&b->poll, events, on_ready);
}

static void release(bridge *b)
{
    if (--b->handles > 0) return;
    ssh_unref(b->s);
    pv_buf_deinit(&b->to_session);
    pv_free(b);
}

static void on_poll_closed(uv_handle_t *handle)
{
    release(PV_OWNER(handle, bridge, poll));
}

static void on_start_closed(uv_handle_t *handle)
{
    release(PV_OWNER(handle, bridge, start));
}

/* Writes what the far side sent; a full socket keeps the rest. */
static void flush(bridge *b)
{
    while (b->to_session.len > 0) {
        ssize_t sent = send(b->fd, b->to_session.data, b->to_session.len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (sent < 0) {
            pv_buf_reset(&b->to_session); /* the session is gone */
            return;
        }
        pv_buf_consume(&b->to_session, (size_t)sent);
    }
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    bridge *b = PV_OWNER(poll, bridge, poll);
    char piece[PIECE];
    if (status < 0) b->events = 0;
    if (events & UV_WRITABLE) flush(b);
    if ((status < 0 || (events & UV_READABLE)) && b->e != NULL) {
        ssize_t got = recv(b->fd, piece, sizeof piece, 0);
        if (got > 0) {
            pv_ssh_exec_write(b->e, piece, (size_t)got);
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            b->fd_ended = 1;
            pv_ssh_exec_cancel(b->e);
        }
    }
    watch(b);
}

static void on_data(void *arg, int is_stderr, const char *data, size_t len)
{
    bridge *b = arg;
    (void)is_stderr;
    pv_buf_add(&b->to_session, data, len);
    flush(b);
    watch(b);
}

static void on_drain(void *arg)
{
    watch(arg);
}

static void on_done(void *arg, const pv_ssh_result *result, const pv_err *why)
{
    bridge *b = arg;
    pv_err err;
    (void)result;
    b->e = NULL;
    flush(b);
    if (uv_is_active((uv_handle_t *)&b->start)) close(b->s->fd); /* never handed over */
    uv_close((uv_handle_t *)&b->poll, on_poll_closed);
    uv_close((uv_handle_t *)&b->start, on_start_closed);
    close(b->fd);
    b->fd = -1;
    if (b->s->state != SSH_ST_DEAD && why != NULL) {
        pv_fail(&err, PV_EUNAVAILABLE, "%s: through the jump host: %s", b->s->name, why->msg);
        ssh_lose(b->s, &err);
    }
}

static void on_start(uv_timer_t *start)
{
    bridge *b = PV_OWNER(start, bridge, start);
    int fd = b->s->fd;
    if (b->s->state == SSH_ST_DEAD) close(fd);
    else ssh_start(b->s, fd);
}

pv_status ssh_jump_start(pv_ssh *s, pv_ssh *jump, pv_err *err)
{
    pv_ssh_exec_options options = {
        .input_fd = -1, .keep_input = 1, .on_data = on_data, .on_done = on_done};
    int pair[2];
    bridge *b;
    if (!pv_ssh_ready(jump))
        return pv_fail(err, PV_ECLOSED, "%s: the jump session is not connected", s->name);
    if (s->netns != NULL)
        return pv_fail(err, PV_EINVAL, "%s: netns is the jump session's business", s->name);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        return pv_fail_errno(err, errno, "%s: cannot make a socket pair", s->name);
    }
    b = pv_alloc(sizeof *b);
    b->s = s;
    b->fd = pair[1];
    b->handles = 2;
    pv_buf_init(&b->to_session, 0);
    s->fd = pair[0];
    uv_poll_init(s->loop, &b->poll, b->fd);
    uv_timer_init(s->loop, &b->start);
    options.arg = b;
    options.command = s->host;
    b->e = ssh_exec_new(jump, &options);
    b->e->forward_port = s->port;
    b->e->on_drain = on_drain;
    ssh_exec_begin(b->e);
    uv_timer_start(&b->start, on_start, 0, 0);
    watch(b);
    return PV_OK;
}
