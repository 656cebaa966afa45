/* The chunks of age's payload, shared by age_stream.c and age_pump.c. */
#ifndef PV_CRYPTO_AGE_STREAM_H
#define PV_CRYPTO_AGE_STREAM_H

#include <stdint.h>

#include "crypto/aead.h"
#include "crypto/age.h"

/* The key of a payload: of the file key, and the nonce that the payload begins with. */
pv_status pv_age_payload_key(const pv_secret *file_key, pv_bytes nonce,
                             unsigned char out[PV_KEY_LEN], pv_err *err);

/* Writes plain.len + PV_TAG_LEN bytes. */
pv_status pv_age_seal_chunk(pv_aead *aead, uint64_t count, bool last, pv_bytes plain, char *out,
                            pv_err *err);

/* Writes *len bytes, also when it fails with PV_ECORRUPT because the chunk should, or should not,
 * have been the last. */
pv_status pv_age_open_chunk(pv_aead *aead, uint64_t count, bool last, pv_bytes sealed, char *out,
                            size_t *len, pv_err *err);

#endif
