/* libssh by itself: its own poll() with a timeout of 0 when uv_poll says so, and callbacks. */
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <stdbool.h>
#include <string.h>

#include "peer.h"
#include "raw.h"

typedef struct command {
    struct command *next;
    enum { OPENING, REQUESTING, RUNNING, ENDED } state;
    ssh_channel channel;
    struct ssh_channel_callbacks_struct callbacks;
    const char *text;
    int input_fd, eof_sent, closed, code;
    piece input;
    peer_done_cb cb;
    void *arg;
} command;

struct peer {
    uv_poll_t poll;
    ssh_session lib;
    ssh_event event;
    ssh_key key;
    enum { KEX, AUTH, READY } state;
    int fd, events, pumping, closed;
    const target *t;
    command *commands;
    peer_ready_cb cb;
    void *arg;
    char algorithms[256];
};

const char *const peer_name = "libssh";

static ssh_key parse_public(const char *line)
{
    char type[64], base64[8192];
    ssh_key key = NULL;
    if (sscanf(line, "%63s %8191s", type, base64) != 2 ||
        ssh_pki_import_pubkey_base64(base64, ssh_key_type_from_name(type), &key) != SSH_OK)
        die("public key", line);
    return key;
}

static ssh_key load_key(const target *t)
{
    char type[64], base64[16384];
    ssh_key key = NULL, cert = NULL;
    if (ssh_pki_import_privkey_base64(t->key, NULL, NULL, NULL, &key) != SSH_OK)
        die("private key", "cannot be read");
    if (!t->is_cert) return key;
    if (sscanf(t->public_key, "%63s %16383s", type, base64) != 2 ||
        ssh_pki_import_cert_base64(base64, ssh_key_type_from_name(type), &cert) != SSH_OK ||
        ssh_pki_copy_cert_to_privkey(cert, key) != SSH_OK)
        die("certificate", "cannot be read");
    ssh_key_free(cert);
    return key;
}

/* Callbacks only note what came. */

static int on_data(ssh_session lib, ssh_channel channel, void *data, uint32_t len, int is_stderr,
                   void *arg)
{
    (void)lib, (void)channel, (void)data, (void)is_stderr, (void)arg;
    return (int)len;
}

static void on_close(ssh_session lib, ssh_channel channel, void *arg)
{
    (void)lib, (void)channel;
    ((command *)arg)->closed = 1;
}

static void on_exit_code(ssh_session lib, ssh_channel channel, int code, void *arg)
{
    (void)lib, (void)channel;
    ((command *)arg)->code = code;
}

static void open_channel(peer *p, command *c)
{
    c->channel = ssh_channel_new(p->lib);
    c->callbacks.userdata = c;
    c->callbacks.channel_data_function = on_data;
    c->callbacks.channel_close_function = on_close;
    c->callbacks.channel_exit_status_function = on_exit_code;
    ssh_callbacks_init(&c->callbacks);
    ssh_add_channel_callbacks(c->channel, &c->callbacks);
}

static void send_input(peer *p, command *c)
{
    if (c->eof_sent) return;
    while (c->input_fd >= 0 && piece_fill(&c->input, c->input_fd)) {
        int sent;
        if ((ssh_get_poll_flags(p->lib) & SSH_WRITE_PENDING) ||
            ssh_channel_window_size(c->channel) == 0)
            return;
        sent = ssh_channel_write(c->channel, c->input.data + c->input.at,
                                 (uint32_t)(c->input.len - c->input.at));
        if (sent <= 0) return;
        c->input.at += (size_t)sent;
    }
    c->eof_sent = 1;
    ssh_channel_send_eof(c->channel);
}

/* 1: the next step may be tried at once. */
static int step(peer *p, command *c)
{
    int rc = SSH_OK;
    if (c->state == OPENING && c->channel == NULL) open_channel(p, c);
    if (c->state == OPENING) rc = ssh_channel_open_session(c->channel);
    else if (c->state == REQUESTING) rc = ssh_channel_request_exec(c->channel, c->text);
    else if (!c->closed) send_input(p, c);
    if (rc == SSH_ERROR) die("command", ssh_get_error(p->lib));
    if (rc == SSH_AGAIN || (c->state == RUNNING && !c->closed)) return 0;
    c->state++;
    return 1;
}

static void finish(peer *p, command *c)
{
    command **at = &p->commands;
    while (*at != c) at = &(*at)->next;
    *at = c->next;
    ssh_channel_close(c->channel);
    ssh_remove_channel_callbacks(c->channel, &c->callbacks);
    ssh_channel_free(c->channel);
    c->cb(c->arg, c->code);
    free(c->input.data);
    free(c);
}

static int advance(peer *p)
{
    int progress = 0;
    for (command *c = p->commands, *next; c != NULL; c = next) {
        while (c->state != ENDED && step(p, c)) progress = 1;
        next = c->next;
        if (c->state == ENDED) finish(p, c);
    }
    return progress;
}

