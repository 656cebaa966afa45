/* Key pairs, judged by Wycheproof where it is present. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/pkey.h"
#include "wycheproof.h"

static pv_sign_alg alg;

static void one_signature(const json_t *group, const json_t *test)
{
    pv_buf der = {0}, msg = {0}, sig = {0};
    pv_pkey *key = NULL;
    int id = (int)json_integer_value(json_object_get(test, "tcId"));
    pv_status status;
    hex_field(&der, group, "publicKeyDer");
    hex_field(&msg, test, "msg");
    hex_field(&sig, test, "sig");
    assert_int_equal(pv_pkey_parse(&key, view(&der), (pv_bytes){NULL, 0}, NULL), PV_OK);
    assert_false(pv_pkey_has_secret(key));
    status = pv_pkey_verify(key, alg, NULL, view(&msg), view(&sig), NULL);
    if (result_is(test, "valid") && status != PV_OK) fail_msg("vector %d is refused", id);
    if (result_is(test, "invalid") && status != PV_EAUTH) fail_msg("vector %d is taken", id);
    pv_pkey_free(key);
    pv_buf_deinit(&der);
    pv_buf_deinit(&msg);
    pv_buf_deinit(&sig);
}

static void test_wycheproof_signatures(void **state)
{
    static const struct {
        const char *file;
        pv_sign_alg alg;
        int valid, invalid;
    } suites[] = {
        {"ed25519_test.json", PV_SIGN_ED25519, 80, 50},
        {"ecdsa_secp256r1_sha256_test.json", PV_SIGN_ECDSA, 150, 200},
        {"ecdsa_secp256r1_sha256_p1363_test.json", PV_SIGN_JOSE, 150, 50},
        {"rsa_pss_2048_sha256_mgf1_32_test.json", PV_SIGN_RSA_PSS, 40, 40},
        {"rsa_signature_2048_sha256_test.json", PV_SIGN_RSA_PKCS1, 5, 200},
    };
    (void)state;
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
        vector_count count;
        alg = suites[i].alg;
        count = each_vector(suites[i].file, NULL, one_signature);
        assert_true(count.valid >= suites[i].valid && count.invalid >= suites[i].invalid);
    }
}

static bool zero(const pv_buf *buf)
{
    for (size_t i = 0; i < buf->len; i++)
        if (buf->data[i] != 0) return false;
    return true;
}

static void one_x25519(const json_t *group, const json_t *test)
{
    pv_buf public = {0}, private = {0}, shared = {0};
    pv_pkey *mine = NULL, *theirs = NULL;
    pv_secret *got = NULL;
    pv_status status;
    (void)group;
    hex_field(&public, test, "public");
    hex_field(&private, test, "private");
    hex_field(&shared, test, "shared");
    assert_int_equal(pv_pkey_raw(&mine, PV_X25519, true, view(&private), NULL), PV_OK);
    assert_int_equal(pv_pkey_raw(&theirs, PV_X25519, false, view(&public), NULL), PV_OK);
    status = pv_pkey_agree(mine, theirs, &got, NULL);
    if (zero(&shared)) {
        assert_int_equal(status, PV_EAUTH);
        assert_null(got);
    } else { /* "acceptable" are keys that are written in more than one way, or on the twist */
        assert_int_equal(status, PV_OK);
        assert_memory_equal(got->data, shared.data, 32);
    }
    pv_secret_free(got);
    pv_pkey_free(mine);
    pv_pkey_free(theirs);
    pv_buf_deinit(&public);
    pv_buf_deinit(&private);
    pv_buf_deinit(&shared);
}

static void test_wycheproof_x25519(void **state)
{
    vector_count count;
    (void)state;
    count = each_vector("x25519_test.json", NULL, one_x25519);
    assert_true(count.valid >= 250 && count.acceptable >= 200);
}

