#include "crypto/evp.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

pv_status pv_evp_fail(pv_err *err, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return pv_fail(err, PV_EIO, "%s cannot be made: %s", what,
                   reason != NULL ? reason : "libcrypto does not say why");
}

void pv_crypto_thread_end(void)
{
    OPENSSL_thread_stop();
}
