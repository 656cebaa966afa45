/* Shared by the tests of core/net: the loop, loopback sockets, temporary folders, and what is
 * left open. */
#ifndef PV_TESTS_NET_UTIL_H
#define PV_TESTS_NET_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <dirent.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/buf.h"
#include "base/status.h"

typedef struct fixture {
    uv_loop_t loop;
    char dir[64];
    int descriptors; /* before the test */
} fixture;

static inline int count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = -3; /* ".", ".." and the folder itself */
    if (dir == NULL) return -1;
    while (readdir(dir) != NULL) count++;
    closedir(dir);
    return count;
}

static inline int net_setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    if (f == NULL || uv_loop_init(&f->loop) != 0 || uv_loop_close(&f->loop) != 0) return -1;
    /* The first loop of a process leaves libuv's pipe for signals open. */
    strcpy(f->dir, "/tmp/test-net-XXXXXX");
    if (mkdtemp(f->dir) == NULL) return -1;
    f->descriptors = count_descriptors();
    *state = f;
    return uv_loop_init(&f->loop);
}

/* Fails when the test left a handle of the loop or a descriptor open. */
static inline int net_teardown(void **state)
{
    fixture *f = *state;
    char command[128];
    int failed;
    for (int i = 0; i < 10000 && uv_run(&f->loop, UV_RUN_NOWAIT) != 0; i++) usleep(1000);
    if (uv_loop_close(&f->loop) != 0) {
        print_error("a handle is left open on the loop\n");
        return -1; /* the loop is inside of f */
    }
    failed = count_descriptors() != f->descriptors;
    if (failed) print_error("%d descriptors became %d\n", f->descriptors, count_descriptors());
    snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    failed |= system(command) != 0;
    free(f);
    return failed ? -1 : 0;
}

/* Runs the loop until *flag is not 0; fails the test after 60 s. */
static inline void run_until(uv_loop_t *loop, const int *flag)
{
    uint64_t end = uv_hrtime() + (uint64_t)60 * 1000 * 1000 * 1000;
    while (*flag == 0) {
        if (uv_hrtime() > end) fail_msg("still waiting after 60 s");
        if (uv_run(loop, UV_RUN_NOWAIT) == 0 && *flag == 0) fail_msg("nothing is left to wait for");
        if (*flag == 0) usleep(500);
    }
}

/* A TCP socket on a free loopback port; with a backlog below 0 it does not listen. */
static inline int loopback(int *port, int backlog)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    if (backlog >= 0) assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

/* PATH becomes "DIR/NAME" and holds `text`; NULL makes no file. */
static inline void put_file(const fixture *f, char path[128], const char *name, const char *text)
{
    FILE *file;
    snprintf(path, 128, "%s/%s", f->dir, name);
    if (text == NULL) return;
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static inline void assert_says(const pv_err *err, pv_status status, const char *part)
{
    if (err->status != status || strstr(err->msg, part) == NULL)
        fail_msg("%s '%s' is not %s with '%s'", pv_status_name(err->status), err->msg,
                 pv_status_name(status), part);
}

#endif
