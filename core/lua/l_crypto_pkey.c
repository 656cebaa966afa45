/* Key pairs for Lua: part of core.crypto. */
#include "crypto/pkey.h"
#include "crypto/sshkey.h"
#include "lua/l_crypto.h"
#include "lua/lx.h"

#define L_PKEY "prov.pkey"

static const char *const types[] = {"x25519", "ed25519", "p256", "rsa", NULL};
static const char *const signatures[] = {"ed25519", "p256-sha256", "p256-jose",
                                         "rsa-pss", "rsa-pkcs1",   NULL};

static int pkey_close(lua_State *L)
{
    pv_pkey **box = lx_boxslot(L, 1, L_PKEY);
    pv_pkey_free(*box);
    *box = NULL;
    return 0;
}

/* crypto.pkey_generate(type, bits?) -> pkey | nil, err */
static int l_pkey_generate(lua_State *L)
{
    pv_pkey_type type = (pv_pkey_type)luaL_checkoption(L, 1, NULL, types);
    lua_Integer bits = luaL_optinteger(L, 2, type == PV_RSA ? 3072 : 0);
    pv_err err;
    luaL_argcheck(L, bits >= 0 && bits <= PV_RSA_BITS_MAX, 2, "0 to 8192");
    return pv_pkey_generate(lx_newbox(L, L_PKEY), type, (unsigned)bits, &err) == PV_OK
               ? 1
               : lx_fail(L, &err);
}

/* crypto.pkey_raw(type, "public" | "secret", bytes) -> pkey | nil, err */
static int l_pkey_raw(lua_State *L)
{
    static const char *const halves[] = {"public", "secret", NULL};
    pv_pkey_type type = (pv_pkey_type)luaL_checkoption(L, 1, NULL, types);
    bool secret = luaL_checkoption(L, 2, NULL, halves) == 1;
    pv_bytes bytes = l_crypto_checkkey(L, 3);
    pv_err err;
    return pv_pkey_raw(lx_newbox(L, L_PKEY), type, secret, bytes, &err) == PV_OK ? 1
                                                                                 : lx_fail(L, &err);
}

/* crypto.pkey_parse(text, passphrase?) -> pkey | nil, err */
static int l_pkey_parse(lua_State *L)
{
    pv_bytes text = l_crypto_checkkey(L, 1), passphrase = {NULL, 0};
    pv_err err;
    if (!lua_isnoneornil(L, 2)) passphrase = l_crypto_checkkey(L, 2);
    return pv_pkey_parse(lx_newbox(L, L_PKEY), text, passphrase, &err) == PV_OK ? 1
                                                                                : lx_fail(L, &err);
}

/* crypto.pkey_ssh(text) -> pkey of a private key file or a public line | nil, err */
static int l_pkey_ssh(lua_State *L)
{
    pv_bytes text = l_crypto_checkkey(L, 1);
    pv_pkey **box = lx_newbox(L, L_PKEY);
    pv_err err;
    pv_status status = text.len > 4 && text.data[0] == '-' ? pv_sshkey_private(box, text, &err)
                                                           : pv_sshkey_public(box, text, &err);
    return status == PV_OK ? 1 : lx_fail(L, &err);
}

/* pkey:type() -> "x25519" | "ed25519" | "p256" | "rsa", whether it has its secret half */
static int l_pkey_type(lua_State *L)
{
    pv_pkey *key = lx_checkbox(L, 1, L_PKEY);
    lua_pushstring(L, types[pv_pkey_type_of(key)]);
    lua_pushboolean(L, pv_pkey_has_secret(key));
    return 2;
}

/* pkey:public(form?) -> text in the form "pem", "raw", "ssh" or "wire" | nil, err */
static int l_pkey_public(lua_State *L)
{
    static const char *const forms[] = {"pem", "raw", "ssh", "wire", NULL};
    static pv_status (*const write[])(const pv_pkey *, pv_buf *, pv_err *) = {
        pv_pkey_public_pem, pv_pkey_public_raw, pv_sshkey_line, pv_sshkey_wire};
    pv_pkey *key = lx_checkbox(L, 1, L_PKEY);
    int form = luaL_checkoption(L, 2, "pem", forms);
    pv_buf *text = lx_newbuf(L, 0);
    pv_err err;
    if (write[form](key, text, &err) != PV_OK) return lx_fail(L, &err);
    lua_pushlstring(L, text->data, text->len);
    return 1;
}

