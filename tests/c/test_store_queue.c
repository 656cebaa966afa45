/* Group commit on a loop, with readers and writers in other threads. */
#include <pthread.h>
#include <uv.h>

#include "store_util.h"

enum { MANY = 2000 };

typedef struct seen {
    pv_store *s;
    uv_loop_t *loop;
    int calls;
    int order_broken;
    int failed;
    uint64_t last_revision;
    char message[PV_ERR_MSG];
} seen;

typedef struct one {
    seen *all;
    int number;
} one;

static one ones[MANY];

static void on_commit(void *arg, uint64_t revision, const pv_err *err)
{
    one *o = arg;
    if (o->number != o->all->calls++) o->all->order_broken++;
    if (err != NULL) {
        o->all->failed++;
        strcpy(o->all->message, err->msg);
    } else {
        o->all->last_revision = revision;
    }
}

static void queue(seen *all, int number, pv_batch *b)
{
    pv_err err = {0};
    ones[number] = (one){all, number};
    if (pv_store_commit_async(all->s, all->loop, b, on_commit, &ones[number], &err) != PV_OK)
        fail_msg("%s", err.msg);
}

static pv_batch *record(int number)
{
    pv_batch *b = pv_batch_new();
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    pv_batch_journal(b, str("run"), str(text), NULL);
    return b;
}

