#include "crypto/sshkey.h"

#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "crypto/evp.h"
#include "crypto/sshkey_seal.h"

enum { ED25519_LEN = 32, KEY_MAX = 64 * 1024 };

static const char ED25519[] = "ssh-ed25519", RSA_NAME[] = "ssh-rsa";
static const char MAGIC[] = "openssh-key-v1"; /* with its NUL */

/* ---- Wire form ---- */

static bool take_u32(pv_bytes *from, uint32_t *value)
{
    const unsigned char *at = (const unsigned char *)from->data;
    if (from->len < 4) return false;
    *value = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    from->data += 4;
    from->len -= 4;
    return true;
}

static bool take_string(pv_bytes *from, pv_bytes *out)
{
    uint32_t len = 0;
    if (!take_u32(from, &len) || from->len < len) return false;
    *out = (pv_bytes){from->data, len};
    from->data += len;
    from->len -= len;
    return true;
}

/* A number that is not negative. */
static bool take_number(pv_bytes *from, BIGNUM **out)
{
    pv_bytes text;
    if (!take_string(from, &text) || text.len > KEY_MAX) return false;
    if (text.len != 0 && ((unsigned char)text.data[0] & 0x80) != 0) return false;
    *out = BN_bin2bn((const unsigned char *)text.data, (int)text.len, NULL);
    return *out != NULL;
}

static bool is(pv_bytes text, const char *name)
{
    return text.len == strlen(name) && memcmp(text.data, name, text.len) == 0;
}

static void put_string(pv_buf *out, pv_bytes text)
{
    const char len[4] = {(char)(text.len >> 24), (char)(text.len >> 16), (char)(text.len >> 8),
                         (char)text.len};
    (void)pv_buf_add(out, len, sizeof len);
    (void)pv_buf_add(out, text.data, text.len);
}

static bool put_number(pv_buf *out, const EVP_PKEY *evp, const char *param)
{
    BIGNUM *n = NULL;
    pv_buf text;
    size_t len;
    if (EVP_PKEY_get_bn_param(evp, param, &n) != 1) return false;
    pv_buf_init(&text, 0);
    len = (size_t)BN_num_bytes(n);
    if (BN_num_bits(n) % 8 == 0) (void)pv_buf_addc(&text, 0); /* or it would be negative */
    (void)BN_bn2bin(n, (unsigned char *)pv_buf_reserve(&text, len));
    text.len += len;
    put_string(out, (pv_bytes){text.data, text.len});
    pv_buf_deinit(&text);
    BN_free(n);
    return true;
}

pv_status pv_sshkey_wire(const pv_pkey *key, pv_buf *out, pv_err *err)
{
    pv_buf raw;
    pv_status status = PV_OK;
    pv_buf_init(&raw, 0);
    if (pv_pkey_type_of(key) == PV_ED25519) {
        put_string(out, (pv_bytes){ED25519, sizeof ED25519 - 1});
        status = pv_pkey_public_raw(key, &raw, err);
        put_string(out, (pv_bytes){raw.data, raw.len});
    } else if (pv_pkey_type_of(key) == PV_RSA) {
        put_string(out, (pv_bytes){RSA_NAME, sizeof RSA_NAME - 1});
        if (!put_number(out, pv_evp_of(key), OSSL_PKEY_PARAM_RSA_E) ||
            !put_number(out, pv_evp_of(key), OSSL_PKEY_PARAM_RSA_N))
            status = pv_evp_fail(err, "the public half of a key");
    } else {
        status = pv_fail(err, PV_EUNSUPPORTED, "only Ed25519 and RSA have a form of SSH here");
    }
    pv_buf_deinit(&raw);
    return status;
}

pv_status pv_sshkey_line(const pv_pkey *key, pv_buf *out, pv_err *err)
{
    pv_buf wire;
    pv_status status;
    pv_buf_init(&wire, 0);
    if ((status = pv_sshkey_wire(key, &wire, err)) == PV_OK) {
        (void)pv_buf_addf(out, "%s ", pv_pkey_type_of(key) == PV_RSA ? RSA_NAME : ED25519);
        status = pv_base64_encode(out, (pv_bytes){wire.data, wire.len});
    }
    pv_buf_deinit(&wire);
    return status;
}

