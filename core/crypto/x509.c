#include "crypto/x509.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/evp.h"
#include "crypto/x509_ext.h"

enum { TEXT_MAX = 1 << 20 };

struct pv_cert {
    X509 *x509;
};

struct pv_csr {
    X509_REQ *req;
};

/* What X509_sign takes: NULL for keys that hash by themselves. */
static const EVP_MD *md_of(const pv_pkey *signer, pv_hash hash)
{
    switch (pv_pkey_type_of(signer)) {
    case PV_RSA: return pv_evp_md(hash);
    case PV_P384: return EVP_sha384();
    case PV_P521: return EVP_sha512();
    case PV_P256: return EVP_sha256();
    default: return NULL;
    }
}

static pv_status can_sign(const pv_pkey *signer, pv_hash hash, pv_err *err)
{
    if (!pv_pkey_has_secret(signer) || pv_pkey_type_of(signer) == PV_X25519)
        return pv_fail(err, PV_EINVAL, "this key cannot sign certificates");
    if (pv_pkey_type_of(signer) == PV_RSA && hash != PV_SHA256 && hash != PV_SHA384 &&
        hash != PV_SHA512)
        return pv_fail(err, PV_EINVAL, "certificates are signed over SHA-256, SHA-384 or SHA-512");
    return PV_OK;
}

static ASN1_INTEGER *integer_of(pv_bytes big)
{
    BIGNUM *n = BN_bin2bn((const unsigned char *)big.data, (int)big.len, NULL);
    ASN1_INTEGER *out = n != NULL ? BN_to_ASN1_INTEGER(n, NULL) : NULL;
    BN_free(n);
    return out;
}

/* ---- Making certificates ---- */

static pv_status set_serial(X509 *x509, pv_bytes serial, pv_err *err)
{
    unsigned char random[PV_X509_SERIAL_LEN];
    ASN1_INTEGER *number;
    pv_status status = PV_OK;
    if (serial.len > PV_X509_SERIAL_LEN)
        return pv_fail(err, PV_EINVAL, "a serial number has at most %d bytes", PV_X509_SERIAL_LEN);
    if (serial.len == 0) {
        if ((status = pv_random(random, sizeof random, err)) != PV_OK) return status;
        random[0] &= 0x7f; /* it is positive */
        serial = (pv_bytes){(char *)random, sizeof random};
    }
    number = integer_of(serial);
    if (number == NULL || X509_set_serialNumber(x509, number) != 1)
        status = pv_evp_fail(err, "a serial number");
    ASN1_INTEGER_free(number);
    return status;
}

static pv_status set_times(X509 *x509, const pv_x509_facts *facts, pv_err *err)
{
    if (facts->not_after < facts->not_before)
        return pv_fail(err, PV_EINVAL, "a certificate cannot end before it begins");
    if (ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)facts->not_before) != NULL &&
        ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)facts->not_after) != NULL)
        return PV_OK;
    (void)pv_evp_fail(NULL, "");
    return pv_fail(err, PV_EINVAL, "a certificate cannot last until after the year 9999");
}

/* The key identifier that everybody computes (RFC 5280 4.2.1.2). */
static ASN1_OCTET_STRING *computed_id(const X509 *x509)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    ASN1_OCTET_STRING *out = ASN1_OCTET_STRING_new();
    if (out != NULL && X509_pubkey_digest(x509, EVP_sha1(), digest, &len) == 1 &&
        ASN1_OCTET_STRING_set(out, digest, (int)len) == 1)
        return out;
    ASN1_OCTET_STRING_free(out);
    return NULL;
}

/* That of an authority: the one it says, else the computed one. */
static ASN1_OCTET_STRING *id_of(const X509 *x509)
{
    const ASN1_OCTET_STRING *said = X509_get0_subject_key_id((X509 *)x509);
    return said != NULL ? ASN1_OCTET_STRING_dup(said) : computed_id(x509);
}

