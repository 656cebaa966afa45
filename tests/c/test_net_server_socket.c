/* WebSockets on a server: the handshake, both directions, and every way to end. */
#include "server_util.h"

#include "ws_util.h"

#define HEAD "GET /hold HTTP/1.1\r\nHost: x\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define HELLO HEAD UPGRADE KEY VERSION "\r\n"

typedef struct ends {
    site s;
    pv_socket *socket;
    int fd;
    int ready, drained;
} ends;

static void count_ready(void *arg)
{
    ((ends *)arg)->ready++;
}

static void count_socket_drained(void *arg)
{
    ((ends *)arg)->drained++;
}

/* Says the request and answers it with a WebSocket, or with what that gives. */
static pv_status upgrade(ends *e, const char *request, const pv_socket_options *o, pv_err *err)
{
    static const pv_socket_options none;
    pv_socket_events events = {count_ready, count_socket_drained, e};
    pv_status status;
    e->s.held = NULL;
    e->fd = dial(&e->s);
    say(&e->s, e->fd, request);
    while (e->s.held == NULL) turn(&e->s);
    status = pv_exchange_websocket(&e->socket, e->s.held, o != NULL ? o : &none, &events, err);
    e->s.held = NULL;
    return status;
}

static void connect_with(ends *e, fixture *f, const pv_httpd_options *server,
                         const pv_socket_options *o)
{
    pv_err err;
    memset(e, 0, sizeof *e);
    site_open(&e->s, f, server);
    if (upgrade(e, HELLO, o, &err) != PV_OK) fail_msg("%s", err.msg);
    hear(&e->s, e->fd, "\r\n\r\n");
}

static void disconnect(ends *e)
{
    close(e->fd);
    pv_socket_close(e->socket, 1000, (pv_bytes){"", 0});
    site_close(&e->s);
}

static void frame(ends *e, int first, const char *payload, size_t len)
{
    pv_buf bytes = {0};
    ws_frame(&bytes, first, payload, len);
    say_bytes(&e->s, e->fd, bytes.data, bytes.len);
    pv_buf_deinit(&bytes);
}

static void text_frame(ends *e, const char *text)
{
    frame(e, 0x81, text, strlen(text));
}

/* Waits for so many bytes. */
static const char *take_bytes(ends *e, char *to, size_t len)
{
    uint64_t limit = uv_hrtime() + (uint64_t)20 * 1000 * 1000 * 1000;
    for (size_t got = 0; got < len;) {
        ssize_t n = recv(e->fd, to + got, len - got, MSG_DONTWAIT);
        if (n > 0) got += (size_t)n;
        else if (n == 0 || errno != EAGAIN) fail_msg("closed after %zu of %zu bytes", got, len);
        if (uv_hrtime() > limit) fail_msg("after 20 s only %zu of %zu bytes", got, len);
        turn(&e->s);
    }
    return to;
}

static void expect_frame(ends *e, int first, const char *payload, size_t len)
{
    char got[200];
    take_bytes(e, got, len + 2);
    assert_int_equal((unsigned char)got[0], first);
    assert_int_equal((unsigned char)got[1], len);
    assert_memory_equal(got + 2, payload, len);
}

static void expect_close(ends *e, int code)
{
    char got[200];
    take_bytes(e, got, 4);
    assert_int_equal((unsigned char)got[0], 0x88);
    assert_int_equal((unsigned char)got[2] << 8 | (unsigned char)got[3], code);
    take_bytes(e, got, (size_t)got[1] - 2);
    assert_string_equal(hear(&e->s, e->fd, NULL), ""); /* then the server closes */
}

static void expect_message(ends *e, int want_kind, const char *want, size_t len)
{
    pv_buf message;
    int kind, got;
    while ((got = pv_socket_receive(e->socket, &kind, &message)) == 0) turn(&e->s);
    assert_int_equal(got, 1);
    assert_int_equal(kind, want_kind);
    assert_int_equal(message.len, len);
    if (len > 0) assert_memory_equal(message.data, want, len);
    pv_buf_deinit(&message);
}

