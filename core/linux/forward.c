#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "linux/conf.h"
#include "linux/serve_parts.h"

/* One port of this machine's loopback that leads into a server. */
typedef struct pv_forward {
    struct pv_forward *next;
    struct sockaddr_in host;
    struct sockaddr_in guest;
    pv_listener *listener;
    int wanted; /* seen in the folder during this reload */
} pv_forward;

static void on_client(pv_serve *serve, int fd, void *arg)
{
    const pv_forward *forward = arg;
    int guest = pv_serve_lab_socket(serve, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC);
    pv_relay_dial(serve, fd, guest, &forward->guest);
}

static pv_listener *listen_on(pv_serve *serve, pv_forward *forward, pv_err *err)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&forward->host, sizeof forward->host) != 0 ||
        listen(fd, 128) != 0) {
        int error = errno;
        if (fd >= 0) close(fd);
        pv_fail(err, PV_ECONFLICT, "port %d of this machine: %s", ntohs(forward->host.sin_port),
                strerror(error));
        return NULL;
    }
    return pv_listener_open(serve, fd, on_client, forward);
}

/* line: "127.0.0.1:8080:80" */
static int parse(const char *line, const char *ip, pv_forward *out)
{
    char address[64];
    int host, guest;
    if (sscanf(line, "%63[0-9.]:%d:%d", address, &host, &guest) != 3) return 0;
    if (host < 1 || host > 65535 || guest < 1 || guest > 65535) return 0;
    out->host.sin_family = out->guest.sin_family = AF_INET;
    out->host.sin_port = htons((uint16_t)host);
    out->guest.sin_port = htons((uint16_t)guest);
    return inet_pton(AF_INET, address, &out->host.sin_addr) == 1 &&
           inet_pton(AF_INET, ip, &out->guest.sin_addr) == 1;
}

static void want(pv_serve *serve, const char *line, const char *ip, pv_err *err)
{
    pv_forward probe = {.wanted = 1}, *f;
    if (!parse(line, ip, &probe)) {
        pv_fail(err, PV_ECORRUPT, "bad port line '%s'", line);
        return;
    }
    for (f = serve->forwards; f != NULL; f = f->next) {
        if (memcmp(&f->host, &probe.host, sizeof f->host) == 0 &&
            memcmp(&f->guest, &probe.guest, sizeof f->guest) == 0) {
            f->wanted = 1;
            return;
        }
    }
    f = pv_alloc(sizeof *f);
    *f = probe;
    f->listener = listen_on(serve, f, err);
    if (f->listener == NULL) {
        pv_free(f);
        return;
    }
    f->next = serve->forwards;
    serve->forwards = f;
}

/* Notes that the forward of this port stays.  It keeps its listener, whatever is behind it now: a
 * closed one would hold the port until the next turn of the loop. */
static void keep(pv_serve *serve, const pv_forward *probe)
{
    for (pv_forward *f = serve->forwards; f != NULL; f = f->next) {
        if (f->wanted || memcmp(&f->host, &probe->host, sizeof f->host) != 0) continue;
        f->guest = probe->guest;
        f->wanted = 1;
    }
}

/* Closes what is not wanted any more, before new ones may take its port. */
static void drop_unwanted(pv_serve *serve)
{
    pv_forward **at = &serve->forwards;
    while (*at != NULL) {
        pv_forward *f = *at;
        if (f->wanted) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        pv_listener_close(f->listener);
        pv_free(f);
    }
}

/* Runs over the servers; with mark set only notes which forwards stay. */
static void each_server(pv_serve *serve, int mark, const char *id, pv_err *mine)
{
    char path[PV_PATH_CAP];
    DIR *dir;
    struct dirent *entry;
    if (pv_path_format(path, NULL, "%s/servers", serve->lab) != PV_OK ||
        (dir = opendir(path)) == NULL)
        return;
    while ((entry = readdir(dir)) != NULL) {
        pv_conf *conf = NULL;
        pv_err err = {.status = PV_OK};
        const char *ip, *line;
        if (entry->d_name[0] == '.') continue;
        if (pv_path_format(path, NULL, "%s/servers/%s/server.conf", serve->lab, entry->d_name) !=
            PV_OK)
            continue;
        if (pv_conf_open(&conf, path, NULL) != PV_OK) continue;
        ip = pv_conf_get(conf, "ip", 0);
        for (int n = 0; ip != NULL && (line = pv_conf_get(conf, "port", n)) != NULL; n++) {
            pv_forward probe = {.wanted = 0};
            if (!mark) want(serve, line, ip, &err);
            else if (parse(line, ip, &probe)) keep(serve, &probe);
        }
        pv_conf_close(conf);
        if (err.status != PV_OK && mine != NULL && id != NULL && strcmp(id, entry->d_name) == 0)
            *mine = err;
    }
    closedir(dir);
}

void pv_forwards_reload(pv_serve *serve, const char *id, pv_err *mine)
{
    for (pv_forward *f = serve->forwards; f != NULL; f = f->next) f->wanted = 0;
    each_server(serve, 1, NULL, NULL);
    drop_unwanted(serve);
    each_server(serve, 0, id, mine);
}
