#include <limits.h>
#include <openssl/evp.h>
#include <pthread.h>

#include "base/mem.h"
#include "crypto/crypto.h"

enum { POOL = 8 };

/* A context whose key is set already costs 0.3 us to use again and 1.5 us to make, so a
 * sealer keeps some; they are made and lent under the mutex. */
typedef struct aes_sealer {
    pv_sealer base;
    pv_secret *key;
    pthread_mutex_t mutex;
    unsigned users;
    EVP_CIPHER_CTX *idle[2][POOL]; /* [0] open, [1] seal */
    int count[2];
} aes_sealer;

static pv_status check(pv_bytes key, size_t len, pv_bytes aad, pv_err *err)
{
    if (key.len != PV_KEY_LEN) {
        return pv_fail(err, PV_EINVAL, "a key is %d bytes, not %zu", PV_KEY_LEN, key.len);
    }
    if (len > INT_MAX - PV_SEAL_OVERHEAD || aad.len > INT_MAX) {
        return pv_fail(err, PV_ELIMIT, "too many bytes to seal or open in one piece");
    }
    return PV_OK;
}

static EVP_CIPHER_CTX *make_context(pv_bytes key, int sealing)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx != NULL && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL,
                                         (const unsigned char *)key.data, NULL, sealing) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    }
    return ctx;
}

static pv_status unavailable(pv_err *err)
{
    return pv_fail(err, PV_EIO, "AES-256-GCM is not available");
}

static pv_status seal_with(EVP_CIPHER_CTX *ctx, const unsigned char *nonce, pv_bytes plain,
                           pv_bytes aad, char *out, pv_err *err)
{
    unsigned char *to = (unsigned char *)out;
    int len = 0, last = 0;
    if (nonce == NULL) {
        pv_status status = pv_random(to, PV_NONCE_LEN, err);
        if (status != PV_OK) return status;
    } else {
        for (int i = 0; i < PV_NONCE_LEN; i++) to[i] = nonce[i];
    }
    if (EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, to) != 1) return unavailable(err);
    to += PV_NONCE_LEN;
    if (aad.len != 0 &&
        EVP_EncryptUpdate(ctx, NULL, &len, (const unsigned char *)aad.data, (int)aad.len) != 1) {
        return unavailable(err);
    }
    len = 0;
    if (plain.len != 0 &&
        EVP_EncryptUpdate(ctx, to, &len, (const unsigned char *)plain.data, (int)plain.len) != 1) {
        return unavailable(err);
    }
    if (EVP_EncryptFinal_ex(ctx, to + len, &last) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, PV_TAG_LEN, to + plain.len) != 1) {
        return unavailable(err);
    }
    return PV_OK;
}

static pv_status open_with(EVP_CIPHER_CTX *ctx, pv_bytes sealed, pv_bytes aad, char *out,
                           pv_err *err)
{
    const unsigned char *from = (const unsigned char *)sealed.data;
    unsigned char *to = (unsigned char *)out, none[1];
    unsigned char tag[PV_TAG_LEN];
    size_t size = sealed.len - PV_SEAL_OVERHEAD;
    int len = 0, last = 0, ok;
    for (int i = 0; i < PV_TAG_LEN; i++) tag[i] = from[PV_NONCE_LEN + size + (size_t)i];
    ok = EVP_DecryptInit_ex(ctx, NULL, NULL, NULL, from) == 1;
    if (ok && aad.len != 0)
        ok = EVP_DecryptUpdate(ctx, NULL, &len, (const unsigned char *)aad.data, (int)aad.len) == 1;
    len = 0;
    if (ok && size != 0) ok = EVP_DecryptUpdate(ctx, to, &len, from + PV_NONCE_LEN, (int)size) == 1;
    if (ok) ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, PV_TAG_LEN, tag) == 1;
    if (ok) ok = EVP_DecryptFinal_ex(ctx, size != 0 ? to + len : none, &last) == 1;
    if (ok) return PV_OK;
    pv_wipe(out, size);
    return pv_fail(err, PV_EAUTH, "the key is wrong or the sealed bytes were changed");
}

pv_status pv_seal(pv_bytes key, const unsigned char *nonce, pv_bytes plain, pv_bytes aad, char *out,
                  pv_err *err)
{
    EVP_CIPHER_CTX *ctx;
    pv_status status = check(key, plain.len, aad, err);
    if (status != PV_OK) return status;
    if ((ctx = make_context(key, 1)) == NULL) return unavailable(err);
    status = seal_with(ctx, nonce, plain, aad, out, err);
    EVP_CIPHER_CTX_free(ctx);
    return status;
}

