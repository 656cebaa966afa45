/* Host keys, users' keys, agents, jump hosts, against a real sshd; needs root. */
#include "sshd_util.h"

/* Expects that the login fails so. */
static void refused(fixture *f, const pv_ssh_options *options, pv_status status, const char *part)
{
    login l;
    pv_ssh *s = ssh_login(f, options, &l);
    assert_int_equal(l.calls, 1);
    assert_says(&l.err, status, part);
    assert_false(pv_ssh_ready(s));
    pv_ssh_close(s);
}

static void accepted(fixture *f, const pv_ssh_options *options)
{
    pv_ssh *s = ssh_open(f, options);
    assert_works(f, s);
    pv_ssh_close(s);
}

static void checks_the_host_key(void **state)
{
    fixture *f = *state;
    char path[128], line[1024];
    pv_ssh_keypair other;
    pv_ssh_options options;
    sshd d;
    sshd_start(&d, f, "");
    assert_int_equal(pv_ssh_keygen(&other, "ed25519", NULL, NULL), PV_OK);
    options = sshd_options(&d);
    accepted(f, &options);
    options.host_key = other.public_key.data;
    refused(f, &options, PV_EAUTH, "is not the pinned one");
    options.host_key = NULL;
    options.strict = 1;
    refused(f, &options, PV_EAUTH, "no host key and no known_hosts file");
    put_file(f, path, "known", "");
    options.known_hosts = path;
    refused(f, &options, PV_EAUTH, d.host.fingerprint.data);
    options.strict = 0;
    accepted(f, &options); /* and writes the key down */
    options.strict = 1;
    accepted(f, &options);
    snprintf(line, sizeof line, "[127.0.0.1]:%d %s\n", d.port, other.public_key.data);
    put_file(f, path, "known", line);
    refused(f, &options, PV_EAUTH, "line 1");
    options.strict = 0;
    refused(f, &options, PV_EAUTH, "differs from");
    snprintf(line, sizeof line, "@revoked * %s\n", d.host.public_key.data);
    put_file(f, path, "known", line);
    refused(f, &options, PV_EAUTH, "is revoked");
    pv_ssh_keypair_deinit(&other);
    sshd_drop(&d);
}

static void tries_keys(void **state)
{
    fixture *f = *state;
    char path[128];
    pv_ssh_keypair other;
    pv_ssh_options options;
    const char *keys[2];
    sshd d;
    sshd_start(&d, f, "");
    assert_int_equal(pv_ssh_keygen(&other, "ecdsa", NULL, NULL), PV_OK);
    options = sshd_options(&d);
    put_file(f, path, "user_key", d.key);
    keys[0] = other.private_key.data;
    keys[1] = path;
    options.keys = keys;
    options.key_count = 2;
    accepted(f, &options);
    options.key_count = 1;
    refused(f, &options, PV_EAUTH, "accepts none of the 1 keys for user 'root'");
    options.key_count = 0;
    refused(f, &options, PV_EAUTH, "no key and no agent");
    sshd_allow(&d, other.public_key.data);
    options.key_count = 1;
    accepted(f, &options);
    options.user = "nobody-of-that-name";
    refused(f, &options, PV_EAUTH, "nobody-of-that-name");
    pv_ssh_keypair_deinit(&other);
    sshd_drop(&d);
}

static void refuses_options(void **state)
{
    static const char *const damaged = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n";
    static const char *const missing = "/nonexistent/key";
    const struct {
        pv_ssh_options options;
        pv_status status;
    } wrong[] = {
        {{.host = NULL}, PV_EINVAL},
        {{.host = "127.0.0.1", .port = 70000}, PV_EINVAL},
        {{.host = "127.0.0.1", .host_key = "nonsense"}, PV_EINVAL},
        {{.host = "127.0.0.1", .keys = &damaged, .key_count = 1}, PV_EINVAL},
        {{.host = "127.0.0.1", .keys = &missing, .key_count = 1}, PV_ENOTFOUND},
        {{.host = "127.0.0.1", .cert = "/nonexistent/cert"}, PV_EINVAL},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        pv_ssh *s = (pv_ssh *)1;
        login l = {0};
        pv_err err = {0};
        assert_int_equal(pv_ssh_connect(&s, &f->loop, &wrong[i].options, on_login, &l, &err),
                         wrong[i].status);
        assert_int_equal(err.status, wrong[i].status);
        assert_null(s);
    }
}

