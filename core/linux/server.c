#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "linux/cgroup.h"
#include "linux/file.h"
#include "linux/lab.h"
#include "linux/labdir.h"
#include "linux/netns.h"
#include "linux/process.h"
#include "linux/rootfs.h"
#include "linux/rtnl.h"
#include "linux/serve.h"
#include "linux/server.h"

static const char LOOPBACK[] = "lo";

enum { INOTIFY_PER_SERVER = 8, INOTIFY_RESERVE = 48 };

pv_status pv_server_open(pv_server *s, const char *folder, int lock, pv_err *err)
{
    char path[PV_PATH_CAP];
    const char *name = strrchr(folder, '/');
    pv_status status;
    memset(s, 0, sizeof *s);
    s->id = name != NULL ? name + 1 : folder;
    status = pv_path_format(s->folder, err, "%s", folder);
    if (status == PV_OK) status = pv_labdir_of(folder, s->lab, err);
    if (status == PV_OK) status = pv_path_format(path, err, "%s/lock", folder);
    if (status == PV_OK && lock) status = pv_lock_open(&s->lock, path, 1, err);
    if (status == PV_OK) status = pv_path_format(path, err, "%s/server.conf", folder);
    if (status == PV_OK) status = pv_conf_open(&s->conf, path, err);
    if (status == PV_OK) status = pv_labdir_netns(s->lab, s->netns, err);
    if (status == PV_OK) status = pv_labdir_cgroup(s->lab, s->id, s->cgroup, err);
    if (status == PV_OK) status = pv_conf_need(s->conf, "link", &s->link, err);
    if (status == PV_OK) status = pv_conf_need(s->conf, "ip", &s->ip, err);
    if (status == PV_OK) status = pv_cgroups_open(&s->cgroups, err);
    if (status != PV_OK) pv_server_close(s);
    return status;
}

void pv_server_close(pv_server *s)
{
    pv_cgroups_close(s->cgroups);
    pv_conf_close(s->conf);
    pv_lock_close(s->lock);
    s->cgroups = NULL;
    s->conf = NULL;
    s->lock = NULL;
}

/* The addresses a server has beside its own: lines "10.0.1.2/16". */
static pv_status add_addresses(const pv_server *s, pv_nl *nl, pv_err *err)
{
    pv_status status = PV_OK;
    const char *line;
    for (int n = 0; status == PV_OK && (line = pv_conf_get(s->conf, "address", n)) != NULL; n++) {
        char ip[16];
        int prefix;
        if (sscanf(line, "%15[0-9.]/%d", ip, &prefix) != 2 || prefix < 1 || prefix > 32)
            return pv_fail(err, PV_ECORRUPT, "bad address line '%s'", line);
        status = pv_nl_addr_add(nl, "eth0", ip, prefix, err);
    }
    return status;
}

pv_status pv_server_address(const pv_server *s, const pv_conf *network, pv_err *err)
{
    const char *gateway;
    pv_nl *nl = NULL;
    pv_status status = pv_conf_need(network, "gateway", &gateway, err);
    if (status == PV_OK) status = pv_nl_open(&nl, err);
    if (status == PV_OK) status = pv_nl_link_up(nl, LOOPBACK, err);
    if (status == PV_OK)
        status = pv_nl_addr_add(nl, "eth0", s->ip, (int)pv_conf_int(network, "prefix", 24), err);
    if (status == PV_OK) status = add_addresses(s, nl, err);
    /* Neighbours may still send to the server that had an address before. */
    if (status == PV_OK) status = pv_file_put("/proc/sys/net/ipv4/conf/eth0/arp_notify", "1", err);
    if (status == PV_OK) status = pv_nl_link_up(nl, "eth0", err);
    if (status == PV_OK && pv_conf_int(network, "nat", 0))
        status = pv_nl_route_default(nl, gateway, err);
    pv_nl_close(nl);
    return status;
}

void pv_server_console(const char *folder)
{
    char path[PV_PATH_CAP];
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), console = -1;
    if (pv_path_format(path, NULL, "%s/console.log", folder) == PV_OK) {
        console =
            open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    }
    dup2(null, STDIN_FILENO);
    dup2(console >= 0 ? console : null, STDOUT_FILENO);
    dup2(console >= 0 ? console : null, STDERR_FILENO);
}

static pv_status set_limits(const pv_server *s, pv_err *err)
{
    pv_cgroup_limits limits = {
        .memory = pv_conf_int(s->conf, "memory", 0),
        .milli_cpus = pv_conf_int(s->conf, "milli_cpus", 0),
        .pids = pv_conf_int(s->conf, "pids", 0),
    };
    return pv_cgroup_limit(s->cgroups, s->cgroup, &limits, err);
}

