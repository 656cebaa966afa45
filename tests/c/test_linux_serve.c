/* The process of a lab: the proxy with its cache against a mirror on the loopback, and forwarded
 * ports; needs root for its network namespace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/file.h"
#include "linux/lab.h"
#include "linux/netns.h"
#include "linux/serve.h"
#include "linux/serve_parts.h"
#include "linux/upstream.h"

static char base[64], lab[96], netns[96];
static int mirror_port;
static pid_t mirror, process;
static int guard; /* a byte in it: all was tidied; an end without one: we were ended early */

static pv_bytes str(const char *text)
{
    return (pv_bytes){text, strlen(text)};
}

enum { FILE_SIZE = 3 * 1024 * 1024 };

static void send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0) return;
        data += n;
        len -= (size_t)n;
    }
}

static void send_text(int fd, const char *text)
{
    send_all(fd, text, strlen(text));
}

static void serve_one(int fd)
{
    static char file[FILE_SIZE];
    char request[8192], head[256];
    ssize_t n = recv(fd, request, sizeof request - 1, 0);
    if (n <= 0) return;
    request[n] = '\0';
    memset(file, 'x', sizeof file);
    if (strstr(request, "GET /slow.deb ") == request || strstr(request, "GET /a.deb ") == request) {
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", FILE_SIZE);
        send_all(fd, head, strlen(head));
        if (strstr(request, "slow") != NULL) usleep(300000);
        send_all(fd, file, sizeof file);
    } else if (strstr(request, "GET /cut.deb ") == request) {
        send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    } else if (strstr(request, "GET /chunked ") == request) {
        send_text(fd,
                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    } else if (strstr(request, "GET /InRelease ") == request) {
        const char *body = strstr(request, "If-Modified-Since") != NULL ? NULL : "release";
        if (body == NULL) send_text(fd, "HTTP/1.1 304 Not Modified\r\n\r\n");
        else send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nrelease");
    } else {
        send_text(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    }
}

/* Counts its requests in a file, one byte each. */
static void run_mirror(int listening)
{
    char path[128];
    FILE *log;
    snprintf(path, sizeof path, "%s/requests", base);
    for (;;) {
        int fd = accept(listening, NULL, NULL);
        log = fopen(path, "a");
        if (fd < 0 || log == NULL) _exit(1);
        fputc('r', log);
        fclose(log);
        if (fork() == 0) {
            serve_one(fd);
            _exit(0);
        }
        close(fd);
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
    }
}

static int listen_loopback(int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

/* Tidies what a program that was ended before its teardown leaves.  No child of it, so that who
 * kills it with its children does not reach this. */
static int start_guard(void)
{
    int ends[2];
    char byte;
    pid_t between;
    if (pipe(ends) != 0 || (between = fork()) < 0) return -1;
    guard = ends[1];
    if (between > 0) {
        close(ends[0]);
        return waitpid(between, NULL, 0) == between ? 0 : -1;
    }
    if (fork() != 0) _exit(0);
    close(ends[1]);
    setsid();
    for (int fd = 0; fd < 3; fd++) close(fd); /* nobody waits for the end of these */
    if (read(ends[0], &byte, 1) == 1) _exit(0);
    pv_netns_delete(netns, NULL);
    for (int i = 0; i < 50 && pv_tree_remove(base, NULL) != PV_OK; i++) usleep(100000);
    _exit(0);
}

/* Forks a child that goes when this program goes. */
static pid_t fork_bound(void)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0) return pid;
    close(guard);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    return 0;
}

static int setup(void **state)
{
    char path[160], text[512];
    int listening;
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    strcpy(base, "/tmp/prov-serve-XXXXXX");
    if (mkdtemp(base) == NULL) return -1;
    snprintf(lab, sizeof lab, "%s/lab", base);
    snprintf(netns, sizeof netns, "%s/ns", base);
    if (start_guard() != 0) return -1;
    listening = listen_loopback(&mirror_port);
    snprintf(path, sizeof path, "%s/servers/web-1", lab);
    if (pv_dir_make(path, NULL) != PV_OK) return -1;
    snprintf(path, sizeof path, "%s/lab.conf", lab);
    snprintf(text, sizeof text, "netns=%s\ncache=%s/cache\nallow=127.0.0.1:%d\n", netns, base,
             mirror_port);
    if (pv_file_replace(path, text, NULL) != PV_OK) return -1;
    if (pv_netns_create(netns, NULL) != PV_OK) return -1;
    mirror = fork_bound();
    if (mirror == 0) run_mirror(listening);
    close(listening);
    process = fork_bound();
    if (process == 0) _exit(pv_serve_run(lab, NULL) == PV_OK ? 0 : 1);
    for (int i = 0; i < 500; i++) { /* our own child answers, so nothing is started anew */
        snprintf(path, sizeof path, "%s.sock", netns);
        if (access(path, F_OK) == 0) return 0;
        usleep(10000);
    }
    return -1;
}

static int teardown(void **state)
{
    int ended;
    (void)state;
    kill(mirror, SIGKILL);
    waitpid(mirror, &ended, 0);
    if (pv_serve_stop(lab, NULL) != PV_OK) return -1;
    waitpid(process, &ended, 0);
    pv_netns_delete(netns, NULL);
    if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0) return -1;
    return pv_tree_remove(base, NULL) == PV_OK && write(guard, "", 1) == 1 ? 0 : -1;
}

