/* bcrypt_pbkdf as OpenSSH has it: PBKDF2 whose pseudorandom function is 64 rounds of Blowfish's
 * costly key schedule (Provos and Mazieres 1999) over SHA-512 of password and salt. */
#include <openssl/bn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "crypto/kdf.h"

enum {
    SUBKEYS = 18,
    BOXES = 4 * 256,
    WORDS = SUBKEYS + BOXES,
    DIGEST = 64,
    BLOCK = 32, /* what one call of the function gives */
    COST = 64,
    ROUNDS_MAX = 1 << 16,
};

typedef struct blowfish {
    uint32_t p[SUBKEYS], s[BOXES];
} blowfish;

/* ---- Where Blowfish begins: the fraction of pi, so that no table has to be believed ---- */

static uint32_t pi_words[WORDS];
static bool pi_known;
static pthread_once_t pi_once = PTHREAD_ONCE_INIT;

/* 2^bits times the arctangent of 1 / x, by its series. */
static bool arctangent(BIGNUM *sum, unsigned x, int bits)
{
    BIGNUM *power = BN_new(), *term = BN_new();
    bool ok = power != NULL && term != NULL && BN_set_bit(power, bits) == 1 &&
              BN_div_word(power, x) != (BN_ULONG)-1 && BN_copy(sum, power) != NULL;
    for (unsigned k = 1; ok && !BN_is_zero(power); k++) {
        ok = BN_div_word(power, x * x) != (BN_ULONG)-1 && BN_copy(term, power) != NULL &&
             BN_div_word(term, 2 * k + 1) != (BN_ULONG)-1 &&
             (k % 2 == 1 ? BN_sub(sum, sum, term) : BN_add(sum, sum, term)) == 1;
    }
    BN_free(power);
    BN_free(term);
    return ok;
}

/* Machin: pi / 4 = 4 arctan(1/5) - arctan(1/239). */
static void pi_compute(void)
{
    enum { GUARD = 64 };
    unsigned char bytes[4 * WORDS];
    BIGNUM *a = BN_new(), *b = BN_new();
    pi_known = a != NULL && b != NULL && arctangent(a, 5, 32 * WORDS + GUARD) &&
               arctangent(b, 239, 32 * WORDS + GUARD) && BN_lshift(a, a, 2) == 1 &&
               BN_sub(a, a, b) == 1 && BN_lshift(a, a, 2) == 1 && BN_rshift(a, a, GUARD) == 1 &&
               BN_mask_bits(a, 32 * WORDS) == 1 &&
               BN_bn2binpad(a, bytes, sizeof bytes) == (int)sizeof bytes;
    for (size_t i = 0; pi_known && i < WORDS; i++)
        pi_words[i] = (uint32_t)bytes[4 * i] << 24 | (uint32_t)bytes[4 * i + 1] << 16 |
                      (uint32_t)bytes[4 * i + 2] << 8 | bytes[4 * i + 3];
    BN_free(a);
    BN_free(b);
}

/* ---- Blowfish ---- */

static void encipher(const blowfish *b, uint32_t *left, uint32_t *right)
{
    const uint32_t *s = b->s;
    uint32_t l = *left, r = *right;
    for (int i = 0; i < 16; i++) {
        uint32_t f, next;
        l ^= b->p[i];
        f = ((s[l >> 24] + s[256 + (l >> 16 & 255)]) ^ s[512 + (l >> 8 & 255)]) +
            s[768 + (l & 255)];
        next = r ^ f;
        r = l;
        l = next;
    }
    *left = r ^ b->p[17];
    *right = l ^ b->p[16];
}

/* Words of a digest, over and over. */
typedef struct words {
    const unsigned char *bytes;
    size_t at;
} words;

