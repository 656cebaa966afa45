/* Paths and files that are there whole or not at all. */
#ifndef PV_BASE_PATH_H
#define PV_BASE_PATH_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/status.h"

/* Appends a and b with one slash between them; an absolute b stands alone. */
pv_status pv_path_join(pv_buf *out, const char *a, const char *b);

/* Appends the folder of path: "." for a bare name, "/" for what is in the root. Slashes at
 * the end of path do not count. */
pv_status pv_path_dirname(pv_buf *out, const char *path);

/* The part behind the last slash; points into path. */
const char *pv_path_basename(const char *path);

/* Makes the entry of path in its folder durable. */
pv_status pv_path_sync_parent(const char *path, pv_err *err);

/* Writes a file: a temporary one beside it, fsync, rename, fsync of the folder.  A crash at
 * any moment leaves the old file or the new one, whole.  The file gets exactly `mode`. */
pv_status pv_path_write(const char *path, pv_bytes data, mode_t mode, pv_err *err);

/* Like pv_path_write for a file that must not exist: PV_EEXIST when it does, also when
 * another process made it a moment ago. */
pv_status pv_path_create(const char *path, pv_bytes data, mode_t mode, pv_err *err);

/* Appends to an open file, whole or not at all: when the disk is full, what was written is taken
 * back.  The file was opened with O_APPEND. */
pv_status pv_path_append(int fd, pv_bytes data, pv_err *err);

/* Appends the bytes of a file; PV_ELIMIT when they are more than the buffer's maximum. */
pv_status pv_path_read(const char *path, pv_buf *out, pv_err *err);

#endif
