/* AES key wrap with padding, judged by the vectors of RFC 5649, section 6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/kwp.h"
#include "wycheproof.h"

static void bytes(pv_buf *out, const char *hex)
{
    unsigned byte;
    for (; *hex != '\0' && sscanf(hex, "%2x", &byte) == 1; hex += 2) pv_buf_addc(out, (char)byte);
}

static void test_rfc5649(void **state)
{
    static const struct {
        const char *plain, *sealed;
    } vectors[] = {
        {"c37b7e6492584340bed12207808941155068f738",
         "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a"},
        {"466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"},
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        pv_buf kek = {0}, plain = {0}, want = {0}, got = {0};
        pv_secret *opened = NULL;
        bytes(&kek, "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8");
        bytes(&plain, vectors[i].plain);
        bytes(&want, vectors[i].sealed);
        assert_int_equal(pv_kwp_seal(view(&kek), view(&plain), &got, NULL), PV_OK);
        assert_int_equal(got.len, want.len);
        assert_memory_equal(got.data, want.data, want.len);
        assert_int_equal(pv_kwp_open(view(&kek), view(&want), &opened, NULL), PV_OK);
        assert_int_equal(opened->len, plain.len);
        assert_memory_equal(opened->data, plain.data, plain.len);
        pv_secret_free(opened);
        want.data[3] ^= 1;
        assert_int_equal(pv_kwp_open(view(&kek), view(&want), &opened, NULL), PV_EAUTH);
        assert_null(opened);
        pv_buf_deinit(&kek);
        pv_buf_deinit(&plain);
        pv_buf_deinit(&want);
        pv_buf_deinit(&got);
    }
}

static void test_sizes(void **state)
{
    static char key[32], plain[PV_KWP_MAX + 1];
    pv_bytes kek = {key, 32};
    pv_buf sealed = {0};
    pv_secret *opened = NULL;
    (void)state;
    for (size_t len = 1; len <= 100; len++) {
        sealed.len = 0;
        assert_int_equal(pv_kwp_seal(kek, (pv_bytes){plain, len}, &sealed, NULL), PV_OK);
        assert_int_equal(pv_kwp_open(kek, view(&sealed), &opened, NULL), PV_OK);
        assert_int_equal(opened->len, len);
        pv_secret_free(opened);
    }
    assert_int_equal(pv_kwp_seal(kek, (pv_bytes){plain, PV_KWP_MAX}, &sealed, NULL), PV_OK);
    assert_int_equal(pv_kwp_seal(kek, (pv_bytes){plain, PV_KWP_MAX + 1}, &sealed, NULL), PV_EINVAL);
    assert_int_equal(pv_kwp_seal(kek, str(""), &sealed, NULL), PV_EINVAL);
    assert_int_equal(pv_kwp_seal(str("short"), str("x"), &sealed, NULL), PV_EINVAL);
    assert_int_equal(pv_kwp_open(str("short"), (pv_bytes){plain, 16}, &opened, NULL), PV_EINVAL);
    assert_int_equal(pv_kwp_open(kek, str(""), &opened, NULL), PV_EAUTH);
    assert_int_equal(pv_kwp_open(kek, (pv_bytes){plain, 17}, &opened, NULL), PV_EAUTH);
    assert_int_equal(pv_kwp_open(kek, (pv_bytes){plain, 24}, &opened, NULL), PV_EAUTH);
    assert_null(opened);
    pv_buf_deinit(&sealed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc5649),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
