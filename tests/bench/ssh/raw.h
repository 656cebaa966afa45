/* Shared by the peers that are a bare library: the socket, and the pieces of an upload. */
#ifndef PV_BENCH_SSH_RAW_H
#define PV_BENCH_SSH_RAW_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 128 << 10 };

static inline void die(const char *what, const char *why)
{
    fprintf(stderr, "bench ssh: %s: %s\n", what, why);
    exit(1);
}

/* A connected socket that does not block.  Connecting does, for microseconds on loopback. */
static inline int dial(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_port = htons((uint16_t)port);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 ||
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) {
        perror("bench ssh: connect");
        exit(1);
    }
    return fd;
}

typedef struct piece {
    char *data;
    size_t len, at; /* at: bytes sent */
} piece;

/* Reads the next piece of the file when this one is sent.  0: the file has ended. */
static inline int piece_fill(piece *p, int fd)
{
    ssize_t got;
    if (p->at < p->len) return 1;
    if (p->data == NULL && (p->data = malloc(PIECE)) == NULL) die("input", "out of memory");
    got = read(fd, p->data, PIECE);
    if (got < 0) die("input", "cannot be read");
    p->len = (size_t)got;
    p->at = 0;
    return got > 0;
}

#endif
