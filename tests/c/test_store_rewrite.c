/* A store's file replaced while it is in use: another key, no free pages, fewer revisions. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/path.h"
#include "store_util.h"

static pv_store *open_with(const temp *t, pv_sealer *sealer, pv_status wanted)
{
    pv_store_options options = {.sealer = sealer};
    pv_store *s = NULL;
    pv_err err = {0};
    pv_status status = pv_store_open(&s, t->path, &options, &err);
    if (status != wanted) fail_msg("%d: %s", (int)status, err.msg);
    return s;
}

static void rewrite(pv_store *s, pv_sealer *sealer, uint64_t keep)
{
    pv_rewrite how = {.sealer = sealer, .keep = keep};
    pv_err err = {0};
    if (pv_store_rewrite(s, &how, &err) != PV_OK) fail_msg("%s", err.msg);
}

/* Everything a store can hold: ten revisions of a node, an edge that went, one that leads nowhere,
 * a node that went with its edge, journal, keys, a lock. */
static uint64_t fill(pv_store *s)
{
    char large[9000];
    pv_batch *b = pv_batch_new();
    uint64_t token;
    memset(large, 'L', sizeof large);
    pv_batch_node(b, str("gone"), str("t"), str("g"), NULL);
    pv_batch_node(b, str("a"), str("t"), str("a1"), NULL);
    pv_batch_edge(b, str("a"), str("needs"), str("gone"), str("e"), NULL);
    pv_batch_edge(b, str("a"), str("needs"), str("never"), str("n"), NULL);
    pv_batch_put(b, str("q"), str("k"), (pv_bytes){large, sizeof large}, NULL);
    pv_batch_journal(b, str("r1"), str("j1"), NULL);
    pv_batch_journal(b, str("r2"), str("j2"), NULL);
    assert_int_equal(commit(s, b), 1);
    b = pv_batch_new();
    pv_batch_del_edge(b, str("a"), str("needs"), str("gone"), NULL);
    pv_batch_del_node(b, str("gone"), NULL);
    pv_batch_message(b, str("second"), NULL);
    assert_int_equal(commit(s, b), 2);
    for (int i = 3; i <= 10; i++) {
        char text[8];
        snprintf(text, sizeof text, "a%d", i);
        b = pv_batch_new();
        pv_batch_node(b, str("a"), str("t"), str(text), NULL);
        assert_int_equal(commit(s, b), i);
    }
    assert_int_equal(pv_store_claim(s, str("ws"), str("me"), 1000, 5, &token, NULL, NULL, NULL),
                     PV_OK);
    return token;
}

static void expect_node(pv_store *s, const char *id, uint64_t revision, const char *wanted)
{
    pv_buf data = {0};
    pv_status status = pv_store_node(s, str(id), revision, NULL, &data, NULL);
    assert_int_equal(status, wanted != NULL ? PV_OK : PV_ENOTFOUND);
    if (wanted != NULL) assert_string_equal(data.data, wanted);
    pv_buf_deinit(&data);
}

static int edges_at(pv_store *s, const char *id, uint64_t revision)
{
    pv_cursor *c;
    assert_int_equal(pv_store_edges(s, str(id), PV_EDGE_BOTH, str(""), revision, &c, NULL), PV_OK);
    return count_rows(c);
}

