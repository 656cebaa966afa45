#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "linux/fetch.h"
#include "linux/serve.h"
#include "linux/serve_parts.h"
#include "linux/upstream.h"

enum {
    LARGEST_INPUT = 65536,
    HOST_CAP = 256,
    PATH_CAP = 2048,
    IDLE_MS = 120000,
    HIGH_WATER = 262144
};

/* What a request line asks for. */
typedef struct target {
    char host[HOST_CAP];
    int port;
    char path[PATH_CAP];
    int is_head;
    int is_connect;
} target;

/* A server that talks to the proxy; one request at a time, in the order they came. */
typedef struct client {
    pv_serve *serve;
    uv_tcp_t tcp;
    uv_timer_t timer;
    int open;   /* of the two handles */
    int busy;   /* with a request */
    int last;   /* the connection ends with this response */
    int taking; /* requests out of `in`, further up the stack */
    pv_buf in;
    /* passed through */
    pv_upstream *up;
    size_t unsent;
    /* from the cache */
    pv_fetch *fetch;
    pv_fetch_reader reader;
    int head_sent, sending;
    long long sent;
} client;

/* Bytes on their way to a client. */
typedef struct sending {
    uv_write_t req;
    client *client;
    size_t len;
    char bytes[];
} sending;

static void next_request(client *c);

static void on_closed(uv_handle_t *handle)
{
    client *c = handle->data;
    if (--c->open > 0) return;
    c->serve->clients--;
    pv_buf_deinit(&c->in);
    pv_free(c);
}

static void drop(client *c)
{
    if (uv_is_closing((uv_handle_t *)&c->tcp)) return;
    pv_upstream_close(c->up);
    c->up = NULL;
    if (c->fetch != NULL) pv_fetch_leave(c->fetch, &c->reader);
    c->fetch = NULL;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
    uv_close((uv_handle_t *)&c->timer, on_closed);
}

static void on_idle(uv_timer_t *timer)
{
    client *c = timer->data;
    if (c->busy) uv_timer_start(timer, on_idle, IDLE_MS, 0); /* upstream has its own limit */
    else drop(c);
}

static void finish(client *c)
{
    c->busy = 0;
    c->up = NULL;
    if (c->last && c->unsent == 0 && !c->sending) drop(c);
    else if (!c->last) next_request(c);
}

static void pump(client *c);

static void on_sent(uv_write_t *req, int status)
{
    sending *s = req->data;
    client *c = s->client;
    c->unsent -= s->len;
    c->sending = 0;
    pv_free(s);
    if (uv_is_closing((uv_handle_t *)&c->tcp)) return;
    if (status != 0 || (!c->busy && c->last && c->unsent == 0)) drop(c);
    else if (c->fetch != NULL) pump(c);
    else if (c->up != NULL && c->unsent < HIGH_WATER / 2) pv_upstream_pause(c->up, 0);
}

/* Sends what s holds and takes it over. */
static void send_off(client *c, sending *s)
{
    uv_buf_t out = uv_buf_init(s->bytes, (unsigned)s->len);
    s->client = c;
    s->req.data = s;
    c->unsent += s->len;
    if (uv_write(&s->req, (uv_stream_t *)&c->tcp, &out, 1, on_sent) != 0) {
        c->unsent -= s->len;
        pv_free(s);
        drop(c);
    }
}

static void send_bytes(client *c, pv_bytes bytes)
{
    sending *s;
    if (bytes.len == 0) return;
    s = pv_alloc(sizeof *s + bytes.len);
    s->len = bytes.len;
    memcpy(s->bytes, bytes.data, bytes.len);
    send_off(c, s);
}

static void answer(client *c, const char *status, const char *text)
{
    char head[1024];
    int len = snprintf(head, sizeof head,
                       "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s",
                       status, strlen(text), text);
    send_bytes(c, (pv_bytes){head, (size_t)len});
    if (!uv_is_closing((uv_handle_t *)&c->tcp)) finish(c);
}

/* Passing through -------------------------------------------------------------------------- */

static void copy_field(void *arg, pv_bytes line)
{
    pv_buf *out = arg;
    static const char *const own[] = {"Connection", "Keep-Alive", "Proxy-Connection",
                                      "Proxy-Authorization"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (pv_http_is(line, own[i])) return;
    }
    pv_buf_add(out, line.data, line.len);
    pv_buf_adds(out, "\r\n");
}

static void on_head(void *arg, int status, pv_http_head head, long long length)
{
    client *c = arg;
    const char *end = memmem(head.text, head.len, "\r\n", 2);
    pv_buf out;
    (void)status;
    pv_buf_init(&out, LARGEST_INPUT);
    pv_buf_add(&out, head.text, (size_t)(end - head.text) + 2);
    pv_http_each(head, copy_field, &out);
    if (length < 0) c->last = 1;
    pv_buf_adds(&out, length < 0 ? "Connection: close\r\n\r\n" : "\r\n");
    c->head_sent = 1;
    send_bytes(c, (pv_bytes){out.data, out.len});
    pv_buf_deinit(&out);
}

