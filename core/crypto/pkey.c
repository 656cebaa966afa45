#include "crypto/pkey.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/evp.h"

enum { RAW_LEN = 32, POINT_MAX = 133 };

struct pv_pkey {
    EVP_PKEY *evp;
    pv_pkey_type type;
    bool secret;
};

/* What OpenSSL calls the curves. */
static const char *const GROUPS[] = {
    [PV_P256] = "prime256v1", [PV_P384] = "secp384r1", [PV_P521] = "secp521r1"};

static bool is_curve(pv_pkey_type type)
{
    return type == PV_P256 || type == PV_P384 || type == PV_P521;
}

static const unsigned char *bytes_of(pv_bytes b)
{
    return (const unsigned char *)(b.len != 0 ? b.data : "");
}

EVP_PKEY *pv_evp_of(const pv_pkey *key)
{
    return key->evp;
}

pv_status pv_evp_take(pv_pkey **out, EVP_PKEY *evp, bool secret, pv_err *err)
{
    int id = EVP_PKEY_get_base_id(evp), bits = EVP_PKEY_get_bits(evp);
    char group[32] = "";
    pv_pkey_type type = PV_RSA;
    bool known = true;
    if (id == EVP_PKEY_X25519) type = PV_X25519;
    else if (id == EVP_PKEY_ED25519) type = PV_ED25519;
    else if (id == EVP_PKEY_EC) {
        known = EVP_PKEY_get_group_name(evp, group, sizeof group, NULL) == 1;
        type = PV_P256;
        while (known && is_curve(type) && strcmp(group, GROUPS[type]) != 0) type++;
        known = known && is_curve(type);
    } else if (id != EVP_PKEY_RSA) known = false;
    if (!known || (type == PV_RSA && (bits < PV_RSA_BITS_MIN || bits > PV_RSA_BITS_MAX))) {
        EVP_PKEY_free(evp);
        if (known)
            return pv_fail(err, PV_EINVAL, "a key of RSA has %d to %d bits, not %d",
                           PV_RSA_BITS_MIN, PV_RSA_BITS_MAX, bits);
        return pv_fail(err, PV_EINVAL, "not a key of X25519, Ed25519, P-256, P-384, P-521 or RSA");
    }
    *out = pv_alloc(sizeof **out);
    **out = (pv_pkey){evp, type, secret};
    return PV_OK;
}

pv_status pv_pkey_generate(pv_pkey **out, pv_pkey_type type, unsigned bits, pv_err *err)
{
    EVP_PKEY *evp = NULL;
    *out = NULL;
    if (type == PV_RSA && (bits < PV_RSA_BITS_MIN || bits > PV_RSA_BITS_MAX))
        return pv_fail(err, PV_EINVAL, "a key of RSA has %d to %d bits, not %u", PV_RSA_BITS_MIN,
                       PV_RSA_BITS_MAX, bits);
    switch (type) {
    case PV_X25519: evp = EVP_PKEY_Q_keygen(NULL, NULL, "X25519"); break;
    case PV_ED25519: evp = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"); break;
    case PV_P256:
    case PV_P384:
    case PV_P521: evp = EVP_PKEY_Q_keygen(NULL, NULL, "EC", GROUPS[type]); break;
    case PV_RSA: evp = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits); break;
    }
    if (evp == NULL) return pv_evp_fail(err, "a key");
    return pv_evp_take(out, evp, true, err);
}

/* A public point, which is checked to be one of the curve. */
static EVP_PKEY *point(pv_pkey_type type, pv_bytes bytes)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)GROUPS[type], 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)bytes.data, bytes.len),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *evp = NULL;
    if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &evp, EVP_PKEY_PUBLIC_KEY, params) != 1)
        evp = NULL;
    EVP_PKEY_CTX_free(ctx);
    return evp;
}

pv_status pv_pkey_raw(pv_pkey **out, pv_pkey_type type, bool secret, pv_bytes bytes, pv_err *err)
{
    EVP_PKEY *evp = NULL;
    int id = type == PV_X25519 ? EVP_PKEY_X25519 : EVP_PKEY_ED25519;
    *out = NULL;
    if (is_curve(type)) {
        if (!secret && bytes.len > 0 && bytes.data[0] == 4) evp = point(type, bytes);
    } else if (type != PV_RSA && bytes.len == RAW_LEN) {
        evp = secret ? EVP_PKEY_new_raw_private_key(id, NULL, bytes_of(bytes), RAW_LEN)
                     : EVP_PKEY_new_raw_public_key(id, NULL, bytes_of(bytes), RAW_LEN);
    }
    if (evp != NULL) return pv_evp_take(out, evp, secret, err);
    (void)pv_evp_fail(NULL, "");
    return pv_fail(err, PV_EINVAL, "these %zu bytes are no key of that kind", bytes.len);
}

static int passphrase_of(char *buf, int size, int writing, void *arg)
{
    const pv_bytes *passphrase = arg;
    (void)writing;
    if (passphrase->data == NULL || passphrase->len > (size_t)size) return -1;
    for (size_t i = 0; i < passphrase->len; i++) buf[i] = passphrase->data[i];
    return (int)passphrase->len;
}