static void expect_all(pv_store *s, uint64_t token)
{
    pv_store_report report = check_store(s);
    pv_buf data = {0};
    pv_batch *b = pv_batch_new();
    pv_cursor *c;
    pv_row row;
    assert_int_equal(report.head, 10);
    assert_int_equal(report.journal, 2);
    assert_int_equal(report.keys, 1);
    assert_int_equal(report.locks, 1);
    expect_node(s, "gone", 1, "g");
    expect_node(s, "gone", 2, NULL);
    expect_node(s, "a", 2, "a1");
    expect_node(s, "a", 9, "a9");
    expect_node(s, "a", PV_STORE_HEAD, "a10");
    assert_int_equal(edges_at(s, "a", 1), 2);
    assert_int_equal(edges_at(s, "a", PV_STORE_HEAD), 1);
    assert_int_equal(pv_store_get(s, str("q"), str("k"), &data, NULL), PV_OK);
    assert_int_equal(data.len, 9000);
    pv_buf_deinit(&data);
    assert_int_equal(pv_store_revisions(s, &c, NULL), PV_OK);
    for (int i = 10; i >= 1; i--) {
        assert_int_equal(pv_cursor_next(c, &row, NULL), PV_OK);
        assert_int_equal(row.number, i);
        assert_int_equal(row.data.len, i == 2 ? 6 : 0);
    }
    pv_cursor_close(c);
    /* Counters go on, and the lock is still held with the same token. */
    pv_batch_epoch(b, token);
    pv_batch_expect(b, 10);
    pv_batch_journal(b, str("r1"), str("j3"), NULL);
    commit(s, b);
    assert_int_equal(pv_store_journal(s, str("r1"), 2, &c, NULL), PV_OK);
    assert_int_equal(pv_cursor_next(c, &row, NULL), PV_OK);
    assert_int_equal(row.number, 3);
    pv_cursor_close(c);
}

static pv_buf bytes_of_file(const char *path)
{
    pv_buf bytes = {.max = 64 << 20};
    assert_int_equal(pv_path_read(path, &bytes, NULL), PV_OK);
    return bytes;
}

/* A page that is nothing but sealed bytes: the second of a large value. */
static bool is_noise(const char *page)
{
    bool seen[256] = {false};
    int kinds = 0;
    for (int i = 0; i < 4096; i++) {
        kinds += !seen[(unsigned char)page[i]];
        seen[(unsigned char)page[i]] = true;
    }
    return kinds > 250;
}

/* Pages of sealed bytes in the one that are in the other. */
static int common_pages(const pv_buf *a, const pv_buf *b)
{
    int count = 0;
    for (size_t i = 0; i + 4096 <= a->len; i += 4096) {
        if (!is_noise(a->data + i)) continue;
        for (size_t j = 0; j + 4096 <= b->len; j += 4096)
            count += memcmp(a->data + i, b->data + j, 4096) == 0;
    }
    return count;
}

