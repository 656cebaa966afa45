/* Making key pairs. */
#include <string.h>

#include "base/mem.h"
#include "net/ssh_internal.h"

enum { KEY_MAX = 64 << 10, RSA_BITS = 3072, ECDSA_BITS = 256 };

static pv_status generate(ssh_key *out, const char *type, pv_err *err)
{
    static const struct {
        const char *name;
        enum ssh_keytypes_e type;
        int bits;
    } kinds[] = {
        {"ed25519", SSH_KEYTYPE_ED25519, 0},
        {"ecdsa", SSH_KEYTYPE_ECDSA_P256, ECDSA_BITS},
        {"rsa", SSH_KEYTYPE_RSA, RSA_BITS},
    };
    *out = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, type) != 0) continue;
        if (ssh_pki_generate(kinds[i].type, kinds[i].bits, out) == SSH_OK) return PV_OK;
        return pv_fail(err, PV_EIO, "cannot make a key of type %s", type);
    }
    return pv_fail(err, PV_EINVAL, "unknown key type '%s': it is ed25519, ecdsa or rsa", type);
}

static pv_status export_public(pv_buf *out, ssh_key key, const char *comment, pv_err *err)
{
    char *base64 = NULL;
    enum ssh_keytypes_e kind = ssh_key_type(key);
    const char *type =
        kind == SSH_KEYTYPE_ECDSA_P256 ? ssh_pki_key_ecdsa_name(key) : ssh_key_type_to_char(kind);
    pv_status status;
    if (ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK)
        return pv_fail(err, PV_EIO, "cannot export the public key");
    status = pv_buf_addf(out, "%s %s%s%s", type, base64, comment != NULL ? " " : "",
                         comment != NULL ? comment : "");
    ssh_string_free_char(base64);
    return status == PV_OK ? PV_OK : pv_fail(err, status, "the key's comment is too long");
}

pv_status pv_ssh_keygen(pv_ssh_keypair *out, const char *type, const char *comment, pv_err *err)
{
    ssh_key key = NULL;
    char *text = NULL;
    pv_status status;
    pv_buf_init(&out->private_key, KEY_MAX);
    pv_buf_init(&out->public_key, KEY_MAX);
    pv_buf_init(&out->fingerprint, KEY_MAX);
    if (comment != NULL && strpbrk(comment, "\r\n") != NULL) {
        return pv_fail(err, PV_EINVAL, "the key's comment has a line break in it");
    }
    if ((status = generate(&key, type, err)) != PV_OK) return status;
    if (ssh_pki_export_privkey_base64(key, NULL, NULL, NULL, &text) != SSH_OK) {
        status = pv_fail(err, PV_EIO, "cannot export the private key");
        goto fail;
    }
    if ((status = pv_buf_adds(&out->private_key, text)) != PV_OK) goto fail;
    if ((status = export_public(&out->public_key, key, comment, err)) != PV_OK) goto fail;
    status = pv_ssh_fingerprint(&out->fingerprint, out->public_key.data, err);
fail:
    if (text != NULL) pv_wipe(text, strlen(text));
    ssh_string_free_char(text);
    ssh_key_free(key);
    return status;
}

void pv_ssh_keypair_deinit(pv_ssh_keypair *pair)
{
    pv_buf_wipe(&pair->private_key);
    pv_buf_deinit(&pair->public_key);
    pv_buf_deinit(&pair->fingerprint);
}
