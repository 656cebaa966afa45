#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "crypto/aead.h"
#include "crypto/age_key.h"
#include "crypto/kdf.h"

enum {
    BODY_LEN = PV_AGE_KEY_LEN + PV_TAG_LEN,
    SALT_LEN = 16,
    SCRYPT_R = 8,
    SCRYPT_P = 1,
    TAG_LEN = 4,
};

static const char *const TYPES[] = {"X25519", "scrypt", "ssh-ed25519", "ssh-rsa"};

static const unsigned char no_nonce[PV_NONCE_LEN]; /* each key seals one thing only */

static pv_status seal_key(pv_bytes with, const pv_secret *file_key, char *body, pv_err *err)
{
    pv_aead *aead;
    pv_status status = pv_aead_new(&aead, PV_CHACHA20_POLY1305, with, err);
    if (status == PV_OK)
        status = pv_aead_seal(aead, pv_age_raw(no_nonce, sizeof no_nonce),
                              pv_secret_bytes(file_key), pv_age_raw("", 0), body, err);
    pv_aead_free(aead);
    return status;
}

static pv_status open_key(pv_bytes with, const pv_buf *body, pv_secret **file_key, pv_err *err)
{
    pv_aead *aead;
    pv_status status = pv_aead_new(&aead, PV_CHACHA20_POLY1305, with, err);
    *file_key = pv_secret_new(PV_AGE_KEY_LEN);
    if (status == PV_OK)
        status = pv_aead_open(aead, pv_age_raw(no_nonce, sizeof no_nonce), pv_age_view(body),
                              pv_age_raw("", 0), (char *)(*file_key)->data, err);
    pv_aead_free(aead);
    if (status == PV_OK) return PV_OK;
    pv_secret_free(*file_key);
    *file_key = NULL;
    return status;
}

/* The key that both sides of X25519 come to: of the secret they agree on, and both public halves.
 */
static pv_status shared_key(const pv_age_key *key, const pv_pkey *mine, const pv_pkey *theirs,
                            pv_bytes ephemeral, pv_bytes recipient, unsigned char out[32],
                            pv_err *err)
{
    char info[64];
    unsigned char tweak[32];
    pv_pkey *by = NULL, *point = NULL;
    pv_secret *secret = NULL, *tweaked = NULL;
    pv_buf salt;
    pv_status status = pv_pkey_agree(mine, theirs, &secret, err);
    snprintf(info, sizeof info, "age-encryption.org/v1/%s", TYPES[key->type]);
    pv_buf_init(&salt, 0);
    (void)pv_buf_add(&salt, ephemeral.data, ephemeral.len);
    (void)pv_buf_add(&salt, recipient.data, recipient.len);
    if (status == PV_OK && key->type == PV_AGE_SSH_ED25519) { /* bound to the key of SSH as well */
        status = pv_hkdf(PV_SHA256, pv_age_raw("", 0), pv_age_view(&key->wire),
                         pv_age_raw(info, strlen(info)), tweak, sizeof tweak, err);
        if (status == PV_OK)
            status = pv_pkey_raw(&by, PV_X25519, true, pv_age_raw(tweak, sizeof tweak), err);
        if (status == PV_OK)
            status = pv_pkey_raw(&point, PV_X25519, false, pv_secret_bytes(secret), err);
        if (status == PV_OK) status = pv_pkey_agree(by, point, &tweaked, err);
    }
    if (status == PV_OK)
        status = pv_hkdf(PV_SHA256, pv_secret_bytes(tweaked != NULL ? tweaked : secret),
                         pv_age_view(&salt), pv_age_raw(info, strlen(info)), out, 32, err);
    pv_secret_free(secret);
    pv_secret_free(tweaked);
    pv_pkey_free(by);
    pv_pkey_free(point);
    pv_buf_deinit(&salt);
    return status;
}

static const pv_pkey *curve_of(const pv_age_key *key)
{
    return key->type == PV_AGE_X25519 ? key->pair : key->curve;
}

