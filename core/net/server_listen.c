#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/server_internal.h"

typedef union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un un;
    struct sockaddr_storage room;
} address;

static pv_status open_tcp(int *fd, const char *host, int port, pv_err *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found;
    char service[8];
    int one = 1, error = 0;
    if (port < 0 || port > 65535)
        return pv_fail(err, PV_EINVAL, "port %d is not between 0 and 65535", port);
    if (host == NULL || strcmp(host, "localhost") == 0) host = "127.0.0.1";
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
    snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return pv_fail(err, PV_EINVAL, "'%s' is no address to listen on", host);
    *fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0 || setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(*fd, found->ai_addr, found->ai_addrlen) != 0 || listen(*fd, 1) != 0)
        error = errno;
    freeaddrinfo(found);
    if (error == EADDRINUSE)
        return pv_fail(err, PV_EBUSY, "listen on %s port %d: in use", host, port);
    if (error != 0) return pv_fail_errno(err, error, "listen on %s port %d", host, port);
    return PV_OK;
}

/* Removes a socket nobody listens on any more. */
static pv_status remove_dead(const address *a, pv_err *err)
{
    struct stat st;
    int fd, alive;
    if (lstat(a->un.sun_path, &st) != 0) return PV_OK;
    if (!S_ISSOCK(st.st_mode))
        return pv_fail(err, PV_EBUSY, "listen on %s: it exists and is no socket", a->un.sun_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return pv_fail_errno(err, errno, "listen on %s", a->un.sun_path);
    alive = connect(fd, &a->any, sizeof a->un) == 0 || errno != ECONNREFUSED;
    close(fd);
    if (alive) return pv_fail(err, PV_EBUSY, "listen on %s: in use", a->un.sun_path);
    unlink(a->un.sun_path);
    return PV_OK;
}

static pv_status open_unix(int *fd, const char *path, pv_err *err)
{
    address a = {.un = {.sun_family = AF_UNIX}};
    pv_status status;
    if (path[0] == '\0' || strlen(path) >= sizeof a.un.sun_path)
        return pv_fail(err, PV_EINVAL, "'%s' is no path of a socket: empty or too long", path);
    strcpy(a.un.sun_path, path);
    if ((status = remove_dead(&a, err)) != PV_OK) return status;
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Nobody can connect between bind and listen, so the mode is right in time. */
    if (*fd < 0 || bind(*fd, &a.any, sizeof a.un) != 0 || chmod(path, 0600) != 0 ||
        listen(*fd, 1) != 0)
        return pv_fail_errno(err, errno, "listen on %s", path);
    return PV_OK;
}

static pv_status inherit(int *fd, int given, pv_err *err)
{
    int listens = 0;
    socklen_t len = sizeof listens;
    if (getsockopt(given, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) != 0 || !listens)
        return pv_fail(err, PV_EINVAL, "descriptor %d is no listening socket", given);
    *fd = given;
    return PV_OK;
}

pv_status server_open_socket(pv_httpd *server, int *fd, const pv_httpd_options *options,
                             pv_err *err)
{
    address a = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t len = sizeof a;
    pv_status status;
    *fd = -1;
    if (options->use_fd) status = inherit(fd, options->fd, err);
    else if (options->path != NULL) status = open_unix(fd, options->path, err);
    else status = open_tcp(fd, options->host, options->port, err);
    if (status == PV_OK && getsockname(*fd, &a.any, &len) != 0)
        status = pv_fail_errno(err, errno, "listen");
    if (status != PV_OK) {
        if (*fd >= 0) close(*fd);
        return status;
    }
    server->is_unix = a.any.sa_family == AF_UNIX;
    if (a.any.sa_family == AF_INET) server->port = ntohs(a.v4.sin_port);
    if (a.any.sa_family == AF_INET6) server->port = ntohs(a.v6.sin6_port);
    if (!options->use_fd) server->path = pv_strdup(options->path);
    return PV_OK;
}

static void peer_of_unix(server_conn *conn)
{
    struct ucred cred;
    socklen_t len = sizeof cred;
    uv_os_fd_t fd;
    strcpy(conn->peer, "unix");
    if (uv_fileno(&conn->stream.handle, &fd) == 0 &&
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0)
        conn->peer_uid = cred.uid;
}

void server_peer(server_conn *conn)
{
    address a = {.any = {.sa_family = AF_UNSPEC}};
    int len = sizeof a;
    conn->peer_uid = -1;
    if (conn->server->is_unix) {
        peer_of_unix(conn);
        return;
    }
    uv_tcp_nodelay(&conn->stream.tcp, 1);
    strcpy(conn->peer, "unknown");
    if (uv_tcp_getpeername(&conn->stream.tcp, &a.any, &len) != 0) return;
    if (a.any.sa_family == AF_INET) {
        uv_ip4_name(&a.v4, conn->peer, sizeof conn->peer);
        conn->peer_port = ntohs(a.v4.sin_port);
        conn->address_len = 4;
        memcpy(conn->address, &a.v4.sin_addr, 4);
    } else {
        uv_ip6_name(&a.v6, conn->peer, sizeof conn->peer);
        conn->peer_port = ntohs(a.v6.sin6_port);
        /* Who has an IPv6 network has 2^64 addresses of it; IPv4 in IPv6 differs at its end. */
        conn->address_len = IN6_IS_ADDR_V4MAPPED(&a.v6.sin6_addr) ? 16 : 8;
        memcpy(conn->address, &a.v6.sin6_addr, conn->address_len);
    }
}
