/* From facts to names and extensions. */
#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/evp.h"
#include "crypto/x509_ext.h"

enum { IP_MAX = 16 };

static pv_status refuse(pv_err *err, const char *what, const pv_x509_item *item)
{
    (void)pv_evp_fail(NULL, "");
    return pv_fail(err, PV_EINVAL, "%s cannot be written into a certificate: %s%s%.*s", what,
                   item->type, item->type[0] != '\0' ? " " : "",
                   (int)(item->value.len < 200 ? item->value.len : 200), item->value.data);
}

pv_status pv_x509_write_name(X509_NAME *name, const pv_x509_list *items, pv_err *err)
{
    for (size_t i = 0; i < items->count; i++) {
        const pv_x509_item *item = &items->items[i];
        if (item->value.len == 0 || item->value.len > 4096 ||
            X509_NAME_add_entry_by_txt(name, item->type, MBSTRING_UTF8,
                                       (const unsigned char *)item->value.data,
                                       (int)item->value.len, -1, 0) != 1)
            return refuse(err, "a part of the subject", item);
    }
    return PV_OK;
}

/* ---- General names ---- */

/* The bytes of an address, or with constraint of a range "10.0.0.0/8": address and mask; 0 when it
 * is none. */
static size_t address(pv_bytes text, bool constraint, unsigned char out[2 * IP_MAX])
{
    char copy[64], *slash, *end;
    size_t len;
    long prefix;
    if (text.len >= sizeof copy || memchr(text.data, '\0', text.len) != NULL) return 0;
    for (size_t i = 0; i < text.len; i++) copy[i] = text.data[i];
    copy[text.len] = '\0';
    slash = strchr(copy, '/');
    if ((slash != NULL) != constraint) return 0;
    if (slash != NULL) *slash++ = '\0';
    if (inet_pton(AF_INET, copy, out) == 1) len = 4;
    else if (inet_pton(AF_INET6, copy, out) == 1) len = 16;
    else return 0;
    if (!constraint) return len;
    prefix = strtol(slash, &end, 10);
    if (*slash < '0' || *slash > '9' || *end != '\0' || prefix > (long)len * 8) return 0;
    for (size_t i = 0; i < len; i++) {
        long bits = prefix - (long)i * 8;
        out[len + i] = bits >= 8 ? 0xff : bits <= 0 ? 0 : (unsigned char)(0xff << (8 - bits));
        out[i] &= out[len + i];
    }
    return 2 * len;
}

/* NULL when the item is no such name. */
static GENERAL_NAME *general(const pv_x509_item *item, bool constraint)
{
    static const struct {
        const char *type;
        int id;
    } kinds[] = {{"dns", GEN_DNS}, {"email", GEN_EMAIL}, {"uri", GEN_URI}, {"ip", GEN_IPADD}};
    unsigned char ip[2 * IP_MAX];
    const void *data = item->value.data;
    size_t len = item->value.len;
    int id = -1;
    GENERAL_NAME *out;
    ASN1_STRING *text;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].type, item->type) == 0) id = kinds[i].id;
    if (id == GEN_IPADD) {
        len = address(item->value, constraint, ip);
        data = ip;
    } else {
        for (size_t i = 0; i < len; i++)
            if (item->value.data[i] <= ' ' || item->value.data[i] > '~') return NULL;
    }
    if (id < 0 || len == 0 || len > 4096) return NULL;
    out = GENERAL_NAME_new();
    text = id == GEN_IPADD ? (ASN1_STRING *)ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
    if (out != NULL && text != NULL && ASN1_STRING_set(text, data, (int)len) == 1) {
        GENERAL_NAME_set0_value(out, id, text);
        return out;
    }
    ASN1_STRING_free(text);
    GENERAL_NAME_free(out);
    return NULL;
}

static GENERAL_NAMES *names_of(const pv_x509_list *list, pv_err *err)
{
    GENERAL_NAMES *out = sk_GENERAL_NAME_new_null();
    for (size_t i = 0; i < list->count; i++) {
        GENERAL_NAME *name = general(&list->items[i], false);
        if (name == NULL || sk_GENERAL_NAME_push(out, name) == 0) {
            GENERAL_NAME_free(name);
            GENERAL_NAMES_free(out);
            (void)refuse(err, "a name", &list->items[i]);
            return NULL;
        }
    }
    return out;
}

static STACK_OF(GENERAL_SUBTREE) * subtrees_of(const pv_x509_list *list, pv_err *err)
{
    STACK_OF(GENERAL_SUBTREE) *out = sk_GENERAL_SUBTREE_new_null();
    for (size_t i = 0; i < list->count; i++) {
        GENERAL_SUBTREE *tree = GENERAL_SUBTREE_new();
        GENERAL_NAME *name = general(&list->items[i], true);
        if (tree == NULL || name == NULL) {
            GENERAL_SUBTREE_free(tree);
            GENERAL_NAME_free(name);
            sk_GENERAL_SUBTREE_pop_free(out, GENERAL_SUBTREE_free);
            (void)refuse(err, "a name constraint", &list->items[i]);
            return NULL;
        }
        GENERAL_NAME_free(tree->base);
        tree->base = name;
        (void)sk_GENERAL_SUBTREE_push(out, tree);
    }
    return out;
}

