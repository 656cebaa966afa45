#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"

/* RFC 4648 section 10. */
static void test_vectors(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pv_buf text = {0}, back = {0};
        assert_int_equal(pv_base64_encode(&text, (pv_bytes){rows[i][0], strlen(rows[i][0])}),
                         PV_OK);
        assert_string_equal(text.data, rows[i][1]);
        assert_int_equal(pv_base64_decode(&back, (pv_bytes){text.data, text.len}, NULL), PV_OK);
        assert_int_equal(back.len, strlen(rows[i][0]));
        if (back.len != 0) assert_memory_equal(back.data, rows[i][0], back.len);
        pv_buf_deinit(&text);
        pv_buf_deinit(&back);
    }
}

static void test_random_bytes_come_back(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++) {
        unsigned char bytes[257];
        size_t len = (size_t)(rand() % 257);
        pv_buf text = {0}, back = {0};
        for (size_t i = 0; i < len; i++) bytes[i] = (unsigned char)rand();
        assert_int_equal(pv_base64_encode(&text, (pv_bytes){(char *)bytes, len}), PV_OK);
        assert_int_equal(pv_base64_decode(&back, (pv_bytes){text.data, text.len}, NULL), PV_OK);
        assert_int_equal(back.len, len);
        if (len != 0) assert_memory_equal(back.data, bytes, len);
        pv_buf_deinit(&text);
        pv_buf_deinit(&back);
    }
}

/* Every text but the one that the encoder writes is refused. */
static void test_exact(void **state)
{
    static const char *const bad[] = {"Zg", "Zh==", "Zm9=", "Zm8=\n", " Zm8=", "Zm8", "Z===", "="};
    static const char *const bad_raw[] = {"Zg==", "Zh", "Zm9", "Z", "Zm8=", "Zm 8", "Zm8\n"};
    (void)state;
    for (size_t len = 0; len < 40; len++) {
        unsigned char bytes[40];
        for (size_t i = 0; i < len; i++) bytes[i] = (unsigned char)rand();
        for (int padded = 0; padded < 2; padded++) {
            pv_buf text = {0}, back = {0};
            pv_bytes plain = {(char *)bytes, len};
            assert_int_equal(padded ? pv_base64_encode(&text, plain)
                                    : pv_base64_encode_raw(&text, plain),
                             PV_OK);
            assert_int_equal(
                pv_base64_decode_exact(&back, (pv_bytes){text.data, text.len}, padded, NULL),
                PV_OK);
            assert_int_equal(back.len, len);
            if (len != 0) assert_memory_equal(back.data, bytes, len);
            pv_buf_deinit(&text);
            pv_buf_deinit(&back);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pv_buf back = {0};
        assert_int_equal(
            pv_base64_decode_exact(&back, (pv_bytes){bad[i], strlen(bad[i])}, true, NULL),
            PV_EINVAL);
        pv_buf_deinit(&back);
    }
    for (size_t i = 0; i < sizeof bad_raw / sizeof *bad_raw; i++) {
        pv_buf back = {0};
        assert_int_equal(
            pv_base64_decode_exact(&back, (pv_bytes){bad_raw[i], strlen(bad_raw[i])}, false, NULL),
            PV_EINVAL);
        pv_buf_deinit(&back);
    }
}

static void test_refuses_what_is_not_base64(void **state)
{
    static const char *const bad[] = {"Z", "Zg=", "Zg==Zg==", "Z===", "====", "Zm9%", "Zm=v"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pv_buf back = {0};
        pv_err err;
        assert_int_equal(pv_base64_decode(&back, (pv_bytes){bad[i], strlen(bad[i])}, &err),
                         PV_EINVAL);
        pv_buf_deinit(&back);
    }
}

static void test_keeps_to_the_maximum(void **state)
{
    pv_buf small;
    pv_err err;
    (void)state;
    pv_buf_init(&small, 3);
    assert_int_equal(pv_base64_encode(&small, (pv_bytes){"foo", 3}), PV_ELIMIT);
    assert_int_equal(pv_base64_decode(&small, (pv_bytes){"Zm9vYg==", 8}, &err), PV_ELIMIT);
    pv_buf_deinit(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_random_bytes_come_back),
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_refuses_what_is_not_base64),
        cmocka_unit_test(test_keeps_to_the_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
