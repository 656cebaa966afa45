/* Parts that the sources of a lab share; see lab.h. */
#ifndef PV_LINUX_LABDIR_H
#define PV_LINUX_LABDIR_H

#include "base/status.h"
#include "linux/lock.h"

/* The path of the lab's network namespace into out[PV_PATH_CAP]. */
pv_status pv_labdir_netns(const char *lab, char *out, pv_err *err);

/* The lab folder of a server's or network's folder, into out[PV_PATH_CAP]. */
pv_status pv_labdir_of(const char *folder, char *out, pv_err *err);

/* The cgroup name of a server, or with id NULL of the lab, into out[PV_PATH_CAP]. */
pv_status pv_labdir_cgroup(const char *lab, const char *id, char *out, pv_err *err);

/* Removes a link from the lab's namespace; gone is fine. */
pv_status pv_labdir_link_del(const char *netns, const char *link, pv_err *err);

#endif
