#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "linux/serve_parts.h"

/* A small DNS server: A records of the servers on the asker's network, nothing else. */

enum {
    HEADER = 12,
    TYPE_A = 1,
    CLASS_IN = 1,
    NXDOMAIN = 3,
    NOTIMP = 4,
    TTL = 5,
    PACKET_CAP = 1500
};

typedef struct names {
    uv_poll_t poll;
    int fd;
    pv_serve *serve;
} names;

/* Reads the name of the question as "a.b" into out; returns the offset behind it, 0 when malformed.
 */
static size_t read_name(const unsigned char *q, size_t len, char *out, size_t cap)
{
    size_t at = HEADER, used = 0;
    while (at < len && q[at] != 0) {
        size_t n = q[at++];
        if (n > 63 || at + n > len || used + n + 2 > cap)
            return 0; /* questions are not compressed */
        if (used > 0) out[used++] = '.';
        memcpy(out + used, q + at, n);
        used += n;
        at += n;
    }
    out[used] = '\0';
    return at < len && memchr(out, '\0', used) == NULL ? at + 1 : 0;
}

static const pv_serve_name *find(const pv_serve *serve, struct in_addr from, const char *name)
{
    for (size_t i = 0; i < serve->name_count; i++) {
        const pv_serve_name *n = &serve->names[i];
        if ((from.s_addr & n->mask.s_addr) == n->net.s_addr && strcasecmp(n->hostname, name) == 0)
            return n;
    }
    return NULL;
}

int pv_names_answer(const pv_serve *serve, struct in_addr from, const unsigned char *q, size_t len,
                    pv_buf *out)
{
    unsigned char head[HEADER] = {0};
    static const unsigned char pointer[] = {0xc0, HEADER, 0, TYPE_A, 0, CLASS_IN,
                                            0,    0,      0, TTL,    0, 4};
    char name[256];
    const pv_serve_name *found;
    size_t end;
    int type, answers, code;
    if (len < HEADER || (q[2] & 0x80) != 0 || q[4] != 0 || q[5] != 1)
        return 0; /* not one question */
    if ((end = read_name(q, len, name, sizeof name)) == 0 || end + 4 > len) return 0;
    type = q[end] << 8 | q[end + 1];
    found = find(serve, from, name);
    answers = found != NULL && type == TYPE_A && (q[end + 2] << 8 | q[end + 3]) == CLASS_IN;
    code = (q[2] & 0x78) != 0 ? NOTIMP : found != NULL ? 0 : NXDOMAIN;
    head[0] = q[0];
    head[1] = q[1];
    head[2] =
        (unsigned char)(0x84 | (q[2] & 0x79)); /* answer, authoritative; opcode and RD as asked */
    head[3] = (unsigned char)(0x80 | code);
    head[5] = 1;
    head[7] = (unsigned char)(answers && code == 0);
    if (pv_buf_add(out, head, sizeof head) != PV_OK ||
        pv_buf_add(out, q + HEADER, end + 4 - HEADER) != PV_OK)
        return 0;
    if (head[7] != 0 && (pv_buf_add(out, pointer, sizeof pointer) != PV_OK ||
                         pv_buf_add(out, &found->ip, 4) != PV_OK))
        return 0;
    return 1;
}

/* Whether a name that no server has is a question for the machine's own name server. */
static int goes_out(const pv_serve *serve, struct in_addr from, const pv_buf *answer)
{
    if (answer->len < HEADER || (answer->data[3] & 0x0f) != NXDOMAIN) return 0;
    for (size_t i = 0; i < serve->name_count; i++) {
        if (serve->names[i].ip.s_addr == from.s_addr) return serve->names[i].nat;
    }
    return 0;
}

static void on_question(uv_poll_t *poll, int status, int events)
{
    names *n = poll->data;
    unsigned char packet[PACKET_CAP];
    (void)events;
    for (int i = 0; status == 0 && i < 64; i++) {
        struct sockaddr_in from = {.sin_family = AF_INET};
        socklen_t size = sizeof from;
        pv_buf answer;
        ssize_t len = recvfrom(n->fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &size);
        if (len < 0) return;
        pv_buf_init(&answer, PACKET_CAP);
        if (size == sizeof from &&
            pv_names_answer(n->serve, from.sin_addr, packet, (size_t)len, &answer)) {
            if (goes_out(n->serve, from.sin_addr, &answer))
                pv_resolve_start(n->serve, n->fd, &from, packet, (size_t)len);
            else sendto(n->fd, answer.data, answer.len, 0, (struct sockaddr *)&from, size);
        }
        pv_buf_deinit(&answer);
    }
}

static void on_closed(uv_handle_t *handle)
{
    names *n = handle->data;
    close(n->fd);
    pv_free(n);
}

pv_status pv_names_open(pv_serve *serve, pv_err *err)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(53)};
    names *n;
    int fd = pv_serve_lab_socket(serve, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) != 0) {
        int error = errno;
        if (fd >= 0) close(fd);
        return pv_fail_errno(err, error, "cannot answer names in the lab");
    }
    n = pv_alloc(sizeof *n);
    n->fd = fd;
    n->serve = serve;
    if (uv_poll_init(&serve->loop, &n->poll, fd) != 0) {
        close(fd);
        pv_free(n);
        return pv_fail(err, PV_EIO, "cannot watch the name server's socket");
    }
    n->poll.data = n;
    if (uv_poll_start(&n->poll, UV_READABLE, on_question) != 0)
        uv_close((uv_handle_t *)&n->poll, on_closed);
    return PV_OK;
}
