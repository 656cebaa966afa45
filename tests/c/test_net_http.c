/* HTTP against a small server on the loopback, over TCP and over a Unix socket. */
#include "net_util.h"

#include <signal.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "net/http.h"

enum { BIG = 1 << 20 };

static pid_t server;
static int server_port;

static void send_text(int fd, const char *text)
{
    size_t len = strlen(text), sent = 0;
    while (sent < len) {
        ssize_t n = send(fd, text + sent, len - sent, MSG_NOSIGNAL);
        if (n <= 0) return;
        sent += (size_t)n;
    }
}

/* The whole request: its head and as much as Content-Length says. */
static int read_request(int fd, char *request, size_t size)
{
    size_t len = 0;
    for (;;) {
        ssize_t n = recv(fd, request + len, size - 1 - len, 0);
        const char *end, *length;
        if (n <= 0) return 0;
        len += (size_t)n;
        request[len] = '\0';
        end = strstr(request, "\r\n\r\n");
        length = strstr(request, "Content-Length: ");
        if (end == NULL) continue;
        if (length == NULL) return 1;
        if (len - (size_t)(end + 4 - request) >= strtoul(length + 16, NULL, 10)) return 1;
    }
}

static void respond(int fd, const char *request)
{
    static char big[BIG + 1];
    char head[256];
    if (strstr(request, " /echo?") != NULL) {
        snprintf(head, sizeof head,
                 "HTTP/1.1 201 Made\r\nX-A: b\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
                 strlen(request));
        send_text(fd, head);
        send_text(fd, request);
    } else if (strstr(request, " /moved ") != NULL) {
        send_text(fd, "HTTP/1.1 302 Found\r\nLocation: /echo?moved\r\nX-Old: 1\r\n"
                      "Connection: close\r\nContent-Length: 3\r\n\r\nold");
    } else if (strstr(request, " /big ") != NULL) {
        memset(big, 'x', BIG);
        snprintf(head, sizeof head,
                 "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", BIG);
        send_text(fd, head);
        send_text(fd, big);
    } else if (strstr(request, " /cut ") != NULL) {
        send_text(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\nhalf");
    } else if (strstr(request, " /never ") != NULL) {
        char byte;
        (void)!recv(fd, &byte, 1, 0); /* until the client goes away */
    } else if (strstr(request, " /nonsense ") != NULL) {
        send_text(fd, "HTTP/1.1 nonsense\r\n\r\n");
    } else {
        send_text(fd, "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    }
}

static void serve(int listening)
{
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        char request[16384];
        int fd = accept(listening, NULL, NULL);
        if (fd < 0) _exit(1);
        if (fork() == 0) {
            close(listening);
            if (read_request(fd, request, sizeof request)) respond(fd, request);
            _exit(0);
        }
        close(fd);
    }
}

static int start_server(void **state)
{
    int listening = loopback(&server_port, 64);
    (void)state;
    server = fork();
    if (server == 0) serve(listening);
    close(listening);
    return server > 0 ? 0 : -1;
}

static int stop_server(void **state)
{
    int ended;
    (void)state;
    kill(server, SIGKILL);
    return waitpid(server, &ended, 0) == server ? 0 : -1;
}

typedef struct outcome {
    int calls, status, pieces;
    size_t got;
    pv_buf headers, body;
    pv_err err;
} outcome;

static void on_done(void *arg, const pv_http_result *result, const pv_err *err)
{
    outcome *o = arg;
    o->calls++;
    assert_true((result == NULL) != (err == NULL));
    if (err != NULL) {
        o->err = *err;
        return;
    }
    o->status = result->status;
    pv_buf_add(&o->headers, result->headers.data, result->headers.len);
    pv_buf_add(&o->body, result->body.data, result->body.len);
}

static void on_data(void *arg, const char *data, size_t len)
{
    outcome *o = arg;
    assert_true(len > 0 && data[0] == 'x' && data[len - 1] == 'x');
    assert_int_equal(o->calls, 0);
    o->got += len;
    o->pieces++;
}

static void drop(outcome *o)
{
    pv_buf_deinit(&o->headers);
    pv_buf_deinit(&o->body);
}

static pv_http_req *start(pv_http *http, const char *path, pv_http_options options, outcome *o)
{
    char url[256];
    pv_http_req *req = NULL;
    pv_err err = {0};
    if (options.url == NULL) {
        snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server_port, path);
        options.url = url;
    }
    options.on_done = on_done;
    options.arg = o;
    *o = (outcome){0};
    if (pv_http_start(&req, http, &options, &err) != PV_OK) fail_msg("%s", err.msg);
    assert_non_null(req);
    assert_int_equal(o->calls, 0);
    return req;
}

static void fetch(fixture *f, const char *path, pv_http_options options, outcome *o)
{
    pv_http *http = pv_http_new(&f->loop);
    start(http, path, options, o);
    run_until(&f->loop, &o->calls);
    pv_http_close(http);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(o->calls, 1);
}

static void assert_status(const outcome *o, int status)
{
    if (o->status != status) fail_msg("status %d, %s", o->status, o->err.msg);
}

static void assert_has(const pv_buf *text, const char *part)
{
    if (text->data == NULL || strstr(text->data, part) == NULL)
        fail_msg("'%s' lacks '%s'", text->data != NULL ? text->data : "", part);
}

static void asks_and_answers(void **state)
{
    static const char *const headers[] = {"X-One: 1", "X-Empty:"};
    outcome o;
    fetch(*state, "/echo?a=b", (pv_http_options){.headers = headers, .header_count = 2}, &o);
    assert_status(&o, 201);
    assert_has(&o.headers, "X-A: b\r\n");
    assert_has(&o.body, "GET /echo?a=b HTTP/1.1\r\n");
    assert_has(&o.body, "\r\nX-One: 1\r\n");
    assert_has(&o.body, "\r\nX-Empty:\r\n");
    drop(&o);
    fetch(*state, "/echo?", (pv_http_options){.method = "PUT", .body = {"a\0body", 6}}, &o);
    assert_has(&o.body, "PUT /echo? ");
    assert_has(&o.body, "Content-Length: 6\r\n");
    assert_null(strstr(o.body.data, "Expect"));
    assert_null(strstr(o.body.data, "Content-Type"));
    drop(&o);
    fetch(*state, "/nothing", (pv_http_options){.method = "DELETE"}, &o);
    assert_status(&o, 404);
    assert_int_equal(o.body.len, 0);
    drop(&o);
}

static void follows_when_told(void **state)
{
    outcome o;
    fetch(*state, "/moved", (pv_http_options){0}, &o);
    assert_status(&o, 302);
    assert_has(&o.body, "old");
    drop(&o);
    fetch(*state, "/moved", (pv_http_options){.redirects = 3}, &o);
    assert_status(&o, 201);
    assert_has(&o.body, "GET /echo?moved ");
    assert_null(strstr(o.headers.data, "X-Old")); /* only those of the last response */
    drop(&o);
}

static void hands_bodies_on(void **state)
{
    outcome o;
    fetch(*state, "/big", (pv_http_options){.on_data = on_data}, &o);
    assert_status(&o, 200);
    assert_int_equal(o.got, BIG);
    assert_int_equal(o.body.len, 0);
    drop(&o);
    fetch(*state, "/big", (pv_http_options){.max_body = BIG}, &o);
    assert_int_equal(o.body.len, BIG);
    drop(&o);
    fetch(*state, "/big", (pv_http_options){.max_body = BIG - 1}, &o);
    assert_says(&o.err, PV_ELIMIT, "larger than 1048575 bytes");
    fetch(*state, "/big", (pv_http_options){.max_body = 1000, .on_data = on_data}, &o);
    assert_int_equal(o.err.status, PV_ELIMIT);
}

static void reports_what_fails(void **state)
{
    int port, unused = loopback(&port, -1);
    char url[128];
    outcome o;
    fetch(*state, "/cut", (pv_http_options){0}, &o);
    assert_int_equal(o.err.status, PV_EUNAVAILABLE);
    fetch(*state, "/nonsense", (pv_http_options){0}, &o);
    assert_int_equal(o.err.status, PV_EPROTO);
    fetch(*state, "/never", (pv_http_options){.timeout_ms = 200}, &o);
    assert_int_equal(o.err.status, PV_ETIMEOUT);
    snprintf(url, sizeof url, "http://user:word@127.0.0.1:%d/path?token=hidden", port);
    fetch(*state, NULL, (pv_http_options){.url = url}, &o);
    assert_says(&o.err, PV_EUNAVAILABLE, "/path: ");
    assert_null(strstr(o.err.msg, "word"));
    assert_null(strstr(o.err.msg, "hidden"));
    close(unused);
    if (geteuid() == 0) {
        fetch(*state, "/", (pv_http_options){.netns = "/nonexistent/ns"}, &o);
        assert_says(&o.err, PV_ENOTFOUND, "/nonexistent/ns");
    }
}

static void refuses_malformed_options(void **state)
{
    static const char *const split[] = {"X: a\r\nY: b"};
    static const char *const bare[] = {"no colon"};
    const pv_http_options wrong[] = {
        {.url = NULL},
        {.url = "ftp://127.0.0.1/"},
        {.url = "not a url"},
        {.url = "http://127.0.0.1/", .method = "get"},
        {.url = "http://127.0.0.1/", .method = ""},
        {.url = "http://127.0.0.1/", .headers = split, .header_count = 1},
        {.url = "http://127.0.0.1/", .headers = bare, .header_count = 1},
    };
    fixture *f = *state;
    pv_http *http = pv_http_new(&f->loop);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        pv_http_req *req = (pv_http_req *)1;
        pv_err err = {0};
        assert_int_equal(pv_http_start(&req, http, &wrong[i], &err), PV_EINVAL);
        assert_null(req);
        assert_int_equal(err.status, PV_EINVAL);
    }
    pv_http_close(http);
    pv_http_close(NULL);
}

