/* SSH client on the loop (libssh underneath).
 *
 * A session is one connection; any number of commands run on it at the same time, each in
 * a channel of its own.  Everything is called and calls back on the loop thread.  Nothing
 * blocks, with one exception kept off the loop: talking to an agent runs on a thread.
 *
 * Callbacks never come from inside the function that was given them. */
#ifndef PV_NET_SSH_H
#define PV_NET_SSH_H

#include <uv.h>

#include "base/buf.h"
#include "base/status.h"

typedef struct pv_ssh pv_ssh;           /* a session */
typedef struct pv_ssh_exec pv_ssh_exec; /* a command running in it */

typedef struct pv_ssh_options {
    const char *host;
    int port;                /* 0 means 22 */
    const char *user;        /* NULL means root */
    const char *netns;       /* path of the network namespace to connect from, or NULL */
    const char *host_key;    /* "ssh-ed25519 AAAA...": the only key accepted; or NULL */
    const char *known_hosts; /* file to check the key against when host_key is NULL */
    int strict;              /* 0: a host missing from known_hosts is accepted and added to it */
    const char *const *keys; /* private keys: PEM text or path of a file */
    size_t key_count;
    const char *cert;         /* OpenSSH certificate of the first key it fits: text or path */
    const char *agent_socket; /* path of the agent's socket; NULL: no agent */
    pv_ssh *jump;             /* connect through this ready session; it must stay open */
    int timeout_ms;           /* until authenticated; 0 means 30 s */
    int compress;             /* ask for compression both ways */
    int keepalive_s; /* probe after so many silent seconds, give up after three; 0: never */
} pv_ssh_options;

/* Called once: err is NULL when the session is ready.  PV_EAUTH: host key or user refused;
 * PV_EUNAVAILABLE, PV_ETIMEOUT, PV_ENOTFOUND, PV_EPROTO, PV_ECANCELED (closed meanwhile). */
typedef void (*pv_ssh_connect_cb)(void *arg, const pv_err *err);

/* Starts connecting; copies the options.  After PV_OK, *out must be closed with
 * pv_ssh_close() whatever happens.  Statuses: PV_EINVAL (options), PV_ENOTFOUND, PV_EIO
 * (key files). */
pv_status pv_ssh_connect(pv_ssh **out, uv_loop_t *loop, const pv_ssh_options *options,
                         pv_ssh_connect_cb cb, void *arg, pv_err *err);

/* Closes the connection.  Commands still running end with PV_ECLOSED on the next loop turn;
 * the pointer must not be used any more.  NULL is fine. */
void pv_ssh_close(pv_ssh *s);

/* Whether commands can run: connected, and neither lost nor closed. */
int pv_ssh_ready(const pv_ssh *s);

/* Channels in use, for tests. */
size_t pv_ssh_channels(const pv_ssh *s);

/* What a command ended with.  Valid inside the callback. */
typedef struct pv_ssh_result {
    int has_code; /* 0 when a signal ended it */
    int code;
    const char *signal; /* "KILL", or NULL */
    pv_bytes out;       /* empty when on_data took it */
    pv_bytes err;
} pv_ssh_result;

/* Output of a command as it comes; is_stderr tells which. */
typedef void (*pv_ssh_data_cb)(void *arg, int is_stderr, const char *data, size_t len);

/* Called once: result, or NULL and the error.  PV_ETIMEOUT, PV_ELIMIT (max_output),
 * PV_EUNAVAILABLE (connection lost, or no channel to be had), PV_ECANCELED, PV_ECLOSED,
 * PV_EIO (input_fd).  The handle ends with the call. */
typedef void (*pv_ssh_done_cb)(void *arg, const pv_ssh_result *result, const pv_err *err);

typedef struct pv_ssh_exec_options {
    const char *command; /* for the user's login shell */
    pv_bytes input;      /* standard input; copied */
    int input_fd; /* a regular file to send after `input`, from its offset; -1: none. Not closed */
    int keep_input;    /* leave standard input open for pv_ssh_exec_write() */
    int timeout_ms;    /* 0: none */
    size_t max_output; /* of both streams together; 0 means 64 MiB kept, or no limit with on_data */
    pv_ssh_data_cb on_data; /* NULL: output is kept for the result */
    pv_ssh_done_cb on_done;
    void *arg;
} pv_ssh_exec_options;

/* Starts a command.  *out is valid until on_done returned.  PV_ECLOSED: not connected. */
pv_status pv_ssh_exec_start(pv_ssh_exec **out, pv_ssh *s, const pv_ssh_exec_options *options,
                            pv_err *err);

/* Appends to the standard input of a command started with keep_input. */
void pv_ssh_exec_write(pv_ssh_exec *e, const char *data, size_t len);

/* Ends the standard input. */
void pv_ssh_exec_eof(pv_ssh_exec *e);

/* Terminates the command (TERM, then its channel is closed).  on_done comes with
 * PV_ECANCELED. */
void pv_ssh_exec_cancel(pv_ssh_exec *e);

/* A new key pair.  The buffers get the private key as OpenSSH or PEM text and the public
 * line ("ssh-ed25519 AAAA... comment"), without a newline. */
typedef struct pv_ssh_keypair {
    pv_buf private_key;
    pv_buf public_key;
    pv_buf fingerprint; /* "SHA256:..." */
} pv_ssh_keypair;

/* Makes a key pair of type "ed25519", "ecdsa" (P-256) or "rsa" (3072 bits: takes a while).
 * Free it with pv_ssh_keypair_deinit() in every case. */
pv_status pv_ssh_keygen(pv_ssh_keypair *out, const char *type, const char *comment, pv_err *err);
void pv_ssh_keypair_deinit(pv_ssh_keypair *pair);

/* Appends the "SHA256:..." fingerprint of a public key line. */
pv_status pv_ssh_fingerprint(pv_buf *out, const char *public_line, pv_err *err);

#endif
