/* The values of SOPS files: ENC[AES256_GCM,data:...,iv:...,tag:...,type:...]. */
#ifndef PV_CRYPTO_SOPS_H
#define PV_CRYPTO_SOPS_H

#include <stdbool.h>

#include "crypto/aead.h"

/* What stands in a value, as base64 but for the type. */
typedef struct pv_sops_value {
    pv_bytes data;
    pv_bytes iv;
    pv_bytes tag;
    pv_bytes type; /* str, int, float, bool, time, comment or bytes */
} pv_sops_value;

/* Takes a value apart; its parts are those of text.  What stands behind its bracket is not looked
 * at, as `sops` does not. false: it is none. */
bool pv_sops_parse(pv_bytes text, pv_sops_value *out);

/* Appends the plain bytes to the empty buffer *out, which is the caller's to wipe, and says how
 * many bytes the iv has.
 * Statuses: PV_EINVAL (no base64, a tag or iv of another length), PV_EAUTH, PV_ELIMIT. */
pv_status pv_sops_open(pv_aead *aead, const pv_sops_value *value, pv_bytes aad, pv_buf *out,
                       size_t *iv_len, pv_err *err);

#endif
