/* The string map against a naive one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"

enum { KEYS = 400 };

static uint64_t seed = 88172645463325252ULL;

static uint32_t rnd(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 11) % below);
}

static pv_bytes key_of(int i, char *text)
{
    return (pv_bytes){text, (size_t)snprintf(text, 16, "%s%d", i % 2 == 0 ? "key" : "", i)};
}

static void test_model(void **state)
{
    pv_map map = {0};
    int64_t model[KEYS] = {0}; /* 0: absent */
    char text[16];
    size_t count = 0;
    (void)state;
    for (int step = 1; step < 20000; step++) {
        int i = (int)rnd(KEYS);
        pv_bytes key = key_of(i, text);
        if (rnd(5) < 2) {
            assert_int_equal(pv_map_del(&map, key), model[i] != 0);
            count -= model[i] != 0;
            model[i] = 0;
        } else {
            assert_int_equal(pv_map_set(&map, key, (pv_value){.num = step}), model[i] == 0);
            count += model[i] == 0;
            model[i] = step;
        }
        assert_int_equal(map.count, count);
        i = (int)rnd(KEYS);
        pv_value *found = pv_map_get(&map, key_of(i, text));
        assert_int_equal(found != NULL, model[i] != 0);
        if (found != NULL) assert_int_equal(found->num, model[i]);
    }
    size_t at = 0, seen = 0;
    pv_bytes key;
    pv_value value;
    while (pv_map_next(&map, &at, &key, &value)) {
        bool known = false;
        for (int i = 0; i < KEYS; i++) {
            pv_bytes k = key_of(i, text);
            known |=
                k.len == key.len && memcmp(k.data, key.data, k.len) == 0 && model[i] == value.num;
        }
        assert_true(known);
        seen++;
    }
    assert_int_equal(seen, count);
    assert_true(map.cap <= 2048); /* graves are reused */
    pv_map_deinit(&map);
    assert_int_equal(map.count, 0);
    pv_map_deinit(NULL);
}

static void test_odd_keys(void **state)
{
    pv_map map = {0};
    int target;
    size_t at = 0;
    (void)state;
    assert_null(pv_map_get(&map, (pv_bytes){"x", 1}));
    assert_false(pv_map_del(&map, (pv_bytes){"x", 1}));
    assert_false(pv_map_next(&map, &at, NULL, NULL));
    assert_true(pv_map_set(&map, (pv_bytes){NULL, 0}, (pv_value){.num = 1}));
    assert_true(pv_map_set(&map, (pv_bytes){"a\0b", 3}, (pv_value){.ptr = &target}));
    assert_true(pv_map_set(&map, (pv_bytes){"a", 1}, (pv_value){.num = 3}));
    assert_int_equal(pv_map_get(&map, (pv_bytes){"", 0})->num, 1);
    assert_ptr_equal(pv_map_get(&map, (pv_bytes){"a\0b", 3})->ptr, &target);
    assert_null(pv_map_get(&map, (pv_bytes){"a\0c", 3}));
    pv_map_deinit(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_model),
                                       cmocka_unit_test(test_odd_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
