#include "crypto/sshkey_seal.h"

#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/evp.h"
#include "crypto/kdf.h"

enum { KEY_MAX = 64, IV_MAX = 16, TAG_LEN = 16, CHACHA_LEN = 32 };

/* What ssh-keygen -Z takes (PROTOCOL.key; RFC 4253, 6.3; RFC 4344, 4). */
typedef struct cipher {
    const char *name;
    const EVP_CIPHER *(*evp)(void); /* NULL: chacha20-poly1305, which is composed here */
    size_t key, iv, block, tag;     /* bytes */
} cipher;

static const cipher CIPHERS[] = {
    {"aes256-ctr", EVP_aes_256_ctr, 32, 16, 16, 0},
    {"aes192-ctr", EVP_aes_192_ctr, 24, 16, 16, 0},
    {"aes128-ctr", EVP_aes_128_ctr, 16, 16, 16, 0},
    {"aes256-cbc", EVP_aes_256_cbc, 32, 16, 16, 0},
    {"aes192-cbc", EVP_aes_192_cbc, 24, 16, 16, 0},
    {"aes128-cbc", EVP_aes_128_cbc, 16, 16, 16, 0},
    {"3des-cbc", EVP_des_ede3_cbc, 24, 8, 8, 0},
    {"aes256-gcm@openssh.com", EVP_aes_256_gcm, 32, 12, 16, TAG_LEN},
    {"aes128-gcm@openssh.com", EVP_aes_128_gcm, 16, 12, 16, TAG_LEN},
    {"chacha20-poly1305@openssh.com", NULL, 2 * CHACHA_LEN, 0, 8, TAG_LEN},
};

static const cipher *cipher_of(pv_bytes name)
{
    for (size_t i = 0; i < sizeof CIPHERS / sizeof CIPHERS[0]; i++) {
        if (strlen(CIPHERS[i].name) == name.len &&
            memcmp(CIPHERS[i].name, name.data, name.len) == 0)
            return &CIPHERS[i];
    }
    return NULL;
}

/* Decrypts all of `sealed`; false also when the tag is that of another key. */
static bool decrypt(const EVP_CIPHER *evp, const unsigned char *key, const unsigned char *iv,
                    pv_bytes tag, pv_bytes sealed, unsigned char *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len = 0, last = 0;
    bool ok = ctx != NULL && EVP_DecryptInit_ex(ctx, evp, NULL, key, iv) == 1 &&
              EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
              (tag.len == 0 || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)tag.len,
                                                   (void *)(uintptr_t)tag.data) == 1) &&
              EVP_DecryptUpdate(ctx, out, &len, (const unsigned char *)sealed.data,
                                (int)sealed.len) == 1 &&
              EVP_DecryptFinal_ex(ctx, out + len, &last) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

/* OpenSSH's PROTOCOL.chacha20poly1305 for packet 0 without a length: block 0 is the key of
 * Poly1305, and the text begins with block 1. */
static bool chacha(const unsigned char *key, pv_bytes tag, pv_bytes sealed, unsigned char *out)
{
    static const char zeroes[CHACHA_LEN];
    static const unsigned char first[IV_MAX], second[IV_MAX] = {1};
    unsigned char once[CHACHA_LEN], mac[TAG_LEN];
    size_t len = 0;
    bool ok =
        decrypt(EVP_chacha20(), key, first, (pv_bytes){NULL, 0}, (pv_bytes){zeroes, sizeof zeroes},
                once) &&
        EVP_Q_mac(NULL, "POLY1305", NULL, NULL, NULL, once, sizeof once,
                  (const unsigned char *)sealed.data, sealed.len, mac, sizeof mac, &len) != NULL &&
        pv_secret_equal((pv_bytes){(const char *)mac, len}, tag) &&
        decrypt(EVP_chacha20(), key, second, (pv_bytes){NULL, 0}, sealed, out);
    pv_wipe(once, sizeof once);
    return ok;
}

pv_status pv_sshkey_unseal(pv_secret **out, const pv_sshkey_seal *seal, pv_bytes sealed,
                           pv_bytes passphrase, pv_err *err)
{
    const cipher *c = cipher_of(seal->cipher);
    unsigned char key[KEY_MAX + IV_MAX];
    pv_status status;
    bool ok;
    *out = NULL;
    if (c == NULL)
        return pv_fail(err, PV_EUNSUPPORTED, "the key of SSH is encrypted with %.*s, not with %s",
                       (int)(seal->cipher.len < 40 ? seal->cipher.len : 40), seal->cipher.data,
                       "what ssh-keygen writes by itself");
    if (sealed.len == 0 || sealed.len % c->block != 0 || sealed.len > INT_MAX ||
        seal->tag.len != c->tag)
        return pv_fail(err, PV_EINVAL, "not a private key of SSH");
    status = pv_bcrypt_pbkdf(passphrase, seal->salt, seal->rounds, key, c->key + c->iv, err);
    if (status != PV_OK) return status;
    *out = pv_secret_new(sealed.len);
    ok = c->evp == NULL ? chacha(key, seal->tag, sealed, (*out)->data)
                        : decrypt(c->evp(), key, key + c->key, seal->tag, sealed, (*out)->data);
    pv_wipe(key, sizeof key);
    if (ok) return PV_OK;
    pv_secret_free(*out);
    *out = NULL;
    if (c->tag == 0) return pv_evp_fail(err, "the private part of a key of SSH");
    (void)pv_evp_fail(NULL, "");
    return pv_fail(err, PV_EAUTH, "the passphrase is wrong");
}