/* OpenSSL caches what x509 says when it is asked for extensions, so it is not asked here. */
static pv_status write_ids(X509 *x509, const X509 *issuer, pv_err *err)
{
    ASN1_OCTET_STRING *own = computed_id(x509);
    AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
    bool ok = own != NULL && authority != NULL &&
              X509_add1_ext_i2d(x509, NID_subject_key_identifier, own, 0, X509V3_ADD_APPEND) == 1;
    if (ok) {
        authority->keyid = issuer != NULL ? id_of(issuer) : computed_id(x509);
        ok = authority->keyid != NULL && X509_add1_ext_i2d(x509, NID_authority_key_identifier,
                                                           authority, 0, X509V3_ADD_APPEND) == 1;
    }
    ASN1_OCTET_STRING_free(own);
    AUTHORITY_KEYID_free(authority);
    return ok ? PV_OK : pv_evp_fail(err, "the key identifiers");
}

static pv_status fill(X509 *x509, const pv_x509_facts *facts, const pv_pkey *key,
                      const X509 *issuer, pv_err *err)
{
    STACK_OF(X509_EXTENSION) *extensions = NULL;
    X509_NAME *subject = X509_get_subject_name(x509);
    pv_status status;
    if (X509_set_version(x509, X509_VERSION_3) != 1 || X509_set_pubkey(x509, pv_evp_of(key)) != 1)
        return pv_evp_fail(err, "a certificate");
    if ((status = set_serial(x509, facts->serial, err)) != PV_OK ||
        (status = set_times(x509, facts, err)) != PV_OK ||
        (status = pv_x509_write_name(subject, &facts->lists[PV_X509_SUBJECT], err)) != PV_OK)
        return status;
    if (X509_set_issuer_name(x509, issuer != NULL ? X509_get_subject_name(issuer) : subject) != 1)
        return pv_evp_fail(err, "a certificate");
    status = pv_x509_write(&extensions, facts, err);
    for (int i = 0; status == PV_OK && i < sk_X509_EXTENSION_num(extensions); i++)
        if (X509_add_ext(x509, sk_X509_EXTENSION_value(extensions, i), -1) != 1)
            status = pv_evp_fail(err, "a certificate");
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return status == PV_OK ? write_ids(x509, issuer, err) : status;
}

static pv_status is_key_of(const X509 *x509, const pv_pkey *key, pv_err *err)
{
    EVP_PKEY *own = X509_get0_pubkey(x509);
    if (own != NULL && EVP_PKEY_eq(own, pv_evp_of(key)) == 1) return PV_OK;
    (void)pv_evp_fail(NULL, "");
    return pv_fail(err, PV_EINVAL, "the signing key is not that of the issuer's certificate");
}

pv_status pv_cert_make(pv_cert **out, const pv_x509_facts *facts, const pv_pkey *key,
                       const pv_cert *issuer, const pv_pkey *signer, pv_err *err)
{
    X509 *x509 = X509_new();
    pv_status status;
    *out = NULL;
    if (x509 == NULL) return pv_evp_fail(err, "a certificate");
    if ((status = can_sign(signer, facts->hash, err)) == PV_OK)
        status = fill(x509, facts, key, issuer != NULL ? issuer->x509 : NULL, err);
    if (status == PV_OK) status = is_key_of(issuer != NULL ? issuer->x509 : x509, signer, err);
    if (status == PV_OK && X509_sign(x509, pv_evp_of(signer), md_of(signer, facts->hash)) <= 0)
        status = pv_evp_fail(err, "a certificate");
    if (status != PV_OK) {
        X509_free(x509);
        return status;
    }
    *out = pv_alloc(sizeof **out);
    (*out)->x509 = x509;
    return PV_OK;
}

/* ---- Reading ---- */

static bool is_pem(pv_bytes text)
{
    static const char BEGIN[] = "-----BEGIN";
    return text.len != 0 && memmem(text.data, text.len, BEGIN, sizeof BEGIN - 1) != NULL;
}

