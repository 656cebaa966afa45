/* Certificates, requests for them, and lists of revoked ones (RFC 5280, RFC 2986).  What is made or
 * parsed is not changed afterwards, and may be used by several threads at once. */
#ifndef PV_CRYPTO_X509_H
#define PV_CRYPTO_X509_H

#include <stdint.h>

#include "crypto/pkey.h"

/* What a certificate or a request says in lists. */
typedef enum {
    PV_X509_SUBJECT,   /* type: "CN", "O", ... or an OID, in the order of the name */
    PV_X509_ISSUER,    /* the same; read only */
    PV_X509_NAMES,     /* subject alternative names: "dns", "email", "uri", "ip" */
    PV_X509_PERMITTED, /* name constraints: the same types, an ip with /prefix */
    PV_X509_EXCLUDED,
    PV_X509_USAGE,     /* "": "digitalSignature", ... as RFC 5280 4.2.1.3 names them */
    PV_X509_EXT_USAGE, /* "": "serverAuth", ... or an OID */
    PV_X509_URLS,      /* "issuer", "ocsp", "crl": where to ask */
    PV_X509_POLICIES,  /* "": an OID */
    PV_X509_LISTS
} pv_x509_list_id;

enum { PV_X509_TYPE_MAX = 64, PV_X509_SERIAL_LEN = 20 };

typedef struct pv_x509_item {
    char type[PV_X509_TYPE_MAX];
    pv_bytes value;
} pv_x509_item;

typedef struct pv_x509_list {
    pv_x509_item *items;
    size_t count;
} pv_x509_list;

/* What a certificate says.  Whoever makes one owns the memory. */
typedef struct pv_x509_facts {
    pv_x509_list lists[PV_X509_LISTS];
    int64_t not_before, not_after; /* seconds since 1970, both in it */
    bool ca;
    int path_len;       /* how many authorities may follow; negative: any number */
    pv_bytes serial;    /* big endian; when made: empty for 159 random bits */
    pv_hash hash;       /* of signatures by RSA; other keys have one of their own; not read */
    char signature[64]; /* its algorithm as OpenSSL calls it; read only */
    pv_bytes subject_id, authority_id; /* key identifiers, empty when absent; read only */
} pv_x509_facts;

typedef struct pv_cert pv_cert;
typedef struct pv_csr pv_csr;

/* ---- Certificates ---- */

/* Makes a certificate of the public half of a key.  The issuer NULL: it is its own, and signer is
 * the secret half of key.  Free with pv_cert_free(); *out is NULL on failure, here and below.
 * PV_EINVAL: what it is to say cannot be written (the message names it), signer is not the
 * issuer's, or cannot sign. */
pv_status pv_cert_make(pv_cert **out, const pv_x509_facts *facts, const pv_pkey *key,
                       const pv_cert *issuer, const pv_pkey *signer, pv_err *err);

/* Reads the first certificate in PEM, or DER.  PV_EINVAL: there is none. */
pv_status pv_cert_parse(pv_cert **out, pv_bytes text, pv_err *err);

/* Appends DER. */
pv_status pv_cert_der(const pv_cert *cert, pv_buf *out, pv_err *err);

/* What it says, to be freed with pv_x509_facts_free().  PV_EINVAL: an extension is malformed. */
pv_status pv_cert_facts(const pv_cert *cert, pv_x509_facts *out, pv_err *err);

/* Its public key, to be freed.  PV_EINVAL: not of a type of pkey.h. */
pv_status pv_cert_key(const pv_cert *cert, pv_pkey **out, pv_err *err);

/* Checks that a chain of the middle ones leads from cert to one of roots (which may be below
 * others), each valid at the time (seconds since 1970).  purpose: "" for any, "server", "client" or
 * "email".  PV_EAUTH when none does; the message says which certificate is wrong, and why. */
pv_status pv_cert_verify(const pv_cert *cert, const pv_cert *const *roots, size_t root_count,
                         const pv_cert *const *middle, size_t middle_count, int64_t time,
                         const char *purpose, pv_err *err);

/* NULL is fine. */
void pv_cert_free(pv_cert *cert);

/* ---- Requests ---- */

/* Asks for a certificate of a key, which signs.  Times, serial and issuer are not in it. */
pv_status pv_csr_make(pv_csr **out, const pv_x509_facts *facts, const pv_pkey *key, pv_err *err);

/* Reads PEM or DER.  PV_EINVAL: malformed; PV_EAUTH: not signed by its own key. */
pv_status pv_csr_parse(pv_csr **out, pv_bytes text, pv_err *err);

pv_status pv_csr_der(const pv_csr *csr, pv_buf *out, pv_err *err);
pv_status pv_csr_facts(const pv_csr *csr, pv_x509_facts *out, pv_err *err);
pv_status pv_csr_key(const pv_csr *csr, pv_pkey **out, pv_err *err);

/* NULL is fine. */
void pv_csr_free(pv_csr *csr);

/* ---- Lists of revoked certificates ---- */

typedef struct pv_x509_revoked {
    pv_bytes serial; /* big endian */
    int64_t time;
    int reason; /* RFC 5280 5.3.1; 0 writes none */
} pv_x509_revoked;

/* Appends the DER of a list (version 2) of an issuer, which signer is the key of; hash is that of
 * signatures by RSA.  PV_EINVAL as above. */
pv_status pv_crl_make(pv_buf *out, const pv_cert *issuer, const pv_pkey *signer, pv_hash hash,
                      int64_t number, int64_t this_update, int64_t next_update,
                      const pv_x509_revoked *revoked, size_t count, pv_err *err);

/* Frees what pv_cert_facts and pv_csr_facts made, and zeroes it. */
void pv_x509_facts_free(pv_x509_facts *facts);

#endif
