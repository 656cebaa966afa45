/* The line editor on a real pseudo terminal: keys go in, lines and screens come out. */
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "edit/line.h"

typedef struct terminal {
    int master;
    FILE *in, *out;
    char history[64];
    pv_line *line;
} terminal;

typedef struct typing {
    int master, fd;
    const char *keys;
} typing;

static void complete(void *user, const char *line, size_t len, size_t cursor, pv_buf *insert,
                     pv_buf *show)
{
    (void)user;
    assert_true(cursor <= len);
    if (cursor == 2 && memcmp(line, "he", 2) == 0) pv_buf_adds(insert, "llo");
    else pv_buf_adds(show, "one  two\n");
}

static void open_line(terminal *t)
{
    pv_line_options o = {t->in, t->out, t->out, t->history, 10, complete, NULL};
    pv_err err;
    assert_int_equal(pv_line_open(&t->line, &o, &err), PV_OK);
}

static int setup(void **state)
{
    static terminal t;
    struct winsize size = {24, 80, 0, 0};
    int slave;
    setenv("TERM", "dumb", 1); /* libtinfo leaks a string for terminals with colours */
    setenv("HOME", "/nonexistent", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    assert_int_equal(openpty(&t.master, &slave, NULL, NULL, &size), 0);
    t.in = fdopen(slave, "r");
    t.out = fdopen(dup(slave), "w");
    fcntl(t.master, F_SETFL, O_NONBLOCK);
    strcpy(t.history, "/tmp/prov-test-history-XXXXXX");
    close(mkstemp(t.history));
    unlink(t.history);
    open_line(&t);
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    terminal *t = *state;
    pv_line_close(t->line);
    fclose(t->in);
    fclose(t->out);
    close(t->master);
    unlink(t->history);
    return 0;
}

/* Types as soon as the editor has the terminal: before, Ctrl-C would be a signal. */
static void *typist(void *arg)
{
    const typing *job = arg;
    struct termios mode;
    do {
        usleep(1000);
        tcgetattr(job->fd, &mode);
    } while ((mode.c_lflag & ICANON) != 0);
    if (write(job->master, job->keys, strlen(job->keys)) < 0) abort();
    return NULL;
}

static pv_status read_line(terminal *t, const char *keys, pv_bytes *text)
{
    typing job = {t->master, fileno(t->in), keys};
    pthread_t thread;
    pv_status st;
    pv_err err;
    assert_int_equal(pthread_create(&thread, NULL, typist, &job), 0);
    st = pv_line_read(t->line, "> ", text, &err);
    pthread_join(thread, NULL);
    return st;
}

/* What was drawn since the last call. */
static const char *screen(terminal *t)
{
    static char text[65536];
    size_t len = 0;
    ssize_t n;
    while ((n = read(t->master, text + len, sizeof text - 1 - len)) > 0) len += (size_t)n;
    text[len] = '\0';
    return text;
}

static void expect(terminal *t, const char *keys, const char *want)
{
    pv_bytes text;
    assert_int_equal(read_line(t, keys, &text), PV_OK);
    assert_int_equal(text.len, strlen(want));
    assert_memory_equal(text.data, want, text.len);
}

static void keys(void **state)
{
    terminal *t = *state;
    expect(t, "plain\n", "plain");
    assert_non_null(strstr(screen(t), "> "));
    expect(t, "\n", "");
    expect(t,
           "ac\x02"
           "b\n",
           "abc"); /* Ctrl-B: one back */
    expect(t,
           "xyz\x01"
           "w\x05!\n",
           "wxyz!"); /* Ctrl-A, Ctrl-E */
    expect(t,
           "gone\x15"
           "kept\n",
           "kept");                                  /* Ctrl-U */
    expect(t, "\xc3\xa4\xc3\xb6\x7f\n", "\xc3\xa4"); /* backspace takes a whole character */
}

static void completion(void **state)
{
    terminal *t = *state;
    expect(t, "he\t world\n", "hello world");
    screen(t);
    expect(t, "x\ty\n", "xy");
    assert_non_null(strstr(screen(t), "one  two"));
}

static void ends(void **state)
{
    terminal *t = *state;
    pv_bytes text;
    assert_int_equal(read_line(t, "half a line\x03", &text), PV_ECANCELED);
    assert_null(text.data);
    expect(t, "again\n", "again");
    assert_int_equal(read_line(t, "\x04", &text), PV_ECLOSED);
    assert_int_equal(text.len, 0);
}

/* A descriptor that an event loop has made non-blocking still waits for keys. */
static void non_blocking(void **state)
{
    terminal *t = *state;
    int fd = fileno(t->in);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    expect(t, "waits\n", "waits");
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
}

static void history(void **state)
{
    terminal *t = *state;
    struct stat st;
    pv_line_remember(t->line, "first");
    pv_line_remember(t->line, "for i = 1, 2 do\nprint(i) end");
    expect(t, "\x10\x10\n", "first"); /* Ctrl-P twice */
    assert_int_equal(stat(t->history, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    pv_line_close(t->line);
    open_line(t); /* another process would find it */
    expect(t, "\x10\x10\n", "first");
}

static void refusals(void **state)
{
    pv_line_options o = {stdin, stdout, stderr, NULL, 0, NULL, NULL};
    int null = open("/dev/null", O_RDWR);
    FILE *file = fdopen(null, "r+");
    pv_line *line;
    pv_err err;
    (void)state;
    o.in = o.out = file;
    assert_int_equal(pv_line_open(&line, &o, &err), PV_EUNSUPPORTED);
    assert_null(line);
    pv_line_close(NULL);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys, setup, teardown),
        cmocka_unit_test_setup_teardown(completion, setup, teardown),
        cmocka_unit_test_setup_teardown(ends, setup, teardown),
        cmocka_unit_test_setup_teardown(non_blocking, setup, teardown),
        cmocka_unit_test_setup_teardown(history, setup, teardown),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
