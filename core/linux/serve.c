#include "linux/serve.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "linux/conf.h"
#include "linux/fetch.h"
#include "linux/labdir.h"
#include "linux/lock.h"
#include "linux/netns.h"
#include "linux/serve_parts.h"

enum { TICK_MS = 1000, IDLE_TICKS = 10, REQUEST_CAP = 256, ASK_MS = 5000 };

int pv_serve_lab_socket(const pv_serve *serve, int type)
{
    int fd, error;
    if (setns(serve->lab_netns, CLONE_NEWNET) != 0) return -1;
    fd = socket(AF_INET, type, 0);
    error = errno;
    if (setns(serve->host_netns, CLONE_NEWNET) != 0)
        abort(); /* never dial from the wrong network */
    errno = error;
    return fd;
}

/* The folder ------------------------------------------------------------------------------- */

static void forget_names(pv_serve *serve)
{
    for (size_t i = 0; i < serve->name_count; i++) {
        pv_free(serve->names[i].id);
        pv_free(serve->names[i].hostname);
    }
    pv_free(serve->names);
    serve->names = NULL;
    serve->name_count = 0;
    for (char **a = serve->allow; a != NULL && *a != NULL; a++) pv_free(*a);
    pv_free(serve->allow);
    serve->allow = NULL;
}

static int read_name(const pv_serve *serve, const char *id, pv_serve_name *out)
{
    char path[PV_PATH_CAP];
    pv_conf *conf = NULL, *network = NULL;
    const char *net, *ip, *hostname;
    int ok = 0, prefix;
    if (pv_path_format(path, NULL, "%s/servers/%s/server.conf", serve->lab, id) != PV_OK ||
        pv_conf_open(&conf, path, NULL) != PV_OK)
        return 0;
    if (pv_conf_need(conf, "network", &net, NULL) == PV_OK &&
        pv_conf_need(conf, "ip", &ip, NULL) == PV_OK &&
        pv_conf_need(conf, "hostname", &hostname, NULL) == PV_OK &&
        inet_pton(AF_INET, ip, &out->ip) == 1 &&
        pv_path_format(path, NULL, "%s/networks/%s/network.conf", serve->lab, net) == PV_OK &&
        pv_conf_open(&network, path, NULL) == PV_OK) {
        prefix = (int)pv_conf_int(network, "prefix", 24);
        out->mask.s_addr = prefix < 1 ? 0 : htonl(UINT32_MAX << (32 - (prefix > 32 ? 32 : prefix)));
        out->net.s_addr = out->ip.s_addr & out->mask.s_addr;
        out->nat = pv_conf_int(network, "nat", 0) != 0;
        out->id = pv_strdup(id);
        out->hostname = pv_strdup(hostname);
        ok = 1;
    }
    pv_conf_close(network);
    pv_conf_close(conf);
    return ok;
}

static void read_names(pv_serve *serve)
{
    char path[PV_PATH_CAP];
    DIR *dir;
    struct dirent *entry;
    if (pv_path_format(path, NULL, "%s/servers", serve->lab) != PV_OK ||
        (dir = opendir(path)) == NULL)
        return;
    while ((entry = readdir(dir)) != NULL) {
        pv_serve_name name;
        if (entry->d_name[0] == '.' || !read_name(serve, entry->d_name, &name)) continue;
        serve->names = pv_realloc_array(serve->names, serve->name_count + 1, sizeof *serve->names);
        serve->names[serve->name_count++] = name;
    }
    closedir(dir);
}

static void read_lab(pv_serve *serve)
{
    char path[PV_PATH_CAP];
    pv_conf *conf = NULL;
    const char *host, *cache;
    size_t count = 0;
    serve->cache[0] = '\0';
    if (pv_path_format(path, NULL, "%s/lab.conf", serve->lab) != PV_OK ||
        pv_conf_open(&conf, path, NULL) != PV_OK)
        return;
    cache = pv_conf_get(conf, "cache", 0);
    if (cache == NULL || pv_path_format(serve->cache, NULL, "%s", cache) != PV_OK)
        strcpy(serve->cache, "/var/cache/prov/packages");
    while ((host = pv_conf_get(conf, "allow", (int)count)) != NULL) {
        serve->allow = pv_realloc_array(serve->allow, count + 2, sizeof *serve->allow);
        serve->allow[count++] = pv_strdup(host);
        serve->allow[count] = NULL;
    }
    pv_conf_close(conf);
}