typedef struct answer {
    pv_serve serve;
    pv_upstream *up;
    int status, ended, ok, pauses;
    long long length, got;
} answer;

static void on_head(void *arg, int status, pv_http_head head, long long length)
{
    answer *a = arg;
    assert_true(head.len > 0);
    a->status = status;
    a->length = length;
}

static void on_resume(uv_timer_t *timer)
{
    answer *a = timer->data;
    pv_upstream_pause(a->up, 0);
    uv_close((uv_handle_t *)timer, NULL);
}

static void on_body(void *arg, pv_bytes bytes)
{
    static uv_timer_t timer;
    answer *a = arg;
    a->got += (long long)bytes.len;
    if (a->pauses++ > 0) return;
    pv_upstream_pause(a->up, 1);
    uv_timer_init(&a->serve.loop, &timer);
    timer.data = a;
    uv_timer_start(&timer, on_resume, 20, 0);
}

static void on_end(void *arg, int ok)
{
    answer *a = arg;
    a->ended++;
    a->ok = ok;
}

static void ask_mirror(const char *path, int port, int close_at_once, answer *a)
{
    static const pv_upstream_events events = {on_head, on_body, on_end};
    char request[256];
    memset(a, 0, sizeof *a);
    assert_int_equal(uv_loop_init(&a->serve.loop), 0);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n\r\n", path);
    a->up = pv_upstream_open(&a->serve, "127.0.0.1", port, str(request), 0, &events, a);
    if (close_at_once) pv_upstream_close(a->up);
    uv_run(&a->serve.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&a->serve.loop), 0); /* no handle is left open */
}

static void asks_a_mirror(void **state)
{
    answer a;
    int port;
    (void)state;
    ask_mirror("/a.deb", mirror_port, 0, &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.length, FILE_SIZE);
    assert_int_equal(a.got, FILE_SIZE);
    assert_int_equal(a.ended, 1);
    assert_true(a.ok);
    ask_mirror("/cut.deb", mirror_port, 0, &a);
    assert_int_equal(a.ended, 1);
    assert_false(a.ok);
    ask_mirror("/a.deb", mirror_port, 1, &a);
    assert_int_equal(a.ended, 0);
    close(listen_loopback(&port)); /* nobody listens there now */
    ask_mirror("/a.deb", port, 0, &a);
    assert_int_equal(a.ended, 1);
    assert_false(a.ok);
    pv_upstream_close(NULL);
}

static int dial_proxy(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(PV_SERVE_PROXY_PORT),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {10, 0};
    int saved, fd;
    assert_int_equal(pv_netns_enter(netns, &saved, NULL), PV_OK);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    pv_netns_leave(saved);
    return fd;
}

/* Sends text and reads until the other side closes; `Connection: close` is up to text. */
static void talk(const char *text, pv_buf *out)
{
    int fd = dial_proxy();
    char chunk[65536];
    ssize_t n;
    send_all(fd, text, strlen(text));
    while ((n = recv(fd, chunk, sizeof chunk, 0)) > 0)
        assert_int_equal(pv_buf_add(out, chunk, (size_t)n), PV_OK);
    assert_int_equal(n, 0); /* not the time limit */
    close(fd);
}