static pv_status make_folders(const pv_server *s, pv_err *err)
{
    static const char *const names[] = {"up",  "work",           "root",
                                        "vol", "vol/containerd", "vol/docker"};
    char path[PV_PATH_CAP];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        pv_status status = pv_path_format(path, err, "%s/%s", s->folder, names[i]);
        if (status == PV_OK) status = pv_dir_make(path, err);
        if (status != PV_OK) return status;
    }
    return PV_OK;
}

/* systemd holds some inotify instances per server and the machine's usual limit of 128 for all of
 * them is reached with 20 servers; what fails then fails in strange ways, so make room before. */
static void make_inotify_room(const char *lab)
{
    static const char limit_path[] = "/proc/sys/fs/inotify/max_user_instances";
    char path[PV_PATH_CAP], text[32];
    int servers = 0;
    pv_buf limit;
    DIR *dir;
    if (pv_path_format(path, NULL, "%s/servers", lab) != PV_OK || (dir = opendir(path)) == NULL) {
        return;
    }
    while (readdir(dir) != NULL) servers++;
    closedir(dir);
    pv_buf_init(&limit, 64);
    if (pv_file_read(&limit, limit_path, NULL) == PV_OK && limit.len > 0 &&
        atoi(limit.data) < servers * INOTIFY_PER_SERVER + INOTIFY_RESERVE) {
        snprintf(text, sizeof text, "%d", 2 * servers * INOTIFY_PER_SERVER + 1024);
        pv_file_put(limit_path, text, NULL);
    }
    pv_buf_deinit(&limit);
}

pv_status pv_server_connect(const pv_server *s, const pv_conf *network, pid_t pid, pv_err *err)
{
    const char *bridge;
    pv_nl *nl = NULL;
    int saved = -1;
    pv_status status = pv_conf_need(network, "bridge", &bridge, err);
    if (status == PV_OK) status = pv_netns_enter(s->netns, &saved, err);
    if (status == PV_OK) status = pv_nl_open(&nl, err);
    if (status == PV_OK) status = pv_nl_veth_add(nl, s->link, bridge, "eth0", pid, err);
    pv_nl_close(nl);
    pv_netns_leave(saved);
    return status;
}

static pv_status open_network(const pv_server *s, pv_conf **network, pv_err *err)
{
    char folder[PV_PATH_CAP], path[PV_PATH_CAP];
    const char *id;
    pv_status status = pv_conf_need(s->conf, "network", &id, err);
    if (status == PV_OK) status = pv_path_format(folder, err, "%s/networks/%s", s->lab, id);
    if (status == PV_OK) status = pv_path_format(path, err, "%s/network.conf", folder);
    if (status == PV_OK) status = pv_conf_open(network, path, err);
    return status == PV_OK ? pv_network_up(folder, err) : status;
}

/* What an earlier, broken start or a dead server left. */
static pv_status clear(const pv_server *s, pv_err *err)
{
    pv_status status = pv_cgroup_kill(s->cgroups, s->cgroup, 10000, err);
    if (status == PV_OK) status = pv_labdir_link_del(s->netns, s->link, err);
    if (status == PV_OK) status = pv_cgroup_remove(s->cgroups, s->cgroup, err);
    if (status == PV_OK) pv_run_remove(s->folder);
    return status;
}

/* program NULL: the init is made here. */
static pv_status start(const char *folder, char **program, pv_err *err)
{
    pv_server s;
    pv_conf *network = NULL;
    pv_status status = pv_server_open(&s, folder, 1, err);
    if (status != PV_OK) return status;
    if (pv_run_pid(folder) > 0) {
        status = pv_serve_reload(s.lab, s.id, err);
        goto done;
    }
    if ((status = clear(&s, err)) != PV_OK) goto done;
    make_inotify_room(s.lab);
    if ((status = make_folders(&s, err)) != PV_OK) goto done;
    if ((status = open_network(&s, &network, err)) != PV_OK) goto done;
    if ((status = pv_cgroup_make(s.cgroups, s.cgroup, err)) != PV_OK) goto fail;
    if ((status = set_limits(&s, err)) != PV_OK) goto fail;
    status =
        program != NULL ? pv_cell_make(&s, network, program, err) : pv_init_make(&s, network, err);
    if (status == PV_OK) status = pv_serve_reload(s.lab, s.id, err);
fail:
    if (status != PV_OK) clear(&s, NULL);
done:
    pv_conf_close(network);
    pv_server_close(&s);
    return status;
}

pv_status pv_server_start(const char *folder, pv_err *err)
{
    return start(folder, NULL, err);
}

pv_status pv_server_start_by(const char *folder, char **program, pv_err *err)
{
    return start(folder, program, err);
}