static void check_host_key(peer *p)
{
    ssh_key shown = NULL, pinned = parse_public(p->t->host_key);
    if (ssh_get_server_publickey(p->lib, &shown) != SSH_OK ||
        ssh_key_cmp(shown, pinned, SSH_KEY_CMP_PUBLIC) != 0)
        die("host key", "not the pinned one");
    ssh_key_free(shown);
    ssh_key_free(pinned);
}

/* 1: done. */
static int shake_hands(peer *p)
{
    int rc = ssh_connect(p->lib);
    if (rc == SSH_ERROR) die("handshake", ssh_get_error(p->lib));
    fcntl(p->fd, F_SETFL, fcntl(p->fd, F_GETFL) | O_NONBLOCK); /* libssh takes it away */
    if (p->event == NULL) {
        p->event = ssh_event_new();
        ssh_event_add_session(p->event, p->lib);
    }
    if (rc == SSH_AGAIN) return 0;
    check_host_key(p);
    return 1;
}

static int authenticate(peer *p)
{
    switch (ssh_userauth_publickey(p->lib, NULL, p->key)) {
    case SSH_AUTH_SUCCESS: break;
    case SSH_AUTH_AGAIN: return 0;
    default: p->cb(p->arg, ssh_get_error(p->lib)); return 0;
    }
    ssh_key_free(p->key);
    p->key = NULL;
    return 1;
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void drop(peer *p)
{
    uv_close((uv_handle_t *)&p->poll, on_poll_closed);
    ssh_event_remove_session(p->event, p->lib);
    ssh_event_free(p->event);
    ssh_key_free(p->key);
    ssh_free(p->lib); /* closes the socket */
}

static void pump(peer *p);

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    pump(poll->data);
}

static void watch(peer *p)
{
    int events = UV_READABLE;
    if (ssh_get_poll_flags(p->lib) & SSH_WRITE_PENDING) events |= UV_WRITABLE;
    if (events != p->events) uv_poll_start(&p->poll, events, on_poll);
    p->events = events;
}

static void pump(peer *p)
{
    if (p->pumping) return;
    p->pumping = 1;
    if (p->state == KEX && shake_hands(p)) p->state = AUTH;
    if (p->state == AUTH && authenticate(p)) {
        p->state = READY;
        p->cb(p->arg, NULL);
    }
    while (p->state == READY && !p->closed) {
        int rc;
        do rc = ssh_event_dopoll(p->event, 0);
        while (rc == SSH_OK);
        if (rc == SSH_ERROR) die("connection", ssh_get_error(p->lib));
        if (!advance(p)) break;
    }
    p->pumping = 0;
    if (p->closed) drop(p);
    else watch(p);
}

peer *peer_open(uv_loop_t *loop, const target *t, peer_ready_cb cb, void *arg)
{
    peer *p = calloc(1, sizeof *p);
    bool off = false;
    unsigned port = (unsigned)t->port;
    if (p == NULL) die("session", "out of memory");
    p->t = t;
    p->cb = cb;
    p->arg = arg;
    p->key = load_key(t);
    p->fd = dial(t->port);
    p->lib = ssh_new();
    ssh_set_blocking(p->lib, 0);
    ssh_options_set(p->lib, SSH_OPTIONS_PROCESS_CONFIG, &off);
    ssh_options_set(p->lib, SSH_OPTIONS_SSH_DIR, "/nonexistent");
    ssh_options_set(p->lib, SSH_OPTIONS_HOST, "127.0.0.1");
    ssh_options_set(p->lib, SSH_OPTIONS_PORT, &port);
    ssh_options_set(p->lib, SSH_OPTIONS_USER, "root");
    ssh_options_set(p->lib, SSH_OPTIONS_FD, &p->fd);
    uv_poll_init(loop, &p->poll, p->fd);
    p->poll.data = p;
    pump(p);
    return p;
}

void peer_close(peer *p)
{
    p->closed = 1;
    if (!p->pumping) drop(p);
}

void peer_run(peer *p, const char *text, int input_fd, peer_done_cb cb, void *arg)
{
    command *c = calloc(1, sizeof *c), **at = &p->commands;
    if (c == NULL) die("command", "out of memory");
    c->text = text;
    c->input_fd = input_fd;
    c->code = -1;
    c->cb = cb;
    c->arg = arg;
    while (*at != NULL) at = &(*at)->next;
    *at = c;
    pump(p);
}

const char *peer_algorithms(peer *p)
{
    const char *mac = ssh_get_hmac_out(p->lib);
    snprintf(p->algorithms, sizeof p->algorithms, "%s, %s, %s", ssh_get_kex_algo(p->lib),
             ssh_get_cipher_out(p->lib), mac != NULL ? mac : "none");
    return p->algorithms;
}
