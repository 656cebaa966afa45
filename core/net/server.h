/* HTTP server on the loop: HTTP/1.1 (and 1.0) with keep-alive and pipelining, TLS 1.2 and 1.3, TCP,
 * Unix sockets and inherited sockets.  Requests come whole, answers go whole or as a stream with
 * back-pressure, or as a WebSocket.  Everything a client can make grow has a limit.  Errors of the
 * server itself are answered with problem+json (RFC 9457).  All of it belongs to the thread of the
 * loop. */
#ifndef PV_NET_SERVER_H
#define PV_NET_SERVER_H

#include <uv.h>

#include "base/buf.h"
#include "base/status.h"
#include "net/http1.h"
#include "net/websocket.h"

typedef struct pv_httpd pv_httpd;

/* A request and the answer that is due for it.  It belongs to the handler, which ends it exactly
 * once with pv_exchange_respond(), _problem(), _finish(), _abort() or _websocket(), also when the
 * client or the server is gone by then; afterwards it is no longer valid. */
typedef struct pv_exchange pv_exchange;

/* 0 means the value named. */
typedef struct pv_httpd_limits {
    size_t head_bytes;   /* request line and header: 16 KiB; longer is 431, or 414 */
    size_t body_bytes;   /* 1 MiB; longer is 413 */
    size_t stream_bytes; /* of a stream that the client has not taken yet: 1 MiB */
    int connections;     /* 1024; over it the longest idle one goes, without one it is 503 */
    int per_address;     /* connections of one address: 256; over it 429; not for Unix sockets */
    int head_ms;         /* from the first byte to the end of the header, or from the connection
                            to the first byte: 10 s */
    int body_ms;         /* for the whole body: 30 s */
    int idle_ms;         /* between requests: 60 s */
    int write_ms;        /* without the client taking any byte: 30 s */
} pv_httpd_limits;

typedef struct pv_httpd_options {
    const char *host; /* numeric address or "localhost"; NULL means 127.0.0.1 */
    int port;         /* 0: a free one */
    const char *path; /* a Unix socket instead, mode 0600; a dead one there is replaced */
    int use_fd;       /* instead of both: fd is a listening socket (socket activation) */
    int fd;           /* closed with the server */
    const char *cert; /* PEM file with the chain: speaks TLS */
    const char *key;  /* PEM file of the private key */
    pv_httpd_limits limits;
} pv_httpd_options;

typedef struct pv_request {
    pv_http1_head head;
    pv_bytes body;
    const char *peer; /* address; "unix" for Unix sockets */
    int peer_port;    /* 0 for Unix sockets */
    int64_t peer_uid; /* of the process on a Unix socket, else -1 */
    int tls;
} pv_request;

/* A request has come whole.  May answer at once or any time later, may close the server. */
typedef void (*pv_httpd_handler)(void *arg, pv_exchange *exchange);

/* Opens the listening socket and serves.  Copies the options.  Close it with pv_httpd_close().
 * PV_EINVAL: options; PV_EBUSY: address or path in use; PV_EDENIED; PV_ENOTFOUND, PV_EAUTH:
 * certificate or key missing, or not fitting; PV_EIO. */
pv_status pv_httpd_listen(pv_httpd **out, uv_loop_t *loop, const pv_httpd_options *options,
                          pv_httpd_handler handler, void *arg, pv_err *err);

/* The port listened on; 0 for Unix sockets. */
int pv_httpd_port(const pv_httpd *server);

/* How many connections are open now. */
int pv_httpd_connections(const pv_httpd *server);

/* Called once from the loop when the last connection has gone; cut is how many had to be cut. */
typedef void (*pv_httpd_drained_cb)(void *arg, int cut);

/* Accepts no more, lets what is being received and answered end, and cuts what is left after
 * within_ms.  Streams have to be ended by those who write them.  Once only; cb does not come when
 * the server is closed before. */
void pv_httpd_drain(pv_httpd *server, int within_ms, pv_httpd_drained_cb cb, void *arg);

/* Cuts everything at once and frees the server.  The handler is not called any more; exchanges
 * still have to be ended.  NULL is fine. */
void pv_httpd_close(pv_httpd *server);

/* The request; valid as long as the exchange. */
const pv_request *pv_exchange_request(const pv_exchange *exchange);

/* The value of the first field of that name, data NULL when there is none. */
pv_bytes pv_request_field(const pv_request *request, const char *name);

/* Answers with a whole body, which is copied, and ends the exchange.  Fields are "Name: value";
 * Content-Length, Transfer-Encoding, Connection and Date are the server's.  PV_EINVAL: status not
 * 200 to 599, or a malformed field; the client then gets a 500.  A client that is gone is no
 * failure. */
