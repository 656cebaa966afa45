#include "linux/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/conf.h"
#include "linux/file.h"

static void boot_id(char *out, size_t cap)
{
    pv_buf text;
    pv_buf_init(&text, 4096);
    out[0] = '\0';
    if (pv_file_read(&text, "/proc/sys/kernel/random/boot_id", NULL) == PV_OK && text.len > 0) {
        snprintf(out, cap, "%.*s", (int)strcspn(text.data, "\n"), text.data);
    }
    pv_buf_deinit(&text);
}

unsigned long long pv_process_started(pid_t pid)
{
    char path[64], state = 'Z';
    unsigned long long started = 0;
    const char *after;
    pv_buf text;
    pv_buf_init(&text, 65536);
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (pv_file_read(&text, path, NULL) == PV_OK && text.len > 0 &&
        (after = strrchr(text.data, ')')) != NULL) {
        sscanf(after,
               ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &state, &started);
    }
    pv_buf_deinit(&text);
    return state == 'Z' || state == 'X' ? 0 : started;
}

pv_status pv_run_write(const char *folder, pid_t pid, pv_err *err)
{
    char path[PV_PATH_CAP], text[256], boot[64];
    pv_status status = pv_path_format(path, err, "%s/run", folder);
    if (status != PV_OK) return status;
    boot_id(boot, sizeof boot);
    snprintf(text, sizeof text, "pid=%d\nstarted=%llu\nboot=%s\n", (int)pid,
             pv_process_started(pid), boot);
    return pv_file_replace(path, text, err);
}

pid_t pv_run_pid(const char *folder)
{
    char path[PV_PATH_CAP], boot[64];
    pv_conf *conf = NULL;
    const char *noted;
    unsigned long long started;
    pid_t pid = 0;
    if (pv_path_format(path, NULL, "%s/run", folder) != PV_OK ||
        pv_conf_open(&conf, path, NULL) != PV_OK)
        return 0;
    boot_id(boot, sizeof boot);
    noted = pv_conf_get(conf, "boot", 0);
    if (noted != NULL && strcmp(noted, boot) == 0) {
        pid = (pid_t)pv_conf_int(conf, "pid", 0);
        started = (unsigned long long)pv_conf_int(conf, "started", 0);
        if (pid <= 1 || started == 0 || pv_process_started(pid) != started) pid = 0;
    }
    pv_conf_close(conf);
    return pid;
}

void pv_run_remove(const char *folder)
{
    char path[PV_PATH_CAP];
    if (pv_path_format(path, NULL, "%s/run", folder) == PV_OK) unlink(path);
}

int pv_process_end(pid_t pid, int signal, int ms)
{
    struct pollfd p = {.events = POLLIN};
    int rc;
    p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (p.fd < 0) return errno == ESRCH;
    kill(pid, signal);
    do rc = poll(&p, 1, ms);
    while (rc < 0 && errno == EINTR);
    close(p.fd);
    return rc == 1;
}
