/* Sudden death: a child commits in a loop and is killed at random moments.  What it
 * acknowledged must be there, whole and in order, and the store must open and check clean.
 * Also two live processes at once, and locks of the dead. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <uv.h>

#include "store_util.h"

static uint64_t seed = 2463534242;

static uint32_t rnd(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 11) % below);
}

static int rounds(int normal)
{
    return getenv("PROV_VALGRIND") != NULL ? 2 : normal;
}

/* Batch i: a journal record i, a node i with an edge to the node before, a counter. */
static pv_batch *numbered(uint32_t i)
{
    char id[24], before[24], value[24];
    pv_batch *b = pv_batch_new();
    snprintf(id, sizeof id, "n%u", i % 500);
    snprintf(before, sizeof before, "n%u", (i + 499) % 500);
    snprintf(value, sizeof value, "%u", i);
    pv_batch_journal(b, str("run"), str(value), NULL);
    pv_batch_node(b, str(id), str("t"), str(value), NULL);
    pv_batch_edge(b, str(id), str("after"), str(before), str(value), NULL);
    pv_batch_put(b, str("s"), str("counter"), str(value), NULL);
    if (i % 7 == 0) pv_batch_del_node(b, str(before), NULL);
    return b;
}

typedef struct child {
    pv_store *s;
    uv_loop_t loop;
    int out;
    uint32_t next;
} child;

typedef struct ack {
    child *c;
    uint32_t number;
} ack;

static void start(child *c);

static void on_commit(void *arg, uint64_t revision, const pv_err *err)
{
    ack *a = arg;
    child *c = a->c;
    (void)revision;
    if (err != NULL || write(c->out, &a->number, sizeof a->number) != sizeof a->number) _exit(3);
    free(a);
    start(c);
}

static void start(child *c)
{
    ack *a = malloc(sizeof *a);
    *a = (ack){c, c->next++};
    if (pv_store_commit_async(c->s, &c->loop, numbered(a->number), on_commit, a, NULL) != PV_OK)
        _exit(4);
}

/* Commits from `first` on until killed, telling each acknowledged number through the pipe. */
static void child_main(const temp *t, int out, uint32_t first, int in_flight)
{
    child c = {.out = out, .next = first};
    pv_store_options options = {.sealer = make_sealer('k')}; /* secrets do not survive a fork */
    if (pv_store_open(&c.s, t->path, &options, NULL) != PV_OK) _exit(2);
    uv_loop_init(&c.loop);
    for (int i = 0; i < in_flight; i++) start(&c);
    uv_run(&c.loop, UV_RUN_DEFAULT);
    _exit(5);
}

/* Number of acknowledged commits; they must come in order from `first` on. */
static uint32_t read_acks(int in, uint32_t first)
{
    uint32_t next = first, number;
    while (read(in, &number, sizeof number) == sizeof number) {
        assert_int_equal(number, next);
        next++;
    }
    return next;
}

/* Checks that exactly the commits before some number >= acked are there; returns it. */
static uint32_t verify(const temp *t, uint32_t acked)
{
    pv_store *s = open_store(t);
    pv_cursor *c;
    pv_row row;
    pv_buf counter = {0};
    uint32_t found = 0;
    uint64_t head;
    assert_int_equal(pv_store_journal(s, str("run"), 0, &c, NULL), PV_OK);
    while (pv_cursor_next(c, &row, NULL) == PV_OK) {
        char text[24] = {0};
        memcpy(text, row.data.data, row.data.len);
        assert_int_equal(strtoul(text, NULL, 10), found);
        found++;
    }
    pv_cursor_close(c);
    assert_true(found >= acked);
    if (found > 0) { /* all parts of the last batch or none */
        assert_int_equal(pv_store_get(s, str("s"), str("counter"), &counter, NULL), PV_OK);
        assert_int_equal(strtoul(counter.data, NULL, 10), found - 1);
    }
    assert_int_equal(pv_store_head(s, &head, NULL), PV_OK);
    assert_int_equal(head, found);
    check_store(s);
    pv_buf_deinit(&counter);
    pv_store_close(s);
    return found;
}