static void get(const char *path, const char *more, pv_buf *out)
{
    char request[512];
    snprintf(request, sizeof request,
             "GET http://127.0.0.1:%d%s HTTP/1.1\r\nHost: x\r\n%sConnection: close\r\n\r\n",
             mirror_port, path, more);
    pv_buf_reset(out);
    talk(request, out);
}

static size_t requests(void)
{
    char path[128];
    pv_buf text;
    size_t count;
    snprintf(path, sizeof path, "%s/requests", base);
    pv_buf_init(&text, 65536);
    pv_file_read(&text, path, NULL);
    count = text.len;
    pv_buf_deinit(&text);
    return count;
}

static void assert_begins(const pv_buf *buf, const char *text)
{
    assert_true(buf->len >= strlen(text));
    if (strncmp(buf->data, text, strlen(text)) != 0)
        fail_msg("'%.60s' does not begin with '%s'", buf->data, text);
}

static void fetches_caches_and_passes_through(void **state)
{
    pv_buf out;
    size_t before;
    (void)state;
    pv_buf_init(&out, 64 * 1024 * 1024);
    get("/a.deb", "", &out);
    assert_begins(&out, "HTTP/1.1 200");
    assert_int_equal(out.len - pv_http_head_size((pv_bytes){out.data, out.len}), FILE_SIZE);
    before = requests();
    get("/a.deb", "", &out);
    assert_int_equal(out.len - pv_http_head_size((pv_bytes){out.data, out.len}), FILE_SIZE);
    assert_int_equal(requests(), before); /* from the cache */
    get("/a.deb", "Range: bytes=5-\r\n", &out);
    assert_int_equal(requests(), before + 1);
    get("/InRelease", "", &out);
    assert_non_null(strstr(out.data, "\r\n\r\nrelease"));
    get("/InRelease", "If-Modified-Since: then\r\n", &out);
    assert_begins(&out, "HTTP/1.1 304");
    get("/chunked", "", &out);
    assert_non_null(strstr(out.data, "hello"));
    get("/nothing.deb", "", &out);
    assert_begins(&out, "HTTP/1.1 404");
    get("/cut.deb", "", &out); /* the mirror broke off: the client must notice, nothing is kept */
    assert_int_equal(out.len - pv_http_head_size((pv_bytes){out.data, out.len}), 4);
    before = requests();
    get("/cut.deb", "", &out);
    assert_int_equal(requests(), before + 1);
    pv_buf_deinit(&out);
}

static void shares_one_fetch_among_many(void **state)
{
    enum { CLIENTS = 8 };
    pid_t clients[CLIENTS];
    size_t before = requests();
    (void)state;
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = fork();
        if (clients[i] == 0) {
            pv_buf out;
            pv_buf_init(&out, 64 * 1024 * 1024);
            get("/slow.deb", "", &out);
            _exit(out.len - pv_http_head_size((pv_bytes){out.data, out.len}) == FILE_SIZE ? 0 : 1);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        int ended;
        assert_int_equal(waitpid(clients[i], &ended, 0), clients[i]);
        assert_int_equal(ended, 0);
    }
    assert_int_equal(requests(), before + 1);
}

static void refuses_other_hosts_and_nonsense(void **state)
{
    pv_buf out, many;
    (void)state;
    pv_buf_init(&out, 64 * 1024 * 1024);
    pv_buf_init(&many, 64 * 1024 * 1024);
    talk("GET http://example.org/ HTTP/1.1\r\nConnection: close\r\n\r\n", &out);
    assert_begins(&out, "HTTP/1.1 403");
    pv_buf_reset(&out);
    talk("CONNECT example.org:443 HTTP/1.1\r\n\r\n", &out);
    assert_begins(&out, "HTTP/1.1 405");
    pv_buf_reset(&out);
    talk("POST http://127.0.0.1/ HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", &out);
    assert_begins(&out, "HTTP/1.1 400");
    pv_buf_reset(&out);
    talk("nonsense\r\n\r\n", &out);
    assert_begins(&out, "HTTP/1.1 400");
    /* Thousands of requests in one go, each refused at once. */
    for (int i = 0; i < 2000; i++) pv_buf_adds(&many, "GET http://a/ HTTP/1.1\r\n\r\n");
    pv_buf_adds(&many, "GET http://a/ HTTP/1.1\r\nConnection: close\r\n\r\n");
    pv_buf_reset(&out);
    talk(many.data, &out);
    assert_begins(&out, "HTTP/1.1 403");
    assert_true(out.len > 2001 * 50);
    pv_buf_deinit(&many);
    pv_buf_deinit(&out);
}