/* The first bytes of the hash of a key of SSH, in base64: whom a stanza may be for. */
static pv_status tag_of(const pv_age_key *key, pv_buf *out, pv_err *err)
{
    unsigned char hash[PV_SHA256_LEN];
    pv_status status = pv_digest(PV_SHA256, pv_age_view(&key->wire), hash, err);
    return status == PV_OK ? pv_base64_encode_raw(out, pv_age_raw(hash, TAG_LEN)) : status;
}

static pv_status wrap_curve(const pv_age_key *key, const pv_secret *file_key, pv_age_header *header,
                            pv_err *err)
{
    const char *args[3] = {TYPES[key->type]};
    char body[BODY_LEN];
    unsigned char with[32];
    pv_pkey *once = NULL;
    pv_buf ephemeral, recipient, share, tag;
    pv_status status = pv_pkey_generate(&once, PV_X25519, 0, err);
    pv_buf_init(&ephemeral, 0);
    pv_buf_init(&recipient, 0);
    pv_buf_init(&share, 0);
    pv_buf_init(&tag, 0);
    if (status == PV_OK) status = pv_pkey_public_raw(once, &ephemeral, err);
    if (status == PV_OK) status = pv_pkey_public_raw(curve_of(key), &recipient, err);
    if (status == PV_OK)
        status = shared_key(key, once, curve_of(key), pv_age_view(&ephemeral),
                            pv_age_view(&recipient), with, err);
    if (status == PV_OK) status = seal_key(pv_age_raw(with, sizeof with), file_key, body, err);
    if (status == PV_OK) status = pv_base64_encode_raw(&share, pv_age_view(&ephemeral));
    if (status == PV_OK) status = tag_of(key, &tag, err);
    if (status == PV_OK) {
        size_t count = 1;
        if (key->type == PV_AGE_SSH_ED25519) args[count++] = tag.data;
        args[count++] = share.data;
        status = pv_age_header_add(header, args, count, pv_age_raw(body, sizeof body), err);
    }
    pv_wipe(with, sizeof with);
    pv_pkey_free(once);
    pv_buf_deinit(&ephemeral);
    pv_buf_deinit(&recipient);
    pv_buf_deinit(&share);
    pv_buf_deinit(&tag);
    return status;
}

static pv_bytes rsa_label(void)
{
    static const char label[] = "age-encryption.org/v1/ssh-rsa";
    return pv_age_raw(label, sizeof label - 1);
}

static pv_status wrap_rsa(const pv_age_key *key, const pv_secret *file_key, pv_age_header *header,
                          pv_err *err)
{
    const char *args[2] = {TYPES[PV_AGE_SSH_RSA]};
    pv_buf tag, body;
    pv_status status;
    pv_buf_init(&tag, 0);
    pv_buf_init(&body, 0);
    status = pv_pkey_oaep_seal(key->pair, PV_SHA256, PV_SHA256, rsa_label(),
                               pv_secret_bytes(file_key), &body, err);
    if (status == PV_OK) status = tag_of(key, &tag, err);
    if (status == PV_OK) {
        args[1] = tag.data;
        status = pv_age_header_add(header, args, 2, pv_age_view(&body), err);
    }
    pv_buf_deinit(&tag);
    pv_buf_deinit(&body);
    return status;
}

static pv_status phrase_key(const pv_age_key *key, pv_bytes salt, unsigned log_n,
                            unsigned char out[32], pv_err *err)
{
    static const char label[] = "age-encryption.org/v1/scrypt";
    char labelled[sizeof label - 1 + SALT_LEN];
    memcpy(labelled, label, sizeof label - 1);
    memcpy(labelled + sizeof label - 1, salt.data, SALT_LEN);
    return pv_scrypt(pv_secret_bytes(key->phrase), pv_age_raw(labelled, sizeof labelled), log_n,
                     SCRYPT_R, SCRYPT_P, out, 32, err);
}

