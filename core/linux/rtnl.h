/* Named rtnl, not netlink: this folder is on the include path before the kernel's
 * <linux/netlink.h>. */
/* Network links, addresses and routes by rtnetlink.  A handle talks to the network
 * namespace that the thread was in when it was opened. */
#ifndef PV_LINUX_RTNL_H
#define PV_LINUX_RTNL_H

#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"

typedef struct pv_nl pv_nl;

pv_status pv_nl_open(pv_nl **out, pv_err *err);
void pv_nl_close(pv_nl *nl); /* NULL is fine */

/* Makes a bridge without spanning tree (ports forward at once), whose hardware address stays the
 * same.  PV_EEXIST when there. */
pv_status pv_nl_bridge_add(pv_nl *nl, const char *name, pv_err *err);

/* Makes a veth pair: name here, on the bridge `master` and up; peer in the network
 * namespace of process `pid`, with a hardware address made from `name`, so that neighbours
 * still know a server after its restart. */
pv_status pv_nl_veth_add(pv_nl *nl, const char *name, const char *master, const char *peer,
                         pid_t pid, pv_err *err);

/* Switches a link on. */
pv_status pv_nl_link_up(pv_nl *nl, const char *name, pv_err *err);

/* Removes a link; PV_ENOTFOUND when it is not there. */
pv_status pv_nl_link_del(pv_nl *nl, const char *name, pv_err *err);

/* 1 when the link is there. */
int pv_nl_link_has(pv_nl *nl, const char *name);

/* Gives a link an IPv4 address ("10.7.0.1") with prefix length; one it has is fine. */
pv_status pv_nl_addr_add(pv_nl *nl, const char *name, const char *ip, int prefix, pv_err *err);

/* Delivers TCP that comes in by the link, for whatever address, to sockets of this namespace, as if
 * all addresses were its own.  Done is fine. */
pv_status pv_nl_catch_tcp(pv_nl *nl, const char *link, pv_err *err);

/* Sets the default route. */
pv_status pv_nl_route_default(pv_nl *nl, const char *gateway, pv_err *err);

#endif