static void signs(pv_pkey *key, pv_sign_alg how, size_t len)
{
    pv_pkey *public = NULL, *again = NULL;
    pv_secret *pem = NULL;
    pv_buf sig = {0}, text = {0};
    assert_int_equal(pv_pkey_secret_pem(key, &pem, NULL), PV_OK);
    assert_int_equal(pv_pkey_parse(&again, pv_secret_bytes(pem), (pv_bytes){NULL, 0}, NULL), PV_OK);
    pv_secret_free(pem);
    assert_true(pv_pkey_has_secret(again));
    assert_int_equal(pv_pkey_type_of(again), pv_pkey_type_of(key));
    assert_int_equal(pv_pkey_bits(again), pv_pkey_bits(key));
    assert_int_equal(pv_pkey_public_pem(key, &text, NULL), PV_OK);
    assert_int_equal(pv_pkey_parse(&public, view(&text), (pv_bytes){NULL, 0}, NULL), PV_OK);
    assert_false(pv_pkey_has_secret(public));
    assert_int_equal(pv_pkey_sign(again, how, NULL, str("text"), &sig, NULL), PV_OK);
    if (len != 0) assert_int_equal(sig.len, len);
    assert_int_equal(pv_pkey_verify(public, how, NULL, str("text"), view(&sig), NULL), PV_OK);
    assert_int_equal(pv_pkey_verify(public, how, NULL, str("texT"), view(&sig), NULL), PV_EAUTH);
    sig.data[sig.len - 1] ^= 1;
    assert_int_equal(pv_pkey_verify(public, how, NULL, str("text"), view(&sig), NULL), PV_EAUTH);
    assert_int_equal(pv_pkey_verify(public, how, NULL, str("text"), str(""), NULL), PV_EAUTH);
    sig.len = 0;
    assert_int_equal(pv_pkey_sign(public, how, NULL, str("text"), &sig, NULL), PV_EINVAL);
    assert_int_equal(pv_pkey_secret_pem(public, &pem, NULL), PV_EINVAL);
    assert_null(pem);
    pv_buf_deinit(&sig);
    pv_buf_deinit(&text);
    pv_pkey_free(public);
    pv_pkey_free(again);
}

/* One of RSA for all tests: under valgrind it takes half a minute. */
static pv_pkey *rsa;

static int setup(void **state)
{
    (void)state;
    return pv_pkey_generate(&rsa, PV_RSA, 2048, NULL) == PV_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    pv_pkey_free(rsa);
    return 0;
}

static void test_signatures(void **state)
{
    pv_pkey *ed = NULL, *ec = NULL;
    (void)state;
    assert_int_equal(pv_pkey_generate(&ed, PV_ED25519, 0, NULL), PV_OK);
    assert_int_equal(pv_pkey_generate(&ec, PV_P256, 0, NULL), PV_OK);
    signs(ed, PV_SIGN_ED25519, 64);
    signs(ec, PV_SIGN_ECDSA, 0);
    signs(ec, PV_SIGN_JOSE, 64);
    signs(rsa, PV_SIGN_RSA_PSS, 256);
    signs(rsa, PV_SIGN_RSA_PKCS1, 256);
    pv_pkey_free(ed);
    pv_pkey_free(ec);
}

/* A key of one kind does not do what is another's. */
static void test_wrong_kinds(void **state)
{
    pv_pkey *x = NULL, *ed = NULL, *none = NULL;
    pv_secret *secret = NULL;
    pv_buf out = {0};
    pv_err err;
    (void)state;
    assert_int_equal(pv_pkey_generate(&x, PV_X25519, 0, NULL), PV_OK);
    assert_int_equal(pv_pkey_generate(&ed, PV_ED25519, 0, NULL), PV_OK);
    assert_int_equal(pv_pkey_sign(x, PV_SIGN_ED25519, NULL, str("a"), &out, &err), PV_EINVAL);
    assert_int_equal(pv_pkey_sign(ed, PV_SIGN_RSA_PSS, NULL, str("a"), &out, &err), PV_EINVAL);
    assert_int_equal(pv_pkey_agree(x, ed, &secret, &err), PV_EINVAL);
    assert_int_equal(pv_pkey_oaep_seal(ed, PV_SHA256, PV_SHA256, str(""), str("a"), &out, &err),
                     PV_EINVAL);
    assert_int_equal(pv_pkey_oaep_open(ed, PV_SHA256, PV_SHA256, str(""), str("a"), &secret, &err),
                     PV_EINVAL);
    assert_int_equal(pv_pkey_generate(&none, PV_RSA, 1024, &err), PV_EINVAL);
    assert_int_equal(pv_pkey_raw(&none, PV_X25519, true, str("short"), &err), PV_EINVAL);
    assert_int_equal(pv_pkey_raw(&none, PV_RSA, true, str("short"), &err), PV_EINVAL);
    assert_int_equal(pv_pkey_parse(&none, str("nonsense"), str(""), &err), PV_EINVAL);
    assert_int_equal(pv_pkey_parse(&none, str(""), str(""), &err), PV_EINVAL);
    assert_null(none);
    pv_pkey_free(x);
    pv_pkey_free(ed);
    pv_pkey_free(NULL);
    pv_buf_deinit(&out);
}

