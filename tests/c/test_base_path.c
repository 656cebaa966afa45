/* Joining names, and files that appear whole. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/path.h"

static char dir[64], path[96];

static int setup(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/test-path-XXXXXX");
    if (mkdtemp(dir) == NULL) return -1;
    snprintf(path, sizeof path, "%s/file", dir);
    return 0;
}

static int teardown(void **state)
{
    char command[96];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static void expect_join(const char *a, const char *b, const char *expected)
{
    pv_buf out = {0};
    assert_int_equal(pv_path_join(&out, a, b), PV_OK);
    assert_string_equal(out.data, expected);
    pv_buf_deinit(&out);
}

static void expect_dirname(const char *name, const char *expected)
{
    pv_buf out = {0};
    assert_int_equal(pv_path_dirname(&out, name), PV_OK);
    assert_string_equal(out.data, expected);
    pv_buf_deinit(&out);
}

static void test_names(void **state)
{
    (void)state;
    expect_join("a", "b", "a/b");
    expect_join("a/", "b", "a/b");
    expect_join("a//", "b", "a/b");
    expect_join("/", "b", "/b");
    expect_join("", "b", "b");
    expect_join("a", "/b", "/b");
    expect_dirname("a", ".");
    expect_dirname("a/b", "a");
    expect_dirname("/a", "/");
    expect_dirname("/", "/");
    expect_dirname("/a/b/", "/a");
    expect_dirname("a//b", "a");
    expect_dirname("", ".");
    assert_string_equal(pv_path_basename("a/b"), "b");
    assert_string_equal(pv_path_basename("b"), "b");
    assert_string_equal(pv_path_basename("a/"), "");
}

static void expect_file(const char *expected, mode_t mode)
{
    pv_buf data = {0};
    struct stat st;
    pv_buf_add(&data, "", 0);
    assert_int_equal(pv_path_read(path, &data, NULL), PV_OK);
    assert_string_equal(data.data, expected);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, mode);
    pv_buf_deinit(&data);
}

/* No temporary file may stay behind. */
static int files_in_dir(void)
{
    char command[128], answer[16];
    FILE *p;
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", dir);
    p = popen(command, "r");
    assert_non_null(fgets(answer, sizeof answer, p));
    pclose(p);
    return atoi(answer);
}

static void test_write(void **state)
{
    pv_err err = {0};
    mode_t mask = umask(077);
    (void)state;
    assert_int_equal(pv_path_write(path, (pv_bytes){"one", 3}, 0644, &err), PV_OK);
    umask(mask);
    expect_file("one", 0644); /* exactly, whatever the umask */
    assert_int_equal(pv_path_write(path, (pv_bytes){NULL, 0}, 0600, &err), PV_OK);
    expect_file("", 0600);
    assert_int_equal(pv_path_create(path, (pv_bytes){"two", 3}, 0600, &err), PV_EEXIST);
    expect_file("", 0600);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(pv_path_create(path, (pv_bytes){"two", 3}, 0400, &err), PV_OK);
    expect_file("two", 0400);
    assert_int_equal(files_in_dir(), 1);
    assert_int_equal(pv_path_write("/nonexistent/file", (pv_bytes){"x", 1}, 0600, &err),
                     PV_ENOTFOUND);
    assert_non_null(strstr(err.msg, "/nonexistent/file"));
    assert_int_equal(pv_path_write(dir, (pv_bytes){"x", 1}, 0600, &err), pv_status_errno(EISDIR));
    assert_int_equal(pv_path_sync_parent("/nonexistent/file", &err), PV_ENOTFOUND);
}

static void test_read(void **state)
{
    pv_buf small;
    pv_err err = {0};
    (void)state;
    pv_buf_init(&small, 5);
    assert_int_equal(pv_path_read(path, &small, &err), PV_ENOTFOUND);
    assert_int_equal(pv_path_write(path, (pv_bytes){"123456", 6}, 0600, NULL), PV_OK);
    assert_int_equal(pv_path_read(path, &small, &err), PV_ELIMIT);
    assert_int_equal(pv_path_read(dir, &small, &err), pv_status_errno(EISDIR));
    pv_buf_deinit(&small);
}

/* A write that fails half way leaves the old file and nothing else. */
static void test_failed_write(void **state)
{
    pid_t pid;
    int status;
    (void)state;
    assert_int_equal(pv_path_write(path, (pv_bytes){"old", 3}, 0600, NULL), PV_OK);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit limit = {1000, 1000};
        static char large[100000];
        pv_err err = {0};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        if (pv_path_write(path, (pv_bytes){large, sizeof large}, 0600, &err) == PV_OK) _exit(1);
        _exit(strstr(err.msg, "write /tmp/test-path") != NULL ? 0 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    expect_file("old", 0600);
    assert_int_equal(files_in_dir(), 1);
}

/* An append that fits only in part leaves nothing of itself. */
static void test_append(void **state)
{
    pid_t pid;
    int status, fd;
    (void)state;
    fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(pv_path_append(fd, (pv_bytes){"one\n", 4}, NULL), PV_OK);
    assert_int_equal(pv_path_append(fd, (pv_bytes){"", 0}, NULL), PV_OK);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit limit = {10, 10};
        pv_err err = {0};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        if (pv_path_append(fd, (pv_bytes){"two\nthree\n", 10}, &err) == PV_OK) _exit(1);
        if (strstr(err.msg, "append to a file: No space left") == NULL) _exit(2);
        _exit(pv_path_append(fd, (pv_bytes){"four\n", 5}, &err) == PV_OK ? 0 : 3);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    expect_file("one\nfour\n", 0600);
    close(fd);
    assert_int_equal(pv_path_append(fd, (pv_bytes){"x", 1}, NULL), pv_status_errno(EBADF));
}

/* A reader beside a writer sees one whole version or the other, and a killed writer leaves one. */
static void test_whole(void **state)
{
    static char a[20000], b[20000];
    (void)state;
    memset(a, 'a', sizeof a - 1);
    memset(b, 'b', sizeof b - 1);
    assert_int_equal(pv_path_write(path, (pv_bytes){a, sizeof a - 1}, 0600, NULL), PV_OK);
    for (int round = 0; round < 10; round++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            for (int i = 0;; i++)
                pv_path_write(path, (pv_bytes){i % 2 ? a : b, sizeof a - 1}, 0600, NULL);
        }
        for (int i = 0; i < 30; i++) {
            pv_buf data = {0};
            assert_int_equal(pv_path_read(path, &data, NULL), PV_OK);
            assert_true(strcmp(data.data, a) == 0 || strcmp(data.data, b) == 0);
            pv_buf_deinit(&data);
        }
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_append, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
