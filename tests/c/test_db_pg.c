/* A PostgreSQL server of Debian, private to this test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "db/pg.h"

static char dir[] = "/tmp/prov-pg-XXXXXX";
static char url[128];
static int here;

static int server(const char *what)
{
    char command[512];
    const char *source = getenv("PROV_SOURCE");
    snprintf(command, sizeof command, "sh '%s/tests/support/postgres.sh' %s '%s'",
             source != NULL ? source : ".", what, dir);
    return WEXITSTATUS(system(command)); /* NOLINT(cert-env33-c) */
}

static int start(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL) return -1;
    here = server("start") == 0;
    snprintf(url, sizeof url, "postgresql:///postgres?host=%s", dir);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    return server("remove");
}

static pv_status exec(const char *user, const char *password, int ms, const char *a, const char *b,
                      pv_err *err)
{
    const char *statements[] = {a, b};
    pv_pg_options o = {url, user, password, ms};
    return pv_pg_exec(&o, statements, b != NULL ? 2 : 1, err);
}

static void need_server(void)
{
    if (here) return;
    print_message("SKIP: no PostgreSQL server here (apt: postgresql)\n");
    skip();
}

static void test_all_or_none(void **state)
{
    pv_err err;
    (void)state;
    need_server();
    assert_int_equal(
        exec("root", "rootpw", 0, "CREATE ROLE a LOGIN PASSWORD 'x'", "SELECT 1/0", &err),
        PV_EINVAL);
    assert_non_null(strstr(err.msg, "division by zero"));
    assert_int_equal(
        exec("root", "rootpw", 0, "CREATE ROLE a LOGIN PASSWORD 'x'", "SELECT 1; SELECT 2", &err),
        PV_OK);
    assert_int_equal(exec("root", "rootpw", 0, "CREATE ROLE a", NULL, &err), PV_EEXIST);
    assert_int_equal(exec("a", "x", 0, "CREATE ROLE b", NULL, &err), PV_EDENIED);
    assert_int_equal(exec("root", "rootpw", 0, "DROP ROLE a", NULL, &err), PV_OK);
    assert_int_equal(exec("root", "rootpw", 0, "DROP ROLE a", NULL, &err), PV_ENOTFOUND);
}

static void test_failures(void **state)
{
    pv_err err;
    pv_pg_options bad = {"postgresql://u:canary@[", NULL, NULL, 0},
                  none = {"host=127.0.0.1 port=1", NULL, NULL, 0};
    const char *statements[] = {"SELECT 1"};
    (void)state;
    assert_int_equal(pv_pg_exec(&bad, statements, 1, &err), PV_EINVAL);
    assert_null(strstr(err.msg, "canary"));
    assert_int_equal(pv_pg_exec(&none, statements, 1, &err), PV_EUNAVAILABLE);
    need_server();
    assert_int_equal(exec("root", "canary", 0, "SELECT 1", NULL, &err), PV_EAUTH);
    assert_null(strstr(err.msg, "canary"));
    assert_int_equal(exec("root", "rootpw", 300, "SELECT pg_sleep(5)", NULL, &err), PV_ETIMEOUT);
    assert_int_equal(
        exec("root", "rootpw", 0, "SELECT pg_terminate_backend(pg_backend_pid())", NULL, &err),
        PV_EUNAVAILABLE);
}

static void collide(void *arg)
{
    pv_err err;
    for (int i = 0; i < 10; i++) {
        if (exec("root", "rootpw", 0, "GRANT CREATE ON SCHEMA public TO met",
                 "SELECT pg_sleep(0.01)", &err) != PV_OK)
            (*(int *)arg)++;
    }
}

static void test_collisions(void **state)
{
    uv_thread_t threads[4];
    int failed[4] = {0};
    pv_err err;
    (void)state;
    need_server();
    assert_int_equal(exec("root", "rootpw", 0, "CREATE ROLE met", NULL, &err), PV_OK);
    for (int i = 0; i < 4; i++) uv_thread_create(&threads[i], collide, &failed[i]);
    for (int i = 0; i < 4; i++) uv_thread_join(&threads[i]);
    for (int i = 0; i < 4; i++) assert_int_equal(failed[i], 0);
    /* What never stops to collide is given up in time. */
    assert_int_equal(exec("root", "rootpw", 700,
                          "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$", NULL,
                          &err),
                     PV_EBUSY);
}

static void test_lost_commit(void **state)
{
    const char *ends =
        "CREATE FUNCTION ends() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM "
        "pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;"
        "CREATE TABLE ended (a int); CREATE CONSTRAINT TRIGGER t AFTER INSERT ON ended "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ends()";
    pv_err err;
    (void)state;
    need_server();
    assert_int_equal(exec("root", "rootpw", 0, ends, NULL, &err), PV_OK);
    assert_int_equal(exec("root", "rootpw", 0, "INSERT INTO ended VALUES (1)", NULL, &err), PV_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_or_none), cmocka_unit_test(test_failures),
        cmocka_unit_test(test_collisions), cmocka_unit_test(test_lost_commit)};
    return cmocka_run_group_tests(tests, start, stop);
}
