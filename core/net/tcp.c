#include "net/tcp.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/handle.h"
#include "net/netns.h"

enum { DEFAULT_TIMEOUT_MS = 30000 };

/* Outlives its attempt until libuv has closed it. */
typedef struct attempt {
    uv_poll_t poll;
    struct pv_tcp *tcp;
} attempt;

struct pv_tcp {
    uv_loop_t *loop;
    uv_getaddrinfo_t resolve;
    uv_timer_t timer; /* of the whole attempt; its closing ends it */
    uv_timer_t slice; /* of one address, so that a silent one does not eat all the time */
    attempt *attempt; /* of the socket being connected */
    struct addrinfo *addresses;
    struct addrinfo *at;
    char *host;
    char *netns;
    int port;
    int timeout_ms;
    int fd;
    int resolving;
    int open_timers;
    int done;
    uint64_t deadline;
    pv_err err;
    pv_tcp_cb cb;
    void *arg;
};

static void try_address(pv_tcp *tcp);

static void free_tcp(pv_tcp *tcp)
{
    pv_free(tcp->host);
    pv_free(tcp->netns);
    pv_free(tcp);
}

static void deliver(pv_tcp *tcp)
{
    int fd = tcp->fd;
    if (tcp->open_timers > 0 || tcp->resolving) return;
    if (tcp->addresses != NULL) freeaddrinfo(tcp->addresses);
    tcp->cb(tcp->arg, fd, fd >= 0 ? NULL : &tcp->err);
    free_tcp(tcp);
}

static void on_timer_closed(uv_handle_t *handle)
{
    pv_tcp *tcp = PV_OWNER(handle, pv_tcp, timer);
    tcp->open_timers--;
    deliver(tcp);
}

static void on_slice_closed(uv_handle_t *handle)
{
    pv_tcp *tcp = PV_OWNER(handle, pv_tcp, slice);
    tcp->open_timers--;
    deliver(tcp);
}

static void on_attempt_closed(uv_handle_t *handle)
{
    pv_free(PV_OWNER(handle, attempt, poll));
}

static void drop_poll(pv_tcp *tcp)
{
    if (tcp->attempt != NULL) uv_close((uv_handle_t *)&tcp->attempt->poll, on_attempt_closed);
    tcp->attempt = NULL;
}

static void drop_socket(pv_tcp *tcp)
{
    drop_poll(tcp);
    if (tcp->fd >= 0) close(tcp->fd);
    tcp->fd = -1;
}

/* Ends the attempt: with tcp->fd when it is open, with tcp->err otherwise. */
static void finish(pv_tcp *tcp)
{
    if (tcp->done) return;
    tcp->done = 1;
    drop_poll(tcp);
    if (tcp->resolving) uv_cancel((uv_req_t *)&tcp->resolve);
    uv_close((uv_handle_t *)&tcp->timer, on_timer_closed);
    uv_close((uv_handle_t *)&tcp->slice, on_slice_closed);
}

static void address_failed(pv_tcp *tcp)
{
    drop_socket(tcp);
    tcp->at = tcp->at->ai_next;
    try_address(tcp);
}

static void refused(pv_tcp *tcp, int error)
{
    pv_fail(&tcp->err, error == ETIMEDOUT ? PV_ETIMEOUT : PV_EUNAVAILABLE,
            "connect to %s port %d: %s", tcp->host, tcp->port, strerror(error));
    address_failed(tcp);
}