static void on_body(void *arg, pv_bytes bytes)
{
    client *c = arg;
    if (uv_is_closing((uv_handle_t *)&c->tcp)) return;
    send_bytes(c, bytes);
    if (c->up != NULL && c->unsent > HIGH_WATER) pv_upstream_pause(c->up, 1);
}

static void on_end(void *arg, int ok)
{
    client *c = arg;
    c->up = NULL;
    if (uv_is_closing((uv_handle_t *)&c->tcp)) return;
    if (ok) finish(c);
    else if (!c->head_sent) answer(c, "502 Bad Gateway", "the mirror cannot be reached\n");
    else drop(c);
}

/* From the cache --------------------------------------------------------------------------- */

static void leave(client *c)
{
    pv_fetch_leave(c->fetch, &c->reader);
    c->fetch = NULL;
}

static void send_chunk(client *c)
{
    sending *s = pv_alloc(sizeof *s + PV_SERVE_CHUNK);
    ssize_t n = pv_fetch_read(c->fetch, c->sent, s->bytes, PV_SERVE_CHUNK);
    if (n <= 0) {
        pv_free(s);
        drop(c);
        return;
    }
    s->len = (size_t)n;
    c->sent += n;
    c->sending = 1;
    send_off(c, s);
}

/* Sends the next piece when there is one and the last one has left. */
static void pump(client *c)
{
    pv_fetch_state state = pv_fetch_get_state(c->fetch);
    if (c->sending || state == PV_FETCH_HEAD) return;
    if (state == PV_FETCH_REFUSED) {
        char status[160];
        snprintf(status, sizeof status, "%s", pv_fetch_refusal(c->fetch));
        leave(c);
        answer(c, status, "");
        return;
    }
    if (state == PV_FETCH_FAILED) {
        leave(c);
        if (c->head_sent) drop(c);
        else answer(c, "502 Bad Gateway", "the mirror cannot be reached\n");
        return;
    }
    if (!c->head_sent) {
        char head[256];
        int len = snprintf(head, sizeof head,
                           "HTTP/1.1 200 OK\r\nContent-Type: "
                           "application/octet-stream\r\nContent-Length: %lld\r\n\r\n",
                           pv_fetch_size(c->fetch));
        c->head_sent = 1;
        send_bytes(c, (pv_bytes){head, (size_t)len});
        if (c->fetch == NULL) return;
    }
    if (c->sent < pv_fetch_got(c->fetch)) {
        send_chunk(c);
    } else if (state == PV_FETCH_DONE) {
        leave(c);
        finish(c);
    }
}

static void on_more(pv_fetch_reader *reader)
{
    client *c = (client *)(void *)((char *)reader - offsetof(client, reader));
    pump(c);
}

/* Requests --------------------------------------------------------------------------------- */

static int parse_authority(char *text, int port, target *t)
{
    char *colon = strrchr(text, ':');
    if (colon != NULL) {
        *colon = '\0';
        port = atoi(colon + 1);
    }
    if (*text == '\0' || strlen(text) >= sizeof t->host || port < 1 || port > 65535) return 0;
    if (strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") !=
        strlen(text))
        return 0;
    strcpy(t->host, text);
    t->port = port;
    return 1;
}

/* "GET http://host[:port]/path HTTP/1.1", "CONNECT host:443 HTTP/1.1" */
static int parse_target(pv_http_head head, target *t)
{
    char line[PATH_CAP + HOST_CAP], method[16], url[PATH_CAP + HOST_CAP], *slash;
    const char *end = memmem(head.text, head.len, "\r\n", 2);
    size_t len = (size_t)(end - head.text);
    if (len >= sizeof line || memchr(head.text, '\0', len) != NULL) return 0;
    memcpy(line, head.text, len);
    line[len] = '\0';
    if (sscanf(line, "%15s %2303s", method, url) != 2 ||
        strncmp(line + len - (len > 8 ? 8 : len), "HTTP/1.", 7) != 0)
        return 0;
    t->is_connect = strcmp(method, "CONNECT") == 0;
    t->is_head = strcmp(method, "HEAD") == 0;
    if (t->is_connect) return parse_authority(url, 443, t);
    if (!t->is_head && strcmp(method, "GET") != 0) return 0;
    if (strncasecmp(url, "http://", 7) != 0) return 0;
    slash = strchr(url + 7, '/');
    if (slash == NULL || strlen(slash) >= sizeof t->path) return 0;
    strcpy(t->path, slash);
    *slash = '\0';
    return parse_authority(url + 7, 80, t);
}

