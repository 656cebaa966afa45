/* Files that end before their last page number: legally, and cut. */
#include <lmdb.h>
#include <sys/stat.h>

#include "store_util.h"

/* One transaction that makes pages and frees them again: they are never written. */
static void make_short(const temp *t)
{
    static char value[200 << 10];
    struct stat st;
    char key[8];
    MDB_env *env;
    MDB_envinfo info;
    pv_store *s = open_store(t);
    pv_batch *b;
    for (int i = 0; i < 6; i++) {
        b = pv_batch_new();
        snprintf(key, sizeof key, "k%d", i);
        pv_batch_put(b, str("s"), str(key), (pv_bytes){value, 9 << 10}, NULL);
        commit(s, b);
    }
    b = pv_batch_new();
    pv_batch_put(b, str("s"), str("big"), (pv_bytes){value, sizeof value}, NULL);
    pv_batch_del(b, str("s"), str("big"), NULL);
    commit(s, b);
    pv_store_close(s);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_open(env, t->path, MDB_NOSUBDIR | MDB_RDONLY, 0600), 0);
    mdb_env_info(env, &info);
    mdb_env_close(env);
    assert_int_equal(stat(t->path, &st), 0);
    assert_true((size_t)st.st_size < (info.me_last_pgno + 1) * 4096);
}

static void test_short_and_whole(void **state)
{
    const temp *t = *state;
    pv_store_options options = {.sealer = t->sealer, .readonly = true};
    pv_buf data = {0};
    pv_store *s;
    pv_err err = {0};
    make_short(t);
    if (pv_store_open(&s, t->path, &options, &err) != PV_OK) fail_msg("%s", err.msg);
    check_store(s);
    pv_store_close(s);
    s = open_store(t);
    assert_int_equal(check_store(s).keys, 6);
    assert_int_equal(pv_store_get(s, str("s"), str("k5"), &data, NULL), PV_OK);
    assert_int_equal(data.len, 9 << 10);
    pv_buf_deinit(&data);
    pv_store_close(s);
    make_short(t); /* written on as any other */
    s = open_store(t);
    assert_int_equal(check_store(s).keys, 6);
    pv_store_close(s);
}

/* Wherever it is cut, it is refused or whole, and never a SIGBUS. */
static void test_cut_anywhere(void **state)
{
    const temp *t = *state;
    pv_store_options options = {.sealer = t->sealer};
    struct stat st;
    int whole = 0, refused_ones = 0;
    make_short(t);
    assert_int_equal(stat(t->path, &st), 0);
    for (off_t size = st.st_size; size >= 8192; size -= 2048) {
        pv_store *s;
        pv_err err = {0};
        assert_int_equal(truncate(t->path, size), 0);
        options.readonly = size % 4096 != 0;
        if (pv_store_open(&s, t->path, &options, &err) == PV_OK) {
            check_store(s);
            pv_store_close(s);
            whole++;
        } else {
            if (strstr(err.msg, "cut short") == NULL) fail_msg("'%s'", err.msg);
            refused_ones++;
        }
    }
    assert_true(whole >= 1);
    assert_true(refused_ones > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_short_and_whole, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_cut_anywhere, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