static void on_connected(uv_poll_t *poll, int status, int events)
{
    pv_tcp *tcp = PV_OWNER(poll, attempt, poll)->tcp;
    int error = 0;
    socklen_t len = sizeof error;
    (void)events;
    if (getsockopt(tcp->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) error = errno;
    if (error == 0 && status < 0) error = -status; /* libuv says EBADF for any POLLERR */
    if (error != 0) refused(tcp, error);
    else finish(tcp);
}

static void on_slice(uv_timer_t *timer)
{
    refused(PV_OWNER(timer, pv_tcp, slice), ETIMEDOUT);
}

static void start_slice(pv_tcp *tcp)
{
    uint64_t now = uv_now(tcp->loop), left = tcp->deadline > now ? tcp->deadline - now : 1;
    unsigned count = 1; /* of addresses that are left, this one too */
    for (const struct addrinfo *a = tcp->at->ai_next; a != NULL; a = a->ai_next) count++;
    uv_timer_start(&tcp->slice, on_slice, left / count + 1, 0);
}

static void try_address(pv_tcp *tcp)
{
    int one = 1;
    if (tcp->at == NULL) {
        finish(tcp);
        return;
    }
    if (pv_netns_socket(&tcp->fd, tcp->netns, tcp->at->ai_family, SOCK_STREAM, &tcp->err) !=
        PV_OK) {
        address_failed(tcp);
        return;
    }
    setsockopt(tcp->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(tcp->fd, tcp->at->ai_addr, tcp->at->ai_addrlen) != 0 && errno != EINPROGRESS) {
        refused(tcp, errno);
        return;
    }
    tcp->attempt = pv_alloc(sizeof *tcp->attempt);
    tcp->attempt->tcp = tcp;
    uv_poll_init(tcp->loop, &tcp->attempt->poll, tcp->fd);
    uv_poll_start(&tcp->attempt->poll, UV_WRITABLE, on_connected);
    start_slice(tcp);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
    pv_tcp *tcp = PV_OWNER(req, pv_tcp, resolve);
    tcp->resolving = 0;
    tcp->addresses = list;
    if (tcp->done) {
        deliver(tcp);
        return;
    }
    if (status != 0) {
        pv_fail(&tcp->err, PV_ENOTFOUND, "cannot resolve host name '%s': %s", tcp->host,
                uv_strerror(status));
        finish(tcp);
        return;
    }
    tcp->at = list;
    try_address(tcp);
}

static void on_timeout(uv_timer_t *timer)
{
    pv_tcp *tcp = PV_OWNER(timer, pv_tcp, timer);
    drop_socket(tcp);
    pv_fail(&tcp->err, PV_ETIMEOUT, "connect to %s port %d: no answer after %.1f s", tcp->host,
            tcp->port, tcp->timeout_ms / 1000.0);
    finish(tcp);
}

static void on_begin(uv_timer_t *timer)
{
    try_address(PV_OWNER(timer, pv_tcp, slice));
}

/* An address is parsed at once; a name goes to a worker thread. */
static int resolve(pv_tcp *tcp)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    char service[8];
    int rc;
    snprintf(service, sizeof service, "%d", tcp->port);
    hints.ai_flags = AI_NUMERICSERV | AI_NUMERICHOST;
    if (getaddrinfo(tcp->host, service, &hints, &tcp->addresses) == 0) {
        tcp->at = tcp->addresses;
        return 0;
    }
    hints.ai_flags = AI_NUMERICSERV;
    rc = uv_getaddrinfo(tcp->loop, &tcp->resolve, on_resolved, tcp->host, service, &hints);
    tcp->resolving = rc == 0;
    return rc;
}

pv_status pv_tcp_connect(pv_tcp **out, uv_loop_t *loop, const pv_tcp_options *options, pv_tcp_cb cb,
                         void *arg, pv_err *err)
{
    pv_tcp *tcp;
    int rc;
    *out = NULL;
    if (options->host == NULL || options->host[0] == '\0')
        return pv_fail(err, PV_EINVAL, "host is empty");
    if (options->port < 1 || options->port > 65535) {
        return pv_fail(err, PV_EINVAL, "port %d is not between 1 and 65535", options->port);
    }
    tcp = pv_alloc(sizeof *tcp);
    tcp->loop = loop;
    tcp->host = pv_strdup(options->host);
    tcp->netns = pv_strdup(options->netns);
    tcp->port = options->port;
    tcp->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
    tcp->fd = -1;
    tcp->cb = cb;
    tcp->arg = arg;
    if ((rc = resolve(tcp)) != 0) {
        free_tcp(tcp);
        return pv_fail(err, PV_EINVAL, "host name '%s': %s", options->host, uv_strerror(rc));
    }
    uv_update_time(loop);
    tcp->deadline = uv_now(loop) + (uint64_t)tcp->timeout_ms;
    uv_timer_init(loop, &tcp->timer);
    uv_timer_init(loop, &tcp->slice);
    tcp->open_timers = 2;
    uv_timer_start(&tcp->timer, on_timeout, (uint64_t)tcp->timeout_ms, 0);
    if (tcp->addresses != NULL)
        uv_timer_start(&tcp->slice, on_begin, 0, 0); /* never call back early */
    *out = tcp;
    return PV_OK;
}

void pv_tcp_cancel(pv_tcp *tcp)
{
    if (tcp->done && tcp->fd < 0) return;
    drop_socket(tcp);
    pv_fail(&tcp->err, PV_ECANCELED, "connect to %s port %d: canceled", tcp->host, tcp->port);
    finish(tcp);
}
