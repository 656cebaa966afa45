#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/codec.h"

static void test_integers_come_back(void **state)
{
    static const int64_t rows[] = {0,   1,   -1,        63,        64,           -64,
                                   -65, 300, INT64_MAX, INT64_MIN, INT64_MIN + 1};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pv_buf out = {0};
        pv_codec_reader r;
        pv_codec_token token;
        assert_int_equal(pv_codec_begin(&out), PV_OK);
        assert_int_equal(pv_codec_put_int(&out, rows[i]), PV_OK);
        assert_int_equal(pv_codec_check((pv_bytes){out.data, out.len}, NULL), PV_OK);
        assert_int_equal(pv_codec_open(&r, (pv_bytes){out.data, out.len}, NULL), PV_OK);
        assert_int_equal(pv_codec_next(&r, &token, NULL), PV_OK);
        assert_true(token.integer == rows[i]);
        pv_buf_deinit(&out);
    }
}

static void test_a_whole_value(void **state)
{
    pv_buf out = {0};
    pv_codec_reader r;
    pv_codec_token token;
    (void)state;
    pv_codec_begin(&out);
    pv_codec_put_count(&out, PV_CODE_MAP, 2);
    pv_codec_put_string(&out, (pv_bytes){"a", 1});
    pv_codec_put_float(&out, 1.5);
    pv_codec_put_string(&out, (pv_bytes){"b", 1});
    pv_codec_put(&out, PV_CODE_SECRET);
    pv_codec_put_string(&out, (pv_bytes){"\xff", 1});
    assert_int_equal(pv_codec_check((pv_bytes){out.data, out.len}, NULL), PV_OK);
    assert_int_equal(pv_codec_open(&r, (pv_bytes){out.data, out.len}, NULL), PV_OK);
    assert_int_equal(pv_codec_next(&r, &token, NULL), PV_OK);
    assert_int_equal(token.code, PV_CODE_MAP);
    assert_int_equal(token.count, 2);
    pv_codec_next(&r, &token, NULL);
    pv_codec_next(&r, &token, NULL);
    assert_true(token.number == 1.5);
    pv_codec_next(&r, &token, NULL);
    pv_codec_next(&r, &token, NULL);
    assert_int_equal(token.code, PV_CODE_SECRET);
    pv_codec_next(&r, &token, NULL);
    assert_int_equal(token.code, PV_CODE_BYTES);
    for (size_t len = 0; len < out.len; len++) { /* every beginning is refused */
        assert_int_equal(pv_codec_check((pv_bytes){out.data, len}, NULL), PV_ECORRUPT);
    }
    pv_buf_deinit(&out);
}

#define BYTES(text)                                                                                \
    {                                                                                              \
        text, sizeof text - 1                                                                      \
    }

static void test_refuses_what_is_not_canonical(void **state)
{
    static const pv_bytes rows[] = {
        BYTES(""),                                              /* empty */
        BYTES("\x02n"),                                         /* version */
        BYTES("\x01x"),                                         /* tag */
        BYTES("\x01nn"),                                        /* bytes behind the end */
        BYTES("\x01i\x80\x00"),                                 /* long form of 0 */
        BYTES("\x01i\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), /* past 64 bits */
        BYTES("\x01s\x01\xff"),                                 /* not UTF-8 */
        BYTES("\x01"
              "b\x01"
              "a"), /* UTF-8 as bytes */
        BYTES("\x01s\x05"
              "ab"),                        /* longer than the input */
        BYTES("\x01l\xff\xff\xff\xff\x7f"), /* more items than bytes */
        BYTES("\x01"
              "C\x7f"), /* a call of more parts than bytes */
        BYTES("\x01m\x02s\x01"
              "bns\x01"
              "an"), /* keys out of order */
        BYTES("\x01m\x02s\x01"
              "ans\x01"
              "an"),          /* key twice */
        BYTES("\x01m\x01nn"), /* key is null */
        BYTES("\x01"
              "d\x7f\xf8\x00\x00\x00\x00\x00\x01"), /* another NaN */
        BYTES("\x01"
              "d\x00"), /* short float */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pv_err err = {0};
        if (pv_codec_check(rows[i], &err) != PV_ECORRUPT) fail_msg("row %zu was accepted", i);
        assert_int_equal(err.status, PV_ECORRUPT);
    }
}

static void test_calls_are_lists_with_a_name(void **state)
{
    const pv_bytes bytes = BYTES("\x01"
                                 "C\x02s\x01+i\x02");
    pv_codec_reader r;
    pv_codec_token token;
    (void)state;
    assert_int_equal(pv_codec_check(bytes, NULL), PV_OK);
    assert_int_equal(pv_codec_open(&r, bytes, NULL), PV_OK);
    assert_int_equal(pv_codec_next(&r, &token, NULL), PV_OK);
    assert_int_equal(token.code, PV_CODE_CALL);
    assert_int_equal(token.count, 2);
}

static void test_depth_is_bounded(void **state)
{
    pv_buf out = {0};
    (void)state;
    pv_codec_begin(&out);
    for (int i = 0; i < 100000; i++) pv_codec_put_count(&out, PV_CODE_LIST, 1);
    pv_codec_put(&out, PV_CODE_NULL);
    assert_int_equal(pv_codec_check((pv_bytes){out.data, out.len}, NULL), PV_ECORRUPT);
    pv_buf_deinit(&out);
}

static void test_key_order(void **state)
{
    pv_codec_token one = {.code = PV_CODE_INT, .integer = -1},
                   two = {.code = PV_CODE_INT, .integer = 2};
    pv_codec_token a = {.code = PV_CODE_STRING, .bytes = {"a", 1}},
                   ab = {.code = PV_CODE_STRING, .bytes = {"ab", 2}};
    (void)state;
    assert_true(pv_codec_key_less(&one, &two));
    assert_false(pv_codec_key_less(&two, &one));
    assert_true(pv_codec_key_less(&two, &a));
    assert_true(pv_codec_key_less(&a, &ab));
    assert_false(pv_codec_key_less(&ab, &a));
    assert_false(pv_codec_key_less(&a, &a));
}

static void test_random_bytes_do_no_harm(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < 200000; round++) {
        char bytes[32];
        size_t len = (size_t)(rand() % 32);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)("nftidsblmSURTC\x01\x02\x00\x80"[rand() % 18]);
        if (len > 0) bytes[0] = 1;
        (void)pv_codec_check((pv_bytes){bytes, len}, NULL);
    }
}

static void test_full_buffer_is_said(void **state)
{
    pv_buf out;
    (void)state;
    pv_buf_init(&out, 3);
    assert_int_equal(pv_codec_begin(&out), PV_OK);
    assert_int_equal(pv_codec_put_float(&out, 1), PV_ELIMIT);
    assert_int_equal(pv_codec_put_string(&out, (pv_bytes){"abc", 3}), PV_ELIMIT);
    pv_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_come_back),
        cmocka_unit_test(test_a_whole_value),
        cmocka_unit_test(test_refuses_what_is_not_canonical),
        cmocka_unit_test(test_calls_are_lists_with_a_name),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_key_order),
        cmocka_unit_test(test_random_bytes_do_no_harm),
        cmocka_unit_test(test_full_buffer_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
