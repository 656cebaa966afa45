#include <errno.h>
#include <fcntl.h>
#include <libssh/server.h> /* ssh_send_keepalive */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/handle.h"
#include "net/ssh_internal.h"

enum {
    DEFAULT_TIMEOUT_MS = 30000,
    READS_PER_TURN = 64, /* of 4 KiB each, so that one busy session does not starve the rest */
    MAX_PROBES = 3,
};

static void free_session(pv_ssh *s)
{
    for (size_t i = 0; i < s->key_count; i++) ssh_key_free(s->keys[i]);
    pv_free(s->keys);
    pv_free(s->name);
    pv_free(s->host);
    pv_free(s->user);
    pv_free(s->netns);
    pv_free(s->host_key);
    pv_free(s->known_hosts);
    pv_free(s->agent_socket);
    pv_free(s);
}

void ssh_unref(pv_ssh *s)
{
    if (--s->refs == 0) free_session(s);
}

static void on_poll_closed(uv_handle_t *handle)
{
    ssh_unref(PV_OWNER(handle, pv_ssh, poll));
}

static void on_timer_closed(uv_handle_t *handle)
{
    ssh_unref(PV_OWNER(handle, pv_ssh, timer));
}

static void on_kick_closed(uv_handle_t *handle)
{
    ssh_unref(PV_OWNER(handle, pv_ssh, kick));
}

static void on_retry_closed(uv_handle_t *handle)
{
    ssh_unref(PV_OWNER(handle, pv_ssh, retry));
}

/* Gives libssh's part back.  Channels go with the session. */
void ssh_drop_lib(pv_ssh *s)
{
    if (s->poll_open) uv_close((uv_handle_t *)&s->poll, on_poll_closed);
    s->poll_open = 0;
    if (s->lib == NULL) return;
    if (s->agent != NULL) { /* comes back here when its thread has ended */
        ssh_agent_stop(s);
        return;
    }
    if (s->event != NULL) {
        ssh_event_remove_session(s->event, s->lib);
        ssh_event_free(s->event);
    }
    ssh_free(s->lib); /* ssh_disconnect() would forget the socket without closing it */
    s->event = NULL;
    s->lib = NULL;
    s->fd = -1;
}

static void report(pv_ssh *s, const pv_err *err)
{
    pv_ssh_connect_cb cb = s->cb;
    s->cb = NULL;
    if (cb != NULL) cb(s->arg, err);
}

void ssh_lose(pv_ssh *s, const pv_err *why)
{
    if (s->state == SSH_ST_DEAD) return;
    s->err = *why;
    ssh_exec_lose(s, &s->err);
    ssh_drop_lib(s);
    s->state = SSH_ST_DEAD;
    uv_timer_stop(&s->timer);
    uv_timer_stop(&s->retry);
    if (s->tcp != NULL) pv_tcp_cancel(s->tcp);
    else report(s, &s->err);
}

static void fail_with_lib(pv_ssh *s, pv_status status, const char *what)
{
    pv_err err;
    const char *why = ssh_get_error(s->lib);
    if (strcmp(why, "Socket error: disconnected") == 0) why = "the server closed the connection";
    pv_fail(&err, status, "%s: %s: %s", s->name, what, why);
    ssh_lose(s, &err);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    pv_ssh *s = PV_OWNER(poll, pv_ssh, poll);
    if (status < 0) s->events = 0; /* libuv stops watching after POLLERR */
    if (status < 0 || (events & UV_READABLE)) {
        s->heard = uv_now(s->loop);
        s->probes = 0;
    }
    ssh_pump(s);
}

void ssh_watch(pv_ssh *s)
{
    int events = UV_READABLE;
    if (!s->poll_open || s->lib == NULL || s->agent != NULL) return;
    if (ssh_get_poll_flags(s->lib) & SSH_WRITE_PENDING) events |= UV_WRITABLE;
    if (events == s->events) return;
    s->events = events;
    uv_poll_start(&s->poll, events, on_poll);
}

static void on_kick(uv_idle_t *kick)
{
    uv_idle_stop(kick);
    ssh_pump(PV_OWNER(kick, pv_ssh, kick));
}

void ssh_kick(pv_ssh *s)
{
    if (s->state == SSH_ST_READY) uv_idle_start(&s->kick, on_kick);
}

static void on_keepalive(uv_timer_t *timer)
{
    pv_ssh *s = PV_OWNER(timer, pv_ssh, timer);
    uint64_t silent = uv_now(s->loop) - s->heard;
    pv_err err;
    if (silent < (uint64_t)s->keepalive_s * 1000) return;
    if (s->probes++ >= MAX_PROBES) {
        pv_fail(&err, PV_EUNAVAILABLE, "%s: connection lost: no answer for %.0f s", s->name,
                (double)silent / 1000.0);
        ssh_lose(s, &err);
        return;
    }
    ssh_send_keepalive(s->lib);
    ssh_kick(s);
}

