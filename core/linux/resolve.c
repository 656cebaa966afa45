/* Names for servers whose network has a way out: one socket per question, to the name server that
 * this machine itself asks. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "linux/serve_parts.h"

enum { PATIENCE_MS = 4000, ANSWER_CAP = 4096, DNS_PORT = 53 };

typedef struct resolve {
    uv_poll_t poll;
    uv_timer_t timer;
    pv_serve *serve;
    int fd;       /* to the name server */
    int reply_fd; /* of the lab's name server; lives as long as the process */
    struct sockaddr_in from;
    int open; /* handles that are not closed yet */
} resolve;

/* The first IPv4 name server of this machine. */
static int name_server(struct sockaddr_in *out)
{
    pv_buf text;
    char *save = NULL, address[64];
    int found = 0;
    memset(out, 0, sizeof *out);
    out->sin_family = AF_INET;
    out->sin_port = htons(DNS_PORT);
    pv_buf_init(&text, 65536);
    if (pv_file_read(&text, "/etc/resolv.conf", NULL) == PV_OK && text.len > 0) {
        for (char *line = strtok_r(text.data, "\n", &save); line != NULL && !found;
             line = strtok_r(NULL, "\n", &save)) {
            found = sscanf(line, " nameserver %63s", address) == 1 &&
                    inet_pton(AF_INET, address, &out->sin_addr) == 1;
        }
    }
    pv_buf_deinit(&text);
    return found;
}

static void on_closed(uv_handle_t *handle)
{
    resolve *r = handle->data;
    if (--r->open > 0) return;
    close(r->fd);
    r->serve->clients--;
    pv_free(r);
}

static void end(resolve *r)
{
    uv_close((uv_handle_t *)&r->poll, on_closed);
    uv_close((uv_handle_t *)&r->timer, on_closed);
}

static void on_timeout(uv_timer_t *timer)
{
    end(timer->data);
}

static void on_answer(uv_poll_t *poll, int status, int events)
{
    resolve *r = poll->data;
    unsigned char packet[ANSWER_CAP];
    ssize_t n = status == 0 ? recv(r->fd, packet, sizeof packet, 0) : 0;
    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n > 0)
        sendto(r->reply_fd, packet, (size_t)n, 0, (struct sockaddr *)&r->from, sizeof r->from);
    end(r);
}

void pv_resolve_start(pv_serve *serve, int fd, const struct sockaddr_in *from,
                      const unsigned char *question, size_t len)
{
    struct sockaddr_in server;
    resolve *r;
    int out;
    if (serve->clients >= PV_SERVE_MOST_CLIENTS || !name_server(&server)) return;
    out = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (out < 0 || connect(out, (struct sockaddr *)&server, sizeof server) != 0 ||
        send(out, question, len, MSG_NOSIGNAL) != (ssize_t)len) {
        if (out >= 0) close(out);
        return;
    }
    r = pv_alloc(sizeof *r);
    r->serve = serve;
    r->fd = out;
    r->reply_fd = fd;
    r->from = *from;
    r->open = 2;
    serve->clients++;
    uv_timer_init(&serve->loop, &r->timer);
    uv_poll_init(&serve->loop, &r->poll, out);
    r->timer.data = r->poll.data = r;
    uv_timer_start(&r->timer, on_timeout, PATIENCE_MS, 0);
    uv_poll_start(&r->poll, UV_READABLE, on_answer);
}
