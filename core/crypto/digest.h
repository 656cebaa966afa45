/* Random bytes, digests and HMAC over OpenSSL's libcrypto.  Every function may be called from
 * any thread; a pv_hasher belongs to one at a time. */
#ifndef PV_CRYPTO_DIGEST_H
#define PV_CRYPTO_DIGEST_H

#include "base/buf.h"
#include "base/status.h"

/* SHA-2 is FIPS 180-4, SHA-3 FIPS 202.  The other two protect nothing any more: SHA-1 is for TOTP
 * (RFC 6238), MD5 for checksums that a protocol asks for. */
typedef enum {
    PV_MD5,
    PV_SHA1,
    PV_SHA224,
    PV_SHA256,
    PV_SHA384,
    PV_SHA512,
    PV_SHA3_224,
    PV_SHA3_256,
    PV_SHA3_384,
    PV_SHA3_512,
    PV_HASH_COUNT
} pv_hash;

enum { PV_SHA256_LEN = 32, PV_HASH_MAX = 64 };

/* Gives back what libcrypto keeps for this thread, its queue of errors for one.  For work on a
 * thread that lives on and is not asked when it ends, as those of a pool. */
void pv_crypto_thread_end(void);

/* Fills out with len bytes nobody can guess.  PV_EIO when the system has none. */
pv_status pv_random(void *out, size_t len, pv_err *err);

enum { PV_UUID_LEN = 36 };

/* Writes a random UUID (RFC 9562, version 4) and a NUL. */
pv_status pv_uuid(char out[PV_UUID_LEN + 1], pv_err *err);

/* The bytes of a digest. */
size_t pv_hash_len(pv_hash hash);

/* Writes pv_hash_len(hash) bytes to out. */
pv_status pv_digest(pv_hash hash, pv_bytes data, unsigned char *out, pv_err *err);

/* HMAC (RFC 2104) with a key of any length, also empty; writes pv_hash_len(hash) bytes. */
pv_status pv_hmac(pv_hash hash, pv_bytes key, pv_bytes data, unsigned char *out, pv_err *err);

/* A digest, or an HMAC, of data that comes in pieces. */
typedef struct pv_hasher pv_hasher;

/* Free with pv_hasher_free(); *out is NULL on failure. */
pv_status pv_hasher_new(pv_hasher **out, pv_hash hash, pv_err *err);

/* The same for HMACs with one key: of several texts it takes a third of pv_hmac()'s time. */
pv_status pv_hasher_new_keyed(pv_hasher **out, pv_hash hash, pv_bytes key, pv_err *err);

/* Adds a piece. */
pv_status pv_hasher_add(pv_hasher *hasher, pv_bytes data, pv_err *err);

/* Writes the digest or HMAC, and begins anew. */
pv_status pv_hasher_end(pv_hasher *hasher, unsigned char *out, pv_err *err);

/* NULL is fine. */
void pv_hasher_free(pv_hasher *hasher);

/* Writes 2 * len hexadecimal digits and a NUL. */
void pv_hex(const unsigned char *data, size_t len, char *out);

#endif
