#include "linux/upstream.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { LARGEST_HEAD = 32768, SILENCE_MS = 60000, PORT_DIGITS = 8 };

struct pv_upstream {
    pv_serve *serve;
    uv_tcp_t tcp;
    uv_timer_t timer; /* runs out when nothing moves */
    uv_getaddrinfo_t lookup;
    uv_connect_t connect;
    uv_write_t write;
    struct addrinfo *addresses, *next;
    int looking; /* the look-up still holds this struct */
    int open;    /* of handles: tcp, timer */
    int ended;   /* on_end was called or is not wanted */
    int paused;
    int in_body;
    int is_head;
    long long left; /* of the body; -1 until the connection ends */
    char *request;
    size_t request_len;
    pv_buf head;
    pv_upstream_events events;
    void *arg;
    char chunk[PV_SERVE_CHUNK];
};

static void free_when_done(pv_upstream *up)
{
    if (up->open > 0 || up->looking) return;
    if (up->addresses != NULL) uv_freeaddrinfo(up->addresses);
    pv_buf_deinit(&up->head);
    pv_free(up->request);
    pv_free(up);
}

static void on_closed(uv_handle_t *handle)
{
    pv_upstream *up = handle->data;
    up->open--;
    free_when_done(up);
}

static void shut(pv_upstream *up)
{
    if (up->looking) uv_cancel((uv_req_t *)&up->lookup);
    if (!uv_is_closing((uv_handle_t *)&up->timer)) uv_close((uv_handle_t *)&up->timer, on_closed);
    if (!uv_is_closing((uv_handle_t *)&up->tcp)) uv_close((uv_handle_t *)&up->tcp, on_closed);
}

static void end(pv_upstream *up, int ok)
{
    if (up->ended) return;
    up->ended = 1;
    shut(up);
    up->events.on_end(up->arg, ok);
}

static void on_silence(uv_timer_t *timer)
{
    pv_upstream *up = timer->data;
    if (!up->paused) end(up, 0);
    else uv_timer_start(timer, on_silence, SILENCE_MS, 0);
}

/* "HTTP/1.1 200 OK" -> 200, 0 when malformed */
static int status_of(pv_http_head head)
{
    if (head.len < 13 || strncmp(head.text, "HTTP/1.", 7) != 0) return 0;
    for (int i = 9; i < 12; i++) {
        if (!isdigit((unsigned char)head.text[i])) return 0;
    }
    return atoi(head.text + 9);
}

static long long body_length(const pv_upstream *up, int status, pv_http_head head)
{
    pv_bytes length = pv_http_field(head, "Content-Length");
    char text[24];
    if (up->is_head || status == 204 || status == 304) return 0;
    if (pv_http_field(head, "Transfer-Encoding").data != NULL || length.data == NULL) return -1;
    snprintf(text, sizeof text, "%.*s", (int)(length.len < sizeof text ? length.len : 0),
             length.data);
    return strspn(text, "0123456789") == strlen(text) && text[0] != '\0' ? atoll(text) : -1;
}

static void take_body(pv_upstream *up, pv_bytes bytes)
{
    if (up->left >= 0 && (long long)bytes.len > up->left) bytes.len = (size_t)up->left;
    if (up->left > 0) up->left -= (long long)bytes.len;
    if (bytes.len > 0) up->events.on_body(up->arg, bytes);
    if (up->left == 0) end(up, 1);
}

