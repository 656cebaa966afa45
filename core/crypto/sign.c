/* Signatures by the keys of pkey.h. */
#include <limits.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/mem.h"
#include "crypto/evp.h"

static const pv_sign_options MOSTLY = {PV_SHA256, false, PV_SALT_HASH};

static const unsigned char *bytes_of(pv_bytes b)
{
    return (const unsigned char *)(b.len != 0 ? b.data : "");
}

/* The bytes of a number of the key's curve; 0 of other keys. */
static size_t number_len(const pv_pkey *key)
{
    switch (pv_pkey_type_of(key)) {
    case PV_P256: return 32;
    case PV_P384: return 48;
    case PV_P521: return 66;
    default: return 0;
    }
}

static bool can(const pv_pkey *key, pv_sign_alg alg)
{
    switch (alg) {
    case PV_SIGN_ED25519: return pv_pkey_type_of(key) == PV_ED25519;
    case PV_SIGN_ECDSA:
    case PV_SIGN_JOSE: return number_len(key) != 0;
    default: return pv_pkey_type_of(key) == PV_RSA;
    }
}

/* A context that signs or checks digests; NULL when the key cannot do alg so. */
static EVP_PKEY_CTX *prepare(const pv_pkey *key, pv_sign_alg alg, const pv_sign_options *options,
                             bool signing)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pv_evp_of(key), NULL);
    const EVP_MD *md = pv_evp_md(options->hash);
    bool ok = ctx != NULL && (signing ? EVP_PKEY_sign_init(ctx) : EVP_PKEY_verify_init(ctx)) == 1;
    if (ok && alg == PV_SIGN_RSA_PSS) {
        ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
             EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, options->salt) == 1;
    } else if (ok && alg == PV_SIGN_RSA_PKCS1) {
        ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
             EVP_PKEY_CTX_set_signature_md(ctx, md) == 1;
    }
    if (ok) return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

/* The digest that is signed: the text itself, or that of the text in room. */
static pv_status digest_of(const pv_sign_options *options, pv_bytes text,
                           unsigned char room[PV_HASH_MAX], pv_bytes *out, pv_err *err)
{
    *out = text;
    if (options->hashed) return PV_OK;
    *out = (pv_bytes){(char *)room, pv_hash_len(options->hash)};
    return pv_digest(options->hash, text, room, err);
}

/* From the DER of r and s to the two numbers. */
static pv_status jose_of(pv_bytes der, size_t len, pv_buf *out, pv_err *err)
{
    const unsigned char *from = bytes_of(der);
    unsigned char raw[2 * 66];
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &from, (long)der.len);
    int ok = sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, (int)len) >= 0 &&
             BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + len, (int)len) >= 0;
    ECDSA_SIG_free(sig);
    return ok ? pv_buf_add(out, raw, 2 * len) : pv_evp_fail(err, "a signature");
}

/* From the two numbers to DER, which the caller frees with OPENSSL_free(); NULL when there is no
 * memory. */
static unsigned char *der_of(pv_bytes raw, size_t *len)
{
    int half = (int)(raw.len / 2);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(bytes_of(raw), half, NULL);
    BIGNUM *s = BN_bin2bn(bytes_of(raw) + half, half, NULL);
    unsigned char *der = NULL;
    int size = -1;
    if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = s = NULL;
        size = i2d_ECDSA_SIG(sig, &der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    *len = size > 0 ? (size_t)size : 0;
    return size > 0 ? der : NULL;
}

static int sign_ed25519(const pv_pkey *key, pv_bytes text, unsigned char *to, size_t *len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, pv_evp_of(key)) == 1 &&
             EVP_DigestSign(ctx, to, len, bytes_of(text), text.len) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static int verify_ed25519(const pv_pkey *key, pv_bytes text, pv_bytes signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok =
        ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pv_evp_of(key)) == 1 &&
        EVP_DigestVerify(ctx, bytes_of(signature), signature.len, bytes_of(text), text.len) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

pv_status pv_pkey_sign(const pv_pkey *key, pv_sign_alg alg, const pv_sign_options *options,
                       pv_bytes text, pv_buf *out, pv_err *err)
{
    unsigned char room[PV_HASH_MAX];
    EVP_PKEY_CTX *ctx = NULL;
    size_t len = (size_t)EVP_PKEY_get_size(pv_evp_of(key));
    pv_buf made;
    pv_bytes digest;
    pv_status status = PV_OK;
    unsigned char *to;
    int ok = 0;
    if (options == NULL) options = &MOSTLY;
    if (!can(key, alg) || !pv_pkey_has_secret(key))
        return pv_fail(err, PV_EINVAL, "this key cannot make such a signature");
    pv_buf_init(&made, 0);
    to = (unsigned char *)pv_buf_reserve(&made, len);
    if (alg == PV_SIGN_ED25519) {
        ok = sign_ed25519(key, text, to, &len);
    } else if ((status = digest_of(options, text, room, &digest, err)) == PV_OK) {
        ok = (ctx = prepare(key, alg, options, true)) != NULL &&
             EVP_PKEY_sign(ctx, to, &len, bytes_of(digest), digest.len) == 1;
    }
    if (status == PV_OK && !ok) {
        (void)pv_evp_fail(NULL, "");
        status = pv_fail(err, PV_EINVAL,
                         "this key cannot sign such a text: see the lengths of digest and salt");
    } else if (status == PV_OK && alg == PV_SIGN_JOSE) {
        status = jose_of((pv_bytes){made.data, len}, number_len(key), out, err);
    } else if (status == PV_OK) {
        status = pv_buf_add(out, made.data, len);
    }
    EVP_PKEY_CTX_free(ctx);
    pv_buf_deinit(&made);
    return status;
}

pv_status pv_pkey_verify(const pv_pkey *key, pv_sign_alg alg, const pv_sign_options *options,
                         pv_bytes text, pv_bytes signature, pv_err *err)
{
    unsigned char room[PV_HASH_MAX], *der = NULL;
    EVP_PKEY_CTX *ctx = NULL;
    pv_bytes digest;
    pv_status status = PV_OK;
    int ok = 0;
    if (options == NULL) options = &MOSTLY;
    if (!can(key, alg)) return pv_fail(err, PV_EINVAL, "this key cannot check such a signature");
    if (alg == PV_SIGN_ED25519) {
        ok = verify_ed25519(key, text, signature);
    } else if ((status = digest_of(options, text, room, &digest, err)) == PV_OK) {
        ctx = prepare(key, alg, options, false);
        if (alg == PV_SIGN_JOSE) {
            size_t len = 0;
            if (signature.len == 2 * number_len(key)) der = der_of(signature, &len);
            signature = (pv_bytes){(char *)der, len};
        }
        ok = ctx != NULL && signature.len != 0 &&
             EVP_PKEY_verify(ctx, bytes_of(signature), signature.len, bytes_of(digest),
                             digest.len) == 1;
    }
    if (status == PV_OK && !ok)
        status = pv_fail(err, PV_EAUTH, "the signature is not that of this text by this key");
    (void)pv_evp_fail(NULL, "");
    OPENSSL_free(der);
    EVP_PKEY_CTX_free(ctx);
    return status;
}
