/* Streamed answers: pieces, back-pressure, clients that leave in the middle. */
#include "server_util.h"

#define GET_HOLD "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"

static pv_status write_text(site *s, const char *text)
{
    return pv_exchange_write(s->held, (pv_bytes){text, strlen(text)}, NULL);
}

/* Asks on a new connection and begins to stream. */
static int begin(site *s, const char *request)
{
    const char *const fields[] = {"Content-Type: text/event-stream"};
    int fd = dial(s);
    s->held = NULL;
    say(s, fd, request);
    while (s->held == NULL) turn(s);
    assert_int_equal(write_text(s, "early"), PV_EINVAL);
    assert_int_equal(pv_exchange_start(s->held, 200, fields, 1, NULL), PV_OK);
    assert_int_equal(pv_exchange_start(s->held, 200, fields, 1, NULL), PV_EINVAL);
    return fd;
}

static void streams_pieces_as_they_come(void **state)
{
    site s;
    char *got;
    int fd;
    site_open(&s, *state, NULL);
    fd = begin(&s, GET_HOLD);
    got = hear(&s, fd, "\r\n\r\n");
    assert_has(got, "\r\nTransfer-Encoding: chunked\r\n");
    assert_null(strstr(got, "Content-Length"));
    assert_int_equal(write_text(&s, "data: 1\n\n"), PV_OK);
    assert_string_equal(hear(&s, fd, "\n\n\r\n"), "9\r\ndata: 1\n\n\r\n");
    assert_int_equal(write_text(&s, ""), PV_OK); /* is not the end */
    assert_int_equal(write_text(&s, "data: 2\n\n"), PV_OK);
    assert_string_equal(hear(&s, fd, "\n\n\r\n"), "9\r\ndata: 2\n\n\r\n");
    assert_int_equal(pv_exchange_pending(s.held), 0);
    pv_exchange_finish(s.held);
    assert_string_equal(hear(&s, fd, "0\r\n\r\n"), "0\r\n\r\n");
    say(&s, fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"); /* the connection goes on */
    hear(&s, fd, "hello");
    close(fd);
    fd = begin(&s, "HEAD /hold HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_int_equal(write_text(&s, "nothing"), PV_OK);
    pv_exchange_finish(s.held);
    assert_null(strstr(hear(&s, fd, NULL), "nothing"));
    close(fd);
    fd = begin(&s, "GET /hold HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_int_equal(write_text(&s, "all"), PV_OK);
    pv_exchange_finish(s.held);
    got = hear(&s, fd, NULL);
    assert_has(got, "\r\nConnection: close\r\n\r\nall");
    assert_null(strstr(got, "chunked"));
    close(fd);
    site_close(&s);
}

static void holds_back_who_writes_too_fast(void **state)
{
    static char piece[10000];
    pv_httpd_options o = {.limits = {.stream_bytes = 200000}};
    site s;
    size_t sent = 0, got = 0;
    char *last;
    int fd;
    pv_err err;
    site_open(&s, *state, &o);
    memset(piece, 'x', sizeof piece);
    fd = begin(&s, GET_HOLD);
    for (;;) {
        pv_status status = pv_exchange_write(s.held, (pv_bytes){piece, sizeof piece}, &err);
        if (status == PV_OK) sent += sizeof piece;
        if (status == PV_OK && sent < (size_t)100 << 20) continue;
        assert_says(&err, PV_ELIMIT, "not take its stream fast enough");
        break;
    }
    assert_true(pv_exchange_pending(s.held) > 0);
    assert_true(pv_exchange_pending(s.held) <= 200000);
    assert_int_equal(s.drained, 0);
    while (s.drained == 0) {
        static char heard[65536];
        ssize_t n = recv(fd, heard, sizeof heard, MSG_DONTWAIT);
        if (n > 0) got += (size_t)n;
        turn(&s);
    }
    assert_int_equal(pv_exchange_pending(s.held), 0);
    assert_int_equal(write_text(&s, "more"), PV_OK);
    pv_exchange_finish(s.held);
    while (got + 60000 < sent) {
        static char heard[60000];
        ssize_t n = recv(fd, heard, sizeof heard, MSG_DONTWAIT);
        if (n > 0) got += (size_t)n;
        turn(&s);
    }
    last = hear(&s, fd, "4\r\nmore\r\n0\r\n\r\n");
    assert_non_null(last);
    assert_int_equal(s.drained, 1);
    close(fd);
    site_close(&s);
}

static void a_piece_larger_than_the_limit_goes_alone(void **state)
{
    static char piece[50000];
    pv_httpd_options o = {.limits = {.stream_bytes = 1000}};
    site s;
    int fd;
    site_open(&s, *state, &o);
    memset(piece, 'x', sizeof piece);
    fd = begin(&s, GET_HOLD);
    assert_int_equal(pv_exchange_write(s.held, (pv_bytes){piece, sizeof piece}, NULL), PV_OK);
    pv_exchange_finish(s.held);
    hear(&s, fd, "x\r\n0\r\n\r\n");
    close(fd);
    site_close(&s);
}

static void tells_when_the_client_is_gone(void **state)
{
    static char piece[100000];
    pv_err err;
    site s;
    int fd, ended = 0;
    site_open(&s, *state, NULL);
    fd = begin(&s, GET_HOLD); /* closes properly, nothing is being written */
    hear(&s, fd, "\r\n\r\n");
    close(fd);
    while (s.gone == 0) turn(&s);
    assert_int_equal(pv_exchange_write(s.held, (pv_bytes){"x", 1}, &err), PV_ECLOSED);
    assert_int_equal(pv_exchange_pending(s.held), 0);
    pv_exchange_finish(s.held);
    fd = begin(&s, GET_HOLD); /* vanishes in the middle of a lot */
    while (pv_exchange_write(s.held, (pv_bytes){piece, sizeof piece}, NULL) == PV_OK) continue;
    close(fd);
    for (; s.gone == 1; ended++) turn(&s);
    assert_int_equal(s.drained, 0);
    pv_exchange_problem(s.held, 500, NULL);
    fd = begin(&s, GET_HOLD); /* is never told: the exchange has ended before */
    pv_exchange_finish(s.held);
    close(fd);
    while (pv_httpd_connections(s.server) > 0) turn(&s);
    assert_int_equal(s.gone, 2);
    site_close(&s);
}

static void cuts_who_does_not_read(void **state)
{
    static char piece[100000];
    pv_httpd_options o = {.limits = {.write_ms = 100}};
    site s;
    int fd;
    site_open(&s, *state, &o);
    fd = begin(&s, GET_HOLD);
    while (pv_exchange_write(s.held, (pv_bytes){piece, sizeof piece}, NULL) == PV_OK) continue;
    while (s.gone == 0) turn(&s);
    assert_int_equal(s.drained, 0);
    pv_exchange_finish(s.held);
    close(fd);
    site_close(&s);
}

static void a_broken_stream_does_not_look_complete(void **state)
{
    site s;
    char *got;
    int fd;
    site_open(&s, *state, NULL);
    fd = begin(&s, GET_HOLD);
    assert_int_equal(write_text(&s, "part"), PV_OK);
    hear(&s, fd, "part\r\n");
    pv_exchange_problem(s.held, 500, "lost");
    got = hear(&s, fd, NULL);
    assert_string_equal(got, "");
    close(fd);
    fd = begin(&s, GET_HOLD);
    assert_int_equal(pv_exchange_respond(s.held, 200, NULL, 0, (pv_bytes){"", 0}, NULL), PV_EINVAL);
    assert_null(strstr(hear(&s, fd, NULL), "\r\n0\r\n"));
    close(fd);
    site_close(&s);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, net_setup, net_teardown)
    const struct CMUnitTest tests[] = {
        T(streams_pieces_as_they_come),
        T(holds_back_who_writes_too_fast),
        T(a_piece_larger_than_the_limit_goes_alone),
        T(tells_when_the_client_is_gone),
        T(cuts_who_does_not_read),
        T(a_broken_stream_does_not_look_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