/* ---- RSA from its numbers ---- */

typedef struct rsa_numbers {
    BIGNUM *n, *e, *d, *iqmp, *p, *q; /* the last four NULL in a public key */
} rsa_numbers;

static void rsa_free(rsa_numbers *r)
{
    BN_free(r->n);
    BN_free(r->e);
    BN_clear_free(r->d);
    BN_clear_free(r->iqmp);
    BN_clear_free(r->p);
    BN_clear_free(r->q);
}

/* d modulo one less than a prime. */
static BIGNUM *crt(const BIGNUM *d, const BIGNUM *prime, BN_CTX *ctx)
{
    BIGNUM *less = BN_dup(prime), *out = BN_secure_new();
    bool ok =
        less != NULL && out != NULL && BN_sub_word(less, 1) == 1 && BN_mod(out, d, less, ctx) == 1;
    BN_clear_free(less);
    if (ok) return out;
    BN_clear_free(out);
    return NULL;
}

static bool push_secret_numbers(OSSL_PARAM_BLD *build, const rsa_numbers *r, BIGNUM *dp, BIGNUM *dq)
{
    return dp != NULL && dq != NULL && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_D, r->d) &&
           OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_FACTOR1, r->p) &&
           OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_FACTOR2, r->q) &&
           OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_EXPONENT1, dp) &&
           OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_EXPONENT2, dq) &&
           OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, r->iqmp);
}

static pv_status rsa_key(pv_pkey **out, const rsa_numbers *r, pv_err *err)
{
    bool secret = r->d != NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BN_CTX *numbers = BN_CTX_secure_new();
    BIGNUM *dp = secret ? crt(r->d, r->p, numbers) : NULL,
           *dq = secret ? crt(r->d, r->q, numbers) : NULL;
    EVP_PKEY *evp = NULL;
    bool ok = build != NULL && ctx != NULL &&
              OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, r->n) &&
              OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, r->e) &&
              (!secret || push_secret_numbers(build, r, dp, dq));
    if (ok) params = OSSL_PARAM_BLD_to_param(build);
    if (params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &evp, secret ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) != 1)
        evp = NULL;
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    BN_CTX_free(numbers);
    BN_clear_free(dp);
    BN_clear_free(dq);
    if (evp != NULL) return pv_evp_take(out, evp, secret, err);
    (void)pv_evp_fail(NULL, "");
    return pv_fail(err, PV_EINVAL, "these numbers are no key of RSA");
}

/* ---- Reading ---- */

static pv_status unsupported(pv_bytes name, pv_err *err)
{
    return pv_fail(err, PV_EUNSUPPORTED, "keys of SSH are ssh-ed25519 or ssh-rsa here, not %.*s",
                   (int)(name.len < 40 ? name.len : 40), name.data);
}

static pv_status from_wire(pv_pkey **out, pv_bytes wire, pv_err *err)
{
    pv_bytes name, raw;
    rsa_numbers r = {0};
    pv_status status = PV_EINVAL;
    if (!take_string(&wire, &name)) return pv_fail(err, PV_EINVAL, "not a public key of SSH");
    if (is(name, ED25519)) {
        if (take_string(&wire, &raw) && wire.len == 0)
            return pv_pkey_raw(out, PV_ED25519, false, raw, err);
    } else if (is(name, RSA_NAME)) {
        if (take_number(&wire, &r.e) && take_number(&wire, &r.n) && wire.len == 0)
            status = rsa_key(out, &r, err);
        rsa_free(&r);
        if (status == PV_OK) return PV_OK;
    } else {
        return unsupported(name, err);
    }
    return pv_fail(err, PV_EINVAL, "not a public key of SSH");
}

