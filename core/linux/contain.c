#include "linux/contain.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int exit_code(int ended)
{
    return WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
}

static int wait_for_child(pid_t pid)
{
    int ended;
    for (;;) {
        pid_t got = waitpid(-1, &ended, 0); /* the first process of a namespace inherits orphans */
        if (got == pid) return exit_code(ended);
        if (got < 0 && errno != EINTR) return 1;
    }
}

/* First process of the new pid namespace. */
static int run_inside(char **argv)
{
    pid_t pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0) {
        fprintf(stderr, "cannot mount /proc: %s\n", strerror(errno));
        return 1;
    }
    pid = fork();
    if (pid == 0) {
        signal(SIGPIPE, SIG_DFL);
        syscall(SYS_close_range, 3U, ~0U, 0U);
        execvp(argv[0], argv);
        fprintf(stderr, "%s: %s\n", argv[0], errno == ENOENT ? "not found" : strerror(errno));
        _exit(errno == ENOENT ? 127 : 126);
    }
    return pid > 0 ? wait_for_child(pid) : 1;
}

int pv_contain(char **argv)
{
    pid_t parent = getppid(), pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) return 1; /* it died before the line above */
    if (unshare(CLONE_NEWNS | CLONE_NEWPID) != 0) {
        fprintf(stderr, "cannot make namespaces: %s\n", strerror(errno));
        return 1;
    }
    pid = fork();
    if (pid == 0) _exit(run_inside(argv));
    return pid > 0 ? wait_for_child(pid) : 1;
}
