/* Which process is the init of a server, and whether it still is. */
#ifndef PV_LINUX_PROCESS_H
#define PV_LINUX_PROCESS_H

#include <sys/types.h>

#include "base/status.h"

/* Writes <folder>/run: the process with its start time, and the boot of the machine. */
pv_status pv_run_write(const char *folder, pid_t pid, pv_err *err);

/* The process of <folder>/run when it lives, else 0: gone, a zombie, another process with
 * the same number, or of an earlier boot. */
pid_t pv_run_pid(const char *folder);

void pv_run_remove(const char *folder);

/* Sends the signal and waits up to ms for the process to end; 1 when it did. */
int pv_process_end(pid_t pid, int signal, int ms);

/* Start time of a process in clock ticks since boot, 0 when it is gone or a zombie. */
unsigned long long pv_process_started(pid_t pid);

#endif
