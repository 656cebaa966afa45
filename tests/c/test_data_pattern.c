/* core/data/pattern: what matches, what is refused, and that steps bound every search. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/pattern.h"

static pv_bytes bytes(const char *text)
{
    return (pv_bytes){text, strlen(text)};
}

static pv_status find(pv_pattern *m, const char *text, const char *pattern, size_t *from,
                      size_t *to)
{
    *from = 0;
    pv_pattern_init(m, bytes(text), bytes(pattern), 1000000);
    return pv_pattern_find(m, from, to, false);
}

static void patterns_match_where_they_should(void **state)
{
    static const struct {
        const char *text, *pattern;
        size_t from, to;
    } cases[] = {
        {"hello", "l+", 2, 4},       {"hello", "l-o", 2, 5},
        {"hello", "", 0, 0},         {"hello", "o$", 4, 5},
        {"a$b", "$b", 1, 3},         {"key = 1", "%d", 6, 7},
        {"x]y", "[]]", 1, 2},        {"x-y", "[a%-z]", 1, 2},
        {"f(a(b)c)d", "%b()", 1, 8}, {"THE (q) END", "%f[%a]%a+%f[%A]", 0, 3},
        {"abab", "(ab)%1", 0, 4},    {"aXb", "[^%l]", 1, 2},
        {"colour", "colou?r", 0, 6}, {"color", "colou?r", 0, 5},
        {"a.b", "%.", 1, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pv_pattern m;
        size_t from, to;
        assert_int_equal(find(&m, cases[i].text, cases[i].pattern, &from, &to), PV_OK);
        assert_int_equal(from, cases[i].from);
        assert_int_equal(to, cases[i].to);
    }
}

static void captures_hold_texts_and_places(void **state)
{
    pv_pattern m;
    size_t from, to;
    (void)state;
    assert_int_equal(find(&m, "key=value", "(%w+)=()(%w*)", &from, &to), PV_OK);
    assert_int_equal(m.count, 3);
    assert_int_equal(m.capture[0].len, 3);
    assert_int_equal(m.capture[1].len, PV_PATTERN_POSITION);
    assert_int_equal(m.capture[1].at - m.text, 4);
    assert_memory_equal(m.capture[2].at, "value", 5);
    assert_int_equal(find(&m, "ab", "(a(b)", &from, &to), PV_OK); /* who reads it finds it open */
    assert_int_equal(m.capture[0].len, PV_PATTERN_OPEN);
}

static void bytes_of_every_value_match(void **state)
{
    pv_pattern m;
    size_t from = 0, to;
    (void)state;
    pv_pattern_init(&m, (pv_bytes){"a\0\377b", 4}, (pv_bytes){"\0[\200-\377]", 6}, 1000);
    assert_int_equal(pv_pattern_find(&m, &from, &to, false), PV_OK);
    assert_int_equal(from, 1);
    assert_int_equal(to, 3);
    from = 0;
    assert_int_equal(pv_pattern_find(&m, &from, &to, true), PV_ENOTFOUND);
}

static void malformed_patterns_say_what_is_wrong(void **state)
{
    static const struct {
        const char *pattern, *problem;
    } cases[] = {
        {"%", "malformed pattern (ends with '%')"},
        {"[a", "malformed pattern (missing ']')"},
        {"[", "malformed pattern (missing ']')"},
        {"[^", "malformed pattern (missing ']')"},
        {"[a%", "malformed pattern (missing ']')"},
        {"%b", "malformed pattern (missing arguments to '%b')"},
        {"%bx", "malformed pattern (missing arguments to '%b')"},
        {"%f", "missing '[' after '%f' in pattern"},
        {"%fa", "missing '[' after '%f' in pattern"},
        {")", "invalid pattern capture"},
        {"%1", "invalid capture index"},
        {"(%1)", "invalid capture index"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        /* in a block of its own, so that a read behind its end is found */
        char *copy = malloc(strlen(cases[i].pattern));
        pv_pattern m;
        size_t from = 0, to;
        memcpy(copy, cases[i].pattern, strlen(cases[i].pattern));
        pv_pattern_init(&m, bytes("a"), (pv_bytes){copy, strlen(cases[i].pattern)}, 1000);
        assert_int_equal(pv_pattern_find(&m, &from, &to, false), PV_EINVAL);
        assert_string_equal(m.problem, cases[i].problem);
        free(copy);
    }
}

static void depth_and_captures_are_bounded(void **state)
{
    char pattern[1000] = "", text[400];
    pv_pattern m;
    size_t from, to;
    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < PV_PATTERN_DEPTH + 1; i++) strcat(pattern, "a?");
    assert_int_equal(find(&m, text, pattern, &from, &to), PV_EINVAL);
    assert_string_equal(m.problem, "pattern too complex");
    pattern[0] = '\0';
    for (int i = 0; i < PV_PATTERN_CAPTURES + 1; i++) strcat(pattern, "()");
    assert_int_equal(find(&m, text, pattern, &from, &to), PV_EINVAL);
    assert_string_equal(m.problem, "too many captures");
}

static void steps_bound_every_search(void **state)
{
    static const char *const patterns[] = {
        ".*.*.*.*.*b", ".-.-.-.-.-b", "(a*)%1%1%1b", "a?a?a?a?a?a?a?b",
        "[^c]-[^c]-c", "%f[b]",       "%b()",        ""};
    static char text[20001];
    (void)state;
    memset(text, 'a', sizeof text - 1);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        pv_pattern m;
        size_t from = 0, to;
        pv_pattern_init(&m, bytes(text), bytes(patterns[i]), i < 5 ? 100000 : 0);
        assert_int_equal(pv_pattern_find(&m, &from, &to, false), PV_ELIMIT);
        assert_true(m.steps < 0);
        assert_true(m.steps > -20100); /* stopped there, not much later */
    }
}

static void plain_patterns_are_known(void **state)
{
    (void)state;
    assert_true(pv_pattern_is_plain(bytes("")));
    assert_true(pv_pattern_is_plain((pv_bytes){"a\0b]", 4}));
    assert_false(pv_pattern_is_plain((pv_bytes){"a\0.", 3}));
    assert_false(pv_pattern_is_plain(bytes("a-b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_where_they_should),
        cmocka_unit_test(captures_hold_texts_and_places),
        cmocka_unit_test(bytes_of_every_value_match),
        cmocka_unit_test(malformed_patterns_say_what_is_wrong),
        cmocka_unit_test(depth_and_captures_are_bounded),
        cmocka_unit_test(steps_bound_every_search),
        cmocka_unit_test(plain_patterns_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
