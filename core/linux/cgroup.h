/* Control groups of a server, in every hierarchy of the machine: version 1, version 2 and
 * both at once (hybrid). */
#ifndef PV_LINUX_CGROUP_H
#define PV_LINUX_CGROUP_H

#include <sys/types.h>

#include "base/status.h"

/* The hierarchies that are mounted on this machine. */
typedef struct pv_cgroups pv_cgroups;

/* Limits; 0 means none. */
typedef struct pv_cgroup_limits {
    long long memory; /* bytes */
    long long milli_cpus;
    long long pids;
} pv_cgroup_limits;

/* Finds the hierarchies.  PV_EUNSUPPORTED when there is none. */
pv_status pv_cgroups_open(pv_cgroups **out, pv_err *err);
void pv_cgroups_close(pv_cgroups *groups); /* NULL is fine */

/* "v1", "v2" or "hybrid". */
const char *pv_cgroups_mode(const pv_cgroups *groups);

/* Makes the group `name` ("prov/lab/server") in every hierarchy. */
pv_status pv_cgroup_make(const pv_cgroups *groups, const char *name, pv_err *err);

/* Moves the calling process into the group, in every hierarchy. */
pv_status pv_cgroup_join(const pv_cgroups *groups, const char *name, pv_err *err);

/* Sets the limits.  PV_EUNSUPPORTED when the controller that a limit needs is not there. */
pv_status pv_cgroup_limit(const pv_cgroups *groups, const char *name,
                          const pv_cgroup_limits *limits, pv_err *err);

/* Kills every process in the group and below, and waits until they are gone.
 * PV_ETIMEOUT when some are left after `ms`. */
pv_status pv_cgroup_kill(const pv_cgroups *groups, const char *name, int ms, pv_err *err);

/* Removes the group and those below it; gone is fine, PV_EBUSY while processes are in it. */
pv_status pv_cgroup_remove(const pv_cgroups *groups, const char *name, pv_err *err);

/* Removes the group `name` where it is empty. */
void pv_cgroups_prune(const pv_cgroups *groups, const char *name);

/* Calls fn(controller list, arg) for every version 1 hierarchy ("cpu,cpuacct"). */
void pv_cgroups_each_v1(const pv_cgroups *groups, void (*fn)(const char *controllers, void *arg),
                        void *arg);

#endif
