#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/netns.h"
#include "linux/process.h"
#include "linux/rootfs.h"
#include "linux/server.h"

enum { OUTPUT_TAIL = 400 };

/* Fills the cell: the calling process is in the server's network namespace and leaves it. */
static pv_status furnish(const pv_server *s, const pv_conf *network, pv_err *err)
{
    char root[PV_PATH_CAP], net[PV_PATH_CAP], store[PV_PATH_CAP];
    pv_rootfs fs = {.folder = s->folder, .conf = s->conf, .cgroups = s->cgroups};
    int unused;
    pv_status status = pv_conf_need(s->conf, "image", &fs.lower, err);
    if (status == PV_OK) status = pv_path_format(net, err, "%s/net", s->folder);
    if (status == PV_OK) status = pv_path_format(store, err, "%s", s->netns);
    if (status == PV_OK) status = pv_server_address(s, network, err);
    if (status == PV_OK && unshare(CLONE_NEWNS) != 0)
        status = pv_fail_errno(err, errno, "cannot make a mount namespace");
    if (status == PV_OK) status = pv_rootfs_mount(&fs, root, err);
    if (status == PV_OK && mount("/proc/self/ns/net", net, NULL, MS_BIND, NULL) != 0)
        status = pv_fail_errno(err, errno, "cannot mount %s", net);
    if (status == PV_OK) status = pv_netns_enter(s->netns, &unused, err);
    if (status != PV_OK) return status;
    *strrchr(store, '/') = '\0';
    if (mount("cell", store, "tmpfs", MS_NOSUID | MS_NODEV, "mode=700") != 0)
        return pv_fail_errno(err, errno, "cannot mount %s", store);
    if (chdir(store) != 0) return pv_fail_errno(err, errno, "cannot enter %s", store);
    return PV_OK;
}

/* The process that becomes the program.  A byte over `line` says that its link is there; it
 * answers with what went wrong, and with nothing when the program runs. Never returns. */
static void run_program(const pv_server *s, const pv_conf *network, const char *group,
                        char **program, int line)
{
    pv_err err;
    sigset_t none;
    char byte;
    ssize_t n;
    setsid();
    pv_server_console(s->folder);
    if (pv_cgroup_join(s->cgroups, group, &err) != PV_OK) goto fail;
    if (unshare(CLONE_NEWNET) != 0) {
        pv_fail_errno(&err, errno, "cannot make a network namespace");
        goto fail;
    }
    if (write(line, "r", 1) != 1) _exit(1);
    do n = read(line, &byte, 1);
    while (n < 0 && errno == EINTR);
    if (n != 1) _exit(1); /* whoever made us died */
    if (furnish(s, network, &err) != PV_OK) goto fail;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    fcntl(line, F_SETFD, FD_CLOEXEC);
    execvp(program[0], program);
    if (errno == ENOENT) pv_fail(&err, PV_EUNSUPPORTED, "%s is not installed", program[0]);
    else pv_fail_errno(&err, errno, "cannot run %s", program[0]);
fail:
    dprintf(line, "e%s", err.msg);
    _exit(1);
}

/* What the process has to say: 'r' and nothing more when it is ready. */
static pv_status hear(const pv_server *s, int line, const char *expected, pv_err *err)
{
    char text[PV_ERR_MSG / 2];
    ssize_t n;
    do n = recv(line, text, sizeof text, *expected != '\0' ? 0 : MSG_WAITALL);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)strlen(expected) && memcmp(text, expected, (size_t)n) == 0) return PV_OK;
    return pv_fail(err, PV_EIO, "cannot start the server '%s': %.*s", s->id, n > 1 ? (int)n - 1 : 0,
                   text + 1);
}