static void expect_closed(ends *e, int code, const char *reason)
{
    pv_bytes why;
    pv_buf message;
    int kind, got;
    while ((got = pv_socket_receive(e->socket, &kind, &message)) == 0) turn(&e->s);
    assert_int_equal(got, -1);
    assert_int_equal(pv_socket_closed(e->socket, &why), code);
    assert_int_equal(why.len, strlen(reason));
    assert_memory_equal(why.data, reason, why.len);
    assert_int_equal(pv_socket_send(e->socket, PV_WS_TEXT, (pv_bytes){"x", 1}, NULL), PV_ECLOSED);
    assert_int_equal(pv_socket_pending(e->socket), 0);
}

static void shakes_hands(void **state)
{
    static const char *const protocols[] = {"best", "good", "Other"};
    pv_socket_options o = {.protocols = protocols, .protocol_count = 3};
    ends e = {0};
    pv_err err;
    char *got;
    site_open(&e.s, *state, NULL);
    assert_int_equal(upgrade(&e, HELLO, NULL, &err), PV_OK);
    got = hear(&e.s, e.fd, "\r\n\r\n");
    assert_starts(got, "HTTP/1.1 101 Switching Protocols\r\n");
    assert_has(got, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"); /* RFC 6455 */
    assert_null(strstr(got, "Protocol:"));
    assert_null(strstr(got, "Content-Length"));
    assert_null(pv_socket_protocol(e.socket));
    close(e.fd);
    pv_socket_close(e.socket, 1000, (pv_bytes){"", 0});
    assert_int_equal(upgrade(&e,
                             HEAD UPGRADE KEY VERSION
                             "Sec-WebSocket-Protocol: x, other ,good\r\n"
                             "Sec-WebSocket-Protocol: best2\r\n"
                             "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
                             &o, &err),
                     PV_OK);
    got = hear(&e.s, e.fd, "\r\n\r\n");
    assert_has(got, "\r\nSec-WebSocket-Protocol: good\r\n");
    assert_null(strstr(got, "Extensions"));
    assert_string_equal(pv_socket_protocol(e.socket), "good");
    disconnect(&e);
}

static void refuses_what_is_no_handshake(void **state)
{
    static const struct {
        const char *request, *status, *has;
    } cases[] = {
        {HEAD "\r\n", "426", "\r\nUpgrade: websocket\r\n"},
        {HEAD "Upgrade: h2c\r\nConnection: upgrade\r\n" KEY VERSION "\r\n", "426",
         "only WebSocket"},
        {HEAD "Upgrade: websocket\r\n" KEY VERSION "\r\n", "400", "Connection does not list"},
        {HEAD UPGRADE KEY "\r\n", "426", "\r\nSec-WebSocket-Version: 13\r\n"},
        {HEAD UPGRADE KEY "Sec-WebSocket-Version: 8\r\n\r\n", "426", "only version 13"},
        {HEAD UPGRADE VERSION "\r\n", "400", "Sec-WebSocket-Key"},
        {HEAD UPGRADE KEY KEY VERSION "\r\n", "400", "Sec-WebSocket-Key"},
        {HEAD UPGRADE "Sec-WebSocket-Key: c2hvcnQ=\r\n" VERSION "\r\n", "400", "16 bytes"},
        {HEAD UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=!\r\n" VERSION "\r\n", "400",
         "16 bytes"},
        {"POST /hold HTTP/1.1\r\nHost: x\r\n" UPGRADE KEY VERSION "\r\n", "405",
         "\r\nAllow: GET\r\n"},
        {"GET /hold HTTP/1.0\r\n" UPGRADE KEY VERSION "\r\n", "400", "HTTP/1.1"},
        {HEAD UPGRADE KEY VERSION "Content-Length: 2\r\n\r\nhi", "400", "no body"},
    };
    static const char *const bad[] = {"two words"};
    pv_socket_options o = {.protocols = bad, .protocol_count = 1};
    ends e = {0};
    pv_err err;
    site_open(&e.s, *state, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *got;
        assert_int_equal(upgrade(&e, cases[i].request, NULL, &err), PV_EPROTO);
        assert_null(e.socket);
        got = hear(&e.s, e.fd, "}\n");
        assert_starts(got, "HTTP/1.1 ");
        assert_starts(got + 9, cases[i].status);
        assert_has(got, cases[i].has);
        close(e.fd);
    }
    assert_int_equal(upgrade(&e, HELLO, &o, &err), PV_EINVAL);
    hear(&e.s, e.fd, "}\n");
    close(e.fd);
    site_close(&e.s);
}

static void carries_messages_both_ways(void **state)
{
    static char big[300000];
    char got[10];
    ends e;
    memset(big, 'b', sizeof big);
    connect_with(&e, *state, NULL, NULL);
    text_frame(&e, "hello");
    expect_message(&e, PV_WS_TEXT, "hello", 5);
    frame(&e, 0x02, "in ", 3);
    frame(&e, 0x89, "between", 7);
    frame(&e, 0x80, "pieces", 6);
    expect_message(&e, PV_WS_BINARY, "in pieces", 9);
    expect_frame(&e, 0x8A, "between", 7);
    frame(&e, 0x82, big, sizeof big);
    expect_message(&e, PV_WS_BINARY, big, sizeof big);
    text_frame(&e, "");
    expect_message(&e, PV_WS_TEXT, "", 0);
    assert_int_equal(pv_socket_send(e.socket, PV_WS_TEXT, (pv_bytes){"\xE2\x82\xAC", 3}, NULL),
                     PV_OK);
    expect_frame(&e, 0x81, "\xE2\x82\xAC", 3);
    assert_int_equal(pv_socket_send(e.socket, PV_WS_TEXT, (pv_bytes){"\xE2", 1}, NULL), PV_EINVAL);
    assert_int_equal(pv_socket_send(e.socket, PV_WS_BINARY, (pv_bytes){"\xE2", 1}, NULL), PV_OK);
    expect_frame(&e, 0x82, "\xE2", 1);
    assert_int_equal(pv_socket_send(e.socket, PV_WS_BINARY, (pv_bytes){big, sizeof big}, NULL),
                     PV_OK);
    take_bytes(&e, got, 10);
    assert_memory_equal(got, "\x82\x7F\0\0\0\0\0\4\x93\xE0", 10);
    take_bytes(&e, big, sizeof big);
    frame(&e, 0x8A, "", 0); /* a pong nobody asked for */
    text_frame(&e, "after");
    expect_message(&e, PV_WS_TEXT, "after", 5);
    disconnect(&e);
}

static void reads_what_came_with_the_handshake(void **state)
{
    pv_buf bytes = {0};
    ends e = {0};
    pv_err err;
    site_open(&e.s, *state, NULL);
    pv_buf_adds(&bytes, HELLO);
    ws_frame(&bytes, 0x81, "early", 5);
    assert_int_equal(upgrade(&e, bytes.data, NULL, &err), PV_OK); /* has no NUL */
    pv_buf_deinit(&bytes);
    expect_message(&e, PV_WS_TEXT, "early", 5);
    disconnect(&e);
}

static void closes_with_the_code_of_what_is_wrong(void **state)
{
    static const struct {
        int first;
        const char *payload;
        int code;
        const char *why;
    } cases[] = {
        {0x91, "x", 1002, "a reserved bit is set"},
        {0x83, "x", 1002, "an unknown kind of frame"},
        {0x80, "x", 1002, "a piece of no message"},
        {0x81, "\xFF", 1007, "the text is not UTF-8"},
        {0x82, "12345678901", 1009, "the message is too large"},
        {0x88, "\x03\xED", 1002, "a close code that may not be sent"},
    };
    pv_socket_options o = {.message_bytes = 10};
    ends e;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        connect_with(&e, *state, NULL, &o);
        frame(&e, cases[i].first, cases[i].payload, strlen(cases[i].payload));
        text_frame(&e, "late");
        expect_close(&e, cases[i].code);
        expect_closed(&e, cases[i].code, cases[i].why);
        disconnect(&e);
    }
    connect_with(&e, *state, NULL, NULL);
    say_bytes(&e.s, e.fd, "\x81\x02hi", 4);
    expect_close(&e, 1002);
    expect_closed(&e, 1002, "a frame is not masked");
    disconnect(&e);
}

