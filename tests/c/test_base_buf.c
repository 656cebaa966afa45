/* core/base/buf: growth, maximum, consuming, wiping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void appends_and_ends_with_nul(void **state)
{
    pv_buf b;
    (void)state;
    pv_buf_init(&b, 0);
    assert_null(b.data);
    assert_int_equal(pv_buf_adds(&b, "ab"), PV_OK);
    assert_int_equal(pv_buf_addc(&b, '\0'), PV_OK);
    assert_int_equal(pv_buf_addf(&b, "%d-%s", 7, "x"), PV_OK);
    assert_int_equal(pv_buf_add(&b, NULL, 0), PV_OK);
    assert_int_equal(b.len, 6);
    assert_memory_equal(b.data, "ab\0007-x", 7);
    pv_buf_deinit(&b);
    assert_null(b.data);
    pv_buf_deinit(&b);
    pv_buf_deinit(NULL);
}

static void grows_to_any_size(void **state)
{
    pv_buf b;
    (void)state;
    pv_buf_init(&b, 0);
    for (int i = 0; i < 100000; i++) assert_int_equal(pv_buf_addc(&b, (char)(i % 251)), PV_OK);
    assert_int_equal(b.len, 100000);
    for (int i = 0; i < 100000; i++) assert_int_equal(b.data[i], (char)(i % 251));
    assert_int_equal(b.data[b.len], '\0');
    pv_buf_deinit(&b);
}

static void stops_at_its_maximum_unchanged(void **state)
{
    pv_buf b;
    (void)state;
    pv_buf_init(&b, 10);
    assert_int_equal(pv_buf_adds(&b, "0123456789a"), PV_ELIMIT);
    assert_int_equal(b.len, 0);
    assert_int_equal(pv_buf_adds(&b, "0123456789"), PV_OK);
    assert_int_equal(pv_buf_addc(&b, 'a'), PV_ELIMIT);
    assert_int_equal(pv_buf_addf(&b, "%s", "a"), PV_ELIMIT);
    assert_null(pv_buf_reserve(&b, 1));
    assert_non_null(pv_buf_reserve(&b, 0));
    assert_string_equal(b.data, "0123456789");
    pv_buf_consume(&b, 4);
    assert_int_equal(pv_buf_adds(&b, "abcd"), PV_OK);
    assert_string_equal(b.data, "456789abcd");
    pv_buf_deinit(&b);
    assert_int_equal(b.max, 10);
}

static void refuses_a_size_that_overflows(void **state)
{
    pv_buf b;
    (void)state;
    pv_buf_init(&b, 0);
    assert_int_equal(pv_buf_adds(&b, "x"), PV_OK);
    assert_null(pv_buf_reserve(&b, SIZE_MAX));
    assert_null(pv_buf_reserve(&b, SIZE_MAX - 1));
    assert_string_equal(b.data, "x");
    pv_buf_deinit(&b);
}

static void consumes_from_the_front(void **state)
{
    pv_buf b;
    (void)state;
    pv_buf_init(&b, 0);
    pv_buf_consume(&b, 5);
    assert_int_equal(pv_buf_adds(&b, "abcdef"), PV_OK);
    pv_buf_consume(&b, 0);
    pv_buf_consume(&b, 2);
    assert_string_equal(b.data, "cdef");
    pv_buf_consume(&b, 100);
    assert_int_equal(b.len, 0);
    assert_string_equal(b.data, "");
    pv_buf_deinit(&b);
}

static void reserve_is_writable_to_its_end(void **state)
{
    pv_buf b;
    (void)state;
    pv_buf_init(&b, 0);
    for (size_t n = 1; n < 300; n += 7) {
        char *to = pv_buf_reserve(&b, n);
        memset(to, 'z', n); /* the sanitizer sees one byte too many */
        b.len += n;
        b.data[b.len] = '\0';
    }
    assert_int_equal(strlen(b.data), b.len);
    pv_buf_deinit(&b);
}

static void reset_keeps_memory_wipe_gives_it_back(void **state)
{
    pv_buf b;
    size_t cap;
    (void)state;
    pv_buf_init(&b, 0);
    pv_buf_reset(&b);
    assert_int_equal(pv_buf_adds(&b, "secret"), PV_OK);
    cap = b.cap;
    pv_buf_reset(&b);
    assert_int_equal(b.len, 0);
    assert_int_equal(b.cap, cap);
    pv_buf_wipe(&b);
    assert_null(b.data);
    assert_int_equal(b.cap, 0);
    pv_buf_wipe(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_and_ends_with_nul),
        cmocka_unit_test(grows_to_any_size),
        cmocka_unit_test(stops_at_its_maximum_unchanged),
        cmocka_unit_test(refuses_a_size_that_overflows),
        cmocka_unit_test(consumes_from_the_front),
        cmocka_unit_test(reserve_is_writable_to_its_end),
        cmocka_unit_test(reset_keeps_memory_wipe_gives_it_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
