#include "crypto/sops.h"

#include <string.h>

#include "base/base64.h"

enum { IV_MAX = 128 };

/* What stands behind `name` up to the byte `end`, at *at, which moves behind it. */
static bool part(pv_bytes text, size_t *at, const char *name, char end, pv_bytes *out)
{
    size_t len = strlen(name);
    const char *stop;
    if (text.len - *at < len || memcmp(text.data + *at, name, len) != 0) return false;
    *at += len;
    stop = memchr(text.data + *at, end, text.len - *at);
    if (stop == NULL || stop == text.data + *at) return false;
    *out = (pv_bytes){text.data + *at, (size_t)(stop - text.data) - *at};
    *at += out->len;
    return true;
}

static bool is_type(pv_bytes name)
{
    static const char *const types[] = {"str",  "int",     "float", "bool",
                                        "time", "comment", "bytes", NULL};
    for (size_t i = 0; types[i] != NULL; i++) {
        if (name.len == strlen(types[i]) && memcmp(name.data, types[i], name.len) == 0) return true;
    }
    return false;
}

bool pv_sops_parse(pv_bytes text, pv_sops_value *out)
{
    size_t at = 0;
    return part(text, &at, "ENC[AES256_GCM,data:", ',', &out->data) &&
           part(text, &at, ",iv:", ',', &out->iv) && part(text, &at, ",tag:", ',', &out->tag) &&
           part(text, &at, ",type:", ']', &out->type) && is_type(out->type);
}

pv_status pv_sops_open(pv_aead *aead, const pv_sops_value *value, pv_bytes aad, pv_buf *out,
                       size_t *iv_len, pv_err *err)
{
    pv_status status;
    size_t len, tag;
    if ((status = pv_base64_decode(out, value->data, err)) != PV_OK) return status;
    len = out->len;
    if ((status = pv_base64_decode(out, value->tag, err)) != PV_OK) return status;
    tag = out->len - len;
    if ((status = pv_base64_decode(out, value->iv, err)) != PV_OK) return status;
    *iv_len = out->len - len - tag;
    if (tag != PV_TAG_LEN || *iv_len == 0 || *iv_len > IV_MAX)
        return pv_fail(err, PV_EINVAL, "a tag has 16 bytes, and an iv 1 to 128");
    status = pv_aead_open(aead, (pv_bytes){out->data + len + tag, *iv_len},
                          (pv_bytes){out->data, len + tag}, aad, out->data, err);
    out->len = status == PV_OK ? len : 0;
    return status;
}
