/* Shared by the server*.c files only. */
#ifndef PV_NET_SERVER_INTERNAL_H
#define PV_NET_SERVER_INTERNAL_H

#include <time.h>

#include "base/map.h"
#include "net/handle.h"
#include "net/server.h"

typedef struct server_conn server_conn;
typedef struct server_tls server_tls;         /* of the server: certificate and settings */
typedef struct server_session server_session; /* of a connection */

enum { SERVER_READ_SIZE = 65536 };

typedef union server_stream {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
} server_stream;

struct pv_httpd {
    uv_loop_t *loop;
    server_stream listener;
    uv_timer_t drain_timer;
    uv_prepare_t before_wait; /* the loop has done what there was, and is about to wait */
    int is_unix;
    int port;
    char *path; /* removed at the end */
    server_tls *tls;
    pv_httpd_limits limits;
    pv_httpd_handler handler;
    void *arg;
    server_conn *conns;
    int count;           /* of conns */
    server_conn *unsent; /* those with answers for the end of the turn, the first one first */
    server_conn **unsent_end;
    uint64_t unsent_since;
    pv_map addresses; /* how many connections each has */
    int listening, draining, closed;
    int refs; /* handles of its own, connections */
    int cut;
    pv_httpd_drained_cb on_drained;
    void *drained_arg;
    time_t date_time;
    char date[40];
    char *read_buffer;  /* SERVER_READ_SIZE, shared: emptied before anything else is read */
    char *plain_buffer; /* the same for what TLS decrypts */
};

typedef enum {
    CONN_HEAD,   /* between requests, or in the middle of a head */
    CONN_BODY,   /* receives the body of `exchange` */
    CONN_BUSY,   /* `exchange` is with the handler */
    CONN_SOCKET, /* `socket` reads and writes frames */
    CONN_LINGER, /* nothing more is answered; goes when all is sent and the client has closed */
    CONN_GONE    /* handle is closing */
} conn_state;

struct server_conn {
    server_stream stream;
    uv_timer_t timer;
    uv_write_t write;
    uv_shutdown_t shutdown;
    pv_httpd *server;
    server_conn *prev, *next;
    server_conn *next_unsent; /* in server->unsent, when is_unsent */
    int is_unsent;
    server_session *session; /* NULL without TLS */
    conn_state state;
    int open_handles;
    int processing; /* in process(): no recursion */
    int reading, eof;
    int begun;         /* the head of a request has begun */
    int skipped;       /* an empty line before it */
    int given;         /* `exchange` has been given to the handler */
    int counted;       /* in server->addresses */
    int writing;       /* `write` is under way with `sent` */
    int shutting;      /* 1: after all is sent, 2: under way */
    int owes_drained;  /* the exchange or socket wants on_drained when all is sent */
    uint64_t read_due; /* 0: none */
    uint64_t write_due;
    uint64_t armed; /* what the timer is set to, 0: not */
    size_t write_left;
    pv_buf in; /* received, from `at` on not looked at */
    size_t at;
    pv_http1_scan scan;
    pv_buf out;  /* plain text to be sent */
    pv_buf raw;  /* encrypted, to be sent */
    pv_buf sent; /* being sent */
    pv_exchange *exchange;
    pv_socket *socket;
    char peer[64];
    int peer_port;
    int64_t peer_uid;
    char address[16];
    size_t address_len;
};

struct pv_exchange {
    server_conn *conn; /* NULL: the client is gone */
    pv_request request;
    char *head_bytes;
    pv_buf body;
    pv_http1_chunks chunks;
    int keep; /* the connection goes on after it */
    int is_head;
    int started; /* a stream: the head was sent */
    int chunked;
    pv_exchange_events events;
    size_t stream_bytes;
};

struct pv_socket {
    server_conn *conn; /* NULL: the connection is gone */
    int held;          /* not ended by who made it */
    pv_ws_reader reader;
    const char *protocol;
    pv_socket_events events;
    size_t stream_bytes;
    uint64_t ping_ms, close_ms;
    uint64_t heard; /* when bytes came last */
    int pinged;     /* and nothing came since */
    int ready;      /* kind of the message in reader that waits to be taken, else 0 */
    int close_sent;
    int quiet; /* on_ready is not called */
    int code;  /* it has closed */
    char reason[PV_WS_REASON_MAX];
    size_t reason_len;
};

/* server.c */
void server_unref(pv_httpd *server);
void server_conn_closed(server_conn *conn); /* frees it */
uint64_t server_now(const pv_httpd *server);

/* server_listen.c */
pv_status server_open_socket(pv_httpd *server, int *fd, const pv_httpd_options *options,
                             pv_err *err);
void server_peer(server_conn *conn);

/* server_conn.c */
server_conn *server_conn_new(pv_httpd *server);
void server_conn_start(server_conn *conn);
void server_conn_drop(server_conn *conn);   /* at once */
void server_conn_linger(server_conn *conn); /* after what is to be sent */
void server_conn_answered(server_conn *conn, int keep);
void server_conn_feed(server_conn *conn, pv_bytes plain);
void server_conn_process(server_conn *conn);         /* what was received, as far as possible */
pv_bytes server_conn_ahead(const server_conn *conn); /* received and not looked at */

void server_conn_written(server_conn *conn); /* something was taken */
void server_conn_overdue(server_conn *conn, uint64_t now);

/* server_write.c */
void server_conn_flush(server_conn *conn);
void server_conn_flush_soon(server_conn *conn); /* at the end of the loop's turn, if it may wait */
void server_flush(pv_httpd *server);            /* what waits for the end of the turn */
void server_flush_overdue(pv_httpd *server);    /* when it has waited long enough */
void server_conn_forget_unsent(server_conn *conn);
size_t server_conn_pending(const server_conn *conn);
void server_conn_arm(server_conn *conn);

/* server_exchange.c */
void server_exchange_free(pv_exchange *exchange);
void server_exchange_gone(pv_exchange *exchange);
void server_refuse(server_conn *conn, int status, const char *detail, int headers_only);

server_conn *server_exchange_live(const pv_exchange *exchange); /* NULL when it is going or gone */
void server_exchange_end(pv_exchange *exchange, int keep);
/* Like pv_exchange_problem(), with one more header line or NULL. */
void server_problem(pv_exchange *exchange, int status, const char *detail, const char *field);

/* server_socket.c */
int server_socket_step(server_conn *conn);   /* 1 when there may be more to do */
void server_socket_heard(pv_socket *socket); /* bytes came */
void server_socket_gone(pv_socket *socket);
void server_socket_drained(pv_socket *socket);
void server_socket_overdue(server_conn *conn);
void server_socket_going_away(pv_socket *socket);

/* server_tls.c */
pv_status server_tls_new(server_tls **out, const char *cert, const char *key, pv_err *err);
void server_tls_free(server_tls *tls);
server_session *server_session_new(server_tls *tls);
void server_session_free(server_session *session);
/* Takes encrypted bytes and feeds the connection; 0, or -1 when it has to be dropped. */
int server_session_read(server_conn *conn, pv_bytes bytes);
/* Moves what the connection has to send, encrypted, to conn->raw. */
int server_session_write(server_conn *conn);
void server_session_goodbye(server_conn *conn);

#endif