pv_status pv_cert_parse(pv_cert **out, pv_bytes text, pv_err *err)
{
    const unsigned char *der = (const unsigned char *)text.data;
    X509 *x509 = NULL;
    *out = NULL;
    if (text.len != 0 && text.len <= TEXT_MAX && is_pem(text)) {
        BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
        x509 = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
        BIO_free(bio);
    } else if (text.len != 0 && text.len <= TEXT_MAX) {
        x509 = d2i_X509(NULL, &der, (long)text.len);
        if (x509 != NULL && der != (const unsigned char *)text.data + text.len) {
            X509_free(x509); /* bytes behind it are not part of it */
            x509 = NULL;
        }
    }
    if (x509 == NULL) {
        (void)pv_evp_fail(NULL, "");
        return pv_fail(err, PV_EINVAL, "not a certificate in PEM or DER");
    }
    *out = pv_alloc(sizeof **out);
    (*out)->x509 = x509;
    return PV_OK;
}

static pv_status add_der(pv_buf *out, unsigned char *der, int len, pv_err *err)
{
    pv_status status = len > 0 ? pv_buf_add(out, der, (size_t)len) : pv_evp_fail(err, "DER");
    OPENSSL_free(der);
    return status;
}

pv_status pv_cert_der(const pv_cert *cert, pv_buf *out, pv_err *err)
{
    unsigned char *der = NULL;
    int len = i2d_X509(cert->x509, &der);
    return add_der(out, der, len, err);
}

static int64_t seconds_of(const ASN1_TIME *time)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0;
    if (epoch != NULL) (void)ASN1_TIME_diff(&days, &seconds, epoch, time);
    ASN1_TIME_free(epoch);
    return (int64_t)days * 86400 + seconds;
}

pv_status pv_cert_facts(const pv_cert *cert, pv_x509_facts *out, pv_err *err)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert->x509);
    const char *signature = OBJ_nid2ln(X509_get_signature_nid(cert->x509));
    pv_status status;
    *out = (pv_x509_facts){.path_len = -1};
    out->not_before = seconds_of(X509_get0_notBefore(cert->x509));
    out->not_after = seconds_of(X509_get0_notAfter(cert->x509));
    out->serial.len = (size_t)ASN1_STRING_length(serial);
    out->serial.data = pv_memdup(ASN1_STRING_get0_data(serial), out->serial.len);
    (void)snprintf(out->signature, sizeof out->signature, "%s", signature);
    status =
        pv_x509_read_name(&out->lists[PV_X509_SUBJECT], X509_get_subject_name(cert->x509), err);
    if (status == PV_OK)
        status =
            pv_x509_read_name(&out->lists[PV_X509_ISSUER], X509_get_issuer_name(cert->x509), err);
    if (status == PV_OK) status = pv_x509_read(out, X509_get0_extensions(cert->x509), err);
    if (status != PV_OK) pv_x509_facts_free(out);
    return status;
}

static pv_status take_key(pv_pkey **out, EVP_PKEY *evp, pv_err *err)
{
    *out = NULL;
    if (evp != NULL) return pv_evp_take(out, evp, false, err);
    (void)pv_evp_fail(NULL, "");
    return pv_fail(err, PV_EINVAL, "its public key is not of a known type");
}

pv_status pv_cert_key(const pv_cert *cert, pv_pkey **out, pv_err *err)
{
    return take_key(out, X509_get_pubkey(cert->x509), err);
}

void pv_cert_free(pv_cert *cert)
{
    if (cert == NULL) return;
    X509_free(cert->x509);
    pv_free(cert);
}

/* ---- Chains ---- */

static pv_status why(X509_STORE_CTX *ctx, pv_err *err)
{
    X509 *bad = X509_STORE_CTX_get_current_cert(ctx);
    const char *reason = X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx));
    char *name = bad != NULL ? X509_NAME_oneline(X509_get_subject_name(bad), NULL, 0) : NULL;
    (void)pv_evp_fail(NULL, "");
    (void)pv_fail(err, PV_EAUTH, "certificate %.200s is not to be trusted: %s",
                  name != NULL ? name : "", reason);
    OPENSSL_free(name);
    return PV_EAUTH;
}

static int purpose_of(const char *name)
{
    if (strcmp(name, "server") == 0) return X509_PURPOSE_SSL_SERVER;
    if (strcmp(name, "client") == 0) return X509_PURPOSE_SSL_CLIENT;
    return strcmp(name, "email") == 0 ? X509_PURPOSE_SMIME_SIGN : X509_PURPOSE_ANY;
}

