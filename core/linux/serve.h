/* The one long-lived process of a lab: forwards ports of this machine's loopback into
 * servers, lets servers fetch packages from allowed mirrors, answers names of servers.
 *
 * It listens for servers inside the lab's network namespace and dials mirrors from the
 * machine's own, so that servers need no route out.  It ends by itself when the lab has had no
 * server for a while, and is started again by whoever starts the next one. */
#ifndef PV_LINUX_SERVE_H
#define PV_LINUX_SERVE_H

#include "base/status.h"

enum { PV_SERVE_PROXY_PORT = 3142 };

/* Runs the process in the foreground; PV_OK at once when the lab has one. */
pv_status pv_serve_run(const char *lab, pv_err *err);

/* Makes the lab's process read the folder again, starting it when absent.  With server id,
 * PV_ECONFLICT when one of its ports is taken. */
pv_status pv_serve_reload(const char *lab, const char *server, pv_err *err);

/* Like pv_serve_reload for a lab that may have no such process, which is fine. */
void pv_serve_notify(const char *lab);

/* Ends the lab's process and waits until it is gone. */
pv_status pv_serve_stop(const char *lab, pv_err *err);

#endif