static pv_status wrap_phrase(const pv_age_key *key, const pv_secret *file_key,
                             pv_age_header *header, pv_err *err)
{
    const char *args[3] = {TYPES[PV_AGE_SCRYPT]};
    char salt[SALT_LEN], body[BODY_LEN], log_n[12];
    unsigned char with[32];
    pv_buf text;
    pv_status status;
    if (header->count != 0)
        return pv_fail(err, PV_EINVAL, "a passphrase cannot be beside other recipients");
    pv_buf_init(&text, 0);
    status = pv_random(salt, sizeof salt, err);
    if (status == PV_OK)
        status = phrase_key(key, pv_age_raw(salt, sizeof salt), key->log_n, with, err);
    if (status == PV_OK) status = seal_key(pv_age_raw(with, sizeof with), file_key, body, err);
    if (status == PV_OK) status = pv_base64_encode_raw(&text, pv_age_raw(salt, sizeof salt));
    if (status == PV_OK) {
        snprintf(log_n, sizeof log_n, "%u", key->log_n);
        args[1] = text.data;
        args[2] = log_n;
        status = pv_age_header_add(header, args, 3, pv_age_raw(body, sizeof body), err);
    }
    pv_wipe(with, sizeof with);
    pv_buf_deinit(&text);
    return status;
}

pv_status pv_age_wrap(const pv_age_key *key, const pv_secret *file_key, pv_age_header *header,
                      pv_err *err)
{
    if (header->count > 0 && strcmp(header->stanzas[0].args[0], TYPES[PV_AGE_SCRYPT]) == 0)
        return pv_fail(err, PV_EINVAL, "a passphrase cannot be beside other recipients");
    switch (key->type) {
    case PV_AGE_SCRYPT: return wrap_phrase(key, file_key, header, err);
    case PV_AGE_SSH_RSA: return wrap_rsa(key, file_key, header, err);
    default: return wrap_curve(key, file_key, header, err);
    }
}

/* ---- Unwrapping: PV_ENOTFOUND is "not for this identity" ---- */

static pv_status malformed(const pv_age_stanza *stanza, pv_err *err)
{
    return pv_fail(err, PV_EINVAL, "not an age file: its stanza of %s is malformed",
                   stanza->args[0]);
}

/* An argument of len bytes in base64. */
static pv_status decode(const pv_age_stanza *stanza, size_t arg, size_t len, pv_buf *out,
                        pv_err *err)
{
    pv_buf_init(out, len);
    if (pv_base64_decode_exact(out, pv_age_raw(stanza->args[arg], strlen(stanza->args[arg])), false,
                               NULL) == PV_OK &&
        out->len == len)
        return PV_OK;
    return malformed(stanza, err);
}

/* PV_EAUTH of a sealed key means that it is somebody else's. */
static pv_status not_ours(pv_status status)
{
    return status == PV_EAUTH ? PV_ENOTFOUND : status;
}

static pv_status unwrap_curve(const pv_age_key *key, const pv_age_stanza *stanza,
                              pv_secret **file_key, pv_err *err)
{
    unsigned char with[32];
    pv_pkey *once = NULL;
    pv_buf share, recipient;
    size_t last = key->type == PV_AGE_X25519 ? 1 : 2;
    pv_status status;
    if (stanza->count != last + 1 || stanza->body.len != BODY_LEN) return malformed(stanza, err);
    pv_buf_init(&recipient, 0);
    status = decode(stanza, last, PV_X25519_LEN, &share, err);
    if (status == PV_OK) status = pv_pkey_public_raw(curve_of(key), &recipient, err);
    if (status == PV_OK) status = pv_pkey_raw(&once, PV_X25519, false, pv_age_view(&share), err);
    if (status == PV_OK) {
        status = shared_key(key, curve_of(key), once, pv_age_view(&share), pv_age_view(&recipient),
                            with, err);
        if (status == PV_EAUTH) status = malformed(stanza, err); /* a point of small order */
    }
    if (status == PV_OK)
        status = not_ours(open_key(pv_age_raw(with, sizeof with), &stanza->body, file_key, err));
    pv_wipe(with, sizeof with);
    pv_pkey_free(once);
    pv_buf_deinit(&share);
    pv_buf_deinit(&recipient);
    return status;
}

static pv_status unwrap_rsa(const pv_age_key *key, const pv_age_stanza *stanza,
                            pv_secret **file_key, pv_err *err)
{
    pv_status status;
    if (stanza->count != 2) return malformed(stanza, err);
    status = pv_pkey_oaep_open(key->pair, PV_SHA256, PV_SHA256, rsa_label(),
                               pv_age_view(&stanza->body), file_key, err);
    if (status == PV_OK && (*file_key)->len != PV_AGE_KEY_LEN) {
        pv_secret_free(*file_key);
        *file_key = NULL;
        return malformed(stanza, err);
    }
    return not_ours(status);
}

