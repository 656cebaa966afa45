/* Frames as bytes: everything a client can send, whole and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/websocket.h"
#include "ws_util.h"

enum { MAX = 1000 };

/* What comes out of the bytes, as text: "text:hello ping: close:1000:bye !1002". */
static char *outcome(pv_bytes bytes, size_t piece)
{
    static char text[8192];
    pv_ws_reader r;
    pv_ws_event e;
    size_t used, at = 0, len = 0;
    int got = 0;
    pv_ws_reader_init(&r, MAX);
    text[0] = '\0';
    while (at < bytes.len && got >= 0) {
        size_t left = bytes.len - at < piece ? bytes.len - at : piece;
        char *copy = malloc(left); /* reading behind it shows */
        assert_non_null(copy);
        memcpy(copy, bytes.data + at, left);
        got = pv_ws_read(&r, (pv_bytes){copy, left}, &used, &e);
        free(copy);
        at += used;
        if (got == 0) assert_int_equal(used, left);
        if (got < 0) len += (size_t)snprintf(text + len, sizeof text - len, "!%d", e.code);
        if (got < 0) assert_non_null(e.why);
        if (got <= 0) continue;
        if (e.opcode == PV_WS_CLOSE)
            len += (size_t)snprintf(text + len, sizeof text - len, "close:%d:", e.code);
        else
            len += (size_t)snprintf(text + len, sizeof text - len, "%s:",
                                    e.opcode == PV_WS_TEXT     ? "text"
                                    : e.opcode == PV_WS_BINARY ? "bytes"
                                    : e.opcode == PV_WS_PING   ? "ping"
                                                               : "pong");
        len +=
            (size_t)snprintf(text + len, sizeof text - len, "%.*s ", (int)e.data.len, e.data.data);
    }
    pv_ws_reader_deinit(&r);
    return text;
}

static void expect_bytes(const pv_buf *frames, const char *want)
{
    pv_bytes bytes = {frames->data, frames->len};
    for (size_t piece = 1; piece < 40; piece++) assert_string_equal(outcome(bytes, piece), want);
    assert_string_equal(outcome(bytes, bytes.len), want);
}

/* Frames one after the other, each "HEAD" in hex (first byte), then its payload. */
static void expect(const char *want, int first, const char *payload, int second,
                   const char *payload2, int third, const char *payload3)
{
    pv_buf frames = {0};
    ws_frame(&frames, first, payload, strlen(payload));
    if (payload2 != NULL) ws_frame(&frames, second, payload2, strlen(payload2));
    if (payload3 != NULL) ws_frame(&frames, third, payload3, strlen(payload3));
    expect_bytes(&frames, want);
    pv_buf_deinit(&frames);
}

static void reads_messages_and_control_frames(void **state)
{
    (void)state;
    expect("text:hello bytes:\x01\x02 text: ", 0x81, "hello", 0x82, "\x01\x02", 0x81, "");
    expect("text:hello ", 0x01, "he", 0x00, "l", 0x80, "lo");
    expect("ping:x text:hello ", 0x01, "he", 0x89, "x", 0x80, "llo");
    expect("pong: close:1000:bye ", 0x8A, "", 0x88,
           "\x03\xE8"
           "bye",
           0, NULL);
    expect("close:1005: ", 0x88, "", 0, NULL, 0, NULL);
    expect("bytes:\xFF\xFE ", 0x82, "\xFF\xFE", 0, NULL, 0, NULL);
    expect("text:\xE2\x82\xAC ", 0x01, "\xE2", 0x00, "\x82", 0x80, "\xAC");
}