pv_status pv_sshkey_public(pv_pkey **out, pv_bytes line, pv_err *err)
{
    const char *at = line.data, *end = line.data + line.len, *space;
    pv_buf wire;
    pv_status status;
    *out = NULL;
    space = line.len != 0 ? memchr(at, ' ', line.len) : NULL;
    if (space == NULL || line.len > KEY_MAX)
        return pv_fail(err, PV_EINVAL, "not a public key of SSH");
    at = space + 1;
    space = memchr(at, ' ', (size_t)(end - at));
    if (space != NULL) end = space;
    while (end > at && (end[-1] == '\n' || end[-1] == '\r')) end--;
    pv_buf_init(&wire, KEY_MAX);
    status = pv_base64_decode_exact(&wire, (pv_bytes){at, (size_t)(end - at)}, true, err);
    if (status == PV_OK) {
        pv_bytes all = {wire.data, wire.len}, name, rest = all;
        if (!take_string(&rest, &name) || name.len > line.len ||
            memcmp(name.data, line.data, name.len) != 0 || line.data[name.len] != ' ')
            status =
                pv_fail(err, PV_EINVAL, "not a public key of SSH: its type is said in two ways");
        else status = from_wire(out, all, err);
    }
    pv_buf_deinit(&wire);
    return status;
}

/* What stands in the private part of a file, in the clear. */
static pv_status from_private(pv_pkey **out, pv_bytes part, pv_err *err)
{
    uint32_t check1 = 0, check2 = 1;
    pv_bytes name = {NULL, 0}, public = name, private = name;
    rsa_numbers r = {0};
    pv_status status = PV_EINVAL;
    if (!take_u32(&part, &check1) || !take_u32(&part, &check2) || check1 != check2 ||
        !take_string(&part, &name))
        return pv_fail(err, PV_EINVAL, "not a private key of SSH");
    if (is(name, ED25519)) {
        if (take_string(&part, &public) && take_string(&part, &private) &&
            private.len == 2 * ED25519_LEN)
            return pv_pkey_raw(out, PV_ED25519, true, (pv_bytes){private.data, ED25519_LEN}, err);
    } else if (is(name, RSA_NAME)) {
        if (take_number(&part, &r.n) && take_number(&part, &r.e) && take_number(&part, &r.d) &&
            take_number(&part, &r.iqmp) && take_number(&part, &r.p) && take_number(&part, &r.q))
            status = rsa_key(out, &r, err);
        rsa_free(&r);
        if (status == PV_OK) return PV_OK;
    } else {
        return unsupported(name, err);
    }
    return pv_fail(err, PV_EINVAL, "not a private key of SSH");
}

/* The parts of a file (PROTOCOL.key). */
typedef struct key_file {
    pv_bytes cipher, kdf, options, public, private, tag;
} key_file;

static pv_status split(key_file *parts, pv_bytes file, pv_err *err)
{
    uint32_t count = 0;
    memset(parts, 0, sizeof *parts);
    if (file.len < sizeof MAGIC || memcmp(file.data, MAGIC, sizeof MAGIC) != 0)
        return pv_fail(err, PV_EINVAL, "not a private key of SSH");
    file.data += sizeof MAGIC;
    file.len -= sizeof MAGIC;
    if (!take_string(&file, &parts->cipher) || !take_string(&file, &parts->kdf) ||
        !take_string(&file, &parts->options) || !take_u32(&file, &count) || count != 1 ||
        !take_string(&file, &parts->public) || !take_string(&file, &parts->private))
        return pv_fail(err, PV_EINVAL, "not a private key of SSH");
    parts->tag = file;
    return PV_OK;
}