static void become_ready(pv_ssh *s)
{
    s->state = SSH_ST_READY;
    uv_timer_stop(&s->timer);
    if (s->keepalive_s > 0) {
        uint64_t every = (uint64_t)s->keepalive_s * 1000;
        uv_timer_start(&s->timer, on_keepalive, every, every);
    }
    for (size_t i = 0; i < s->key_count; i++) ssh_key_free(s->keys[i]);
    s->key_count = 0;
    ssh_watch(s);
    report(s, NULL);
}

static void auth_step(pv_ssh *s)
{
    pv_err err;
    switch (ssh_auth_step(s, &err)) {
    case PV_OK: become_ready(s); break;
    case PV_EBUSY:
        if (s->agent == NULL) {
            ssh_watch(s);
        } else {
            uv_poll_stop(&s->poll);
            s->events = 0;
        }
        break;
    default: ssh_lose(s, &err);
    }
}

static void kex_step(pv_ssh *s)
{
    pv_err err;
    int rc = ssh_connect(s->lib);
    if (rc == SSH_ERROR) {
        fail_with_lib(s, PV_EUNAVAILABLE, "handshake failed");
        return;
    }
    /* libssh makes the socket blocking once it is connected; a peer that stops reading would
     * then stop the loop. */
    if (fcntl(s->fd, F_SETFL, fcntl(s->fd, F_GETFL) | O_NONBLOCK) != 0) {
        pv_fail_errno(&err, errno, "%s: cannot make the socket non-blocking", s->name);
        ssh_lose(s, &err);
        return;
    }
    if (s->event == NULL) {
        s->event = ssh_event_new();
        if (s->event == NULL || ssh_event_add_session(s->event, s->lib) != SSH_OK) {
            fail_with_lib(s, PV_EIO, "cannot watch the connection");
            return;
        }
    }
    if (rc == SSH_AGAIN) {
        ssh_watch(s);
    } else if (ssh_check_hostkey(s, &err) != PV_OK) {
        ssh_lose(s, &err);
    } else {
        s->state = SSH_ST_AUTH;
        auth_step(s);
    }
}

static void ready_step(pv_ssh *s)
{
    int rc = SSH_OK;
    for (int i = 0; i < READS_PER_TURN && rc == SSH_OK; i++) rc = ssh_event_dopoll(s->event, 0);
    ssh_exec_advance(s);
    if (s->lib == NULL) return;
    if (rc == SSH_ERROR || (ssh_get_status(s->lib) & (SSH_CLOSED | SSH_CLOSED_ERROR))) {
        fail_with_lib(s, PV_EUNAVAILABLE, "connection lost");
        return;
    }
    ssh_watch(s);
}

void ssh_pump(pv_ssh *s)
{
    switch (s->state) {
    case SSH_ST_KEX: kex_step(s); break;
    case SSH_ST_AUTH: auth_step(s); break;
    case SSH_ST_READY: ready_step(s); break;
    default: break;
    }
}