static void reload(pv_serve *serve, const char *id, pv_err *mine)
{
    pv_err problem;
    forget_names(serve);
    read_lab(serve);
    read_names(serve);
    pv_forwards_reload(serve, id, mine);
    if (pv_wayout_reload(serve, &problem) != PV_OK && mine != NULL && mine->status == PV_OK)
        *mine = problem;
    pv_fetch_trim(serve);
    serve->idle_ticks = 0;
}

static void on_tick(uv_timer_t *timer)
{
    pv_serve *serve = timer->data;
    char path[PV_PATH_CAP];
    if (serve->name_count > 0 &&
        pv_path_format(path, NULL, "%s/servers/%s", serve->lab, serve->names[0].id) == PV_OK &&
        access(path, F_OK) == 0) {
        serve->idle_ticks = 0;
        return;
    }
    if (serve->idle_ticks % 3 == 0) {
        int ticks = serve->idle_ticks;
        reload(serve, NULL, NULL);
        serve->idle_ticks = ticks;
    }
    if (serve->name_count == 0 && ++serve->idle_ticks >= IDLE_TICKS) uv_stop(&serve->loop);
}

/* Questions of other processes: "reload", "reload SERVER" or "stop", answered with one line --- */

static void on_ask(pv_serve *serve, int fd, void *arg)
{
    char text[REQUEST_CAP], reply[PV_ERR_MSG + 64];
    struct timeval limit = {1, 0};
    pv_err mine = {.status = PV_OK};
    ssize_t n;
    (void)arg;
    /* The other side writes before it connects to anything else: no need for a state machine. */
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    n = recv(fd, text, sizeof text - 1, 0);
    if (n > 0) {
        text[n] = '\0';
        text[strcspn(text, "\n")] = '\0';
        if (strcmp(text, "stop") == 0) uv_stop(&serve->loop);
        else if (strncmp(text, "reload", 6) == 0)
            reload(serve, text[6] == ' ' ? text + 7 : NULL, &mine);
        if (mine.status != PV_OK) snprintf(reply, sizeof reply, "%s\n", mine.msg);
        else strcpy(reply, "ok\n");
        if (send(fd, reply, strlen(reply), MSG_NOSIGNAL) < 0) serve->idle_ticks = 0;
    }
    close(fd);
}

/* <netns path>.sock: short enough for a socket address, wherever the lab's folder is. */
static pv_status socket_address(const char *lab, struct sockaddr_un *out, pv_err *err)
{
    char netns[PV_PATH_CAP];
    pv_status status = pv_labdir_netns(lab, netns, err);
    if (status != PV_OK) return status;
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    if (strlen(netns) + 6 > sizeof out->sun_path)
        return pv_fail(err, PV_ELIMIT, "path too long for a socket: %s.sock", netns);
    memcpy(out->sun_path, netns, strlen(netns));
    strcat(out->sun_path, ".sock");
    return PV_OK;
}

static pv_status open_control(pv_serve *serve, pv_err *err)
{
    struct sockaddr_un address;
    int fd;
    pv_status status = socket_address(serve->lab, &address, err);
    if (status != PV_OK) return status;
    unlink(address.sun_path); /* we hold the lock, so it is a dead one's */
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, 64) != 0) {
        int error = errno;
        if (fd >= 0) close(fd);
        return pv_fail_errno(err, error, "cannot listen on %s", address.sun_path);
    }
    pv_listener_open(serve, fd, on_ask, NULL);
    return PV_OK;
}

/* Life ------------------------------------------------------------------------------------- */

static pv_status open_namespaces(pv_serve *serve, pv_err *err)
{
    char netns[PV_PATH_CAP];
    pv_status status = pv_labdir_netns(serve->lab, netns, err);
    if (status != PV_OK) return status;
    if (!pv_netns_has(netns))
        return pv_fail(err, PV_ENOTFOUND, "there is no network namespace at %s", netns);
    serve->lab_netns = open(netns, O_RDONLY | O_CLOEXEC);
    serve->host_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (serve->lab_netns < 0 || serve->host_netns < 0)
        return pv_fail_errno(err, errno, "cannot open the network namespaces");
    return PV_OK;
}

