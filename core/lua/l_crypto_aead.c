/* Digests, authenticated encryption and key derivation for Lua: part of core.crypto. */
#include <luv/luv.h>

#include "base/mem.h"
#include "base/secret.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/kwp.h"
#include "crypto/sops.h"
#include "lua/l_crypto.h"
#include "lua/lx.h"

#define L_AEAD "prov.aead"
#define L_HASHER "prov.hasher"

enum { DERIVED_MAX = 16 * 1024 };

pv_hash l_crypto_checkhash(lua_State *L, int idx)
{
    static const char *const names[] = {"md5",      "sha1",     "sha224",   "sha256",
                                        "sha384",   "sha512",   "sha3-224", "sha3-256",
                                        "sha3-384", "sha3-512", NULL};
    return (pv_hash)luaL_checkoption(L, idx, NULL, names);
}

/* Bytes, or those of a secret. */
pv_bytes l_crypto_checkkey(lua_State *L, int idx)
{
    pv_secret **box = luaL_testudata(L, idx, L_SECRET);
    if (box == NULL) return lx_checkbytes(L, idx);
    luaL_argcheck(L, *box != NULL, idx, "the secret is closed");
    return pv_secret_bytes(*box);
}

/* crypto.hash(name, bytes) -> digest */
static int l_hash(lua_State *L)
{
    unsigned char digest[PV_HASH_MAX];
    pv_hash hash = l_crypto_checkhash(L, 1);
    pv_err err;
    if (pv_digest(hash, lx_checkbytes(L, 2), digest, &err) != PV_OK) return lx_fail(L, &err);
    lua_pushlstring(L, (const char *)digest, pv_hash_len(hash));
    return 1;
}

/* crypto.hex(bytes) -> text */
static int l_hex(lua_State *L)
{
    pv_bytes bytes = lx_checkbytes(L, 1);
    pv_buf *text = lx_newbuf(L, 0);
    char *to = pv_buf_reserve(text, 2 * bytes.len + 1);
    pv_hex((const unsigned char *)bytes.data, bytes.len, to);
    text->len = 2 * bytes.len;
    lx_pushbuf(L, text);
    return 1;
}

/* crypto.mac(name, key, bytes) -> HMAC */
static int l_mac(lua_State *L)
{
    unsigned char digest[PV_HASH_MAX];
    pv_hash hash = l_crypto_checkhash(L, 1);
    pv_err err;
    if (pv_hmac(hash, l_crypto_checkkey(L, 2), lx_checkbytes(L, 3), digest, &err) != PV_OK)
        return lx_fail(L, &err);
    lua_pushlstring(L, (const char *)digest, pv_hash_len(hash));
    return 1;
}

/* ---- Digests of pieces ---- */

typedef struct hasher {
    pv_hasher *h;
    pv_hash hash;
} hasher;

static int hasher_gc(lua_State *L)
{
    hasher *box = luaL_checkudata(L, 1, L_HASHER);
    pv_hasher_free(box->h);
    box->h = NULL;
    return 0;
}

static hasher *check_hasher(lua_State *L)
{
    hasher *box = luaL_checkudata(L, 1, L_HASHER);
    luaL_argcheck(L, box->h != NULL, 1, "the hasher is closed");
    return box;
}

/* crypto.hasher(name, key?) -> hasher, with a key of HMACs */
static int l_hasher(lua_State *L)
{
    pv_hash hash = l_crypto_checkhash(L, 1);
    bool keyed = !lua_isnoneornil(L, 2);
    pv_bytes key = keyed ? l_crypto_checkkey(L, 2) : (pv_bytes){"", 0};
    pv_status status;
    hasher *box = lua_newuserdatauv(L, sizeof *box, 0);
    pv_err err;
    box->h = NULL;
    box->hash = hash;
    luaL_setmetatable(L, L_HASHER);
    status =
        keyed ? pv_hasher_new_keyed(&box->h, hash, key, &err) : pv_hasher_new(&box->h, hash, &err);
    return status == PV_OK ? 1 : lx_fail(L, &err);
}

