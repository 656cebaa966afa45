/* core.crypto, in libprov-crypto.so. */
#include "crypto/crypto.h"

#include "lua/l_crypto.h"
#include "lua/lx.h"

#define L_SEALER "prov.sealer"

enum { RANDOM_MAX = 16 * 1024 * 1024 };

/* crypto.random(n) -> bytes */
static int l_crypto_random(lua_State *L)
{
    lua_Integer n = luaL_checkinteger(L, 1);
    pv_buf *buf;
    char *to;
    pv_err err;
    luaL_argcheck(L, n >= 0 && n <= RANDOM_MAX, 1, "between 0 and 16777216 bytes");
    buf = lx_newbuf(L, 0);
    to = pv_buf_reserve(buf, (size_t)n);
    if (pv_random(to, (size_t)n, &err) != PV_OK) return lx_fail(L, &err);
    buf->len = (size_t)n;
    lx_pushbuf(L, buf);
    return 1;
}

/* crypto.uuid() -> text | nil, err; random */
static int l_crypto_uuid(lua_State *L)
{
    char text[PV_UUID_LEN + 1];
    pv_err err;
    if (pv_uuid(text, &err) != PV_OK) return lx_fail(L, &err);
    lua_pushlstring(L, text, PV_UUID_LEN);
    return 1;
}

static int push_hex(lua_State *L, const unsigned char digest[PV_SHA256_LEN])
{
    char hex[2 * PV_SHA256_LEN + 1];
    pv_hex(digest, PV_SHA256_LEN, hex);
    lua_pushlstring(L, hex, sizeof hex - 1);
    return 1;
}

/* crypto.sha256(bytes) -> hex */
static int l_crypto_sha256(lua_State *L)
{
    unsigned char digest[PV_SHA256_LEN];
    pv_err err;
    if (pv_digest(PV_SHA256, lx_checkbytes(L, 1), digest, &err) != PV_OK) return lx_fail(L, &err);
    return push_hex(L, digest);
}

/* crypto.equal(a, b) -> boolean, in a time that depends on the lengths only */
static int l_crypto_equal(lua_State *L)
{
    lua_pushboolean(L, pv_secret_equal(lx_checkbytes(L, 1), lx_checkbytes(L, 2)));
    return 1;
}

/* crypto.seal(key32, nonce?, plain, aad?) -> bytes | nil, err */
static int l_crypto_seal(lua_State *L)
{
    pv_bytes key = lx_checkbytes(L, 1), nonce = {NULL, 0}, plain = lx_checkbytes(L, 3),
             aad = {"", 0};
    pv_buf *buf;
    char *to;
    pv_err err;
    if (!lua_isnoneornil(L, 2)) {
        nonce = lx_checkbytes(L, 2);
        luaL_argcheck(L, nonce.len == PV_NONCE_LEN, 2, "a nonce is 12 bytes");
    }
    if (!lua_isnoneornil(L, 4)) aad = lx_checkbytes(L, 4);
    buf = lx_newbuf(L, 0);
    to = pv_buf_reserve(buf, plain.len + PV_SEAL_OVERHEAD);
    if (pv_seal(key, (const unsigned char *)nonce.data, plain, aad, to, &err) != PV_OK)
        return lx_fail(L, &err);
    buf->len = plain.len + PV_SEAL_OVERHEAD;
    lx_pushbuf(L, buf);
    return 1;
}

/* crypto.open(key32, sealed, aad?) -> plain | nil, err "auth" */
static int l_crypto_open(lua_State *L)
{
    pv_bytes key = lx_checkbytes(L, 1), sealed = lx_checkbytes(L, 2), aad = {"", 0};
    pv_buf *buf;
    char *to;
    pv_err err;
    if (!lua_isnoneornil(L, 3)) aad = lx_checkbytes(L, 3);
    buf = lx_newbuf(L, 0);
    to = pv_buf_reserve(buf, sealed.len);
    if (pv_open(key, sealed, aad, to, &err) != PV_OK) return lx_fail(L, &err);
    buf->len = sealed.len - PV_SEAL_OVERHEAD;
    lx_pushbuf(L, buf);
    return 1;
}

/* crypto.sealer(key32) -> box for store.open | nil, err */
static int l_crypto_sealer(lua_State *L)
{
    pv_bytes key = lx_checkbytes(L, 1);
    pv_sealer **box = lx_newbox(L, L_SEALER);
    pv_err err;
    return pv_sealer_new(box, key, &err) == PV_OK ? 1 : lx_fail(L, &err);
}

static int l_sealer_close(lua_State *L)
{
    pv_sealer **box = lx_boxslot(L, 1, L_SEALER);
    if (*box != NULL) (*box)->release(*box);
    *box = NULL;
    return 0;
}

static int secret_close(lua_State *L)
{
    pv_secret **box = lx_boxslot(L, 1, L_SECRET);
    pv_secret_free(*box);
    *box = NULL;
    return 0;
}

/* secret:reveal() -> bytes */
static int l_secret_reveal(lua_State *L)
{
    pv_secret *secret = lx_checkbox(L, 1, L_SECRET);
    lua_pushlstring(L, (const char *)secret->data, secret->len);
    return 1;
}

/* crypto.keyfile(path) -> key32 | nil, err */
static int l_crypto_keyfile(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    pv_secret **box = lx_newbox(L, L_SECRET);
    pv_err err;
    if (pv_keyfile(path, box, &err) != PV_OK) return lx_fail(L, &err);
    lua_pushlstring(L, (const char *)(*box)->data, (*box)->len);
    pv_secret_free(*box);
    *box = NULL;
    return 1;
}

static const luaL_Reg functions[] = {
    {"random", l_crypto_random},   {"sha256", l_crypto_sha256}, {"equal", l_crypto_equal},
    {"seal", l_crypto_seal},       {"open", l_crypto_open},     {"sealer", l_crypto_sealer},
    {"keyfile", l_crypto_keyfile}, {"uuid", l_crypto_uuid},     {NULL, NULL},
};

int luaopen_core_crypto(lua_State *L);
int luaopen_core_crypto(lua_State *L)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg secret[] = {{"reveal", l_secret_reveal}, {NULL, NULL}};
    lx_deftype(L, L_SEALER, none, l_sealer_close);
    lx_deftype(L, L_SECRET, secret, secret_close);
    luaL_newlib(L, functions);
    l_crypto_aead_register(L);
    l_crypto_age_register(L);
    l_crypto_pkcs11_register(L);
    l_crypto_pkey_register(L);
    l_crypto_x509_register(L);
    return 1;
}
