/* Redaction, and the lines of the log. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/log.h"
#include "base/redact.h"

enum { NOON = 43200 }; /* seconds */

static pv_bytes str(const char *text)
{
    return (pv_bytes){text, strlen(text)};
}

static int forget(void **state)
{
    (void)state;
    pv_redact_clear();
    return 0;
}

static void hides(const char *text, const char *expected)
{
    pv_buf out = {0};
    assert_int_equal(pv_redact(&out, str(text)), PV_OK);
    assert_string_equal(out.data != NULL ? out.data : "", expected);
    pv_buf_deinit(&out);
}

static void test_redact(void **state)
{
    pv_err err = {0};
    (void)state;
    hides("nothing is registered", "nothing is registered");
    assert_int_equal(pv_redact_add(str("hunter2"), NULL), PV_OK);
    assert_int_equal(pv_redact_add(str("hunter2"), NULL), PV_OK);
    assert_int_equal(pv_redact_add(str("hunter2 and more"), NULL), PV_OK);
    assert_int_equal(pv_redact_add(str("more"), NULL), PV_OK);
    assert_int_equal(pv_redact_add(str("abc"), &err), PV_EINVAL);
    assert_int_equal(pv_redact_add(str(""), &err), PV_EINVAL);
    hides("", "");
    hides("hunter2", "***");
    hides("a hunter2 b hunter2", "a *** b ***");
    hides("hunter2hunter2", "***");
    hides("hunter", "hunter");
    hides("hunter2 and mor", "*** and mor");
    hides("hunter2 and more", "***");
    hides("hunter2 and moremore", "***");
    hides("anymore", "any***");
    hides("abc", "abc");
}

static void test_overlap(void **state)
{
    (void)state;
    assert_int_equal(pv_redact_add(str("abcdef"), NULL), PV_OK);
    assert_int_equal(pv_redact_add(str("defghi"), NULL), PV_OK);
    hides("xabcdefghix", "x***x");
    hides("xabcabcdefx", "xabc***x");
}

static void test_forms(void **state)
{
    (void)state;
    assert_int_equal(pv_redact_add(str("p\"ss w/rd\n?"), NULL), PV_OK);
    hides("{\"a\":\"p\\\"ss w/rd\\n?\"}", "{\"a\":\"***\"}");
    hides("?q=p%22ss%20w%2Frd%0A%3F&x", "?q=***&x");
    hides("?q=p%22ss%20w%2frd%0a%3f&x", "?q=***&x");
    hides("x7022737320772f72640a3fx", "x***x");
    hides("cCJzcyB3L3JkCj8=", "***8="); /* base64; the last digit holds 4 of its 80 bits */
    /* In "user:p..." the bytes start at the third byte of a group. */
    hides("dXNlcjpwInNzIHcvcmQKPw==", "dXNlcjp***w==");
}

static void test_lines_of_a_key(void **state)
{
    (void)state;
    assert_int_equal(
        pv_redact_add(str("-----BEGIN KEY-----\nMIIEvQIBADANBg\r\nkqhkiG9w0B\n}\n"), NULL), PV_OK);
    hides("line 2 is MIIEvQIBADANBg", "line 2 is ***");
    hides("line 3 is kqhkiG9w0B", "line 3 is ***");
    hides("if (x) { y }", "if (x) { y }"); /* a short line is no secret */
    assert_int_equal(pv_redact_add(str("hunter2\r\n"), NULL), PV_OK);
    hides("short, but all of the file: hunter2", "short, but all of the file: ***");
}

/* Against a naive search, over a small alphabet, where matches overlap a lot. */
static void test_against_naive(void **state)
{
    static uint32_t seed = 2463534242u;
    char secrets[8][9], text[64], hidden[64], expected[64];
    (void)state;
    for (int round = 0; round < 300; round++) {
        pv_redact_clear();
        for (int i = 0; i < 8; i++) {
            size_t len;
            for (int j = 0; j < 8; j++) {
                seed = seed * 1664525 + 1013904223;
                secrets[i][j] = (char)('a' + (seed >> 24) % 2);
            }
            len = 5 + (seed >> 28) % 4;
            secrets[i][len] = '\0';
            pv_redact_add(str(secrets[i]), NULL);
        }
        for (size_t j = 0; j < sizeof text; j++) {
            seed = seed * 1664525 + 1013904223;
            text[j] = (char)('a' + (seed >> 24) % 2);
        }
        memset(expected, 0, sizeof expected);
        for (int i = 0; i < 8; i++) {
            size_t len = strlen(secrets[i]);
            for (size_t j = 0; j + len <= sizeof text; j++) {
                if (memcmp(text + j, secrets[i], len) == 0) memset(expected + j, 1, len);
            }
        }
        pv_redact_mark((pv_bytes){text, sizeof text}, hidden);
        assert_memory_equal(hidden, expected, sizeof text);
    }
}