/* hasher:add(bytes) -> hasher | nil, err */
static int l_hasher_add(lua_State *L)
{
    hasher *box = check_hasher(L);
    pv_err err;
    if (pv_hasher_add(box->h, lx_checkbytes(L, 2), &err) != PV_OK) return lx_fail(L, &err);
    lua_settop(L, 1);
    return 1;
}

/* hasher:finish() -> digest | nil, err */
static int l_hasher_finish(lua_State *L)
{
    unsigned char digest[PV_HASH_MAX];
    hasher *box = check_hasher(L);
    pv_err err;
    if (pv_hasher_end(box->h, digest, &err) != PV_OK) return lx_fail(L, &err);
    lua_pushlstring(L, (const char *)digest, pv_hash_len(box->hash));
    return 1;
}

/* ---- Authenticated encryption ---- */

static int aead_close(lua_State *L)
{
    pv_aead **box = lx_boxslot(L, 1, L_AEAD);
    pv_aead_free(*box);
    *box = NULL;
    return 0;
}

/* crypto.aead("aes-256-gcm" | "chacha20-poly1305" | "aes-128-gcm", key) -> aead | nil, err */
static int l_aead(lua_State *L)
{
    static const char *const names[] = {"aes-256-gcm", "chacha20-poly1305", "aes-128-gcm", NULL};
    pv_aead_alg alg = (pv_aead_alg)luaL_checkoption(L, 1, NULL, names);
    pv_bytes key = l_crypto_checkkey(L, 2);
    pv_err err;
    pv_aead **box = lx_newbox(L, L_AEAD);
    return pv_aead_new(box, alg, key, &err) == PV_OK ? 1 : lx_fail(L, &err);
}

static pv_bytes opt_bytes(lua_State *L, int idx)
{
    return lua_isnoneornil(L, idx) ? (pv_bytes){"", 0} : lx_checkbytes(L, idx);
}

/* aead:seal(nonce, plain, aad?) -> ciphertext and tag | nil, err */
static int l_aead_seal(lua_State *L)
{
    pv_aead *aead = lx_checkbox(L, 1, L_AEAD);
    pv_bytes nonce = lx_checkbytes(L, 2), plain = l_crypto_checkkey(L, 3), aad = opt_bytes(L, 4);
    pv_buf *buf = lx_newbuf(L, 0);
    char *to = pv_buf_reserve(buf, plain.len + PV_TAG_LEN);
    pv_err err;
    if (pv_aead_seal(aead, nonce, plain, aad, to, &err) != PV_OK) return lx_fail(L, &err);
    buf->len = plain.len + PV_TAG_LEN;
    lx_pushbuf(L, buf);
    return 1;
}

/* aead:open(nonce, sealed, aad?) -> plain | nil, err "auth" */
static int l_aead_open(lua_State *L)
{
    pv_aead *aead = lx_checkbox(L, 1, L_AEAD);
    pv_bytes nonce = lx_checkbytes(L, 2), sealed = lx_checkbytes(L, 3), aad = opt_bytes(L, 4);
    pv_buf *buf = lx_newbuf(L, 0);
    char *to = pv_buf_reserve(buf, sealed.len + 1);
    pv_err err;
    if (pv_aead_open(aead, nonce, sealed, aad, to, &err) != PV_OK) return lx_fail(L, &err);
    buf->len = sealed.len - PV_TAG_LEN;
    lx_pushbuf(L, buf);
    return 1;
}

/* What a value of SOPS is bound to: a string, or the keys of a path with colons between them and
 * one more at the end. */