pv_status pv_pkey_parse(pv_pkey **out, pv_bytes text, pv_bytes passphrase, pv_err *err)
{
    static const char BEGIN[] = "-----BEGIN", ENCRYPTED[] = "ENCRYPTED";
    const unsigned char *der = bytes_of(text);
    bool pem = memmem(bytes_of(text), text.len, BEGIN, sizeof BEGIN - 1) != NULL, secret = true;
    EVP_PKEY *evp = NULL;
    *out = NULL;
    if (text.len > 1 << 20) return pv_fail(err, PV_EINVAL, "a key is not %zu bytes", text.len);
    for (int i = 0; i < 2 && evp == NULL; i++) {
        secret = i == 0;
        if (pem) {
            BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
            if (bio == NULL) return pv_evp_fail(err, "a key");
            evp = secret ? PEM_read_bio_PrivateKey(bio, NULL, passphrase_of, &passphrase)
                         : PEM_read_bio_PUBKEY(bio, NULL, passphrase_of, &passphrase);
            BIO_free(bio);
        } else {
            evp = secret ? d2i_AutoPrivateKey(NULL, &der, (long)text.len)
                         : d2i_PUBKEY(NULL, &der, (long)text.len);
        }
    }
    (void)pv_evp_fail(NULL, "");
    if (evp != NULL) return pv_evp_take(out, evp, secret, err);
    if (pem && memmem(text.data, text.len, ENCRYPTED, sizeof ENCRYPTED - 1) != NULL)
        return pv_fail(err, PV_EAUTH,
                       passphrase.data == NULL ? "the key is encrypted, and there is no passphrase"
                                               : "the passphrase of the key is wrong");
    return pv_fail(err, PV_EINVAL, "not a key in PEM or DER");
}

pv_pkey_type pv_pkey_type_of(const pv_pkey *key)
{
    return key->type;
}

unsigned pv_pkey_bits(const pv_pkey *key)
{
    return (unsigned)EVP_PKEY_get_bits(key->evp);
}

bool pv_pkey_has_secret(const pv_pkey *key)
{
    return key->secret;
}

pv_status pv_pkey_public_raw(const pv_pkey *key, pv_buf *out, pv_err *err)
{
    unsigned char raw[POINT_MAX];
    size_t len = sizeof raw;
    if (key->type == PV_RSA) return pv_fail(err, PV_EINVAL, "a key of RSA has no raw form");
    if (EVP_PKEY_get_octet_string_param(key->evp, OSSL_PKEY_PARAM_PUB_KEY, raw, sizeof raw, &len) !=
        1)
        return pv_evp_fail(err, "the public half of a key");
    return pv_buf_add(out, raw, len);
}

pv_status pv_pkey_secret_raw(const pv_pkey *key, pv_secret **out, pv_err *err)
{
    size_t len = RAW_LEN;
    *out = NULL;
    if (!key->secret || (key->type != PV_X25519 && key->type != PV_ED25519))
        return pv_fail(err, PV_EINVAL, "this key has no secret half in raw form");
    *out = pv_secret_new(len);
    if (EVP_PKEY_get_raw_private_key(key->evp, (*out)->data, &len) == 1) return PV_OK;
    pv_secret_free(*out);
    *out = NULL;
    return pv_evp_fail(err, "the secret half of a key");
}

pv_status pv_pkey_public_pem(const pv_pkey *key, pv_buf *out, pv_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    pv_status status = PV_EIO;
    if (bio != NULL && PEM_write_bio_PUBKEY(bio, key->evp) == 1) {
        long len = BIO_get_mem_data(bio, &data);
        status = pv_buf_add(out, data, (size_t)len);
    }
    BIO_free(bio);
    return status == PV_EIO ? pv_evp_fail(err, "the public half of a key") : status;
}

typedef int pem_writer(BIO *bio, const EVP_PKEY *evp, const EVP_CIPHER *cipher, const char *pass,
                       int len, pem_password_cb *cb, void *arg);

static int write_old(BIO *bio, const EVP_PKEY *evp, const EVP_CIPHER *cipher, const char *pass,
                     int len, pem_password_cb *cb, void *arg)
{
    return PEM_write_bio_PrivateKey_traditional(bio, evp, cipher, (const unsigned char *)pass, len,
                                                cb, arg);
}

static pv_status secret_text(const pv_pkey *key, pem_writer *write, pv_secret **out, pv_err *err)
{
    BIO *bio;
    char *data = NULL;
    *out = NULL;
    if (!key->secret) return pv_fail(err, PV_EINVAL, "this key has no secret half");
    bio = BIO_new(BIO_s_secmem()); /* wiped when freed */
    if (bio != NULL && write(bio, key->evp, NULL, NULL, 0, NULL, NULL) == 1) {
        long len = BIO_get_mem_data(bio, &data);
        *out = pv_secret_copy((pv_bytes){data, (size_t)len});
    }
    BIO_free(bio);
    return *out != NULL ? PV_OK : pv_evp_fail(err, "the secret half of a key");
}

