/* Heads and chunked bodies: what is understood, and all that is refused. */
#include "net_util.h"

#include "net/http1.h"

static int parse(pv_http1_head *head, const char *text, size_t len)
{
    pv_http1_scan scan = {0, 0};
    pv_bytes bytes = {text, len};
    const char *why;
    size_t end;
    int found = pv_http1_find_end(&scan, bytes, &end);
    if (found < 0) return 400;
    assert_int_equal(found, 1);
    assert_int_equal(end, len);
    return pv_http1_parse(head, bytes, &why);
}

static void assert_bytes(pv_bytes got, const char *want)
{
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.data, want, got.len);
}

static int refusal(const char *text)
{
    pv_http1_head head;
    return parse(&head, text, strlen(text));
}

static void understands_a_head(void **state)
{
    pv_http1_head head;
    const char *text = "POST /a%20b?c=d&e HTTP/1.1\r\nHost: x:80\r\nX-Odd:\t v \t\r\nX-Empty:\r\n"
                       "Content-Length: 12\r\nExpect: 100-Continue\r\n\r\n";
    (void)state;
    assert_int_equal(parse(&head, text, strlen(text)), 0);
    assert_bytes(head.method, "POST");
    assert_bytes(head.target, "/a%20b?c=d&e");
    assert_bytes(head.path, "/a%20b");
    assert_bytes(head.query, "c=d&e");
    assert_bytes(head.host, "x:80");
    assert_int_equal(head.field_count, 5);
    assert_bytes(head.fields[1].name, "X-Odd");
    assert_bytes(head.fields[1].value, "v");
    assert_bytes(head.fields[2].value, "");
    assert_true(head.length == 12 && head.minor == 1 && head.keep_alive && head.expect_continue);
    text = "GET http://other:1/p?q HTTP/1.1\r\nHost: x\r\nConnection: a, Close\r\n\r\n";
    assert_int_equal(parse(&head, text, strlen(text)), 0);
    assert_bytes(head.host, "other:1");
    assert_bytes(head.path, "/p");
    assert_false(head.keep_alive);
    text = "OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    assert_int_equal(parse(&head, text, strlen(text)), 0);
    assert_bytes(head.path, "*");
    assert_true(head.keep_alive && head.minor == 0);
    text = "GET https://h HTTP/1.0\r\n\r\n";
    assert_int_equal(parse(&head, text, strlen(text)), 0);
    assert_bytes(head.path, "/");
    assert_false(head.keep_alive);
}

static void finds_the_end_byte_by_byte(void **state)
{
    const char *text = "GET / HTTP/1.1\r\nHost: x\r\n\r\nrest";
    size_t all = strlen(text) - 4, end;
    pv_http1_scan scan = {0, 0};
    (void)state;
    for (size_t i = 0; i < all; i++) {
        pv_bytes bytes = {text, i};
        assert_int_equal(pv_http1_find_end(&scan, bytes, &end), 0);
    }
    assert_int_equal(pv_http1_find_end(&scan, (pv_bytes){text, strlen(text)}, &end), 1);
    assert_int_equal(end, all);
}

#define LINE "POST / HTTP/1.1\r\nHost: x\r\n"