static void test_order(void **state)
{
    uv_loop_t loop;
    seen all = {.s = open_store(*state), .loop = &loop};
    pv_cursor *c;
    pv_row row;
    uv_loop_init(&loop);
    for (int i = 0; i < MANY; i++) queue(&all, i, record(i));
    assert_int_equal(all.calls, 0); /* never before the loop runs */
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(all.calls, MANY);
    assert_int_equal(all.order_broken, 0);
    assert_int_equal(all.failed, 0);
    assert_int_equal(pv_store_journal(all.s, str("run"), 0, &c, NULL), PV_OK);
    for (int i = 0; i < MANY; i++) {
        char text[16];
        assert_int_equal(pv_cursor_next(c, &row, NULL), PV_OK);
        snprintf(text, sizeof text, "%d", i);
        assert_int_equal(row.data.len, strlen(text));
        assert_memory_equal(row.data.data, text, row.data.len);
    }
    pv_cursor_close(c);
    pv_store_close(all.s);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* Refused batches among good ones leave nothing behind and touch nobody. */
static void test_conflicts(void **state)
{
    uv_loop_t loop;
    seen all = {.s = open_store(*state), .loop = &loop};
    int count = 60;
    uv_loop_init(&loop);
    for (int i = 0; i < count; i++) {
        pv_batch *b = pv_batch_new();
        char id[16];
        snprintf(id, sizeof id, "n%d", i);
        pv_batch_node(b, str(id), str("t"), str(""), NULL);
        if (i % 3 == 1) pv_batch_expect(b, 1000); /* never */
        if (i % 3 == 2)
            pv_batch_edge(b, str("ghost"), str("t"), str(id), str(""), NULL); /* neither */
        queue(&all, i, b);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(all.calls, count);
    assert_int_equal(all.order_broken, 0);
    assert_int_equal(all.failed, 40);
    assert_int_equal(all.last_revision, 20);
    assert_int_equal(check_store(all.s).nodes, 20);
    pv_store_close(all.s);
    uv_loop_close(&loop);
}

/* A chain of compare-and-set commits queued together: each sees the one before. */
static void test_expected_chain(void **state)
{
    uv_loop_t loop;
    seen all = {.s = open_store(*state), .loop = &loop};
    uv_loop_init(&loop);
    for (int i = 0; i < 50; i++) {
        pv_batch *b = pv_batch_new();
        pv_batch_node(b, str("n"), str("t"), str(""), NULL);
        pv_batch_expect(b, (uint64_t)i);
        queue(&all, i, b);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(all.failed, 0);
    assert_int_equal(all.last_revision, 50);
    pv_store_close(all.s);
    uv_loop_close(&loop);
}

/* A blocking commit comes after everything queued before it. */
static void test_sync_after_async(void **state)
{
    uv_loop_t loop;
    seen all = {.s = open_store(*state), .loop = &loop};
    pv_cursor *c;
    pv_row row;
    uv_loop_init(&loop);
    for (int i = 0; i < 100; i++) queue(&all, i, record(i));
    commit(all.s, record(100));
    assert_int_equal(all.calls, 0);
    assert_int_equal(pv_store_journal(all.s, str("run"), 101, &c, NULL), PV_OK);
    assert_int_equal(pv_cursor_next(c, &row, NULL), PV_OK);
    assert_memory_equal(row.data.data, "100", 3);
    assert_int_equal(pv_cursor_next(c, &row, NULL), PV_ENOTFOUND);
    pv_cursor_close(c);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(all.calls, 100);
    assert_int_equal(all.order_broken, 0);
    pv_store_close(all.s);
    uv_loop_close(&loop);
}

/* The same while a worker is anywhere between taking the queue and its transaction. */
static void test_sync_beside_worker(void **state)
{
    uv_loop_t loop;
    seen all = {.s = open_store(*state), .loop = &loop};
    int rounds = getenv("PROV_VALGRIND") != NULL ? 20 : 600;
    pv_cursor *c;
    pv_row row;
    uv_loop_init(&loop);
    for (int i = 0; i < rounds; i++) {
        queue(&all, i, record(2 * i));
        for (volatile int spin = 0; spin < i % 60 * 1000; spin++) {
        }
        commit(all.s, record(2 * i + 1));
        uv_run(&loop, UV_RUN_DEFAULT);
    }
    assert_int_equal(all.calls, rounds);
    assert_int_equal(pv_store_journal(all.s, str("run"), 0, &c, NULL), PV_OK);
    for (int i = 0; i < 2 * rounds; i++) {
        char text[16] = {0};
        assert_int_equal(pv_cursor_next(c, &row, NULL), PV_OK);
        memcpy(text, row.data.data, row.data.len);
        assert_int_equal(atoi(text), i);
    }
    pv_cursor_close(c);
    pv_store_close(all.s);
    uv_loop_close(&loop);
}

static void test_close_with_queue(void **state)
{
    uv_loop_t loop;
    seen all = {.s = open_store(*state), .loop = &loop};
    pv_store *s;
    uv_loop_init(&loop);
    for (int i = 0; i < 100; i++) queue(&all, i, record(i));
    pv_store_close(all.s);
    assert_int_equal(all.calls, 0);
    s = open_store(*state); /* the file is free at once, and everything is in it */
    assert_int_equal(check_store(s).journal, 100);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(all.calls, 100);
    assert_int_equal(all.failed, 0);
    pv_store_close(s);
    uv_loop_close(&loop);
}

typedef struct background {
    pv_store *s;
    int stop, rounds, wrong;
    uint64_t last;
} background;

/* A batch writes both nodes with one value: a reader must never see them differ, and revisions
 * only grow. */
static void *read_pairs(void *arg)
{
    background *bg = arg;
    while (!__atomic_load_n(&bg->stop, __ATOMIC_ACQUIRE)) {
        pv_cursor *c;
        pv_row row;
        char values[2][16] = {"", ""};
        int n = 0;
        if (pv_store_nodes(bg->s, str("pair"), PV_STORE_HEAD, &c, NULL) != PV_OK) {
            bg->wrong++;
            break;
        }
        while (pv_cursor_next(c, &row, NULL) == PV_OK && n < 2) {
            memcpy(values[n++], row.data.data, row.data.len);
            if (row.number < bg->last) bg->wrong++;
            bg->last = row.number;
        }
        pv_cursor_close(c);
        if (n == 1 || strcmp(values[0], values[1]) != 0) bg->wrong++;
        bg->rounds++;
    }
    return NULL;
}

static void *write_other(void *arg)
{
    background *bg = arg;
    while (!__atomic_load_n(&bg->stop, __ATOMIC_ACQUIRE)) {
        pv_batch *b = pv_batch_new();
        uint64_t revision;
        pv_batch_put(b, str("s"), str("k"), str("v"), NULL);
        if (pv_store_commit(bg->s, b, &revision, NULL) != PV_OK) bg->wrong++;
        pv_batch_free(b);
        bg->rounds++;
    }
    return NULL;
}

static void test_threads(void **state)
{
    uv_loop_t loop;
    seen all = {.s = open_store(*state), .loop = &loop};
    background readers[2] = {{.s = all.s}, {.s = all.s}}, writer = {.s = all.s};
    pthread_t threads[3];
    int count = getenv("PROV_VALGRIND") != NULL ? 100 : 1500;
    uv_loop_init(&loop);
    pthread_create(&threads[0], NULL, read_pairs, &readers[0]);
    pthread_create(&threads[1], NULL, read_pairs, &readers[1]);
    pthread_create(&threads[2], NULL, write_other, &writer);
    for (int i = 0; i < count; i++) {
        pv_batch *b = pv_batch_new();
        char value[16];
        snprintf(value, sizeof value, "%d", i);
        pv_batch_node(b, str("p1"), str("pair"), str(value), NULL);
        pv_batch_node(b, str("p2"), str("pair"), str(value), NULL);
        queue(&all, i, b);
        if (i % 20 == 19) uv_run(&loop, UV_RUN_DEFAULT);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    for (int i = 0; i < 2; i++) __atomic_store_n(&readers[i].stop, 1, __ATOMIC_RELEASE);
    __atomic_store_n(&writer.stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    assert_int_equal(all.calls, count);
    assert_int_equal(all.failed, 0);
    assert_int_equal(readers[0].wrong + readers[1].wrong + writer.wrong, 0);
    assert_true(readers[0].rounds > 0 && readers[1].rounds > 0 && writer.rounds > 0);
    check_store(all.s);
    pv_store_close(all.s);
    uv_loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_conflicts, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_expected_chain, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_sync_after_async, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_sync_beside_worker, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_close_with_queue, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_threads, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
