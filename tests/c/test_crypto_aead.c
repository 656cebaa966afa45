/* AES-256-GCM, digests and random bytes, judged by Wycheproof where it is present. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "wycheproof.h"

static pv_aead_alg alg;

static void one_aead(const json_t *group, const json_t *test)
{
    pv_buf key = {0}, iv = {0}, aad = {0}, msg = {0}, sealed = {0};
    char out[8192];
    int id = (int)json_integer_value(json_object_get(test, "tcId"));
    bool valid = result_is(test, "valid");
    pv_aead *aead = NULL;
    pv_status status;
    (void)group;
    hex_field(&key, test, "key");
    hex_field(&iv, test, "iv");
    hex_field(&aad, test, "aad");
    hex_field(&msg, test, "msg");
    hex_field(&sealed, test, "ct");
    hex_field(&sealed, test, "tag");
    assert_true(sealed.len <= sizeof out);
    assert_int_equal(pv_aead_new(&aead, alg, view(&key), NULL), PV_OK);
    status = pv_aead_open(aead, view(&iv), view(&sealed), view(&aad), out, NULL);
    if (valid) {
        if (status != PV_OK) fail_msg("vector %d does not open", id);
        assert_memory_equal(out, msg.data, msg.len);
        assert_int_equal(pv_aead_seal(aead, view(&iv), view(&msg), view(&aad), out, NULL), PV_OK);
        assert_memory_equal(out, sealed.data, sealed.len);
        memcpy(out, msg.data, msg.len); /* in place, and with a context that was used before */
        assert_int_equal(
            pv_aead_seal(aead, view(&iv), (pv_bytes){out, msg.len}, view(&aad), out, NULL), PV_OK);
        assert_memory_equal(out, sealed.data, sealed.len);
        assert_int_equal(
            pv_aead_open(aead, view(&iv), (pv_bytes){out, sealed.len}, view(&aad), out, NULL),
            PV_OK);
        assert_memory_equal(out, msg.data, msg.len);
    } else if (status != PV_EAUTH && !(status == PV_EINVAL && iv.len != PV_NONCE_LEN)) {
        fail_msg("vector %d opens", id);
    }
    pv_aead_free(aead);
    pv_buf_deinit(&key);
    pv_buf_deinit(&iv);
    pv_buf_deinit(&aad);
    pv_buf_deinit(&msg);
    pv_buf_deinit(&sealed);
}

/* The key prov uses, with any nonce that libcrypto takes. */
static bool of_256_bits(const json_t *group)
{
    return json_integer_value(json_object_get(group, "keySize")) == 256 &&
           json_integer_value(json_object_get(group, "ivSize")) <= 1024;
}

static bool of_128_bits(const json_t *group)
{
    return json_integer_value(json_object_get(group, "keySize")) == 128 &&
           json_integer_value(json_object_get(group, "ivSize")) <= 1024;
}

static void test_wycheproof_gcm(void **state)
{
    vector_count count;
    (void)state;
    alg = PV_AES_256_GCM;
    count = each_vector("aes_gcm_test.json", of_256_bits, one_aead);
    assert_true(count.valid >= 75 && count.invalid >= 29);
    alg = PV_AES_128_GCM;
    count = each_vector("aes_gcm_test.json", of_128_bits, one_aead);
    assert_true(count.valid >= 75 && count.invalid >= 29);
}

static void test_wycheproof_chacha(void **state)
{
    vector_count count;
    (void)state;
    alg = PV_CHACHA20_POLY1305;
    count = each_vector("chacha20_poly1305_test.json", NULL, one_aead);
    assert_true(count.valid >= 200 && count.invalid >= 60);
}

static void one_hmac(const json_t *group, const json_t *test)
{
    size_t size = (size_t)json_integer_value(json_object_get(group, "tagSize")) / 8;
    pv_buf key = {0}, msg = {0}, tag = {0};
    unsigned char got[PV_SHA256_LEN], again[PV_SHA256_LEN];
    pv_hasher *hasher = NULL;
    hex_field(&key, test, "key");
    hex_field(&msg, test, "msg");
    hex_field(&tag, test, "tag");
    assert_int_equal(pv_hmac(PV_SHA256, view(&key), view(&msg), got, NULL), PV_OK);
    assert_int_equal(pv_hasher_new_keyed(&hasher, PV_SHA256, view(&key), NULL), PV_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pv_hasher_add(hasher, view(&msg), NULL), PV_OK);
        assert_int_equal(pv_hasher_end(hasher, again, NULL), PV_OK);
        assert_memory_equal(again, got, sizeof got);
    }
    pv_hasher_free(hasher);
    assert_int_equal(pv_secret_equal((pv_bytes){(char *)got, size}, view(&tag)),
                     result_is(test, "valid"));
    pv_buf_deinit(&key);
    pv_buf_deinit(&msg);
    pv_buf_deinit(&tag);
}

