/* Key pairs: X25519 (RFC 7748), Ed25519 (RFC 8032), ECDSA over P-256, P-384 and P-521 (FIPS 186-4),
 * RSA (RFC 8017).  A key is not changed once it is made, and may be used by several threads at
 * once. */
#ifndef PV_CRYPTO_PKEY_H
#define PV_CRYPTO_PKEY_H

#include <stdbool.h>

#include "base/secret.h"
#include "crypto/digest.h"

typedef enum { PV_X25519, PV_ED25519, PV_P256, PV_P384, PV_P521, PV_RSA } pv_pkey_type;

enum { PV_X25519_LEN = 32, PV_RSA_BITS_MIN = 2048, PV_RSA_BITS_MAX = 8192 };

/* How a signature is made and written. */
typedef enum {
    PV_SIGN_ED25519,   /* 64 bytes */
    PV_SIGN_ECDSA,     /* the DER of r and s */
    PV_SIGN_JOSE,      /* ECDSA, r and s as long as the curve's numbers (RFC 7518, 3.4) */
    PV_SIGN_RSA_PSS,   /* the same hash for text and MGF1 */
    PV_SIGN_RSA_PKCS1, /* PKCS #1 v1.5 */
} pv_sign_alg;

/* Salts of RSA-PSS that are not a number of bytes. */
enum {
    PV_SALT_HASH = -1, /* as long as the digest */
    PV_SALT_AUTO = -2, /* as long as possible; when it is checked, any */
};

/* What is not as it is mostly. */
typedef struct pv_sign_options {
    pv_hash hash; /* not of Ed25519 */
    bool hashed;  /* the text is a digest by hash already; not of Ed25519 */
    int salt;     /* of RSA-PSS: bytes, or one of the above */
} pv_sign_options;

typedef struct pv_pkey pv_pkey;

/* Makes a pair; bits are those of RSA, else 0.  Free with pv_pkey_free(); *out is NULL on
 * failure, here and below.  PV_EINVAL: bits out of range. */
pv_status pv_pkey_generate(pv_pkey **out, pv_pkey_type type, unsigned bits, pv_err *err);

/* Takes 32 bytes of X25519 or Ed25519 (the seed, when secret), or a public point of a curve P-x
 * (uncompressed).  PV_EINVAL: no such key. */
pv_status pv_pkey_raw(pv_pkey **out, pv_pkey_type type, bool secret, pv_bytes bytes, pv_err *err);

/* Reads PEM or DER: PKCS #8 (with a passphrase when it is encrypted), the older forms of RSA and
 * EC, SubjectPublicKeyInfo.  PV_EINVAL: no key of the types above; PV_EAUTH: the passphrase is
 * wrong or missing. */
pv_status pv_pkey_parse(pv_pkey **out, pv_bytes text, pv_bytes passphrase, pv_err *err);

pv_pkey_type pv_pkey_type_of(const pv_pkey *key);

/* Its size: the bits of the modulus of RSA, of the field of curves. */
unsigned pv_pkey_bits(const pv_pkey *key);

/* Whether it can sign, open and agree. */
bool pv_pkey_has_secret(const pv_pkey *key);

/* Appends the public half: raw bytes (not of RSA: PV_EINVAL), or SubjectPublicKeyInfo in PEM. */
pv_status pv_pkey_public_raw(const pv_pkey *key, pv_buf *out, pv_err *err);
pv_status pv_pkey_public_pem(const pv_pkey *key, pv_buf *out, pv_err *err);

/* Gives the secret half, to be freed by the caller: 32 raw bytes (X25519, Ed25519; else
 * PV_EINVAL), PKCS #8 in PEM, or the older PEM of RSA (RFC 8017, A.1.2) and EC (RFC 5915).
 * PV_EINVAL: there is none. */
pv_status pv_pkey_secret_raw(const pv_pkey *key, pv_secret **out, pv_err *err);
pv_status pv_pkey_secret_pem(const pv_pkey *key, pv_secret **out, pv_err *err);
pv_status pv_pkey_secret_old(const pv_pkey *key, pv_secret **out, pv_err *err);

/* What both sides of X25519 come to, 32 bytes.  PV_EINVAL: other keys; PV_EAUTH: the other side
 * is a point of small order, so the result would be zero (RFC 7748, 6.1). */
pv_status pv_pkey_agree(const pv_pkey *mine, const pv_pkey *theirs, pv_secret **out, pv_err *err);

/* Appends a signature of the text.  Without options it is over SHA-256, with a salt as long.
 * PV_EINVAL: the key cannot do that. */
pv_status pv_pkey_sign(const pv_pkey *key, pv_sign_alg alg, const pv_sign_options *options,
                       pv_bytes text, pv_buf *out, pv_err *err);

/* PV_EAUTH when the signature is not that of the text by this key. */
pv_status pv_pkey_verify(const pv_pkey *key, pv_sign_alg alg, const pv_sign_options *options,
                         pv_bytes text, pv_bytes signature, pv_err *err);

/* RSA-OAEP with the hash, MGF1 over mgf and a label: appends the sealed bytes; gives back the
 * plain ones, to be freed by the caller.  PV_EAUTH: key, bytes or label are others;
 * PV_ELIMIT: too many bytes for the key. */
pv_status pv_pkey_oaep_seal(const pv_pkey *key, pv_hash hash, pv_hash mgf, pv_bytes label,
                            pv_bytes plain, pv_buf *out, pv_err *err);
pv_status pv_pkey_oaep_open(const pv_pkey *key, pv_hash hash, pv_hash mgf, pv_bytes label,
                            pv_bytes sealed, pv_secret **out, pv_err *err);

/* NULL is fine. */
void pv_pkey_free(pv_pkey *key);

#endif
