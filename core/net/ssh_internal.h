/* Shared by the ssh_*.c files only.
 *
 * libssh is driven without blocking: its own poll() runs with a timeout of 0 whenever
 * uv_poll says that the socket is ready, and its callbacks only fill buffers.  User callbacks
 * run afterwards, so they may close anything. */
#ifndef PV_NET_SSH_INTERNAL_H
#define PV_NET_SSH_INTERNAL_H

#include <libssh/callbacks.h>
#include <libssh/libssh.h>

#include "net/ssh.h"
#include "net/tcp.h"

typedef enum { SSH_ST_TCP, SSH_ST_KEX, SSH_ST_AUTH, SSH_ST_READY, SSH_ST_DEAD } ssh_state;

struct pv_ssh {
    uv_loop_t *loop;
    uv_poll_t poll;   /* on the socket libssh owns */
    uv_timer_t timer; /* connect timeout, then keepalive */
    uv_idle_t kick;   /* runs ssh_pump() once in the next turn, for work queued outside of one */
    ssh_session lib;
    ssh_event event;
    pv_tcp *tcp; /* while connecting */
    ssh_state state;
    int fd;
    int poll_open; /* the uv_poll handle is initialised and not yet closed */
    int events;    /* what uv_poll waits for */
    int closed;    /* by the user: free when refs is 0 */
    int refs;      /* open handles, execs, threads and sessions that lean on this memory */
    pv_err err;    /* why state is SSH_ST_DEAD */

    char *name; /* "root@host port 22", for messages */
    char *host, *user, *netns, *host_key, *known_hosts, *agent_socket;
    int port, strict, timeout_ms, keepalive_s, compress;
    ssh_key *keys;
    size_t key_count, key_at; /* key_at: next to try */
    int agent_tried, agent_ok;
    struct ssh_agent_job *agent; /* its thread has libssh to itself until it posts back */
    uint64_t heard;              /* uv_now() when bytes last came */
    int probes;                  /* keepalives without an answer */

    pv_ssh_connect_cb cb; /* NULL once called */
    void *arg;

    struct pv_ssh_exec *execs; /* all that own or want a channel, oldest first */
    struct pv_ssh_exec *last;
    size_t open_count;    /* channels */
    size_t command_count; /* those of them that are no forwards: what MaxSessions is about */
    size_t command_limit; /* how many of these the server was seen to allow */
    uv_timer_t retry;     /* active: no channel is asked for until it comes */
    size_t opened;        /* commands the server ever gave a channel */
    unsigned refusals;    /* since it last opened one */
};

typedef enum {
    EXEC_WAITING, /* for a place below command_limit */
    EXEC_OPENING,
    EXEC_REQUESTING,
    EXEC_RUNNING,
    EXEC_ENDED /* reported or about to be; what is left is to close the channel */
} exec_state;

struct pv_ssh_exec {
    pv_ssh *s;
    struct pv_ssh_exec *prev, *next;
    exec_state state;
    ssh_channel channel; /* stays until the far side has closed it, so that its place is counted */
    int opening;         /* the open request has no answer yet */
    int requesting;      /* ended while the request to run had no answer yet */
    int signals;         /* sent to end the command; 0 again when that was no use */
    int close_sent;
    struct ssh_channel_callbacks_struct callbacks;
    uv_timer_t timer; /* timeout, then the turn in which on_done is called */
    char *command;
    int timeout_ms;
    pv_buf input;
    size_t input_at; /* bytes of input libssh has taken */
    int input_open;  /* more may come */
    int eof_sent;
    struct ssh_file_input *file; /* or NULL */
    int forward_port; /* not 0: no command but a connection to there; command is the host */
    pv_buf out, err;  /* kept, or not yet handed to on_data */
    size_t total, max_output;
    int overflow, remote_eof, remote_closed, has_code, code;
    char *signal;
    int reported; /* on_done was called */
    int closing;  /* the timer is being closed; the struct goes with it */
    pv_err fail;  /* status PV_OK: it went well */
    pv_ssh_data_cb on_data;
    pv_ssh_done_cb on_done;
    void (*on_drain)(void *arg); /* all input was taken; only for forwards */
    void *arg;
};

/* ssh_session.c */
void ssh_unref(pv_ssh *s);
void ssh_lose(pv_ssh *s, const pv_err *why); /* the connection is gone: fail everything on it */
void ssh_kick(pv_ssh *s);                    /* see to everything in the next turn */
void ssh_watch(pv_ssh *s);                   /* adjust what uv_poll waits for */

void ssh_start(pv_ssh *s, int fd); /* the transport is there */
void ssh_pump(pv_ssh *s);

/* ssh_agent.c */
pv_status ssh_agent_start(pv_ssh *s, pv_err *err); /* PV_EBUSY: ssh_pump() comes when it is done */
void ssh_agent_stop(pv_ssh *s);                    /* makes its thread end soon */
void ssh_drop_lib(pv_ssh *s);

/* ssh_jump.c: one end of a socket pair for libssh, the other pumped into a channel. */
pv_status ssh_jump_start(pv_ssh *s, pv_ssh *jump, pv_err *err);

/* ssh_input.c: a file as standard input. */
struct ssh_file_input *ssh_file_open(pv_ssh_exec *e, int fd);
int ssh_file_more(pv_ssh_exec *e); /* reads on when input is empty; 1: more will come */
int ssh_file_busy(const pv_ssh_exec *e);

/* ssh_auth.c */
pv_status ssh_load_keys(pv_ssh *s, const pv_ssh_options *options, pv_err *err);
pv_status ssh_want_hostkeys(pv_ssh *s, pv_err *err);
pv_status ssh_check_hostkey(pv_ssh *s, pv_err *err);
/* One step of authentication: PV_OK done, PV_EBUSY wait for the socket. */
pv_status ssh_auth_step(pv_ssh *s, pv_err *err);

/* ssh_exec.c */
void ssh_exec_advance(pv_ssh *s); /* after bytes came or went */
void ssh_exec_lose(pv_ssh *s, const pv_err *why);
pv_ssh_exec *ssh_exec_new(pv_ssh *s, const pv_ssh_exec_options *options);
void ssh_exec_begin(pv_ssh_exec *e);
void ssh_exec_retire(pv_ssh_exec *e); /* frees it when nothing is left to do */
void ssh_exec_fail(pv_ssh_exec *e, pv_status status, const char *what);
size_t ssh_exec_backlog(const pv_ssh_exec *e); /* input not yet taken */
void ssh_exec_retry(uv_timer_t *retry);

#endif
