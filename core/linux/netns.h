/* Network namespaces kept by a bind mount.  Only for processes with one thread: entering
 * one changes the thread that calls. */
#ifndef PV_LINUX_NETNS_H
#define PV_LINUX_NETNS_H

#include "base/status.h"

/* Makes a namespace with its loopback up and keeps it at path; one that is there is fine,
 * a file left over from before a reboot is replaced. */
pv_status pv_netns_create(const char *path, pv_err *err);

/* 1 when a namespace is kept at path. */
int pv_netns_has(const char *path);

/* Lets go of the namespace at path; gone is fine.  It lives on while processes are in it. */
pv_status pv_netns_delete(const char *path, pv_err *err);

/* Enters the namespace at path; *saved is a descriptor for pv_netns_leave(). */
pv_status pv_netns_enter(const char *path, int *saved, pv_err *err);

/* Goes back and closes the descriptor; -1 is fine.  Aborts when going back fails, because
 * a process in the wrong network must not go on. */
void pv_netns_leave(int saved);

#endif