pv_status pv_serve_run(const char *lab, pv_err *err)
{
    static pv_serve *serve; /* one in a process, to its end */
    char path[PV_PATH_CAP];
    struct sockaddr_un address;
    pv_lock *lock = NULL;
    pv_status status = pv_path_format(path, err, "%s/serve.lock", lab);
    serve = pv_alloc(sizeof *serve);
    serve->lab = lab;
    serve->lab_netns = serve->host_netns = -1;
    if (status == PV_OK) status = pv_lock_open(&lock, path, 0, err);
    if (status != PV_OK) {
        pv_free(serve);
        return status == PV_EBUSY ? PV_OK : status;
    }
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&serve->loop);
    uv_timer_init(&serve->loop, &serve->tick);
    serve->tick.data = serve;
    uv_timer_start(&serve->tick, on_tick, TICK_MS, TICK_MS);
    status = open_namespaces(serve, err);
    if (status == PV_OK) status = pv_proxy_open(serve, err);
    if (status == PV_OK) status = pv_names_open(serve, err);
    if (status == PV_OK) {
        reload(serve, NULL, NULL);
        status = open_control(serve, err);
    }
    if (status == PV_OK) {
        uv_run(&serve->loop, UV_RUN_DEFAULT);
        if (socket_address(lab, &address, NULL) == PV_OK) unlink(address.sun_path);
    }
    forget_names(serve);
    /* The process ends now, and what is open with it.  It is the kernel that gives the lock back,
     * so that whoever gets it knows that this process is gone. */
    serve->lock = lock;
    return status;
}

/* Asks the lab's process; PV_EUNAVAILABLE when there is none. */
static pv_status ask(const char *lab, const char *question, char *reply, size_t cap, pv_err *err)
{
    struct sockaddr_un address;
    struct timeval limit = {ASK_MS / 1000, 0};
    ssize_t n;
    int fd;
    pv_status status = socket_address(lab, &address, err);
    if (status != PV_OK) return status;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return pv_fail_errno(err, errno, "cannot make a socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        send(fd, question, strlen(question), MSG_NOSIGNAL) < 0 ||
        (n = recv(fd, reply, cap - 1, 0)) <= 0) {
        close(fd);
        return pv_fail(err, PV_EUNAVAILABLE, "the lab has no process to ask: see %s/serve.log",
                       lab);
    }
    close(fd);
    reply[n] = '\0';
    reply[strcspn(reply, "\n")] = '\0';
    return PV_OK;
}

/* A process of its own with no tie to this one. */
static void spawn(const char *lab)
{
    char log[PV_PATH_CAP];
    pid_t pid = fork();
    int null, out;
    if (pid != 0) return;
    setsid();
    if (fork() != 0) _exit(0);
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    out = pv_path_format(log, NULL, "%s/serve.log", lab) == PV_OK
              ? open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600)
              : -1;
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(out >= 0 ? out : null, STDERR_FILENO);
    if (chdir("/") != 0) _exit(1);
    syscall(SYS_close_range, 3U, ~0U, 0U); /* what whoever started us had open */
    execl("/proc/self/exe", "prov", "internal", "lab", "serve", lab, (char *)NULL);
    _exit(127);
}

pv_status pv_serve_reload(const char *lab, const char *server, pv_err *err)
{
    char question[REQUEST_CAP], reply[PV_ERR_MSG];
    pv_status status = PV_EUNAVAILABLE;
    snprintf(question, sizeof question, "reload%s%s\n", server != NULL ? " " : "",
             server != NULL ? server : "");
    for (int attempt = 0; status == PV_EUNAVAILABLE && attempt < 500; attempt++) {
        struct timespec pause = {0, 2000000};
        status = ask(lab, question, reply, sizeof reply, err);
        if (status != PV_EUNAVAILABLE) break;
        if (attempt % 100 == 0) spawn(lab);
        nanosleep(&pause, NULL);
    }
    if (status != PV_OK) return status;
    return strcmp(reply, "ok") == 0 ? PV_OK : pv_fail(err, PV_ECONFLICT, "%s", reply);
}

void pv_serve_notify(const char *lab)
{
    char reply[PV_ERR_MSG];
    ask(lab, "reload\n", reply, sizeof reply, NULL);
}

pv_status pv_serve_stop(const char *lab, pv_err *err)
{
    char path[PV_PATH_CAP], reply[PV_ERR_MSG];
    struct sockaddr_un address;
    pv_lock *lock = NULL;
    pv_status status = pv_path_format(path, err, "%s/serve.lock", lab);
    if (status != PV_OK || access(path, F_OK) != 0) return status;
    for (int attempt = 0; attempt < 500; attempt++) {
        struct timespec pause = {0, 10000000};
        if (attempt % 50 == 0) ask(lab, "stop\n", reply, sizeof reply, NULL);
        status = pv_lock_open(&lock, path, 0, err);
        if (status != PV_EBUSY) break;
        nanosleep(&pause, NULL);
    }
    if (status == PV_OK && socket_address(lab, &address, NULL) == PV_OK) unlink(address.sun_path);
    pv_lock_close(lock);
    return status;
}
