/* Authenticated encryption: AES-GCM (NIST SP 800-38D) and ChaCha20-Poly1305 (RFC 8439). */
#ifndef PV_CRYPTO_AEAD_H
#define PV_CRYPTO_AEAD_H

#include "base/buf.h"
#include "base/status.h"

typedef enum { PV_AES_256_GCM, PV_CHACHA20_POLY1305, PV_AES_128_GCM } pv_aead_alg;

enum { PV_KEY_LEN = 32, PV_AES_128_LEN = 16, PV_NONCE_LEN = 12, PV_TAG_LEN = 16 };

/* A key that is set up for sealing and opening; for one thread at a time. */
typedef struct pv_aead pv_aead;

/* Free with pv_aead_free(), which wipes the key.  PV_EINVAL: the key is not PV_KEY_LEN bytes
 * (of AES-128-GCM PV_AES_128_LEN). */
pv_status pv_aead_new(pv_aead **out, pv_aead_alg alg, pv_bytes key, pv_err *err);

/* Writes ciphertext and tag (plain.len + PV_TAG_LEN bytes) to out, which may be where plain is.
 * The caller promises that the nonce never repeats under this key; it is PV_NONCE_LEN bytes, of
 * AES-GCM also 1 to 128.  PV_EINVAL: another length; PV_ELIMIT: more than 2 GiB. */
pv_status pv_aead_seal(pv_aead *aead, pv_bytes nonce, pv_bytes plain, pv_bytes aad, char *out,
                       pv_err *err);

/* Writes sealed.len - PV_TAG_LEN bytes to out, which may be where sealed is.  PV_EAUTH when key,
 * nonce, bytes or aad are not those of pv_aead_seal; out is zeroed then. */
pv_status pv_aead_open(pv_aead *aead, pv_bytes nonce, pv_bytes sealed, pv_bytes aad, char *out,
                       pv_err *err);

/* NULL is fine. */
void pv_aead_free(pv_aead *aead);

#endif
