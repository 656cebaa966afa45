#include "linux/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

pv_status pv_notify(const char *state, pv_err *err)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t length;
    ssize_t sent;
    int fd, error;
    if (path == NULL || path[0] == '\0') return PV_OK;
    length = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || length >= sizeof to.sun_path)
        return pv_fail(err, PV_EINVAL, "NOTIFY_SOCKET is no socket: %s", path);
    memcpy(to.sun_path, path, length);
    if (path[0] == '@') to.sun_path[0] = '\0'; /* abstract, unix(7) */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return pv_fail_errno(err, errno, "cannot open a socket");
    sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    error = errno;
    close(fd);
    if (sent < 0) return pv_fail_errno(err, error, "cannot reach the service manager at %s", path);
    return PV_OK;
}
