/* Telling the service manager how this process is: sd_notify(3). */
#ifndef PV_LINUX_NOTIFY_H
#define PV_LINUX_NOTIFY_H

#include "base/status.h"

/* Sends the assignments of `state`, such as "READY=1\nSTATUS=listening", to the socket of
 * $NOTIFY_SOCKET (a path, or an abstract one with "@"); does nothing without the variable.
 * Never blocks for long: a datagram.
 * Statuses: PV_EINVAL (an address that is none), those of socket() and sendto(). */
pv_status pv_notify(const char *state, pv_err *err);

#endif
