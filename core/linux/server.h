/* An opened server folder, for the sources of a lab; see lab.h. */
#ifndef PV_LINUX_SERVER_H
#define PV_LINUX_SERVER_H

#include "base/status.h"
#include "linux/cgroup.h"
#include "linux/conf.h"
#include "linux/file.h"
#include "linux/lock.h"

typedef struct pv_server {
    pv_lock *lock;
    pv_conf *conf;
    pv_cgroups *cgroups;
    const char *id;   /* borrowed from the folder handed in */
    const char *link; /* in the lab's namespace; borrowed from conf */
    const char *ip;
    char folder[PV_PATH_CAP];
    char lab[PV_PATH_CAP];
    char netns[PV_PATH_CAP];
    char cgroup[PV_PATH_CAP];
} pv_server;

/* Reads the description of the server; with lock, waits for and holds its lock.
 * PV_ENOTFOUND when there is no such server. */
pv_status pv_server_open(pv_server *s, const char *folder, int lock, pv_err *err);
void pv_server_close(pv_server *s);

/* Takes the folder out of the list of servers by renaming it to .gone-<id>. */
pv_status pv_server_discard(const char *folder, pv_err *err);

#endif
