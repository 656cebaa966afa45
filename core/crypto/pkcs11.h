/* Keys that stay inside a token (HSM, smart card, SoftHSM): PKCS#11 2.40, by a module of the maker
 * that is opened at run time.  A key is an AES-256 secret key object, found by its label
 * (CKA_LABEL) and its version (CKA_ID); bytes are sealed with AES-256-GCM by the token.
 *
 * Every function may be called from any thread, and blocks: a token can take seconds.  Calls on one
 * token wait for each other.  A token does not survive a fork: the child gets PV_ECLOSED and opens
 * its own.
 *
 * Statuses of all: PV_EUNAVAILABLE (no module, no token, the token is gone; a session that was lost
 * is opened again once before), PV_EAUTH (the PIN), PV_EDENIED (PIN locked, key not there or not
 * allowed), PV_EUNSUPPORTED (the token cannot), PV_EPROTO (it answered nonsense), PV_ECLOSED. */
#ifndef PV_CRYPTO_PKCS11_H
#define PV_CRYPTO_PKCS11_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/secret.h"
#include "base/status.h"

enum {
    PV_PKCS11_TEXT = 32 + 1,   /* the longest text of a token, with its NUL */
    PV_PKCS11_LABEL_MAX = 255, /* bytes of a label */
    PV_PKCS11_ID_MAX = 64,     /* bytes of an id */
    PV_PKCS11_PLAIN_MAX = 4096 /* bytes that are sealed at once */
};

typedef struct pv_pkcs11 pv_pkcs11;

/* Which token; texts that are NULL match every one, slot -1 too. */
typedef struct pv_pkcs11_place {
    const char *module; /* path of the shared object */
    const char *token, *manufacturer, *serial, *model;
    long long slot;
} pv_pkcs11_place;

typedef enum {
    PV_PIN_FINE,
    PV_PIN_LOW,   /* a wrong one was tried since the last right one */
    PV_PIN_FINAL, /* the next wrong one locks it */
    PV_PIN_LOCKED
} pv_pin_state;

typedef struct pv_pkcs11_info {
    char token[PV_PKCS11_TEXT], manufacturer[PV_PKCS11_TEXT], model[PV_PKCS11_TEXT],
        serial[PV_PKCS11_TEXT];
    unsigned long slot;
    unsigned long mechanisms;
    bool gcm, generate; /* CKM_AES_GCM, CKM_AES_KEY_GEN */
    pv_pin_state pin;
} pv_pkcs11_info;

typedef struct pv_pkcs11_key {
    char label[PV_PKCS11_LABEL_MAX + 1];
    unsigned char id[PV_PKCS11_ID_MAX];
    size_t id_len;
    unsigned long size; /* bytes */
    bool encrypt, decrypt, sensitive, extractable;
} pv_pkcs11_key;

/* Reads a PIN from the first line of a file.  PV_EDENIED: others may read it, or it is not ours;
 * PV_EINVAL: there is none in it; PV_EIO, PV_ENOTFOUND. */
pv_status pv_pkcs11_pin_file(const char *path, pv_secret **out, pv_err *err);

/* Opens a session and logs in.  Copies pin, which may be NULL for a token that asks by itself.  The
 * PIN is tried once; when the next wrong one would lock the token it is not tried at all.
 * PV_EINVAL: several tokens match.  Give back with pv_pkcs11_unref(). */
pv_status pv_pkcs11_open(pv_pkcs11 **out, const pv_pkcs11_place *place, const pv_secret *pin,
                         pv_err *err);

/* One more holder; returns hsm. */
pv_pkcs11 *pv_pkcs11_ref(pv_pkcs11 *hsm);

/* One holder less; the last logs out.  NULL is fine. */
void pv_pkcs11_unref(pv_pkcs11 *hsm);

/* What the token says about itself. */
pv_status pv_pkcs11_describe(pv_pkcs11 *hsm, pv_pkcs11_info *out, pv_err *err);

/* The AES keys of a label, or all (NULL), the oldest version first.  *out is freed with pv_free().
 */
pv_status pv_pkcs11_keys(pv_pkcs11 *hsm, const char *label, pv_pkcs11_key **out, size_t *count,
                         pv_err *err);

/* Makes an AES-256 key that never leaves the token, one version after the newest of the label: its
 * id read as a big-endian number is one more.  *out is what was made. */
pv_status pv_pkcs11_generate(pv_pkcs11 *hsm, const char *label, pv_pkcs11_key *out, pv_err *err);

/* Appends nonce, ciphertext and tag to out; the nonce is random, or the token's own.  id.data NULL
 * is the newest version of the label; used, which may be NULL, tells which it was. */
pv_status pv_pkcs11_wrap(pv_pkcs11 *hsm, const char *label, pv_bytes id, pv_bytes plain,
                         pv_bytes aad, pv_buf *out, pv_pkcs11_key *used, pv_err *err);

/* The reverse.  PV_EAUTH: another key, aad, or other bytes. */
pv_status pv_pkcs11_unwrap(pv_pkcs11 *hsm, const char *label, pv_bytes id, pv_bytes sealed,
                           pv_bytes aad, pv_secret **out, pv_err *err);

#endif
