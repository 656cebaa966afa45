/* The root file system of a server, built inside the server's own mount namespace, so that
 * nothing of it is ever mounted on the machine. */
#ifndef PV_LINUX_ROOTFS_H
#define PV_LINUX_ROOTFS_H

#include "base/status.h"
#include "linux/cgroup.h"
#include "linux/conf.h"

typedef struct pv_rootfs {
    const char *lower;         /* unpacked base image */
    const char *folder;        /* of the server: up, work, root, vol, console.log */
    const pv_conf *conf;       /* volume=<host folder>:<path> lines */
    const pv_cgroups *cgroups; /* their version 1 hierarchies are mounted when nesting */
    int nesting;
} pv_rootfs;

/* Mounts the overlay at <folder>/root, into root[PV_PATH_CAP]; the calling process must be in a
 * mount namespace of its own, whose mounts become private. */
pv_status pv_rootfs_mount(const pv_rootfs *fs, char *root, pv_err *err);

/* Mounts everything and makes it the root of the calling process, which must be alone in new
 * mount, pid, network, ipc and cgroup namespaces. */
pv_status pv_rootfs_enter(const pv_rootfs *fs, pv_err *err);

#endif
