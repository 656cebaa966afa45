#include "net/probe.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/handle.h"

enum { BANNER_MAX = 255 };

struct pv_probe {
    uv_loop_t *loop;
    pv_tcp *tcp; /* while connecting */
    uv_poll_t poll;
    uv_timer_t timer;
    int fd;
    int handles; /* open ones */
    int want_banner;
    int done;
    uint64_t deadline;
    char banner[BANNER_MAX + 1];
    size_t len;
    pv_err err;
    pv_probe_cb cb;
    void *arg;
};

static void deliver(pv_probe *p)
{
    p->cb(p->arg, p->err.status == PV_OK ? p->banner : NULL,
          p->err.status == PV_OK ? NULL : &p->err);
    pv_free(p);
}

static void closed(pv_probe *p)
{
    if (--p->handles > 0) return;
    close(p->fd);
    deliver(p);
}

static void on_poll_closed(uv_handle_t *handle)
{
    closed(PV_OWNER(handle, pv_probe, poll));
}

static void on_timer_closed(uv_handle_t *handle)
{
    closed(PV_OWNER(handle, pv_probe, timer));
}

static void finish(pv_probe *p)
{
    if (p->done) return;
    p->done = 1;
    uv_close((uv_handle_t *)&p->poll, on_poll_closed);
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    pv_probe *p = PV_OWNER(poll, pv_probe, poll);
    ssize_t got = recv(p->fd, p->banner + p->len, BANNER_MAX - p->len, 0);
    char *end;
    (void)status;
    (void)events;
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        pv_fail(&p->err, PV_EUNAVAILABLE,
                "the port answers, but the connection was closed before a banner came");
        finish(p);
        return;
    }
    p->len += (size_t)got;
    end = memchr(p->banner, '\n', p->len);
    if (end == NULL && p->len < BANNER_MAX) return;
    if (end == NULL) end = p->banner + p->len;
    if (end > p->banner && end[-1] == '\r') end--;
    *end = '\0';
    finish(p);
}

static void on_timeout(uv_timer_t *timer)
{
    pv_probe *p = PV_OWNER(timer, pv_probe, timer);
    pv_fail(&p->err, PV_ETIMEOUT, "the port answers, but no banner came in time");
    finish(p);
}

static void on_tcp(void *arg, int fd, const pv_err *why)
{
    pv_probe *p = arg;
    uint64_t now = uv_now(p->loop);
    p->tcp = NULL;
    if (why != NULL) {
        p->err = *why;
        deliver(p);
        return;
    }
    p->fd = fd;
    p->handles = 2;
    uv_poll_init(p->loop, &p->poll, fd);
    uv_timer_init(p->loop, &p->timer);
    if (!p->want_banner) {
        finish(p);
        return;
    }
    uv_poll_start(&p->poll, UV_READABLE, on_readable);
    uv_timer_start(&p->timer, on_timeout, p->deadline > now ? p->deadline - now : 0, 0);
}

pv_status pv_probe_start(pv_probe **out, uv_loop_t *loop, const pv_probe_options *options,
                         pv_probe_cb cb, void *arg, pv_err *err)
{
    pv_probe *p = pv_alloc(sizeof *p);
    pv_tcp_options tcp = options->tcp;
    pv_status status;
    *out = NULL;
    if (tcp.timeout_ms <= 0) tcp.timeout_ms = 5000;
    p->loop = loop;
    p->want_banner = options->banner;
    p->cb = cb;
    p->arg = arg;
    status = pv_tcp_connect(&p->tcp, loop, &tcp, on_tcp, p, err);
    if (status != PV_OK) {
        pv_free(p);
        return status;
    }
    p->deadline = uv_now(loop) + (uint64_t)tcp.timeout_ms;
    *out = p;
    return PV_OK;
}

void pv_probe_cancel(pv_probe *p)
{
    if (p->tcp != NULL) {
        pv_tcp_cancel(p->tcp);
        return;
    }
    if (p->done) return;
    pv_fail(&p->err, PV_ECANCELED, "canceled");
    finish(p);
}
