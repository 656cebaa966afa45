/* Commands: one channel each. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/handle.h"
#include "net/ssh_internal.h"

enum {
    KEEP_MAX = 64 << 20, /* output kept for the result when nobody says */
    MAX_SIGNALS = 5,
    CHUNK = 128 << 10, /* input handed to libssh at once, and so the most it buffers */
    RETRY_MS = 20,
    MAX_REFUSALS = 500, /* one after the other, with no channel of ours open: 10 s */
};

/* libssh callbacks: they only fill buffers, see ssh_internal.h. */

static int on_channel_data(ssh_session lib, ssh_channel channel, void *data, uint32_t len,
                           int is_stderr, void *arg)
{
    pv_ssh_exec *e = arg;
    pv_buf *buf = is_stderr ? &e->err : &e->out;
    (void)lib;
    (void)channel;
    if (e->state == EXEC_ENDED || e->overflow) return (int)len;
    e->total += len;
    if (e->total > e->max_output || pv_buf_add(buf, data, len) != PV_OK) e->overflow = 1;
    return (int)len;
}

static void on_channel_close(ssh_session lib, ssh_channel channel, void *arg)
{
    (void)lib;
    (void)channel;
    ((pv_ssh_exec *)arg)->remote_closed = 1;
}

static void on_channel_eof(ssh_session lib, ssh_channel channel, void *arg)
{
    (void)lib;
    (void)channel;
    ((pv_ssh_exec *)arg)->remote_eof = 1;
}

static void on_channel_exit(ssh_session lib, ssh_channel channel, int code, void *arg)
{
    pv_ssh_exec *e = arg;
    (void)lib;
    (void)channel;
    e->has_code = 1;
    e->code = code;
}

static void on_channel_signal(ssh_session lib, ssh_channel channel, const char *signal, int core,
                              const char *message, const char *lang, void *arg)
{
    pv_ssh_exec *e = arg;
    (void)lib;
    (void)channel;
    (void)core;
    (void)message;
    (void)lang;
    pv_free(e->signal);
    e->signal = pv_strdup(signal);
}

/* The end of a command. */

static void on_timer_closed(uv_handle_t *handle)
{
    pv_ssh_exec *e = PV_OWNER(handle, pv_ssh_exec, timer);
    pv_ssh *s = e->s;
    if (e->prev != NULL) e->prev->next = e->next;
    else s->execs = e->next;
    if (e->next != NULL) e->next->prev = e->prev;
    else s->last = e->prev;
    pv_buf_wipe(&e->input);
    pv_buf_deinit(&e->out);
    pv_buf_deinit(&e->err);
    pv_free(e->signal);
    pv_free(e->command);
    pv_free(e->file);
    pv_free(e);
    ssh_unref(s);
}

/* Frees the struct as soon as on_done was called and the channel is gone. */
void ssh_exec_retire(pv_ssh_exec *e)
{
    if (!e->reported || e->channel != NULL || e->closing || ssh_file_busy(e)) return;
    e->closing = 1;
    uv_close((uv_handle_t *)&e->timer, on_timer_closed);
}

static void on_persist(uv_timer_t *timer);

static void on_report(uv_timer_t *timer)
{
    pv_ssh_exec *e = PV_OWNER(timer, pv_ssh_exec, timer);
    pv_ssh_result result = {
        e->has_code, e->code, e->signal, {e->out.data, e->out.len}, {e->err.data, e->err.len}};
    e->reported = 1;
    if (result.out.data == NULL) result.out.data = "";
    if (result.err.data == NULL) result.err.data = "";
    e->on_done(e->arg, e->fail.status == PV_OK ? &result : NULL,
               e->fail.status == PV_OK ? NULL : &e->fail);
    pv_buf_reset(&e->out);
    pv_buf_reset(&e->err);
    if (e->signals > 0 && e->channel != NULL) uv_timer_start(timer, on_persist, 50, 0);
    ssh_exec_retire(e);
}

/* Decides the result; on_done comes in the next turn, out of everybody's way. */
static void end(pv_ssh_exec *e)
{
    e->state = EXEC_ENDED;
    uv_timer_start(&e->timer, on_report, 0, 0);
}

static void drop_channel(pv_ssh_exec *e)
{
    if (e->channel == NULL) return;
    ssh_remove_channel_callbacks(e->channel, &e->callbacks);
    ssh_channel_free(e->channel);
    e->channel = NULL;
    e->opening = 0;
    e->s->open_count--;
    e->s->command_count -= e->forward_port == 0;
}

