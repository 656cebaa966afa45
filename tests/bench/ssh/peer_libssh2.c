/* libssh2 by itself: every call that says EAGAIN is made again when the socket is ready.  A
 * session opens one channel at a time, and what could not be sent whole must be repeated before
 * anything else. */
#include <libssh2.h>
#include <string.h>

#include "peer.h"
#include "raw.h"

typedef struct command {
    struct command *next;
    enum { OPENING, REQUESTING, SENDING, READING, CLOSING, ENDED } state;
    LIBSSH2_CHANNEL *channel;
    const char *text;
    int input_fd;
    piece input;
    peer_done_cb cb;
    void *arg;
} command;

struct peer {
    uv_poll_t poll;
    LIBSSH2_SESSION *lib;
    enum { KEX, AUTH, READY } state;
    int fd, events, pumping, closed;
    const target *t;
    command *commands;
    command *opening; /* the one whose channel is being opened */
    command *unsent;  /* the one whose call must be repeated first */
    peer_ready_cb cb;
    void *arg;
    char algorithms[256];
};

const char *const peer_name = "libssh2";

static const char *last_error(peer *p)
{
    char *text = NULL;
    libssh2_session_last_error(p->lib, &text, NULL, 0);
    return text != NULL ? text : "unknown";
}

static int open_channel(peer *p, command *c)
{
    if (p->opening != NULL && p->opening != c) return LIBSSH2_ERROR_EAGAIN;
    c->channel = libssh2_channel_open_session(p->lib);
    if (c->channel == NULL) {
        p->opening = c;
        return libssh2_session_last_errno(p->lib);
    }
    p->opening = NULL;
    return 0;
}

static int send_input(command *c)
{
    while (c->input_fd >= 0 && piece_fill(&c->input, c->input_fd)) {
        ssize_t sent = libssh2_channel_write(c->channel, c->input.data + c->input.at,
                                             c->input.len - c->input.at);
        if (sent < 0) return (int)sent;
        c->input.at += (size_t)sent;
    }
    return libssh2_channel_send_eof(c->channel);
}

static int read_output(command *c)
{
    char bytes[16384];
    ssize_t got;
    for (int stream = 0; stream < 2; stream++) {
        do got = libssh2_channel_read_ex(c->channel, stream, bytes, sizeof bytes);
        while (got > 0);
        if (got < 0 && got != LIBSSH2_ERROR_EAGAIN) return (int)got;
    }
    return libssh2_channel_eof(c->channel) == 1 ? 0 : LIBSSH2_ERROR_EAGAIN;
}

/* 1: the next step may be tried at once. */
static int step(peer *p, command *c)
{
    int rc = 0;
    switch (c->state) {
    case OPENING: rc = open_channel(p, c); break;
    case REQUESTING: rc = libssh2_channel_exec(c->channel, c->text); break;
    case SENDING: rc = send_input(c); break;
    case READING: rc = read_output(c); break;
    case CLOSING: rc = libssh2_channel_close(c->channel); break; /* and waits for the server's */
    case ENDED: break;
    }
    if (rc < 0 && rc != LIBSSH2_ERROR_EAGAIN) die("command", last_error(p));
    if (rc == LIBSSH2_ERROR_EAGAIN) {
        if (libssh2_session_block_directions(p->lib) & LIBSSH2_SESSION_BLOCK_OUTBOUND)
            p->unsent = c;
        return 0;
    }
    c->state++;
    return 1;
}

static void finish(peer *p, command *c)
{
    command **at = &p->commands;
    int code = libssh2_channel_get_exit_status(c->channel);
    while (*at != c) at = &(*at)->next;
    *at = c->next;
    libssh2_channel_free(c->channel);
    c->cb(c->arg, code);
    free(c->input.data);
    free(c);
}

static int advance(peer *p)
{
    int progress = 0;
    if (p->unsent != NULL) {
        command *c = p->unsent;
        p->unsent = NULL;
        progress = step(p, c);
    }
    for (command *c = p->commands, *next; c != NULL; c = next) {
        while (p->unsent == NULL && c->state != ENDED && step(p, c)) progress = 1;
        next = c->next;
        if (c->state == ENDED) finish(p, c);
    }
    return progress && p->unsent == NULL;
}

static void check_host_key(peer *p)
{
    char base64[8192];
    const char *shown;
    char *pinned = NULL;
    size_t shown_len = 0;
    unsigned pinned_len = 0;
    int type;
    shown = libssh2_session_hostkey(p->lib, &shown_len, &type);
    if (sscanf(p->t->host_key, "%*s %8191s", base64) != 1 ||
        libssh2_base64_decode(p->lib, &pinned, &pinned_len, base64, (unsigned)strlen(base64)) !=
            0 ||
        shown == NULL || shown_len != pinned_len || memcmp(shown, pinned, shown_len) != 0)
        die("host key", "not the pinned one");
    libssh2_free(p->lib, pinned);
}

/* 1: done. */
static int shake_hands(peer *p)
{
    int rc = libssh2_session_handshake(p->lib, p->fd);
    if (rc == LIBSSH2_ERROR_EAGAIN) return 0;
    if (rc != 0) die("handshake", last_error(p));
    check_host_key(p);
    return 1;
}

static int authenticate(peer *p)
{
    int rc = libssh2_userauth_publickey_frommemory(p->lib, "root", 4, p->t->public_key,
                                                   strlen(p->t->public_key), p->t->key,
                                                   strlen(p->t->key), NULL);
    if (rc == 0) return 1;
    if (rc != LIBSSH2_ERROR_EAGAIN) p->cb(p->arg, last_error(p));
    return 0;
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void drop(peer *p)
{
    uv_close((uv_handle_t *)&p->poll, on_poll_closed);
    libssh2_session_free(p->lib);
    close(p->fd);
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
    if (libssh2_session_block_directions(p->lib) & LIBSSH2_SESSION_BLOCK_OUTBOUND)
        events |= UV_WRITABLE;
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
    while (p->state == READY && !p->closed && advance(p)) continue;
    p->pumping = 0;
    if (p->closed) drop(p);
    else watch(p);
}

peer *peer_open(uv_loop_t *loop, const target *t, peer_ready_cb cb, void *arg)
{
    peer *p = calloc(1, sizeof *p);
    if (p == NULL) die("session", "out of memory");
    p->t = t;
    p->cb = cb;
    p->arg = arg;
    p->fd = dial(t->port);
    p->lib = libssh2_session_init();
    libssh2_session_set_blocking(p->lib, 0);
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
    c->cb = cb;
    c->arg = arg;
    while (*at != NULL) at = &(*at)->next;
    *at = c;
    pump(p);
}

const char *peer_algorithms(peer *p)
{
    snprintf(p->algorithms, sizeof p->algorithms, "%s, %s, %s",
             libssh2_session_methods(p->lib, LIBSSH2_METHOD_KEX),
             libssh2_session_methods(p->lib, LIBSSH2_METHOD_CRYPT_CS),
             libssh2_session_methods(p->lib, LIBSSH2_METHOD_MAC_CS));
    return p->algorithms;
}
