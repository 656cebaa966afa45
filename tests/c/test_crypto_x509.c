/* Certificates; tests/lua/x509_spec.lua has the judges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/x509.h"

enum { NOW = 1700000000, DAY = 86400 };

static pv_bytes text(const char *s)
{
    return (pv_bytes){s, strlen(s)};
}

static pv_x509_list one(pv_x509_item *item, const char *type, const char *value)
{
    *item = (pv_x509_item){"", text(value)};
    memcpy(item->type, type, strlen(type));
    return (pv_x509_list){item, 1};
}

static pv_pkey *key_of(pv_pkey_type type)
{
    pv_pkey *key;
    assert_int_equal(pv_pkey_generate(&key, type, type == PV_RSA ? 2048 : 0, NULL), PV_OK);
    return key;
}

static pv_x509_facts authority(pv_x509_item *items)
{
    pv_x509_facts facts = {.ca = true, .path_len = -1, .hash = PV_SHA256};
    facts.not_before = NOW;
    facts.not_after = NOW + DAY;
    facts.lists[PV_X509_SUBJECT] = one(&items[0], "CN", "root");
    facts.lists[PV_X509_USAGE] = one(&items[1], "", "keyCertSign");
    return facts;
}

static void has(const pv_x509_facts *facts, pv_x509_list_id id, const char *type, const char *value)
{
    const pv_x509_list *list = &facts->lists[id];
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].type, type) == 0 && list->items[i].value.len == strlen(value) &&
            memcmp(list->items[i].value.data, value, strlen(value)) == 0)
            return;
    fail_msg("no %s %s", type, value);
}

/* A root of the type, and a leaf of each type below it. */
static void chain(pv_pkey_type type)
{
    pv_x509_item items[8];
    pv_x509_facts root_facts = authority(items), facts = {.path_len = -1, .hash = PV_SHA256}, read;
    pv_pkey *root_key = key_of(type), *leaf_key = key_of(PV_P256), *read_key;
    pv_cert *root, *leaf, *again;
    pv_buf der = {0};
    pv_err err;
    assert_int_equal(pv_cert_make(&root, &root_facts, root_key, NULL, root_key, &err), PV_OK);
    facts.not_before = NOW;
    facts.not_after = NOW + DAY;
    facts.lists[PV_X509_NAMES] = one(&items[2], "dns", "a.example");
    facts.lists[PV_X509_EXT_USAGE] = one(&items[3], "", "serverAuth");
    facts.lists[PV_X509_URLS] = one(&items[4], "crl", "http://127.0.0.1/crl");
    facts.lists[PV_X509_POLICIES] = one(&items[5], "", "1.2.3.4");
    assert_int_equal(pv_cert_make(&leaf, &facts, leaf_key, root, root_key, &err), PV_OK);
    assert_int_equal(pv_cert_der(leaf, &der, NULL), PV_OK);
    assert_int_equal(pv_cert_parse(&again, (pv_bytes){der.data, der.len}, NULL), PV_OK);
    assert_int_equal(pv_cert_facts(again, &read, NULL), PV_OK);
    has(&read, PV_X509_NAMES, "dns", "a.example");
    has(&read, PV_X509_EXT_USAGE, "", "serverAuth");
    has(&read, PV_X509_URLS, "crl", "http://127.0.0.1/crl");
    has(&read, PV_X509_POLICIES, "", "1.2.3.4");
    has(&read, PV_X509_ISSUER, "CN", "root");
    assert_false(read.ca);
    assert_int_equal(read.not_after, NOW + DAY);
    assert_true(read.serial.len >= 16 && read.serial.len <= PV_X509_SERIAL_LEN);
    pv_x509_facts_free(&read);
    assert_int_equal(pv_cert_key(again, &read_key, NULL), PV_OK);
    assert_int_equal(pv_pkey_type_of(read_key), PV_P256);
    pv_pkey_free(read_key);
    {
        const pv_cert *roots[] = {root};
        if (pv_cert_verify(again, roots, 1, NULL, 0, NOW + 1, "server", &err) != PV_OK)
            fail_msg("%s", err.msg);
        assert_int_equal(pv_cert_verify(again, roots, 1, NULL, 0, NOW + 1, "client", &err),
                         PV_EAUTH);
        assert_int_equal(pv_cert_verify(again, roots, 1, NULL, 0, NOW + 2 * DAY, "", &err),
                         PV_EAUTH);
        assert_non_null(strstr(err.msg, "expired"));
        assert_int_equal(pv_cert_verify(again, NULL, 0, roots, 1, NOW + 1, "", &err), PV_EAUTH);
    }
    der.data[der.len - 1] ^= 1; /* the signature */
    pv_cert_free(again);
    if (pv_cert_parse(&again, (pv_bytes){der.data, der.len}, NULL) == PV_OK) {
        const pv_cert *roots[] = {root};
        assert_int_equal(pv_cert_verify(again, roots, 1, NULL, 0, NOW + 1, "", &err), PV_EAUTH);
    }
    pv_buf_deinit(&der);
    pv_cert_free(again);
    pv_cert_free(leaf);
    pv_cert_free(root);
    pv_pkey_free(root_key);
    pv_pkey_free(leaf_key);
}

static void test_chains(void **state)
{
    (void)state;
    chain(PV_ED25519);
    chain(PV_P256);
    chain(PV_P384);
    chain(PV_P521);
    chain(PV_RSA);
}

