#include "linux/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "linux/file.h"

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 4
#endif

enum { MOST_VOLUMES = 64 };

/* Folders of the machine that are bound into the server. */
typedef struct held {
    struct one {
        int fd;
        const char *inside; /* absolute path in the server */
    } list[MOST_VOLUMES];
    int count;
} held;

static const unsigned long PLAIN = MS_NOSUID | MS_NODEV | MS_NOEXEC;

static pv_status do_mount(const char *source, const char *target, const char *type,
                          unsigned long flags, const char *data, pv_err *err)
{
    if (mount(source, target, type, flags, data) != 0) {
        return pv_fail_errno(err, errno, "cannot mount %s on %s",
                             type != NULL     ? type
                             : source != NULL ? source
                                              : "flags",
                             target);
    }
    return PV_OK;
}

static pv_status bind_over(const char *path, unsigned long flags, pv_err *err)
{
    pv_status status = do_mount(path, path, NULL, MS_BIND, NULL, err);
    return status == PV_OK ? do_mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | flags, NULL, err)
                           : status;
}

pv_status pv_rootfs_mount(const pv_rootfs *fs, char *root, pv_err *err)
{
    char options[PV_PATH_CAP];
    pv_status status;
    if ((status = pv_path_format(root, err, "%s/root", fs->folder)) != PV_OK) return status;
    if ((status = do_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL, err)) != PV_OK)
        return status;
    if (strpbrk(fs->folder, ":,\\") != NULL || strpbrk(fs->lower, ":,\\") != NULL) {
        return pv_fail(err, PV_EINVAL,
                       "a folder with ':', ',' or '\\' in its name cannot hold servers: %s",
                       fs->folder);
    }
    status = pv_path_format(options, err, "lowerdir=%s,upperdir=%s/up,workdir=%s/work", fs->lower,
                            fs->folder, fs->folder);
    return status == PV_OK ? do_mount("prov", root, "overlay", 0, options, err) : status;
}

/* Relative to the new root, which is the working folder. */
static pv_status mount_proc(pv_err *err)
{
    static const char *const hidden[] = {"proc/sysrq-trigger", "proc/irq", "proc/bus"};
    pv_status status = do_mount("proc", "proc", "proc", PLAIN, NULL, err);
    if (status == PV_OK) status = bind_over("proc/sys", PLAIN | MS_RDONLY, err);
    if (status == PV_OK)
        status = bind_over("proc/sys/net", PLAIN, err); /* the server's own network may be tuned */
    for (size_t i = 0; status == PV_OK && i < sizeof hidden / sizeof *hidden; i++) {
        if (access(hidden[i], F_OK) == 0) status = bind_over(hidden[i], PLAIN | MS_RDONLY, err);
    }
    return status;
}

typedef struct v1_mounts {
    pv_status status;
    pv_err *err;
} v1_mounts;

static void mount_v1(const char *controllers, void *arg)
{
    v1_mounts *m = arg;
    char path[512], options[512];
    const char *name = strncmp(controllers, "name=", 5) == 0 ? controllers + 5 : controllers;
    if (m->status != PV_OK) return;
    snprintf(path, sizeof path, "sys/fs/cgroup/%s", name);
    snprintf(options, sizeof options, "%s%s", name != controllers ? "none," : "", controllers);
    if (mkdir(path, 0755) != 0) m->status = pv_fail_errno(m->err, errno, "cannot make %s", path);
    else m->status = do_mount("cgroup", path, "cgroup", PLAIN, options, m->err);
}

/* Containers inside a server need the controllers; where those are version 1, the server gets
 * the same hybrid layout as the machine.  Without nesting an own version 2 tree is enough. */