static pv_bytes check_place(lua_State *L, int idx)
{
    int top = lua_gettop(L);
    if (lua_type(L, idx) != LUA_TTABLE) return lx_checkbytes(L, idx);
    for (lua_Integer i = 1; lua_rawgeti(L, idx, i) != LUA_TNIL; i++) {
        luaL_checkstack(L, 3, "long path");
        if (lua_type(L, -1) != LUA_TSTRING) luaL_argerror(L, idx, "a key of a path is no string");
        lua_pushliteral(L, ":");
    }
    lua_pop(L, 1);
    if (lua_gettop(L) == top) lua_pushliteral(L, ":");
    lua_concat(L, lua_gettop(L) - top);
    return lx_checkbytes(L, -1);
}

/* aead:open_value(text, place) -> plain, type, bytes of the iv | nil, err "auth", "invalid" */
static int l_aead_open_value(lua_State *L)
{
    pv_aead *aead = lx_checkbox(L, 1, L_AEAD);
    pv_bytes text = lx_checkbytes(L, 2), aad = check_place(L, 3);
    pv_sops_value value;
    pv_err err;
    pv_buf *out;
    size_t iv;
    if (!pv_sops_parse(text, &value)) {
        (void)pv_fail(&err, PV_EINVAL, "not a value that is encrypted as SOPS does it");
        return lx_fail(L, &err);
    }
    out = lx_newbuf(L, 0);
    if (pv_sops_open(aead, &value, aad, out, &iv, &err) != PV_OK) return lx_fail(L, &err);
    lx_pushbuf(L, out);
    lua_pushlstring(L, value.type.data, value.type.len);
    lua_pushinteger(L, (lua_Integer)iv);
    return 3;
}

/* crypto.kwp_seal(kek, plain) -> wrapped | nil, err */
static int l_kwp_seal(lua_State *L)
{
    pv_bytes kek = l_crypto_checkkey(L, 1), plain = l_crypto_checkkey(L, 2);
    pv_buf *out = lx_newbuf(L, 0);
    pv_err err;
    if (pv_kwp_seal(kek, plain, out, &err) != PV_OK) return lx_fail(L, &err);
    lx_pushbuf(L, out);
    return 1;
}

/* crypto.kwp_open(kek, wrapped) -> secret | nil, err "auth" */
static int l_kwp_open(lua_State *L)
{
    pv_bytes kek = l_crypto_checkkey(L, 1), sealed = lx_checkbytes(L, 2);
    pv_err err;
    return pv_kwp_open(kek, sealed, lx_newbox(L, L_SECRET), &err) == PV_OK ? 1 : lx_fail(L, &err);
}

/* ---- Keys from keys and passwords ---- */

static size_t check_len(lua_State *L, int idx)
{
    lua_Integer len = luaL_checkinteger(L, idx);
    luaL_argcheck(L, len > 0 && len <= DERIVED_MAX, idx, "between 1 and 16384 bytes");
    return (size_t)len;
}

/* crypto.hkdf(name, key, salt, info, len) -> bytes | nil, err */
static int l_hkdf(lua_State *L)
{
    pv_hash hash = l_crypto_checkhash(L, 1);
    pv_bytes key = l_crypto_checkkey(L, 2), salt = lx_checkbytes(L, 3), info = lx_checkbytes(L, 4);
    size_t len = check_len(L, 5);
    pv_buf *buf = lx_newbuf(L, 0);
    char *to = pv_buf_reserve(buf, len);
    pv_err err;
    buf->len = len;
    if (pv_hkdf(hash, key, salt, info, (unsigned char *)to, len, &err) != PV_OK)
        return lx_fail(L, &err);
    lx_pushbuf(L, buf);
    return 1;
}

typedef struct derive_call {
    uv_work_t work;
    lua_State *L;
    int callback;
    enum { SCRYPT, ARGON2ID, PBKDF2 } what;
    pv_secret *password, *salt, *out;
    unsigned a, b, c;
    pv_status status;
    pv_err err;
} derive_call;

