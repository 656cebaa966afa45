/* Opening: keys, formats, damage, what is no store; growth of the map; backup. */
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/stat.h>

#include "store_util.h"

static void expect_open(const char *path, pv_sealer *sealer, bool readonly, pv_status status,
                        const char *part)
{
    pv_store_options options = {.sealer = sealer, .readonly = readonly};
    pv_store *s = (pv_store *)1;
    pv_err err = {0};
    assert_int_equal(pv_store_open(&s, path, &options, &err), status);
    assert_null(s);
    if (strstr(err.msg, part) == NULL) fail_msg("'%s' lacks '%s'", err.msg, part);
}

static void fill(const temp *t)
{
    pv_store *s = open_store(t);
    pv_batch *b = pv_batch_new();
    pv_batch_node(b, str("a"), str("type"), str("data of a"), NULL);
    pv_batch_node(b, str("b"), str("type"), str("data of b"), NULL);
    pv_batch_edge(b, str("a"), str("to"), str("b"), str("data of ab"), NULL);
    pv_batch_edge(b, str("b"), str("to"), str("a"), str("data of ba"), NULL);
    pv_batch_put(b, str("s"), str("k1"), str("value 1"), NULL);
    pv_batch_put(b, str("s"), str("k2"), str("value 2"), NULL);
    pv_batch_journal(b, str("run"), str("first"), NULL);
    pv_batch_journal(b, str("run"), str("second"), NULL);
    commit(s, b);
    b = pv_batch_new();
    pv_batch_node(b, str("a"), str("type"), str("newer data of a"), NULL);
    commit(s, b);
    pv_store_close(s);
}

