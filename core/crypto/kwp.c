#include "crypto/kwp.h"

#include <openssl/evp.h>

#include "crypto/evp.h"

enum { BLOCK = 8 }; /* what wrapping adds at most twice */

static EVP_CIPHER_CTX *context(pv_bytes kek, int sealing)
{
    const EVP_CIPHER *cipher = kek.len == 16   ? EVP_aes_128_wrap_pad()
                               : kek.len == 24 ? EVP_aes_192_wrap_pad()
                               : kek.len == 32 ? EVP_aes_256_wrap_pad()
                                               : NULL;
    EVP_CIPHER_CTX *ctx = cipher != NULL ? EVP_CIPHER_CTX_new() : NULL;
    if (ctx == NULL) return NULL;
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if (EVP_CipherInit_ex(ctx, cipher, NULL, (const unsigned char *)kek.data, NULL, sealing) == 1)
        return ctx;
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}

pv_status pv_kwp_seal(pv_bytes kek, pv_bytes plain, pv_buf *out, pv_err *err)
{
    EVP_CIPHER_CTX *ctx;
    unsigned char *to;
    int len = 0, last = 0;
    bool ok;
    if (plain.len == 0 || plain.len > PV_KWP_MAX)
        return pv_fail(err, PV_EINVAL, "a key to wrap is 1 to %d bytes, not %zu", PV_KWP_MAX,
                       plain.len);
    if ((ctx = context(kek, 1)) == NULL)
        return pv_fail(err, PV_EINVAL, "keys are wrapped with 16, 24 or 32 bytes, not %zu",
                       kek.len);
    to = (unsigned char *)pv_buf_reserve(out, plain.len + 2 * BLOCK);
    ok = to != NULL &&
         EVP_CipherUpdate(ctx, to, &len, (const unsigned char *)plain.data, (int)plain.len) == 1 &&
         EVP_CipherFinal_ex(ctx, to + len, &last) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!ok) return pv_evp_fail(err, "a wrapped key");
    out->len += (size_t)len + (size_t)last;
    return PV_OK;
}

pv_status pv_kwp_open(pv_bytes kek, pv_bytes sealed, pv_secret **out, pv_err *err)
{
    EVP_CIPHER_CTX *ctx = context(kek, 0);
    pv_secret *room;
    int len = 0, last = 0;
    bool ok;
    *out = NULL;
    if (ctx == NULL)
        return pv_fail(err, PV_EINVAL, "keys are wrapped with 16, 24 or 32 bytes, not %zu",
                       kek.len);
    if (sealed.len < 2 * BLOCK || sealed.len > PV_KWP_MAX + 2 * BLOCK || sealed.len % BLOCK != 0) {
        EVP_CIPHER_CTX_free(ctx);
        return pv_fail(err, PV_EAUTH, "%zu bytes are no wrapped key", sealed.len);
    }
    room = pv_secret_new(sealed.len);
    ok = EVP_CipherUpdate(ctx, room->data, &len, (const unsigned char *)sealed.data,
                          (int)sealed.len) == 1 &&
         EVP_CipherFinal_ex(ctx, room->data + len, &last) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (ok) *out = pv_secret_copy((pv_bytes){(char *)room->data, (size_t)(len + last)});
    pv_secret_free(room);
    if (ok) return PV_OK;
    (void)pv_evp_fail(NULL, "");
    return pv_fail(err, PV_EAUTH, "the wrapping key is wrong or the wrapped key was changed");
}
