/* SHA-256 of files, on libuv's worker threads. */
#ifndef PV_NET_DIGEST_H
#define PV_NET_DIGEST_H

#include <stdint.h>
#include <uv.h>

#include "base/status.h"

enum { PV_DIGEST_HEX = 64 };

/* Writes the digest of len bytes as PV_DIGEST_HEX lower-case digits, without a NUL. */
void pv_digest_bytes(char *hex, const void *data, size_t len);

/* hex and size are set when err is NULL. */
typedef void (*pv_digest_cb)(void *arg, const char *hex, uint64_t size, const pv_err *err);

/* Reads the regular file open as fd from its start with pread(), so its offset stays.  cb
 * comes once, later; fd must stay open until then. */
void pv_digest_file(uv_loop_t *loop, int fd, pv_digest_cb cb, void *arg);

#endif
