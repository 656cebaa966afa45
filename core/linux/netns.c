#include "linux/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "linux/file.h"
#include "linux/rtnl.h"

#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673
#endif

int pv_netns_has(const char *path)
{
    struct statfs fs;
    return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == NSFS_MAGIC;
}

void pv_netns_leave(int saved)
{
    if (saved < 0) return;
    if (setns(saved, CLONE_NEWNET) != 0) abort();
    close(saved);
}

static pv_status loopback_up(pv_err *err)
{
    pv_nl *nl;
    pv_status status = pv_nl_open(&nl, err);
    if (status == PV_OK) status = pv_nl_link_up(nl, "lo", err);
    pv_nl_close(nl);
    return status;
}

pv_status pv_netns_create(const char *path, pv_err *err)
{
    char folder[PV_PATH_CAP];
    pv_status status;
    int saved, fd;
    if (pv_netns_has(path)) return PV_OK;
    if ((status = pv_path_format(folder, err, "%s", path)) != PV_OK) return status;
    if (strrchr(folder, '/') != NULL) *strrchr(folder, '/') = '\0';
    if ((status = pv_dir_make(folder, err)) != PV_OK) return status;
    fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return pv_fail_errno(err, errno, "cannot make %s", path);
    close(fd);
    saved = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (saved < 0) return pv_fail_errno(err, errno, "cannot open /proc/self/ns/net");
    if (unshare(CLONE_NEWNET) != 0) {
        status = pv_fail_errno(err, errno, "cannot make a network namespace");
        close(saved);
        unlink(path);
        return status;
    }
    status = loopback_up(err);
    if (status == PV_OK && mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL) != 0) {
        status = pv_fail_errno(err, errno, "cannot keep the network namespace at %s", path);
    }
    pv_netns_leave(saved);
    if (status != PV_OK) unlink(path);
    return status;
}

pv_status pv_netns_delete(const char *path, pv_err *err)
{
    while (umount2(path, MNT_DETACH) == 0) {
    }
    if (unlink(path) != 0 && errno != ENOENT)
        return pv_fail_errno(err, errno, "cannot remove %s", path);
    return PV_OK;
}

pv_status pv_netns_enter(const char *path, int *saved, pv_err *err)
{
    int fd = -1, error;
    *saved = -1;
    if (!pv_netns_has(path))
        return pv_fail(err, PV_ENOTFOUND, "there is no network namespace at %s", path);
    if ((*saved = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) >= 0 &&
        (fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0 && setns(fd, CLONE_NEWNET) == 0) {
        close(fd);
        return PV_OK;
    }
    error = errno;
    if (fd >= 0) close(fd);
    if (*saved >= 0) close(*saved);
    *saved = -1;
    return pv_fail_errno(err, error, "cannot enter the network namespace %s", path);
}
