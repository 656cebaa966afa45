/* Keys from keys and passwords: HKDF and PBKDF2 judged by Wycheproof, scrypt and Argon2id by their
 * RFCs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/kdf.h"
#include "wycheproof.h"

static void one_hkdf(const json_t *group, const json_t *test)
{
    static unsigned char got[16384];
    pv_buf ikm = {0}, salt = {0}, info = {0}, okm = {0};
    size_t size = (size_t)json_integer_value(json_object_get(test, "size"));
    pv_status status;
    (void)group;
    assert_true(size <= sizeof got);
    hex_field(&ikm, test, "ikm");
    hex_field(&salt, test, "salt");
    hex_field(&info, test, "info");
    hex_field(&okm, test, "okm");
    status = pv_hkdf(PV_SHA256, view(&ikm), view(&salt), view(&info), got, size, NULL);
    if (result_is(test, "valid")) {
        assert_int_equal(status, PV_OK);
        assert_memory_equal(got, okm.data, size);
    } else {
        assert_int_equal(status, PV_ELIMIT);
    }
    pv_buf_deinit(&ikm);
    pv_buf_deinit(&salt);
    pv_buf_deinit(&info);
    pv_buf_deinit(&okm);
}

static void test_wycheproof_hkdf(void **state)
{
    vector_count count;
    (void)state;
    count = each_vector("hkdf_sha256_test.json", NULL, one_hkdf);
    assert_true(count.valid >= 80 && count.invalid >= 2);
}

static void one_pbkdf2(const json_t *group, const json_t *test)
{
    unsigned char got[256];
    pv_buf password = {0}, salt = {0}, dk = {0};
    unsigned iterations = (unsigned)json_integer_value(json_object_get(test, "iterationCount"));
    (void)group;
    hex_field(&password, test, "password");
    hex_field(&salt, test, "salt");
    hex_field(&dk, test, "dk");
    assert_true(dk.len <= sizeof got);
    if (iterations <= 100000) { /* the rest takes minutes under a sanitizer */
        assert_int_equal(
            pv_pbkdf2(PV_SHA256, view(&password), view(&salt), iterations, got, dk.len, NULL),
            PV_OK);
        assert_memory_equal(got, dk.data, dk.len);
    }
    pv_buf_deinit(&password);
    pv_buf_deinit(&salt);
    pv_buf_deinit(&dk);
}

static void test_wycheproof_pbkdf2(void **state)
{
    vector_count count;
    (void)state;
    count = each_vector("pbkdf2_hmacsha256_test.json", NULL, one_pbkdf2);
    assert_true(count.valid >= 50);
}

static void is_hex(const unsigned char *got, size_t len, const char *hex)
{
    char text[257];
    assert_true(len <= 128);
    pv_hex(got, len, text);
    assert_string_equal(text, hex);
}

/* RFC 7914, 12. */
static void test_scrypt(void **state)
{
    unsigned char got[64];
    pv_err err;
    (void)state;
    assert_int_equal(pv_scrypt(str(""), str(""), 4, 1, 1, got, 64, NULL), PV_OK);
    is_hex(got, 64,
           "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
           "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906");
    assert_int_equal(pv_scrypt(str("password"), str("NaCl"), 10, 8, 16, got, 64, NULL), PV_OK);
    is_hex(got, 64,
           "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
           "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640");
    assert_int_equal(
        pv_scrypt(str("pleaseletmein"), str("SodiumChloride"), 14, 8, 1, got, 64, NULL), PV_OK);
    is_hex(got, 64,
           "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
           "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887");
    assert_int_equal(pv_scrypt(str("x"), str("y"), 0, 8, 1, got, 64, &err), PV_EINVAL);
    pv_crypto_thread_end(); /* and goes on after it */
    assert_int_equal(pv_scrypt(str("x"), str("y"), 31, 8, 1, got, 64, &err), PV_EINVAL);
    assert_int_equal(pv_scrypt(str("x"), str("y"), 28, 32, 1, got, 64, &err), PV_EINVAL);
}

/* age's default of 2^18 needs 256 MiB, more than libcrypto allows unless told. */
static void test_scrypt_large(void **state)
{
    unsigned char got[32];
    (void)state;
    if (getenv("PROV_VALGRIND") != NULL) return; /* a minute */
    assert_int_equal(pv_scrypt(str("a"), str("0123456789abcdef"), 18, 8, 1, got, 32, NULL), PV_OK);
}

/* The reference's own test vectors (test.c of phc-winner-argon2): version 0x13, t=2, p=1. */
static void test_argon2id(void **state)
{
    unsigned char got[32];
    pv_err err;
    (void)state;
    assert_int_equal(pv_argon2id(str("password"), str("somesalt"), 2, 65536, 1, got, 32, NULL),
                     PV_OK);
    is_hex(got, 32, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7");
    assert_int_equal(pv_argon2id(str("password"), str("somesalt"), 2, 256, 2, got, 32, NULL),
                     PV_OK);
    is_hex(got, 32, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037");
    assert_int_equal(pv_argon2id(str("password"), str("short"), 2, 256, 1, got, 32, &err),
                     PV_EINVAL);
    assert_int_equal(pv_argon2id(str("password"), str("somesalt"), 0, 256, 1, got, 32, &err),
                     PV_EINVAL);
}

/* The vectors that implementations of bcrypt_pbkdf share (py-bcrypt, Go, Rust). */
static void test_bcrypt_pbkdf(void **state)
{
    unsigned char got[64];
    pv_err err;
    (void)state;
    assert_int_equal(pv_bcrypt_pbkdf(str("password"), str("salt"), 4, got, 32, NULL), PV_OK);
    is_hex(got, 32, "5bbf0cc293587f1c3635555c27796598d47e579071bf427e9d8fbe842aba34d9");
    assert_int_equal(pv_bcrypt_pbkdf(str("password"), (pv_bytes){"", 1}, 4, got, 16, NULL), PV_OK);
    is_hex(got, 16, "c12b566235eee04c212598970a579a67");
    assert_int_equal(
        pv_bcrypt_pbkdf((pv_bytes){"password", 9}, (pv_bytes){"salt", 5}, 4, got, 32, NULL), PV_OK);
    is_hex(got, 32, "7410e44cf4fa07bfaac8a928b1727fac001375e7bf7384370f48efd121743050");
    assert_int_equal(pv_bcrypt_pbkdf(str(""), str("salt"), 4, got, 32, &err), PV_EINVAL);
    assert_int_equal(pv_bcrypt_pbkdf(str("x"), str(""), 4, got, 32, &err), PV_EINVAL);
    assert_int_equal(pv_bcrypt_pbkdf(str("x"), str("y"), 0, got, 32, &err), PV_EINVAL);
    assert_int_equal(pv_bcrypt_pbkdf(str("x"), str("y"), 1 << 17, got, 32, &err), PV_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wycheproof_hkdf), cmocka_unit_test(test_wycheproof_pbkdf2),
        cmocka_unit_test(test_scrypt),          cmocka_unit_test(test_scrypt_large),
        cmocka_unit_test(test_argon2id),        cmocka_unit_test(test_bcrypt_pbkdf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