static void terminate(pv_ssh_exec *e);

static void on_persist(uv_timer_t *timer)
{
    pv_ssh_exec *e = PV_OWNER(timer, pv_ssh_exec, timer);
    if (e->channel != NULL && !e->remote_closed) {
        if (e->signals < MAX_SIGNALS) terminate(e);
        else e->signals = 0;
    }
    ssh_kick(e->s);
}

/* A process that sshd has just started may lose its signal, before it is the program it shall be.
 * So the signal is repeated while the command does not end, and the channel closed after that. */
static void terminate(pv_ssh_exec *e)
{
    if (e->forward_port != 0 || e->remote_closed) return;
    ssh_channel_request_send_signal(e->channel, "TERM");
    e->signals++;
    if (e->reported) uv_timer_start(&e->timer, on_persist, 25u << e->signals, 0);
}

/* Ends a command before its time.  One whose request is under way gets its signal when the server
 * has answered: closing alone would leave it running. */
static void kill_exec(pv_ssh_exec *e)
{
    if (e->state == EXEC_ENDED) return;
    if (e->state == EXEC_RUNNING) terminate(e);
    e->requesting = e->state == EXEC_REQUESTING;
    end(e);
    ssh_kick(e->s);
}

static void on_timeout(uv_timer_t *timer)
{
    pv_ssh_exec *e = PV_OWNER(timer, pv_ssh_exec, timer);
    pv_fail(&e->fail, PV_ETIMEOUT, "%s: the command was %s after %.1f s", e->s->name,
            e->state == EXEC_WAITING ? "still waiting for a free channel" : "not finished",
            e->timeout_ms / 1000.0);
    kill_exec(e);
}

/* Steps.  Each returns 1 when the next may be tried at once. */

static int step_waiting(pv_ssh_exec *e)
{
    pv_ssh *s = e->s;
    int is_command = e->forward_port == 0;
    if (is_command &&
        (s->command_count >= s->command_limit || uv_is_active((uv_handle_t *)&s->retry)))
        return 0;
    e->channel = ssh_channel_new(s->lib);
    if (e->channel == NULL) return 0; /* the session is broken; the pump will notice */
    memset(&e->callbacks, 0, sizeof e->callbacks);
    e->callbacks.userdata = e;
    e->callbacks.channel_data_function = on_channel_data;
    e->callbacks.channel_eof_function = on_channel_eof;
    e->callbacks.channel_close_function = on_channel_close;
    e->callbacks.channel_exit_status_function = on_channel_exit;
    e->callbacks.channel_exit_signal_function = on_channel_signal;
    ssh_callbacks_init(&e->callbacks);
    ssh_add_channel_callbacks(e->channel, &e->callbacks);
    s->open_count++;
    s->command_count += is_command;
    e->opening = 1;
    e->state = EXEC_OPENING;
    return 1;
}

static int open_channel(pv_ssh_exec *e)
{
    if (e->forward_port == 0) return ssh_channel_open_session(e->channel);
    return ssh_channel_open_forward(e->channel, e->command, e->forward_port, "127.0.0.1", 0);
}

/* Commands whose channel the server has opened and not closed. */
static size_t confirmed(const pv_ssh *s)
{
    size_t count = 0;
    for (const pv_ssh_exec *e = s->execs; e != NULL; e = e->next)
        count += e->channel != NULL && !e->opening && e->forward_port == 0;
    return count;
}

/* A server allows only so many channels (MaxSessions, 10 by default): the command waits for a
 * place when it refuses one.  A place that looks free may not be: the server still counts a
 * command for a moment after it has closed its channel, so there is another try a little later.
 * 0: this server opens none. */
static int wait_for_place(pv_ssh_exec *e)
{
    pv_ssh *s = e->s;
    size_t count = confirmed(s);
    if (e->forward_port != 0 || s->opened == 0) return 0;
    if (count == 0 && ++s->refusals > MAX_REFUSALS) return 0;
    if (s->command_limit == SIZE_MAX) s->command_limit = count > 0 ? count : 1;
    if (count < s->command_limit) uv_timer_start(&s->retry, ssh_exec_retry, RETRY_MS, 0);
    e->state = EXEC_WAITING;
    return 1;
}

