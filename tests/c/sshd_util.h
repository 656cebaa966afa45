/* A real sshd on a loopback port for the tests of core/net, in a mount and PID namespace of its
 * own: root's login shell there is /bin/sh without anybody's dotfiles, and killing it kills all
 * it started.  Needs root. */
#ifndef PV_TESTS_SSHD_UTIL_H
#define PV_TESTS_SSHD_UTIL_H

#include "net_util.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "net/ssh.h"

typedef struct sshd {
    fixture *f;
    pid_t pid;
    int port;
    pv_ssh_keypair host, user;
    const char *key; /* the user's private key, for pv_ssh_options.keys */
} sshd;

static inline int sshd_possible(void)
{
    return geteuid() == 0 && access("/usr/sbin/sshd", X_OK) == 0;
}

/* Lets another public key line in. */
static inline void sshd_allow(const sshd *d, const char *line)
{
    char path[128];
    FILE *file;
    put_file(d->f, path, "authorized", NULL);
    file = fopen(path, "a");
    assert_non_null(file);
    assert_true(fprintf(file, "%s\n", line) > 0);
    fclose(file);
}

static inline void sshd_stop(sshd *d)
{
    int ended;
    if (d->pid > 0) {
        kill(d->pid, SIGKILL);
        waitpid(d->pid, &ended, 0);
    }
    d->pid = 0;
}

static inline void sshd_drop(sshd *d)
{
    sshd_stop(d);
    pv_ssh_keypair_deinit(&d->host);
    pv_ssh_keypair_deinit(&d->user);
}

