#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include "crypto/crypto.h"

/* The kernel's generator: as fast here as OpenSSL's for the few bytes of a nonce, right after
 * a fork, and without a generator per thread to be freed. */
pv_status pv_random(void *out, size_t len, pv_err *err)
{
    /* From the kernel, not RAND_bytes: OpenSSL keeps a generator per thread, which worker threads
     * never give back, and which a forked child would share. */
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

pv_status pv_sha256(pv_bytes data, unsigned char out[PV_SHA256_LEN], pv_err *err)
{
    if (EVP_Digest(data.data, data.len, out, NULL, EVP_sha256(), NULL) == 1) return PV_OK;
    return pv_fail(err, PV_EIO, "SHA-256 is not available");
}

pv_status pv_hmac_sha256(pv_bytes key, pv_bytes data, unsigned char out[PV_SHA256_LEN], pv_err *err)
{
    unsigned len = 0;
    const char *bytes = key.len != 0 ? key.data : ""; /* NULL would mean "the key of before" */
    if (key.len <= 1 << 30 && HMAC(EVP_sha256(), bytes, (int)key.len,
                                   (const unsigned char *)data.data, data.len, out, &len) != NULL) {
        return PV_OK;
    }
    return pv_fail(err, PV_EIO, "HMAC-SHA-256 is not available");
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