static pv_status open_lib(pv_ssh *s, pv_err *err)
{
    bool off = false;
    long forever = 0;
    unsigned port = (unsigned)s->port;
    s->lib = ssh_new();
    if (s->lib == NULL) return pv_fail(err, PV_EIO, "%s: libssh cannot make a session", s->name);
    ssh_set_blocking(s->lib, 0);
    /* No file of the user's is read behind our back. */
    ssh_options_set(s->lib, SSH_OPTIONS_PROCESS_CONFIG, &off);
    ssh_options_set(s->lib, SSH_OPTIONS_SSH_DIR, "/nonexistent");
    ssh_options_set(s->lib, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
    ssh_options_set(s->lib, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
    ssh_options_set(s->lib, SSH_OPTIONS_HOST, s->host);
    ssh_options_set(s->lib, SSH_OPTIONS_PORT, &port);
    ssh_options_set(s->lib, SSH_OPTIONS_USER, s->user);
    ssh_options_set(s->lib, SSH_OPTIONS_TIMEOUT, &forever);
    if (s->compress) ssh_options_set(s->lib, SSH_OPTIONS_COMPRESSION, "yes");
#if LIBSSH_VERSION_INT >= SSH_VERSION_INT(0, 10, 0)
    /* The agent is connected in ssh_agent.c.  Where it hangs up, libssh connects again: here to
     * the same one, before 0.10 (Ubuntu 22.04) to that of SSH_AUTH_SOCK. */
    if (s->agent_socket != NULL)
        ssh_options_set(s->lib, SSH_OPTIONS_IDENTITY_AGENT, s->agent_socket);
#endif
    if (ssh_options_set(s->lib, SSH_OPTIONS_FD, &s->fd) != SSH_OK) {
        return pv_fail(err, PV_EIO, "%s: %s", s->name, ssh_get_error(s->lib));
    }
    return ssh_want_hostkeys(s, err);
}

void ssh_start(pv_ssh *s, int fd)
{
    pv_err err;
    s->fd = fd;
    if (open_lib(s, &err) != PV_OK) {
        if (s->lib != NULL) ssh_free(s->lib);
        s->lib = NULL;
        close(fd);
        ssh_lose(s, &err);
        return;
    }
    uv_poll_init(s->loop, &s->poll, fd);
    s->poll_open = 1;
    s->refs++;
    s->state = SSH_ST_KEX;
    kex_step(s);
}

static void on_tcp(void *arg, int fd, const pv_err *why)
{
    pv_ssh *s = arg;
    s->tcp = NULL;
    if (s->state == SSH_ST_DEAD) {
        if (fd >= 0) close(fd);
        report(s, &s->err);
    } else if (why != NULL) {
        ssh_lose(s, why);
    } else {
        ssh_start(s, fd);
    }
    ssh_unref(s);
}

static void on_timeout(uv_timer_t *timer)
{
    pv_ssh *s = PV_OWNER(timer, pv_ssh, timer);
    const char *stage = s->state == SSH_ST_TCP   ? "connecting"
                        : s->state == SSH_ST_KEX ? "the handshake"
                                                 : "authentication";
    pv_err err;
    pv_fail(&err, PV_ETIMEOUT, "%s: %s was not finished after %.1f s", s->name, stage,
            s->timeout_ms / 1000.0);
    ssh_lose(s, &err);
}

static pv_ssh *new_session(uv_loop_t *loop, const pv_ssh_options *o, pv_ssh_connect_cb cb,
                           void *arg)
{
    pv_ssh *s = pv_alloc(sizeof *s);
    char name[512];
    s->loop = loop;
    s->fd = -1;
    s->host = pv_strdup(o->host);
    s->port = o->port != 0 ? o->port : 22;
    s->user = pv_strdup(o->user != NULL ? o->user : "root");
    s->netns = pv_strdup(o->netns);
    s->host_key = pv_strdup(o->host_key);
    s->known_hosts = pv_strdup(o->known_hosts);
    s->agent_socket = pv_strdup(o->agent_socket);
    s->strict = o->strict;
    s->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : DEFAULT_TIMEOUT_MS;
    s->keepalive_s = o->keepalive_s;
    s->compress = o->compress;
    s->cb = cb;
    s->arg = arg;
    s->command_limit = SIZE_MAX;
    snprintf(name, sizeof name, "ssh %s@%s port %d", s->user, s->host, s->port);
    s->name = pv_strdup(name);
    return s;
}

pv_status pv_ssh_connect(pv_ssh **out, uv_loop_t *loop, const pv_ssh_options *options,
                         pv_ssh_connect_cb cb, void *arg, pv_err *err)
{
    pv_tcp_options tcp = {options->host, options->port != 0 ? options->port : 22, options->netns,
                          options->timeout_ms > 0 ? options->timeout_ms : DEFAULT_TIMEOUT_MS};
    pv_ssh *s;
    pv_status status;
    *out = NULL;
    if (options->host == NULL) return pv_fail(err, PV_EINVAL, "ssh: host is missing");
    s = new_session(loop, options, cb, arg);
    if ((status = ssh_load_keys(s, options, err)) != PV_OK) goto fail;
    if (options->jump != NULL) status = ssh_jump_start(s, options->jump, err);
    else status = pv_tcp_connect(&s->tcp, loop, &tcp, on_tcp, s, err);
    if (status != PV_OK) goto fail;
    uv_timer_init(loop, &s->timer);
    uv_timer_init(loop, &s->retry);
    uv_idle_init(loop, &s->kick);
    s->refs = 4; /* timers, kick, and tcp or jump */
    s->heard = uv_now(loop);
    uv_timer_start(&s->timer, on_timeout, (uint64_t)s->timeout_ms, 0);
    *out = s;
    return PV_OK;
fail:
    free_session(s);
    return status;
}

void pv_ssh_close(pv_ssh *s)
{
    pv_err err;
    if (s == NULL || s->closed) return;
    s->closed = 1;
    pv_fail(&err, s->state == SSH_ST_READY ? PV_ECLOSED : PV_ECANCELED, "%s: session closed",
            s->name);
    ssh_lose(s, &err);
    uv_close((uv_handle_t *)&s->timer, on_timer_closed);
    uv_close((uv_handle_t *)&s->retry, on_retry_closed);
    uv_close((uv_handle_t *)&s->kick, on_kick_closed);
}

int pv_ssh_ready(const pv_ssh *s)
{
    return s->state == SSH_ST_READY && !s->closed;
}

size_t pv_ssh_channels(const pv_ssh *s)
{
    return s->open_count;
}