static void is_canceled(void **state)
{
    fixture *f = *state;
    pv_http *http = pv_http_new(&f->loop);
    outcome early, late, whole;
    pv_http_req *req = start(http, "/never", (pv_http_options){0}, &early);
    pv_http_cancel(req); /* before anything was sent */
    pv_http_cancel(req);
    assert_int_equal(early.calls, 0);
    run_until(&f->loop, &early.calls);
    assert_says(&early.err, PV_ECANCELED, "canceled");
    req = start(http, "/never", (pv_http_options){0}, &late);
    start(http, "/echo?", (pv_http_options){0}, &whole);
    run_until(&f->loop, &whole.calls);
    assert_int_equal(late.calls, 0);
    pv_http_cancel(req); /* while it waits */
    run_until(&f->loop, &late.calls);
    assert_int_equal(late.err.status, PV_ECANCELED);
    assert_status(&whole, 201);
    drop(&whole);
    /* An idle client does not keep the loop alive. */
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    pv_http_close(http);
}

static void is_closed_under_requests(void **state)
{
    fixture *f = *state;
    pv_http *http = pv_http_new(&f->loop);
    outcome many[5];
    for (int i = 0; i < 5; i++) start(http, "/never", (pv_http_options){0}, &many[i]);
    for (int i = 0; i < 20; i++) uv_run(&f->loop, UV_RUN_NOWAIT);
    pv_http_close(http);
    for (int i = 0; i < 5; i++) assert_int_equal(many[i].calls, 0);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(many[i].calls, 1);
        assert_int_equal(many[i].err.status, PV_ECANCELED);
    }
}

static void uses_a_unix_socket(void **state)
{
    fixture *f = *state;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), ended;
    pid_t child;
    outcome o;
    snprintf(a.sun_path, sizeof a.sun_path, "%s/socket", f->dir);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 4), 0);
    child = fork();
    if (child == 0) serve(fd);
    close(fd);
    fetch(f, NULL, (pv_http_options){.url = "http://any/echo?unix", .socket = a.sun_path}, &o);
    assert_status(&o, 201);
    assert_has(&o.body, "GET /echo?unix ");
    drop(&o);
    kill(child, SIGKILL);
    waitpid(child, &ended, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(asks_and_answers, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(follows_when_told, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(hands_bodies_on, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(reports_what_fails, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(refuses_malformed_options, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(is_canceled, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(is_closed_under_requests, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(uses_a_unix_socket, net_setup, net_teardown),
    };
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
