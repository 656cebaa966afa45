/* Shared by the tests of the server: clients that are driven together with the loop, and a handler
 * with some routes. */
#ifndef PV_TESTS_SERVER_UTIL_H
#define PV_TESTS_SERVER_UTIL_H

#include "net_util.h"

#include <errno.h>
#include <sys/un.h>

#include "net/server.h"

enum { SLOW_MS = 100, BIG_BYTES = 300000 };

/* What the handler saw, and what a test lets it do. */
typedef struct site {
    fixture *f;
    pv_httpd *server;
    int port;
    int calls;
    char seen[4096]; /* "METHOD target\n" of every request */
    pv_exchange *held;
    int drained, gone;
    int open_timers;
} site;

typedef struct slow {
    uv_timer_t timer;
    site *s;
    pv_exchange *exchange;
} slow;

static inline void reply(pv_exchange *x, int status, const char *text)
{
    const char *const fields[] = {"Content-Type: text/plain"};
    pv_err err;
    assert_int_equal(
        pv_exchange_respond(x, status, fields, 1, (pv_bytes){text, strlen(text)}, &err), PV_OK);
}

static inline void on_slow_closed(uv_handle_t *handle)
{
    slow *w = (slow *)(void *)handle;
    w->s->open_timers--;
    free(w);
}

static inline void on_slow(uv_timer_t *timer)
{
    slow *w = (slow *)(void *)timer;
    reply(w->exchange, 200, "slow");
    uv_close((uv_handle_t *)timer, on_slow_closed);
}

static inline void count_drained(void *arg)
{
    ((site *)arg)->drained++;
}

static inline void count_gone(void *arg)
{
    ((site *)arg)->gone++;
}

static inline int path_is(const pv_request *r, const char *path)
{
    return r->head.path.len == strlen(path) && memcmp(r->head.path.data, path, strlen(path)) == 0;
}

static inline void answer(void *arg, pv_exchange *x)
{
    site *s = arg;
    const pv_request *r = pv_exchange_request(x);
    size_t used = strlen(s->seen);
    s->calls++;
    snprintf(s->seen + used, sizeof s->seen - used, "%.*s %.*s\n", (int)r->head.method.len,
             r->head.method.data, (int)r->head.target.len, r->head.target.data);
    if (path_is(r, "/hello")) {
        reply(x, 200, "hello");
    } else if (path_is(r, "/echo")) {
        const char *const fields[] = {"Content-Type: application/octet-stream", "X-A:b"};
        assert_int_equal(pv_exchange_respond(x, 200, fields, 2, r->body, NULL), PV_OK);
    } else if (path_is(r, "/slow")) {
        slow *w = calloc(1, sizeof *w);
        assert_non_null(w);
        w->s = s;
        w->exchange = x;
        s->open_timers++;
        uv_timer_init(&s->f->loop, &w->timer);
        uv_timer_start(&w->timer, on_slow, SLOW_MS, 0);
    } else if (path_is(r, "/big")) {
        char *body = malloc(BIG_BYTES);
        assert_non_null(body);
        memset(body, 'x', BIG_BYTES);
        assert_int_equal(pv_exchange_respond(x, 200, NULL, 0, (pv_bytes){body, BIG_BYTES}, NULL),
                         PV_OK);
        free(body);
    } else if (path_is(r, "/close")) {
        reply(x, 200, "not sent: it is cut with the rest");
        pv_httpd_close(s->server);
    } else if (path_is(r, "/drain")) {
        reply(x, 200, "drained");
        pv_httpd_drain(s->server, 60000, NULL, NULL);
    } else if (path_is(r, "/hold")) {
        pv_exchange_events events = {count_drained, count_gone, s};
        assert_null(s->held);
        s->held = x;
        pv_exchange_watch(x, &events);
    } else {
        pv_exchange_problem(x, 404, "no \"such\"\tthing");
    }
}

static inline void site_open(site *s, fixture *f, const pv_httpd_options *options)
{
    static const pv_httpd_options none;
    pv_err err;
    memset(s, 0, sizeof *s);
    s->f = f;
    if (pv_httpd_listen(&s->server, &f->loop, options != NULL ? options : &none, answer, s, &err) !=
        PV_OK)
        fail_msg("%s", err.msg);
    s->port = pv_httpd_port(s->server);
}

static inline void turn(site *s)
{
    uv_run(&s->f->loop, UV_RUN_NOWAIT);
    usleep(200);
}

static inline void site_close(site *s)
{
    pv_httpd_close(s->server);
    while (s->open_timers > 0) turn(s);
}

static inline int dial(site *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_port = htons((uint16_t)s->port);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* Sends all while the server runs; a server that closes meanwhile is no failure. */
static inline void say_bytes(site *s, int fd, const char *data, size_t len)
{
    size_t sent = 0;
    while (sent < len) {
        ssize_t n = send(fd, data + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) sent += (size_t)n;
        else if (errno != EAGAIN) return;
        turn(s);
    }
}

static inline void say(site *s, int fd, const char *text)
{
    say_bytes(s, fd, text, strlen(text));
}

/* Reads until the text ends so, or until the server closes when that is NULL. */
static inline char *hear(site *s, int fd, const char *end)
{
    static char got[1 << 16];
    size_t len = 0;
    uint64_t limit = uv_hrtime() + (uint64_t)20 * 1000 * 1000 * 1000;
    for (;;) {
        ssize_t n = recv(fd, got + len, sizeof got - 1 - len, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN)) break;
        if (n > 0) len += (size_t)n;
        got[len] = '\0';
        if (end != NULL && len >= strlen(end) && strcmp(got + len - strlen(end), end) == 0)
            return got;
        if (uv_hrtime() > limit) fail_msg("after 20 s only: %s", got);
        turn(s);
    }
    got[len] = '\0';
    if (end != NULL) fail_msg("closed after: %s", got);
    return got;
}

/* Says the text on a connection of its own and hears all until the server closes. */
static inline char *ask(site *s, const char *text)
{
    int fd = dial(s);
    char *got;
    say(s, fd, text);
    got = hear(s, fd, NULL);
    close(fd);
    return got;
}

static inline void assert_starts(const char *text, const char *with)
{
    if (strncmp(text, with, strlen(with)) != 0) fail_msg("'%s' does not start '%s'", text, with);
}

static inline void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) fail_msg("'%s' has no '%s'", text, part);
}

#endif