/* Ports where nobody, somebody silent, or no SSH answers; and sessions closed too early. */
static void gives_up(void **state)
{
    fixture *f = *state;
    int port, socket = loopback(&port, -1), fd;
    pv_ssh_options options = {.host = "127.0.0.1", .port = port, .timeout_ms = 300};
    pv_ssh *s = NULL;
    login l = {0};
    refused(f, &options, PV_EUNAVAILABLE, "Connection refused");
    close(socket);
    socket = loopback(&options.port, 8);
    refused(f, &options, PV_ETIMEOUT, "the handshake was not finished");
    fd = accept(socket, NULL, NULL);
    close(fd);
    options.timeout_ms = 0;
    fcntl(socket, F_SETFL, O_NONBLOCK);
    assert_int_equal(pv_ssh_connect(&s, &f->loop, &options, on_login, &l, NULL), PV_OK);
    while ((fd = accept4(socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) < 0 && l.calls == 0) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        usleep(500);
    }
    assert_int_equal(send(fd, "HTTP/1.1 400 Bad\r\n\r\n", 20, 0), 20);
    close(fd);
    run_until(&f->loop, &l.calls);
    assert_int_equal(l.err.status, PV_EUNAVAILABLE);
    pv_ssh_close(s);
    l = (login){0};
    assert_int_equal(pv_ssh_connect(&s, &f->loop, &options, on_login, &l, NULL), PV_OK);
    assert_false(pv_ssh_ready(s));
    pv_ssh_close(s); /* before it connects */
    run_until(&f->loop, &l.calls);
    assert_int_equal(l.err.status, PV_ECANCELED);
    close(socket);
}

static pid_t start_agent(const char *socket)
{
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(null, 1);
        execlp("ssh-agent", "ssh-agent", "-D", "-a", socket, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 3000 && access(socket, F_OK) != 0; i++) usleep(10000);
    assert_int_equal(access(socket, F_OK), 0);
    return pid;
}

static void asks_an_agent(void **state)
{
    fixture *f = *state;
    char key[128], socket[128], add[512];
    pv_ssh_options options;
    int ended;
    pid_t agent;
    sshd d;
    sshd_start(&d, f, "");
    put_file(f, key, "user_key", d.key);
    chmod(key, 0600);
    put_file(f, socket, "agent", NULL);
    agent = start_agent(socket);
    options = sshd_options(&d);
    options.key_count = 0;
    options.agent_socket = socket;
    refused(f, &options, PV_EAUTH, "and of the agent's");
    snprintf(add, sizeof add, "SSH_AUTH_SOCK='%s' ssh-add -q '%s' 2>/dev/null", socket, key);
    assert_int_equal(system(add), 0);
    accepted(f, &options);
    kill(agent, SIGSTOP); /* one that does not answer */
    options.timeout_ms = 1000;
    refused(f, &options, PV_ETIMEOUT, "authentication was not finished");
    kill(agent, SIGKILL);
    waitpid(agent, &ended, 0);
    options.timeout_ms = 0;
    refused(f, &options, PV_EUNAVAILABLE, "cannot reach the agent");
    sshd_drop(&d);
}