static void refuses_what_no_client_may_send(void **state)
{
    char big[MAX + 1], control[127];
    (void)state;
    memset(big, 'x', sizeof big);
    memset(control, 'x', sizeof control);
    big[MAX] = control[126] = '\0';
    for (int bit = 0x10; bit < 0x80; bit <<= 1) expect("!1002", 0x81 | bit, "x", 0, NULL, 0, NULL);
    for (int opcode = 3; opcode < 16; opcode++)
        if (opcode < 8 || opcode > 10) expect("!1002", 0x80 | opcode, "x", 0, NULL, 0, NULL);
    expect("!1002", 0x89, control, 0, NULL, 0, NULL);
    expect("!1002", 0x09, "x", 0, NULL, 0, NULL);
    expect("!1002", 0x80, "x", 0, NULL, 0, NULL);
    expect("!1002", 0x00, "x", 0, NULL, 0, NULL);
    expect("!1002", 0x01, "x", 0x81, "y", 0, NULL);
    expect("text:x !1002", 0x81, "x", 0x80, "y", 0, NULL);
    expect("!1002", 0x88, "x", 0, NULL, 0, NULL);
    expect("!1007", 0x88, "\x03\xE8\xFF", 0, NULL, 0, NULL);
    big[MAX - 1] = '\0';
    expect("ping: !1009", 0x01, big, 0x89, "", 0x80, "xy");
}

static void knows_which_codes_may_be_sent(void **state)
{
    (void)state;
    for (int code = 0; code < 6000; code++) {
        int good = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                   (code >= 3000 && code < 5000);
        char payload[2] = {(char)(code >> 8), (char)code}, want[32];
        pv_buf frames = {0};
        assert_int_equal(pv_ws_is_code(code), good);
        ws_frame(&frames, 0x88, payload, 2);
        if (good) snprintf(want, sizeof want, "close:%d: ", code);
        else strcpy(want, "!1002");
        assert_string_equal(outcome((pv_bytes){frames.data, frames.len}, 100), want);
        pv_buf_deinit(&frames);
    }
}

static void reads_all_forms_of_a_length_and_only_the_shortest(void **state)
{
    static const size_t sizes[] = {0, 125, 126, 127, 1000};
    static const char longer[][14] = {{'\x82', '\xFE', 0, 125},
                                      {'\x82', '\xFF', 0, 0, 0, 0, 0, 0, '\xFF', '\xFF'}};
    static const char huge[14] = {'\x82', '\xFF', '\x80'};
    static const char large[14] = {'\x82', '\xFF', '\x7F', '\xFF', '\xFF',
                                   '\xFF', '\xFF', '\xFF', '\xFF', '\xFF'};
    char payload[1000];
    (void)state;
    memset(payload, 'x', sizeof payload);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char want[1100];
        pv_buf frames = {0};
        ws_frame(&frames, 0x81, payload, sizes[i]);
        snprintf(want, sizeof want, "text:%.*s ", (int)sizes[i], payload);
        expect_bytes(&frames, want);
        pv_buf_deinit(&frames);
    }
    assert_string_equal(outcome((pv_bytes){longer[0], 8}, 1), "!1002");
    assert_string_equal(outcome((pv_bytes){longer[1], 14}, 1), "!1002");
    assert_string_equal(outcome((pv_bytes){huge, 14}, 1), "!1002");
    assert_string_equal(outcome((pv_bytes){large, 14}, 1), "!1009");
    assert_string_equal(outcome((pv_bytes){"\x81\x05hello", 7}, 7), "!1002"); /* not masked */
}

static void refuses_bad_text_at_its_first_bad_byte(void **state)
{
    static const char *const bad[] = {
        "\x80",         "\xC0\x80",         "\xC1\xBF",         "\xE0\x9F\xBF",
        "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
        "\xFF",         "abcdefgh\xC3(",    "\xE2\x82(",        "\xE2\x82\xAC\xBF",
    };
    static const char *const good[] = {"",
                                       "a",
                                       "\x7F",
                                       "\xC2\x80",
                                       "\xDF\xBF",
                                       "\xE0\xA0\x80",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xEF\xBF\xBF",
                                       "\xF0\x90\x80\x80",
                                       "\xF4\x8F\xBF\xBF",
                                       "abcdefgh\xE2\x82\xACghijklmnop"};
    pv_ws_utf8 part = {0};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(pv_ws_is_utf8((pv_bytes){bad[i], strlen(bad[i])}));
        expect("!1007", 0x81, bad[i], 0, NULL, 0, NULL);
        expect("!1007", 0x01, bad[i], 0, NULL, 0, NULL); /* the message need not end */
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(pv_ws_is_utf8((pv_bytes){good[i], strlen(good[i])}));
    expect("!1007", 0x81, "\xE2\x82", 0, NULL, 0, NULL);
    expect("!1007", 0x01, "\xE2", 0x80, "\x82", 0, NULL);
    assert_true(pv_ws_utf8_feed(&part, (pv_bytes){"\xF0\x90", 2}));
    assert_int_equal(part.need, 2);
    assert_true(pv_ws_utf8_feed(&part, (pv_bytes){"\x80\x80", 2}));
    assert_int_equal(part.need, 0);
}