static uint32_t next_word(words *from)
{
    const unsigned char *at = from->bytes + from->at;
    from->at = (from->at + 4) % DIGEST;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The key schedule; salt may be NULL. */
static void expand(blowfish *b, const unsigned char *salt, const unsigned char *key)
{
    words keys = {key, 0}, salts = {salt, 0};
    uint32_t l = 0, r = 0;
    for (int i = 0; i < SUBKEYS; i++) b->p[i] ^= next_word(&keys);
    for (int i = 0; i < WORDS; i += 2) {
        uint32_t *to = i < SUBKEYS ? b->p + i : b->s + (i - SUBKEYS);
        if (salt != NULL) {
            l ^= next_word(&salts);
            r ^= next_word(&salts);
        }
        encipher(b, &l, &r);
        to[0] = l;
        to[1] = r;
    }
}

static void hash(blowfish *b, const unsigned char *password, const unsigned char *salt,
                 unsigned char out[BLOCK])
{
    static const unsigned char text[BLOCK + 1] = "OxychromaticBlowfishSwatDynamite";
    memcpy(b->p, pi_words, sizeof b->p);
    memcpy(b->s, pi_words + SUBKEYS, sizeof b->s);
    expand(b, salt, password);
    for (int i = 0; i < COST; i++) {
        expand(b, NULL, salt);
        expand(b, NULL, password);
    }
    for (int i = 0; i < BLOCK; i += 8) {
        words from = {text, (size_t)i};
        uint32_t half[2];
        half[0] = next_word(&from);
        half[1] = next_word(&from);
        for (int j = 0; j < COST; j++) encipher(b, &half[0], &half[1]);
        for (int j = 0; j < 8; j++) out[i + j] = (unsigned char)(half[j / 4] >> 8 * (j % 4));
    }
}

/* ---- The function ---- */

pv_status pv_bcrypt_pbkdf(pv_bytes password, pv_bytes salt, unsigned rounds, unsigned char *out,
                          size_t len, pv_err *err)
{
    unsigned char secret[DIGEST], salted[DIGEST], block[BLOCK], sum[BLOCK];
    size_t blocks = (len + BLOCK - 1) / BLOCK;
    pv_secret *state;
    pv_buf text;
    pv_status status;
    if (password.len == 0 || salt.len == 0 || rounds < 1 || rounds > ROUNDS_MAX || len < 1 ||
        blocks > BLOCK)
        return pv_fail(err, PV_EINVAL, "bcrypt cannot work with %u rounds, %zu bytes of salt",
                       rounds, salt.len);
    pthread_once(&pi_once, pi_compute);
    if (!pi_known) return pv_fail(err, PV_ELIMIT, "no memory for Blowfish");
    state = pv_secret_new(sizeof(blowfish));
    pv_buf_init(&text, 0);
    status = pv_digest(PV_SHA512, password, secret, err);
    for (size_t i = 0; status == PV_OK && i < blocks; i++) {
        const char count[4] = {0, 0, 0, (char)(i + 1)};
        pv_bytes from;
        pv_buf_reset(&text);
        (void)pv_buf_add(&text, salt.data, salt.len);
        (void)pv_buf_add(&text, count, sizeof count);
        from = (pv_bytes){text.data, text.len};
        memset(sum, 0, sizeof sum);
        for (unsigned round = 0; status == PV_OK && round < rounds; round++) {
            status = pv_digest(PV_SHA512, from, salted, err);
            hash((blowfish *)(void *)state->data, secret, salted, block);
            from = (pv_bytes){(const char *)block, sizeof block};
            for (size_t j = 0; j < BLOCK; j++) sum[j] ^= block[j];
        }
        for (size_t j = 0; j * blocks + i < len && j < BLOCK; j++) out[j * blocks + i] = sum[j];
    }
    pv_secret_free(state);
    pv_buf_deinit(&text);
    pv_wipe(secret, sizeof secret);
    pv_wipe(salted, sizeof salted);
    pv_wipe(block, sizeof block);
    pv_wipe(sum, sizeof sum);
    return status;
}