pv_status pv_server_stop(const char *folder, int grace_ms, pv_err *err)
{
    pv_server s;
    pid_t pid;
    pv_status status = pv_server_open(&s, folder, 1, err);
    if (status == PV_ENOTFOUND) return PV_OK;
    if (status != PV_OK) return status;
    pid = pv_run_pid(folder);
    if (pid > 0 && grace_ms > 0) {
        const char *init = pv_conf_get(s.conf, "init", 0);
        int is_sshd = init != NULL && strcmp(init, "sshd") == 0;
        pv_process_end(pid, is_sshd ? SIGTERM : SIGRTMIN + 4, grace_ms); /* systemd: power off */
    }
    if (pid > 0) kill(pid, SIGKILL);
    status = clear(&s, err);
    pv_server_close(&s);
    return status;
}

/* Of a server whose description is unreadable: its processes are found by their cgroup, and its
 * link goes with them. */
static pv_status end_undescribed(const char *folder, pv_err *err)
{
    char lab[PV_PATH_CAP], cgroup[PV_PATH_CAP];
    pv_cgroups *groups = NULL;
    pv_status status = pv_labdir_of(folder, lab, err);
    if (status == PV_OK) status = pv_labdir_cgroup(lab, strrchr(folder, '/') + 1, cgroup, err);
    if (status == PV_OK) status = pv_cgroups_open(&groups, err);
    if (status == PV_OK) status = pv_cgroup_kill(groups, cgroup, 10000, err);
    if (status == PV_OK) status = pv_cgroup_remove(groups, cgroup, err);
    pv_cgroups_close(groups);
    return status;
}

static pv_status end_for_good(const char *folder, pv_err *err)
{
    pv_server s;
    pid_t pid;
    pv_status status = pv_server_open(&s, folder, 1, err);
    if (status == PV_ENOTFOUND) return PV_OK;
    if (status == PV_ECORRUPT) return end_undescribed(folder, err);
    if (status != PV_OK) return status;
    pid = pv_run_pid(folder);
    if (pid > 0) kill(pid, SIGKILL);
    status = clear(&s, err);
    if (status == PV_OK) status = pv_server_discard(folder, err);
    if (status == PV_OK && pv_conf_get(s.conf, "port", 0) != NULL) pv_serve_notify(s.lab);
    pv_server_close(&s);
    return status;
}

pv_status pv_server_discard(const char *folder, pv_err *err)
{
    char gone[PV_PATH_CAP];
    const char *name = strrchr(folder, '/');
    pv_status status =
        pv_path_format(gone, err, "%.*s/.gone-%s", (int)(name - folder), folder, name + 1);
    if (status != PV_OK) return status;
    if (rename(folder, gone) != 0 && errno != ENOENT) {
        pv_status cleared = pv_tree_remove(gone, err); /* of an earlier try with the same id */
        if (cleared != PV_OK) return cleared;
        if (rename(folder, gone) != 0 && errno != ENOENT)
            return pv_fail_errno(err, errno, "cannot remove %s", folder);
    }
    return PV_OK;
}

pv_status pv_server_destroy(const char *folder, pv_err *err)
{
    char gone[PV_PATH_CAP];
    const char *name = strrchr(folder, '/');
    pv_status status;
    if (name == NULL) return pv_fail(err, PV_EINVAL, "%s is not a folder of a lab", folder);
    if (access(folder, F_OK) == 0) {
        status = end_for_good(folder, err);
        if (status == PV_OK) status = pv_server_discard(folder, err);
        if (status != PV_OK) return status;
    }
    status = pv_path_format(gone, err, "%.*s/.gone-%s", (int)(name - folder), folder, name + 1);
    return status == PV_OK ? pv_tree_remove(gone, err) : status;
}

/* Gives a running server the addresses that its description has got meanwhile. */
static pv_status update_addresses(const pv_server *s, pid_t pid, pv_err *err)
{
    char path[PV_PATH_CAP];
    pv_nl *nl = NULL;
    int saved = -1;
    pv_status status = pv_path_format(path, err, "/proc/%d/ns/net", (int)pid);
    if (pv_conf_get(s->conf, "address", 0) == NULL) return PV_OK;
    if (status == PV_OK) status = pv_netns_enter(path, &saved, err);
    if (status == PV_OK) status = pv_nl_open(&nl, err);
    if (status == PV_OK) status = add_addresses(s, nl, err);
    pv_nl_close(nl);
    pv_netns_leave(saved);
    return status;
}

pv_status pv_server_limit(const char *folder, pv_err *err)
{
    pv_server s;
    pid_t pid;
    pv_status status = pv_server_open(&s, folder, 1, err);
    if (status != PV_OK) return status;
    if ((pid = pv_run_pid(folder)) > 0) {
        status = set_limits(&s, err);
        if (status == PV_OK) status = update_addresses(&s, pid, err);
        if (status == PV_OK) status = pv_serve_reload(s.lab, s.id, err);
    }
    pv_server_close(&s);
    return status;
}
