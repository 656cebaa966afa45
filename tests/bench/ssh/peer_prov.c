/* prov's own layer, core/net/ssh.h. */
#include <stdio.h>
#include <stdlib.h>

#include "net/ssh.h"
#include "peer.h"

struct peer {
    pv_ssh *s;
    peer_ready_cb cb;
    void *arg;
};

typedef struct command {
    peer_done_cb cb;
    void *arg;
} command;

const char *const peer_name = "prov";

static void die(const pv_err *err)
{
    fprintf(stderr, "bench ssh: %s\n", err->msg);
    exit(1);
}

static void on_login(void *arg, const pv_err *err)
{
    peer *p = arg;
    if (err == NULL || err->status != PV_ECANCELED) p->cb(p->arg, err != NULL ? err->msg : NULL);
}

peer *peer_open(uv_loop_t *loop, const target *t, peer_ready_cb cb, void *arg)
{
    pv_ssh_options options = {.host = "127.0.0.1",
                              .port = t->port,
                              .host_key = t->host_key,
                              .keys = &t->key,
                              .key_count = 1,
                              .cert = t->is_cert ? t->public_key : NULL};
    peer *p = calloc(1, sizeof *p);
    pv_err err;
    if (p == NULL) exit(1);
    p->cb = cb;
    p->arg = arg;
    if (pv_ssh_connect(&p->s, loop, &options, on_login, p, &err) != PV_OK) die(&err);
    return p;
}

void peer_close(peer *p)
{
    pv_ssh_close(p->s);
    free(p);
}

static void on_done(void *arg, const pv_ssh_result *result, const pv_err *why)
{
    command *c = arg;
    if (why != NULL) die(why);
    c->cb(c->arg, result->has_code ? result->code : -1);
    free(c);
}

void peer_run(peer *p, const char *text, int input_fd, peer_done_cb cb, void *arg)
{
    command *c = calloc(1, sizeof *c);
    pv_ssh_exec_options options = {
        .command = text, .input_fd = input_fd, .on_done = on_done, .arg = c};
    pv_ssh_exec *e;
    pv_err err;
    if (c == NULL) exit(1);
    c->cb = cb;
    c->arg = arg;
    if (pv_ssh_exec_start(&e, p->s, &options, &err) != PV_OK) die(&err);
}

const char *peer_algorithms(peer *p)
{
    (void)p;
    return NULL;
}