static void expect_line(pv_log_form form, const char *message, const pv_log_field *fields,
                        size_t count, const char *expected)
{
    pv_buf out = {0};
    pv_log_render(&out, form, NOON * 1000LL + 7, PV_LOG_WARN, str(message), fields, count);
    assert_string_equal(out.data, expected);
    if (form == PV_LOG_JSON) {
        json_t *value = json_loads(out.data, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(value);
        json_decref(value);
    }
    pv_buf_deinit(&out);
}

static void test_lines(void **state)
{
    const pv_log_field fields[] = {
        {{"n", 1}, {"12", 2}, true},
        {{"text", 4}, {"a b", 3}, false},
        {{"empty", 5}, {"", 0}, false},
        {{"level", 5}, {"x=\"y\"", 5}, false},
    };
    (void)state;
    expect_line(PV_LOG_TEXT, "hello", fields, 4,
                "1970-01-01T12:00:00.007Z warn  hello n=12 text=\"a b\" empty=\"\" "
                "level_=\"x=\\\"y\\\"\"\n");
    expect_line(
        PV_LOG_JSON, "hello", fields, 4,
        "{\"time\":\"1970-01-01T12:00:00.007Z\",\"level\":\"warn\",\"msg\":\"hello\",\"n\":12,"
        "\"text\":\"a b\",\"empty\":\"\",\"level_\":\"x=\\\"y\\\"\"}\n");
}

static void test_hostile_text(void **state)
{
    pv_buf out = {0};
    char *large = malloc(PV_LOG_VALUE_MAX + 100);
    (void)state;
    /* New lines, terminal sequences, C1 controls, changes of direction, broken UTF-8. */
    expect_line(PV_LOG_TEXT,
                "a\nb\x1b[2Jc\x7f\xc2\x9b"
                "d\xe2\x80\xae"
                "e\xff\xc3\xa4",
                NULL, 0,
                "1970-01-01T12:00:00.007Z warn  "
                "a\\nb\\x1b[2Jc\\x7f\\xc2\\x9bd\\xe2\\x80\\xaee\\xff\xc3\xa4\n");
    expect_line(PV_LOG_JSON, "a\nb\x1b[2Jc\xff\xc3\xa4\xed\xa0\x80", NULL, 0,
                "{\"time\":\"1970-01-01T12:00:00.007Z\",\"level\":\"warn\",\"msg\":"
                "\"a\\nb\\u001b[2Jc\\ufffd\xc3\xa4\\ufffd\\ufffd\\ufffd\"}\n");
    memset(large, 'x', PV_LOG_VALUE_MAX + 100);
    pv_log_render(&out, PV_LOG_TEXT, 0, PV_LOG_WARN, (pv_bytes){large, PV_LOG_VALUE_MAX + 100},
                  NULL, 0);
    assert_true(out.len < PV_LOG_VALUE_MAX + 100);
    assert_non_null(strstr(out.data, "xxx... (8292 bytes)\n"));
    pv_buf_deinit(&out);
    free(large);
}

static void test_secrets_in_lines(void **state)
{
    const pv_log_field whole[] = {{{"a", 1}, {"say \"hunter2\"", 13}, false},
                                  {{"hunter2", 7}, {"x", 1}, false}};
    const pv_log_field split[] = {{{"a", 1}, {"hun", 3}, false}, {{"b", 1}, {"ter2", 4}, false}};
    const pv_log_field number[] = {{{"pin", 3}, {"123456", 6}, true}};
    const pv_log_field between[] = {{{"x", 1}, {"y", 1}, false}};
    (void)state;
    pv_redact_add(str("hunter2"), NULL);
    pv_redact_add(str("123456"), NULL);
    expect_line(PV_LOG_TEXT, "pw hunter2", whole, 2,
                "1970-01-01T12:00:00.007Z warn  pw *** a=\"say \\\"***\\\"\" ***=x\n");
    expect_line(PV_LOG_JSON, "pw hunter2", whole, 2,
                "{\"time\":\"1970-01-01T12:00:00.007Z\",\"level\":\"warn\",\"msg\":\"pw ***\","
                "\"a\":\"say \\\"***\\\"\",\"***\":\"x\"}\n");
    expect_line(PV_LOG_TEXT, "m", split, 2, "1970-01-01T12:00:00.007Z warn  m a=*** b=***\n");
    expect_line(PV_LOG_TEXT, "it is hunt", (pv_log_field[]){{{"k", 1}, {"er2", 3}, false}}, 1,
                "1970-01-01T12:00:00.007Z warn  it is *** k=***\n");
    expect_line(PV_LOG_JSON, "m", number, 1,
                "{\"time\":\"1970-01-01T12:00:00.007Z\",\"level\":\"warn\",\"msg\":\"m\",\"pin\":"
                "\"***\"}\n");
    pv_redact_add(str("m x=y"), NULL); /* only the finished line has it */
    expect_line(PV_LOG_TEXT, "m", between, 1,
                "1970-01-01T12:00:00.007Z warn  (a line that held a secret)\n");
}

static void test_output(void **state)
{
    char text[512];
    int fds[2];
    ssize_t len;
    pv_log_level level;
    (void)state;
    assert_int_equal(pipe(fds), 0);
    pv_log_configure(PV_LOG_INFO, PV_LOG_TEXT, fds[1]);
    pv_log(PV_LOG_DEBUG, str("dropped"), NULL, 0);
    pv_log(PV_LOG_INFO, str("kept"), NULL, 0);
    assert_int_equal(pv_log_get_level(), PV_LOG_INFO);
    pv_log_configure(PV_LOG_OFF, PV_LOG_TEXT, fds[1]);
    pv_log(PV_LOG_ERROR, str("dropped"), NULL, 0);
    pv_log(PV_LOG_OFF, str("dropped"), NULL, 0);
    close(fds[1]);
    len = read(fds[0], text, sizeof text - 1);
    assert_true(len > 0);
    text[len] = '\0';
    assert_string_equal(text + 24, " info  kept\n");
    close(fds[0]);
    pv_log_configure(PV_LOG_WARN, PV_LOG_TEXT, -1);
    pv_log(PV_LOG_ERROR, str("nowhere to go"), NULL, 0);
    assert_true(pv_log_level_of("debug", &level));
    assert_int_equal(level, PV_LOG_DEBUG);
    assert_false(pv_log_level_of("loud", &level));
}

static void test_environment(void **state)
{
    pv_err err = {0};
    (void)state;
    pv_log_configure(PV_LOG_WARN, PV_LOG_TEXT, 2);
    setenv("PROV_LOG", "debug", 1);
    setenv("PROV_LOG_FORMAT", "json", 1);
    assert_int_equal(pv_log_from_env(&err), PV_OK);
    assert_int_equal(pv_log_get_level(), PV_LOG_DEBUG);
    setenv("PROV_LOG", "loud", 1);
    assert_int_equal(pv_log_from_env(&err), PV_EINVAL);
    assert_string_equal(err.msg, "PROV_LOG is 'loud', not one of debug info warn error off");
    assert_int_equal(pv_log_get_level(), PV_LOG_DEBUG);
    setenv("PROV_LOG", "", 1);
    setenv("PROV_LOG_FORMAT", "xml", 1);
    assert_int_equal(pv_log_from_env(&err), PV_EINVAL);
    unsetenv("PROV_LOG");
    unsetenv("PROV_LOG_FORMAT");
    assert_int_equal(pv_log_from_env(&err), PV_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_redact, forget),
        cmocka_unit_test_teardown(test_overlap, forget),
        cmocka_unit_test_teardown(test_forms, forget),
        cmocka_unit_test_teardown(test_lines_of_a_key, forget),
        cmocka_unit_test_teardown(test_against_naive, forget),
        cmocka_unit_test_teardown(test_lines, forget),
        cmocka_unit_test_teardown(test_hostile_text, forget),
        cmocka_unit_test_teardown(test_secrets_in_lines, forget),
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