static void hands_a_message_over(void **state)
{
    pv_buf frames = {0}, first, second;
    pv_ws_reader r;
    pv_ws_event e;
    size_t used, more;
    (void)state;
    ws_frame(&frames, 0x81, "one", 3);
    ws_frame(&frames, 0x81, "two", 3);
    pv_ws_reader_init(&r, MAX);
    assert_int_equal(pv_ws_read(&r, (pv_bytes){frames.data, frames.len}, &used, &e), 1);
    pv_ws_take(&r, &first);
    assert_int_equal(pv_ws_read(&r, (pv_bytes){frames.data + used, frames.len - used}, &more, &e),
                     1);
    pv_ws_take(&r, &second);
    assert_string_equal(first.data, "one");
    assert_string_equal(second.data, "two");
    pv_buf_deinit(&first);
    pv_buf_deinit(&second);
    pv_buf_deinit(&frames);
    pv_ws_reader_deinit(&r);
    pv_ws_reader_deinit(NULL);
}

static void writes_the_shortest_head(void **state)
{
    static char payload[70000];
    pv_buf out = {0};
    (void)state;
    memset(payload, 'x', sizeof payload);
    pv_ws_write(&out, PV_WS_TEXT, (pv_bytes){payload, 125});
    assert_int_equal(out.len, 127);
    assert_memory_equal(out.data, "\x81\x7D", 2);
    pv_buf_reset(&out);
    pv_ws_write(&out, PV_WS_BINARY, (pv_bytes){payload, 126});
    assert_int_equal(out.len, 130);
    assert_memory_equal(out.data, "\x82\x7E\x00\x7E", 4);
    pv_buf_reset(&out);
    pv_ws_write(&out, PV_WS_BINARY, (pv_bytes){payload, 65535});
    assert_memory_equal(out.data, "\x82\x7E\xFF\xFF", 4);
    pv_buf_reset(&out);
    pv_ws_write(&out, PV_WS_BINARY, (pv_bytes){payload, 65536});
    assert_memory_equal(out.data, "\x82\x7F\0\0\0\0\0\1\0\0", 10);
    assert_int_equal(out.len, 65546);
    pv_buf_deinit(&out);
}

static void writes_close_frames_that_fit(void **state)
{
    char reason[200];
    pv_buf out = {0};
    (void)state;
    pv_ws_write_close(&out, 1001, (pv_bytes){"off", 3});
    assert_int_equal(out.len, 7);
    assert_memory_equal(out.data, "\x88\x05\x03\xE9off", 7);
    pv_buf_reset(&out);
    pv_ws_write_close(&out, PV_WS_NO_CODE, (pv_bytes){"off", 3});
    assert_int_equal(out.len, 2);
    assert_memory_equal(out.data, "\x88\x00", 2);
    pv_buf_reset(&out);
    memset(reason, 'x', sizeof reason);
    memcpy(reason + 121, "\xE2\x82\xAC", 3); /* would be cut in the middle */
    pv_ws_write_close(&out, 1000, (pv_bytes){reason, sizeof reason});
    assert_int_equal(out.len, 2 + 2 + 121);
    assert_int_equal((unsigned char)out.data[1], 123);
    pv_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_messages_and_control_frames),
        cmocka_unit_test(refuses_what_no_client_may_send),
        cmocka_unit_test(knows_which_codes_may_be_sent),
        cmocka_unit_test(reads_all_forms_of_a_length_and_only_the_shortest),
        cmocka_unit_test(refuses_bad_text_at_its_first_bad_byte),
        cmocka_unit_test(hands_a_message_over),
        cmocka_unit_test(writes_the_shortest_head),
        cmocka_unit_test(writes_close_frames_that_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
