/* AES-256-GCM, digests and random bytes, judged by Wycheproof where it is present. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "crypto/crypto.h"

static pv_bytes str(const char *text)
{
    return (pv_bytes){text, strlen(text)};
}

/* The suite's file, or NULL: PROV_SHARED, or the folder "shared" beside the source tree. */
static json_t *load_vectors(const char *name)
{
    const char *shared = getenv("PROV_SHARED"), *source = getenv("PROV_SOURCE");
    char path[4096];
    json_t *vectors;
    snprintf(path, sizeof path, "%s%s/suites/wycheproof/testvectors_v1/%s",
             shared != NULL   ? shared
             : source != NULL ? source
                              : ".",
             shared != NULL ? "" : "/../shared", name);
    vectors = json_load_file(path, 0, NULL);
    if (vectors == NULL) print_message("SKIP: no %s\n", name);
    return vectors;
}

static void hex_field(pv_buf *out, const json_t *test, const char *name)
{
    const char *hex = json_string_value(json_object_get(test, name));
    unsigned byte;
    assert_non_null(hex);
    pv_buf_add(out, "", 0);
    for (; hex[0] != '\0' && sscanf(hex, "%2x", &byte) == 1; hex += 2) pv_buf_addc(out, (char)byte);
}

static pv_bytes view(const pv_buf *buf)
{
    return (pv_bytes){buf->data, buf->len};
}

static void one_aead(const json_t *test, int *valid, int *invalid)
{
    pv_buf key = {0}, iv = {0}, aad = {0}, msg = {0}, sealed = {0};
    char out[8192];
    int id = (int)json_integer_value(json_object_get(test, "tcId"));
    pv_status status;
    hex_field(&key, test, "key");
    hex_field(&iv, test, "iv");
    hex_field(&aad, test, "aad");
    hex_field(&msg, test, "msg");
    hex_field(&sealed, test, "iv");
    hex_field(&sealed, test, "ct");
    hex_field(&sealed, test, "tag");
    assert_true(sealed.len <= sizeof out);
    status = pv_open(view(&key), view(&sealed), view(&aad), out, NULL);
    if (strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0) {
        if (status != PV_OK) fail_msg("vector %d does not open", id);
        assert_memory_equal(out, msg.data, msg.len);
        assert_int_equal(
            pv_seal(view(&key), (unsigned char *)iv.data, view(&msg), view(&aad), out, NULL),
            PV_OK);
        assert_memory_equal(out, sealed.data, sealed.len);
        ++*valid;
    } else {
        if (status != PV_EAUTH) fail_msg("vector %d opens", id);
        ++*invalid;
    }
    pv_buf_deinit(&key);
    pv_buf_deinit(&iv);
    pv_buf_deinit(&aad);
    pv_buf_deinit(&msg);
    pv_buf_deinit(&sealed);
}

static void test_wycheproof_gcm(void **state)
{
    json_t *vectors = load_vectors("aes_gcm_test.json"), *group, *test;
    int valid = 0, invalid = 0;
    size_t i, j;
    (void)state;
    if (vectors == NULL) skip();
    json_array_foreach(json_object_get(vectors, "testGroups"), i, group)
    {
        /* The sizes prov uses; others are not offered. */
        if (json_integer_value(json_object_get(group, "keySize")) != 256) continue;
        if (json_integer_value(json_object_get(group, "ivSize")) != 96) continue;
        json_array_foreach(json_object_get(group, "tests"), j, test)
            one_aead(test, &valid, &invalid);
    }
    json_decref(vectors);
    print_message("%d valid and %d invalid vectors\n", valid, invalid);
    assert_true(valid >= 30 && invalid >= 20);
}

static void test_wycheproof_hmac(void **state)
{
    json_t *vectors = load_vectors("hmac_sha256_test.json"), *group, *test;
    int count = 0;
    size_t i, j;
    (void)state;
    if (vectors == NULL) skip();
    json_array_foreach(json_object_get(vectors, "testGroups"), i, group)
    {
        size_t size = (size_t)json_integer_value(json_object_get(group, "tagSize")) / 8;
        json_array_foreach(json_object_get(group, "tests"), j, test)
        {
            pv_buf key = {0}, msg = {0}, tag = {0};
            unsigned char got[PV_SHA256_LEN];
            hex_field(&key, test, "key");
            hex_field(&msg, test, "msg");
            hex_field(&tag, test, "tag");
            assert_int_equal(pv_hmac_sha256(view(&key), view(&msg), got, NULL), PV_OK);
            assert_int_equal(pv_secret_equal((pv_bytes){(char *)got, size}, view(&tag)),
                             strcmp(json_string_value(json_object_get(test, "result")), "valid") ==
                                 0);
            pv_buf_deinit(&key);
            pv_buf_deinit(&msg);
            pv_buf_deinit(&tag);
            count++;
        }
    }
    json_decref(vectors);
    assert_true(count > 150);
}