static void test_raw(void **state)
{
    static const pv_pkey_type types[] = {PV_X25519, PV_ED25519};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        pv_pkey *key = NULL, *again = NULL;
        pv_secret *raw = NULL;
        pv_buf a = {0}, b = {0};
        assert_int_equal(pv_pkey_generate(&key, types[i], 0, NULL), PV_OK);
        assert_int_equal(pv_pkey_secret_raw(key, &raw, NULL), PV_OK);
        assert_int_equal(raw->len, 32);
        assert_int_equal(pv_pkey_raw(&again, types[i], true, pv_secret_bytes(raw), NULL), PV_OK);
        assert_int_equal(pv_pkey_public_raw(key, &a, NULL), PV_OK);
        assert_int_equal(pv_pkey_public_raw(again, &b, NULL), PV_OK);
        assert_int_equal(a.len, 32);
        assert_memory_equal(a.data, b.data, 32);
        pv_secret_free(raw);
        pv_pkey_free(key);
        pv_pkey_free(again);
        pv_buf_deinit(&a);
        pv_buf_deinit(&b);
    }
}

static void test_points(void **state)
{
    static const struct {
        pv_pkey_type type;
        size_t len;
    } curves[] = {{PV_P256, 65}, {PV_P384, 97}, {PV_P521, 133}};
    (void)state;
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        pv_pkey *key = NULL, *again = NULL;
        pv_buf raw = {0};
        assert_int_equal(pv_pkey_generate(&key, curves[i].type, 0, NULL), PV_OK);
        assert_int_equal(pv_pkey_public_raw(key, &raw, NULL), PV_OK);
        assert_int_equal(raw.len, curves[i].len);
        assert_int_equal(pv_pkey_raw(&again, curves[i].type, false, view(&raw), NULL), PV_OK);
        pv_pkey_free(again);
        raw.data[raw.len - 1] ^= 1; /* off the curve */
        assert_int_equal(pv_pkey_raw(&again, curves[i].type, false, view(&raw), NULL), PV_EINVAL);
        pv_pkey_free(key);
        pv_buf_deinit(&raw);
    }
}

/* The forms that OpenSSL's and Go's programs wrote before PKCS #8. */
static void test_old_forms(void **state)
{
    static const pv_pkey_type types[] = {PV_P256, PV_P384, PV_P521};
    static const char EC[] = "-----BEGIN EC PRIVATE KEY-----", RSA[] = "-----BEGIN RSA PRIVATE KEY";
    pv_secret *pem = NULL;
    pv_pkey *key = NULL, *again = NULL;
    pv_buf sig = {0};
    (void)state;
    assert_int_equal(pv_pkey_secret_old(rsa, &pem, NULL), PV_OK);
    assert_memory_equal(pem->data, RSA, sizeof RSA - 1);
    pv_secret_free(pem);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pv_pkey_generate(&key, types[i], 0, NULL), PV_OK);
        assert_int_equal(pv_pkey_secret_old(key, &pem, NULL), PV_OK);
        assert_memory_equal(pem->data, EC, sizeof EC - 1);
        assert_int_equal(pv_pkey_parse(&again, pv_secret_bytes(pem), (pv_bytes){NULL, 0}, NULL),
                         PV_OK);
        sig.len = 0;
        assert_int_equal(pv_pkey_sign(again, PV_SIGN_ECDSA, NULL, str("x"), &sig, NULL), PV_OK);
        assert_int_equal(pv_pkey_verify(key, PV_SIGN_ECDSA, NULL, str("x"), view(&sig), NULL),
                         PV_OK);
        pv_secret_free(pem);
        pv_pkey_free(key);
        pv_pkey_free(again);
    }
    assert_int_equal(pv_pkey_generate(&key, PV_ED25519, 0, NULL), PV_OK);
    assert_int_equal(pv_pkey_secret_old(key, &pem, NULL), PV_EINVAL);
    assert_null(pem);
    pv_pkey_free(key);
    pv_buf_deinit(&sig);
}