static void test_wycheproof_hmac(void **state)
{
    vector_count count;
    (void)state;
    count = each_vector("hmac_sha256_test.json", NULL, one_hmac);
    assert_true(count.valid + count.invalid > 150);
}

static void hash_is(pv_hash hash, const char *text, const char *hex)
{
    unsigned char digest[PV_HASH_MAX], pieces[PV_HASH_MAX];
    char got[2 * PV_HASH_MAX + 1];
    pv_hasher *hasher = NULL;
    assert_int_equal(pv_digest(hash, str(text), digest, NULL), PV_OK);
    pv_hex(digest, pv_hash_len(hash), got);
    assert_string_equal(got, hex);
    assert_int_equal(pv_hasher_new(&hasher, hash, NULL), PV_OK);
    for (int again = 0; again < 2; again++) {
        for (const char *at = text; *at != '\0'; at++)
            assert_int_equal(pv_hasher_add(hasher, (pv_bytes){at, 1}, NULL), PV_OK);
        assert_int_equal(pv_hasher_end(hasher, pieces, NULL), PV_OK);
        assert_memory_equal(pieces, digest, pv_hash_len(hash));
    }
    pv_hasher_free(hasher);
}

/* FIPS 180-4's and 202's own examples of "abc". */
static void test_hashes(void **state)
{
    (void)state;
    hash_is(PV_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72"); /* RFC 1321, A.5 */
    hash_is(PV_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
    hash_is(PV_SHA224, "abc", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7");
    hash_is(PV_SHA3_224, "abc", "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf");
    hash_is(PV_SHA3_256, "abc", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532");
    hash_is(PV_SHA3_384, "abc",
            "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b2"
            "98d88cea927ac7f539f1edf228376d25");
    hash_is(PV_SHA3_512, "abc",
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e"
            "10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0");
    hash_is(PV_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_is(PV_SHA384, "abc",
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
            "8086072ba1e7cc2358baeca134c825a7");
    hash_is(PV_SHA512, "abc",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
    pv_hasher_free(NULL);
}

static void test_digests(void **state)
{
    unsigned char digest[PV_SHA256_LEN];
    char hex[2 * PV_SHA256_LEN + 1];
    (void)state;
    assert_int_equal(pv_digest(PV_SHA256, str("abc"), digest, NULL), PV_OK); /* FIPS 180-2, B.1 */
    pv_hex(digest, sizeof digest, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(pv_digest(PV_SHA256, (pv_bytes){NULL, 0}, digest, NULL), PV_OK);
    pv_hex(digest, sizeof digest, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(
        pv_hmac(PV_SHA256, str("Jefe"), str("what do ya want for nothing?"), digest, NULL), PV_OK);
    pv_hex(digest, sizeof digest, hex); /* RFC 4231, 4.3 */
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_int_equal(pv_hmac(PV_SHA256, (pv_bytes){NULL, 0}, str(""), digest, NULL), PV_OK);
    pv_hex(digest, sizeof digest, hex);
    assert_string_equal(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_uuid(void **state)
{
    char first[PV_UUID_LEN + 1], second[PV_UUID_LEN + 1];
    (void)state;
    assert_int_equal(pv_uuid(first, NULL), PV_OK);
    assert_int_equal(pv_uuid(second, NULL), PV_OK);
    assert_string_not_equal(first, second);
    for (int i = 0; i < PV_UUID_LEN; i++)
        assert_int_equal(first[i] == '-', i == 8 || i == 13 || i == 18 || i == 23);
    assert_int_equal(strspn(first, "0123456789abcdef-"), PV_UUID_LEN);
    assert_int_equal(first[14], '4');
    assert_non_null(strchr("89ab", first[19]));
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
        cmocka_unit_test(test_wycheproof_gcm), cmocka_unit_test(test_wycheproof_chacha),
        cmocka_unit_test(test_hashes),         cmocka_unit_test(test_wycheproof_hmac),
        cmocka_unit_test(test_digests),        cmocka_unit_test(test_random),
        cmocka_unit_test(test_uuid),           cmocka_unit_test(test_tampering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
