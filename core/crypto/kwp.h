/* AES key wrap with padding (RFC 5649, NIST SP 800-38F): keys of any length under a key, without a
 * nonce. */
#ifndef PV_CRYPTO_KWP_H
#define PV_CRYPTO_KWP_H

#include "base/buf.h"
#include "base/secret.h"
#include "base/status.h"

enum { PV_KWP_MAX = 64 * 1024 }; /* bytes of a key that is wrapped */

/* Appends the wrapped bytes.  PV_EINVAL: kek is not 16, 24 or 32 bytes, or plain is empty or longer
 * than PV_KWP_MAX. */
pv_status pv_kwp_seal(pv_bytes kek, pv_bytes plain, pv_buf *out, pv_err *err);

/* Gives the plain bytes, to be freed by the caller; *out is NULL on failure.  PV_EINVAL: as above;
 * PV_EAUTH: another kek, or bytes that were changed. */
pv_status pv_kwp_open(pv_bytes kek, pv_bytes sealed, pv_secret **out, pv_err *err);

#endif
