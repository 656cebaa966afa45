/* core/base/pool: blocks of all sizes keep their bytes, are apart, and are used again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"

enum { BLOCKS = 4000 };

static void check(const unsigned char *block, size_t size, int mark)
{
    for (size_t i = 0; i < size; i++) assert_int_equal(block[i], mark & 0xff);
}

static void blocks_do_not_overlap(void **state)
{
    static unsigned char *blocks[BLOCKS];
    pv_pool *pool = pv_pool_new();
    (void)state;
    for (int i = 0; i < BLOCKS; i++) {
        size_t size = (size_t)(i % 700) + 1;
        blocks[i] = pv_pool_realloc(pool, NULL, 0, size);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % sizeof(void *), 0);
        memset(blocks[i], i, size);
    }
    for (int i = 0; i < BLOCKS; i++) check(blocks[i], (size_t)(i % 700) + 1, i);
    for (int i = 0; i < BLOCKS; i++) pv_pool_realloc(pool, blocks[i], (size_t)(i % 700) + 1, 0);
    pv_pool_free(pool);
}

static void a_block_keeps_its_bytes_over_every_resize(void **state)
{
    static const size_t sizes[] = {1, 8, 9, 500, 512, 513, 100000, 600, 512, 40, 33, 32, 1};
    pv_pool *pool = pv_pool_new();
    unsigned char *block = NULL;
    size_t have = 0;
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t kept = have < sizes[i] ? have : sizes[i];
        block = pv_pool_realloc(pool, block, have, sizes[i]);
        assert_non_null(block);
        check(block, kept, 'x');
        memset(block, 'x', sizes[i]);
        have = sizes[i];
    }
    assert_null(pv_pool_realloc(pool, block, have, 0));
    pv_pool_free(pool);
}

static void nothing_of_no_size(void **state)
{
    pv_pool *pool = pv_pool_new();
    void *block;
    (void)state;
    assert_null(pv_pool_realloc(pool, NULL, 5, 0)); /* Lua gives a kind, not a size, with NULL */
    block = pv_pool_realloc(pool, NULL, 5, 100);
    assert_non_null(block);
    assert_null(pv_pool_realloc(pool, block, 100, 0));
    pv_pool_free(pool);
    pv_pool_free(NULL);
}

/* A pool that is full of freed blocks needs no more memory: the same ones come back. */
static void freed_blocks_are_used_again(void **state)
{
    pv_pool *pool = pv_pool_new();
    void *first[100], *again;
    int known = 0;
    (void)state;
    for (int i = 0; i < 100; i++) first[i] = pv_pool_realloc(pool, NULL, 0, 48);
    for (int i = 0; i < 100; i++) pv_pool_realloc(pool, first[i], 48, 0);
    again = pv_pool_realloc(pool, NULL, 0, 45);
    for (int i = 0; i < 100; i++) known |= again == first[i];
#if !defined(__SANITIZE_ADDRESS__)
    assert_true(known);
#endif
    pv_pool_realloc(pool, again, 45, 0);
    pv_pool_free(pool);
}

/* 24 MB: past the size from which it grows by huge pages. */
static void a_large_pool_keeps_its_bytes(void **state)
{
    enum { MANY = 48 * 1024, SIZE = 500 };
    unsigned char **blocks = calloc(MANY, sizeof *blocks);
    pv_pool *pool = pv_pool_new();
    (void)state;
    assert_non_null(blocks);
    for (int i = 0; i < MANY; i++) {
        blocks[i] = pv_pool_realloc(pool, NULL, 0, SIZE);
        assert_non_null(blocks[i]);
        memset(blocks[i], i, SIZE);
    }
    for (int i = 0; i < MANY; i++) {
        check(blocks[i], SIZE, i);
        pv_pool_realloc(pool, blocks[i], SIZE, 0);
    }
    pv_pool_free(pool);
    free(blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_do_not_overlap),
        cmocka_unit_test(a_block_keeps_its_bytes_over_every_resize),
        cmocka_unit_test(nothing_of_no_size),
        cmocka_unit_test(freed_blocks_are_used_again),
        cmocka_unit_test(a_large_pool_keeps_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
