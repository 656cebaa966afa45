/* Sockets inside another network namespace.  A socket belongs to the namespace it
 * was made in, so only socket() runs there: the calling thread enters, makes the
 * socket and leaves at once.  Everything later happens from the own namespace. */
#ifndef PV_NET_NETNS_H
#define PV_NET_NETNS_H

#include "base/status.h"

/* Makes a non-blocking, close-on-exec socket, inside the network namespace at `path`
 * ("/run/netns/lab", "/proc/123/ns/net") or in the own one when path is NULL.
 * Statuses: PV_ENOTFOUND, PV_EDENIED (needs CAP_SYS_ADMIN), PV_EINVAL (no namespace),
 * PV_EIO.  A thread that cannot get back aborts: going on in the wrong namespace
 * could send packets to strangers. */
pv_status pv_netns_socket(int *out, const char *path, int family, int type, pv_err *err);

#endif
