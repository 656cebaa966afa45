/* A lab: the servers and networks of one workspace on this machine.
 *
 * Folder layout, all of it made and described from outside (lua/prov/machine):
 *   <lab>/lab.conf                   netns=<path>
 *   <lab>/networks/<id>/network.conf bridge gateway prefix
 *   <lab>/servers/<id>/server.conf   id network link ip image init hostname memory milli_cpus
 *                                    nesting volume port address
 *     up work root                   overlay
 *     vol                            real folders for nesting
 *     console.log
 *     run                            pid and start time of its init, and the boot it is of
 *     lock                           held while it is started, stopped or removed
 *     net pid                        of a server that a program made; see pv_cell_make()
 * Everything else a server has (cgroups, link, namespaces, processes) carries its id, so that it
 * is found and removed from the description alone. Only for processes with one thread. */
#ifndef PV_LINUX_LAB_H
#define PV_LINUX_LAB_H

#include <sys/types.h>

#include "base/status.h"
#include "linux/conf.h"

typedef struct pv_server_info {
    pid_t pid; /* 0 when it does not run */
    long long uptime_ms;
} pv_server_info;

/* Makes sure that the lab's network namespace and the network's bridge are there and up. */
pv_status pv_network_up(const char *network_folder, pv_err *err);

/* Removes the network's bridge; gone is fine. */
pv_status pv_network_down(const char *network_folder, pv_err *err);

/* Removes the network namespace of the lab and its empty cgroups; gone is fine. */
pv_status pv_lab_down(const char *lab_folder, pv_err *err);

/* Ends and removes what is left of a lab whose folder is gone: processes, cgroups, namespace.
 * `netns` is the path of its namespace, whose last part is the lab's name. */
pv_status pv_lab_purge(const char *netns, pv_err *err);

/* Starts the server that the folder describes, its network first; one that runs is fine.
 * Its processes are no children of the caller and live on. */
pv_status pv_server_start(const char *folder, pv_err *err);

/* The same with an init that a program makes (argv, ends with NULL; see pv_cell_make()); NULL
 * is pv_server_start(). */
pv_status pv_server_start_by(const char *folder, char **program, pv_err *err);

/* Waits until the SSH server at the server's address says its name; PV_ETIMEOUT with the end
 * of the console, PV_EUNAVAILABLE when the server died. */
pv_status pv_server_wait_ssh(const char *folder, int timeout_ms, pv_err *err);

/* Shuts the server down as its init does, and by force after grace_ms (0: at once); then
 * removes its cgroups and link.  One that is stopped is fine. */
pv_status pv_server_stop(const char *folder, int grace_ms, pv_err *err);

/* Stops by force and removes the folder with everything in it; gone is fine. */
pv_status pv_server_destroy(const char *folder, pv_err *err);

/* Applies the limits of the description to a running server, and adds the addresses that it has
 * not got; those that are gone from the description stay until it starts again. */
pv_status pv_server_limit(const char *folder, pv_err *err);

/* What runs. */
pv_status pv_server_info_read(const char *folder, pv_server_info *out, pv_err *err);

#endif
