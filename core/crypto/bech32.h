/* Bech32 (BIP 173), without its limit of 90 letters, as age writes keys. */
#ifndef PV_CRYPTO_BECH32_H
#define PV_CRYPTO_BECH32_H

#include "base/buf.h"

/* Appends prefix, "1", the bytes and a check; prefix is lower case. */
void pv_bech32_write(pv_buf *out, const char *prefix, pv_bytes bytes);

/* Appends the bytes of a text with this prefix, both all in upper or all in lower case as prefix
 * is. PV_EINVAL: anything else.  The message never shows the text. */
pv_status pv_bech32_read(pv_buf *out, const char *prefix, pv_bytes text, pv_err *err);

#endif