/* "1" to "22", without sign or leading zero. */
static pv_status work_of(const pv_age_stanza *stanza, unsigned *log_n, pv_err *err)
{
    const char *text = stanza->args[2];
    size_t len = strlen(text);
    *log_n = 0;
    if (text[0] < '1' || text[0] > '9' || strspn(text, "0123456789") != len)
        return malformed(stanza, err);
    for (size_t i = 0; i < len && *log_n < 1000; i++)
        *log_n = *log_n * 10 + (unsigned)(text[i] - '0');
    if (*log_n <= PV_AGE_LOG_N_MAX) return PV_OK;
    return pv_fail(err, PV_ELIMIT,
                   "the passphrase of this age file takes 2^%s work, and prov does 2^%d at most",
                   len < 8 ? text : "many", PV_AGE_LOG_N_MAX);
}

static pv_status unwrap_phrase(const pv_age_key *key, const pv_age_stanza *stanza,
                               pv_secret **file_key, pv_err *err)
{
    unsigned char with[32];
    unsigned log_n;
    pv_buf salt;
    pv_status status;
    if (stanza->count != 3 || stanza->body.len != BODY_LEN) return malformed(stanza, err);
    status = decode(stanza, 1, SALT_LEN, &salt, err);
    if (status == PV_OK) status = work_of(stanza, &log_n, err);
    if (status == PV_OK) status = phrase_key(key, pv_age_view(&salt), log_n, with, err);
    if (status == PV_OK)
        status = not_ours(open_key(pv_age_raw(with, sizeof with), &stanza->body, file_key, err));
    pv_wipe(with, sizeof with);
    pv_buf_deinit(&salt);
    return status;
}

static pv_status unwrap_one(const pv_age_key *key, const pv_age_stanza *stanza,
                            pv_secret **file_key, pv_err *err)
{
    pv_buf tag;
    bool ours = strcmp(stanza->args[0], TYPES[key->type]) == 0;
    pv_status status;
    if (!ours) return PV_ENOTFOUND;
    if (key->type == PV_AGE_SSH_ED25519 || key->type == PV_AGE_SSH_RSA) {
        if (stanza->count < 2) return malformed(stanza, err);
        pv_buf_init(&tag, 0);
        status = tag_of(key, &tag, err);
        ours = status == PV_OK && strcmp(tag.data, stanza->args[1]) == 0;
        pv_buf_deinit(&tag);
        if (status != PV_OK) return status;
        if (!ours) return PV_ENOTFOUND;
    }
    switch (key->type) {
    case PV_AGE_SCRYPT: return unwrap_phrase(key, stanza, file_key, err);
    case PV_AGE_SSH_RSA: return unwrap_rsa(key, stanza, file_key, err);
    default: return unwrap_curve(key, stanza, file_key, err);
    }
}

pv_status pv_age_unwrap(const pv_age_key *key, const pv_age_header *header, pv_secret **file_key,
                        pv_err *err)
{
    pv_status status = PV_ENOTFOUND;
    *file_key = NULL;
    for (size_t i = 0; i < header->count; i++) {
        if (strcmp(header->stanzas[i].args[0], TYPES[PV_AGE_SCRYPT]) == 0 && header->count != 1)
            return pv_fail(err, PV_EINVAL,
                           "not an age file: a passphrase stands beside other recipients");
    }
    for (size_t i = 0; i < header->count && status == PV_ENOTFOUND; i++)
        status = unwrap_one(key, &header->stanzas[i], file_key, err);
    if (status == PV_ENOTFOUND)
        return pv_fail(err, PV_ENOTFOUND,
                       key->type == PV_AGE_SCRYPT ? "the passphrase is wrong, or the file has none"
                                                  : "the age file is not for this identity");
    if (status == PV_OK) status = pv_age_header_check(header, *file_key, err);
    if (status == PV_OK) return PV_OK;
    pv_secret_free(*file_key);
    *file_key = NULL;
    return status;
}
