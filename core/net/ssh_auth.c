/* Who the server is, and who we are. */
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "net/knownhosts.h"
#include "net/ssh_internal.h"

/* Splits "ssh-ed25519 AAAA... comment" and parses it. */
static pv_status parse_public(ssh_key *out, const char *line, pv_err *err)
{
    char type[64], base64[8192];
    *out = NULL;
    if (sscanf(line, "%63s %8191s", type, base64) != 2) {
        return pv_fail(err, PV_EINVAL,
                       "not a public key line: it must be like 'ssh-ed25519 AAAA...'");
    }
    if (ssh_pki_import_pubkey_base64(base64, ssh_key_type_from_name(type), out) != SSH_OK) {
        return pv_fail(err, PV_EINVAL, "not a public key of type %s", type);
    }
    return PV_OK;
}

static pv_status key_fingerprint(pv_buf *out, ssh_key key, pv_err *err)
{
    unsigned char *hash = NULL;
    char *text = NULL;
    size_t len = 0;
    pv_status status;
    if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len) != 0 ||
        (text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, len)) == NULL) {
        status = pv_fail(err, PV_EIO, "cannot make a fingerprint");
    } else {
        status = pv_buf_adds(out, text);
    }
    ssh_clean_pubkey_hash(&hash);
    ssh_string_free_char(text);
    return status;
}

pv_status pv_ssh_fingerprint(pv_buf *out, const char *public_line, pv_err *err)
{
    ssh_key key;
    pv_status status = parse_public(&key, public_line, err);
    if (status != PV_OK) return status;
    status = key_fingerprint(out, key, err);
    ssh_key_free(key);
    return status;
}

static int is_text(const char *value)
{
    return strstr(value, "-----BEGIN ") != NULL;
}

static pv_status load_key(ssh_key *out, const char *value, size_t number, pv_err *err)
{
    int rc;
    if (is_text(value)) {
        rc = ssh_pki_import_privkey_base64(value, NULL, NULL, NULL, out);
        if (rc == SSH_OK) return PV_OK;
        return pv_fail(
            err, PV_EINVAL,
            "ssh: private key %zu cannot be read: damaged, of an unknown kind, or locked with "
            "a passphrase (add it to an agent)",
            number);
    }
    rc = ssh_pki_import_privkey_file(value, NULL, NULL, NULL, out);
    if (rc == SSH_OK) return PV_OK;
    if (rc == SSH_EOF)
        return pv_fail(err, PV_ENOTFOUND, "ssh: cannot open private key file %s", value);
    return pv_fail(
        err, PV_EINVAL,
        "ssh: private key file %s cannot be read: damaged, of an unknown kind, or locked with "
        "a passphrase (add it to an agent)",
        value);
}

/* The wire form of a key, or of a certificate. */
static pv_status key_blob(pv_buf *out, ssh_key key)
{
    char *base64 = NULL;
    pv_status status;
    if (ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK) return PV_EINVAL;
    status = pv_base64_decode(out, (pv_bytes){base64, strlen(base64)}, NULL);
    ssh_string_free_char(base64);
    return status;
}

/* Drops a length-prefixed string from the front. */
static int skip_string(pv_buf *blob)
{
    const unsigned char *b = (const unsigned char *)blob->data;
    size_t len;
    if (blob->len < 4) return 0;
    len = ((size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3]) + 4;
    if (len > blob->len) return 0;
    pv_buf_consume(blob, len);
    return 1;
}

/* A certificate is its type, a nonce, and then what follows the type in the public key. */
static int cert_fits(ssh_key cert, ssh_key key)
{
    pv_buf in_cert, in_key;
    int fits;
    pv_buf_init(&in_cert, 65536);
    pv_buf_init(&in_key, 65536);
    fits = key_blob(&in_cert, cert) == PV_OK && key_blob(&in_key, key) == PV_OK &&
           skip_string(&in_cert) && skip_string(&in_cert) && skip_string(&in_key) &&
           in_key.len > 0 && in_key.len <= in_cert.len &&
           memcmp(in_cert.data, in_key.data, in_key.len) == 0;
    pv_buf_deinit(&in_cert);
    pv_buf_deinit(&in_key);
    return fits;
}