static int step_opening(pv_ssh_exec *e)
{
    pv_ssh *s = e->s;
    switch (open_channel(e)) {
    case SSH_AGAIN: return 0;
    case SSH_OK:
        e->opening = 0;
        s->opened += e->forward_port == 0;
        s->refusals = 0;
        e->state = e->forward_port == 0 ? EXEC_REQUESTING : EXEC_RUNNING;
        return 1;
    default:
        if (ssh_get_status(s->lib) & (SSH_CLOSED | SSH_CLOSED_ERROR)) return 0;
        drop_channel(e);
        if (wait_for_place(e)) return 0;
        pv_fail(&e->fail, PV_EUNAVAILABLE, "%s: the server opens no channel: %s", s->name,
                ssh_get_error(s->lib));
        end(e);
        return 0;
    }
}

static int step_requesting(pv_ssh_exec *e)
{
    switch (ssh_channel_request_exec(e->channel, e->command)) {
    case SSH_AGAIN: return 0;
    case SSH_OK: e->state = EXEC_RUNNING; return 1;
    default:
        if (ssh_get_status(e->s->lib) & (SSH_CLOSED | SSH_CLOSED_ERROR)) return 0;
        pv_fail(&e->fail, PV_EDENIED, "%s: the server refused to run the command: %s", e->s->name,
                ssh_get_error(e->s->lib));
        end(e);
        return 0;
    }
}

static void send_input(pv_ssh_exec *e)
{
    ssh_session lib = e->s->lib;
    while (e->input.len > e->input_at && !(ssh_get_poll_flags(lib) & SSH_WRITE_PENDING) &&
           ssh_channel_window_size(e->channel) > 0) {
        size_t left = e->input.len - e->input_at;
        int sent = ssh_channel_write(e->channel, e->input.data + e->input_at,
                                     left < CHUNK ? (uint32_t)left : CHUNK);
        if (sent <= 0) return; /* rekeying, or closed: the pump will see */
        e->input_at += (size_t)sent;
    }
    if (e->input.len > e->input_at) return;
    pv_buf_reset(&e->input);
    e->input_at = 0;
    if (ssh_file_more(e)) return;
    if (e->on_drain != NULL) e->on_drain(e->arg);
    if (!e->input_open && !e->eof_sent) {
        e->eof_sent = 1;
        ssh_channel_send_eof(e->channel);
    }
}

static int step_running(pv_ssh_exec *e)
{
    if (e->overflow) {
        pv_fail(&e->fail, PV_ELIMIT, "%s: the command printed more than %zu bytes", e->s->name,
                e->max_output);
        kill_exec(e);
    } else if (e->remote_closed || (e->remote_eof && e->forward_port != 0)) {
        end(e);
    } else {
        send_input(e);
    }
    return 0;
}

/* Closes the channel of an ended command; it is freed when the far side has closed it too. */
static void step_ended(pv_ssh_exec *e)
{
    if (e->channel == NULL) return;
    if (e->opening) {
        int rc = open_channel(e);
        if (rc == SSH_AGAIN) return;
        e->opening = 0;
        if (rc != SSH_OK) { /* refused: a close would name a channel the server does not know */
            drop_channel(e);
            ssh_exec_retire(e);
            return;
        }
    }
    if (e->requesting) {
        int rc = ssh_channel_request_exec(e->channel, e->command);
        if (rc == SSH_AGAIN) return;
        e->requesting = 0;
        if (rc == SSH_OK) terminate(e);
    }
    if (e->signals > 0 && !e->remote_closed) return; /* see on_persist() */
    if (!e->close_sent) {
        e->close_sent = 1;
        /* The first call may stop after its EOF when the socket is full; the second goes on. */
        if (ssh_channel_close(e->channel) == SSH_AGAIN) ssh_channel_close(e->channel);
    }
    if (e->remote_closed) {
        drop_channel(e);
        ssh_exec_retire(e);
    }
}

static void step(pv_ssh_exec *e)
{
    if (e->state == EXEC_WAITING && !step_waiting(e)) return;
    if (e->state == EXEC_OPENING && !step_opening(e)) return;
    if (e->state == EXEC_REQUESTING && !step_requesting(e)) return;
    if (e->state == EXEC_RUNNING) step_running(e);
    if (e->state == EXEC_ENDED) step_ended(e);
}