static void answers_a_close(void **state)
{
    ends e;
    connect_with(&e, *state, NULL, NULL);
    text_frame(&e, "last");
    frame(&e, 0x88,
          "\x0F\xA0"
          "bye",
          5);
    expect_message(&e, PV_WS_TEXT, "last", 4); /* nothing before it is lost */
    expect_frame(&e, 0x88,
                 "\x0F\xA0"
                 "bye",
                 5);
    expect_closed(&e, 4000, "bye");
    assert_string_equal(hear(&e.s, e.fd, NULL), "");
    disconnect(&e);
    connect_with(&e, *state, NULL, NULL);
    frame(&e, 0x88, "", 0);
    expect_frame(&e, 0x88, "", 0);
    expect_closed(&e, PV_WS_NO_CODE, "");
    disconnect(&e);
}

static void closes_by_itself(void **state)
{
    pv_socket_options quick = {.close_ms = 50}, patient = {.close_ms = 60000};
    ends e;
    connect_with(&e, *state, NULL, &patient);
    pv_socket_close(e.socket, 4001, (pv_bytes){"enough", 6});
    e.socket = NULL;
    expect_frame(&e, 0x88,
                 "\x0F\xA1"
                 "enough",
                 8);
    text_frame(&e, "late"); /* is dropped */
    frame(&e, 0x89, "late", 4);
    frame(&e, 0x88, "\x0F\xA1", 2);
    assert_string_equal(hear(&e.s, e.fd, NULL), "");
    disconnect(&e);
    connect_with(&e, *state, NULL, &quick);
    pv_socket_close(e.socket, 1000, (pv_bytes){"", 0});
    e.socket = NULL;
    expect_frame(&e, 0x88, "\x03\xE8", 2);
    assert_string_equal(hear(&e.s, e.fd, NULL), ""); /* who does not answer is cut */
    disconnect(&e);
    pv_socket_close(NULL, 1000, (pv_bytes){"", 0});
}

