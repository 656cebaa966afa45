/* Keys from keys, and keys from passwords.  Every function may be called from any thread; those
 * over passwords take their time and memory on purpose, so call them on a worker. */
#ifndef PV_CRYPTO_KDF_H
#define PV_CRYPTO_KDF_H

#include "crypto/digest.h"

/* HKDF (RFC 5869), both steps; an empty salt is that of hash-length zeroes.  PV_ELIMIT: len is
 * over 255 digests. */
pv_status pv_hkdf(pv_hash hash, pv_bytes key, pv_bytes salt, pv_bytes info, unsigned char *out,
                  size_t len, pv_err *err);

/* scrypt (RFC 7914) with N = 2^log_n; takes 128 * r * 2^log_n bytes.  PV_EINVAL: log_n is not 1
 * to 30, r or p not 1 to 32, or the memory above 4 GiB. */
pv_status pv_scrypt(pv_bytes password, pv_bytes salt, unsigned log_n, unsigned r, unsigned p,
                    unsigned char *out, size_t len, pv_err *err);

/* Argon2id, version 1.3 (RFC 9106).  PV_EINVAL: what its reference does not take (a salt under 8
 * bytes, memory_kib under 8 * lanes, ...). */
pv_status pv_argon2id(pv_bytes password, pv_bytes salt, unsigned passes, unsigned memory_kib,
                      unsigned lanes, unsigned char *out, size_t len, pv_err *err);

/* PBKDF2 (RFC 8018) with HMAC of the hash. */
pv_status pv_pbkdf2(pv_hash hash, pv_bytes password, pv_bytes salt, unsigned iterations,
                    unsigned char *out, size_t len, pv_err *err);

/* bcrypt_pbkdf of OpenBSD, which OpenSSH's private keys use; about 8 ms a round for 33 to 64 bytes.
 * PV_EINVAL: password or salt are empty, rounds not 1 to 65536, len not 1 to 1024. */
pv_status pv_bcrypt_pbkdf(pv_bytes password, pv_bytes salt, unsigned rounds, unsigned char *out,
                          size_t len, pv_err *err);

#endif
