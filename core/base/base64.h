/* Base64 with the standard alphabet (RFC 4648 section 4). */
#ifndef PV_BASE_BASE64_H
#define PV_BASE_BASE64_H

#include <stdbool.h>

#include "base/buf.h"

/* Appends the encoding of the bytes. PV_ELIMIT when it does not fit. */
pv_status pv_base64_encode(pv_buf *out, pv_bytes bytes);

/* Appends the bytes of the text; white space in it is skipped.  PV_EINVAL when it is not base64,
 * PV_ELIMIT when the bytes do not fit; *out may hold a part then. */
pv_status pv_base64_decode(pv_buf *out, pv_bytes text, pv_err *err);

/* The same without padding. */
pv_status pv_base64_encode_raw(pv_buf *out, pv_bytes bytes);

/* Takes nothing but what pv_base64_encode (padded) or pv_base64_encode_raw wrote: no white space,
 * and the bits left over are zero. */
pv_status pv_base64_decode_exact(pv_buf *out, pv_bytes text, bool padded, pv_err *err);

#endif
