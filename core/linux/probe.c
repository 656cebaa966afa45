#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "linux/file.h"
#include "linux/lab.h"
#include "linux/netns.h"
#include "linux/process.h"
#include "linux/server.h"

enum { PAUSE_MS = 4, CONNECT_MS = 200, BANNER_MS = 2000, SSH_PORT = 22, CONSOLE_TAIL = 400 };

static long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static int wait_for(int fd, short events, int ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    int rc;
    do rc = poll(&p, 1, ms);
    while (rc < 0 && errno == EINTR);
    return rc == 1;
}

/* One try; 1 when the other side begins with "SSH-". */
static int try_banner(const struct sockaddr_in *address, int ms)
{
    char banner[4];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), ok = 0, error = 0;
    socklen_t len = sizeof error;
    if (fd < 0) return 0;
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ||
        errno == EINPROGRESS) {
        ok = wait_for(fd, POLLOUT, ms < CONNECT_MS ? ms : CONNECT_MS) &&
             getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0 &&
             wait_for(fd, POLLIN, ms < BANNER_MS ? ms : BANNER_MS) &&
             recv(fd, banner, sizeof banner, MSG_WAITALL) == (ssize_t)sizeof banner &&
             memcmp(banner, "SSH-", 4) == 0;
    }
    close(fd);
    return ok;
}

/* The last lines of the console, in one line for an error message. */
static void console_tail(const char *folder, char *out, size_t cap)
{
    char path[PV_PATH_CAP];
    pv_buf text;
    size_t from, at = 0;
    pv_buf_init(&text, 16 * 1024 * 1024);
    out[0] = '\0';
    if (pv_path_format(path, NULL, "%s/console.log", folder) == PV_OK &&
        pv_file_read(&text, path, NULL) == PV_OK && text.len > 0) {
        from = text.len > CONSOLE_TAIL ? text.len - CONSOLE_TAIL : 0;
        for (size_t i = from; i < text.len && at + 1 < cap; i++) {
            unsigned char c = (unsigned char)text.data[i];
            if (c == '\n' && i + 1 < text.len) out[at++] = '|';
            else if (c >= ' ' && c < 127) out[at++] = (char)c;
        }
        out[at] = '\0';
    }
    pv_buf_deinit(&text);
}

pv_status pv_server_wait_ssh(const char *folder, int timeout_ms, pv_err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(SSH_PORT)};
    long long end = now_ms() + timeout_ms;
    char tail[512];
    pv_server s;
    int saved = -1;
    pv_status status = pv_server_open(&s, folder, 0, err);
    if (status != PV_OK) return status;
    if (inet_pton(AF_INET, s.ip, &address.sin_addr) != 1)
        status = pv_fail(err, PV_ECORRUPT, "'%s' is no IPv4 address", s.ip);
    if (status == PV_OK) status = pv_netns_enter(s.netns, &saved, err);
    while (status == PV_OK) {
        struct timespec pause = {0, PAUSE_MS * 1000000L};
        long long left = end - now_ms();
        if (left > 0 && try_banner(&address, (int)left)) break;
        if (left > 0 && pv_run_pid(folder) != 0) {
            nanosleep(&pause, NULL);
            continue;
        }
        console_tail(folder, tail, sizeof tail);
        if (left <= 0)
            status = pv_fail(err, PV_ETIMEOUT,
                             "no SSH on server '%s' after %d s; its console ends with: %s", s.id,
                             timeout_ms / 1000, tail);
        else
            status = pv_fail(err, PV_EUNAVAILABLE,
                             "server '%s' ended while it started; its console ends with: %s", s.id,
                             tail);
    }
    pv_netns_leave(saved);
    pv_server_close(&s);
    return status;
}

pv_status pv_server_info_read(const char *folder, pv_server_info *out, pv_err *err)
{
    (void)err;
    out->pid = pv_run_pid(folder);
    out->uptime_ms = 0;
    if (out->pid > 0) {
        struct timespec t;
        clock_gettime(CLOCK_BOOTTIME, &t);
        out->uptime_ms = t.tv_sec * 1000LL + t.tv_nsec / 1000000 -
                         (long long)pv_process_started(out->pid) * 1000 / sysconf(_SC_CLK_TCK);
    }
    return PV_OK;
}
