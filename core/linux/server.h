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

/* Makes the server's init out of system calls, in namespaces of its own, and writes <folder>/run.
 * The cgroups and the network are there. */
pv_status pv_init_make(const pv_server *s, const pv_conf *network, pv_err *err);

/* Lets a program make the server's init, in a cell, and writes <folder>/run.  The program (argv)
 * and what it starts, and nobody else, see the server's files mounted at <folder>/root, the
 * server's network namespace with its address at <folder>/net, and an empty folder in memory in
 * place of the one that holds the namespaces of labs (a short path: podman wants one).  It runs
 * there, in the lab's network namespace and in the server's cgroups, may make groups below those,
 * writes the pid of the init to <folder>/pid and ends with 0. */
pv_status pv_cell_make(const pv_server *s, const pv_conf *network, char **program, pv_err *err);

/* Parts of both.  Connects the network namespace of process pid to the network. */
pv_status pv_server_connect(const pv_server *s, const pv_conf *network, pid_t pid, pv_err *err);

/* In the server's network namespace: gives it the server's address. */
pv_status pv_server_address(const pv_server *s, const pv_conf *network, pv_err *err);

/* Makes <folder>/console.log stdout and stderr of the calling process. */
void pv_server_console(const char *folder);

/* Takes the folder out of the list of servers by renaming it to .gone-<id>. */
pv_status pv_server_discard(const char *folder, pv_err *err);

#endif