/* A certificate goes with the key it was issued for. */
static pv_status load_cert(pv_ssh *s, const char *value, pv_err *err)
{
    ssh_key cert = NULL;
    char type[64], base64[16384];
    int rc = SSH_ERROR, found = 0;
    if (sscanf(value, "%63s %16383s", type, base64) == 2 &&
        strstr(type, "-cert-v01@openssh.com") != NULL) {
        rc = ssh_pki_import_cert_base64(base64, ssh_key_type_from_name(type), &cert);
    } else {
        rc = ssh_pki_import_cert_file(value, &cert);
    }
    if (rc != SSH_OK) return pv_fail(err, PV_EINVAL, "ssh: the certificate cannot be read");
    for (size_t i = 0; i < s->key_count && !found; i++) {
        ssh_key public_key = NULL;
        if (ssh_pki_export_privkey_to_pubkey(s->keys[i], &public_key) != SSH_OK) continue;
        if (cert_fits(cert, public_key)) {
            found = ssh_pki_copy_cert_to_privkey(cert, s->keys[i]) == SSH_OK;
        }
        ssh_key_free(public_key);
    }
    ssh_key_free(cert);
    if (!found)
        return pv_fail(err, PV_EINVAL,
                       "ssh: the certificate belongs to none of the given private keys");
    return PV_OK;
}

pv_status ssh_load_keys(pv_ssh *s, const pv_ssh_options *options, pv_err *err)
{
    s->keys = pv_alloc_array(options->key_count + 1, sizeof(ssh_key));
    for (size_t i = 0; i < options->key_count; i++) {
        pv_status status = load_key(&s->keys[i], options->keys[i], i + 1, err);
        if (status != PV_OK) return status;
        s->key_count++;
    }
    if (options->host_key != NULL) {
        ssh_key key;
        pv_status status = parse_public(&key, options->host_key, err);
        if (status != PV_OK) return pv_fail(err, status, "ssh: host_key is not a public key line");
        ssh_key_free(key);
    }
    return options->cert != NULL ? load_cert(s, options->cert, err) : PV_OK;
}

/* Asks for the kind of host key we can check: a server has several. */
pv_status ssh_want_hostkeys(pv_ssh *s, pv_err *err)
{
    pv_buf types;
    char type[64];
    pv_status status = PV_OK;
    pv_buf_init(&types, 512);
    if (s->host_key != NULL) {
        sscanf(s->host_key, "%63s", type);
        pv_buf_adds(&types, strcmp(type, "ssh-rsa") == 0 ? "rsa-sha2-512,rsa-sha2-256" : type);
    } else if (s->known_hosts != NULL) {
        status = pv_knownhosts_types(&types, s->known_hosts, s->host, s->port, err);
    }
    if (status == PV_OK && types.len > 0 &&
        ssh_options_set(s->lib, SSH_OPTIONS_HOSTKEYS, types.data) != SSH_OK) {
        status =
            pv_fail(err, PV_EINVAL, "%s: host key type %s cannot be used", s->name, types.data);
    }
    pv_buf_deinit(&types);
    return status;
}

static pv_status check_pinned(pv_ssh *s, ssh_key key, const char *fingerprint, pv_err *err)
{
    ssh_key pinned;
    int differs;
    pv_status status = parse_public(&pinned, s->host_key, err);
    if (status != PV_OK) return status;
    differs = ssh_key_cmp(pinned, key, SSH_KEY_CMP_PUBLIC);
    ssh_key_free(pinned);
    if (!differs) return PV_OK;
    return pv_fail(
        err, PV_EAUTH,
        "%s: the server's host key %s is not the pinned one: another machine answers at this "
        "address, or the host was rebuilt; if it was, record its new key, otherwise do not "
        "connect",
        s->name, fingerprint);
}