/* Every hash, of the text or made before; salts of every length. */
static void test_options(void **state)
{
    pv_pkey *ec = NULL;
    (void)state;
    assert_int_equal(pv_pkey_generate(&ec, PV_P384, 0, NULL), PV_OK);
    for (int hash = PV_SHA1; hash < PV_HASH_COUNT; hash++) {
        static const pv_sign_alg algs[] = {PV_SIGN_ECDSA, PV_SIGN_JOSE, PV_SIGN_RSA_PSS,
                                           PV_SIGN_RSA_PKCS1};
        unsigned char digest[PV_HASH_MAX];
        pv_bytes view_of = {(char *)digest, pv_hash_len((pv_hash)hash)};
        assert_int_equal(pv_digest((pv_hash)hash, str("text"), digest, NULL), PV_OK);
        for (size_t i = 0; i < 4; i++) {
            pv_sign_options o = {(pv_hash)hash, false, PV_SALT_HASH}, digested = o, other = o;
            pv_pkey *key = i < 2 ? ec : rsa;
            pv_buf sig = {0};
            digested.hashed = true;
            other.hash = hash == PV_SHA1 ? PV_SHA256 : PV_SHA1;
            assert_int_equal(pv_pkey_sign(key, algs[i], &digested, view_of, &sig, NULL), PV_OK);
            assert_int_equal(pv_pkey_verify(key, algs[i], &o, str("text"), view(&sig), NULL),
                             PV_OK);
            assert_int_equal(pv_pkey_verify(key, algs[i], &digested, view_of, view(&sig), NULL),
                             PV_OK);
            assert_int_equal(pv_pkey_verify(key, algs[i], &other, str("text"), view(&sig), NULL),
                             PV_EAUTH);
            if (i == 1) assert_int_equal(sig.len, 96);
            pv_buf_deinit(&sig);
        }
    }
    pv_pkey_free(ec);
}

static void test_salts(void **state)
{
    static const int salts[] = {0, 20, 222, PV_SALT_HASH, PV_SALT_AUTO};
    pv_sign_options o = {PV_SHA256, false, 223}, any = {PV_SHA256, false, PV_SALT_AUTO};
    pv_buf sig = {0};
    (void)state;
    assert_int_equal(pv_pkey_sign(rsa, PV_SIGN_RSA_PSS, &o, str("x"), &sig, NULL), PV_EINVAL);
    for (size_t i = 0; i < sizeof salts / sizeof salts[0]; i++) {
        pv_sign_options other = {PV_SHA256, false, 21};
        o.salt = salts[i];
        sig.len = 0;
        assert_int_equal(pv_pkey_sign(rsa, PV_SIGN_RSA_PSS, &o, str("x"), &sig, NULL), PV_OK);
        assert_int_equal(pv_pkey_verify(rsa, PV_SIGN_RSA_PSS, &o, str("x"), view(&sig), NULL),
                         PV_OK);
        assert_int_equal(pv_pkey_verify(rsa, PV_SIGN_RSA_PSS, &any, str("x"), view(&sig), NULL),
                         PV_OK);
        assert_int_equal(pv_pkey_verify(rsa, PV_SIGN_RSA_PSS, &other, str("x"), view(&sig), NULL),
                         PV_EAUTH);
    }
    o = (pv_sign_options){PV_SHA256, true, PV_SALT_HASH}; /* a digest of another length */
    assert_int_equal(pv_pkey_sign(rsa, PV_SIGN_RSA_PSS, &o, str("short"), &sig, NULL), PV_EINVAL);
    pv_buf_deinit(&sig);
}

static void test_oaep(void **state)
{
    pv_secret *plain = NULL;
    pv_buf sealed = {0};
    char large[300] = {0};
    pv_err err;
    (void)state;
    for (int mgf = PV_SHA1; mgf <= PV_SHA256; mgf++) {
        sealed.len = 0;
        assert_int_equal(pv_pkey_oaep_seal(rsa, PV_SHA256, (pv_hash)mgf, str("label"), str("plain"),
                                           &sealed, NULL),
                         PV_OK);
        assert_int_equal(sealed.len, 256);
        assert_int_equal(pv_pkey_oaep_open(rsa, PV_SHA256, (pv_hash)mgf, str("label"),
                                           view(&sealed), &plain, NULL),
                         PV_OK);
        assert_int_equal(plain->len, 5);
        assert_memory_equal(plain->data, "plain", 5);
        pv_secret_free(plain);
        assert_int_equal(pv_pkey_oaep_open(rsa, PV_SHA256, (pv_hash)mgf, str("other"),
                                           view(&sealed), &plain, &err),
                         PV_EAUTH);
        assert_null(plain);
    }
    assert_int_equal(pv_pkey_oaep_seal(rsa, PV_SHA256, PV_SHA256, str(""), (pv_bytes){large, 191},
                                       &sealed, &err),
                     PV_ELIMIT);
    assert_int_equal(pv_pkey_oaep_seal(rsa, PV_SHA256, PV_SHA256, str(""), (pv_bytes){large, 190},
                                       &sealed, &err),
                     PV_OK);
    pv_buf_deinit(&sealed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wycheproof_signatures),
        cmocka_unit_test(test_wycheproof_x25519),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_wrong_kinds),
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_old_forms),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_salts),
        cmocka_unit_test(test_oaep),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
