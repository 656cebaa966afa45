/* Small files and folder trees, for the helper processes that have no Lua. */
#ifndef PV_LINUX_FILE_H
#define PV_LINUX_FILE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/status.h"

enum { PV_PATH_CAP = 4096 };

/* Formats a path into out[PV_PATH_CAP].  PV_ELIMIT when it does not fit. */
pv_status pv_path_format(char *out, pv_err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends the whole file to buf, up to buf's maximum. */
pv_status pv_file_read(pv_buf *buf, const char *path, pv_err *err);

/* Writes text to a file that is there, in one write() (what /proc and cgroup files want). */
pv_status pv_file_put(const char *path, const char *text, pv_err *err);

/* Replaces the file with text by temp + rename; mode 0600.  Not synced. */
pv_status pv_file_replace(const char *path, const char *text, pv_err *err);

/* Makes a folder and those above it, mode 0755; one that is there is fine. */
pv_status pv_dir_make(const char *path, pv_err *err);

/* Removes a tree without following links or crossing into other file systems (what is
 * mounted below makes it fail).  One that is gone is fine; so is one that another process
 * removes at the same time. */
pv_status pv_tree_remove(const char *path, pv_err *err);

#endif
