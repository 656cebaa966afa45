/* Logging in with an agent.  libssh talks to it with blocking reads, and an agent may ask a
 * person; so this step has a thread and, until it posts back, libssh to itself. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/handle.h"
#include "net/ssh_internal.h"

enum { STACK = 256 << 10 };

struct ssh_agent_job {
    pv_ssh *s;
    uv_thread_t thread;
    uv_async_t done;
    int fd; /* our own copy of the agent's socket, to shut it down */
    int rc;
};

static void on_closed(uv_handle_t *handle)
{
    struct ssh_agent_job *job = PV_OWNER(handle, struct ssh_agent_job, done);
    ssh_unref(job->s);
    pv_free(job);
}

static void on_done(uv_async_t *done)
{
    struct ssh_agent_job *job = PV_OWNER(done, struct ssh_agent_job, done);
    pv_ssh *s = job->s;
    int rc = job->rc;
    pv_err err;
    uv_thread_join(&job->thread);
    close(job->fd);
    s->agent = NULL;
    ssh_set_blocking(s->lib, 0);
    uv_close((uv_handle_t *)done, on_closed);
    if (s->state == SSH_ST_DEAD) {
        ssh_drop_lib(s);
    } else if (rc == SSH_AUTH_ERROR) {
        pv_fail(&err, PV_EAUTH, "%s: the agent failed: %s", s->name, ssh_get_error(s->lib));
        ssh_lose(s, &err);
    } else {
        s->agent_ok = rc == SSH_AUTH_SUCCESS;
        ssh_pump(s);
    }
}

static void run(void *arg)
{
    struct ssh_agent_job *job = arg;
    ssh_set_blocking(job->s->lib, 1);
    job->rc = ssh_userauth_agent(job->s->lib, NULL);
    uv_async_send(&job->done);
}

static int connect_agent(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

pv_status ssh_agent_start(pv_ssh *s, pv_err *err)
{
    uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = STACK};
    struct ssh_agent_job *job;
    int fd = connect_agent(s->agent_socket);
    if (fd < 0)
        return pv_fail_errno(err, errno, "%s: cannot reach the agent at %s", s->name,
                             s->agent_socket);
    job = pv_alloc(sizeof *job);
    job->s = s;
    job->fd = dup(fd);
    ssh_set_agent_socket(s->lib, fd); /* libssh closes it */
    uv_async_init(s->loop, &job->done, on_done);
    s->refs++;
    s->agent = job;
    if (uv_thread_create_ex(&job->thread, &options, run, job) != 0) {
        s->agent = NULL;
        close(job->fd);
        uv_close((uv_handle_t *)&job->done, on_closed);
        return pv_fail(err, PV_EIO, "%s: cannot start a thread for the agent", s->name);
    }
    return PV_EBUSY;
}

void ssh_agent_stop(pv_ssh *s)
{
    shutdown(s->agent->fd, SHUT_RDWR);
    shutdown(s->fd, SHUT_RDWR);
}
