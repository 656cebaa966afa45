/* core/net's server, answering everything with the same small JSON.  Run by run.sh. */
#include "bench.h"

#include "net/server.h"

static void answer(void *arg, pv_exchange *exchange)
{
    static const char *const fields[] = {"Content-Type: application/json"};
    pv_bytes body = {BODY, sizeof BODY - 1};
    (void)arg;
    pv_exchange_respond(exchange, 200, fields, 1, body, NULL);
}

int main(int argc, char **argv)
{
    (void)argc;
    pv_httpd_options options = {.port = atoi(argv[1])};
    pv_httpd *server;
    pv_err err;
    options.limits.per_address = 2000;
    options.limits.head_ms = 5000;
    if (pv_httpd_listen(&server, uv_default_loop(), &options, answer, NULL, &err) != PV_OK) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    return bench_run(uv_default_loop());
}
