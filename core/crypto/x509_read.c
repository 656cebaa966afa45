/* From names and extensions to facts. */
#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/evp.h"
#include "crypto/x509_ext.h"

const char *const pv_x509_usages[] = {
    "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
    "keyCertSign",      "cRLSign",        "encipherOnly",    "decipherOnly",     NULL};

static void add(pv_x509_list *list, const char *type, pv_bytes value)
{
    pv_x509_item *item;
    list->items = pv_realloc_array(list->items, list->count + 1, sizeof *list->items);
    item = &list->items[list->count++];
    (void)snprintf(item->type, sizeof item->type, "%s", type);
    item->value = (pv_bytes){pv_memdup(value.data, value.len), value.len};
}

static void add_text(pv_x509_list *list, const char *type, const char *text)
{
    add(list, type, (pv_bytes){text, strlen(text)});
}

static pv_bytes bytes_of(const ASN1_STRING *text)
{
    return (pv_bytes){(const char *)ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text)};
}

/* A short name, or the number when there is none. */
static void object_text(const ASN1_OBJECT *object, char *out, size_t size)
{
    int nid = OBJ_obj2nid(object);
    if (nid != NID_undef) (void)snprintf(out, size, "%s", OBJ_nid2sn(nid));
    else (void)OBJ_obj2txt(out, (int)size, object, 1);
}

pv_status pv_x509_read_name(pv_x509_list *out, const X509_NAME *name, pv_err *err)
{
    for (int i = 0; i < X509_NAME_entry_count(name); i++) {
        X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
        char type[PV_X509_TYPE_MAX];
        unsigned char *text = NULL;
        int len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
        if (len < 0) {
            (void)pv_evp_fail(NULL, "");
            return pv_fail(err, PV_EINVAL, "a name in it is malformed");
        }
        object_text(X509_NAME_ENTRY_get_object(entry), type, sizeof type);
        add(out, type, (pv_bytes){(char *)text, (size_t)len});
        OPENSSL_free(text);
    }
    return PV_OK;
}

/* ---- General names ---- */

static void add_address(pv_x509_list *out, pv_bytes ip, bool constraint)
{
    char text[INET6_ADDRSTRLEN + 8];
    size_t len = constraint ? ip.len / 2 : ip.len, end;
    int prefix = 0;
    if (len != 4 && len != 16) return;
    (void)inet_ntop(len == 4 ? AF_INET : AF_INET6, ip.data, text, INET6_ADDRSTRLEN);
    if (constraint) {
        for (size_t i = 0; i < len; i++)
            prefix += __builtin_popcount((unsigned char)ip.data[len + i]);
        end = strlen(text);
        (void)snprintf(text + end, sizeof text - end, "/%d", prefix);
    }
    add_text(out, "ip", text);
}

static void add_general(pv_x509_list *out, const GENERAL_NAME *name, bool constraint)
{
    int id;
    const ASN1_STRING *text = GENERAL_NAME_get0_value(name, &id);
    switch (id) {
    case GEN_DNS: add(out, "dns", bytes_of(text)); break;
    case GEN_EMAIL: add(out, "email", bytes_of(text)); break;
    case GEN_URI: add(out, "uri", bytes_of(text)); break;
    case GEN_IPADD: add_address(out, bytes_of(text), constraint); break;
    default: add_text(out, "other", ""); break; /* that there is one, is to be known */
    }
}

static void add_url(pv_x509_list *out, const char *type, const GENERAL_NAME *name)
{
    int id;
    const ASN1_STRING *text = GENERAL_NAME_get0_value(name, &id);
    if (id == GEN_URI) add(out, type, bytes_of(text));
}

/* ---- Extensions; each reads the decoded value ---- */

static void read_basic(pv_x509_facts *out, void *value)
{
    BASIC_CONSTRAINTS *basic = value;
    long len = basic->pathlen != NULL ? ASN1_INTEGER_get(basic->pathlen) : -1;
    out->ca = basic->ca != 0;
    if (out->ca && len >= 0) out->path_len = len < 1000 ? (int)len : 1000;
    BASIC_CONSTRAINTS_free(basic);
}

static void read_usage(pv_x509_facts *out, void *value)
{
    for (int i = 0; pv_x509_usages[i] != NULL; i++)
        if (ASN1_BIT_STRING_get_bit(value, i) == 1)
            add_text(&out->lists[PV_X509_USAGE], "", pv_x509_usages[i]);
    ASN1_BIT_STRING_free(value);
}

static void read_ext_usage(pv_x509_facts *out, void *value)
{
    EXTENDED_KEY_USAGE *usage = value;
    char text[PV_X509_TYPE_MAX];
    for (int i = 0; i < sk_ASN1_OBJECT_num(usage); i++) {
        object_text(sk_ASN1_OBJECT_value(usage, i), text, sizeof text);
        add_text(&out->lists[PV_X509_EXT_USAGE], "", text);
    }
    EXTENDED_KEY_USAGE_free(usage);
}