pv_status pv_pkey_secret_pem(const pv_pkey *key, pv_secret **out, pv_err *err)
{
    return secret_text(key, PEM_write_bio_PKCS8PrivateKey, out, err);
}

pv_status pv_pkey_secret_old(const pv_pkey *key, pv_secret **out, pv_err *err)
{
    *out = NULL;
    if (key->type != PV_RSA && !is_curve(key->type))
        return pv_fail(err, PV_EINVAL, "only keys of RSA and EC have an older form");
    return secret_text(key, write_old, out, err);
}

pv_status pv_pkey_agree(const pv_pkey *mine, const pv_pkey *theirs, pv_secret **out, pv_err *err)
{
    EVP_PKEY_CTX *ctx;
    size_t len = PV_X25519_LEN;
    bool ok;
    *out = NULL;
    if (mine->type != PV_X25519 || theirs->type != PV_X25519 || !mine->secret)
        return pv_fail(err, PV_EINVAL, "only keys of X25519 agree on a secret");
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, mine->evp, NULL);
    *out = pv_secret_new(len);
    ok = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
         EVP_PKEY_derive_set_peer(ctx, theirs->evp) == 1 &&
         EVP_PKEY_derive(ctx, (*out)->data, &len) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (ok) return PV_OK;
    pv_secret_free(*out);
    *out = NULL;
    (void)pv_evp_fail(NULL, "");
    return pv_fail(err, PV_EAUTH, "the other side's key is a point of small order");
}

void pv_pkey_free(pv_pkey *key)
{
    if (key == NULL) return;
    EVP_PKEY_free(key->evp);
    pv_free(key);
}

/* ---- RSA-OAEP ---- */

static EVP_PKEY_CTX *oaep(const pv_pkey *key, pv_hash hash, pv_hash mgf, pv_bytes label,
                          bool sealing)
{
    EVP_PKEY_CTX *ctx;
    void *copy = NULL;
    bool ok;
    if (key->type != PV_RSA || (!sealing && !key->secret) || label.len > INT_MAX) return NULL;
    if ((ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->evp, NULL)) == NULL) return NULL;
    ok = (sealing ? EVP_PKEY_encrypt_init(ctx) : EVP_PKEY_decrypt_init(ctx)) == 1 &&
         EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_oaep_md(ctx, pv_evp_md(hash)) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, pv_evp_md(mgf)) == 1;
    if (ok && label.len != 0) { /* the context owns the copy once it took it */
        copy = OPENSSL_memdup(label.data, label.len);
        ok = copy != NULL && EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, copy, (int)label.len) == 1;
        if (!ok) OPENSSL_free(copy);
    }
    if (ok) return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

pv_status pv_pkey_oaep_seal(const pv_pkey *key, pv_hash hash, pv_hash mgf, pv_bytes label,
                            pv_bytes plain, pv_buf *out, pv_err *err)
{
    EVP_PKEY_CTX *ctx = oaep(key, hash, mgf, label, true);
    size_t len = (size_t)EVP_PKEY_get_size(key->evp), most;
    char *to;
    pv_status status = PV_OK;
    most = len > 2 * pv_hash_len(hash) + 2 ? len - 2 * pv_hash_len(hash) - 2 : 0;
    if (ctx == NULL) status = pv_fail(err, PV_EINVAL, "this key cannot seal with RSA-OAEP");
    else if (plain.len > most)
        status = pv_fail(err, PV_ELIMIT, "RSA-OAEP seals %zu bytes with this key, not %zu", most,
                         plain.len);
    else if ((to = pv_buf_reserve(out, len)) == NULL)
        status = pv_fail(err, PV_ELIMIT, "no room for %zu sealed bytes", len);
    else if (EVP_PKEY_encrypt(ctx, (unsigned char *)to, &len, bytes_of(plain), plain.len) == 1)
        out->len += len;
    else status = pv_evp_fail(err, "a sealed text");
    EVP_PKEY_CTX_free(ctx);
    return status;
}

pv_status pv_pkey_oaep_open(const pv_pkey *key, pv_hash hash, pv_hash mgf, pv_bytes label,
                            pv_bytes sealed, pv_secret **out, pv_err *err)
{
    EVP_PKEY_CTX *ctx = oaep(key, hash, mgf, label, false);
    size_t len = (size_t)EVP_PKEY_get_size(key->evp);
    pv_secret *room = pv_secret_new(len);
    pv_status status = PV_OK;
    *out = NULL;
    if (ctx == NULL) status = pv_fail(err, PV_EINVAL, "this key cannot open with RSA-OAEP");
    else if (EVP_PKEY_decrypt(ctx, room->data, &len, bytes_of(sealed), sealed.len) == 1)
        *out = pv_secret_copy((pv_bytes){(char *)room->data, len});
    else status = pv_fail(err, PV_EAUTH, "the key is wrong or the sealed bytes were changed");
    (void)pv_evp_fail(NULL, "");
    pv_secret_free(room);
    EVP_PKEY_CTX_free(ctx);
    return status;
}