static void tells_that_the_client_is_lost(void **state)
{
    ends e;
    connect_with(&e, *state, NULL, NULL);
    text_frame(&e, "last");
    frame(&e, 0x01, "half", 4);
    close(e.fd);
    e.fd = -1;
    expect_message(&e, PV_WS_TEXT, "last", 4);
    expect_closed(&e, PV_WS_ABNORMAL, "");
    assert_true(e.ready > 0);
    disconnect(&e);
    connect_with(&e, *state, NULL, NULL);
    pv_httpd_close(e.s.server); /* the server too may go */
    expect_closed(&e, PV_WS_ABNORMAL, "");
    close(e.fd);
    pv_socket_close(e.socket, 1000, (pv_bytes){"", 0});
}

static void slows_down_who_sends_too_fast(void **state)
{
    static char piece[1000];
    pv_buf bytes = {0};
    size_t sent = 0, frames = 0, whole;
    ends e;
    memset(piece, 'x', sizeof piece);
    ws_frame(&bytes, 0x82, piece, sizeof piece);
    whole = bytes.len;
    connect_with(&e, *state, NULL, NULL);
    for (int stuck = 0; stuck < 2000;) { /* nobody receives */
        ssize_t n = send(e.fd, bytes.data + sent, whole - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) sent += (size_t)n;
        if (sent == whole) sent = 0, frames++;
        stuck = n > 0 ? 0 : stuck + 1;
        turn(&e.s);
        if (frames * whole > (size_t)64 << 20) fail_msg("the server takes all it gets");
    }
    assert_true(frames > 60); /* what the server and the kernel hold */
    assert_int_equal(e.ready, 1);
    for (size_t i = 0; i < frames; i++) expect_message(&e, PV_WS_BINARY, piece, sizeof piece);
    say_bytes(&e.s, e.fd, bytes.data + sent, whole - sent);
    expect_message(&e, PV_WS_BINARY, piece, sizeof piece);
    pv_buf_deinit(&bytes);
    disconnect(&e);
}

static void holds_back_who_sends_too_fast(void **state)
{
    static char piece[10000], heard[65536];
    pv_httpd_options server = {.limits = {.stream_bytes = 200000}};
    size_t sent = 0, got = 0;
    pv_status status;
    ends e;
    memset(piece, 'x', sizeof piece);
    connect_with(&e, *state, &server, NULL);
    while ((status = pv_socket_send(e.socket, PV_WS_BINARY, (pv_bytes){piece, sizeof piece},
                                    NULL)) == PV_OK)
        sent += sizeof piece + 4;
    assert_int_equal(status, PV_ELIMIT);
    assert_true(pv_socket_pending(e.socket) > 0);
    assert_true(pv_socket_pending(e.socket) <= 200000);
    while (got < sent) {
        ssize_t n = recv(e.fd, heard, sizeof heard, MSG_DONTWAIT);
        if (n > 0) got += (size_t)n;
        turn(&e.s);
    }
    assert_int_equal(got, sent);
    while (e.drained == 0) turn(&e.s);
    assert_int_equal(pv_socket_pending(e.socket), 0);
    disconnect(&e);
}