static void read_names(pv_x509_facts *out, void *value)
{
    GENERAL_NAMES *names = value;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        add_general(&out->lists[PV_X509_NAMES], sk_GENERAL_NAME_value(names, i), false);
    GENERAL_NAMES_free(names);
}

static void read_constraints(pv_x509_facts *out, void *value)
{
    NAME_CONSTRAINTS *constraints = value;
    for (int way = 0; way < 2; way++) {
        STACK_OF(GENERAL_SUBTREE) *trees =
            way == 0 ? constraints->permittedSubtrees : constraints->excludedSubtrees;
        for (int i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++)
            add_general(&out->lists[way == 0 ? PV_X509_PERMITTED : PV_X509_EXCLUDED],
                        sk_GENERAL_SUBTREE_value(trees, i)->base, true);
    }
    NAME_CONSTRAINTS_free(constraints);
}

static void read_access(pv_x509_facts *out, void *value)
{
    AUTHORITY_INFO_ACCESS *access = value;
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access); i++) {
        ACCESS_DESCRIPTION *one = sk_ACCESS_DESCRIPTION_value(access, i);
        int nid = OBJ_obj2nid(one->method);
        if (nid == NID_ad_OCSP || nid == NID_ad_ca_issuers)
            add_url(&out->lists[PV_X509_URLS], nid == NID_ad_OCSP ? "ocsp" : "issuer",
                    one->location);
    }
    AUTHORITY_INFO_ACCESS_free(access);
}

static void read_points(pv_x509_facts *out, void *value)
{
    CRL_DIST_POINTS *points = value;
    for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
        DIST_POINT_NAME *name = sk_DIST_POINT_value(points, i)->distpoint;
        if (name == NULL || name->type != 0) continue;
        for (int j = 0; j < sk_GENERAL_NAME_num(name->name.fullname); j++)
            add_url(&out->lists[PV_X509_URLS], "crl",
                    sk_GENERAL_NAME_value(name->name.fullname, j));
    }
    CRL_DIST_POINTS_free(points);
}

static void read_policies(pv_x509_facts *out, void *value)
{
    CERTIFICATEPOLICIES *policies = value;
    char text[PV_X509_TYPE_MAX];
    for (int i = 0; i < sk_POLICYINFO_num(policies); i++) {
        (void)OBJ_obj2txt(text, sizeof text, sk_POLICYINFO_value(policies, i)->policyid, 1);
        add_text(&out->lists[PV_X509_POLICIES], "", text);
    }
    CERTIFICATEPOLICIES_free(policies);
}

static pv_bytes copy_of(const ASN1_STRING *text)
{
    pv_bytes b = bytes_of(text);
    return (pv_bytes){pv_memdup(b.data, b.len), b.len};
}

static void read_subject_id(pv_x509_facts *out, void *value)
{
    out->subject_id = copy_of(value);
    ASN1_OCTET_STRING_free(value);
}

static void read_authority_id(pv_x509_facts *out, void *value)
{
    AUTHORITY_KEYID *id = value;
    if (id->keyid != NULL) out->authority_id = copy_of(id->keyid);
    AUTHORITY_KEYID_free(id);
}

pv_status pv_x509_read(pv_x509_facts *out, const STACK_OF(X509_EXTENSION) * from, pv_err *err)
{
    static const struct {
        int nid;
        void (*read)(pv_x509_facts *, void *);
    } parts[] = {
        {NID_basic_constraints, read_basic},
        {NID_key_usage, read_usage},
        {NID_ext_key_usage, read_ext_usage},
        {NID_subject_alt_name, read_names},
        {NID_name_constraints, read_constraints},
        {NID_info_access, read_access},
        {NID_crl_distribution_points, read_points},
        {NID_certificate_policies, read_policies},
        {NID_subject_key_identifier, read_subject_id},
        {NID_authority_key_identifier, read_authority_id},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        int critical;
        void *value = X509V3_get_d2i(from, parts[i].nid, &critical, NULL);
        if (value != NULL) parts[i].read(out, value);
        else if (critical != -1) { /* not just absent */ (void)pv_evp_fail(NULL, "");
            return pv_fail(err, PV_EINVAL, "its extension %s is malformed or there twice",
                           OBJ_nid2sn(parts[i].nid));
        }
    }
    return PV_OK;
}

void pv_x509_facts_free(pv_x509_facts *facts)
{
    for (int i = 0; i < PV_X509_LISTS; i++) {
        for (size_t j = 0; j < facts->lists[i].count; j++)
            pv_free((char *)facts->lists[i].items[j].value.data);
        pv_free(facts->lists[i].items);
    }
    pv_free((char *)facts->serial.data);
    pv_free((char *)facts->subject_id.data);
    pv_free((char *)facts->authority_id.data);
    *facts = (pv_x509_facts){.path_len = -1};
}
