/* Key pairs for Lua: part of core.crypto. */
#include "crypto/pkey.h"

#include <luv/luv.h>

#include "base/mem.h"
#include "crypto/sshkey.h"
#include "lua/l_crypto.h"
#include "lua/lx.h"

static const char *const types[] = {"x25519", "ed25519", "p256", "p384", "p521", "rsa", NULL};
static const char *const signatures[] = {"ed25519", "ecdsa", "jose", "rsa-pss", "rsa-pkcs1", NULL};

static int pkey_close(lua_State *L)
{
    pv_pkey **box = lx_boxslot(L, 1, L_PKEY);
    pv_pkey_free(*box);
    *box = NULL;
    return 0;
}

typedef struct generate_call {
    uv_work_t work;
    lua_State *L;
    int callback;
    pv_pkey_type type;
    unsigned bits;
    pv_pkey *key;
    pv_status status;
    pv_err err;
} generate_call;

static void generate(uv_work_t *work)
{
    generate_call *call = (generate_call *)work;
    call->status = pv_pkey_generate(&call->key, call->type, call->bits, &call->err);
    pv_crypto_thread_end();
}

static void generated(uv_work_t *work, int canceled)
{
    generate_call *call = (generate_call *)work;
    lua_State *L = call->L;
    int callback = call->callback, count = 1;
    if (canceled != 0) call->status = pv_fail(&call->err, PV_ECANCELED, "the work was canceled");
    if (call->status == PV_OK) {
        pv_pkey **box = lx_newbox(L, L_PKEY);
        *box = call->key;
    } else {
        count = lx_fail(L, &call->err);
    }
    pv_free(call);
    lx_callback(L, callback, count);
}

static int generate_later(lua_State *L, pv_pkey_type type, unsigned bits)
{
    generate_call *call;
    luaL_checktype(L, 3, LUA_TFUNCTION);
    call = pv_alloc(sizeof *call);
    call->L = lx_main(L);
    call->callback = lx_ref(L, 3);
    call->type = type;
    call->bits = bits;
    uv_queue_work(lx_loop(L), &call->work, generate, generated);
    lua_pushboolean(L, 1);
    return 1;
}

/* crypto.pkey_generate(type, bits?) -> pkey | nil, err
 * crypto.pkey_generate(type, bits?, callback(pkey | nil, err)) -> true, on another thread */
static int l_pkey_generate(lua_State *L)
{
    pv_pkey_type type = (pv_pkey_type)luaL_checkoption(L, 1, NULL, types);
    lua_Integer bits = luaL_optinteger(L, 2, type == PV_RSA ? 3072 : 0);
    pv_err err;
    luaL_argcheck(L, bits >= 0 && bits <= PV_RSA_BITS_MAX, 2, "0 to 8192");
    if (!lua_isnoneornil(L, 3)) return generate_later(L, type, (unsigned)bits);
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

/* crypto.pkey_ssh(text, passphrase?) -> pkey of a private key file or a public line | nil, err */
static int l_pkey_ssh(lua_State *L)
{
    pv_bytes text = l_crypto_checkkey(L, 1), passphrase = {NULL, 0};
    pv_pkey **box;
    pv_err err;
    pv_status status;
    if (!lua_isnoneornil(L, 2)) passphrase = l_crypto_checkkey(L, 2);
    box = lx_newbox(L, L_PKEY);
    status = text.len > 4 && text.data[0] == '-' ? pv_sshkey_private(box, text, passphrase, &err)
                                                 : pv_sshkey_public(box, text, &err);
    return status == PV_OK ? 1 : lx_fail(L, &err);
}

/* pkey:type() -> "x25519" | "ed25519" | "p256" | "p384" | "p521" | "rsa", whether it has its secret
 * half, bits */
static int l_pkey_type(lua_State *L)
{
    pv_pkey *key = lx_checkbox(L, 1, L_PKEY);
    lua_pushstring(L, types[pv_pkey_type_of(key)]);
    lua_pushboolean(L, pv_pkey_has_secret(key));
    lua_pushinteger(L, pv_pkey_bits(key));
    return 3;
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
    lx_pushbuf(L, text);
    return 1;
}

/* pkey:secret(form?) -> secret in the form "pem", "raw" or "old" | nil, err */
static int l_pkey_secret(lua_State *L)
{
    static const char *const forms[] = {"pem", "raw", "old", NULL};
    static pv_status (*const write[])(const pv_pkey *, pv_secret **, pv_err *) = {
        pv_pkey_secret_pem, pv_pkey_secret_raw, pv_pkey_secret_old};
    pv_pkey *key = lx_checkbox(L, 1, L_PKEY);
    int form = luaL_checkoption(L, 2, "pem", forms);
    pv_secret **box = lx_newbox(L, L_SECRET);
    pv_err err;
    return write[form](key, box, &err) == PV_OK ? 1 : lx_fail(L, &err);
}

/* pkey:agree(public pkey) -> secret | nil, err */
static int l_pkey_agree(lua_State *L)
{
    pv_pkey *mine = lx_checkbox(L, 1, L_PKEY), *theirs = lx_checkbox(L, 2, L_PKEY);
    pv_err err;
    return pv_pkey_agree(mine, theirs, lx_newbox(L, L_SECRET), &err) == PV_OK ? 1
                                                                              : lx_fail(L, &err);
}

/* hash?, hashed?, salt? from idx on */
static pv_sign_options check_options(lua_State *L, int idx)
{
    pv_sign_options o = {PV_SHA256, lua_toboolean(L, idx + 1), PV_SALT_HASH};
    if (!lua_isnoneornil(L, idx)) o.hash = l_crypto_checkhash(L, idx);
    if (lua_type(L, idx + 2) == LUA_TNUMBER) {
        lua_Integer salt = luaL_checkinteger(L, idx + 2);
        luaL_argcheck(L, salt >= 0 && salt <= PV_RSA_BITS_MAX / 8, idx + 2, "0 to 1024 bytes");
        o.salt = (int)salt;
    } else {
        static const char *const salts[] = {"hash", "auto", NULL};
        o.salt = luaL_checkoption(L, idx + 2, "hash", salts) == 0 ? PV_SALT_HASH : PV_SALT_AUTO;
    }
    return o;
}

/* pkey:sign(how, text, hash?, hashed?, salt?) -> signature | nil, err */
static int l_pkey_sign(lua_State *L)
{
    pv_pkey *key = lx_checkbox(L, 1, L_PKEY);
    pv_sign_alg alg = (pv_sign_alg)luaL_checkoption(L, 2, NULL, signatures);
    pv_bytes text = lx_checkbytes(L, 3);
    pv_sign_options options = check_options(L, 4);
    pv_buf *out = lx_newbuf(L, 0);
    pv_err err;
    if (pv_pkey_sign(key, alg, &options, text, out, &err) != PV_OK) return lx_fail(L, &err);
    lx_pushbuf(L, out);
    return 1;
}

/* pkey:verify(how, text, signature, hash?, hashed?, salt?) -> true | nil, err "auth" */
static int l_pkey_verify(lua_State *L)
{
    pv_pkey *key = lx_checkbox(L, 1, L_PKEY);
    pv_sign_alg alg = (pv_sign_alg)luaL_checkoption(L, 2, NULL, signatures);
    pv_bytes text = lx_checkbytes(L, 3), signature = lx_checkbytes(L, 4);
    pv_sign_options options = check_options(L, 5);
    pv_err err;
    if (pv_pkey_verify(key, alg, &options, text, signature, &err) != PV_OK) return lx_fail(L, &err);
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
    lx_pushbuf(L, out);
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
