/* OpenSSL's own types, shared by the files of core/crypto; no other folder includes it. */
#ifndef PV_CRYPTO_EVP_H
#define PV_CRYPTO_EVP_H

#include <openssl/evp.h>

#include "crypto/digest.h"
#include "crypto/pkey.h"

/* The digest in OpenSSL's words; never NULL. */
const EVP_MD *pv_evp_md(pv_hash hash);

/* Fails with "<what> cannot be made: <OpenSSL's reason>" and empties its queue of errors, which
 * belongs to the thread. */
pv_status pv_evp_fail(pv_err *err, const char *what);

/* The key in OpenSSL's words, valid as long as key is. */
EVP_PKEY *pv_evp_of(const pv_pkey *key);

/* Makes a key of evp, which it takes, also on failure.  PV_EINVAL: not one of prov's types or
 * sizes. */
pv_status pv_evp_take(pv_pkey **out, EVP_PKEY *evp, bool secret, pv_err *err);

#endif