static void jumps(void **state)
{
    fixture *f = *state;
    int port, unused = loopback(&port, -1);
    pv_ssh_options options, inner;
    pv_ssh *jump, *s;
    command c;
    login l;
    pv_err err;
    sshd d;
    sshd_start(&d, f, "");
    options = sshd_options(&d);
    jump = ssh_open(f, &options);
    inner = options;
    inner.jump = jump;
    s = ssh_open(f, &inner);
    assert_works(f, s);
    assert_works(f, jump);
    begin(s, (pv_ssh_exec_options){.command = "cat", .keep_input = 1}, &c);
    assert_works(f, s);
    pv_ssh_close(jump); /* takes the inner one with it */
    run_until(&f->loop, &c.calls);
    assert_int_equal(c.why.status, PV_EUNAVAILABLE);
    assert_false(pv_ssh_ready(s));
    pv_ssh_close(s);

    jump = ssh_open(f, &options);
    inner.jump = jump;
    inner.port = port; /* nobody listens there */
    s = ssh_login(f, &inner, &l);
    assert_says(&l.err, PV_EUNAVAILABLE, "through the jump host");
    pv_ssh_close(s);
    inner.netns = "/proc/self/ns/net";
    assert_int_equal(pv_ssh_connect(&s, &f->loop, &inner, on_login, &l, &err), PV_EINVAL);
    assert_says(&err, PV_EINVAL, "netns is the jump session's business");
    assert_works(f, jump);
    pv_ssh_close(jump);
    close(unused);
    sshd_drop(&d);
}

/* MaxSessions is about commands: neither do connections through the session wait for a place,
 * nor do they take one. */
static void jumps_beside_waiting_commands(void **state)
{
    fixture *f = *state;
    pv_ssh_options options, inner;
    pv_ssh *jump, *s;
    pv_ssh_exec *e;
    command first, second;
    sshd d;
    sshd_start(&d, f, "MaxSessions 1");
    options = sshd_options(&d);
    jump = ssh_open(f, &options);
    e = begin(jump, (pv_ssh_exec_options){.command = "cat", .keep_input = 1}, &first);
    begin(jump, (pv_ssh_exec_options){.command = "echo second"}, &second);
    for (int i = 0; i < 200; i++) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    assert_int_equal(second.calls, 0);
    inner = options;
    inner.jump = jump;
    s = ssh_open(f, &inner);
    assert_works(f, s);
    assert_int_equal(second.calls, 0);
    pv_ssh_exec_eof(e);
    run_until(&f->loop, &first.calls);
    run_until(&f->loop, &second.calls);
    assert_int_equal(second.out.len, 7);
    assert_memory_equal(second.out.data, "second\n", 7);
    command_drop(&first);
    command_drop(&second);
    pv_ssh_close(s);
    pv_ssh_close(jump);
    sshd_drop(&d);
}

/* Whatever the number of sessions, none of their descriptors stays: see net_teardown(). */
static void opens_many_at_once(void **state)
{
    enum { MANY = 20 };
    fixture *f = *state;
    pv_ssh_options options;
    pv_ssh *s[MANY];
    login l[MANY] = {{0}};
    sshd d;
    sshd_start(&d, f, "");
    options = sshd_options(&d);
    options.timeout_ms = 60000;
    for (int i = 0; i < MANY; i++)
        assert_int_equal(pv_ssh_connect(&s[i], &f->loop, &options, on_login, &l[i], NULL), PV_OK);
    for (int i = 0; i < MANY; i++) {
        run_until(&f->loop, &l[i].calls);
        if (l[i].err.status != PV_OK) fail_msg("%s", l[i].err.msg);
    }
    assert_true(count_descriptors() >= f->descriptors + MANY);
    for (int i = 0; i < MANY; i++) pv_ssh_close(s[i]);
    sshd_drop(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(checks_the_host_key, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(tries_keys, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(refuses_options, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(gives_up, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(asks_an_agent, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(jumps, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(jumps_beside_waiting_commands, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(opens_many_at_once, net_setup, net_teardown),
    };
    if (!sshd_possible()) {
        puts("SKIP logging in over SSH: needs root and /usr/sbin/sshd");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
