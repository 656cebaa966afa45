#include <openssl/bn.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/age_key.h"
#include "crypto/bech32.h"
#include "crypto/sshkey.h"

enum { TEXT_MAX = 64 * 1024 };

static const char RECIPIENT[] = "age", IDENTITY[] = "AGE-SECRET-KEY-";

static pv_age_key *key_new(pv_age_type type)
{
    pv_age_key *key = pv_alloc(sizeof *key);
    key->type = type;
    return key;
}

void pv_age_key_free(pv_age_key *key)
{
    if (key == NULL) return;
    pv_pkey_free(key->pair);
    pv_pkey_free(key->curve);
    pv_buf_deinit(&key->wire);
    pv_secret_free(key->phrase);
    pv_free(key);
}

/* ---- Reading and writing ---- */

/* The point of Curve25519 that has the secret of an Ed25519 point: u = (1 + y) / (1 - y) (RFC
 * 7748, 4.1). */
static pv_status montgomery(const pv_pkey *ed, pv_pkey **out, pv_err *err)
{
    unsigned char bytes[32];
    pv_buf y;
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p = NULL, *n = BN_new(), *d = BN_new();
    bool ok;
    pv_status status;
    pv_buf_init(&y, 0);
    status = pv_pkey_public_raw(ed, &y, err);
    if (status == PV_OK) {
        memcpy(bytes, y.data, sizeof bytes);
        bytes[31] &= 0x7f; /* the sign of x */
        ok = ctx != NULL && n != NULL && d != NULL && BN_lebin2bn(bytes, sizeof bytes, n) != NULL &&
             BN_dec2bn(&p,
                       "578960446186580977117854925043439539266349923328202820197287920039565648199"
                       "49") != 0 &&
             BN_mod_sub(d, BN_value_one(), n, p, ctx) == 1 &&
             BN_mod_add(n, BN_value_one(), n, p, ctx) == 1 &&
             BN_mod_inverse(d, d, p, ctx) != NULL && BN_mod_mul(n, n, d, p, ctx) == 1 &&
             BN_bn2lebinpad(n, bytes, sizeof bytes) >= 0;
        status = ok ? pv_pkey_raw(out, PV_X25519, false, pv_age_raw(bytes, sizeof bytes), err)
                    : pv_fail(err, PV_EINVAL, "this key of Ed25519 is no point of Curve25519");
    }
    BN_free(p);
    BN_free(n);
    BN_free(d);
    BN_CTX_free(ctx);
    pv_buf_deinit(&y);
    return status;
}

/* The secret of an Ed25519 seed (RFC 8032, 5.1.5). */
static pv_status scalar(const pv_pkey *ed, pv_pkey **out, pv_err *err)
{
    unsigned char hash[64];
    pv_secret *seed;
    pv_status status = pv_pkey_secret_raw(ed, &seed, err);
    if (status != PV_OK) return status;
    status = pv_digest(PV_SHA512, pv_secret_bytes(seed), hash, err);
    if (status == PV_OK) status = pv_pkey_raw(out, PV_X25519, true, pv_age_raw(hash, 32), err);
    pv_wipe(hash, sizeof hash);
    pv_secret_free(seed);
    return status;
}

/* Takes the pair, also on failure. */
static pv_status ssh_key(pv_age_key **out, pv_pkey *pair, pv_err *err)
{
    pv_age_key *key = key_new(PV_AGE_SSH_RSA);
    bool secret = pv_pkey_has_secret(pair);
    pv_status status;
    key->pair = pair;
    status = pv_sshkey_wire(pair, &key->wire, err);
    if (status == PV_OK && pv_pkey_type_of(key->pair) == PV_ED25519) {
        key->type = PV_AGE_SSH_ED25519;
        status =
            secret ? scalar(key->pair, &key->curve, err) : montgomery(key->pair, &key->curve, err);
    }
    if (status == PV_OK) *out = key;
    else pv_age_key_free(key);
    return status;
}

static bool starts(pv_bytes text, const char *with)
{
    size_t len = strlen(with);
    return text.len >= len && memcmp(text.data, with, len) == 0;
}

static pv_status bech32_key(pv_age_key **out, const char *prefix, pv_bytes text, pv_err *err)
{
    pv_age_key *key = key_new(PV_AGE_X25519);
    pv_err why = {0};
    pv_buf bytes;
    bool secret = prefix == IDENTITY;
    pv_status status;
    pv_buf_init(&bytes, PV_X25519_LEN);
    status = pv_bech32_read(&bytes, prefix, text, &why);
    if (status == PV_OK)
        status = pv_pkey_raw(&key->pair, PV_X25519, secret, pv_age_view(&bytes), &why);
    pv_buf_wipe(&bytes);
    if (status == PV_OK) {
        *out = key;
        return PV_OK;
    }
    pv_age_key_free(key);
    return pv_fail(err, PV_EINVAL, "not an age %s: %s", secret ? "identity" : "recipient", why.msg);
}