static void take_head(pv_upstream *up)
{
    pv_http_head head = {up->head.data, pv_http_head_size((pv_bytes){up->head.data, up->head.len})};
    int status;
    if (head.len == 0) {
        if (up->head.len >= LARGEST_HEAD) end(up, 0);
        return;
    }
    status = status_of(head);
    if (status >= 100 && status < 200) { /* the real one follows */
        pv_buf_consume(&up->head, head.len);
        take_head(up);
        return;
    }
    if (status == 0) {
        end(up, 0);
        return;
    }
    up->in_body = 1;
    up->left = body_length(up, status, head);
    up->events.on_head(up->arg, status, head, up->left);
    if (!up->ended) take_body(up, (pv_bytes){up->head.data + head.len, up->head.len - head.len});
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    pv_upstream *up = handle->data;
    (void)size;
    *buf = uv_buf_init(up->chunk, sizeof up->chunk);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    pv_upstream *up = stream->data;
    if (n == 0 || up->ended) return;
    uv_timer_start(&up->timer, on_silence, SILENCE_MS, 0);
    if (n < 0) {
        end(up, n == UV_EOF && up->in_body && up->left < 0);
    } else if (up->in_body) {
        take_body(up, (pv_bytes){buf->base, (size_t)n});
    } else {
        if (pv_buf_add(&up->head, buf->base, (size_t)n) != PV_OK) end(up, 0);
        else take_head(up);
    }
}

static void on_sent(uv_write_t *req, int status)
{
    pv_upstream *up = req->data;
    if (status != 0) end(up, 0);
}

static void dial(pv_upstream *up);

static void on_connected(uv_connect_t *req, int status)
{
    pv_upstream *up = req->data;
    uv_buf_t out = uv_buf_init(up->request, (unsigned)up->request_len);
    if (up->ended) return;
    if (status != 0) {
        end(up, 0);
        return;
    }
    up->write.data = up;
    uv_timer_start(&up->timer, on_silence, SILENCE_MS, 0);
    if (uv_write(&up->write, (uv_stream_t *)&up->tcp, &out, 1, on_sent) != 0 ||
        uv_read_start((uv_stream_t *)&up->tcp, on_alloc, on_read) != 0) {
        end(up, 0);
    }
}

/* Mirrors without a route (IPv6 here) are refused at once, so the next address gets its turn. */
static void dial(pv_upstream *up)
{
    up->connect.data = up;
    while (up->next != NULL) {
        const struct sockaddr *address = up->next->ai_addr;
        up->next = up->next->ai_next;
        if (uv_tcp_connect(&up->connect, &up->tcp, address, on_connected) == 0) return;
    }
    end(up, 0);
}

static void on_found(uv_getaddrinfo_t *req, int status, struct addrinfo *addresses)
{
    pv_upstream *up = req->data;
    up->looking = 0;
    up->addresses = up->next = addresses;
    if (up->ended) free_when_done(up);
    else if (status != 0) end(up, 0);
    else dial(up);
}

pv_upstream *pv_upstream_open(pv_serve *serve, const char *host, int port, pv_bytes request,
                              int is_head, const pv_upstream_events *events, void *arg)
{
    pv_upstream *up = pv_alloc(sizeof *up);
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    char digits[PORT_DIGITS];
    up->serve = serve;
    up->events = *events;
    up->arg = arg;
    up->is_head = is_head;
    up->request = pv_memdup(request.data, request.len);
    up->request_len = request.len;
    pv_buf_init(&up->head, LARGEST_HEAD + PV_SERVE_CHUNK);
    up->tcp.data = up->timer.data = up->lookup.data = up;
    uv_tcp_init(&serve->loop, &up->tcp);
    uv_timer_init(&serve->loop, &up->timer);
    up->open = 2;
    uv_timer_start(&up->timer, on_silence, SILENCE_MS, 0);
    snprintf(digits, sizeof digits, "%d", port);
    up->looking = 1;
    if (uv_getaddrinfo(&serve->loop, &up->lookup, on_found, host, digits, &hints) != 0) {
        up->looking = 0;
        uv_timer_start(&up->timer, on_silence, 0, 0);
    }
    return up;
}

void pv_upstream_pause(pv_upstream *up, int paused)
{
    if (up->paused == paused || up->ended || !up->in_body) return;
    up->paused = paused;
    if (paused) uv_read_stop((uv_stream_t *)&up->tcp);
    else uv_read_start((uv_stream_t *)&up->tcp, on_alloc, on_read);
}

void pv_upstream_close(pv_upstream *up)
{
    if (up == NULL || up->ended) return;
    up->ended = 1;
    shut(up);
}