static void test_new_key(void **state)
{
    const temp *t = *state;
    pv_store *s = open_store(t), *again;
    pv_sealer *other = make_sealer('z');
    uint64_t token = fill(s), taken;
    pv_batch *b = pv_batch_new();
    pv_buf before = bytes_of_file(t->path), after;
    pv_err err = {0};
    struct stat st;
    rewrite(s, other, 0);
    after = bytes_of_file(t->path);
    assert_true(common_pages(&before, &before) > 0);
    assert_int_equal(common_pages(&before, &after), 0); /* no sealed bytes of before */
    assert_int_equal(stat(t->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    /* This handle reads what was, and writes nothing. */
    expect_node(s, "a", PV_STORE_HEAD, "a10");
    pv_batch_put(b, str("q"), str("lost"), str("x"), NULL);
    refused(s, b, PV_ECONFLICT, "another file has taken its place");
    assert_int_equal(pv_store_claim(s, str("o"), str("me"), 9, 9, &taken, NULL, NULL, &err),
                     PV_ECONFLICT);
    assert_int_equal(pv_store_renew(s, str("ws"), token, 9, 9, NULL), PV_ECONFLICT);
    assert_int_equal(pv_store_rewrite(s, NULL, NULL), PV_ECONFLICT);
    open_with(t, t->sealer, PV_EAUTH);
    again = open_with(t, other, PV_OK); /* also while the old one is open */
    expect_all(again, token);
    pv_store_close(s);
    assert_int_equal(check_store(again).journal, 3);
    pv_store_close(again);
    again = open_with(t, other, PV_OK);
    assert_int_equal(check_store(again).journal, 3);
    pv_store_close(again);
    pv_buf_deinit(&before);
    pv_buf_deinit(&after);
    other->release(other);
}

static void test_refused(void **state)
{
    const temp *t = *state;
    pv_store *s = open_store(t);
    uint64_t token = fill(s);
    pv_rewrite how = {.epoch = token + 1};
    char path[128];
    pv_err err = {0};
    assert_int_equal(pv_store_rewrite(s, &how, &err), PV_ECONFLICT);
    assert_non_null(strstr(err.msg, "no longer held"));
    assert_int_equal(pv_store_swap(t->path, &err), PV_ENOTFOUND); /* nothing to put there */
    snprintf(path, sizeof path, "%s-new", t->path);
    assert_int_equal(access(path, F_OK), -1);
    snprintf(path, sizeof path, "%s-swap", t->path);
    assert_int_equal(access(path, F_OK), -1);
    expect_all(s, token);
    how.epoch = token;
    assert_int_equal(pv_store_rewrite(s, &how, &err), PV_OK);
    pv_store_close(s);
}

/* Fewer revisions: those that stay read as before, what only the others needed is gone. */
static void test_keep(void **state)
{
    const temp *t = *state;
    pv_store *s = open_store(t);
    uint64_t oldest;
    struct stat before, after;
    pv_batch *b;
    fill(s);
    for (int i = 0; i < 300; i++) {
        char *text = calloc(1, 2000);
        b = pv_batch_new();
        pv_batch_node(b, str("big"), str("t"), (pv_bytes){text, 2000}, NULL);
        commit(s, b);
        free(text);
    }
    assert_int_equal(pv_store_oldest(s, &oldest, NULL), PV_OK);
    assert_int_equal(oldest, 1);
    assert_int_equal(stat(t->path, &before), 0);
    rewrite(s, NULL, 303);
    pv_store_close(s);
    s = open_store(t);
    assert_int_equal(pv_store_oldest(s, &oldest, NULL), PV_OK);
    assert_int_equal(oldest, 8);
    expect_node(s, "a", 8, "a8");
    expect_node(s, "a", 9, "a9");
    expect_node(s, "a", PV_STORE_HEAD, "a10");
    expect_node(s, "gone", 8, NULL);
    assert_int_equal(edges_at(s, "a", 8), 1);
    assert_int_equal(check_store(s).old_versions, 2 + 299);
    rewrite(s, NULL, 1);
    pv_store_close(s);
    s = open_store(t);
    assert_int_equal(check_store(s).old_versions, 0);
    assert_int_equal(check_store(s).head, 310);
    assert_int_equal(stat(t->path, &after), 0);
    assert_true(after.st_size * 10 < before.st_size);
    b = pv_batch_new(); /* an id that was dropped comes back, one that only an edge names too */
    pv_batch_node(b, str("gone"), str("t"), str("new"), NULL);
    pv_batch_node(b, str("never"), str("t"), str("new"), NULL);
    pv_batch_edge(b, str("a"), str("needs"), str("gone"), str(""), NULL);
    assert_int_equal(commit(s, b), 311);
    assert_int_equal(edges_at(s, "a", PV_STORE_HEAD), 2);
    assert_int_equal(check_store(s).dangling, 0);
    pv_store_close(s);
}

static void touch(const temp *t, const char *ending)
{
    char path[128];
    int fd;
    snprintf(path, sizeof path, "%s%s", t->path, ending);
    assert_true((fd = open(path, O_CREAT | O_WRONLY, 0600)) >= 0);
    close(fd);
}

static bool is_there(const temp *t, const char *ending)
{
    char path[128];
    snprintf(path, sizeof path, "%s%s", t->path, ending);
    return access(path, F_OK) == 0;
}

/* What a swap that was killed leaves is settled by who opens the store next. */
static void test_killed_swap(void **state)
{
    const temp *t = *state;
    pv_store *s = open_store(t);
    struct stat before, after;
    char lock[128];
    int fd;
    uint64_t token = fill(s);
    pv_store_close(s);
    snprintf(lock, sizeof lock, "%s-lock", t->path);
    assert_int_equal(stat(lock, &before), 0);
    touch(t, "-new");
    touch(t, "-swap"); /* before the file was renamed: the old one and its lock file stay */
    s = open_store(t);
    assert_false(is_there(t, "-swap"));
    assert_int_equal(stat(lock, &after), 0);
    assert_int_equal(after.st_ino, before.st_ino);
    pv_store_close(s);
    snprintf(lock, sizeof lock, "%s-new", t->path);
    unlink(lock);
    touch(t, "-swap"); /* after it: a lock file may be that of the old one */
    snprintf(lock, sizeof lock, "%s-lock", t->path);
    assert_true((fd = open(lock, O_RDONLY)) >= 0); /* so that its number is not used again */
    s = open_store(t);
    assert_false(is_there(t, "-swap"));
    assert_int_equal(stat(lock, &after), 0);
    assert_true(after.st_ino != before.st_ino);
    close(fd);
    expect_all(s, token);
    pv_store_close(s);
}

/* Writes keys until it is killed, opening the store anew when it was replaced; tells each number
 * that was committed. */
static void write_on(temp *t, int out, const char *name)
{
    pv_store *s;
    t->sealer = make_sealer('k'); /* secrets do not pass a fork */
    s = open_store(t);
    for (int i = 0;; i++) {
        pv_batch *b = pv_batch_new();
        char key[24];
        uint64_t revision;
        pv_status status;
        snprintf(key, sizeof key, "%s%d", name, i);
        pv_batch_put(b, str("w"), str(key), str(key), NULL);
        pv_batch_journal(b, str(name), str(key), NULL);
        while ((status = pv_store_commit(s, b, &revision, NULL)) == PV_ECONFLICT) {
            pv_store_close(s);
            s = open_store(t);
        }
        if (status != PV_OK || write(out, &i, sizeof i) != sizeof i) _exit(1);
        pv_batch_free(b);
    }
}

static void test_among_writers(void **state)
{
    temp *t = *state;
    enum { WRITERS = 3, REWRITES = 40 };
    pid_t pids[WRITERS];
    int pipes[WRITERS][2], last[WRITERS], changed = 0;
    pv_store *s;
    pv_buf data = {0};
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pipe(pipes[i]), 0);
        fcntl(pipes[i][1], F_SETPIPE_SZ, 1 << 20);
        fcntl(pipes[i][0], F_SETFL, O_NONBLOCK);
        if ((pids[i] = fork()) == 0) {
            char name[] = {(char)('a' + i), '\0'};
            signal(SIGSEGV, SIG_DFL);
            signal(SIGBUS, SIG_DFL);
            write_on(t, pipes[i][1], name);
        }
        last[i] = -1;
    }
    while (changed < REWRITES) {
        pv_rewrite how = {0};
        pv_err err = {0};
        pv_status status;
        s = open_store(t);
        usleep(2000);
        status = pv_store_rewrite(s, &how, &err);
        if (status != PV_OK) fail_msg("%s", err.msg);
        changed++;
        pv_store_close(s);
        for (int i = 0; i < WRITERS; i++)
            if (waitpid(pids[i], NULL, WNOHANG) != 0) fail_msg("writer %d ended", i);
    }
    for (int i = 0; i < WRITERS; i++) {
        int number;
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
        while (read(pipes[i][0], &number, sizeof number) == sizeof number) last[i] = number;
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
    s = open_store(t);
    check_store(s);
    for (int i = 0; i < WRITERS; i++) {
        assert_true(last[i] > 0);
        for (int n = 0; n <= last[i]; n++) { /* nothing that was acknowledged is lost */
            char key[24];
            snprintf(key, sizeof key, "%c%d", 'a' + i, n);
            pv_buf_reset(&data);
            if (pv_store_get(s, str("w"), str(key), &data, NULL) != PV_OK)
                fail_msg("%s is lost (of %d)", key, last[i]);
        }
    }
    pv_buf_deinit(&data);
    pv_store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_new_key, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_refused, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_keep, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_killed_swap, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_among_writers, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