static int is_allowed(const pv_serve *serve, const target *t)
{
    char with_port[HOST_CAP + 8];
    int usual = t->port == (t->is_connect ? 443 : 80);
    snprintf(with_port, sizeof with_port, "%s:%d", t->host, t->port);
    for (char **allow = serve->allow; allow != NULL && *allow != NULL; allow++) {
        if (strcasecmp(*allow, usual ? t->host : with_port) == 0) return 1;
    }
    return 0;
}

static void start_request(client *c, const target *t, pv_http_head head)
{
    static const pv_upstream_events events = {on_head, on_body, on_end};
    pv_buf request;
    pv_bytes bytes;
    c->head_sent = 0;
    c->sent = 0;
    pv_buf_init(&request, LARGEST_INPUT + PATH_CAP);
    pv_buf_addf(&request, "%s %s HTTP/1.1\r\n", t->is_head ? "HEAD" : "GET", t->path);
    pv_http_each(head, copy_field, &request);
    pv_buf_adds(&request, "Connection: close\r\n\r\n");
    bytes = (pv_bytes){request.data, request.len};
    if (!t->is_head && pv_fetch_cacheable(t->path) && pv_http_field(head, "Range").data == NULL) {
        c->reader.on_more = on_more;
        c->fetch = pv_fetch_join(c->serve, t->host, t->port, t->path, bytes, &c->reader);
    }
    if (c->fetch == NULL)
        c->up = pv_upstream_open(c->serve, t->host, t->port, bytes, t->is_head, &events, c);
    pv_buf_deinit(&request);
}

/* Takes the next whole request out of what came in; 0 when there is none to take now. */
static int take_request(client *c)
{
    target t;
    pv_http_head head = {c->in.data, pv_http_head_size((pv_bytes){c->in.data, c->in.len})};
    pv_bytes connection;
    int ok;
    if (c->busy || c->last || head.len == 0 || uv_is_closing((uv_handle_t *)&c->tcp)) return 0;
    memset(&t, 0, sizeof t);
    c->busy = 1;
    ok = parse_target(head, &t) && pv_http_field(head, "Transfer-Encoding").data == NULL;
    connection = pv_http_field(head, "Connection");
    c->last = connection.len == 5 && strncasecmp(connection.data, "close", 5) == 0;
    if (!ok || t.is_connect) {
        c->last = 1; /* what follows may be a body */
        pv_buf_reset(&c->in);
        answer(c, ok ? "405 Method Not Allowed" : "400 Bad Request",
               "this proxy only fetches packages over http\n");
        return 1;
    }
    if (!is_allowed(c->serve, &t)) {
        pv_buf_consume(&c->in, head.len);
        answer(c, "403 Forbidden", "not a package source of this machine\n");
        return 1;
    }
    start_request(c, &t, head);
    pv_buf_consume(&c->in, head.len);
    if (c->fetch != NULL) pump(c);
    return 1;
}

/* A request that is refused at once makes room for the next one: a loop, not a recursion, because
 * the other side decides how many there are. */
static void next_request(client *c)
{
    if (c->taking) return;
    c->taking = 1;
    while (take_request(c)) {
    }
    c->taking = 0;
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    client *c = handle->data;
    char *room = pv_buf_reserve(&c->in, 4096);
    (void)size;
    *buf = uv_buf_init(room, room != NULL ? 4096 : 0);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    client *c = stream->data;
    (void)buf;
    if (n < 0) {
        drop(c); /* also UV_ENOBUFS: more than LARGEST_INPUT before an answer */
        return;
    }
    c->in.len += (size_t)n;
    uv_timer_start(&c->timer, on_idle, IDLE_MS, 0);
    next_request(c);
}

static void on_client(pv_serve *serve, int fd, void *arg)
{
    client *c = pv_alloc(sizeof *c);
    (void)arg;
    c->serve = serve;
    c->open = 2;
    serve->clients++;
    pv_buf_init(&c->in, LARGEST_INPUT);
    c->tcp.data = c->timer.data = c;
    uv_tcp_init(&serve->loop, &c->tcp);
    uv_timer_init(&serve->loop, &c->timer);
    uv_timer_start(&c->timer, on_idle, IDLE_MS, 0);
    if (uv_tcp_open(&c->tcp, fd) != 0) {
        close(fd);
        drop(c);
        return;
    }
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

pv_status pv_proxy_open(pv_serve *serve, pv_err *err)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PV_SERVE_PROXY_PORT)};
    int fd = pv_serve_lab_socket(serve, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) != 0 || listen(fd, 256) != 0) {
        int error = errno;
        if (fd >= 0) close(fd);
        return pv_fail_errno(err, error, "cannot listen for servers in the lab");
    }
    pv_listener_open(serve, fd, on_client, NULL);
    return PV_OK;
}
