/* libFuzzer: certificates and requests from anybody, in DER or PEM, do no harm; a certificate that
 * is made of what one of them says says the same, or is refused with words; and nothing is verified
 * by a root that did not sign it. */
#include <stdlib.h>
#include <string.h>

#include "crypto/x509.h"

static pv_pkey *own_key;
static pv_cert *own_root;

static void prepare(void)
{
    pv_x509_item name = {.type = "CN", .value = {"root", 4}};
    pv_x509_facts facts = {.not_before = 0, .not_after = 4102444800, .ca = true, .path_len = -1};
    facts.lists[PV_X509_SUBJECT] = (pv_x509_list){&name, 1};
    if (pv_pkey_raw(&own_key, PV_ED25519, true, (pv_bytes){"0123456789abcdef0123456789abcdef", 32},
                    NULL) != PV_OK)
        abort();
    if (pv_cert_make(&own_root, &facts, own_key, NULL, own_key, NULL) != PV_OK) abort();
}

static bool same(const pv_x509_list *a, const pv_x509_list *b)
{
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++) {
        const pv_x509_item *x = &a->items[i], *y = &b->items[i];
        if (strcmp(x->type, y->type) != 0 || x->value.len != y->value.len ||
            (x->value.len > 0 && memcmp(x->value.data, y->value.data, x->value.len) != 0))
            return false;
    }
    return true;
}

/* Makes a certificate that says what these facts say, and reads it; false when they cannot be said.
 */
static bool said(const pv_x509_facts *facts, pv_x509_facts *back)
{
    pv_cert *cert = NULL;
    pv_err err = {0};
    if (pv_cert_make(&cert, facts, own_key, own_root, own_key, &err) != PV_OK) {
        if (cert != NULL || err.msg[0] == '\0') abort();
        return false;
    }
    if (pv_cert_facts(cert, back, &err) != PV_OK) abort();
    pv_cert_free(cert);
    return true;
}

/* The first time may change the form, such as the host part of a network; the second does not. */
static void again(const pv_x509_facts *facts)
{
    pv_x509_facts first = {0}, second = {0};
    if (!said(facts, &first)) return;
    if (!said(&first, &second)) abort();
    for (int i = 0; i < PV_X509_LISTS; i++) {
        if (i == PV_X509_ISSUER) continue;
        if (facts->lists[i].count != first.lists[i].count) abort();
        if (!same(&first.lists[i], &second.lists[i])) abort();
    }
    if (first.ca != facts->ca || first.not_before != facts->not_before ||
        first.not_after != facts->not_after)
        abort();
    pv_x509_facts_free(&first);
    pv_x509_facts_free(&second);
}

static void certificate(pv_bytes bytes)
{
    pv_cert *cert = NULL;
    pv_pkey *key = NULL;
    pv_x509_facts facts = {0};
    pv_buf der = {0};
    pv_err err = {0};
    if (pv_cert_parse(&cert, bytes, &err) != PV_OK) {
        if (cert != NULL || err.msg[0] == '\0') abort();
        return;
    }
    if (pv_cert_facts(cert, &facts, &err) == PV_OK) again(&facts);
    else if (err.msg[0] == '\0') abort();
    pv_x509_facts_free(&facts);
    if (pv_cert_key(cert, &key, NULL) == PV_OK && pv_pkey_has_secret(key)) abort();
    (void)pv_cert_der(cert, &der, NULL);
    {
        const pv_cert *roots[] = {own_root}, *middle[] = {cert};
        if (pv_cert_verify(cert, roots, 1, middle, 1, 1700000000, "", NULL) == PV_OK) {
            pv_buf root = {0}; /* nobody can sign as it but by its own bytes */
            (void)pv_cert_der(own_root, &root, NULL);
            if (der.len != root.len || memcmp(der.data, root.data, root.len) != 0) abort();
            pv_buf_deinit(&root);
        }
    }
    pv_buf_deinit(&der);
    pv_pkey_free(key);
    pv_cert_free(cert);
}

static void request(pv_bytes bytes)
{
    pv_csr *csr = NULL;
    pv_x509_facts facts = {0};
    pv_err err = {0};
    if (pv_csr_parse(&csr, bytes, &err) != PV_OK) {
        if (csr != NULL || err.msg[0] == '\0') abort();
        return;
    }
    if (pv_csr_facts(csr, &facts, &err) == PV_OK) {
        facts.not_after = 1700000000;
        again(&facts);
    }
    pv_x509_facts_free(&facts);
    pv_csr_free(csr);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    pv_bytes rest;
    if (size == 0) return 0;
    if (own_root == NULL) prepare();
    rest = (pv_bytes){(const char *)data + 1, size - 1};
    if (data[0] == 'r') request(rest);
    else certificate(rest);
    return 0;
}