static pv_status from_sealed(pv_pkey **out, const key_file *parts, pv_bytes passphrase, pv_err *err)
{
    pv_sshkey_seal seal = {parts->cipher, parts->tag, {NULL, 0}, 0};
    pv_bytes options = parts->options, checks;
    pv_secret *plain = NULL;
    uint32_t check1 = 0, check2 = 1;
    pv_status status = from_wire(out, parts->public, err); /* is it of a type for which to ask? */
    pv_pkey_free(*out);
    *out = NULL;
    if (status != PV_OK) return status;
    if (passphrase.len == 0)
        return pv_fail(err, PV_EAUTH, "the private key of SSH has a passphrase");
    if (!is(parts->kdf, "bcrypt"))
        return pv_fail(err, PV_EUNSUPPORTED, "the passphrase of the key of SSH works by %.*s",
                       (int)(parts->kdf.len < 40 ? parts->kdf.len : 40), parts->kdf.data);
    if (!take_string(&options, &seal.salt) || !take_u32(&options, &seal.rounds))
        return pv_fail(err, PV_EINVAL, "not a private key of SSH");
    status = pv_sshkey_unseal(&plain, &seal, parts->private, passphrase, err);
    if (status != PV_OK) return status;
    checks = pv_secret_bytes(plain);
    if (take_u32(&checks, &check1) && take_u32(&checks, &check2) && check1 == check2)
        status = from_private(out, pv_secret_bytes(plain), err);
    else status = pv_fail(err, PV_EAUTH, "the passphrase is wrong");
    pv_secret_free(plain);
    return status;
}

/* The public half stands in the clear, where anybody could put another one. */
static pv_status halves_match(const pv_pkey *key, pv_bytes public, pv_err *err)
{
    pv_buf wire;
    pv_status status;
    pv_buf_init(&wire, 0);
    status = pv_sshkey_wire(key, &wire, err);
    if (status == PV_OK &&
        (wire.len != public.len || memcmp(wire.data, public.data, wire.len) != 0))
        status = pv_fail(err, PV_EINVAL, "the public half in the private key of SSH is another's");
    pv_buf_deinit(&wire);
    return status;
}

/* The bytes between the lines of OpenSSH's PEM; *found says whether it is such a text. */
static pv_status armored(pv_bytes pem, pv_buf *file, bool *found, pv_err *err)
{
    static const char BEGIN[] = "-----BEGIN OPENSSH PRIVATE KEY-----", STOP[] = "-----END OPENSSH";
    const char *at, *end;
    pv_buf_init(file, KEY_MAX);
    *found = false;
    if (pem.len > KEY_MAX)
        return pv_fail(err, PV_EINVAL, "a private key is not %zu bytes", pem.len);
    at = pem.len != 0 ? memmem(pem.data, pem.len, BEGIN, sizeof BEGIN - 1) : NULL;
    *found = at != NULL;
    if (at == NULL) return PV_OK;
    at += sizeof BEGIN - 1;
    end = memmem(at, pem.len - (size_t)(at - pem.data), STOP, sizeof STOP - 1);
    if (end == NULL) return pv_fail(err, PV_EINVAL, "the private key of SSH ends in the middle");
    return pv_base64_decode(file, (pv_bytes){at, (size_t)(end - at)}, err);
}

pv_status pv_sshkey_private(pv_pkey **out, pv_bytes pem, pv_bytes passphrase, pv_err *err)
{
    key_file parts;
    pv_buf file;
    bool found;
    pv_status status = armored(pem, &file, &found, err);
    *out = NULL;
    if (status == PV_OK && !found) return pv_pkey_parse(out, pem, passphrase, err);
    if (status == PV_OK) status = split(&parts, (pv_bytes){file.data, file.len}, err);
    if (status == PV_OK)
        status = is(parts.cipher, "none") ? from_private(out, parts.private, err)
                                          : from_sealed(out, &parts, passphrase, err);
    if (status == PV_OK && (status = halves_match(*out, parts.public, err)) != PV_OK) {
        pv_pkey_free(*out);
        *out = NULL;
    }
    pv_buf_wipe(&file);
    return status;
}

pv_status pv_sshkey_public_of(pv_pkey **out, pv_bytes pem, pv_err *err)
{
    key_file parts;
    pv_buf file;
    bool found;
    pv_status status = armored(pem, &file, &found, err);
    *out = NULL;
    if (status == PV_OK && !found)
        status =
            pv_fail(err, PV_EINVAL, "this form of a private key does not show its public half");
    if (status == PV_OK) status = split(&parts, (pv_bytes){file.data, file.len}, err);
    if (status == PV_OK) status = from_wire(out, parts.public, err);
    pv_buf_wipe(&file);
    return status;
}
