/* Commands over SSH against a real sshd; needs root. */
#include "sshd_util.h"

static const char *const TOO_LONG = "exec sleep 1236";

static void runs_commands(void **state)
{
    fixture *f = *state;
    pv_ssh_options options;
    sshd d;
    command c;
    pv_ssh *s;
    sshd_start(&d, f, "");
    options = sshd_options(&d);
    options.keepalive_s = 60;
    s = ssh_open(f, &options);
    run(f, s, "echo out; echo err >&2; exit 3", &c);
    assert_true(c.has_code);
    assert_int_equal(c.code, 3);
    assert_string_equal(c.out.data, "out\n");
    assert_string_equal(c.err.data, "err\n");
    command_drop(&c);
    run(f, s, "kill -KILL $$", &c);
    assert_false(c.has_code);
    assert_string_equal(c.signal, "KILL");
    command_drop(&c);
    run(f, s, "true", &c);
    assert_int_equal(c.code, 0);
    assert_int_equal(c.out.len + c.err.len, 0);
    command_drop(&c);
    pv_ssh_close(s);
    pv_ssh_close(NULL);
    sshd_drop(&d);
}

/* Bytes that are given at once, written piece by piece, and read from a file. */
static void feeds_standard_input(void **state)
{
    enum { SIZE = 300000 };
    fixture *f = *state;
    char *bytes = malloc(SIZE + 1), path[128];
    pv_ssh_options options;
    sshd d;
    command c;
    pv_ssh_exec *e;
    pv_ssh *s;
    int fd;
    assert_non_null(bytes);
    for (int i = 0; i < SIZE; i++) bytes[i] = (char)(i % 251 + 1);
    bytes[SIZE] = '\0';
    sshd_start(&d, f, "");
    options = sshd_options(&d);
    s = ssh_open(f, &options);
    begin(s, (pv_ssh_exec_options){.command = "cat", .input = {bytes, SIZE}}, &c);
    run_until(&f->loop, &c.calls);
    assert_int_equal(c.out.len, SIZE);
    assert_memory_equal(c.out.data, bytes, SIZE);
    command_drop(&c);

    e = begin(s, (pv_ssh_exec_options){.command = "cat", .keep_input = 1}, &c);
    pv_ssh_exec_write(e, "a\0b", 3);
    for (int i = 0; i < 20; i++) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    assert_int_equal(c.calls, 0); /* it waits for more */
    pv_ssh_exec_write(e, "c", 1);
    pv_ssh_exec_eof(e);
    pv_ssh_exec_write(e, "too late", 8);
    run_until(&f->loop, &c.calls);
    assert_int_equal(c.out.len, 4);
    assert_memory_equal(c.out.data, "a\0bc", 4);
    command_drop(&c);

    put_file(f, path, "input", bytes);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(lseek(fd, 1000, SEEK_SET), 1000);
    begin(s, (pv_ssh_exec_options){.command = "cat", .input = {"first:", 6}, .input_fd = fd}, &c);
    run_until(&f->loop, &c.calls);
    assert_int_equal(c.out.len, 6 + SIZE - 1000);
    assert_memory_equal(c.out.data, "first:", 6);
    assert_memory_equal(c.out.data + 6, bytes + 1000, SIZE - 1000);
    command_drop(&c);
    close(fd);
    fd = open(f->dir, O_RDONLY | O_CLOEXEC);
    begin(s, (pv_ssh_exec_options){.command = "cat", .input_fd = fd}, &c);
    run_until(&f->loop, &c.calls);
    assert_says(&c.why, PV_EIO, "cannot read the input file");
    close(fd);
    pv_ssh_close(s);
    sshd_drop(&d);
    free(bytes);
}

typedef struct streamed {
    command c;
    size_t out, err;
    pv_ssh_exec *e;
    pv_ssh *close; /* in the first callback, or NULL */
} streamed;

static void on_data(void *arg, int is_stderr, const char *data, size_t len)
{
    streamed *t = arg;
    assert_int_equal(t->c.calls, 0);
    assert_int_equal(data[0], is_stderr ? 'e' : '\0');
    *(is_stderr ? &t->err : &t->out) += len;
    if (t->close != NULL) pv_ssh_close(t->close);
}

static void on_streamed(void *arg, const pv_ssh_result *result, const pv_err *why)
{
    on_command(&((streamed *)arg)->c, result, why);
}

static void stream(pv_ssh *s, const char *text, size_t max_output, streamed *t)
{
    pv_ssh_exec_options options = {.command = text,
                                   .input_fd = -1,
                                   .max_output = max_output,
                                   .on_data = on_data,
                                   .on_done = on_streamed,
                                   .arg = t};
    pv_ssh *close = t->close;
    command_drop(&t->c);
    memset(t, 0, sizeof *t);
    t->close = close;
    assert_int_equal(pv_ssh_exec_start(&t->e, s, &options, NULL), PV_OK);
}

static void hands_output_on(void **state)
{
    fixture *f = *state;
    pv_ssh_options options;
    streamed t = {.close = NULL};
    sshd d;
    pv_ssh *s;
    sshd_start(&d, f, "");
    options = sshd_options(&d);
    s = ssh_open(f, &options);
    stream(s, "head -c 1000000 /dev/zero; printf eee >&2", 0, &t);
    run_until(&f->loop, &t.c.calls);
    assert_int_equal(t.c.why.status, PV_OK);
    assert_int_equal(t.out, 1000000);
    assert_int_equal(t.err, 3);
    assert_int_equal(t.c.out.len + t.c.err.len, 0);
    command_drop(&t.c);
    stream(s, "head -c 1000000 /dev/zero", 5000, &t);
    run_until(&f->loop, &t.c.calls);
    assert_says(&t.c.why, PV_ELIMIT, "printed more than 5000 bytes");
    assert_works(f, s);
    t.close = s; /* from inside of the callback */
    stream(s, "cat /dev/zero", 0, &t);
    run_until(&f->loop, &t.c.calls);
    assert_int_equal(t.c.why.status, PV_ECLOSED);
    command_drop(&t.c);
    sshd_drop(&d);
}