static void test_kill(void **state)
{
    const temp *t = *state;
    uint32_t next = 0, alive = 0;
    for (int i = 0; i < rounds(60); i++) {
        int fds[2], status;
        pid_t pid;
        uint32_t acked;
        struct timespec wait = {0, 1000000L * (1 + (long)rnd(40))};
        assert_int_equal(pipe(fds), 0);
        if ((pid = fork()) == 0) {
            close(fds[0]);
            child_main(t, fds[1], next, i % 2 == 0 ? 50 : 1);
        }
        assert_true(pid > 0);
        close(fds[1]);
        nanosleep(&wait, NULL);
        kill(pid, SIGKILL);
        acked = read_acks(fds[0], next);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status)); /* it did not end by an error of its own */
        close(fds[0]);
        alive += acked > next;
        next = verify(t, acked);
    }
    assert_true(alive > 0 || getenv("PROV_VALGRIND") != NULL);
    print_message("%u commits in %d lives\n", next, rounds(60));
}

static pid_t fork_writer(const temp *t, const char *run, int count)
{
    pid_t pid = fork();
    pv_store_options options = {.map_size = 1 << 20};
    pv_store *s;
    pv_err err;
    if (pid != 0) return pid;
    options.sealer = make_sealer('k'); /* secrets do not survive a fork */
    if (pv_store_open(&s, t->path, &options, &err) != PV_OK) _exit(2);
    for (int i = 0; i < count; i++) {
        char value[2048], id[32];
        uint64_t revision;
        pv_batch *b = pv_batch_new();
        memset(value, 'v', sizeof value);
        snprintf(id, sizeof id, "%s-%d", run, i);
        pv_batch_journal(b, str(run), (pv_bytes){value, sizeof value}, NULL);
        pv_batch_node(b, str(id), str("t"), (pv_bytes){value, sizeof value}, NULL);
        if (pv_store_commit(s, b, &revision, &err) != PV_OK) _exit(3);
        pv_batch_free(b);
    }
    pv_store_close(s);
    _exit(0);
}

/* Two writers whose maps start too small: each grows its own and follows the other's, while
 * this process reads along. */
static void test_two_processes(void **state)
{
    const temp *t = *state;
    int count = rounds(1500), running = 2, status;
    pid_t pids[2] = {fork_writer(t, "one", count), fork_writer(t, "two", count)};
    pv_store_options options = {.sealer = t->sealer, .map_size = 1 << 20};
    pv_store *s;
    pv_cursor *c;
    uint64_t last = 0, head;
    pv_err err = {0};
    if (pv_store_open(&s, t->path, &options, &err) != PV_OK) fail_msg("%s", err.msg);
    while (running > 0) {
        if (pv_store_head(s, &head, &err) != PV_OK) fail_msg("%s", err.msg);
        assert_true(head >= last);
        last = head;
        if (pv_store_nodes(s, str(""), PV_STORE_HEAD, &c, &err) != PV_OK) fail_msg("%s", err.msg);
        assert_true(count_rows(c) >= (int)head);
        for (int i = 0; i < 2; i++) {
            if (pids[i] == 0 || waitpid(pids[i], &status, WNOHANG) == 0) continue;
            assert_true(WIFEXITED(status));
            assert_int_equal(WEXITSTATUS(status), 0);
            pids[i] = 0;
            running--;
        }
    }
    assert_int_equal(pv_store_head(s, &head, NULL), PV_OK);
    assert_int_equal(head, 2 * count);
    assert_int_equal(check_store(s).journal, 2 * count);
    pv_store_close(s);
}

/* Children that race to make one new store all end up in the same one. */
static void test_race_to_create(void **state)
{
    const temp *t = *state;
    int status;
    for (int round = 0; round < rounds(10); round++) {
        pid_t pids[4];
        pv_store *s;
        unlink(t->path);
        for (int i = 0; i < 4; i++) {
            char run[8];
            snprintf(run, sizeof run, "r%d", i);
            pids[i] = fork_writer(t, run, 3);
        }
        for (int i = 0; i < 4; i++) {
            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            assert_true(WIFEXITED(status));
            assert_int_equal(WEXITSTATUS(status), 0);
        }
        s = open_store(t);
        assert_int_equal(check_store(s).nodes, 12);
        pv_store_close(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kill, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_two_processes, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_race_to_create, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