static pv_status mount_cgroups(const pv_rootfs *fs, pv_err *err)
{
    v1_mounts m = {PV_OK, err};
    if (!fs->nesting || strcmp(pv_cgroups_mode(fs->cgroups), "v2") == 0) {
        return do_mount("cgroup2", "sys/fs/cgroup", "cgroup2", PLAIN, NULL, err);
    }
    m.status = do_mount("tmpfs", "sys/fs/cgroup", "tmpfs", PLAIN, "mode=755,size=1m", err);
    pv_cgroups_each_v1(fs->cgroups, mount_v1, &m);
    if (m.status == PV_OK && mkdir("sys/fs/cgroup/unified", 0755) != 0) {
        m.status = pv_fail_errno(err, errno, "cannot make sys/fs/cgroup/unified");
    }
    if (m.status == PV_OK)
        m.status = do_mount("cgroup2", "sys/fs/cgroup/unified", "cgroup2", PLAIN, NULL, err);
    return m.status;
}

static pv_status make_node(const char *path, unsigned major_number, unsigned minor_number,
                           pv_err *err)
{
    if (mknod(path, S_IFCHR | 0666, makedev(major_number, minor_number)) != 0 ||
        chmod(path, 0666) != 0) {
        return pv_fail_errno(err, errno, "cannot make %s", path);
    }
    return PV_OK;
}

static pv_status make_nodes(const pv_rootfs *fs, pv_err *err)
{
    static const struct {
        const char *path;
        unsigned major_number, minor_number;
        int nesting; /* only for containers inside, where the machine has it */
        const char *host;
    } nodes[] = {
        {"dev/null", 1, 3, 0, NULL},
        {"dev/zero", 1, 5, 0, NULL},
        {"dev/full", 1, 7, 0, NULL},
        {"dev/random", 1, 8, 0, NULL},
        {"dev/urandom", 1, 9, 0, NULL},
        {"dev/tty", 5, 0, 0, NULL},
        {"dev/net/tun", 10, 200, 1, "/dev/net/tun"},
        {"dev/fuse", 10, 229, 1, "/dev/fuse"},
    };
    pv_status status = PV_OK;
    for (size_t i = 0; status == PV_OK && i < sizeof nodes / sizeof *nodes; i++) {
        if (nodes[i].nesting && (!fs->nesting || access(nodes[i].host, F_OK) != 0)) continue;
        status = make_node(nodes[i].path, nodes[i].major_number, nodes[i].minor_number, err);
    }
    return status;
}

static pv_status mount_dev(const pv_rootfs *fs, pv_err *err)
{
    static const char *const folders[] = {"dev/pts", "dev/shm", "dev/mqueue", "dev/net"};
    static const char *const links[][2] = {
        {"pts/ptmx", "dev/ptmx"},          {"/proc/self/fd", "dev/fd"},
        {"/proc/self/fd/0", "dev/stdin"},  {"/proc/self/fd/1", "dev/stdout"},
        {"/proc/self/fd/2", "dev/stderr"}, {"/proc/kcore", "dev/core"},
    };
    char console[PV_PATH_CAP];
    pv_status status = do_mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755,size=4m", err);
    int fd;
    if (status != PV_OK) return status;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) mkdir(folders[i], 0755);
    if ((status = make_nodes(fs, err)) != PV_OK) return status;
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        if (symlink(links[i][0], links[i][1]) != 0)
            return pv_fail_errno(err, errno, "cannot link %s", links[i][1]);
    }
    if ((fd = open("dev/console", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) >= 0) close(fd);
    status = pv_path_format(console, err, "%s/console.log", fs->folder);
    if (status == PV_OK) status = do_mount(console, "dev/console", NULL, MS_BIND, NULL, err);
    if (status == PV_OK)
        status = do_mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
                          "newinstance,ptmxmode=0666,mode=620,gid=5", err);
    if (status == PV_OK)
        status = do_mount("tmpfs", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, NULL, err);
    if (status == PV_OK) status = do_mount("mqueue", "dev/mqueue", "mqueue", PLAIN, NULL, err);
    return status;
}