pv_status pv_exchange_respond(pv_exchange *exchange, int status, const char *const *fields,
                              size_t field_count, pv_bytes body, pv_err *err);

/* Answers with problem+json and ends the exchange; detail may be NULL. */
void pv_exchange_problem(pv_exchange *exchange, int status, const char *detail);

/* Cuts the connection and ends the exchange; nothing is called from inside. */
void pv_exchange_abort(pv_exchange *exchange);

/* on_drained: everything written has been taken; on_gone: the client has left, once.  Both from the
 * loop, never from inside a function of the exchange, and not after the exchange has ended. */
typedef struct pv_exchange_events {
    void (*on_drained)(void *arg);
    void (*on_gone)(void *arg);
    void *arg;
} pv_exchange_events;

/* Sets who is told; either function may be NULL. */
void pv_exchange_watch(pv_exchange *exchange, const pv_exchange_events *events);

/* Begins a streamed answer.  Statuses as for pv_exchange_respond(), but nothing is sent and the
 * exchange goes on when it is PV_EINVAL. */
pv_status pv_exchange_start(pv_exchange *exchange, int status, const char *const *fields,
                            size_t field_count, pv_err *err);

/* Sends a piece of the stream.  PV_ELIMIT: more than stream_bytes would wait for the client,
 * nothing was taken: wait for on_drained; PV_ECLOSED: the client is gone. */
pv_status pv_exchange_write(pv_exchange *exchange, pv_bytes data, pv_err *err);

/* Bytes that the client has not taken yet. */
size_t pv_exchange_pending(const pv_exchange *exchange);

/* Ends the exchange: a stream is complete; without one the client gets a 500. */
void pv_exchange_finish(pv_exchange *exchange);

/* A WebSocket, made out of an exchange.  It belongs to who made it and is ended exactly once with
 * pv_socket_close(), also when the client is gone by then. */
typedef struct pv_socket pv_socket;

/* on_ready: a message has come, or the socket has closed; on_drained: everything sent has been
 * taken. Both from the loop, never from inside a function of the socket: pv_socket_receive() says
 * itself what there is. */
typedef struct pv_socket_events {
    void (*on_ready)(void *arg);
    void (*on_drained)(void *arg);
    void *arg;
} pv_socket_events;

/* 0 means the value named. */
typedef struct pv_socket_options {
    const char *const
        *protocols; /* ours, the best first; one that the client offers is agreed on */
    size_t protocol_count;
    size_t message_bytes; /* of the client: 1 MiB; longer ones close with 1009 */
    int ping_ms;          /* silence until the client is pinged, and again until it is cut: 30 s */
    int close_ms;         /* for the client's answer to a close: 5 s */
} pv_socket_options;

/* Answers with 101 and ends the exchange, whatever it returns.  PV_EPROTO: the request is no
 * handshake of RFC 6455, the client gets a 400, 405 or 426; PV_EINVAL: the answer has begun
 * already, or a protocol is no token; PV_EUNAVAILABLE: the server is draining; PV_ECLOSED: the
 * client is gone. */
pv_status pv_exchange_websocket(pv_socket **out, pv_exchange *exchange,
                                const pv_socket_options *options, const pv_socket_events *events,
                                pv_err *err);

/* The protocol agreed on, or NULL; one of options->protocols, valid as long as those are. */
const char *pv_socket_protocol(const pv_socket *socket);

/* Sends a message, PV_WS_TEXT or PV_WS_BINARY.  PV_EINVAL: text that is not UTF-8; PV_ELIMIT: more
 * than stream_bytes would wait for the client, nothing was taken: wait for on_drained; PV_ECLOSED.
 */
pv_status pv_socket_send(pv_socket *socket, int kind, pv_bytes data, pv_err *err);

/* Bytes that the client has not taken yet. */
size_t pv_socket_pending(const pv_socket *socket);

/* Takes the next message: 1, its kind and its bytes in *message, which is set and then the
 * caller's; 0 when there is none yet; -1 when the socket has closed and nothing more comes.  The
 * client's next message is not read before this one was taken, so a slow receiver slows the client
 * down. */
int pv_socket_receive(pv_socket *socket, int *kind, pv_buf *message);

/* Once it has closed: the code and reason of the close frame that came, or that the server sent
 * because of a broken protocol or a drain; PV_WS_ABNORMAL when the connection was lost.  0 while it
 * is open. */
int pv_socket_closed(const pv_socket *socket, pv_bytes *reason);

/* Ends it: sends a close frame unless one was sent, waits for the client's, and closes the
 * connection, all by itself.  NULL is fine. */
void pv_socket_close(pv_socket *socket, int code, pv_bytes reason);

#endif