static void test_refusals(void **state)
{
    pv_x509_item items[4];
    pv_x509_facts facts = authority(items);
    pv_pkey *key = key_of(PV_P256), *other = key_of(PV_P256), *agree = key_of(PV_X25519);
    pv_cert *root, *cert;
    pv_err err;
    static const struct {
        pv_x509_list_id id;
        const char *type, *value;
    } wrong[] = {
        {PV_X509_NAMES, "ip", "1.2.3"},
        {PV_X509_NAMES, "ip", "1.2.3.0/24"},
        {PV_X509_NAMES, "dns", ""},
        {PV_X509_NAMES, "dns", "a b"},
        {PV_X509_NAMES, "what", "a"},
        {PV_X509_PERMITTED, "ip", "1.2.3.4"},
        {PV_X509_PERMITTED, "ip", "1.2.3.4/33"},
        {PV_X509_USAGE, "", "fly"},
        {PV_X509_EXT_USAGE, "", "no such"},
        {PV_X509_URLS, "what", "http://a"},
        {PV_X509_POLICIES, "", "x"},
        {PV_X509_SUBJECT, "XX", "a"},
        {PV_X509_SUBJECT, "C", "too long"},
    };
    (void)state;
    assert_int_equal(pv_cert_make(&root, &facts, key, NULL, key, NULL), PV_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        pv_x509_facts bad = facts;
        bad.lists[wrong[i].id] = one(&items[2], wrong[i].type, wrong[i].value);
        if (pv_cert_make(&cert, &bad, key, NULL, key, &err) != PV_EINVAL)
            fail_msg("%s %s is taken", wrong[i].type, wrong[i].value);
        assert_null(cert);
    }
    assert_int_equal(pv_cert_make(&cert, &facts, other, root, other, &err), PV_EINVAL);
    assert_int_equal(pv_cert_make(&cert, &facts, key, NULL, other, &err), PV_EINVAL);
    assert_int_equal(pv_cert_make(&cert, &facts, agree, NULL, agree, &err), PV_EINVAL);
    facts.not_after = NOW - 1;
    assert_int_equal(pv_cert_make(&cert, &facts, key, NULL, key, &err), PV_EINVAL);
    assert_int_equal(pv_cert_parse(&cert, text("nothing"), &err), PV_EINVAL);
    assert_int_equal(pv_cert_parse(&cert, text(""), &err), PV_EINVAL);
    assert_null(cert);
    pv_cert_free(NULL);
    pv_cert_free(root);
    pv_pkey_free(key);
    pv_pkey_free(other);
    pv_pkey_free(agree);
}

static void test_requests(void **state)
{
    pv_x509_item items[4];
    pv_x509_facts facts = authority(items), read;
    pv_pkey *key = key_of(PV_ED25519), *read_key;
    pv_csr *csr, *again;
    pv_buf der = {0};
    (void)state;
    facts.lists[PV_X509_NAMES] = one(&items[2], "ip", "2001:db8::1");
    facts.lists[PV_X509_PERMITTED] = one(&items[3], "ip", "10.0.0.0/9");
    assert_int_equal(pv_csr_make(&csr, &facts, key, NULL), PV_OK);
    assert_int_equal(pv_csr_der(csr, &der, NULL), PV_OK);
    assert_int_equal(pv_csr_parse(&again, (pv_bytes){der.data, der.len}, NULL), PV_OK);
    assert_int_equal(pv_csr_facts(again, &read, NULL), PV_OK);
    has(&read, PV_X509_SUBJECT, "CN", "root");
    has(&read, PV_X509_NAMES, "ip", "2001:db8::1");
    has(&read, PV_X509_PERMITTED, "ip", "10.0.0.0/9");
    has(&read, PV_X509_USAGE, "", "keyCertSign");
    assert_true(read.ca);
    pv_x509_facts_free(&read);
    assert_int_equal(pv_csr_key(again, &read_key, NULL), PV_OK);
    assert_int_equal(pv_pkey_type_of(read_key), PV_ED25519);
    pv_csr_free(again);
    der.data[der.len - 1] ^= 1;
    assert_int_equal(pv_csr_parse(&again, (pv_bytes){der.data, der.len}, NULL), PV_EAUTH);
    assert_int_equal(pv_csr_parse(&again, text("x"), NULL), PV_EINVAL);
    pv_csr_free(NULL);
    pv_csr_free(csr);
    pv_pkey_free(key);
    pv_pkey_free(read_key);
    pv_buf_deinit(&der);
}

static void test_revoked(void **state)
{
    pv_x509_item items[4];
    pv_x509_facts facts = authority(items);
    pv_pkey *key = key_of(PV_P256), *other = key_of(PV_P256);
    pv_x509_revoked revoked[] = {{text("\x01\x02"), NOW, 1}, {text("\x07"), NOW, 0}};
    pv_cert *root;
    pv_buf der = {0};
    (void)state;
    assert_int_equal(pv_cert_make(&root, &facts, key, NULL, key, NULL), PV_OK);
    assert_int_equal(pv_crl_make(&der, root, key, PV_SHA256, 7, NOW, NOW + DAY, revoked, 2, NULL),
                     PV_OK);
    assert_true(der.len > 100 && der.data[0] == 0x30);
    assert_int_equal(pv_crl_make(&der, root, other, PV_SHA256, 7, NOW, NOW + DAY, revoked, 2, NULL),
                     PV_EINVAL);
    pv_buf_deinit(&der);
    pv_cert_free(root);
    pv_pkey_free(key);
    pv_pkey_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_revoked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