/* Hands output on.  The callback may cancel the command or close the session. */
static void hand_on(pv_ssh_exec *e, int is_stderr)
{
    pv_buf *buf = is_stderr ? &e->err : &e->out;
    pv_buf taken = *buf;
    if (e->on_data == NULL || buf->len == 0 || e->state == EXEC_ENDED) return;
    pv_buf_init(buf, taken.max);
    e->on_data(e->arg, is_stderr, taken.data, taken.len);
    pv_buf_deinit(&taken);
}

void ssh_exec_advance(pv_ssh *s)
{
    for (pv_ssh_exec *e = s->execs; e != NULL && s->lib != NULL; e = e->next) {
        hand_on(e, 0);
        if (s->lib != NULL) hand_on(e, 1);
        if (s->lib != NULL && !e->closing) step(e);
    }
}

void ssh_exec_lose(pv_ssh *s, const pv_err *why)
{
    for (pv_ssh_exec *e = s->execs; e != NULL; e = e->next) {
        if (e->channel != NULL) {
            ssh_remove_channel_callbacks(e->channel, &e->callbacks);
            e->channel = NULL; /* freed with the session */
            s->open_count--;
            s->command_count -= e->forward_port == 0;
        }
        if (e->state != EXEC_ENDED) {
            if (!e->remote_closed) e->fail = *why;
            end(e);
        }
        ssh_exec_retire(e);
    }
}

/* Public. */

pv_ssh_exec *ssh_exec_new(pv_ssh *s, const pv_ssh_exec_options *options)
{
    pv_ssh_exec *e = pv_alloc(sizeof *e);
    e->s = s;
    s->refs++;
    e->command = pv_strdup(options->command);
    e->timeout_ms = options->timeout_ms;
    e->input_open = options->keep_input;
    e->max_output = options->max_output;
    if (e->max_output == 0) e->max_output = options->on_data != NULL ? SIZE_MAX : KEEP_MAX;
    pv_buf_init(&e->input, 0);
    pv_buf_init(&e->out, 0);
    pv_buf_init(&e->err, 0);
    if (options->input.len > 0) pv_buf_add(&e->input, options->input.data, options->input.len);
    if (options->input_fd >= 0) e->file = ssh_file_open(e, options->input_fd);
    e->on_data = options->on_data;
    e->on_done = options->on_done;
    e->arg = options->arg;
    e->prev = s->last;
    if (s->last != NULL) s->last->next = e;
    else s->execs = e;
    s->last = e;
    uv_timer_init(s->loop, &e->timer);
    return e;
}

void ssh_exec_begin(pv_ssh_exec *e)
{
    if (e->timeout_ms > 0) {
        uv_update_time(e->s->loop);
        uv_timer_start(&e->timer, on_timeout, (uint64_t)e->timeout_ms, 0);
    }
    step(e); /* the request leaves now; what came in meanwhile is seen to in the next turn */
    ssh_watch(e->s);
    ssh_kick(e->s);
}

pv_status pv_ssh_exec_start(pv_ssh_exec **out, pv_ssh *s, const pv_ssh_exec_options *options,
                            pv_err *err)
{
    *out = NULL;
    if (!pv_ssh_ready(s))
        return pv_fail(err, PV_ECLOSED, "%s: the session is not connected", s->name);
    *out = ssh_exec_new(s, options);
    ssh_exec_begin(*out);
    return PV_OK;
}

void ssh_exec_retry(uv_timer_t *retry)
{
    ssh_pump(PV_OWNER(retry, pv_ssh, retry));
}

size_t ssh_exec_backlog(const pv_ssh_exec *e)
{
    return e->input.len - e->input_at;
}

void pv_ssh_exec_write(pv_ssh_exec *e, const char *data, size_t len)
{
    if (e->state == EXEC_ENDED || !e->input_open) return;
    pv_buf_add(&e->input, data, len);
    if (e->state == EXEC_RUNNING) send_input(e);
    ssh_watch(e->s);
    ssh_kick(e->s);
}

void pv_ssh_exec_eof(pv_ssh_exec *e)
{
    e->input_open = 0;
    ssh_kick(e->s);
}

void ssh_exec_fail(pv_ssh_exec *e, pv_status status, const char *what)
{
    if (e->state == EXEC_ENDED) return;
    pv_fail(&e->fail, status, "%s: %s", e->s->name, what);
    kill_exec(e);
}

void pv_ssh_exec_cancel(pv_ssh_exec *e)
{
    ssh_exec_fail(e, PV_ECANCELED, "the command was canceled");
}