static void test_digests(void **state)
{
    unsigned char digest[PV_SHA256_LEN];
    char hex[2 * PV_SHA256_LEN + 1];
    (void)state;
    assert_int_equal(pv_sha256(str("abc"), digest, NULL), PV_OK); /* FIPS 180-2, B.1 */
    pv_hex(digest, sizeof digest, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(pv_sha256((pv_bytes){NULL, 0}, digest, NULL), PV_OK);
    pv_hex(digest, sizeof digest, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(pv_hmac_sha256(str("Jefe"), str("what do ya want for nothing?"), digest, NULL),
                     PV_OK);
    pv_hex(digest, sizeof digest, hex); /* RFC 4231, 4.3 */
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_int_equal(pv_hmac_sha256((pv_bytes){NULL, 0}, str(""), digest, NULL), PV_OK);
    pv_hex(digest, sizeof digest, hex);
    assert_string_equal(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_random(void **state)
{
    enum { SIZE = 3 << 20 };
    unsigned char *a = calloc(1, SIZE + 1), *b = calloc(1, SIZE + 1);
    size_t counts[256] = {0};
    (void)state;
    assert_int_equal(pv_random(a, SIZE, NULL), PV_OK);
    assert_int_equal(pv_random(b, SIZE, NULL), PV_OK);
    assert_memory_not_equal(a, b, 64);
    assert_memory_not_equal(a + SIZE - 64, b + SIZE - 64, 64);
    assert_int_equal(a[SIZE], 0);
    for (size_t i = 0; i < SIZE; i++) counts[a[i]]++;
    for (int i = 0; i < 256; i++)
        assert_in_range(counts[i], SIZE / 256 - 900, SIZE / 256 + 900); /* 8 sigma */
    assert_int_equal(pv_random(a, 0, NULL), PV_OK);
    free(a);
    free(b);
}

static void test_tampering(void **state)
{
    char key[PV_KEY_LEN] = "0123456789abcdef0123456789abcdef"; /* without its NUL */
    char sealed[5 + PV_SEAL_OVERHEAD], again[sizeof sealed], plain[5];
    pv_bytes k = {key, sizeof key}, all = {sealed, sizeof sealed};
    pv_err err = {0};
    (void)state;
    assert_int_equal(pv_seal(k, NULL, str("hello"), str("aad"), sealed, NULL), PV_OK);
    assert_int_equal(pv_seal(k, NULL, str("hello"), str("aad"), again, NULL), PV_OK);
    assert_memory_not_equal(sealed, again, PV_NONCE_LEN); /* a nonce of its own each time */
    assert_int_equal(pv_open(k, all, str("aad"), plain, NULL), PV_OK);
    assert_memory_equal(plain, "hello", 5);
    for (size_t bit = 0; bit < sizeof sealed * 8; bit++) {
        sealed[bit / 8] = (char)(sealed[bit / 8] ^ 1 << bit % 8);
        memset(plain, 'x', sizeof plain);
        assert_int_equal(pv_open(k, all, str("aad"), plain, &err), PV_EAUTH);
        assert_memory_equal(plain, "\0\0\0\0\0", 5); /* nothing unverified comes out */
        sealed[bit / 8] = (char)(sealed[bit / 8] ^ 1 << bit % 8);
    }
    for (size_t len = 0; len < sizeof sealed; len++) {
        assert_int_equal(pv_open(k, (pv_bytes){sealed, len}, str("aad"), plain, NULL), PV_EAUTH);
    }
    assert_int_equal(pv_open(k, all, str("AAD"), plain, NULL), PV_EAUTH);
    assert_int_equal(pv_open(k, all, str(""), plain, NULL), PV_EAUTH);
    key[31]++;
    assert_int_equal(pv_open(k, all, str("aad"), plain, NULL), PV_EAUTH);
    assert_int_equal(pv_open((pv_bytes){key, 31}, all, str("aad"), plain, &err), PV_EINVAL);
    assert_string_equal(err.msg, "a key is 32 bytes, not 31");
    assert_int_equal(pv_seal((pv_bytes){key, 16}, NULL, str(""), str(""), sealed, NULL), PV_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wycheproof_gcm), cmocka_unit_test(test_wycheproof_hmac),
        cmocka_unit_test(test_digests),        cmocka_unit_test(test_random),
        cmocka_unit_test(test_tampering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