pv_status pv_cert_verify(const pv_cert *cert, const pv_cert *const *roots, size_t root_count,
                         const pv_cert *const *middle, size_t middle_count, int64_t time,
                         const char *purpose, pv_err *err)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *others = sk_X509_new_null();
    bool ok = store != NULL && ctx != NULL && others != NULL;
    pv_status status = PV_OK;
    for (size_t i = 0; ok && i < root_count; i++)
        ok = X509_STORE_add_cert(store, roots[i]->x509) == 1;
    for (size_t i = 0; ok && i < middle_count; i++) ok = sk_X509_push(others, middle[i]->x509) > 0;
    ok = ok && X509_STORE_CTX_init(ctx, store, cert->x509, others) == 1;
    if (ok) {
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
        X509_VERIFY_PARAM_set_time(param, (time_t)time);
        (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
        (void)X509_VERIFY_PARAM_set_purpose(param, purpose_of(purpose));
        if (X509_verify_cert(ctx) != 1) status = why(ctx, err);
    } else {
        status = pv_evp_fail(err, "a chain of certificates");
    }
    sk_X509_free(others);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return status;
}

/* ---- Requests ---- */

pv_status pv_csr_make(pv_csr **out, const pv_x509_facts *facts, const pv_pkey *key, pv_err *err)
{
    X509_REQ *req = X509_REQ_new();
    STACK_OF(X509_EXTENSION) *extensions = NULL;
    pv_status status;
    *out = NULL;
    if (req == NULL) return pv_evp_fail(err, "a request");
    if ((status = can_sign(key, facts->hash, err)) == PV_OK)
        status =
            pv_x509_write_name(X509_REQ_get_subject_name(req), &facts->lists[PV_X509_SUBJECT], err);
    if (status == PV_OK) status = pv_x509_write(&extensions, facts, err);
    if (status == PV_OK && (X509_REQ_set_version(req, X509_REQ_VERSION_1) != 1 ||
                            X509_REQ_set_pubkey(req, pv_evp_of(key)) != 1 ||
                            X509_REQ_add_extensions(req, extensions) != 1 ||
                            X509_REQ_sign(req, pv_evp_of(key), md_of(key, facts->hash)) <= 0))
        status = pv_evp_fail(err, "a request");
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    if (status != PV_OK) {
        X509_REQ_free(req);
        return status;
    }
    *out = pv_alloc(sizeof **out);
    (*out)->req = req;
    return PV_OK;
}

pv_status pv_csr_parse(pv_csr **out, pv_bytes text, pv_err *err)
{
    const unsigned char *der = (const unsigned char *)text.data;
    X509_REQ *req = NULL;
    EVP_PKEY *key;
    *out = NULL;
    if (text.len != 0 && text.len <= TEXT_MAX && is_pem(text)) {
        BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
        req = bio != NULL ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
        BIO_free(bio);
    } else if (text.len != 0 && text.len <= TEXT_MAX) {
        req = d2i_X509_REQ(NULL, &der, (long)text.len);
    }
    (void)pv_evp_fail(NULL, "");
    if (req == NULL)
        return pv_fail(err, PV_EINVAL, "not a request for a certificate in PEM or DER");
    key = X509_REQ_get0_pubkey(req);
    if (key == NULL || X509_REQ_verify(req, key) != 1) {
        X509_REQ_free(req);
        (void)pv_evp_fail(NULL, "");
        return pv_fail(err, PV_EAUTH, "the request is not signed by its own key");
    }
    *out = pv_alloc(sizeof **out);
    (*out)->req = req;
    return PV_OK;
}

pv_status pv_csr_der(const pv_csr *csr, pv_buf *out, pv_err *err)
{
    unsigned char *der = NULL;
    int len = i2d_X509_REQ(csr->req, &der);
    return add_der(out, der, len, err);
}