pv_status pv_age_recipient(pv_age_key **out, pv_bytes text, pv_err *err)
{
    *out = NULL;
    if (text.len > TEXT_MAX) return pv_fail(err, PV_EINVAL, "not an age recipient: it is too long");
    if (starts(text, "ssh-") || starts(text, "ecdsa-") || starts(text, "sk-")) {
        pv_pkey *pair;
        pv_status status = pv_sshkey_public(&pair, text, err);
        return status == PV_OK ? ssh_key(out, pair, err) : status;
    }
    if (starts(text, "age1")) {
        const char *one = memchr(text.data + 4, '1', text.len - 4);
        if (one != NULL)
            return pv_fail(err, PV_EUNSUPPORTED, "an age recipient of a plugin or of a newer type");
        return bech32_key(out, RECIPIENT, text, err);
    }
    if (starts(text, "AGE-SECRET-KEY-"))
        return pv_fail(err, PV_EINVAL,
                       "this is a secret identity, where a recipient (age1...) belongs");
    return pv_fail(err, PV_EINVAL, "not an age recipient: neither age1... nor a public key of SSH");
}

pv_status pv_age_recipient_of(pv_age_key **out, pv_bytes pem, pv_err *err)
{
    pv_pkey *pair;
    pv_status status = pv_sshkey_public_of(&pair, pem, err);
    *out = NULL;
    return status == PV_OK ? ssh_key(out, pair, err) : status;
}

pv_status pv_age_identity(pv_age_key **out, pv_bytes text, pv_bytes passphrase, pv_err *err)
{
    *out = NULL;
    if (text.len > TEXT_MAX) return pv_fail(err, PV_EINVAL, "not an age identity: it is too long");
    if (starts(text, "-----BEGIN")) {
        pv_pkey *pair;
        pv_status status = pv_sshkey_private(&pair, text, passphrase, err);
        return status == PV_OK ? ssh_key(out, pair, err) : status;
    }
    if (starts(text, "AGE-SECRET-KEY-1")) return bech32_key(out, IDENTITY, text, err);
    if (starts(text, "AGE-"))
        return pv_fail(err, PV_EUNSUPPORTED, "an age identity of a plugin or of a newer type");
    return pv_fail(err, PV_EINVAL,
                   "not an age identity: neither AGE-SECRET-KEY-1... nor a private key of SSH");
}

pv_status pv_age_keygen(pv_age_key **out, pv_err *err)
{
    pv_age_key *key = key_new(PV_AGE_X25519);
    pv_status status = pv_pkey_generate(&key->pair, PV_X25519, 0, err);
    *out = NULL;
    if (status == PV_OK) *out = key;
    else pv_age_key_free(key);
    return status;
}

pv_status pv_age_passphrase(pv_age_key **out, pv_bytes passphrase, unsigned log_n, pv_err *err)
{
    *out = NULL;
    if (log_n > PV_AGE_LOG_N_MAX)
        return pv_fail(err, PV_EINVAL, "a passphrase works with at most 2^%d", PV_AGE_LOG_N_MAX);
    *out = key_new(PV_AGE_SCRYPT);
    (*out)->phrase = pv_secret_copy(passphrase);
    (*out)->log_n = log_n != 0 ? log_n : PV_AGE_LOG_N;
    return PV_OK;
}

pv_age_type pv_age_key_type(const pv_age_key *key)
{
    return key->type;
}

pv_status pv_age_public(const pv_age_key *key, pv_buf *out, pv_err *err)
{
    pv_buf bytes;
    pv_status status;
    if (key->type == PV_AGE_SCRYPT)
        return pv_fail(err, PV_EINVAL, "a passphrase has no public half");
    if (key->type != PV_AGE_X25519) return pv_sshkey_line(key->pair, out, err);
    pv_buf_init(&bytes, 0);
    status = pv_pkey_public_raw(key->pair, &bytes, err);
    if (status == PV_OK) pv_bech32_write(out, RECIPIENT, pv_age_view(&bytes));
    pv_buf_deinit(&bytes);
    return status;
}

pv_status pv_age_secret(const pv_age_key *key, pv_secret **out, pv_err *err)
{
    pv_secret *bytes;
    pv_buf text;
    pv_status status;
    *out = NULL;
    if (key->type != PV_AGE_X25519)
        return pv_fail(err, PV_EINVAL, "only identities of X25519 have a text");
    status = pv_pkey_secret_raw(key->pair, &bytes, err);
    if (status != PV_OK) return status;
    pv_buf_init(&text, 0);
    (void)pv_buf_reserve(&text, 128); /* so that it does not move, and leave a copy behind */
    pv_bech32_write(&text, "age-secret-key-", pv_secret_bytes(bytes));
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] >= 'a' && text.data[i] <= 'z') text.data[i] = (char)(text.data[i] - 32);
    *out = pv_secret_copy(pv_age_view(&text));
    pv_buf_wipe(&text);
    pv_secret_free(bytes);
    return PV_OK;
}
