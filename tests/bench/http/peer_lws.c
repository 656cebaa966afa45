/* libwebsockets on a foreign loop. */
#include "bench.h"

#include <libwebsockets.h>

static const char body[] = BODY;
static uv_loop_t loop;

static int has_body(struct lws *wsi)
{
    return lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) > 0;
}

/* A request with a body is answered when that has come. */
static int cb(struct lws *wsi, enum lws_callback_reasons r, void *user, void *in, size_t len)
{
    unsigned char buf[LWS_PRE + 512], *start = buf + LWS_PRE, *p = start,
                                      *end = buf + sizeof buf - 1;
    (void)user;
    switch (r) {
    case LWS_CALLBACK_HTTP:
        if (has_body(wsi)) return 0;
        /* fall through */
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        if (lws_add_http_common_headers(wsi, 200, "application/json", sizeof body - 1, &p, end))
            return 1;
        if (lws_finalize_write_http_header(wsi, start, &p, end)) return 1;
        lws_callback_on_writable(wsi);
        return 0;
    case LWS_CALLBACK_HTTP_WRITEABLE:
        memcpy(start, body, sizeof body - 1);
        if (lws_write(wsi, start, sizeof body - 1, LWS_WRITE_HTTP_FINAL) < 0) return 1;
        return lws_http_transaction_completed(wsi) ? -1 : 0;
    default: return lws_callback_http_dummy(wsi, r, user, in, len);
    }
}

int main(int c, char **v)
{
    static struct lws_protocols pr[] = {{"http", cb, 0, 0, 0, NULL, 0}, {0}};
    struct lws_context_creation_info i;
    void *fl[1] = {&loop};
    (void)c;
    uv_loop_init(&loop);
    memset(&i, 0, sizeof i);
    lws_set_log_level(LLL_ERR, NULL);
    i.port = atoi(v[1]);
    i.protocols = pr;
    i.foreign_loops = fl;
    i.options = LWS_SERVER_OPTION_LIBUV;
    i.keepalive_timeout = 60;
    i.timeout_secs = 5;
    if (!lws_create_context(&i)) return 1;
    return bench_run(&loop);
}
