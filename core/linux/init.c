#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/process.h"
#include "linux/rootfs.h"
#include "linux/server.h"

static void exec_init(const char *init)
{
    static char *const environment[] = {
        "container=prov", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME=/root", "LANG=C.UTF-8", NULL};
    static char *const systemd[] = {"/sbin/init", "--log-target=console", "--show-status=1", NULL};
    static char *const sshd[] = {"/usr/sbin/sshd", "-D", "-e", NULL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 1; i < NSIG; i++) signal(i, SIG_DFL);
    umask(022);
    syscall(SYS_close_range, 3U, ~0U, 0U);
    if (strcmp(init, "sshd") == 0) {
        mkdir("/run/sshd", 0755);
        execve(sshd[0], sshd, environment);
    } else {
        execve(systemd[0], systemd, environment);
    }
}

/* The first process of the server, alone in its namespaces. Never returns.  It begins when
 * a byte comes over `line` and answers with what went wrong; when its init runs, the other
 * side just sees the end. */
static void run_init(const pv_server *s, const pv_conf *network, int line)
{
    pv_rootfs fs = {.folder = s->folder,
                    .conf = s->conf,
                    .cgroups = s->cgroups,
                    .nesting = (int)pv_conf_int(s->conf, "nesting", 0)};
    const char *init = pv_conf_get(s->conf, "init", 0),
               *hostname = pv_conf_get(s->conf, "hostname", 0);
    pv_err err = {.status = PV_OK};
    char byte;
    ssize_t n;
    do n = read(line, &byte, 1);
    while (n < 0 && errno == EINTR);
    if (n != 1) _exit(0); /* whoever made us died before the server was complete */
    if (pv_conf_need(s->conf, "image", &fs.lower, &err) != PV_OK) goto fail;
    if (hostname != NULL && sethostname(hostname, strlen(hostname)) != 0)
        pv_fail_errno(&err, errno, "cannot set the hostname");
    if (err.status != PV_OK || pv_server_address(s, network, &err) != PV_OK) goto fail;
    if (pv_rootfs_enter(&fs, &err) != PV_OK) goto fail;
    exec_init(init != NULL ? init : "systemd");
    pv_fail_errno(&err, errno, "cannot start the init of the image");
fail:
    dprintf(line, "%s", err.msg);
    _exit(1);
}

/* Between the helper and the server: joins the cgroups, makes the init in new namespaces,
 * tells its pid and ends, so that nobody waits for the init but the machine's own. */
static void run_middle(const pv_server *s, const pv_conf *network, int tell, int line)
{
    const unsigned long spaces =
        CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP;
    pv_err err;
    long pid;
    setsid();
    pv_server_console(s->folder);
    if (pv_cgroup_join(s->cgroups, s->cgroup, &err) != PV_OK) {
        dprintf(STDERR_FILENO, "prov: %s\n", err.msg);
        _exit(1);
    }
    pid = syscall(SYS_clone, spaces | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        close(tell);
        run_init(s, network, line);
    }
    if (pid < 0) dprintf(STDERR_FILENO, "prov: cannot make namespaces: %s\n", strerror(errno));
    _exit(pid > 0 && write(tell, &pid, sizeof pid) == (ssize_t)sizeof pid ? 0 : 1);
}

/* Makes the init; *line is the other end of the one in run_init(). */
static pv_status spawn_init(const pv_server *s, const pv_conf *network, long *pid, int *line,
                            pv_err *err)
{
    int tell[2], gate[2], ended;
    pid_t middle;
    ssize_t n;
    if (pipe2(tell, O_CLOEXEC) != 0) return pv_fail_errno(err, errno, "cannot make a pipe");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate) != 0) {
        close(tell[0]);
        close(tell[1]);
        return pv_fail_errno(err, errno, "cannot make a socket pair");
    }
    middle = fork();
    if (middle == 0) {
        close(gate[1]);
        run_middle(s, network, tell[1], gate[0]);
    }
    close(tell[1]);
    close(gate[0]);
    do n = read(tell[0], pid, sizeof *pid);
    while (n < 0 && errno == EINTR);
    close(tell[0]);
    while (middle > 0 && waitpid(middle, &ended, 0) < 0 && errno == EINTR) {
    }
    if (middle < 0 || n != (ssize_t)sizeof *pid) {
        close(gate[1]);
        return pv_fail(err, PV_EIO, "cannot start the server '%s': see %s/console.log", s->id,
                       s->folder);
    }
    *line = gate[1];
    return PV_OK;
}

/* Lets the init begin and waits until it runs. */
static pv_status release_init(const pv_server *s, int line, pv_err *err)
{
    char problem[PV_ERR_MSG / 2];
    ssize_t n;
    if (write(line, "g", 1) != 1)
        return pv_fail_errno(err, errno, "cannot start the init of '%s'", s->id);
    do n = recv(line, problem, sizeof problem, MSG_WAITALL);
    while (n < 0 && errno == EINTR);
    if (n == 0) return PV_OK;
    if (n < 0) return pv_fail_errno(err, errno, "cannot start the init of '%s'", s->id);
    return pv_fail(err, PV_EIO, "cannot start the server '%s': %.*s", s->id, (int)n, problem);
}

pv_status pv_init_make(const pv_server *s, const pv_conf *network, pv_err *err)
{
    long pid = 0;
    int line = -1;
    pv_status status = spawn_init(s, network, &pid, &line, err);
    if (status == PV_OK) status = pv_server_connect(s, network, (pid_t)pid, err);
    if (status == PV_OK) status = pv_run_write(s->folder, (pid_t)pid, err);
    if (status == PV_OK) status = release_init(s, line, err);
    if (line >= 0) close(line);
    return status;
}
