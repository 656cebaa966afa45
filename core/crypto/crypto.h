/* Sealing of records, the key file of a workspace, and the sealer that core/store encrypts with.
 * Every function may be called from any thread. */
#ifndef PV_CRYPTO_CRYPTO_H
#define PV_CRYPTO_CRYPTO_H

#include "base/sealer.h"
#include "base/secret.h"
#include "crypto/aead.h"
#include "crypto/digest.h"

enum { PV_SEAL_OVERHEAD = PV_NONCE_LEN + PV_TAG_LEN };

/* ---- AES-256-GCM ---- */

/* Writes nonce, ciphertext and tag (plain.len + PV_SEAL_OVERHEAD bytes) to out.  nonce is
 * PV_NONCE_LEN bytes, or NULL for a random one, which is right unless the caller can promise
 * that it never repeats under this key.  PV_EINVAL: the key is not PV_KEY_LEN bytes. */
pv_status pv_seal(pv_bytes key, const unsigned char *nonce, pv_bytes plain, pv_bytes aad, char *out,
                  pv_err *err);

/* Writes sealed.len - PV_SEAL_OVERHEAD bytes to out.  PV_EAUTH when key, bytes or aad are not
 * the ones of pv_seal; out is zeroed then. */
pv_status pv_open(pv_bytes key, pv_bytes sealed, pv_bytes aad, char *out, pv_err *err);

/* A sealer over AES-256-GCM with random nonces.  One key may seal 2^32 records. Give it back
 * with release().  PV_EINVAL: the key is not PV_KEY_LEN bytes. */
pv_status pv_sealer_new(pv_sealer **out, pv_bytes key, pv_err *err);

/* ---- Key file ---- */

/* Reads the key in the file at path, making the file (mode 0600, random key) when it is
 * absent.  *out is PV_KEY_LEN bytes, to be freed by the caller.
 * Statuses: PV_EDENIED (others may read the file, or it is not ours), PV_ECORRUPT (not a key),
 * PV_EIO. */
pv_status pv_keyfile(const char *path, pv_secret **out, pv_err *err);

#endif
