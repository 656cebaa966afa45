/* A lock file (flock): held by a process, given back by the kernel when it ends. */
#ifndef PV_LINUX_LOCK_H
#define PV_LINUX_LOCK_H

#include "base/status.h"

typedef struct pv_lock pv_lock;

/* Takes the exclusive lock of the file at path, making the file (mode 0600) when
 * absent; a folder is locked itself.  With wait, blocks until it is free.  A file that
 * was removed or replaced meanwhile is opened again, so the lock is always the one of
 * the file at path.
 * Statuses: PV_EBUSY (held by another one, without wait), those of open(). */
pv_status pv_lock_open(pv_lock **out, const char *path, int wait, pv_err *err);

/* Gives the lock back; NULL is fine.  The file stays. */
void pv_lock_close(pv_lock *lock);

#endif
