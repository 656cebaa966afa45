#include "crypto/digest.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/mem.h"
#include "crypto/evp.h"

struct pv_hasher {
    const EVP_MD *md;
    EVP_MD_CTX *ctx;
    EVP_MAC_CTX *mac; /* of a keyed one, instead of both */
};

const EVP_MD *pv_evp_md(pv_hash hash)
{
    switch (hash) {
    case PV_MD5: return EVP_md5();
    case PV_SHA1: return EVP_sha1();
    case PV_SHA224: return EVP_sha224();
    case PV_SHA384: return EVP_sha384();
    case PV_SHA512: return EVP_sha512();
    case PV_SHA3_224: return EVP_sha3_224();
    case PV_SHA3_256: return EVP_sha3_256();
    case PV_SHA3_384: return EVP_sha3_384();
    case PV_SHA3_512: return EVP_sha3_512();
    default: return EVP_sha256();
    }
}

/* From the kernel, not RAND_bytes: OpenSSL keeps a generator per thread, which worker threads
 * never give back, and which a forked child would share. */
pv_status pv_random(void *out, size_t len, pv_err *err)
{
    unsigned char *to = out;
    while (len > 0) {
        ssize_t got = getrandom(to, len, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return pv_fail_errno(err, errno, "the system has no random bytes");
        to += got;
        len -= (size_t)got;
    }
    return PV_OK;
}

pv_status pv_uuid(char out[PV_UUID_LEN + 1], pv_err *err)
{
    unsigned char bytes[16];
    char hex[2 * sizeof bytes + 1], *to = out;
    pv_status status = pv_random(bytes, sizeof bytes, err);
    if (status != PV_OK) return status;
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40); /* the version */
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80); /* the variant */
    pv_hex(bytes, sizeof bytes, hex);
    for (size_t i = 0; i < sizeof hex - 1; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20) *to++ = '-';
        *to++ = hex[i];
    }
    *to = '\0';
    return PV_OK;
}

size_t pv_hash_len(pv_hash hash)
{
    static const size_t len[PV_HASH_COUNT] = {16, 20, 28, 32, 48, 64, 28, 32, 48, 64};
    return len[hash];
}

pv_status pv_digest(pv_hash hash, pv_bytes data, unsigned char *out, pv_err *err)
{
    if (EVP_Digest(data.data, data.len, out, NULL, pv_evp_md(hash), NULL) == 1) return PV_OK;
    return pv_evp_fail(err, "a digest");
}

pv_status pv_hmac(pv_hash hash, pv_bytes key, pv_bytes data, unsigned char *out, pv_err *err)
{
    unsigned len = 0;
    const char *bytes = key.len != 0 ? key.data : ""; /* NULL would mean "the key of before" */
    if (key.len <= 1 << 30 && HMAC(pv_evp_md(hash), bytes, (int)key.len,
                                   (const unsigned char *)data.data, data.len, out, &len) != NULL) {
        return PV_OK;
    }
    return pv_evp_fail(err, "an HMAC");
}

pv_status pv_hasher_new(pv_hasher **out, pv_hash hash, pv_err *err)
{
    pv_hasher *h = pv_alloc(sizeof *h);
    *out = NULL;
    h->md = pv_evp_md(hash);
    h->ctx = EVP_MD_CTX_new();
    if (h->ctx == NULL || EVP_DigestInit_ex(h->ctx, h->md, NULL) != 1) {
        pv_hasher_free(h);
        return pv_evp_fail(err, "a digest");
    }
    *out = h;
    return PV_OK;
}

pv_status pv_hasher_new_keyed(pv_hasher **out, pv_hash hash, pv_bytes key, pv_err *err)
{
    pv_hasher *h = pv_alloc(sizeof *h);
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    const unsigned char *bytes = (const unsigned char *)(key.len != 0 ? key.data : "");
    char name[32]; /* the parameter is not const */
    OSSL_PARAM params[2] = {OSSL_PARAM_END, OSSL_PARAM_END};
    *out = NULL;
    (void)snprintf(name, sizeof name, "%s", EVP_MD_get0_name(pv_evp_md(hash)));
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0);
    h->mac = hmac != NULL ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac);
    if (h->mac == NULL || EVP_MAC_init(h->mac, bytes, key.len, params) != 1) {
        pv_hasher_free(h);
        return pv_evp_fail(err, "an HMAC");
    }
    *out = h;
    return PV_OK;
}

pv_status pv_hasher_add(pv_hasher *h, pv_bytes data, pv_err *err)
{
    int ok = h->mac != NULL ? EVP_MAC_update(h->mac, (const unsigned char *)data.data, data.len)
                            : EVP_DigestUpdate(h->ctx, data.data, data.len);
    return ok == 1 ? PV_OK : pv_evp_fail(err, "a digest");
}

pv_status pv_hasher_end(pv_hasher *h, unsigned char *out, pv_err *err)
{
    size_t len;
    int ok = h->mac != NULL ? EVP_MAC_final(h->mac, out, &len, PV_HASH_MAX) == 1 &&
                                  EVP_MAC_init(h->mac, NULL, 0, NULL) == 1
                            : EVP_DigestFinal_ex(h->ctx, out, NULL) == 1 &&
                                  EVP_DigestInit_ex(h->ctx, h->md, NULL) == 1;
    return ok ? PV_OK : pv_evp_fail(err, "a digest");
}

void pv_hasher_free(pv_hasher *h)
{
    if (h == NULL) return;
    EVP_MD_CTX_free(h->ctx);
    EVP_MAC_CTX_free(h->mac);
    pv_free(h);
}

void pv_hex(const unsigned char *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[data[i] >> 4];
        *out++ = digits[data[i] & 15];
    }
    *out = '\0';
}
