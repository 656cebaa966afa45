/* Ports that answer, talk, say nothing, break off. */
#include "net_util.h"

#include <fcntl.h>

#include "net/probe.h"

typedef struct outcome {
    int calls, failed;
    char banner[300];
    pv_err err;
} outcome;

static void on_probe(void *arg, const char *banner, const pv_err *err)
{
    outcome *o = arg;
    o->calls++;
    o->failed = banner == NULL;
    assert_true((banner == NULL) != (err == NULL));
    if (banner != NULL) snprintf(o->banner, sizeof o->banner, "%s", banner);
    if (err != NULL) o->err = *err;
}

static pv_probe *start(fixture *f, int port, int banner, int timeout_ms, outcome *o)
{
    pv_probe_options options = {
        .tcp = {.host = "127.0.0.1", .port = port, .timeout_ms = timeout_ms}, .banner = banner};
    pv_probe *probe = NULL;
    pv_err err = {0};
    *o = (outcome){0};
    if (pv_probe_start(&probe, &f->loop, &options, on_probe, o, &err) != PV_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(o->calls, 0);
    return probe;
}

/* Accepts the probe's connection, says `first` and then `second` and waits for the outcome. */
static void talk(fixture *f, int listening, const char *first, const char *second, int end,
                 outcome *o)
{
    int fd = -1;
    fcntl(listening, F_SETFL, O_NONBLOCK);
    while (fd < 0 && o->calls == 0) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        fd = accept(listening, NULL, NULL);
    }
    assert_true(fd >= 0);
    send(fd, first, strlen(first), MSG_NOSIGNAL);
    for (int i = 0; i < 20; i++) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    send(fd, second, strlen(second), MSG_NOSIGNAL);
    if (end) shutdown(fd, SHUT_WR);
    run_until(&f->loop, &o->calls);
    close(fd);
}

static void knocks(void **state)
{
    fixture *f = *state;
    int port, listening = loopback(&port, 4), fd;
    outcome o;
    start(f, port, 0, 0, &o);
    run_until(&f->loop, &o.calls);
    assert_false(o.failed);
    assert_string_equal(o.banner, "");
    fd = accept(listening, NULL, NULL);
    assert_true(fd >= 0);
    close(fd);
    close(listening);
    start(f, port, 0, 0, &o); /* nobody listens there now */
    run_until(&f->loop, &o.calls);
    assert_true(o.failed);
    assert_int_equal(o.err.status, PV_EUNAVAILABLE);
}

static void reads_the_first_line(void **state)
{
    fixture *f = *state;
    int port, listening = loopback(&port, 4);
    char longest[400];
    outcome o;
    start(f, port, 1, 0, &o);
    talk(f, listening, "SSH-2.0-", "test\r\nmore\n", 0, &o);
    assert_string_equal(o.banner, "SSH-2.0-test");
    start(f, port, 1, 0, &o);
    talk(f, listening, "", "\n", 0, &o);
    assert_string_equal(o.banner, "");
    assert_false(o.failed);
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    start(f, port, 1, 0, &o);
    talk(f, listening, longest, "", 0, &o);
    assert_int_equal(strlen(o.banner), 255);
    assert_int_equal(o.calls, 1);
    close(listening);
}

static void notices_who_says_nothing(void **state)
{
    fixture *f = *state;
    int port, listening = loopback(&port, 4);
    outcome o;
    start(f, port, 1, 0, &o);
    talk(f, listening, "half", "", 1, &o);
    assert_says(&o.err, PV_EUNAVAILABLE, "closed before a banner came");
    start(f, port, 1, 300, &o);
    talk(f, listening, "half", "", 0, &o);
    assert_says(&o.err, PV_ETIMEOUT, "no banner came in time");
    assert_int_equal(o.calls, 1);
    close(listening);
}

static void is_canceled(void **state)
{
    fixture *f = *state;
    int port, listening = loopback(&port, 4), fd = -1;
    pv_probe *probe;
    outcome o;
    pv_err err;
    probe = start(f, port, 1, 0, &o);
    pv_probe_cancel(probe); /* before it connects */
    assert_int_equal(o.calls, 0);
    run_until(&f->loop, &o.calls);
    assert_int_equal(o.err.status, PV_ECANCELED);
    probe = start(f, port, 1, 0, &o);
    fcntl(listening, F_SETFL, O_NONBLOCK);
    while (fd < 0) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        fd = accept(listening, NULL, NULL);
    }
    for (int i = 0; i < 20; i++) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    pv_probe_cancel(probe); /* while it waits for the banner */
    pv_probe_cancel(probe);
    run_until(&f->loop, &o.calls);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(o.calls, 1);
    assert_int_equal(o.err.status, PV_ECANCELED);
    close(fd);
    close(listening);
    probe = (pv_probe *)1;
    assert_int_equal(pv_probe_start(&probe, &f->loop, &(pv_probe_options){.tcp = {.port = 22}},
                                    on_probe, &o, &err),
                     PV_EINVAL);
    assert_null(probe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(knocks, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(reads_the_first_line, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(notices_who_says_nothing, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(is_canceled, net_setup, net_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