static void survives_pings_that_nobody_reads_the_answers_of(void **state)
{
    pv_httpd_options server = {.limits = {.write_ms = 200}};
    char payload[125];
    pv_buf bytes = {0};
    size_t sent = 0;
    int cut = 0;
    ends e;
    memset(payload, 'p', sizeof payload);
    for (int i = 0; i < 100; i++) ws_frame(&bytes, 0x89, payload, sizeof payload);
    connect_with(&e, *state, &server, NULL);
    while (!cut) { /* the server must neither collect pongs without end nor wait for ever */
        ssize_t n = send(e.fd, bytes.data + sent % bytes.len, bytes.len - sent % bytes.len,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) sent += (size_t)n;
        else cut = errno != EAGAIN;
        assert_true(pv_socket_pending(e.socket) < (size_t)1 << 20);
        turn(&e.s);
    }
    expect_closed(&e, PV_WS_ABNORMAL, "");
    pv_buf_deinit(&bytes);
    disconnect(&e);
}

static void pings_who_is_silent(void **state)
{
    pv_socket_options o = {.ping_ms = 60};
    ends e;
    connect_with(&e, *state, NULL, &o);
    for (int i = 0; i < 3; i++) {
        expect_frame(&e, 0x89, "", 0);
        frame(&e, 0x8A, "", 0);
    }
    assert_int_equal(pv_httpd_connections(e.s.server), 1);
    expect_frame(&e, 0x89, "", 0);
    assert_string_equal(hear(&e.s, e.fd, NULL), ""); /* no answer: cut */
    expect_closed(&e, PV_WS_ABNORMAL, "");
    disconnect(&e);
    connect_with(&e, *state, NULL, &o); /* its messages wait, so its pong cannot be seen */
    text_frame(&e, "one");
    for (int i = 0; i < 3; i++) expect_frame(&e, 0x89, "", 0);
    expect_message(&e, PV_WS_TEXT, "one", 3);
    disconnect(&e);
}

static void on_drain(void *arg, int cut)
{
    *(int *)arg = 100 + cut;
}

static void a_drain_says_so(void **state)
{
    int done = 0;
    ends e, late;
    connect_with(&e, *state, NULL, NULL);
    text_frame(&e, "last");
    while (e.ready == 0) turn(&e.s);
    late = e;
    late.s.held = NULL;
    late.fd = dial(&e.s);
    say(&e.s, late.fd, HELLO);
    while (e.s.held == NULL) turn(&e.s);
    pv_httpd_drain(e.s.server, 10000, on_drain, &done);
    {
        pv_socket_options o = {0};
        pv_socket_events events = {NULL, NULL, NULL};
        pv_socket *none;
        assert_int_equal(pv_exchange_websocket(&none, e.s.held, &o, &events, NULL),
                         PV_EUNAVAILABLE);
        assert_null(none);
    }
    assert_starts(hear(&e.s, late.fd, NULL), "HTTP/1.1 503 ");
    close(late.fd);
    assert_int_equal(pv_socket_send(e.socket, PV_WS_TEXT, (pv_bytes){"x", 1}, NULL), PV_ECLOSED);
    expect_frame(&e, 0x88, "\x03\xE9the server is going away", 26);
    assert_int_equal(done, 0);
    frame(&e, 0x88, "\x03\xE9", 2);
    expect_message(&e, PV_WS_TEXT, "last", 4); /* had come before */
    assert_string_equal(hear(&e.s, e.fd, NULL), "");
    expect_closed(&e, PV_WS_GOING_AWAY, "the server is going away");
    close(e.fd);
    while (done == 0) turn(&e.s);
    assert_int_equal(done, 100); /* nobody was cut */
    pv_socket_close(e.socket, 1000, (pv_bytes){"", 0});
    site_close(&e.s);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, net_setup, net_teardown)
    const struct CMUnitTest tests[] = {
        T(shakes_hands),
        T(refuses_what_is_no_handshake),
        T(carries_messages_both_ways),
        T(reads_what_came_with_the_handshake),
        T(closes_with_the_code_of_what_is_wrong),
        T(answers_a_close),
        T(closes_by_itself),
        T(tells_that_the_client_is_lost),
        T(slows_down_who_sends_too_fast),
        T(holds_back_who_sends_too_fast),
        T(survives_pings_that_nobody_reads_the_answers_of),
        T(pings_who_is_silent),
        T(a_drain_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
