/* libh2o with its libuv binding. */
#include "bench.h"

#include <h2o.h>
#include <h2o/http1.h>
#include <h2o/http2.h>
static uv_loop_t loop;
static h2o_globalconf_t config;
static h2o_context_t ctx;
static h2o_accept_ctx_t actx;
static int on_req(h2o_handler_t *self, h2o_req_t *req)
{
    (void)self;
    static h2o_generator_t g = {NULL, NULL};
    h2o_iovec_t body = h2o_iovec_init(H2O_STRLIT(BODY));
    req->res.status = 200;
    req->res.reason = "OK";
    req->res.content_length = body.len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("application/json"));
    h2o_start_response(req, &g);
    h2o_send(req, &body, 1, 1);
    return 0;
}
static void on_accept(uv_stream_t *l, int st)
{
    (void)st;
    uv_tcp_t *c = h2o_mem_alloc(sizeof *c);
    uv_tcp_init(l->loop, c);
    uv_accept(l, (uv_stream_t *)c);
    h2o_socket_t *s = h2o_uv_socket_create((uv_stream_t *)c, (uv_close_cb)free);
    h2o_accept(&actx, s);
}
int main(int c, char **v)
{
    (void)c;
    struct sockaddr_in a;
    uv_tcp_t l;
    signal(SIGPIPE, SIG_IGN);
    h2o_config_init(&config);
    config.http1.req_timeout = 5000;
    h2o_hostconf_t *h =
        h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *p = h2o_config_register_path(h, "/", 0);
    h2o_handler_t *hd = h2o_create_handler(p, sizeof *hd);
    hd->on_req = on_req;
    uv_loop_init(&loop);
    h2o_context_init(&ctx, &loop, &config);
    actx.ctx = &ctx;
    actx.hosts = config.hosts;
    uv_tcp_init(&loop, &l);
    uv_ip4_addr("127.0.0.1", atoi(v[1]), &a);
    uv_tcp_bind(&l, (void *)&a, 0);
    uv_listen((void *)&l, 128, on_accept);
    return bench_run(&loop);
}
