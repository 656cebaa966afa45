#include "crypto/kdf.h"

#include <argon2.h>
#include <limits.h>
#include <openssl/evp.h>

#include "base/mem.h"
#include "crypto/evp.h"

static const unsigned char *bytes_of(pv_bytes b)
{
    return (const unsigned char *)(b.len != 0 ? b.data : "");
}

/* By HMAC, for EVP_KDF of OpenSSL 3.0 refuses an empty key, which age's ssh-ed25519 has. */
pv_status pv_hkdf(pv_hash hash, pv_bytes key, pv_bytes salt, pv_bytes info, unsigned char *out,
                  size_t len, pv_err *err)
{
    static const char zeroes[PV_HASH_MAX];
    unsigned char prk[PV_HASH_MAX], block[PV_HASH_MAX];
    size_t size = pv_hash_len(hash), done = 0;
    pv_buf text;
    pv_status status;
    if (len > 255 * size) return pv_fail(err, PV_ELIMIT, "too many bytes from one key");
    if (salt.len == 0) salt = (pv_bytes){zeroes, size};
    pv_buf_init(&text, 0);
    status = pv_hmac(hash, salt, key, prk, err);
    for (unsigned char count = 1; status == PV_OK && done < len; count++) {
        size_t part = len - done < size ? len - done : size;
        pv_buf_reset(&text);
        if (count > 1) (void)pv_buf_add(&text, block, size);
        (void)pv_buf_add(&text, bytes_of(info), info.len);
        (void)pv_buf_addc(&text, (char)count);
        status = pv_hmac(hash, (pv_bytes){(char *)prk, size}, (pv_bytes){text.data, text.len},
                         block, err);
        for (size_t i = 0; i < part; i++) out[done + i] = block[i];
        done += part;
    }
    pv_wipe(prk, sizeof prk);
    pv_wipe(block, sizeof block);
    pv_buf_wipe(&text);
    return status;
}

pv_status pv_scrypt(pv_bytes password, pv_bytes salt, unsigned log_n, unsigned r, unsigned p,
                    unsigned char *out, size_t len, pv_err *err)
{
    const uint64_t most = UINT64_C(4) << 30;
    uint64_t need;
    if (log_n < 1 || log_n > 30 || r < 1 || r > 32 || p < 1 || p > 32)
        return pv_fail(err, PV_EINVAL, "scrypt cannot work with N = 2^%u, r = %u, p = %u", log_n, r,
                       p);
    need = (UINT64_C(128) * r << log_n) + UINT64_C(128) * r * p;
    if (need > most) return pv_fail(err, PV_EINVAL, "scrypt with N = 2^%u needs over 4 GiB", log_n);
    if (EVP_PBE_scrypt(password.len != 0 ? password.data : "", password.len, bytes_of(salt),
                       salt.len, UINT64_C(1) << log_n, r, p, need + (1 << 20), out, len) == 1)
        return PV_OK;
    return pv_evp_fail(err, "a key by scrypt");
}

pv_status pv_argon2id(pv_bytes password, pv_bytes salt, unsigned passes, unsigned memory_kib,
                      unsigned lanes, unsigned char *out, size_t len, pv_err *err)
{
    int rc = argon2id_hash_raw(passes, memory_kib, lanes, bytes_of(password), password.len,
                               bytes_of(salt), salt.len, out, len);
    if (rc == ARGON2_OK) return PV_OK;
    return pv_fail(err, rc == ARGON2_MEMORY_ALLOCATION_ERROR ? PV_ELIMIT : PV_EINVAL,
                   "a key by Argon2id cannot be made: %s", argon2_error_message(rc));
}

pv_status pv_pbkdf2(pv_hash hash, pv_bytes password, pv_bytes salt, unsigned iterations,
                    unsigned char *out, size_t len, pv_err *err)
{
    if (password.len > INT_MAX || salt.len > INT_MAX || len > INT_MAX || iterations < 1 ||
        iterations > INT_MAX)
        return pv_fail(err, PV_EINVAL, "PBKDF2 cannot work with these sizes");
    if (PKCS5_PBKDF2_HMAC((const char *)bytes_of(password), (int)password.len, bytes_of(salt),
                          (int)salt.len, (int)iterations, pv_evp_md(hash), (int)len, out) == 1)
        return PV_OK;
    return pv_evp_fail(err, "a key by PBKDF2");
}
