/* Values of SOPS files.  */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "crypto/sops.h"

static pv_bytes str(const char *text)
{
    return (pv_bytes){text, strlen(text)};
}

static void test_parse(void **state)
{
    static const char *const bad[] = {
        "",
        "ENC[",
        "ENC[AES256_GCM,data:,iv:a,tag:b,type:str]",
        "ENC[AES256_GCM,data:a,iv:,tag:b,type:str]",
        "ENC[AES256_GCM,data:a,iv:a,tag:b,type:str",
        "ENC[AES256_GCM,data:a,iv:a,tag:b,type:text]",
        "ENC[AES256_GCM,data:a,iv:a,type:str]",
        " ENC[AES256_GCM,data:a,iv:a,tag:b,type:str]",
    };
    pv_sops_value value;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(pv_sops_parse(str(bad[i]), &value));
    assert_true(pv_sops_parse(str("ENC[AES256_GCM,data:ab,iv:c,tag:d,type:bytes] x"), &value));
    assert_int_equal(value.data.len, 2);
    assert_memory_equal(value.iv.data, "c", 1);
    assert_memory_equal(value.tag.data, "d", 1);
    assert_int_equal(value.type.len, 5);
}

/* A value under a key of zeros, with an iv of n bytes. */
static void seal(pv_aead *aead, pv_bytes plain, size_t n, pv_bytes aad, pv_buf *out)
{
    static const char iv[128] = "abc";
    char sealed[64];
    assert_int_equal(pv_aead_seal(aead, (pv_bytes){iv, n}, plain, aad, sealed, NULL), PV_OK);
    pv_buf_reset(out);
    pv_buf_adds(out, "ENC[AES256_GCM,data:");
    pv_base64_encode(out, (pv_bytes){sealed, plain.len});
    pv_buf_adds(out, ",iv:");
    pv_base64_encode(out, (pv_bytes){iv, n});
    pv_buf_adds(out, ",tag:");
    pv_base64_encode(out, (pv_bytes){sealed + plain.len, PV_TAG_LEN});
    pv_buf_adds(out, ",type:int]");
}

static void test_open(void **state)
{
    static const char key[PV_KEY_LEN];
    pv_aead *aead;
    pv_buf text = {0}, out = {0};
    pv_sops_value value;
    size_t iv;
    (void)state;
    assert_int_equal(pv_aead_new(&aead, PV_AES_256_GCM, (pv_bytes){key, sizeof key}, NULL), PV_OK);
    for (size_t n = 1; n <= 128; n = n == 1 ? 12 : n == 12 ? 32 : n + 96) {
        seal(aead, str("12345"), n, str("a:b:"), &text);
        assert_true(pv_sops_parse((pv_bytes){text.data, text.len}, &value));
        pv_buf_reset(&out);
        assert_int_equal(pv_sops_open(aead, &value, str("a:b:"), &out, &iv, NULL), PV_OK);
        assert_int_equal(iv, n);
        assert_int_equal(out.len, 5);
        assert_memory_equal(out.data, "12345", 5);
        pv_buf_reset(&out);
        assert_int_equal(pv_sops_open(aead, &value, str("a:c:"), &out, &iv, NULL), PV_EAUTH);
        assert_int_equal(out.len, 0);
    }
    value.tag.len -= 4; /* a shorter one */
    pv_buf_reset(&out);
    assert_int_equal(pv_sops_open(aead, &value, str("a:b:"), &out, &iv, NULL), PV_EINVAL);
    value.iv = str("*");
    pv_buf_reset(&out);
    assert_int_equal(pv_sops_open(aead, &value, str("a:b:"), &out, &iv, NULL), PV_EINVAL);
    pv_buf_deinit(&text);
    pv_buf_deinit(&out);
    pv_aead_free(aead);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
