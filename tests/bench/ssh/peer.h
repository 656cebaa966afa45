/* What bench.c asks of an SSH client.  There is one program per peer_*.c.
 *
 * All are driven by one libuv loop on one thread.  Callbacks may open, run and close anything. */
#ifndef PV_BENCH_SSH_PEER_H
#define PV_BENCH_SSH_PEER_H

#include <uv.h>

typedef struct target {
    int port;               /* on 127.0.0.1 */
    const char *host_key;   /* public key line: every peer compares it with what the server shows */
    const char *key;        /* private key, as text: every session parses it */
    const char *public_key; /* its public key line, or a certificate */
    int is_cert;
} target;

typedef struct peer peer; /* a session */

/* Called once; why is NULL when the session is ready for commands. */
typedef void (*peer_ready_cb)(void *arg, const char *why);

/* Called when the server has closed the channel, with the exit code. */
typedef void (*peer_done_cb)(void *arg, int code);

extern const char *const peer_name;

/* t must outlive the session. */
peer *peer_open(uv_loop_t *loop, const target *t, peer_ready_cb cb, void *arg);
void peer_close(peer *p);

/* Runs a command; its standard input is the file input_fd, or empty when that is -1. */
void peer_run(peer *p, const char *command, int input_fd, peer_done_cb cb, void *arg);

/* "kex, cipher, mac" of a ready session; NULL: the peer does not tell. */
const char *peer_algorithms(peer *p);

#endif
