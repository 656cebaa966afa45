/* Connecting, also inside another network namespace (which needs root). */
#include "net_util.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "net/netns.h"
#include "net/tcp.h"

typedef struct outcome {
    int calls, fd;
    pv_err err;
} outcome;

static void on_tcp(void *arg, int fd, const pv_err *err)
{
    outcome *o = arg;
    o->calls++;
    o->fd = fd;
    if (err != NULL) o->err = *err;
}

static pv_tcp *dial(fixture *f, const pv_tcp_options *options, outcome *o)
{
    pv_tcp *tcp = (pv_tcp *)1;
    pv_err err = {0};
    *o = (outcome){.fd = -2};
    if (pv_tcp_connect(&tcp, &f->loop, options, on_tcp, o, &err) != PV_OK) fail_msg("%s", err.msg);
    assert_non_null(tcp);
    assert_int_equal(o->calls, 0);
    return tcp;
}

static void finish(fixture *f, const outcome *o)
{
    run_until(&f->loop, &o->calls);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(o->calls, 1);
}

static void connects(void **state)
{
    fixture *f = *state;
    const char *hosts[] = {"127.0.0.1", "localhost"}; /* parsed; resolved on a thread */
    int port, one = 0, listening = loopback(&port, 4);
    socklen_t len = sizeof one;
    outcome o;
    for (int i = 0; i < 2; i++) {
        int accepted;
        dial(f, &(pv_tcp_options){.host = hosts[i], .port = port}, &o);
        finish(f, &o);
        if (o.fd < 0) fail_msg("%s", o.err.msg);
        accepted = accept(listening, NULL, NULL);
        assert_int_equal(send(o.fd, "ping", 4, 0), 4);
        char got[4];
        assert_int_equal(recv(accepted, got, 4, MSG_WAITALL), 4);
        assert_true(fcntl(o.fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(o.fd, F_GETFD) & FD_CLOEXEC);
        assert_int_equal(getsockopt(o.fd, IPPROTO_TCP, TCP_NODELAY, &one, &len), 0);
        assert_int_equal(one, 1);
        close(accepted);
        close(o.fd);
    }
    close(listening);
}

static void reports_what_is_wrong(void **state)
{
    fixture *f = *state;
    pv_tcp *tcp = (pv_tcp *)1;
    char name[80];
    outcome o;
    pv_err err;
    int port, unused = loopback(&port, -1);
    assert_int_equal(pv_tcp_connect(&tcp, &f->loop, &(pv_tcp_options){.port = 1}, on_tcp, &o, &err),
                     PV_EINVAL);
    assert_null(tcp);
    for (int i = 0; i < 2; i++) {
        pv_tcp_options options = {.host = "127.0.0.1", .port = i == 0 ? 0 : 65536};
        assert_int_equal(pv_tcp_connect(&tcp, &f->loop, &options, on_tcp, &o, &err), PV_EINVAL);
        assert_says(&err, PV_EINVAL, "not between 1 and 65535");
    }
    dial(f, &(pv_tcp_options){.host = "127.0.0.1", .port = port}, &o);
    finish(f, &o);
    assert_int_equal(o.fd, -1);
    assert_says(&o.err, PV_EUNAVAILABLE, "Connection refused");
    close(unused);
    /* A label of 70 bytes: no resolver asks anybody for it. */
    memset(name, 'x', sizeof name);
    strcpy(name + 70, ".invalid");
    dial(f, &(pv_tcp_options){.host = name, .port = 1}, &o);
    finish(f, &o);
    assert_says(&o.err, PV_ENOTFOUND, "cannot resolve host name 'xxx");
}

/* A listener whose queue is full lets new connections wait: Linux drops their SYN. */
static int deaf_port(int *port, int fill[2])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listening = loopback(port, 0);
    a.sin_port = htons((uint16_t)*port);
    for (int i = 0; i < 2; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fill[i], (struct sockaddr *)&a, sizeof a);
    }
    return listening;
}

static void gives_up_in_time(void **state)
{
    fixture *f = *state;
    int port, fill[2], listening = deaf_port(&port, fill);
    uint64_t begin = uv_hrtime();
    outcome o;
    dial(f, &(pv_tcp_options){.host = "127.0.0.1", .port = port, .timeout_ms = 200}, &o);
    finish(f, &o);
    assert_int_equal(o.fd, -1);
    assert_int_equal(o.err.status, PV_ETIMEOUT);
    assert_true(uv_hrtime() - begin >= (uint64_t)190 * 1000 * 1000);
    close(fill[0]);
    close(fill[1]);
    close(listening);
}