/* pkey:secret(form?) -> secret in the form "pem" or "raw" | nil, err */
static int l_pkey_secret(lua_State *L)
{
    static const char *const forms[] = {"pem", "raw", NULL};
    pv_pkey *key = lx_checkbox(L, 1, L_PKEY);
    bool is_raw = luaL_checkoption(L, 2, "pem", forms) == 1;
    pv_secret **box = lx_newbox(L, L_SECRET);
    pv_err err;
    pv_status status =
        is_raw ? pv_pkey_secret_raw(key, box, &err) : pv_pkey_secret_pem(key, box, &err);
    return status == PV_OK ? 1 : lx_fail(L, &err);
}

/* pkey:agree(public pkey) -> secret | nil, err */
static int l_pkey_agree(lua_State *L)
{
    pv_pkey *mine = lx_checkbox(L, 1, L_PKEY), *theirs = lx_checkbox(L, 2, L_PKEY);
    pv_err err;
    return pv_pkey_agree(mine, theirs, lx_newbox(L, L_SECRET), &err) == PV_OK ? 1
                                                                              : lx_fail(L, &err);
}

/* pkey:sign(how, text) -> signature | nil, err */
static int l_pkey_sign(lua_State *L)
{
    pv_pkey *key = lx_checkbox(L, 1, L_PKEY);
    pv_sign_alg alg = (pv_sign_alg)luaL_checkoption(L, 2, NULL, signatures);
    pv_bytes text = lx_checkbytes(L, 3);
    pv_buf *out = lx_newbuf(L, 0);
    pv_err err;
    if (pv_pkey_sign(key, alg, text, out, &err) != PV_OK) return lx_fail(L, &err);
    lua_pushlstring(L, out->data, out->len);
    return 1;
}

/* pkey:verify(how, text, signature) -> true | nil, err "auth" */
static int l_pkey_verify(lua_State *L)
{
    pv_pkey *key = lx_checkbox(L, 1, L_PKEY);
    pv_sign_alg alg = (pv_sign_alg)luaL_checkoption(L, 2, NULL, signatures);
    pv_err err;
    if (pv_pkey_verify(key, alg, lx_checkbytes(L, 3), lx_checkbytes(L, 4), &err) != PV_OK)
        return lx_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* pkey:oaep_seal(hash, mgf, label, plain) -> sealed | nil, err */
static int l_pkey_oaep_seal(lua_State *L)
{
    pv_pkey *key = lx_checkbox(L, 1, L_PKEY);
    pv_hash hash = l_crypto_checkhash(L, 2), mgf = l_crypto_checkhash(L, 3);
    pv_bytes label = lx_checkbytes(L, 4), plain = l_crypto_checkkey(L, 5);
    pv_buf *out = lx_newbuf(L, 0);
    pv_err err;
    if (pv_pkey_oaep_seal(key, hash, mgf, label, plain, out, &err) != PV_OK)
        return lx_fail(L, &err);
    lua_pushlstring(L, out->data, out->len);
    return 1;
}

/* pkey:oaep_open(hash, mgf, label, sealed) -> secret | nil, err "auth" */
static int l_pkey_oaep_open(lua_State *L)
{
    pv_pkey *key = lx_checkbox(L, 1, L_PKEY);
    pv_hash hash = l_crypto_checkhash(L, 2), mgf = l_crypto_checkhash(L, 3);
    pv_bytes label = lx_checkbytes(L, 4), sealed = lx_checkbytes(L, 5);
    pv_err err;
    return pv_pkey_oaep_open(key, hash, mgf, label, sealed, lx_newbox(L, L_SECRET), &err) == PV_OK
               ? 1
               : lx_fail(L, &err);
}

void l_crypto_pkey_register(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"pkey_generate", l_pkey_generate},
        {"pkey_raw", l_pkey_raw},
        {"pkey_parse", l_pkey_parse},
        {"pkey_ssh", l_pkey_ssh},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"type", l_pkey_type},           {"public", l_pkey_public},       {"secret", l_pkey_secret},
        {"agree", l_pkey_agree},         {"sign", l_pkey_sign},           {"verify", l_pkey_verify},
        {"oaep_seal", l_pkey_oaep_seal}, {"oaep_open", l_pkey_oaep_open}, {NULL, NULL},
    };
    lx_deftype(L, L_PKEY, methods, pkey_close);
    luaL_setfuncs(L, functions, 0);
}
