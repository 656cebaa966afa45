/* Shared by age_key.c and age_wrap.c. */
#ifndef PV_CRYPTO_AGE_KEY_H
#define PV_CRYPTO_AGE_KEY_H

#include "crypto/age.h"
#include "crypto/pkey.h"

struct pv_age_key {
    pv_age_type type;
    pv_pkey *pair;     /* of X25519, RSA; of Ed25519 as it is in SSH */
    pv_pkey *curve;    /* Ed25519 turned into X25519 */
    pv_buf wire;       /* the public half in the form of SSH */
    pv_secret *phrase; /* of scrypt */
    unsigned log_n;
};

static inline pv_bytes pv_age_raw(const void *data, size_t len)
{
    return (pv_bytes){data, len};
}

static inline pv_bytes pv_age_view(const pv_buf *buf)
{
    return (pv_bytes){buf->data != NULL ? buf->data : "", buf->len};
}

#endif