static pv_status check_file(pv_ssh *s, ssh_key key, const char *fingerprint, pv_err *err)
{
    pv_knownhost found;
    char *base64 = NULL;
    const char *type = ssh_key_type_to_char(ssh_key_type(key));
    pv_status status;
    if (s->known_hosts == NULL) {
        if (!s->strict) return PV_OK;
        return pv_fail(
            err, PV_EAUTH,
            "%s: no host key and no known_hosts file to check the server against; its key is %s",
            s->name, fingerprint);
    }
    if (ssh_key_type(key) == SSH_KEYTYPE_ECDSA_P256 ||
        ssh_key_type(key) == SSH_KEYTYPE_ECDSA_P384 ||
        ssh_key_type(key) == SSH_KEYTYPE_ECDSA_P521) {
        type = ssh_pki_key_ecdsa_name(key);
    }
    if (ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK) {
        return pv_fail(err, PV_EPROTO, "%s: the server's host key cannot be read", s->name);
    }
    status = pv_knownhosts_find(&found, s->known_hosts, s->host, s->port, type, base64, err);
    if (status == PV_OK && found.verdict == PV_HOST_UNKNOWN && !s->strict) {
        status = pv_knownhosts_add(s->known_hosts, s->host, s->port, type, base64, err);
    } else if (status == PV_OK && found.verdict == PV_HOST_UNKNOWN) {
        status = pv_fail(
            err, PV_EAUTH,
            "%s: the host is not in %s; its key is %s: if that is right, add it (ssh-keyscan) or "
            "connect once without strict checking",
            s->name, s->known_hosts, fingerprint);
    } else if (status == PV_OK && found.verdict == PV_HOST_CHANGED) {
        status =
            pv_fail(err, PV_EAUTH,
                    "%s: the server's host key %s differs from %s line %d: somebody may be "
                    "listening in, or "
                    "the host was rebuilt; if it was, remove that line, otherwise do not connect",
                    s->name, fingerprint, s->known_hosts, found.line);
    } else if (status == PV_OK && found.verdict == PV_HOST_REVOKED) {
        status = pv_fail(err, PV_EAUTH, "%s: the server's host key %s is revoked in %s line %d",
                         s->name, fingerprint, s->known_hosts, found.line);
    }
    ssh_string_free_char(base64);
    return status;
}

pv_status ssh_check_hostkey(pv_ssh *s, pv_err *err)
{
    ssh_key key = NULL;
    pv_buf fingerprint;
    pv_status status;
    if (ssh_get_server_publickey(s->lib, &key) != SSH_OK) {
        return pv_fail(err, PV_EPROTO, "%s: the server showed no host key", s->name);
    }
    pv_buf_init(&fingerprint, 256);
    status = key_fingerprint(&fingerprint, key, err);
    if (status == PV_OK && s->host_key != NULL)
        status = check_pinned(s, key, fingerprint.data, err);
    else if (status == PV_OK) status = check_file(s, key, fingerprint.data, err);
    pv_buf_deinit(&fingerprint);
    ssh_key_free(key);
    return status;
}

static pv_status refuse(pv_ssh *s, pv_err *err)
{
    if (s->key_count == 0 && s->agent_socket == NULL) {
        return pv_fail(err, PV_EAUTH, "%s: no key and no agent was given to log in with", s->name);
    }
    return pv_fail(err, PV_EAUTH, "%s: the server accepts none of the %zu keys%s for user '%s'",
                   s->name, s->key_count, s->agent_tried ? " and of the agent's" : "", s->user);
}

pv_status ssh_auth_step(pv_ssh *s, pv_err *err)
{
    if (s->agent_ok) return PV_OK;
    while (s->key_at < s->key_count) {
        switch (ssh_userauth_publickey(s->lib, NULL, s->keys[s->key_at])) {
        case SSH_AUTH_SUCCESS: return PV_OK;
        case SSH_AUTH_AGAIN: return PV_EBUSY;
        case SSH_AUTH_PARTIAL:
            return pv_fail(err, PV_EAUTH,
                           "%s: the server wants a second factor, which is not supported", s->name);
        case SSH_AUTH_DENIED: s->key_at++; break;
        default:
            return pv_fail(err, PV_EAUTH, "%s: authentication failed: %s", s->name,
                           ssh_get_error(s->lib));
        }
    }
    if (s->agent_socket != NULL && !s->agent_tried) {
        s->agent_tried = 1;
        return ssh_agent_start(s, err);
    }
    return refuse(s, err);
}
