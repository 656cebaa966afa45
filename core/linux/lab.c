#include "linux/lab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "linux/cgroup.h"
#include "linux/file.h"
#include "linux/labdir.h"
#include "linux/netns.h"
#include "linux/rtnl.h"
#include "linux/serve.h"

pv_status pv_labdir_netns(const char *lab, char *out, pv_err *err)
{
    char path[PV_PATH_CAP];
    pv_conf *conf = NULL;
    const char *netns = NULL;
    pv_status status = pv_path_format(path, err, "%s/lab.conf", lab);
    if (status == PV_OK) status = pv_conf_open(&conf, path, err);
    if (status == PV_OK) status = pv_conf_need(conf, "netns", &netns, err);
    if (status == PV_OK) status = pv_path_format(out, err, "%s", netns);
    pv_conf_close(conf);
    return status;
}

pv_status pv_labdir_of(const char *folder, char *out, pv_err *err)
{
    pv_status status = pv_path_format(out, err, "%s", folder);
    for (int i = 0; status == PV_OK && i < 2; i++) {
        char *slash = strrchr(out, '/');
        if (slash == NULL || slash == out)
            return pv_fail(err, PV_EINVAL, "%s is not a folder of a lab", folder);
        *slash = '\0';
    }
    return status;
}

/* Inside the lab's namespace. */
static pv_status bridge_up(const pv_conf *conf, pv_err *err)
{
    const char *bridge, *gateway;
    pv_nl *nl = NULL;
    pv_status status = pv_conf_need(conf, "bridge", &bridge, err);
    if (status == PV_OK) status = pv_conf_need(conf, "gateway", &gateway, err);
    if (status == PV_OK) status = pv_nl_open(&nl, err);
    if (status == PV_OK && !pv_nl_link_has(nl, bridge)) {
        status = pv_nl_bridge_add(nl, bridge, err);
        if (status == PV_EEXIST) status = PV_OK; /* another start of a server was quicker */
    }
    if (status == PV_OK)
        status = pv_nl_addr_add(nl, bridge, gateway, (int)pv_conf_int(conf, "prefix", 24), err);
    if (status == PV_OK) status = pv_nl_link_up(nl, bridge, err);
    if (status == PV_OK && pv_conf_int(conf, "nat", 0)) status = pv_nl_catch_tcp(nl, bridge, err);
    pv_nl_close(nl);
    return status;
}

pv_status pv_network_up(const char *folder, pv_err *err)
{
    char lab[PV_PATH_CAP], path[PV_PATH_CAP], netns[PV_PATH_CAP];
    pv_conf *conf = NULL;
    pv_lock *lock = NULL;
    int saved = -1;
    pv_status status = pv_labdir_of(folder, lab, err);
    if (status == PV_OK) status = pv_labdir_netns(lab, netns, err);
    if (status == PV_OK) status = pv_path_format(path, err, "%s/network.conf", folder);
    if (status == PV_OK) status = pv_conf_open(&conf, path, err);
    if (status == PV_OK) status = pv_path_format(path, err, "%s/netns.lock", lab);
    if (status == PV_OK) status = pv_lock_open(&lock, path, 1, err);
    if (status == PV_OK) status = pv_netns_create(netns, err);
    if (status == PV_OK) status = pv_netns_enter(netns, &saved, err);
    if (status == PV_OK) status = bridge_up(conf, err);
    pv_netns_leave(saved);
    pv_lock_close(lock);
    pv_conf_close(conf);
    return status;
}

pv_status pv_labdir_link_del(const char *netns, const char *link, pv_err *err)
{
    pv_nl *nl = NULL;
    int saved = -1;
    pv_status status;
    if (!pv_netns_has(netns)) return PV_OK;
    status = pv_netns_enter(netns, &saved, err);
    if (status == PV_OK) status = pv_nl_open(&nl, err);
    if (status == PV_OK) status = pv_nl_link_del(nl, link, err);
    pv_nl_close(nl);
    pv_netns_leave(saved);
    return status == PV_ENOTFOUND ? PV_OK : status;
}

pv_status pv_network_down(const char *folder, pv_err *err)
{
    char lab[PV_PATH_CAP], path[PV_PATH_CAP], netns[PV_PATH_CAP];
    pv_conf *conf = NULL;
    const char *bridge = NULL;
    pv_status status = pv_labdir_of(folder, lab, err);
    if (status == PV_OK) status = pv_path_format(path, err, "%s/network.conf", folder);
    if (status == PV_OK) status = pv_conf_open(&conf, path, err);
    /* Of one whose description is damaged the bridge goes with the namespace. */
    if (status == PV_ENOTFOUND || status == PV_ECORRUPT) return PV_OK;
    if (status == PV_OK) status = pv_labdir_netns(lab, netns, err);
    if (status == PV_OK) status = pv_conf_need(conf, "bridge", &bridge, err);
    if (status == PV_OK) status = pv_labdir_link_del(netns, bridge, err);
    pv_conf_close(conf);
    return status;
}

pv_status pv_labdir_cgroup(const char *lab, const char *id, char *out, pv_err *err)
{
    const char *name = strrchr(lab, '/');
    name = name != NULL ? name + 1 : lab;
    return id != NULL ? pv_path_format(out, err, "prov/%s/%s", name, id)
                      : pv_path_format(out, err, "prov/%s", name);
}

pv_status pv_lab_down(const char *lab, pv_err *err)
{
    char netns[PV_PATH_CAP], cgroup[PV_PATH_CAP];
    pv_cgroups *groups = NULL;
    pv_err ignored;
    pv_status status = pv_labdir_netns(lab, netns, err);
    if (status == PV_ENOTFOUND) return PV_OK;
    if (status == PV_OK) status = pv_serve_stop(lab, err);
    if (status == PV_OK) status = pv_netns_delete(netns, err);
    if (status != PV_OK) return status;
    for (int i = 0; i < 2; i++) { /* the folders too, unless another lab's is in them */
        *strrchr(netns, '/') = '\0';
        if (rmdir(netns) != 0) break;
    }
    if ((status = pv_labdir_cgroup(lab, NULL, cgroup, err)) != PV_OK) return status;
    if (pv_cgroups_open(&groups, &ignored) == PV_OK) {
        status = pv_cgroup_remove(groups, cgroup, err);
        pv_cgroups_prune(groups, "prov");
    }
    pv_cgroups_close(groups);
    return status;
}

pv_status pv_lab_purge(const char *netns, pv_err *err)
{
    char cgroup[PV_PATH_CAP], control[PV_PATH_CAP];
    pv_cgroups *groups = NULL;
    pv_status status = pv_labdir_cgroup(netns, NULL, cgroup, err);
    if (status == PV_OK) status = pv_path_format(control, err, "%s.sock", netns);
    if (status == PV_OK) status = pv_cgroups_open(&groups, err);
    if (status == PV_OK) status = pv_cgroup_kill(groups, cgroup, 10000, err);
    if (status == PV_OK) status = pv_cgroup_remove(groups, cgroup, err);
    if (status == PV_OK) pv_cgroups_prune(groups, "prov");
    if (status == PV_OK) unlink(control);
    if (status == PV_OK) status = pv_netns_delete(netns, err);
    pv_cgroups_close(groups);
    return status;
}
