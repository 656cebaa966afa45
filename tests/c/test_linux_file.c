/* Files, trees, descriptions and locks of the lab helpers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "linux/conf.h"
#include "linux/file.h"
#include "linux/lock.h"

static char dir[64];

static int setup(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/prov-file-XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return pv_tree_remove(dir, NULL) == PV_OK && access(dir, F_OK) != 0 ? 0 : -1;
}

static const char *in(const char *name)
{
    static char path[4][PV_PATH_CAP];
    static int turn;
    turn = (turn + 1) % 4;
    assert_int_equal(pv_path_format(path[turn], NULL, "%s/%s", dir, name), PV_OK);
    return path[turn];
}

static void paths_are_capped(void **state)
{
    char out[PV_PATH_CAP], *lengthy = pv_alloc(PV_PATH_CAP + 1);
    pv_err err;
    (void)state;
    memset(lengthy, 'a', PV_PATH_CAP);
    assert_int_equal(pv_path_format(out, &err, "%s", lengthy), PV_ELIMIT);
    lengthy[PV_PATH_CAP - 1] = '\0';
    assert_int_equal(pv_path_format(out, &err, "%s", lengthy), PV_OK);
    pv_free(lengthy);
}

static void replaces_and_reads(void **state)
{
    pv_buf text;
    pv_err err;
    (void)state;
    pv_buf_init(&text, 16);
    assert_int_equal(pv_file_replace(in("f"), "one", &err), PV_OK);
    assert_int_equal(pv_file_replace(in("f"), "two\n", &err), PV_OK);
    assert_int_equal(pv_file_read(&text, in("f"), &err), PV_OK);
    assert_string_equal(text.data, "two\n");
    assert_int_equal(pv_file_put(in("f"), "three", &err), PV_OK);
    assert_int_equal(pv_file_put(in("absent"), "x", &err), PV_ENOTFOUND);
    assert_int_equal(pv_file_read(&text, in("absent"), &err), PV_ENOTFOUND);
    assert_int_equal(pv_file_replace(in("g"), "more than sixteen bytes", &err), PV_OK);
    assert_int_equal(pv_file_read(&text, in("g"), &err), PV_ELIMIT);
    assert_int_equal(pv_file_replace(in("no/such/folder"), "x", &err), PV_ENOTFOUND);
    pv_buf_deinit(&text);
}

static void removes_trees_but_not_through_links(void **state)
{
    pv_err err;
    (void)state;
    assert_int_equal(pv_dir_make(in("keep/a"), &err), PV_OK);
    assert_int_equal(pv_dir_make(in("gone/b/c/d"), &err), PV_OK);
    assert_int_equal(pv_dir_make(in("gone/b"), &err), PV_OK);
    assert_int_equal(pv_file_replace(in("gone/b/f"), "x", &err), PV_OK);
    assert_int_equal(symlink(in("keep"), in("gone/link")), 0);
    assert_int_equal(pv_tree_remove(in("gone"), &err), PV_OK);
    assert_int_not_equal(access(in("gone"), F_OK), 0);
    assert_int_equal(access(in("keep/a"), F_OK), 0);
    assert_int_equal(pv_tree_remove(in("gone"), &err), PV_OK);
    assert_int_equal(symlink(in("keep"), in("direct")), 0);
    assert_int_equal(pv_tree_remove(in("direct"), &err), PV_OK); /* the link, not what it names */
    assert_int_equal(access(in("keep/a"), F_OK), 0);
    assert_int_equal(pv_file_replace(in("file"), "x", &err), PV_OK);
    assert_int_not_equal(pv_dir_make(in("file/below"), &err), PV_OK);
}

static void reads_descriptions(void **state)
{
    pv_conf *conf;
    const char *value;
    pv_err err;
    (void)state;
    assert_int_equal(
        pv_file_replace(in("c"), "id=a\nport=1\nempty=\nport=2\neq=x=y\nn=12\nbad=1z", &err),
        PV_OK);
    assert_int_equal(pv_conf_open(&conf, in("c"), &err), PV_OK);
    assert_string_equal(pv_conf_get(conf, "id", 0), "a");
    assert_string_equal(pv_conf_get(conf, "port", 1), "2");
    assert_null(pv_conf_get(conf, "port", 2));
    assert_string_equal(pv_conf_get(conf, "eq", 0), "x=y");
    assert_int_equal(pv_conf_int(conf, "n", 7), 12);
    assert_int_equal(pv_conf_int(conf, "bad", 7), 7);
    assert_int_equal(pv_conf_int(conf, "absent", 7), 7);
    assert_int_equal(pv_conf_need(conf, "id", &value, &err), PV_OK);
    assert_int_equal(pv_conf_need(conf, "empty", &value, &err), PV_ECORRUPT);
    assert_int_equal(pv_conf_need(conf, "absent", &value, &err), PV_ECORRUPT);
    assert_non_null(strstr(err.msg, "absent"));
    pv_conf_close(conf);
    pv_conf_close(NULL);
}

static void refuses_bad_descriptions(void **state)
{
    pv_conf *conf;
    pv_err err;
    (void)state;
    assert_int_equal(pv_conf_open(&conf, in("absent"), &err), PV_ENOTFOUND);
    assert_int_equal(pv_file_replace(in("c"), "", &err), PV_OK);
    assert_int_equal(pv_conf_open(&conf, in("c"), &err), PV_ECORRUPT);
    assert_int_equal(pv_file_replace(in("c"), "a=1\nnonsense\n", &err), PV_OK);
    assert_int_equal(pv_conf_open(&conf, in("c"), &err), PV_ECORRUPT);
    assert_int_equal(err.line, 2);
    assert_null(conf);
}

static void one_process_holds_a_lock(void **state)
{
    pv_lock *lock, *second;
    pv_err err;
    int ended;
    pid_t child;
    (void)state;
    assert_int_equal(pv_lock_open(&lock, in("l"), 0, &err), PV_OK);
    assert_int_equal(pv_lock_open(&second, in("l"), 0, &err), PV_EBUSY);
    assert_null(second);
    child = fork();
    if (child == 0) {
        pv_lock_close(lock); /* the copy that fork made */
        _exit(pv_lock_open(&second, in("l"), 1, NULL) == PV_OK ? 0 : 1);
    }
    usleep(50000);
    assert_int_equal(waitpid(child, &ended, WNOHANG), 0); /* waits */
    pv_lock_close(lock);
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(WEXITSTATUS(ended), 0);
    assert_int_equal(pv_lock_open(&lock, in("l"), 0, &err), PV_OK); /* free with its process */
    pv_lock_close(lock);
    pv_lock_close(NULL);
    assert_int_equal(pv_lock_open(&lock, in("no/l"), 0, &err), PV_ENOTFOUND);
}

static void a_replaced_lock_file_is_another_lock(void **state)
{
    pv_lock *old, *fresh;
    pv_err err;
    (void)state;
    assert_int_equal(pv_lock_open(&old, in("l"), 0, &err), PV_OK);
    assert_int_equal(unlink(in("l")), 0);
    assert_int_equal(pv_lock_open(&fresh, in("l"), 0, &err), PV_OK);
    pv_lock_close(old);
    pv_lock_close(fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(paths_are_capped, setup, teardown),
        cmocka_unit_test_setup_teardown(replaces_and_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(removes_trees_but_not_through_links, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_descriptions, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_bad_descriptions, setup, teardown),
        cmocka_unit_test_setup_teardown(one_process_holds_a_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(a_replaced_lock_file_is_another_lock, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
