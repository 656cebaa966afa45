#include "linux/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

struct pv_lock {
    int fd;
};

/* True when fd is still the file at path. */
static int is_current(int fd, const char *path)
{
    struct stat held, named;
    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

pv_status pv_lock_open(pv_lock **out, const char *path, int wait, pv_err *err)
{
    int fd, rc;
    *out = NULL;
    for (;;) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 && errno == EISDIR) fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) return pv_fail_errno(err, errno, "cannot open the lock %s", path);
        do rc = flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB);
        while (rc != 0 && errno == EINTR);
        if (rc != 0) {
            int error = errno;
            close(fd);
            if (error == EWOULDBLOCK)
                return pv_fail(err, PV_EBUSY, "%s is locked by another process", path);
            return pv_fail_errno(err, error, "cannot lock %s", path);
        }
        if (is_current(fd, path)) break;
        close(fd);
    }
    *out = pv_alloc(sizeof **out);
    (*out)->fd = fd;
    return PV_OK;
}

void pv_lock_close(pv_lock *lock)
{
    if (lock == NULL) return;
    close(lock->fd);
    pv_free(lock);
}
