#include "net/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static pv_status make_socket(int *out, int family, int type, pv_err *err)
{
    int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return pv_fail_errno(err, errno, "cannot make a socket");
    *out = fd;
    return PV_OK;
}

pv_status pv_netns_socket(int *out, const char *path, int family, int type, pv_err *err)
{
    int home = -1, there = -1;
    pv_status status;
    *out = -1;
    if (path == NULL) return make_socket(out, family, type, err);
    home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (home < 0) {
        status = pv_fail_errno(err, errno, "cannot open the own network namespace");
        goto done;
    }
    there = open(path, O_RDONLY | O_CLOEXEC);
    if (there < 0) {
        status = pv_fail_errno(err, errno, "cannot open network namespace %s", path);
        goto done;
    }
    if (setns(there, CLONE_NEWNET) != 0) {
        status = pv_fail_errno(err, errno, "cannot enter network namespace %s", path);
        goto done;
    }
    status = make_socket(out, family, type, err);
    if (setns(home, CLONE_NEWNET) != 0) {
        fprintf(stderr, "prov: cannot return from network namespace %s: %s\n", path,
                strerror(errno));
        abort();
    }
done:
    if (there >= 0) close(there);
    if (home >= 0) close(home);
    return status;
}
