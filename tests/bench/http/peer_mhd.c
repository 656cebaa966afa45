/* libmicrohttpd: its epoll descriptor in a uv_poll. */
#include "bench.h"

#include <microhttpd.h>
static uv_loop_t loop;
static uv_timer_t t;
static struct MHD_Daemon *d;
static struct MHD_Response *resp;
static enum MHD_Result h(void *cls, struct MHD_Connection *c, const char *url, const char *m,
                         const char *ver, const char *up, size_t *n, void **con)
{
    (void)cls;
    (void)url;
    (void)ver;
    (void)up;
    static int mark;
    if (!*con) {
        *con = &mark;
        return MHD_YES;
    }
    if (*n) {
        *n = 0;
        return MHD_YES;
    }
    (void)m;
    return MHD_queue_response(c, 200, resp);
}
static void arm(void);
static void run(void)
{
    MHD_run(d);
    arm();
}
static void on_poll(uv_poll_t *p, int s, int e)
{
    (void)p;
    (void)s;
    (void)e;
    run();
}
static void on_timer(uv_timer_t *p)
{
    (void)p;
    run();
}
static void arm(void)
{
    MHD_UNSIGNED_LONG_LONG ms;
    if (MHD_get_timeout(d, &ms) == MHD_YES) uv_timer_start(&t, on_timer, ms, 0);
    else uv_timer_stop(&t);
}
int main(int c, char **v)
{
    static char body[] = BODY;
    (void)c;
    uv_loop_init(&loop);
    uv_timer_init(&loop, &t);
    d = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_TURBO, atoi(v[1]), NULL, NULL, h, NULL,
                         MHD_OPTION_CONNECTION_TIMEOUT, 5u, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                         MHD_OPTION_END);
    if (!d) return 1;
    resp = MHD_create_response_from_buffer(sizeof body - 1, body, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(resp, "Content-Type", "application/json");
    const union MHD_DaemonInfo *in = MHD_get_daemon_info(d, MHD_DAEMON_INFO_EPOLL_FD);
    uv_poll_t p;
    uv_poll_init(&loop, &p, in->epoll_fd);
    uv_poll_start(&p, UV_READABLE, on_poll);
    arm();
    return bench_run(&loop);
}
