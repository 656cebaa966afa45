/* Names and extensions in OpenSSL's words, shared by the files x509*.c alone. */
#ifndef PV_CRYPTO_X509_EXT_H
#define PV_CRYPTO_X509_EXT_H

#include <openssl/x509.h>

#include "crypto/x509.h"

/* Key usages in the order of their bits, up to a NULL. */
extern const char *const pv_x509_usages[];

/* Adds the items to a name.  PV_EINVAL: an unknown type, a value that is too long. */
pv_status pv_x509_write_name(X509_NAME *name, const pv_x509_list *items, pv_err *err);

/* Adds the extensions that facts ask for to *out, which may be NULL at first; not those of keys.
 * PV_EINVAL: one cannot be written. */
pv_status pv_x509_write(STACK_OF(X509_EXTENSION) * *out, const pv_x509_facts *facts, pv_err *err);

/* Fill the lists and the rest that stands in extensions. */
pv_status pv_x509_read_name(pv_x509_list *out, const X509_NAME *name, pv_err *err);
pv_status pv_x509_read(pv_x509_facts *out, const STACK_OF(X509_EXTENSION) * from, pv_err *err);

#endif
