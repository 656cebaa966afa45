#include <stdlib.h>

#include "base/mem.h"
#include "net/handle.h"
#include "net/http_internal.h"

enum { IDLE_CONNECTIONS = 32 };

/* A socket curl wants watched. */
typedef struct watched {
    uv_poll_t poll;
    pv_http *http;
    curl_socket_t fd;
} watched;

/* Idle, the client's handles do not keep the loop alive. */
static void hold_loop(pv_http *http, int hold)
{
    void (*set)(uv_handle_t *) = hold ? uv_ref : uv_unref;
    set((uv_handle_t *)&http->timer);
    set((uv_handle_t *)&http->kick);
}

static void unref(pv_http *http)
{
    if (--http->refs > 0) return;
    if (http->multi != NULL) curl_multi_cleanup(http->multi);
    pv_free(http);
}

/* Hands pieces of bodies and finished requests to their owners, who may start, cancel or close
 * anything. */
static void deliver(pv_http *http)
{
    pv_http_req *req = http->requests;
    http->refs++;
    while (req != NULL) {
        pv_http_req *next;
        if (req->on_data != NULL && req->body.len > 0 && !req->ended) {
            pv_buf taken = req->body;
            pv_buf_init(&req->body, taken.max);
            req->on_data(req->arg, taken.data, taken.len);
            pv_buf_deinit(&taken);
        }
        next = req->next;
        if (req->ended) {
            pv_http_result result = {req->status,
                                     {req->headers.data, req->headers.len},
                                     {req->body.data, req->body.len}};
            if (result.headers.data == NULL) result.headers.data = "";
            if (result.body.data == NULL) result.body.data = "";
            req->on_done(req->arg, req->err.status == PV_OK ? &result : NULL,
                         req->err.status == PV_OK ? NULL : &req->err);
            next = req->next;
            if (req->prev != NULL) req->prev->next = req->next;
            else http->requests = req->next;
            if (req->next != NULL) req->next->prev = req->prev;
            http_req_free(req);
            unref(http);
        }
        req = next;
    }
    if (http->requests == NULL && !http->closed) hold_loop(http, 0);
    unref(http);
}

/* Ends what curl has finished. A body handed on piece by piece is complete before on_done. */
static void collect(pv_http *http)
{
    CURLMsg *message;
    int left;
    while (http->multi != NULL && (message = curl_multi_info_read(http->multi, &left)) != NULL) {
        pv_http_req *req = NULL;
        CURLcode code = message->data.result;
        CURL *easy = message->easy_handle;
        if (message->msg != CURLMSG_DONE) continue;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&req);
        curl_multi_remove_handle(http->multi, easy);
        if (req->on_data != NULL && req->body.len > 0) {
            req->on_data(req->arg, req->body.data, req->body.len);
            pv_buf_reset(&req->body);
        }
        if (!req->ended) http_req_finish(req, code);
    }
    deliver(http);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    watched *w = PV_OWNER(poll, watched, poll);
    pv_http *http = w->http;
    int flags = 0, running;
    if (http->multi == NULL) return;
    if (status < 0) flags = CURL_CSELECT_ERR;
    if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
    curl_multi_socket_action(http->multi, w->fd, flags, &running);
    collect(http);
}

static void on_timer(uv_timer_t *timer)
{
    pv_http *http = PV_OWNER(timer, pv_http, timer);
    int running;
    if (http->multi == NULL) return;
    curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(http);
}

static void on_kick(uv_idle_t *kick)
{
    uv_idle_stop(kick);
    deliver(PV_OWNER(kick, pv_http, kick));
}

static void on_watched_closed(uv_handle_t *handle)
{
    watched *w = PV_OWNER(handle, watched, poll);
    unref(w->http);
    pv_free(w);
}

static int curl_wants_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
    pv_http *http = arg;
    watched *w = socket;
    int events = 0;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL) uv_close((uv_handle_t *)&w->poll, on_watched_closed);
        curl_multi_assign(http->multi, fd, NULL);
        return 0;
    }
    if (w == NULL) {
        w = pv_alloc(sizeof *w);
        w->http = http;
        w->fd = fd;
        if (uv_poll_init(http->loop, &w->poll, fd) != 0) {
            pv_free(w);
            return -1;
        }
        http->refs++;
        curl_multi_assign(http->multi, fd, w);
    }
    if (what & CURL_POLL_IN) events |= UV_READABLE;
    if (what & CURL_POLL_OUT) events |= UV_WRITABLE;
    uv_poll_start(&w->poll, events, on_ready);
    return 0;
}

static int curl_wants_timer(CURLM *multi, long ms, void *arg)
{
    pv_http *http = arg;
    (void)multi;
    if (http->closed) return 0;
    if (ms < 0) {
        uv_timer_stop(&http->timer);
    } else {
        uv_update_time(http->loop);
        uv_timer_start(&http->timer, on_timer, (uint64_t)ms, 0);
    }
    return 0;
}

pv_http *pv_http_new(uv_loop_t *loop)
{
    pv_http *http = pv_alloc(sizeof *http);
    http->loop = loop;
    http->multi = curl_multi_init();
    if (http->multi == NULL) abort();
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, curl_wants_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, curl_wants_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS);
    uv_timer_init(loop, &http->timer);
    uv_idle_init(loop, &http->kick);
    hold_loop(http, 0);
    http->refs = 2;
    return http;
}

static void on_timer_closed(uv_handle_t *handle)
{
    unref(PV_OWNER(handle, pv_http, timer));
}

static void on_kick_closed(uv_handle_t *handle)
{
    pv_http *http = PV_OWNER(handle, pv_http, kick);
    deliver(http);
    unref(http);
}

void pv_http_close(pv_http *http)
{
    if (http == NULL || http->closed) return;
    for (pv_http_req *req = http->requests; req != NULL; req = req->next) pv_http_cancel(req);
    http->closed = 1;
    curl_multi_cleanup(http->multi);
    http->multi = NULL;
    uv_close((uv_handle_t *)&http->timer, on_timer_closed);
    uv_close((uv_handle_t *)&http->kick, on_kick_closed);
}

pv_status pv_http_start(pv_http_req **out, pv_http *http, const pv_http_options *options,
                        pv_err *err)
{
    pv_http_req *req;
    pv_status status;
    *out = NULL;
    if (http->closed) return pv_fail(err, PV_ECLOSED, "the HTTP client is closed");
    if ((status = http_req_new(&req, options, err)) != PV_OK) return status;
    if (http->requests == NULL) hold_loop(http, 1);
    req->http = http;
    http->refs++;
    req->next = http->requests;
    if (req->next != NULL) req->next->prev = req;
    http->requests = req;
    curl_multi_add_handle(http->multi, req->easy); /* asks for a timer, so nothing happens yet */
    *out = req;
    return PV_OK;
}

void pv_http_cancel(pv_http_req *req)
{
    if (req->ended) return;
    curl_multi_remove_handle(req->http->multi, req->easy);
    pv_fail(&req->err, PV_ECANCELED, "%s: canceled", req->name);
    req->ended = 1;
    uv_idle_start(&req->http->kick, on_kick);
}