/* ---- Extensions ---- */

typedef struct writer {
    STACK_OF(X509_EXTENSION) * *out;
    const pv_x509_facts *facts;
    pv_err *err;
} writer;

static pv_status put(writer *w, int nid, void *value, int critical, const char *what)
{
    return X509V3_add1_i2d(w->out, nid, value, critical, X509V3_ADD_APPEND) == 1
               ? PV_OK
               : pv_evp_fail(w->err, what);
}

static const pv_x509_list *list_of(const writer *w, pv_x509_list_id id)
{
    return &w->facts->lists[id];
}

static pv_status write_basic(writer *w)
{
    BASIC_CONSTRAINTS *basic = BASIC_CONSTRAINTS_new();
    pv_status status;
    if (basic == NULL) return pv_evp_fail(w->err, "basic constraints");
    basic->ca = w->facts->ca ? 0xff : 0;
    if (w->facts->ca && w->facts->path_len >= 0) {
        basic->pathlen = ASN1_INTEGER_new();
        (void)ASN1_INTEGER_set(basic->pathlen, w->facts->path_len);
    }
    status = put(w, NID_basic_constraints, basic, 1, "basic constraints");
    BASIC_CONSTRAINTS_free(basic);
    return status;
}

static pv_status write_usage(writer *w, const pv_x509_list *list)
{
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    pv_status status = PV_OK;
    for (size_t i = 0; i < list->count && status == PV_OK; i++) {
        int bit = -1;
        for (int j = 0; pv_x509_usages[j] != NULL; j++)
            if (list->items[i].value.len == strlen(pv_x509_usages[j]) &&
                memcmp(list->items[i].value.data, pv_x509_usages[j], list->items[i].value.len) == 0)
                bit = j;
        if (bit < 0) status = refuse(w->err, "a key usage", &list->items[i]);
        else (void)ASN1_BIT_STRING_set_bit(bits, bit, 1);
    }
    if (status == PV_OK) status = put(w, NID_key_usage, bits, 1, "the key usage");
    ASN1_BIT_STRING_free(bits);
    return status;
}

/* An OID by its number or name; NULL when there is none such. */
static ASN1_OBJECT *object_of(pv_bytes text)
{
    char copy[PV_X509_TYPE_MAX];
    if (text.len == 0 || text.len >= sizeof copy) return NULL;
    for (size_t i = 0; i < text.len; i++) copy[i] = text.data[i];
    copy[text.len] = '\0';
    return OBJ_txt2obj(copy, 0);
}

static pv_status write_ext_usage(writer *w, const pv_x509_list *list)
{
    EXTENDED_KEY_USAGE *usage = sk_ASN1_OBJECT_new_null();
    pv_status status = PV_OK;
    for (size_t i = 0; i < list->count && status == PV_OK; i++) {
        ASN1_OBJECT *object = object_of(list->items[i].value);
        if (object == NULL) status = refuse(w->err, "an extended key usage", &list->items[i]);
        else (void)sk_ASN1_OBJECT_push(usage, object);
    }
    if (status == PV_OK) status = put(w, NID_ext_key_usage, usage, 0, "the extended key usage");
    EXTENDED_KEY_USAGE_free(usage);
    return status;
}

static pv_status write_names(writer *w, const pv_x509_list *list)
{
    GENERAL_NAMES *names = names_of(list, w->err);
    pv_status status;
    if (names == NULL) return PV_EINVAL;
    /* RFC 5280 4.2.1.6: critical when there is no other name */
    status = put(w, NID_subject_alt_name, names, list_of(w, PV_X509_SUBJECT)->count == 0,
                 "the alternative names");
    GENERAL_NAMES_free(names);
    return status;
}

static pv_status write_constraints(writer *w)
{
    const pv_x509_list *permitted = list_of(w, PV_X509_PERMITTED),
                       *excluded = list_of(w, PV_X509_EXCLUDED);
    NAME_CONSTRAINTS *constraints;
    pv_status status = PV_OK;
    if (permitted->count + excluded->count == 0) return PV_OK;
    constraints = NAME_CONSTRAINTS_new();
    if (permitted->count != 0 &&
        (constraints->permittedSubtrees = subtrees_of(permitted, w->err)) == NULL)
        status = PV_EINVAL;
    if (status == PV_OK && excluded->count != 0 &&
        (constraints->excludedSubtrees = subtrees_of(excluded, w->err)) == NULL)
        status = PV_EINVAL;
    if (status == PV_OK)
        status = put(w, NID_name_constraints, constraints, 1, "the name constraints");
    NAME_CONSTRAINTS_free(constraints);
    return status;
}