/* The last line that the program printed. */
static void last_line(const char *folder, char *out, size_t cap)
{
    char path[PV_PATH_CAP];
    pv_buf text;
    out[0] = '\0';
    pv_buf_init(&text, 1024 * 1024);
    if (pv_path_format(path, NULL, "%s/console.log", folder) == PV_OK &&
        pv_file_read(&text, path, NULL) == PV_OK && text.len > 0) {
        size_t end = text.len, from;
        while (end > 0 && text.data[end - 1] == '\n') end--;
        for (from = end; from > 0 && text.data[from - 1] != '\n' && end - from < OUTPUT_TAIL;)
            from--;
        snprintf(out, cap, "%.*s", (int)(end - from), text.data + from);
    }
    pv_buf_deinit(&text);
}

/* Waits for the program's end. */
static pv_status reap(const pv_server *s, pid_t pid, const char *name, pv_err *err)
{
    char said[OUTPUT_TAIL + 1];
    int ended = 0;
    while (waitpid(pid, &ended, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(ended) && WEXITSTATUS(ended) == 0) return PV_OK;
    last_line(s->folder, said, sizeof said);
    return pv_fail(err, PV_EIO, "cannot start the server '%s': %s ended with %s %d: %s", s->id,
                   name, WIFEXITED(ended) ? "code" : "signal",
                   WIFEXITED(ended) ? WEXITSTATUS(ended) : WTERMSIG(ended), said);
}

/* Writes down the init that the program made. */
static pv_status note_init(const pv_server *s, const char *pid_file, const char *name, pv_err *err)
{
    pid_t pid = 0;
    pv_buf text;
    pv_status status;
    pv_buf_init(&text, 64);
    status = pv_file_read(&text, pid_file, err);
    if (status == PV_OK && text.len > 0) pid = (pid_t)strtol(text.data, NULL, 10);
    pv_buf_deinit(&text);
    if (status == PV_OK && (pid <= 1 || pv_process_started(pid) == 0))
        status = pv_fail(err, PV_EUNAVAILABLE, "the init that %s made for the server '%s' is gone",
                         name, s->id);
    return status == PV_OK ? pv_run_write(s->folder, pid, err) : status;
}

/* The files that things are mounted on, no pid of an earlier start, a group for the program itself:
 * version 2 allows processes in groups without others below only. */
static pv_status prepare(const pv_server *s, char *pid_file, char *group, pv_err *err)
{
    char path[PV_PATH_CAP];
    int fd = -1;
    pv_status status = pv_path_format(pid_file, err, "%s/pid", s->folder);
    if (status == PV_OK) unlink(pid_file);
    if (status == PV_OK) status = pv_path_format(path, err, "%s/net", s->folder);
    if (status == PV_OK && (fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600)) < 0)
        status = pv_fail_errno(err, errno, "cannot make %s", path);
    if (fd >= 0) close(fd);
    if (status == PV_OK) status = pv_path_format(group, err, "%s/maker", s->cgroup);
    return status == PV_OK ? pv_cgroup_make(s->cgroups, group, err) : status;
}

pv_status pv_cell_make(const pv_server *s, const pv_conf *network, char **program, pv_err *err)
{
    char pid_file[PV_PATH_CAP], group[PV_PATH_CAP];
    int gate[2];
    pid_t pid;
    pv_status status = prepare(s, pid_file, group, err);
    if (status != PV_OK) return status;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate) != 0)
        return pv_fail_errno(err, errno, "cannot make a socket pair");
    pid = fork();
    if (pid == 0) {
        close(gate[1]);
        run_program(s, network, group, program, gate[0]);
    }
    close(gate[0]);
    status = pid > 0 ? hear(s, gate[1], "r", err) : pv_fail_errno(err, errno, "cannot fork");
    if (status == PV_OK) status = pv_server_connect(s, network, pid, err);
    if (status == PV_OK && write(gate[1], "g", 1) != 1)
        status = pv_fail_errno(err, errno, "cannot start the server '%s'", s->id);
    if (status == PV_OK) status = hear(s, gate[1], "", err);
    close(gate[1]); /* a process that still waits ends now */
    if (pid > 0 && status != PV_OK) reap(s, pid, program[0], NULL);
    if (status == PV_OK) status = reap(s, pid, program[0], err);
    return status == PV_OK ? note_init(s, pid_file, program[0], err) : status;
}