pv_status pv_open(pv_bytes key, pv_bytes sealed, pv_bytes aad, char *out, pv_err *err)
{
    EVP_CIPHER_CTX *ctx;
    pv_status status = check(key, sealed.len, aad, err);
    if (status != PV_OK) return status;
    if (sealed.len < PV_SEAL_OVERHEAD)
        return pv_fail(err, PV_EAUTH, "the sealed bytes are too short");
    if ((ctx = make_context(key, 0)) == NULL) return unavailable(err);
    status = open_with(ctx, sealed, aad, out, err);
    EVP_CIPHER_CTX_free(ctx);
    return status;
}

static EVP_CIPHER_CTX *borrow(aes_sealer *s, int sealing)
{
    EVP_CIPHER_CTX *ctx = NULL;
    pthread_mutex_lock(&s->mutex);
    if (s->count[sealing] > 0) ctx = s->idle[sealing][--s->count[sealing]];
    pthread_mutex_unlock(&s->mutex);
    return ctx != NULL ? ctx : make_context(pv_secret_bytes(s->key), sealing);
}

static void give_back(aes_sealer *s, int sealing, EVP_CIPHER_CTX *ctx)
{
    pthread_mutex_lock(&s->mutex);
    if (s->count[sealing] < POOL) {
        s->idle[sealing][s->count[sealing]++] = ctx;
        ctx = NULL;
    }
    pthread_mutex_unlock(&s->mutex);
    EVP_CIPHER_CTX_free(ctx);
}

static pv_status sealer_seal(pv_sealer *self, pv_bytes plain, pv_bytes aad, char *out, pv_err *err)
{
    aes_sealer *s = (aes_sealer *)self;
    EVP_CIPHER_CTX *ctx;
    pv_status status = check(pv_secret_bytes(s->key), plain.len, aad, err);
    if (status != PV_OK) return status;
    if ((ctx = borrow(s, 1)) == NULL) return unavailable(err);
    status = seal_with(ctx, NULL, plain, aad, out, err);
    give_back(s, 1, ctx);
    return status;
}

static pv_status sealer_open(pv_sealer *self, pv_bytes sealed, pv_bytes aad, char *out, pv_err *err)
{
    aes_sealer *s = (aes_sealer *)self;
    EVP_CIPHER_CTX *ctx;
    pv_status status = check(pv_secret_bytes(s->key), sealed.len, aad, err);
    if (status != PV_OK) return status;
    if (sealed.len < PV_SEAL_OVERHEAD)
        return pv_fail(err, PV_EAUTH, "the sealed bytes are too short");
    if ((ctx = borrow(s, 0)) == NULL) return unavailable(err);
    status = open_with(ctx, sealed, aad, out, err);
    give_back(s, 0, ctx);
    return status;
}

static pv_sealer *sealer_retain(pv_sealer *self)
{
    aes_sealer *s = (aes_sealer *)self;
    pthread_mutex_lock(&s->mutex);
    s->users++;
    pthread_mutex_unlock(&s->mutex);
    return self;
}

static void sealer_release(pv_sealer *self)
{
    aes_sealer *s = (aes_sealer *)self;
    unsigned users;
    pthread_mutex_lock(&s->mutex);
    users = --s->users;
    pthread_mutex_unlock(&s->mutex);
    if (users != 0) return;
    for (int sealing = 0; sealing < 2; sealing++) {
        for (int i = 0; i < s->count[sealing]; i++) EVP_CIPHER_CTX_free(s->idle[sealing][i]);
    }
    pv_secret_free(s->key);
    pthread_mutex_destroy(&s->mutex);
    pv_free(s);
}

pv_status pv_sealer_new(pv_sealer **out, pv_bytes key, pv_err *err)
{
    aes_sealer *s;
    pv_status status = check(key, 0, (pv_bytes){"", 0}, err);
    *out = NULL;
    if (status != PV_OK) return status;
    s = pv_alloc(sizeof *s);
    s->base = (pv_sealer){PV_SEALER_ABI, PV_SEAL_OVERHEAD, sealer_seal,
                          sealer_open,   sealer_retain,    sealer_release};
    s->key = pv_secret_copy(key);
    s->users = 1;
    pthread_mutex_init(&s->mutex, NULL);
    *out = &s->base;
    return PV_OK;
}