static inline pid_t sshd_spawn(const char *dir, const char *log)
{
    static const char script[] = "set -e\n"
                                 "mount --make-rprivate /\n"
                                 "mount --bind \"$1/passwd\" /etc/passwd\n"
                                 "mkdir -p /run/sshd\n"
                                 "exec /usr/sbin/sshd -D -e -f \"$1/config\"\n";
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(fd, 1);
        dup2(fd, 2);
        execlp("unshare", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
               "sh", "-c", script, "sh", dir, (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* 1: it listens.  0: it has ended, as when somebody took the port meanwhile. */
static inline int sshd_wait(sshd *d, const char *log)
{
    for (int i = 0; i < 6000; i++) {
        char text[4096] = "";
        int fd = open(log, O_RDONLY | O_CLOEXEC), ended;
        if (fd >= 0) {
            (void)!read(fd, text, sizeof text - 1);
            close(fd);
        }
        if (strstr(text, "Server listening on") != NULL) return 1;
        if (waitpid(d->pid, &ended, WNOHANG) == d->pid) {
            d->pid = 0;
            print_message("sshd: %s\n", text);
            return 0;
        }
        usleep(10000);
    }
    return 0;
}

static inline void sshd_start(sshd *d, fixture *f, const char *config)
{
    char path[128], log[128], text[1024];
    int listens = 0;
    memset(d, 0, sizeof *d);
    d->f = f;
    assert_int_equal(pv_ssh_keygen(&d->host, "ed25519", NULL, NULL), PV_OK);
    assert_int_equal(pv_ssh_keygen(&d->user, "ed25519", NULL, NULL), PV_OK);
    d->key = d->user.private_key.data;
    put_file(f, path, "host_key", d->host.private_key.data);
    assert_int_equal(chmod(path, 0600), 0);
    sshd_allow(d, d->user.public_key.data);
    put_file(f, path, "passwd",
             "root:x:0:0:root:/root:/bin/sh\n"
             "sshd:x:101:65534::/run/sshd:/usr/sbin/nologin\n");
    put_file(f, log, "log", NULL);
    for (int attempt = 0; attempt < 5 && !listens; attempt++) {
        sshd_stop(d);
        close(loopback(&d->port, -1));
        snprintf(text, sizeof text,
                 "Port %d\nListenAddress 127.0.0.1\nPidFile none\nHostKey %s/host_key\n"
                 "AuthorizedKeysFile %s/authorized\nStrictModes no\nUsePAM no\nUseDNS no\n"
                 "PasswordAuthentication no\nMaxStartups 1000\nPerSourceMaxStartups none\n%s\n",
                 d->port, f->dir, f->dir, config);
        put_file(f, path, "config", text);
        unlink(log); /* that of an earlier one says that it listens */
        d->pid = sshd_spawn(f->dir, log);
        listens = sshd_wait(d, log);
    }
    if (!listens) fail_msg("sshd does not start");
}

/* Options that log in to d; the pointers are into d. */
static inline pv_ssh_options sshd_options(const sshd *d)
{
    return (pv_ssh_options){.host = "127.0.0.1",
                            .port = d->port,
                            .host_key = d->host.public_key.data,
                            .keys = &d->key,
                            .key_count = 1};
}

typedef struct login {
    int calls;
    pv_err err;
} login;

static inline void on_login(void *arg, const pv_err *err)
{
    login *l = arg;
    l->calls++;
    if (err != NULL) l->err = *err;
}

/* Connects and waits for the outcome, which is in *l; the session must be closed anyway. */
static inline pv_ssh *ssh_login(fixture *f, const pv_ssh_options *options, login *l)
{
    pv_ssh *s = NULL;
    pv_err err = {0};
    *l = (login){0};
    if (pv_ssh_connect(&s, &f->loop, options, on_login, l, &err) != PV_OK) fail_msg("%s", err.msg);
    assert_int_equal(l->calls, 0);
    run_until(&f->loop, &l->calls);
    return s;
}

/* The same, where it must work. */
static inline pv_ssh *ssh_open(fixture *f, const pv_ssh_options *options)
{
    login l;
    pv_ssh *s = ssh_login(f, options, &l);
    if (l.err.status != PV_OK) fail_msg("%s", l.err.msg);
    assert_true(pv_ssh_ready(s));
    return s;
}

typedef struct command {
    int calls, has_code, code;
    char signal[16];
    pv_buf out, err;
    pv_err why;
} command;

static inline void on_command(void *arg, const pv_ssh_result *result, const pv_err *why)
{
    command *c = arg;
    c->calls++;
    assert_true((result == NULL) != (why == NULL));
    if (why != NULL) {
        c->why = *why;
        return;
    }
    c->has_code = result->has_code;
    c->code = result->code;
    snprintf(c->signal, sizeof c->signal, "%s", result->signal != NULL ? result->signal : "");
    pv_buf_add(&c->out, result->out.data, result->out.len);
    pv_buf_add(&c->err, result->err.data, result->err.len);
}

/* Starts a command; on_done and arg are filled in here. */
static inline pv_ssh_exec *begin(pv_ssh *s, pv_ssh_exec_options options, command *c)
{
    pv_ssh_exec *e = NULL;
    pv_err err = {0};
    memset(c, 0, sizeof *c);
    options.on_done = on_command;
    options.arg = c;
    if (options.input_fd == 0) options.input_fd = -1;
    if (pv_ssh_exec_start(&e, s, &options, &err) != PV_OK) fail_msg("%s", err.msg);
    assert_int_equal(c->calls, 0);
    return e;
}

static inline void command_drop(command *c)
{
    pv_buf_deinit(&c->out);
    pv_buf_deinit(&c->err);
}

/* Runs a command to its end. */
static inline void run(fixture *f, pv_ssh *s, const char *text, command *c)
{
    begin(s, (pv_ssh_exec_options){.command = text}, c);
    run_until(&f->loop, &c->calls);
    if (c->why.status != PV_OK) fail_msg("%s", c->why.msg);
}

/* That echo works. */
static inline void assert_works(fixture *f, pv_ssh *s)
{
    command c;
    run(f, s, "echo hi", &c);
    assert_int_equal(c.out.len, 3);
    assert_memory_equal(c.out.data, "hi\n", 3);
    command_drop(&c);
}

#endif
