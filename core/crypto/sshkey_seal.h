/* How a passphrase protects the private key file of OpenSSH; shared by sshkey.c and
 * sshkey_seal.c. */
#ifndef PV_CRYPTO_SSHKEY_SEAL_H
#define PV_CRYPTO_SSHKEY_SEAL_H

#include <stdint.h>

#include "base/secret.h"
#include "base/status.h"

typedef struct pv_sshkey_seal {
    pv_bytes cipher; /* its name */
    pv_bytes tag;    /* what stands behind the sealed part; empty unless the cipher has one */
    pv_bytes salt;   /* of bcrypt_pbkdf */
    uint32_t rounds;
} pv_sshkey_seal;

/* Decrypts the private part, to be freed by the caller.  PV_EAUTH: the passphrase is wrong (seen by
 * ciphers with a tag only); PV_EUNSUPPORTED: another cipher; PV_EINVAL: malformed. */
pv_status pv_sshkey_unseal(pv_secret **out, const pv_sshkey_seal *seal, pv_bytes sealed,
                           pv_bytes passphrase, pv_err *err);

#endif