static GENERAL_NAME *url_of(const pv_x509_item *item)
{
    pv_x509_item url = {"uri", item->value};
    return general(&url, false);
}

static pv_status add_access(AUTHORITY_INFO_ACCESS *access, const pv_x509_item *item, int nid,
                            pv_err *err)
{
    ACCESS_DESCRIPTION *one = ACCESS_DESCRIPTION_new();
    GENERAL_NAME *url = url_of(item);
    if (one == NULL || url == NULL) {
        ACCESS_DESCRIPTION_free(one);
        GENERAL_NAME_free(url);
        return refuse(err, "a URL", item);
    }
    ASN1_OBJECT_free(one->method);
    one->method = OBJ_nid2obj(nid);
    GENERAL_NAME_free(one->location);
    one->location = url;
    (void)sk_ACCESS_DESCRIPTION_push(access, one);
    return PV_OK;
}

static pv_status add_point(CRL_DIST_POINTS *points, const pv_x509_item *item, pv_err *err)
{
    DIST_POINT *one = DIST_POINT_new();
    GENERAL_NAME *url = url_of(item);
    if (one == NULL || url == NULL) {
        DIST_POINT_free(one);
        GENERAL_NAME_free(url);
        return refuse(err, "a URL", item);
    }
    one->distpoint = DIST_POINT_NAME_new();
    one->distpoint->type = 0;
    one->distpoint->name.fullname = sk_GENERAL_NAME_new_null();
    (void)sk_GENERAL_NAME_push(one->distpoint->name.fullname, url);
    (void)sk_DIST_POINT_push(points, one);
    return PV_OK;
}

static pv_status write_urls(writer *w, const pv_x509_list *list)
{
    AUTHORITY_INFO_ACCESS *access = sk_ACCESS_DESCRIPTION_new_null();
    CRL_DIST_POINTS *points = sk_DIST_POINT_new_null();
    pv_status status = PV_OK;
    for (size_t i = 0; i < list->count && status == PV_OK; i++) {
        const pv_x509_item *item = &list->items[i];
        if (strcmp(item->type, "crl") == 0) status = add_point(points, item, w->err);
        else if (strcmp(item->type, "ocsp") == 0)
            status = add_access(access, item, NID_ad_OCSP, w->err);
        else if (strcmp(item->type, "issuer") == 0)
            status = add_access(access, item, NID_ad_ca_issuers, w->err);
        else status = refuse(w->err, "a URL", item);
    }
    if (status == PV_OK && sk_ACCESS_DESCRIPTION_num(access) > 0)
        status = put(w, NID_info_access, access, 0, "the URLs");
    if (status == PV_OK && sk_DIST_POINT_num(points) > 0)
        status = put(w, NID_crl_distribution_points, points, 0, "the URLs");
    AUTHORITY_INFO_ACCESS_free(access);
    CRL_DIST_POINTS_free(points);
    return status;
}

static pv_status write_policies(writer *w, const pv_x509_list *list)
{
    CERTIFICATEPOLICIES *policies = sk_POLICYINFO_new_null();
    pv_status status = PV_OK;
    for (size_t i = 0; i < list->count && status == PV_OK; i++) {
        POLICYINFO *one = POLICYINFO_new();
        ASN1_OBJECT *object = object_of(list->items[i].value);
        if (one == NULL || object == NULL) {
            POLICYINFO_free(one);
            status = refuse(w->err, "a policy", &list->items[i]);
        } else {
            ASN1_OBJECT_free(one->policyid);
            one->policyid = object;
            (void)sk_POLICYINFO_push(policies, one);
        }
    }
    if (status == PV_OK) status = put(w, NID_certificate_policies, policies, 0, "the policies");
    CERTIFICATEPOLICIES_free(policies);
    return status;
}

pv_status pv_x509_write(STACK_OF(X509_EXTENSION) * *out, const pv_x509_facts *facts, pv_err *err)
{
    static const struct {
        pv_x509_list_id id;
        pv_status (*write)(writer *, const pv_x509_list *);
    } lists[] = {{PV_X509_USAGE, write_usage},
                 {PV_X509_EXT_USAGE, write_ext_usage},
                 {PV_X509_NAMES, write_names},
                 {PV_X509_URLS, write_urls},
                 {PV_X509_POLICIES, write_policies}};
    writer w = {out, facts, err};
    pv_status status = write_basic(&w);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0] && status == PV_OK; i++) {
        const pv_x509_list *list = list_of(&w, lists[i].id);
        if (list->count != 0) status = lists[i].write(&w, list);
    }
    return status == PV_OK ? write_constraints(&w) : status;
}