/* Takes hold of a folder of the machine; it is attached after the change of root, so that no
 * link of the server's own tree can lead the path out of it. */
static pv_status take_folder(held *h, const char *host, const char *inside, pv_err *err)
{
    struct one *one = &h->list[h->count];
    if (h->count == MOST_VOLUMES)
        return pv_fail(err, PV_ELIMIT, "a server takes at most %d volumes", MOST_VOLUMES);
    one->fd = (int)syscall(SYS_open_tree, AT_FDCWD, host, OPEN_TREE_CLONE | O_CLOEXEC);
    if (one->fd < 0) return pv_fail_errno(err, errno, "cannot bind the folder %s", host);
    one->inside = inside;
    h->count++;
    return PV_OK;
}

/* Real folders: an overlay cannot be the upper layer of the overlays of containers inside. */
static pv_status take_volumes(const pv_rootfs *fs, held *h, pv_err *err)
{
    static const char *const nested[][2] = {{"containerd", "/var/lib/containerd"},
                                            {"docker", "/var/lib/docker"}};
    char host[PV_PATH_CAP];
    const char *line;
    pv_status status = PV_OK;
    for (int i = 0; status == PV_OK && fs->nesting && i < 2; i++) {
        status = pv_path_format(host, err, "%s/vol/%s", fs->folder, nested[i][0]);
        if (status == PV_OK) status = take_folder(h, host, nested[i][1], err);
    }
    for (int n = 0; status == PV_OK && (line = pv_conf_get(fs->conf, "volume", n)) != NULL; n++) {
        const char *colon = strchr(line, ':');
        if (colon == NULL) return pv_fail(err, PV_ECORRUPT, "bad volume line '%s'", line);
        status = pv_path_format(host, err, "%.*s", (int)(colon - line), line);
        if (status == PV_OK) status = take_folder(h, host, colon + 1, err);
    }
    return status;
}

static pv_status attach_volumes(held *h, pv_err *err)
{
    pv_status status = PV_OK;
    for (int i = 0; status == PV_OK && i < h->count; i++) {
        const struct one *one = &h->list[i];
        status = pv_dir_make(one->inside, err);
        if (status == PV_OK && syscall(SYS_move_mount, one->fd, "", AT_FDCWD, one->inside,
                                       MOVE_MOUNT_F_EMPTY_PATH) != 0) {
            status = pv_fail_errno(err, errno, "cannot bind a volume on %s", one->inside);
        }
        close(one->fd);
    }
    return status;
}

static pv_status pivot(pv_err *err)
{
    if (syscall(SYS_pivot_root, ".", ".") != 0)
        return pv_fail_errno(err, errno, "cannot change the root folder");
    /* The old root now lies over the new one at the same place: take it off. */
    if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
        return pv_fail_errno(err, errno, "cannot leave the old root folder");
    return PV_OK;
}

pv_status pv_rootfs_enter(const pv_rootfs *fs, pv_err *err)
{
    char root[PV_PATH_CAP];
    held volumes = {.count = 0};
    pv_status status = pv_rootfs_mount(fs, root, err);
    if (status == PV_OK && chdir(root) != 0)
        status = pv_fail_errno(err, errno, "cannot enter %s", root);
    if (status == PV_OK) status = mount_proc(err);
    if (status == PV_OK) status = do_mount("sysfs", "sys", "sysfs", PLAIN | MS_RDONLY, NULL, err);
    if (status == PV_OK) status = mount_cgroups(fs, err);
    if (status == PV_OK) status = mount_dev(fs, err);
    if (status == PV_OK)
        status = do_mount("tmpfs", "run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755", err);
    if (status == PV_OK && mkdir("run/lock", 01777) != 0)
        status = pv_fail_errno(err, errno, "cannot make run/lock");
    if (status == PV_OK) status = take_volumes(fs, &volumes, err);
    if (status == PV_OK) status = pivot(err);
    return status == PV_OK ? attach_volumes(&volumes, err) : status;
}