static void wait_for_channels(fixture *f, const pv_ssh *s, size_t count)
{
    for (int i = 0; i < 10000 && pv_ssh_channels(s) != count; i++) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    assert_int_equal(pv_ssh_channels(s), count);
}

static void ends_commands_early(void **state)
{
    fixture *f = *state;
    pv_ssh_options options;
    pv_ssh_exec *e;
    command c;
    sshd d;
    pv_ssh *s;
    sshd_start(&d, f, "");
    options = sshd_options(&d);
    s = ssh_open(f, &options);
    assert_int_equal(pv_ssh_channels(s), 0);
    /* Commands that notice when their channel is closed: sshd hands signals on to others' only. */
    e = begin(s, (pv_ssh_exec_options){.command = "cat", .keep_input = 1}, &c);
    assert_int_equal(pv_ssh_channels(s), 1);
    pv_ssh_exec_cancel(e); /* before the server knows of it */
    pv_ssh_exec_cancel(e);
    assert_int_equal(c.calls, 0);
    run_until(&f->loop, &c.calls);
    assert_says(&c.why, PV_ECANCELED, "the command was canceled");
    e = begin(s, (pv_ssh_exec_options){.command = "cat", .keep_input = 1}, &c);
    for (int i = 0; i < 100; i++) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    pv_ssh_exec_cancel(e); /* while it runs */
    run_until(&f->loop, &c.calls);
    assert_int_equal(c.why.status, PV_ECANCELED);
    begin(s, (pv_ssh_exec_options){.command = "cat", .keep_input = 1, .timeout_ms = 200}, &c);
    run_until(&f->loop, &c.calls);
    assert_says(&c.why, PV_ETIMEOUT, "not finished after 0.2 s");
    begin(s, (pv_ssh_exec_options){.command = "yes", .max_output = 100000}, &c);
    run_until(&f->loop, &c.calls);
    assert_int_equal(c.why.status, PV_ELIMIT);
    wait_for_channels(f, s, 0);
    assert_works(f, s);
    pv_ssh_close(s);
    sshd_drop(&d);
}

static void waits_for_a_free_channel(void **state)
{
    enum { COMMANDS = 8 };
    fixture *f = *state;
    pv_ssh_options options;
    command c[COMMANDS];
    sshd d;
    pv_ssh *s;
    sshd_start(&d, f, "MaxSessions 2");
    options = sshd_options(&d);
    s = ssh_open(f, &options);
    for (int i = 0; i < COMMANDS; i++) {
        char text[64];
        snprintf(text, sizeof text, "sleep 0.05; echo %d", i);
        begin(s, (pv_ssh_exec_options){.command = text}, &c[i]);
    }
    for (int i = 0; i < COMMANDS; i++) {
        char text[16];
        run_until(&f->loop, &c[i].calls);
        if (c[i].why.status != PV_OK) fail_msg("%s", c[i].why.msg);
        snprintf(text, sizeof text, "%d\n", i);
        assert_string_equal(c[i].out.data, text);
        command_drop(&c[i]);
    }
    wait_for_channels(f, s, 0);
    pv_ssh_close(s);
    sshd_drop(&d);
}

static void loses_the_server(void **state)
{
    fixture *f = *state;
    pv_ssh_options options;
    pv_ssh_exec *e = (pv_ssh_exec *)1;
    command c, other;
    pv_err err;
    sshd d;
    pv_ssh *s;
    sshd_start(&d, f, "");
    options = sshd_options(&d);
    s = ssh_open(f, &options);
    begin(s, (pv_ssh_exec_options){.command = TOO_LONG}, &c);
    assert_works(f, s);
    sshd_stop(&d);
    run_until(&f->loop, &c.calls);
    assert_says(&c.why, PV_EUNAVAILABLE, "connection lost");
    assert_false(pv_ssh_ready(s));
    assert_int_equal(
        pv_ssh_exec_start(&e, s, &(pv_ssh_exec_options){.command = "true", .input_fd = -1}, &err),
        PV_ECLOSED);
    assert_null(e);
    pv_ssh_close(s);
    sshd_drop(&d);

    sshd_start(&d, f, "");
    options = sshd_options(&d);
    s = ssh_open(f, &options);
    begin(s, (pv_ssh_exec_options){.command = TOO_LONG}, &c);
    begin(s, (pv_ssh_exec_options){.command = "cat", .keep_input = 1}, &other);
    pv_ssh_close(s); /* with commands on it */
    assert_int_equal(c.calls + other.calls, 0);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(c.calls, 1);
    assert_int_equal(other.calls, 1);
    assert_int_equal(c.why.status, PV_ECLOSED);
    assert_int_equal(other.why.status, PV_ECLOSED);
    sshd_drop(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(runs_commands, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(feeds_standard_input, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(hands_output_on, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(ends_commands_early, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(waits_for_a_free_channel, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(loses_the_server, net_setup, net_teardown),
    };
    if (!sshd_possible()) {
        puts("SKIP commands over SSH: needs root and /usr/sbin/sshd");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