pv_status pv_csr_facts(const pv_csr *csr, pv_x509_facts *out, pv_err *err)
{
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(csr->req);
    pv_status status;
    *out = (pv_x509_facts){.path_len = -1};
    status =
        pv_x509_read_name(&out->lists[PV_X509_SUBJECT], X509_REQ_get_subject_name(csr->req), err);
    if (status == PV_OK) status = pv_x509_read(out, extensions, err);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    (void)pv_evp_fail(NULL, ""); /* none at all leaves one behind */
    if (status != PV_OK) pv_x509_facts_free(out);
    return status;
}

pv_status pv_csr_key(const pv_csr *csr, pv_pkey **out, pv_err *err)
{
    return take_key(out, X509_REQ_get_pubkey(csr->req), err);
}

void pv_csr_free(pv_csr *csr)
{
    if (csr == NULL) return;
    X509_REQ_free(csr->req);
    pv_free(csr);
}

/* ---- Lists of revoked certificates ---- */

static bool add_revoked(X509_CRL *crl, const pv_x509_revoked *from)
{
    X509_REVOKED *one = X509_REVOKED_new();
    ASN1_INTEGER *serial = integer_of(from->serial);
    ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)from->time);
    ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
    bool ok = one != NULL && serial != NULL && time != NULL && reason != NULL &&
              X509_REVOKED_set_serialNumber(one, serial) == 1 &&
              X509_REVOKED_set_revocationDate(one, time) == 1 &&
              ASN1_ENUMERATED_set(reason, from->reason) == 1 &&
              (from->reason == 0 ||
               X509_REVOKED_add1_ext_i2d(one, NID_crl_reason, reason, 0, X509V3_ADD_APPEND) == 1) &&
              X509_CRL_add0_revoked(crl, one) == 1;
    if (!ok) X509_REVOKED_free(one);
    ASN1_INTEGER_free(serial);
    ASN1_TIME_free(time);
    ASN1_ENUMERATED_free(reason);
    return ok;
}

static bool fill_crl(X509_CRL *crl, const X509 *issuer, int64_t number, int64_t this_update,
                     int64_t next_update)
{
    ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)this_update),
              *to = ASN1_TIME_set(NULL, (time_t)next_update);
    ASN1_INTEGER *count = ASN1_INTEGER_new();
    AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
    bool ok =
        from != NULL && to != NULL && count != NULL && authority != NULL &&
        X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
        X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) == 1 &&
        X509_CRL_set1_lastUpdate(crl, from) == 1 && X509_CRL_set1_nextUpdate(crl, to) == 1 &&
        ASN1_INTEGER_set_int64(count, number) == 1 && (authority->keyid = id_of(issuer)) != NULL &&
        X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, authority, 0, X509V3_ADD_APPEND) ==
            1 &&
        X509_CRL_add1_ext_i2d(crl, NID_crl_number, count, 0, X509V3_ADD_APPEND) == 1;
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    ASN1_INTEGER_free(count);
    AUTHORITY_KEYID_free(authority);
    return ok;
}

pv_status pv_crl_make(pv_buf *out, const pv_cert *issuer, const pv_pkey *signer, pv_hash hash,
                      int64_t number, int64_t this_update, int64_t next_update,
                      const pv_x509_revoked *revoked, size_t count, pv_err *err)
{
    X509_CRL *crl;
    unsigned char *der = NULL;
    bool ok;
    pv_status status;
    if ((status = can_sign(signer, hash, err)) != PV_OK ||
        (status = is_key_of(issuer->x509, signer, err)) != PV_OK)
        return status;
    crl = X509_CRL_new();
    ok = crl != NULL && fill_crl(crl, issuer->x509, number, this_update, next_update);
    for (size_t i = 0; ok && i < count; i++) ok = add_revoked(crl, &revoked[i]);
    ok = ok && X509_CRL_sort(crl) == 1 &&
         X509_CRL_sign(crl, pv_evp_of(signer), md_of(signer, hash)) > 0;
    if (ok) {
        int len = i2d_X509_CRL(crl, &der);
        status = add_der(out, der, len, err);
    } else {
        status = pv_evp_fail(err, "a list of revoked certificates");
    }
    X509_CRL_free(crl);
    return status;
}