static void refuses_what_can_be_read_in_two_ways(void **state)
{
    static const char *const bad[] = {
        LINE "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n",
        LINE "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n",
        LINE "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
        LINE "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
        LINE "Content-Length: 5, 5\r\n\r\n",
        LINE "Content-Length: +5\r\n\r\n",
        LINE "Content-Length: -1\r\n\r\n",
        LINE "Content-Length: 5abc\r\n\r\n",
        LINE "Content-Length: 0x5\r\n\r\n",
        LINE "Content-Length: 5 5\r\n\r\n",
        LINE "Content-Length:\r\n\r\n",
        LINE "Content-Length: 18446744073709551621\r\n\r\n",
        LINE "Content-Length : 5\r\n\r\n",
        LINE "Transfer-Encoding : chunked\r\n\r\n",
        LINE "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        LINE "Transfer-Encoding: chunked, identity\r\n\r\n",
        LINE "Transfer-Encoding: gzip, chunked\r\n\r\n",
        LINE "Transfer-Encoding: \x0b"
             "chunked\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        LINE "X-A: b\r\n c\r\n\r\n",
        LINE "X-A: b\r\n\tContent-Length: 5\r\n\r\n",
        LINE "X-A: b\rContent-Length: 5\r\n\r\n",
        LINE " X-A: b\r\n\r\n",
        LINE ": b\r\n\r\n",
        LINE "X-A\r\n\r\n",
        LINE "X A: b\r\n\r\n",
        LINE "X-A\x80: b\r\n\r\n",
        LINE "X-A: \x01\r\n\r\n",
        LINE "Host: y\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "GET / HTTP/1.1\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\n\r\n",
        "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: x\r\n\r\n",
        "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /#f HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /\x80 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://u@h/a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
        "G(T / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / http/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.10\r\nHost: x\r\n\r\n",
        "GET /\r\n\r\n",
        " / HTTP/1.1\r\nHost: x\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (refusal(bad[i]) != 400) fail_msg("%d for %s", refusal(bad[i]), bad[i]);
    assert_int_equal(refusal(LINE "Transfer-Encoding: xchunked\r\n\r\n"), 501);
    assert_int_equal(refusal(LINE "Transfer-Encoding: identity\r\n\r\n"), 501);
    assert_int_equal(refusal(LINE "Expect: something\r\n\r\n"), 417);
    assert_int_equal(refusal("CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n"), 501);
    assert_int_equal(refusal("GET / HTTP/2.0\r\nHost: x\r\n\r\n"), 505);
    assert_int_equal(refusal("GET / HTTP/1.2\r\nHost: x\r\n\r\n"), 505);
}

static void refuses_nul_bytes_and_too_many_fields(void **state)
{
    static const char nul[] = LINE "X-A: b\0c\r\n\r\n";
    pv_http1_head head;
    pv_buf text = {0};
    (void)state;
    assert_int_equal(parse(&head, nul, sizeof nul - 1), 400);
    pv_buf_adds(&text, LINE);
    for (int i = 1; i < PV_HTTP1_FIELDS; i++) pv_buf_adds(&text, "A: b\r\n");
    pv_buf_adds(&text, "\r\n");
    assert_int_equal(parse(&head, text.data, text.len), 0);
    text.len -= 2;
    pv_buf_adds(&text, "A: b\r\n\r\n");
    assert_int_equal(parse(&head, text.data, text.len), 431);
    pv_buf_deinit(&text);
}

/* Feeds the text in pieces of `step` bytes; the status, or -1 while more is needed. */
static int feed(const char *text, size_t step, pv_buf *body, size_t *rest)
{
    pv_http1_chunks chunks = {0};
    size_t len = strlen(text), at = 0, used;
    const char *why;
    while (at < len && !chunks.done) {
        pv_bytes piece = {text + at, len - at < step ? len - at : step};
        int status = pv_http1_chunks_feed(&chunks, piece, &used, body, &why);
        if (status != 0) return status;
        at += used;
    }
    *rest = len - at;
    return chunks.done ? 0 : -1;
}

static void reads_chunks(void **state)
{
    const char *text = "5\r\nhello\r\n00A;x=\"y\"\r\n, chunked!\r\n0\r\nX-T: v\r\n\r\nnext";
    (void)state;
    for (size_t step = 1; step <= strlen(text); step++) {
        pv_buf body = {0};
        size_t rest;
        assert_int_equal(feed(text, step, &body, &rest), 0);
        assert_int_equal(rest, 4);
        assert_string_equal(body.data, "hello, chunked!");
        pv_buf_deinit(&body);
    }
}

static void refuses_bad_chunks(void **state)
{
    static const char *const bad[] = {
        "zz\r\n",
        "\r\n",
        "5\nhello\r\n",
        "5\r\nhelloXX",
        "5\r\nhello\n",
        "-1\r\n",
        "0x5\r\n",
        "5 \r\nhello\r\n",
        "1234567890abcdef0\r\n",
        ";a\r\n",
        "0\r\nX: a\n\r\n",
        "0\r\n X: a\r\n\r\n",
        "0\r\n\n",
        "5;\nhello\r\n",
        "5\r\r\n",
    };
    pv_buf body, big = {0};
    size_t rest;
    (void)state;
    pv_buf_init(&body, 8);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        pv_buf_reset(&body);
        if (feed(bad[i], 64, &body, &rest) != 400) fail_msg("not refused: %s", bad[i]);
    }
    pv_buf_reset(&body);
    assert_int_equal(feed("9\r\n", 64, &body, &rest), 413);
    assert_int_equal(feed("8\r\n12345678\r\n1\r\n", 64, &body, &rest), 413);
    pv_buf_reset(&body);
    assert_int_equal(feed("7fffffffffffff\r\n", 64, &body, &rest), 413);
    pv_buf_adds(&big, "0\r\n");
    for (int i = 0; i < 4000; i++) pv_buf_adds(&big, "A:b\r\n");
    assert_int_equal(feed(big.data, 64, &body, &rest), 400);
    pv_buf_deinit(&big);
    pv_buf_deinit(&body);
}

static void knows_tokens_values_and_reasons(void **state)
{
    (void)state;
    assert_true(pv_http1_is_token((pv_bytes){"X-a!", 4}));
    assert_false(pv_http1_is_token((pv_bytes){"", 0}));
    assert_false(pv_http1_is_token((pv_bytes){"a b", 3}));
    assert_true(pv_http1_is_value((pv_bytes){"a\tb\xff", 4}));
    assert_false(pv_http1_is_value((pv_bytes){"a\r\nb", 4}));
    assert_string_equal(pv_http1_reason(413), "Content Too Large");
    assert_string_equal(pv_http1_reason(299), "Unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(understands_a_head),
        cmocka_unit_test(finds_the_end_byte_by_byte),
        cmocka_unit_test(refuses_what_can_be_read_in_two_ways),
        cmocka_unit_test(refuses_nul_bytes_and_too_many_fields),
        cmocka_unit_test(reads_chunks),
        cmocka_unit_test(refuses_bad_chunks),
        cmocka_unit_test(knows_tokens_values_and_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