static void test_keys(void **state)
{
    const temp *t = *state;
    pv_sealer *other = make_sealer('o'), strange = *other;
    struct stat st;
    fill(t);
    assert_int_equal(stat(t->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    expect_open(t->path, other, false, PV_EAUTH, "not the one it was encrypted with");
    expect_open(t->path, NULL, false, PV_EAUTH, "no key was given");
    strange.abi = 77;
    expect_open(t->path, &strange, false, PV_EUNSUPPORTED, "another build");
    pv_store_close(open_store(t));
    other->release(other);
}

static void test_plain(void **state)
{
    const temp *t = *state;
    pv_store *s;
    pv_batch *b = pv_batch_new();
    pv_buf data = {0};
    assert_int_equal(pv_store_open(&s, t->path, NULL, NULL), PV_OK);
    pv_batch_put(b, str("s"), str("k"), str(""), NULL);
    commit(s, b);
    assert_int_equal(pv_store_get(s, str("s"), str("k"), &data, NULL), PV_OK);
    assert_int_equal(data.len, 0);
    check_store(s);
    pv_store_close(s);
    pv_buf_deinit(&data);
    expect_open(t->path, t->sealer, false, PV_EAUTH, "it is not encrypted");
}

static void test_once_per_process(void **state)
{
    const temp *t = *state;
    char link_path[128];
    pv_store *s = open_store(t);
    expect_open(t->path, t->sealer, false, PV_EBUSY, "has it open already");
    snprintf(link_path, sizeof link_path, "%s/other-name", t->dir);
    assert_int_equal(symlink(t->path, link_path), 0);
    expect_open(link_path, t->sealer, false, PV_EBUSY, "has it open already");
    pv_store_close(s);
    pv_store_close(open_store(t));
    pv_store_close(NULL);
}

/* No descriptor of the store may reach a program that prov starts. */
static void test_no_inheritance(void **state)
{
    pv_store *s = open_store(*state);
    int seen = 0;
    for (int fd = 3; fd < 100; fd++) {
        char name[32], target[256] = "";
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        if (readlink(name, target, sizeof target - 1) < 0 || strstr(target, "state.db") == NULL)
            continue;
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        seen++;
    }
    assert_true(seen >= 2);
    pv_store_close(s);
}

static void write_file(const char *path, const char *data, size_t len)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    fclose(f);
}

static void test_no_store(void **state)
{
    const temp *t = *state;
    char path[128], junk[20000];
    pv_store *s;
    struct stat st;
    expect_open(t->path, t->sealer, true, PV_ENOTFOUND, "there is none");
    snprintf(path, sizeof path, "%s/no/such/folder/x", t->dir);
    expect_open(path, t->sealer, false, PV_ENOTFOUND, "open store");
    expect_open(t->dir, t->sealer, false, PV_EINVAL, "not a regular file");
    memset(junk, 'j', sizeof junk);
    write_file(t->path, junk, sizeof junk);
    expect_open(t->path, t->sealer, false, PV_ECORRUPT, "not a store file");
    write_file(t->path, "short", 5);
    expect_open(t->path, t->sealer, false, PV_ECORRUPT, "");
    assert_int_equal(stat(t->path, &st), 0);
    assert_int_equal(st.st_size, 5); /* what is not ours stays as it is */
    write_file(t->path, "", 0);
    expect_open(t->path, t->sealer, true, PV_ECORRUPT, "the file is empty");
    expect_open(t->path, t->sealer, false, PV_ECORRUPT, "the file is empty"); /* not a new store */
    assert_int_equal(stat(t->path, &st), 0);
    assert_int_equal(st.st_size, 0);
    assert_int_equal(unlink(t->path), 0);
    snprintf(path, sizeof path, "%s-made", t->path);
    write_file(path, junk, sizeof junk); /* left by one that was killed while it made a store */
    s = open_store(t);
    pv_store_close(s);
    assert_int_not_equal(stat(path, &st), 0);
    snprintf(path, sizeof path, "%s-made-lock", t->path);
    assert_int_not_equal(stat(path, &st), 0);
}

static void test_readonly(void **state)
{
    const temp *t = *state;
    pv_store_options options = {.sealer = t->sealer, .readonly = true};
    pv_store *s;
    pv_batch *b = pv_batch_new();
    uint64_t revision, token;
    pv_err err = {0};
    fill(t);
    assert_int_equal(pv_store_open(&s, t->path, &options, NULL), PV_OK);
    assert_int_equal(pv_store_head(s, &revision, NULL), PV_OK);
    assert_int_equal(revision, 2);
    assert_int_equal(pv_store_commit(s, b, &revision, &err), PV_EDENIED);
    assert_non_null(strstr(err.msg, "read-only"));
    assert_int_equal(pv_store_commit_async(s, NULL, b, NULL, NULL, &err), PV_EDENIED);
    assert_int_equal(pv_store_claim(s, str("l"), str("o"), 1, 1, &token, NULL, NULL, &err),
                     PV_EDENIED);
    check_store(s);
    pv_batch_free(b);
    pv_store_close(s);
}

/* Opens the file behind the store's back. */
static MDB_txn *raw_open(const temp *t, MDB_env **env)
{
    MDB_txn *txn;
    assert_int_equal(mdb_env_create(env), 0);
    assert_int_equal(mdb_env_set_maxdbs(*env, 20), 0);
    assert_int_equal(mdb_env_open(*env, t->path, MDB_NOSUBDIR, 0600), 0);
    assert_int_equal(mdb_txn_begin(*env, NULL, 0, &txn), 0);
    return txn;
}

static void raw_close(MDB_env *env, MDB_txn *txn)
{
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void raw_put(const temp *t, const char *table, unsigned flags, pv_bytes key, pv_bytes value)
{
    MDB_env *env;
    MDB_txn *txn = raw_open(t, &env);
    MDB_dbi dbi;
    MDB_val k = {key.len, (void *)(uintptr_t)key.data},
            v = {value.len, (void *)(uintptr_t)value.data};
    assert_int_equal(mdb_dbi_open(txn, table, flags, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
    raw_close(env, txn);
}

/* A copy of the value of key. */
static pv_buf raw_get(const temp *t, const char *table, unsigned flags, pv_bytes key)
{
    MDB_env *env;
    MDB_txn *txn = raw_open(t, &env);
    MDB_dbi dbi;
    MDB_val k = {key.len, (void *)(uintptr_t)key.data}, v;
    pv_buf copy = {0};
    assert_int_equal(mdb_dbi_open(txn, table, flags, &dbi), 0);
    assert_int_equal(mdb_get(txn, dbi, &k, &v), 0);
    pv_buf_add(&copy, v.mv_data, v.mv_size);
    raw_close(env, txn);
    return copy;
}

static void test_newer_format(void **state)
{
    const temp *t = *state;
    char format[8] = {9};
    fill(t);
    raw_put(t, "meta", 0, str("format"), (pv_bytes){format, 8});
    expect_open(t->path, t->sealer, false, PV_EUNSUPPORTED,
                "has format 9, this prov knows up to 1; use a newer prov");
    expect_open(t->path, t->sealer, true, PV_EUNSUPPORTED, "format 9");
    raw_put(t, "meta", 0, str("format"), (pv_bytes){format, 3});
    expect_open(t->path, t->sealer, false, PV_ECORRUPT, "format is damaged");
    format[0] = 1;
    raw_put(t, "meta", 0, str("format"), (pv_bytes){format, 8});
    pv_store_close(open_store(t));
}

static void test_foreign_database(void **state)
{
    const temp *t = *state;
    MDB_env *env;
    MDB_txn *txn = raw_open(t, &env);
    MDB_dbi dbi;
    MDB_val k = {1, "k"}, v = {1, "v"};
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
    raw_close(env, txn);
    expect_open(t->path, t->sealer, false, PV_ECORRUPT, "not a store of prov");
    expect_open(t->path, t->sealer, true, PV_ECORRUPT, "not a store of prov");
}

static void expect_damage(const temp *t, const char *part)
{
    pv_store *s = open_store(t);
    pv_store_report report;
    pv_err err = {0};
    assert_int_equal(pv_store_check(s, &report, &err), PV_OK);
    assert_true(report.errors > 0);
    if (strstr(report.first, part) == NULL) fail_msg("'%s' lacks '%s'", report.first, part);
    pv_store_close(s);
}

/* A value copied to another key, or back from an older version, does not open. */
static void test_moved_records(void **state)
{
    const temp *t = *state;
    pv_buf value, kept;
    pv_buf data = {0};
    char past[16] = {0};
    uint64_t seq = 1, other = 2;
    pv_store *s;
    pv_err err = {0};
    fill(t);
    value = raw_get(t, "kv", 0, (pv_bytes){"s\0k1", 4});
    kept = raw_get(t, "kv", 0, (pv_bytes){"s\0k2", 4});
    raw_put(t, "kv", 0, (pv_bytes){"s\0k2", 4}, (pv_bytes){value.data, value.len});
    s = open_store(t);
    assert_int_equal(pv_store_get(s, str("s"), str("k2"), &data, &err), PV_ECORRUPT);
    assert_non_null(strstr(err.msg, "was changed or moved"));
    assert_int_equal(data.len, 0);
    assert_int_equal(pv_store_get(s, str("s"), str("k1"), &data, &err), PV_OK);
    pv_buf_deinit(&data);
    pv_store_close(s);
    expect_damage(t, "'k2' does not open");
    raw_put(t, "kv", 0, (pv_bytes){"s\0k2", 4}, (pv_bytes){kept.data, kept.len});
    pv_buf_deinit(&value);
    pv_buf_deinit(&kept);

    value = raw_get(t, "journal", MDB_INTEGERKEY, (pv_bytes){(char *)&seq, 8});
    kept = raw_get(t, "journal", MDB_INTEGERKEY, (pv_bytes){(char *)&other, 8});
    raw_put(t, "journal", MDB_INTEGERKEY, (pv_bytes){(char *)&other, 8},
            (pv_bytes){value.data, value.len});
    expect_damage(t, "run 'run' does not open");
    raw_put(t, "journal", MDB_INTEGERKEY, (pv_bytes){(char *)&other, 8},
            (pv_bytes){kept.data, kept.len});
    pv_buf_deinit(&value);
    pv_buf_deinit(&kept);

    /* The old version of node a in the place of the new one, with the new revision. */
    past[7] = 1;
    past[15] = 2;
    value = raw_get(t, "nhist", 0, (pv_bytes){past, 16});
    kept = raw_get(t, "nodes", 0, str("a"));
    value.data[10] = 2;
    raw_put(t, "nodes", 0, str("a"), (pv_bytes){value.data, value.len});
    expect_damage(t, "node 'a' does not open");
    kept.data[18] = 'T'; /* its type */
    raw_put(t, "nodes", 0, str("a"), (pv_bytes){kept.data, kept.len});
    expect_damage(t, "node 'a' does not open");
    kept.data[18] = 't';
    raw_put(t, "nodes", 0, str("a"), (pv_bytes){kept.data, kept.len});
    s = open_store(t);
    check_store(s);
    pv_store_close(s);
    pv_buf_deinit(&value);
    pv_buf_deinit(&kept);
}

/* Records that are too short or garbage give errors, never reads behind their end. */
static void test_short_records(void **state)
{
    const temp *t = *state;
    char garbage[64];
    pv_store *s;
    pv_cursor *c;
    pv_row row;
    pv_buf data = {0};
    uint64_t seq = 1;
    fill(t);
    memset(garbage, 0xff, sizeof garbage);
    for (size_t len = 0; len <= sizeof garbage; len += 3) {
        raw_put(t, "nodes", 0, str("a"), (pv_bytes){garbage, len});
        raw_put(t, "journal", MDB_INTEGERKEY, (pv_bytes){(char *)&seq, 8},
                (pv_bytes){garbage, len});
        raw_put(t, "kv", 0, (pv_bytes){"s\0k1", 4}, (pv_bytes){garbage, len});
        raw_put(t, "out", 0, (pv_bytes){garbage, len + 1}, (pv_bytes){garbage, len});
        raw_put(t, "locks", 0, str("l"), (pv_bytes){garbage, len < 16 ? len : 15});
        s = open_store(t);
        assert_int_not_equal(pv_store_node(s, str("a"), PV_STORE_HEAD, NULL, &data, NULL), PV_OK);
        assert_int_equal(pv_store_get(s, str("s"), str("k1"), &data, NULL), PV_ECORRUPT);
        assert_int_equal(pv_store_journal(s, str("run"), 0, &c, NULL), PV_OK);
        assert_int_equal(pv_cursor_next(c, &row, NULL), PV_ECORRUPT);
        pv_cursor_close(c);
        assert_int_equal(pv_store_locks(s, &c, NULL), PV_OK);
        assert_int_equal(pv_cursor_next(c, &row, NULL), PV_ECORRUPT);
        pv_cursor_close(c);
        pv_store_close(s);
        expect_damage(t, "");
    }
    pv_buf_deinit(&data);
}

static void test_truncated(void **state)
{
    const temp *t = *state;
    struct stat st;
    fill(t);
    assert_int_equal(stat(t->path, &st), 0);
    assert_int_equal(truncate(t->path, st.st_size - 4096), 0);
    expect_open(t->path, t->sealer, false, PV_ECORRUPT, "cut short");
    assert_int_equal(truncate(t->path, 8192), 0);
    expect_open(t->path, t->sealer, true, PV_ECORRUPT, "cut short");
}

typedef struct reader {
    pv_store *s;
    sem_t go, reading; /* the writer asks for a round; a read transaction is open */
    int failed, rounds;
} reader;

enum { COMMITS = 20, NODES_PER_COMMIT = 100, VALUE = 3000 };

static void *read_on(void *arg)
{
    reader *r = arg;
    for (int i = 0; i < COMMITS; i++) {
        pv_cursor *c = NULL;
        pv_row row;
        int seen = 0;
        while (sem_wait(&r->go) != 0) {
        }
        r->failed += pv_store_nodes(r->s, str(""), PV_STORE_HEAD, &c, NULL) != PV_OK;
        sem_post(&r->reading);
        if (c == NULL) continue;
        while (pv_cursor_next(c, &row, NULL) == PV_OK) {
            r->failed += row.data.len != VALUE;
            seen++;
        }
        pv_cursor_close(c);
        r->failed += seen != i * NODES_PER_COMMIT; /* what was there when the round began */
        r->rounds++;
    }
    return NULL;
}

/* A map of 256 kB, filled with 6 MB; every commit begins while another thread reads.  The two
 * take turns: left to the scheduler, a reader in a circle may keep the writer waiting for long
 * (valgrind lets one thread run at a time), or not run before the writer is done. */
static void test_growth(void **state)
{
    const temp *t = *state;
    pv_store_options options = {.sealer = t->sealer, .map_size = 256 << 10};
    reader r = {0};
    pthread_t thread;
    char value[VALUE], id[16];
    pv_store *s;
    memset(value, 'v', sizeof value);
    assert_int_equal(pv_store_open(&s, t->path, &options, NULL), PV_OK);
    r.s = s;
    assert_int_equal(sem_init(&r.go, 0, 0), 0);
    assert_int_equal(sem_init(&r.reading, 0, 0), 0);
    assert_int_equal(pthread_create(&thread, NULL, read_on, &r), 0);
    for (int i = 0; i < COMMITS; i++) {
        pv_batch *b = pv_batch_new();
        for (int j = 0; j < NODES_PER_COMMIT; j++) {
            snprintf(id, sizeof id, "n%d", i * NODES_PER_COMMIT + j);
            pv_batch_node(b, str(id), str("t"), (pv_bytes){value, sizeof value}, NULL);
        }
        sem_post(&r.go);
        while (sem_wait(&r.reading) != 0) {
        }
        commit(s, b);
    }
    pthread_join(thread, NULL);
    sem_destroy(&r.go);
    sem_destroy(&r.reading);
    assert_int_equal(r.failed, 0);
    assert_int_equal(r.rounds, COMMITS);
    assert_int_equal(check_store(s).nodes, COMMITS * NODES_PER_COMMIT);
    pv_store_close(s);
}

static void test_backup(void **state)
{
    const temp *t = *state;
    temp copy = *t;
    pv_store *s;
    struct stat st;
    pv_err err = {0};
    fill(t);
    s = open_store(t);
    snprintf(copy.path, sizeof copy.path, "%s/backup.db", t->dir);
    if (pv_store_backup(s, copy.path, &err) != PV_OK) fail_msg("%s", err.msg);
    assert_int_equal(stat(copy.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(pv_store_backup(s, copy.path, &err), PV_EEXIST);
    assert_int_equal(pv_store_backup(s, "/nonexistent/x", &err), PV_ENOTFOUND);
    commit(s, pv_batch_new());
    pv_store_close(s);
    s = open_store(&copy); /* the same key, the same records */
    assert_int_equal(check_store(s).journal, 2);
    assert_int_equal(check_store(s).old_versions, 1);
    pv_store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keys, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_plain, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_once_per_process, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_no_inheritance, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_no_store, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_readonly, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_newer_format, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_foreign_database, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_moved_records, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_short_records, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_truncated, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_growth, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_backup, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
