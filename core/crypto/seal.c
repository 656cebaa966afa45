#include "crypto/crypto.h"

#include <pthread.h>

#include "base/mem.h"

enum { POOL = 8 };

/* A key that is set up already is cheaper to use again than to set up, so a sealer keeps some; they
 * are made and lent under the mutex. */
typedef struct aes_sealer {
    pv_sealer base;
    pv_secret *key;
    pthread_mutex_t mutex;
    unsigned users;
    pv_aead *idle[POOL];
    int count;
} aes_sealer;

static pv_status seal_with(pv_aead *aead, const unsigned char *nonce, pv_bytes plain, pv_bytes aad,
                           char *out, pv_err *err)
{
    pv_status status = PV_OK;
    if (nonce == NULL) status = pv_random(out, PV_NONCE_LEN, err);
    else
        for (int i = 0; i < PV_NONCE_LEN; i++) out[i] = (char)nonce[i];
    if (status != PV_OK) return status;
    return pv_aead_seal(aead, (pv_bytes){out, PV_NONCE_LEN}, plain, aad, out + PV_NONCE_LEN, err);
}

static pv_status open_with(pv_aead *aead, pv_bytes sealed, pv_bytes aad, char *out, pv_err *err)
{
    if (sealed.len < PV_SEAL_OVERHEAD)
        return pv_fail(err, PV_EAUTH, "the sealed bytes are too short");
    return pv_aead_open(aead, (pv_bytes){sealed.data, PV_NONCE_LEN},
                        (pv_bytes){sealed.data + PV_NONCE_LEN, sealed.len - PV_NONCE_LEN}, aad, out,
                        err);
}

pv_status pv_seal(pv_bytes key, const unsigned char *nonce, pv_bytes plain, pv_bytes aad, char *out,
                  pv_err *err)
{
    pv_aead *aead;
    pv_status status = pv_aead_new(&aead, PV_AES_256_GCM, key, err);
    if (status == PV_OK) status = seal_with(aead, nonce, plain, aad, out, err);
    pv_aead_free(aead);
    return status;
}

pv_status pv_open(pv_bytes key, pv_bytes sealed, pv_bytes aad, char *out, pv_err *err)
{
    pv_aead *aead;
    pv_status status = pv_aead_new(&aead, PV_AES_256_GCM, key, err);
    if (status == PV_OK) status = open_with(aead, sealed, aad, out, err);
    pv_aead_free(aead);
    return status;
}

static pv_status borrow(aes_sealer *s, pv_aead **aead, pv_err *err)
{
    *aead = NULL;
    pthread_mutex_lock(&s->mutex);
    if (s->count > 0) *aead = s->idle[--s->count];
    pthread_mutex_unlock(&s->mutex);
    if (*aead != NULL) return PV_OK;
    return pv_aead_new(aead, PV_AES_256_GCM, pv_secret_bytes(s->key), err);
}

static void give_back(aes_sealer *s, pv_aead *aead)
{
    pthread_mutex_lock(&s->mutex);
    if (s->count < POOL) {
        s->idle[s->count++] = aead;
        aead = NULL;
    }
    pthread_mutex_unlock(&s->mutex);
    pv_aead_free(aead);
}

static pv_status sealer_seal(pv_sealer *self, pv_bytes plain, pv_bytes aad, char *out, pv_err *err)
{
    aes_sealer *s = (aes_sealer *)self;
    pv_aead *aead;
    pv_status status = borrow(s, &aead, err);
    if (status != PV_OK) return status;
    status = seal_with(aead, NULL, plain, aad, out, err);
    give_back(s, aead);
    return status;
}

static pv_status sealer_open(pv_sealer *self, pv_bytes sealed, pv_bytes aad, char *out, pv_err *err)
{
    aes_sealer *s = (aes_sealer *)self;
    pv_aead *aead;
    pv_status status = borrow(s, &aead, err);
    if (status != PV_OK) return status;
    status = open_with(aead, sealed, aad, out, err);
    give_back(s, aead);
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
    for (int i = 0; i < s->count; i++) pv_aead_free(s->idle[i]);
    pv_secret_free(s->key);
    pthread_mutex_destroy(&s->mutex);
    pv_free(s);
}

pv_status pv_sealer_new(pv_sealer **out, pv_bytes key, pv_err *err)
{
    pv_aead *aead;
    aes_sealer *s;
    pv_status status = pv_aead_new(&aead, PV_AES_256_GCM, key, err);
    *out = NULL;
    if (status != PV_OK) return status;
    s = pv_alloc(sizeof *s);
    s->base = (pv_sealer){PV_SEALER_ABI, PV_SEAL_OVERHEAD, sealer_seal,
                          sealer_open,   sealer_retain,    sealer_release};
    s->key = pv_secret_copy(key);
    s->users = 1;
    s->idle[s->count++] = aead;
    pthread_mutex_init(&s->mutex, NULL);
    *out = &s->base;
    return PV_OK;
}