static void derive(uv_work_t *work)
{
    derive_call *d = (derive_call *)work;
    pv_bytes password = pv_secret_bytes(d->password), salt = pv_secret_bytes(d->salt);
    switch (d->what) {
    case SCRYPT:
        d->status = pv_scrypt(password, salt, d->a, d->b, d->c, d->out->data, d->out->len, &d->err);
        break;
    case ARGON2ID:
        d->status =
            pv_argon2id(password, salt, d->a, d->b, d->c, d->out->data, d->out->len, &d->err);
        break;
    default:
        d->status = pv_pbkdf2(PV_SHA256, password, salt, d->a, d->out->data, d->out->len, &d->err);
        break;
    }
    pv_crypto_thread_end();
}

static void derived(uv_work_t *work, int canceled)
{
    derive_call *d = (derive_call *)work;
    lua_State *L = d->L;
    int callback = d->callback, count = 1;
    if (canceled != 0) d->status = pv_fail(&d->err, PV_ECANCELED, "the work was canceled");
    if (d->status == PV_OK) {
        lua_pushlstring(L, (const char *)d->out->data, d->out->len);
    } else {
        count = lx_fail(L, &d->err);
    }
    pv_secret_free(d->password);
    pv_secret_free(d->salt);
    pv_secret_free(d->out);
    pv_free(d);
    lx_callback(L, callback, count);
}

/* crypto.derive("scrypt" | "argon2id" | "pbkdf2", password, salt, { a, b, c }, len, callback(bytes
 * | nil, err)) -> true */
static int l_derive(lua_State *L)
{
    static const char *const names[] = {"scrypt", "argon2id", "pbkdf2", NULL};
    int what = luaL_checkoption(L, 1, NULL, names);
    pv_bytes password = l_crypto_checkkey(L, 2), salt = lx_checkbytes(L, 3);
    lua_Integer costs[3] = {0, 0, 0};
    size_t len = check_len(L, 5);
    derive_call *d;
    luaL_checktype(L, 4, LUA_TTABLE);
    luaL_checktype(L, 6, LUA_TFUNCTION);
    for (int i = 0; i < (what == PBKDF2 ? 1 : 3); i++) {
        lua_rawgeti(L, 4, i + 1);
        costs[i] = luaL_checkinteger(L, -1);
        luaL_argcheck(L, costs[i] > 0 && costs[i] <= INT32_MAX, 4, "costs are positive numbers");
        lua_pop(L, 1);
    }
    d = pv_alloc(sizeof *d);
    d->L = lx_main(L);
    d->callback = lx_ref(L, 6);
    d->what = what;
    d->password = pv_secret_copy(password);
    d->salt = pv_secret_copy(salt);
    d->out = pv_secret_new(len);
    d->a = (unsigned)costs[0];
    d->b = (unsigned)costs[1];
    d->c = (unsigned)costs[2];
    uv_queue_work(lx_loop(L), &d->work, derive, derived);
    lua_pushboolean(L, 1);
    return 1;
}

/* crypto.secret(bytes) -> secret */
static int l_secret(lua_State *L)
{
    pv_bytes bytes = lx_checkbytes(L, 1);
    pv_secret **box = lx_newbox(L, L_SECRET);
    *box = pv_secret_copy(bytes);
    return 1;
}

void l_crypto_aead_register(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"hash", l_hash},         {"hex", l_hex},       {"mac", l_mac},
        {"hasher", l_hasher},     {"aead", l_aead},     {"hkdf", l_hkdf},
        {"derive", l_derive},     {"secret", l_secret}, {"kwp_seal", l_kwp_seal},
        {"kwp_open", l_kwp_open}, {NULL, NULL},
    };
    static const luaL_Reg aead[] = {{"seal", l_aead_seal},
                                    {"open", l_aead_open},
                                    {"open_value", l_aead_open_value},
                                    {NULL, NULL}};
    static const luaL_Reg hasher_methods[] = {
        {"add", l_hasher_add}, {"finish", l_hasher_finish}, {NULL, NULL}};
    lx_deftype(L, L_AEAD, aead, aead_close);
    lx_deftype(L, L_HASHER, hasher_methods, hasher_gc);
    luaL_setfuncs(L, functions, 0);
}
