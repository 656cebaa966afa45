/* What the sources of a lab's process share; see serve.h. */
#ifndef PV_LINUX_SERVE_PARTS_H
#define PV_LINUX_SERVE_PARTS_H

#include <netinet/in.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "linux/file.h"

enum { PV_SERVE_MOST_CLIENTS = 512, PV_SERVE_CHUNK = 65536 };

typedef struct pv_serve pv_serve;
typedef struct pv_listener pv_listener;
typedef struct pv_wayout pv_wayout;

/* A server as the folder describes it. */
typedef struct pv_serve_name {
    char *id;
    char *hostname;
    struct in_addr ip;
    struct in_addr net; /* of its network */
    struct in_addr mask;
    int nat; /* the network has a way out */
} pv_serve_name;

struct pv_serve {
    uv_loop_t loop;
    uv_timer_t tick;
    const char *lab;
    struct pv_lock *lock; /* held to the end of the process */
    int lab_netns;        /* descriptors of the two namespaces */
    int host_netns;
    int clients; /* open connections of all kinds */
    int idle_ticks;
    pv_serve_name *names;
    size_t name_count;
    char **allow; /* mirror hosts, ended by NULL */
    char cache[PV_PATH_CAP];
    struct pv_forward *forwards;
    pv_wayout *wayout;
};

/* A socket born in the lab's network namespace; -1 with errno. */
int pv_serve_lab_socket(const pv_serve *serve, int type);

/* Calls on_client(serve, fd, arg) for every connection to the listening socket, which the
 * listener owns from now on.  Connections beyond PV_SERVE_MOST_CLIENTS are refused. */
pv_listener *pv_listener_open(pv_serve *serve, int fd,
                              void (*on_client)(pv_serve *serve, int fd, void *arg), void *arg);
void pv_listener_close(pv_listener *listener);

/* Sends bytes both ways until both sides are done; owns both connected sockets. */
void pv_relay_start(pv_serve *serve, int a, int b);

/* Connects `socket` (-1: to nothing) with `to`, then relays between it and the client; owns both.
 */
void pv_relay_dial(pv_serve *serve, int client, int socket, const struct sockaddr_in *to);

/* Opens or closes the way out as the networks of the folder want it; see wayout.c. */
pv_status pv_wayout_reload(pv_serve *serve, pv_err *err);

/* Asks this machine's own name server what `from` asked on the socket `fd`; the answer goes there.
 */
void pv_resolve_start(pv_serve *serve, int fd, const struct sockaddr_in *from,
                      const unsigned char *question, size_t len);

/* Opens the proxy and the name server in the lab's namespace. */
pv_status pv_proxy_open(pv_serve *serve, pv_err *err);
pv_status pv_names_open(pv_serve *serve, pv_err *err);

/* Name server: the answer to a question from `from`, appended to out; 0 when it deserves none. */
int pv_names_answer(const pv_serve *serve, struct in_addr from, const unsigned char *question,
                    size_t len, pv_buf *out);

/* Makes the forwards those of the folder.  `mine` (may be NULL) gets the first problem of
 * server `id`. */
void pv_forwards_reload(pv_serve *serve, const char *id, pv_err *mine);

#endif