static void is_canceled(void **state)
{
    fixture *f = *state;
    int port, listening = loopback(&port, 4), fill[2], open;
    outcome o;
    pv_tcp *tcp = dial(f, &(pv_tcp_options){.host = "127.0.0.1", .port = port}, &o);
    pv_tcp_cancel(tcp); /* before the first step */
    pv_tcp_cancel(tcp);
    assert_int_equal(o.calls, 0);
    finish(f, &o);
    assert_int_equal(o.fd, -1);
    assert_int_equal(o.err.status, PV_ECANCELED);
    tcp = dial(f, &(pv_tcp_options){.host = "localhost", .port = port}, &o);
    pv_tcp_cancel(tcp); /* while the name is looked up */
    finish(f, &o);
    assert_int_equal(o.err.status, PV_ECANCELED);
    close(listening);
    listening = deaf_port(&port, fill);
    open = count_descriptors();
    tcp = dial(f, &(pv_tcp_options){.host = "127.0.0.1", .port = port}, &o);
    while (count_descriptors() == open) uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(o.calls, 0);
    pv_tcp_cancel(tcp); /* while it connects */
    finish(f, &o);
    assert_int_equal(o.fd, -1);
    assert_int_equal(o.err.status, PV_ECANCELED);
    close(fill[0]);
    close(fill[1]);
    close(listening);
}

static void makes_sockets_here(void **state)
{
    int fd = -2, other = -2;
    pv_err err;
    (void)state;
    assert_int_equal(pv_netns_socket(&fd, NULL, AF_INET, SOCK_STREAM, &err), PV_OK);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(pv_netns_socket(&other, "/nonexistent/ns", AF_INET, SOCK_STREAM, &err),
                     PV_ENOTFOUND);
    assert_int_equal(other, -1);
    assert_says(&err, PV_ENOTFOUND, "/nonexistent/ns");
    assert_int_not_equal(pv_netns_socket(&other, "/dev/null", AF_INET, SOCK_STREAM, &err), PV_OK);
    assert_int_equal(other, -1);
    assert_int_not_equal(pv_netns_socket(&other, NULL, 9999, SOCK_STREAM, &err), PV_OK);
    assert_int_equal(other, -1);
    close(fd);
}

/* A process in a network namespace of its own, with nothing up in it. */
static pid_t namespace_holder(char path[64])
{
    int ready[2];
    char byte = 0;
    pid_t child;
    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        byte = unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
        (void)!write(ready[1], &byte, 1);
        close(ready[1]);
        for (;;) pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    assert_int_equal(byte, 'y');
    snprintf(path, 64, "/proc/%d/ns/net", (int)child);
    return child;
}

static void connects_from_a_namespace(void **state)
{
    fixture *f = *state;
    char path[64];
    int port, listening, fd, ended;
    struct stat before, after;
    pid_t child;
    pv_err err;
    outcome o;
    if (geteuid() != 0) {
        print_message("SKIP: needs root for a network namespace\n");
        skip();
    }
    listening = loopback(&port, 4);
    child = namespace_holder(path);
    stat("/proc/self/ns/net", &before);
    assert_int_equal(pv_netns_socket(&fd, path, AF_INET, SOCK_STREAM, &err), PV_OK);
    close(fd);
    dial(f, &(pv_tcp_options){.host = "127.0.0.1", .port = port, .netns = path}, &o);
    finish(f, &o);
    assert_int_equal(o.fd, -1); /* its loopback is another, and down */
    assert_int_equal(o.err.status, PV_EUNAVAILABLE);
    stat("/proc/self/ns/net", &after);
    assert_true(before.st_ino == after.st_ino); /* and we are back */
    dial(f, &(pv_tcp_options){.host = "127.0.0.1", .port = port, .netns = "/nonexistent"}, &o);
    finish(f, &o);
    assert_says(&o.err, PV_ENOTFOUND, "/nonexistent");
    kill(child, SIGKILL);
    waitpid(child, &ended, 0);
    close(listening);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(connects, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(reports_what_is_wrong, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(gives_up_in_time, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(is_canceled, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(makes_sockets_here, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(connects_from_a_namespace, net_setup, net_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
