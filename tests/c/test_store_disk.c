/* A disk that is full or read-only: clear errors, and the last committed state stays.  Each
 * test runs in a child with a mount namespace of its own, so that nothing is left mounted. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <uv.h>

#include "store_util.h"

/* Runs fn(folder) in a child with a tmpfs of `size` at the folder; skips without the right to
 * mount.  The child's exit status 0 is success. */
static void with_tmpfs(const temp *t, const char *size, void (*fn)(const char *dir))
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char options[64];
        snprintf(options, sizeof options, "size=%s,mode=0700", size);
        signal(SIGBUS, SIG_DFL); /* cmocka's handlers would go on with the next test here */
        signal(SIGSEGV, SIG_DFL);
        signal(SIGABRT, SIG_DFL);
        if (unshare(CLONE_NEWNS) != 0 ||
            mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("tmpfs", t->dir, "tmpfs", 0, options) != 0) {
            _exit(77);
        }
        fn(t->dir);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("SKIP: mounting a tmpfs is not allowed here\n");
        skip();
    }
    if (!WIFEXITED(status)) fail_msg("the child was killed by signal %d", WTERMSIG(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* In the child a failed check ends it with 1. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static pv_store *open_in(const char *dir)
{
    char path[96];
    pv_store_options options = {.sealer = make_sealer('k')};
    pv_store *s = NULL;
    pv_err err = {0};
    snprintf(path, sizeof path, "%s/state.db", dir);
    if (pv_store_open(&s, path, &options, &err) != PV_OK) fprintf(stderr, "%s\n", err.msg);
    CHECK(s != NULL);
    options.sealer->release(options.sealer);
    return s;
}

static pv_status put_number(pv_store *s, int i, size_t size, pv_err *err)
{
    pv_batch *b = pv_batch_new();
    char id[16];
    char *value = calloc(1, size);
    uint64_t revision;
    pv_status status;
    snprintf(id, sizeof id, "n%d", i);
    pv_batch_node(b, str(id), str("t"), (pv_bytes){value, size}, NULL);
    pv_batch_journal(b, str("run"), str(id), NULL);
    status = pv_store_commit(s, b, &revision, err);
    CHECK(status != PV_OK || revision == (uint64_t)i + 1);
    pv_batch_free(b);
    free(value);
    return status;
}

static void full_disk(const char *dir)
{
    pv_store *s = open_in(dir);
    pv_err err = {0};
    pv_store_report report;
    pv_batch *b;
    uint64_t head, revision;
    int written = 0;
    while (put_number(s, written, 3000, &err) == PV_OK) CHECK(++written < 10000);
    CHECK(written > 50);
    CHECK(err.status == PV_EIO && strstr(err.msg, "the disk is full") != NULL);
    /* Reading goes on, nothing that was acknowledged is gone, nothing half is there. */
    for (int again = 0; again < 3; again++) {
        CHECK(pv_store_head(s, &head, NULL) == PV_OK && head == (uint64_t)written);
        CHECK(pv_store_check(s, &report, NULL) == PV_OK && report.errors == 0);
        CHECK(report.nodes == (uint64_t)written && report.journal == (uint64_t)written);
        CHECK(put_number(s, written, 300000, &err) == PV_EIO);
        pv_store_close(s);
        s = open_in(dir);
    }
    /* Room again: it goes on where it was.  Deleting needs pages too, so room comes from outside.
     */
    CHECK(mount("none", dir, "none", MS_REMOUNT, "size=16m") == 0);
    CHECK(put_number(s, written, 3000, &err) == PV_OK);
    b = pv_batch_new();
    pv_batch_del_node(b, str("n0"), NULL);
    CHECK(pv_store_commit(s, b, &revision, NULL) == PV_OK);
    pv_batch_free(b);
    CHECK(pv_store_check(s, &report, NULL) == PV_OK && report.errors == 0);
    pv_store_close(s);
}

static void test_full_disk(void **state)
{
    with_tmpfs(*state, "1m", full_disk);
}

typedef struct group {
    int good, bad, other;
} group;

static void count_result(void *arg, uint64_t revision, const pv_err *err)
{
    group *g = arg;
    (void)revision;
    if (err == NULL) g->good++;
    else if (strstr(err->msg, "the disk is full") != NULL) g->bad++;
    else g->other++;
}

/* One batch that is too large for the disk does not take the others of its group down. */
static void full_disk_group(const char *dir)
{
    pv_store *s = open_in(dir);
    uv_loop_t loop;
    group g = {0};
    char *large = calloc(1, 4 << 20);
    pv_store_report report;
    uv_loop_init(&loop);
    for (int i = 0; i < 9; i++) {
        pv_batch *b = pv_batch_new();
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        pv_batch_put(b, str("s"), str(key), i == 4 ? (pv_bytes){large, 4 << 20} : str("small"),
                     NULL);
        CHECK(pv_store_commit_async(s, &loop, b, count_result, &g, NULL) == PV_OK);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK(g.good == 8 && g.bad == 1 && g.other == 0);
    CHECK(pv_store_check(s, &report, NULL) == PV_OK && report.errors == 0 && report.keys == 8);
    free(large);
    pv_store_close(s);
    CHECK(uv_loop_close(&loop) == 0);
}

static void test_full_disk_group(void **state)
{
    with_tmpfs(*state, "1m", full_disk_group);
}

static void no_room_to_create(const char *dir)
{
    char path[96];
    pv_store *s;
    pv_err err = {0};
    FILE *f;
    snprintf(path, sizeof path, "%s/filler", dir);
    CHECK((f = fopen(path, "w")) != NULL);
    while (fputc('x', f) != EOF && fflush(f) == 0) {
    }
    fclose(f);
    snprintf(path, sizeof path, "%s/state.db", dir);
    CHECK(pv_store_open(&s, path, NULL, &err) == PV_EIO);
    CHECK(strstr(err.msg, "the disk is full") != NULL);
}

static void test_no_room_to_create(void **state)
{
    with_tmpfs(*state, "64k", no_room_to_create);
}

static void read_only(const char *dir)
{
    char path[96];
    pv_sealer *sealer = make_sealer('k');
    pv_store_options options = {.sealer = sealer};
    pv_store *s = open_in(dir);
    pv_err err = {0};
    pv_buf data = {0};
    uint64_t head;
    CHECK(put_number(s, 0, 3000, NULL) == PV_OK);
    pv_store_close(s);
    CHECK(mount("none", dir, "none", MS_REMOUNT | MS_RDONLY, "") == 0);
    snprintf(path, sizeof path, "%s/state.db", dir);
    CHECK(pv_store_open(&s, path, &options, &err) == PV_EDENIED);
    CHECK(strstr(err.msg, "the file system is read-only") != NULL);
    options.readonly = true;
    CHECK(pv_store_open(&s, path, &options, &err) == PV_OK);
    CHECK(pv_store_head(s, &head, NULL) == PV_OK && head == 1);
    CHECK(pv_store_node(s, str("n0"), PV_STORE_HEAD, NULL, &data, NULL) == PV_OK &&
          data.len == 3000);
    CHECK(put_number(s, 1, 10, &err) == PV_EDENIED);
    pv_store_close(s);
    CHECK(mount("none", dir, "none", MS_REMOUNT, "size=8m") == 0);
    s = open_in(dir);
    CHECK(put_number(s, 1, 10, &err) == PV_OK);
    pv_store_close(s);
    pv_buf_deinit(&data);
    sealer->release(sealer);
}

static void test_read_only(void **state)
{
    with_tmpfs(*state, "8m", read_only);
}

/* A limit on the size of files (RLIMIT_FSIZE) cuts writes short. */
static void file_limit(const char *dir)
{
    struct rlimit limit = {300000, 300000};
    pv_store *s = open_in(dir);
    pv_err err = {0};
    pv_store_report report;
    int written = 0;
    CHECK(put_number(s, written++, 100, &err) == PV_OK);
    signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    while (put_number(s, written, 3000, &err) == PV_OK) CHECK(++written < 10000);
    CHECK(err.status == PV_EIO || err.status == PV_ELIMIT);
    CHECK(pv_store_check(s, &report, NULL) == PV_OK && report.errors == 0);
    CHECK(report.nodes == (uint64_t)written);
    pv_store_close(s);
    s = open_in(dir);
    CHECK(pv_store_check(s, &report, NULL) == PV_OK && report.nodes == (uint64_t)written);
    pv_store_close(s);
}

static void test_file_limit(void **state)
{
    with_tmpfs(*state, "8m", file_limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_full_disk, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_full_disk_group, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_no_room_to_create, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_read_only, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_file_limit, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