static void keeps_a_connection_for_pipelined_requests(void **state)
{
    char request[1024];
    pv_buf out;
    (void)state;
    pv_buf_init(&out, 64 * 1024 * 1024);
    snprintf(request, sizeof request,
             "GET http://127.0.0.1:%d/InRelease HTTP/1.1\r\n\r\nGET http://127.0.0.1:%d/a.deb "
             "HTTP/1.1\r\n\r\n"
             "GET http://127.0.0.1:%d/InRelease HTTP/1.1\r\nConnection: close\r\n\r\n",
             mirror_port, mirror_port, mirror_port);
    talk(request, &out);
    assert_non_null(memmem(out.data, out.len, "releaseHTTP/1.1 200", 19));
    assert_memory_equal(out.data + out.len - 7, "release", 7);
    assert_true(out.len > FILE_SIZE);
    pv_buf_deinit(&out);
}

static void survives_a_head_that_never_ends(void **state)
{
    int fd = dial_proxy();
    char junk[4096];
    pv_buf out;
    (void)state;
    memset(junk, 'a', sizeof junk);
    for (int i = 0; i < 64; i++) {
        if (send(fd, junk, sizeof junk, MSG_NOSIGNAL) < 0) break;
    }
    assert_true(recv(fd, junk, sizeof junk, 0) <= 0);
    assert_int_not_equal(errno, EAGAIN);
    close(fd);
    pv_buf_init(&out, 64 * 1024 * 1024);
    get("/InRelease", "", &out);
    assert_begins(&out, "HTTP/1.1 200");
    pv_buf_deinit(&out);
}

static void forwards_and_reports_taken_ports(void **state)
{
    char path[160], text[256], reply[16] = "";
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int port, guest_port, saved, listening, taken = listen_loopback(&port), fd, accepted;
    pv_err err;
    (void)state;
    snprintf(path, sizeof path, "%s/servers/web-1/server.conf", lab);
    snprintf(text, sizeof text, "id=web-1\nip=127.0.0.1\nport=127.0.0.1:%d:80\n", port);
    assert_int_equal(pv_file_replace(path, text, &err), PV_OK);
    assert_int_equal(pv_serve_reload(lab, "web-1", &err), PV_ECONFLICT);
    assert_int_equal(pv_serve_reload(lab, NULL, &err), PV_OK); /* somebody else's trouble */
    close(taken);
    assert_int_equal(pv_netns_enter(netns, &saved, &err),
                     PV_OK); /* a guest behind the lab's loopback */
    listening = listen_loopback(&guest_port);
    pv_netns_leave(saved);
    snprintf(text, sizeof text, "id=web-1\nip=127.0.0.1\nport=127.0.0.1:%d:%d\n", port, guest_port);
    assert_int_equal(pv_file_replace(path, text, &err), PV_OK);
    assert_int_equal(pv_serve_reload(lab, "web-1", &err), PV_OK);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_port = htons((uint16_t)port);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    accepted = accept(listening, NULL, NULL);
    send_text(fd, "ping");
    assert_int_equal(recv(accepted, reply, 4, MSG_WAITALL), 4);
    shutdown(fd, SHUT_WR);
    assert_int_equal(recv(accepted, reply, 4, 0), 0); /* half closed, the other way still open */
    send_all(accepted, "pong", 4);
    close(accepted);
    assert_int_equal(recv(fd, reply, 4, MSG_WAITALL), 4);
    assert_memory_equal(reply, "pong", 4);
    assert_int_equal(recv(fd, reply, 4, 0), 0);
    close(fd);
    close(listening);
    pv_serve_notify(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_a_mirror),
        cmocka_unit_test(fetches_caches_and_passes_through),
        cmocka_unit_test(shares_one_fetch_among_many),
        cmocka_unit_test(refuses_other_hosts_and_nonsense),
        cmocka_unit_test(keeps_a_connection_for_pipelined_requests),
        cmocka_unit_test(survives_a_head_that_never_ends),
        cmocka_unit_test(forwards_and_reports_taken_ports),
    };
    if (geteuid() != 0) {
        puts("SKIP the process of a lab: needs root for a network namespace");
        return 0;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
