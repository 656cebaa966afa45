/* The HTTP server on the loopback: requests, answers, limits, times. */
#include "server_util.h"

#include <fcntl.h>
#include <sys/wait.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define LAST(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static void answers_and_keeps_the_connection(void **state)
{
    site s;
    char *got;
    int fd;
    site_open(&s, *state, NULL);
    fd = dial(&s);
    say(&s, fd, GET("/hello"));
    got = hear(&s, fd, "\r\n\r\nhello");
    assert_starts(got, "HTTP/1.1 200 OK\r\nDate: ");
    assert_has(got, " GMT\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n");
    assert_null(strstr(got, "Connection"));
    say(&s, fd, "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_has(hear(&s, fd, "\r\n\r\n"), "\r\nContent-Length: 5\r\n");
    say(&s, fd, "\r\n" GET("/nowhere?a=%20b"));
    got = hear(&s, fd, "}\n");
    assert_starts(got, "HTTP/1.1 404 Not Found\r\n");
    assert_has(got, "\r\nContent-Type: application/problem+json\r\n");
    assert_has(got, "\r\n\r\n{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
                    "\"detail\":\"no \\\"such\\\"\\u0009thing\"}\n");
    assert_int_equal(pv_httpd_connections(s.server), 1);
    say(&s, fd, LAST("/hello"));
    assert_has(hear(&s, fd, NULL), "\r\nConnection: close\r\n");
    close(fd);
    assert_string_equal(s.seen, "GET /hello\nHEAD /hello\nGET /nowhere?a=%20b\nGET /hello\n");
    site_close(&s);
}

static void speaks_http_1_0(void **state)
{
    site s;
    int fd;
    site_open(&s, *state, NULL);
    assert_has(ask(&s, "GET /hello HTTP/1.0\r\n\r\n"), "\r\nConnection: close\r\n\r\nhello");
    fd = dial(&s);
    say(&s, fd, "GET /hello HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    assert_has(hear(&s, fd, "hello"), "\r\nConnection: keep-alive\r\n");
    close(fd);
    site_close(&s);
}

static void answers_pipelined_requests_in_order(void **state)
{
    site s;
    char *got, *first, *second, *third;
    site_open(&s, *state, NULL);
    got = ask(&s, GET("/slow") GET("/hello") "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: "
                                             "4\r\n\r\nthis" LAST("/slow"));
    assert_int_equal(s.calls, 4);
    assert_non_null(first = strstr(got, "\r\n\r\nslow"));
    assert_non_null(second = strstr(first, "\r\n\r\nhello"));
    assert_non_null(third = strstr(second, "\r\n\r\nthis"));
    assert_non_null(strstr(third, "\r\n\r\nslow"));
    site_close(&s);
}

enum { CLIENTS = 40 };

static void dial_all(site *s, int *fds)
{
    for (int i = 0; i < CLIENTS; i++) fds[i] = dial(s);
    for (int i = 0; i < 50 || pv_httpd_connections(s->server) < CLIENTS; i++) turn(s);
}

/* All ask before the loop turns once, and have their answers after it; the last one's may be NULL.
 */
static void ask_in_a_turn(site *s, const int *fds, const char *last, const char *last_answer)
{
    char got[512];
    for (int i = 0; i < CLIENTS; i++) {
        const char *text = i == CLIENTS - 1 ? last : GET("/hello");
        assert_true(send(fds[i], text, strlen(text), 0) > 0);
    }
    usleep(20000);
    uv_run(&s->f->loop, UV_RUN_NOWAIT);
    uv_run(&s->f->loop, UV_RUN_NOWAIT); /* before it would wait */
    for (int i = 0; i < CLIENTS; i++) {
        const char *end = i == CLIENTS - 1 ? last_answer : "hello";
        ssize_t n = end != NULL ? recv(fds[i], got, sizeof got - 1, MSG_DONTWAIT) : 0;
        if (end == NULL) continue;
        assert_true(n > 7);
        got[n] = '\0';
        assert_string_equal(got + n - strlen(end), end);
    }
}

static void hang_up_all(site *s, const int *fds)
{
    for (int i = 0; i < CLIENTS; i++) close(fds[i]);
    for (int i = 0; i < 50; i++) turn(s);
}

static void answers_within_the_turn(void **state)
{
    int fds[CLIENTS];
    site s;
    site_open(&s, *state, NULL);
    dial_all(&s, fds);
    for (int round = 1; round <= 3; round++) {
        ask_in_a_turn(&s, fds, GET("/hello"), "hello");
        assert_int_equal(s.calls, CLIENTS * round);
    }
    hang_up_all(&s, fds);
    site_close(&s);
}

/* What was answered before in the turn is sent, as if the server had gone on. */
static void sends_answers_before_it_closes(void **state)
{
    int fds[CLIENTS];
    site s;
    site_open(&s, *state, NULL);
    dial_all(&s, fds);
    ask_in_a_turn(&s, fds, GET("/close"), NULL);
    hang_up_all(&s, fds);
    site_open(&s, *state, NULL);
    dial_all(&s, fds);
    ask_in_a_turn(&s, fds, GET("/drain"), "drained");
    for (int i = 0; i < CLIENTS - 1; i++) /* idle ones go */
        assert_string_equal(hear(&s, fds[i], NULL), "");
    hang_up_all(&s, fds);
    site_close(&s);
}

typedef struct alarm_of {
    uv_timer_t timer;
    site *s;
} alarm_of;

static void answer_held(uv_timer_t *timer)
{
    alarm_of *a = (alarm_of *)(void *)timer;
    reply(a->s->held, 200, "hello");
}

static void only_wake(uv_timer_t *timer)
{
    (void)timer;
}

/* What a timer answers goes before the loop waits again, here for three seconds. */
static void sends_what_timers_answer(void **state)
{
    uv_timer_t wake;
    alarm_of a;
    site s;
    pid_t client = 0;
    int fd, status;
    site_open(&s, *state, NULL);
    fd = dial(&s);
    assert_true(send(fd, GET("/hold"), strlen(GET("/hold")), 0) > 0);
    while (s.held == NULL) turn(&s);
    client = fork();
    assert_true(client >= 0);
    if (client == 0) {
        uint64_t begun = uv_hrtime();
        char got[512];
        ssize_t n = recv(fd, got, sizeof got, 0);
        _exit(n > 0 && uv_hrtime() - begun < (uint64_t)2 * 1000 * 1000 * 1000 ? 0 : 1);
    }
    a.s = &s;
    uv_timer_init(&s.f->loop, &a.timer);
    uv_timer_init(&s.f->loop, &wake);
    uv_timer_start(&a.timer, answer_held, 50, 0);
    uv_timer_start(&wake, only_wake, 3000, 3000);
    while (waitpid(client, &status, WNOHANG) == 0) uv_run(&s.f->loop, UV_RUN_ONCE);
    assert_int_equal(status, 0);
    uv_close((uv_handle_t *)&a.timer, NULL);
    uv_close((uv_handle_t *)&wake, NULL);
    close(fd);
    for (int i = 0; i < 50; i++) turn(&s);
    site_close(&s);
}

/* A request that waits behind much to be sent goes on when the client takes that at once. */
static void goes_on_after_a_large_answer(void **state)
{
    site s;
    int fd, size = 1 << 20;
    char *got;
    site_open(&s, *state, NULL);
    fd = dial(&s);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    say(&s, fd, GET("/big") GET("/hello") LAST("/hello"));
    for (size_t len = 0; len < BIG_BYTES;) {
        static char piece[BIG_BYTES];
        ssize_t n = recv(fd, piece, sizeof piece - len, MSG_DONTWAIT);
        if (n > 0) len += (size_t)n;
        turn(&s);
    }
    got = hear(&s, fd, NULL);
    assert_has(got, "hello");
    assert_int_equal(s.calls, 3);
    close(fd);
    site_close(&s);
}

/* A client that asks and asks without reading does not make the server collect answers. */
static void waits_for_a_client_that_does_not_read(void **state)
{
    static char body[60000];
    pv_httpd_options o = {0};
    site s;
    char head[100];
    int fd, asked, answered = 0;
    size_t len = 0;
    site_open(&s, *state, &o);
    fd = dial(&s);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    memset(body, 'x', sizeof body);
    snprintf(head, sizeof head, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
             sizeof body);
    for (asked = 0; asked < 1000; asked++) {
        size_t left = strlen(head) + sizeof body, idle = 0;
        char *request = malloc(left);
        assert_non_null(request);
        memcpy(request, head, strlen(head));
        memcpy(request + strlen(head), body, sizeof body);
        for (size_t at = 0; at < left && idle < 200;) {
            ssize_t n = send(fd, request + at, left - at, MSG_NOSIGNAL);
            idle = n > 0 ? 0 : idle + 1;
            if (n > 0) at += (size_t)n;
            turn(&s);
        }
        free(request);
        if (idle > 0) break;
    }
    assert_true(asked < 1000 && s.calls < 1000);
    for (int i = 0; i < 200; i++) {
        char piece[65536];
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        if (n > 0) {
            len += (size_t)n;
            i = 0;
        }
        turn(&s);
    }
    answered = (int)(len / sizeof body);
    assert_true(answered >= asked && s.calls == answered);
    close(fd);
    site_close(&s);
}

static void takes_bodies_whole_and_in_chunks(void **state)
{
    site s;
    int fd;
    site_open(&s, *state, NULL);
    fd = dial(&s);
    say(&s, fd, "PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nwh");
    say(&s, fd, "ole bod");
    say(&s, fd, "yPUT /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nin \r");
    assert_has(hear(&s, fd, "\r\n\r\nwhole body"), "\r\nX-A:b\r\n");
    say(&s, fd, "\n006;ext\r\nchu");
    say(&s, fd, "nks\r\n0\r\nX-Trailer: a\r\n\r\n" GET("/hello"));
    assert_has(hear(&s, fd, "\r\n\r\nhello"), "\r\n\r\nin chunks");
    say(&s, fd, "PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    assert_has(hear(&s, fd, "\r\n\r\n"), "\r\nContent-Length: 0\r\n");
    close(fd);
    site_close(&s);
}

static void says_continue_to_those_who_wait(void **state)
{
    pv_httpd_options o = {.limits = {.body_bytes = 10}};
    site s;
    char *got;
    int fd;
    site_open(&s, *state, &o);
    fd = dial(&s);
    say(&s, fd,
        "PUT /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    assert_string_equal(hear(&s, fd, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    say(&s, fd, "body");
    assert_starts(hear(&s, fd, "\r\n\r\nbody"), "HTTP/1.1 200 OK\r\n");
    /* Who does not wait needs none; who would send too much gets none. */
    say(&s, fd,
        "PUT /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody");
    assert_starts(hear(&s, fd, "\r\n\r\nbody"), "HTTP/1.1 200 OK\r\n");
    say(&s, fd,
        "PUT /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n");
    got = hear(&s, fd, NULL);
    assert_starts(got, "HTTP/1.1 413 ");
    close(fd);
    assert_starts(ask(&s, "PUT /echo HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n"),
                  "HTTP/1.1 417 ");
    site_close(&s);
}

static char *ask_padded(site *s, const char *before, size_t padding, const char *after)
{
    pv_buf text = {0};
    char *got;
    int fd = dial(s);
    pv_buf_adds(&text, before);
    for (size_t i = 0; i < padding; i++) pv_buf_addc(&text, 'a');
    pv_buf_adds(&text, after);
    say_bytes(s, fd, text.data, text.len);
    got = hear(s, fd, NULL);
    pv_buf_deinit(&text);
    close(fd);
    return got;
}

static void refuses_what_is_too_large(void **state)
{
    pv_httpd_options o = {.limits = {.head_bytes = 1000, .body_bytes = 100000}};
    site s;
    char *got;
    site_open(&s, *state, &o);
    got = ask_padded(&s, "GET /hello HTTP/1.1\r\nHost: x\r\nX: ", 1000, "\r\n\r\n");
    assert_starts(got, "HTTP/1.1 431 ");
    assert_has(got, "\"detail\":\"the header is too large\"");
    assert_starts(ask_padded(&s, "GET /", 2000000, ""), "HTTP/1.1 414 ");
    assert_starts(ask_padded(&s, "GET / HTTP/1.1\r\nX: ", 2000000, ""), "HTTP/1.1 431 ");
    assert_starts(ask_padded(&s, "PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n",
                             2000000, ""),
                  "HTTP/1.1 413 ");
    assert_starts(ask_padded(&s,
                             "PUT /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "100000\r\n",
                             2000000, ""),
                  "HTTP/1.1 413 ");
    assert_int_equal(s.calls, 0);
    site_close(&s);
}

#define P "POST /echo HTTP/1.1\r\nHost: x\r\n"
#define EVIL "GET /evil HTTP/1.1\r\nHost: x\r\n\r\n"

/* Nothing behind a request with an unclear end is ever taken for a request. */
static void is_not_smuggled_through(void **state)
{
    static const char *const attacks[] = {
        P "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" EVIL,
        P "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n" EVIL,
        P "Content-Length: 0\r\nContent-Length: 44\r\n\r\n" EVIL,
        P "Content-Length: 0\r\nContent-Length: 0\r\n\r\n" EVIL,
        P "Content-Length: 0, 0\r\n\r\n" EVIL,
        P "Content-Length: +0\r\n\r\n" EVIL,
        P "Content-Length: 0x0\r\n\r\n" EVIL,
        P "Content-Length : 0\r\n\r\n" EVIL,
        P "Content-Length: 18446744073709551616\r\n\r\n" EVIL,
        P "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" EVIL,
        P "Transfer-Encoding:\x0b"
          "chunked\r\n\r\n0\r\n\r\n" EVIL,
        P "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" EVIL,
        P "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" EVIL,
        P "Transfer-Encoding: chunked\r\n\r\n1\r\naXX0\r\n\r\n" EVIL,
        P "Transfer-Encoding: chunked\r\n\r\n0\n\r\n" EVIL,
        P "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" EVIL,
        P "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n" EVIL,
        P "X-A: b\r\n Content-Length: 5\r\n\r\n" EVIL,
        P "X-A: b\rContent-Length: 5\r\n\r\n" EVIL,
        P "Host: y\r\n\r\n" EVIL,
        "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" EVIL,
        "GET /echo HTTP/1.1\nHost: x\n\n" EVIL,
        "GET /echo HTTP/1.1\r\nHost: x\n\r\n" EVIL,
        "GET /echo HTTP/1.1\r\n\r\n" EVIL,
        "GET /echo\r\n\r\n" EVIL,
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" EVIL,
        "\r\n\r\n" EVIL,
        "\x16\x03\x01\x02\x01\x01\r\n\r\n" EVIL,
    };
    site s;
    site_open(&s, *state, NULL);
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
        char *got = ask(&s, attacks[i]);
        int status = 0;
        if (sscanf(got, "HTTP/1.1 %d ", &status) != 1 ||
            (status != 400 && status != 413 && status != 501 && status != 505) ||
            strstr(got + 8, "\nHTTP/1.1 ") != NULL)
            fail_msg("attack %zu: %s", i, got);
        assert_has(got, "\r\nConnection: close\r\n");
    }
    assert_string_equal(s.seen, "");
    site_close(&s);
}

static void times_out_slow_heads_and_bodies_only(void **state)
{
    pv_httpd_options o = {.limits = {.head_ms = 300, .body_ms = 300, .idle_ms = 60000}};
    site s;
    int slow_head, slow_body, silent, good;
    uint64_t began = uv_hrtime();
    site_open(&s, *state, &o);
    slow_head = dial(&s);
    slow_body = dial(&s);
    silent = dial(&s);
    good = dial(&s);
    say(&s, slow_body, "PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
    say(&s, slow_head, "GET /hello HTTP/1.1\r\nX: ");
    while (uv_hrtime() - began < (uint64_t)600 * 1000 * 1000) { /* a byte now and then is no help */
        say(&s, slow_head, "a");
        say(&s, slow_body, "b");
        say(&s, good, GET("/hello"));
        assert_starts(hear(&s, good, "hello"), "HTTP/1.1 200 ");
    }
    assert_starts(hear(&s, slow_head, NULL), "HTTP/1.1 408 ");
    assert_starts(hear(&s, slow_body, NULL), "HTTP/1.1 408 ");
    assert_string_equal(hear(&s, silent, NULL), "");
    assert_null(strstr(s.seen, "PUT"));
    say(&s, good, GET("/slow"));
    hear(&s, good, "slow");
    close(slow_head), close(slow_body), close(silent), close(good);
    site_close(&s);
}

static void closes_idle_connections(void **state)
{
    pv_httpd_options o = {.limits = {.idle_ms = 50}};
    site s;
    int fd;
    site_open(&s, *state, &o);
    fd = dial(&s);
    say(&s, fd, GET("/slow")); /* takes longer than idle_ms, which is not counted then */
    hear(&s, fd, "slow");
    assert_string_equal(hear(&s, fd, NULL), "");
    close(fd);
    while (pv_httpd_connections(s.server) > 0) turn(&s);
    site_close(&s);
}

static void limits_connections(void **state)
{
    pv_httpd_options o = {.limits = {.connections = 3, .per_address = 1000}};
    site s;
    int fd[3], more;
    site_open(&s, *state, &o);
    for (int i = 0; i < 3; i++) {
        fd[i] = dial(&s);
        say(&s, fd[i], GET("/hello"));
        hear(&s, fd[i], "hello");
        usleep(2000);
    }
    more = dial(&s); /* the longest idle one has to go */
    assert_string_equal(hear(&s, fd[0], NULL), "");
    say(&s, more, "GET");
    say(&s, fd[1], "GET");
    say(&s, fd[2], "GET");
    for (int i = 0; i < 10; i++) turn(&s);
    assert_starts(ask(&s, GET("/hello")), "HTTP/1.1 503 ");
    for (int i = 0; i < 3; i++) close(fd[i]);
    close(more);
    while (pv_httpd_connections(s.server) > 0) turn(&s);
    assert_starts(ask(&s, LAST("/hello")), "HTTP/1.1 200 ");
    site_close(&s);
}

static void limits_connections_of_an_address(void **state)
{
    pv_httpd_options o = {.limits = {.per_address = 2}};
    site s;
    int one, two;
    site_open(&s, *state, &o);
    one = dial(&s);
    two = dial(&s);
    assert_starts(ask(&s, GET("/hello")), "HTTP/1.1 429 ");
    close(one);
    while (pv_httpd_connections(s.server) > 1) turn(&s);
    assert_starts(ask(&s, LAST("/hello")), "HTTP/1.1 200 ");
    close(two);
    site_close(&s);
}

static void answers_a_client_that_has_closed_its_half(void **state)
{
    site s;
    int fd;
    site_open(&s, *state, NULL);
    fd = dial(&s);
    say(&s, fd, GET("/slow") GET("/hello"));
    shutdown(fd, SHUT_WR);
    assert_has(hear(&s, fd, NULL), "\r\n\r\nhello");
    close(fd);
    fd = dial(&s);
    say(&s, fd, "GET /hel");
    shutdown(fd, SHUT_WR);
    assert_string_equal(hear(&s, fd, NULL), "");
    close(fd);
    site_close(&s);
}

static void refuses_malformed_answers(void **state)
{
    const char *const bad[] = {"X: a\r\nY: b",
                               "X a: b",
                               "X",
                               ": b",
                               "Content-Length: 5",
                               "transfer-encoding: chunked",
                               "Connection: close",
                               "Date: x"};
    pv_bytes none = {"", 0};
    site s;
    pv_err err;
    site_open(&s, *state, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0] + 2; i++) {
        int fd = dial(&s), fields = i < sizeof bad / sizeof bad[0];
        const char *const *field = fields ? &bad[i] : NULL;
        say(&s, fd, LAST("/hold"));
        while (s.held == NULL) turn(&s);
        assert_int_equal(pv_exchange_start(s.held, fields ? 200 : 99, field, (size_t)fields, &err),
                         PV_EINVAL);
        if (i % 2 == 0)
            assert_int_equal(
                pv_exchange_respond(s.held, fields ? 200 : 600, field, (size_t)fields, none, &err),
                PV_EINVAL);
        else pv_exchange_finish(s.held);
        s.held = NULL;
        assert_starts(hear(&s, fd, NULL), "HTTP/1.1 500 ");
        close(fd);
    }
    site_close(&s);
}

static void answers_without_a_body(void **state)
{
    pv_bytes text = {"not sent", 8};
    site s;
    char *got;
    int fd;
    site_open(&s, *state, NULL);
    fd = dial(&s);
    say(&s, fd, LAST("/hold"));
    while (s.held == NULL) turn(&s);
    assert_int_equal(pv_exchange_respond(s.held, 204, NULL, 0, text, NULL), PV_OK);
    got = hear(&s, fd, NULL);
    assert_null(strstr(got, "Content-Length"));
    assert_null(strstr(got, "not sent"));
    close(fd);
    site_close(&s);
}

static void aborts(void **state)
{
    site s;
    int fd;
    site_open(&s, *state, NULL);
    fd = dial(&s);
    say(&s, fd, GET("/hold") GET("/hello"));
    while (s.held == NULL) turn(&s);
    pv_exchange_abort(s.held);
    assert_string_equal(hear(&s, fd, NULL), "");
    assert_int_equal(s.calls, 1);
    assert_int_equal(s.gone, 0);
    close(fd);
    site_close(&s);
}

static void on_drain_done(void *arg, int cut)
{
    *(int *)arg = cut + 1;
}

static void drains(void **state)
{
    site s;
    int idle, busy, half, over = 0, port;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    site_open(&s, *state, NULL);
    idle = dial(&s);
    say(&s, idle, GET("/hello"));
    hear(&s, idle, "hello");
    busy = dial(&s);
    say(&s, busy, GET("/slow"));
    half = dial(&s);
    say(&s, half, "GET /hello HT");
    while (s.calls < 2) turn(&s);
    for (int i = 0; i < 50; i++) turn(&s);
    pv_httpd_drain(s.server, 20000, on_drain_done, &over);
    assert_string_equal(hear(&s, idle, NULL), "");
    close(idle);
    say(&s, half, "TP/1.1\r\nHost: x\r\n\r\n");
    assert_has(hear(&s, half, NULL), "\r\nConnection: close\r\n\r\nhello");
    close(half);
    port = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_port = htons((uint16_t)s.port);
    assert_int_equal(connect(port, (struct sockaddr *)&a, sizeof a), -1);
    close(port);
    assert_int_equal(over, 0);
    assert_has(hear(&s, busy, NULL), "\r\nConnection: close\r\n\r\nslow");
    close(busy);
    run_until(&s.f->loop, &over);
    assert_int_equal(over, 1);
    site_close(&s);
}

static void drains_within_its_time(void **state)
{
    site s;
    int fd, over = 0;
    site_open(&s, *state, NULL);
    fd = dial(&s);
    say(&s, fd, GET("/hold"));
    while (s.held == NULL) turn(&s);
    pv_httpd_drain(s.server, 50, on_drain_done, &over);
    run_until(&s.f->loop, &over);
    assert_int_equal(over, 2);
    assert_int_equal(s.gone, 1);
    pv_exchange_problem(s.held, 500, NULL);
    close(fd);
    site_close(&s);
    site_open(&s, *state, NULL); /* nobody there */
    over = 0;
    pv_httpd_drain(s.server, 60000, on_drain_done, &over);
    run_until(&s.f->loop, &over);
    assert_int_equal(over, 1);
    site_close(&s);
}

static void closes_with_everything_open(void **state)
{
    site s;
    int held, partial;
    site_open(&s, *state, NULL);
    held = dial(&s);
    say(&s, held, GET("/hold"));
    partial = dial(&s);
    say(&s, partial, "PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
    while (s.held == NULL) turn(&s);
    for (int i = 0; i < 20; i++) turn(&s);
    pv_httpd_close(s.server);
    assert_int_equal(s.gone, 0); /* only from the loop */
    assert_int_equal(pv_exchange_start(s.held, 200, NULL, 0, NULL), PV_OK);
    for (int i = 0; i < 20; i++) turn(&s);
    assert_int_equal(s.gone, 1);
    pv_exchange_finish(s.held);
    close(held), close(partial);
    pv_httpd_close(NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, net_setup, net_teardown)
    const struct CMUnitTest tests[] = {
        T(answers_and_keeps_the_connection),
        T(speaks_http_1_0),
        T(answers_pipelined_requests_in_order),
        T(answers_within_the_turn),
        T(sends_answers_before_it_closes),
        T(sends_what_timers_answer),
        T(goes_on_after_a_large_answer),
        T(waits_for_a_client_that_does_not_read),
        T(takes_bodies_whole_and_in_chunks),
        T(says_continue_to_those_who_wait),
        T(refuses_what_is_too_large),
        T(is_not_smuggled_through),
        T(times_out_slow_heads_and_bodies_only),
        T(closes_idle_connections),
        T(limits_connections),
        T(limits_connections_of_an_address),
        T(answers_a_client_that_has_closed_its_half),
        T(refuses_malformed_answers),
        T(answers_without_a_body),
        T(aborts),
        T(drains),
        T(drains_within_its_time),
        T(closes_with_everything_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
