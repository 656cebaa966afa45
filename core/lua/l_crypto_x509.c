/* Certificates for Lua: part of core.crypto. */
#include <string.h>

#include "crypto/x509.h"
#include "lua/l_crypto.h"
#include "lua/lx.h"

#define L_CERT "prov.cert"
#define L_CSR "prov.csr"

/* Lists of facts: { { type, value }... }, or { value... } of those without types. */
static const struct {
    const char *name;
    bool typed;
} lists[PV_X509_LISTS] = {
    [PV_X509_SUBJECT] = {"subject", true},      [PV_X509_ISSUER] = {"issuer", true},
    [PV_X509_NAMES] = {"names", true},          [PV_X509_PERMITTED] = {"permitted", true},
    [PV_X509_EXCLUDED] = {"excluded", true},    [PV_X509_USAGE] = {"usage", false},
    [PV_X509_EXT_USAGE] = {"ext_usage", false}, [PV_X509_URLS] = {"urls", true},
    [PV_X509_POLICIES] = {"policies", false},
};

static int cert_close(lua_State *L)
{
    pv_cert **box = lx_boxslot(L, 1, L_CERT);
    pv_cert_free(*box);
    *box = NULL;
    return 0;
}

static int csr_close(lua_State *L)
{
    pv_csr **box = lx_boxslot(L, 1, L_CSR);
    pv_csr_free(*box);
    *box = NULL;
    return 0;
}

/* ---- From Lua: memory is Lua's, strings stay in their tables ---- */

static pv_bytes raw_text(lua_State *L, int t, int i, const char *what)
{
    pv_bytes out = {NULL, 0};
    lua_rawgeti(L, t, i);
    if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "%s must be a list of texts", what);
    out.data = lua_tolstring(L, -1, &out.len);
    lua_pop(L, 1);
    return out;
}

static void check_item(lua_State *L, int id, int i, pv_x509_item *out)
{
    pv_bytes type;
    out->type[0] = '\0';
    if (!lists[id].typed) {
        out->value = raw_text(L, lua_gettop(L), i, lists[id].name);
        return;
    }
    if (lua_rawgeti(L, -1, i) != LUA_TTABLE)
        luaL_error(L, "%s must be a list of { type, value }", lists[id].name);
    type = raw_text(L, lua_gettop(L), 1, lists[id].name);
    if (type.len >= sizeof out->type) luaL_error(L, "a type in %s is too long", lists[id].name);
    for (size_t j = 0; j <= type.len; j++) out->type[j] = type.data[j];
    out->value = raw_text(L, lua_gettop(L), 2, lists[id].name);
    lua_pop(L, 1);
}

/* The facts in the table at idx; pushes what holds their memory. */
static void check_facts(lua_State *L, int idx, pv_x509_facts *out)
{
    luaL_checktype(L, idx, LUA_TTABLE);
    luaL_checkstack(L, PV_X509_LISTS + 8, "facts");
    *out = (pv_x509_facts){.path_len = -1};
    for (int id = 0; id < PV_X509_LISTS; id++) {
        lua_pushstring(L, lists[id].name);
        if (lua_rawget(L, idx) == LUA_TTABLE) {
            size_t count = lua_rawlen(L, -1);
            out->lists[id].items = lua_newuserdatauv(L, (count + 1) * sizeof(pv_x509_item), 0);
            lua_insert(L, -2);
            for (size_t i = 0; i < count; i++)
                check_item(L, id, (int)i + 1, &out->lists[id].items[i]);
            out->lists[id].count = count;
        }
        lua_pop(L, 1);
    }
    out->not_before = lx_optfield_int(L, idx, "not_before", 0);
    out->not_after = lx_optfield_int(L, idx, "not_after", 0);
    out->ca = lx_optfield_bool(L, idx, "ca", 0) != 0;
    out->path_len = (int)lx_optfield_int(L, idx, "path_len", -1);
    out->serial = lx_optfield_bytes(L, idx, "serial");
    lua_pushstring(L, "hash");
    out->hash = lua_rawget(L, idx) == LUA_TNIL ? PV_SHA256 : l_crypto_checkhash(L, -1);
    lua_pop(L, 1);
}

/* ---- To Lua ---- */

static void push_list(lua_State *L, const pv_x509_list *list, bool typed)
{
    lua_createtable(L, (int)list->count, 0);
    for (size_t i = 0; i < list->count; i++) {
        if (typed) {
            lua_createtable(L, 2, 0);
            lua_pushstring(L, list->items[i].type);
            lua_rawseti(L, -2, 1);
        }
        lua_pushlstring(L, list->items[i].value.data, list->items[i].value.len);
        lua_rawseti(L, -2, typed ? 2 : (lua_Integer)i + 1);
        if (typed) lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void set_bytes(lua_State *L, const char *name, pv_bytes bytes)
{
    if (bytes.data == NULL) return;
    lua_pushlstring(L, bytes.data, bytes.len);
    lua_setfield(L, -2, name);
}

static int push_facts(lua_State *L)
{
    const pv_x509_facts *facts = lua_touserdata(L, 1);
    lua_createtable(L, 0, PV_X509_LISTS + 8);
    for (int id = 0; id < PV_X509_LISTS; id++) {
        push_list(L, &facts->lists[id], lists[id].typed);
        lua_setfield(L, -2, lists[id].name);
    }
    lua_pushboolean(L, facts->ca);
    lua_setfield(L, -2, "ca");
    if (facts->path_len >= 0) {
        lua_pushinteger(L, facts->path_len);
        lua_setfield(L, -2, "path_len");
    }
    if (facts->serial.data != NULL) {
        lua_pushinteger(L, facts->not_before);
        lua_setfield(L, -2, "not_before");
        lua_pushinteger(L, facts->not_after);
        lua_setfield(L, -2, "not_after");
        lua_pushstring(L, facts->signature);
        lua_setfield(L, -2, "signature");
    }
    set_bytes(L, "serial", facts->serial);
    set_bytes(L, "subject_id", facts->subject_id);
    set_bytes(L, "authority_id", facts->authority_id);
    return 1;
}

/* Pushes a table of the facts and frees them, whatever is raised. */
static int give_facts(lua_State *L, pv_x509_facts *facts)
{
    int rc;
    lua_pushcfunction(L, push_facts);
    lua_pushlightuserdata(L, facts);
    rc = lua_pcall(L, 1, 1, 0);
    pv_x509_facts_free(facts);
    return rc == LUA_OK ? 1 : lua_error(L);
}

/* crypto.cert_make(facts, public pkey, issuer cert | nil, signing pkey) -> cert | nil, err */
static int l_cert_make(lua_State *L)
{
    pv_x509_facts facts;
    pv_pkey *key = lx_checkbox(L, 2, L_PKEY), *signer = lx_checkbox(L, 4, L_PKEY);
    pv_cert *issuer = lua_isnil(L, 3) ? NULL : lx_checkbox(L, 3, L_CERT);
    pv_err err;
    check_facts(L, 1, &facts);
    return pv_cert_make(lx_newbox(L, L_CERT), &facts, key, issuer, signer, &err) == PV_OK
               ? 1
               : lx_fail(L, &err);
}

/* crypto.csr_make(facts, pkey) -> csr | nil, err */
static int l_csr_make(lua_State *L)
{
    pv_x509_facts facts;
    pv_pkey *key = lx_checkbox(L, 2, L_PKEY);
    pv_err err;
    check_facts(L, 1, &facts);
    return pv_csr_make(lx_newbox(L, L_CSR), &facts, key, &err) == PV_OK ? 1 : lx_fail(L, &err);
}

/* crypto.cert_parse(text) -> cert | nil, err */
static int l_cert_parse(lua_State *L)
{
    pv_bytes text = lx_checkbytes(L, 1);
    pv_err err;
    return pv_cert_parse(lx_newbox(L, L_CERT), text, &err) == PV_OK ? 1 : lx_fail(L, &err);
}

/* crypto.csr_parse(text) -> csr | nil, err */
static int l_csr_parse(lua_State *L)
{
    pv_bytes text = lx_checkbytes(L, 1);
    pv_err err;
    return pv_csr_parse(lx_newbox(L, L_CSR), text, &err) == PV_OK ? 1 : lx_fail(L, &err);
}

static int give_der(lua_State *L, pv_status status, pv_buf *der, const pv_err *err)
{
    if (status != PV_OK) return lx_fail(L, err);
    lx_pushbuf(L, der);
    return 1;
}

/* cert:der() -> bytes | nil, err */
static int l_cert_der(lua_State *L)
{
    pv_cert *cert = lx_checkbox(L, 1, L_CERT);
    pv_buf *out = lx_newbuf(L, 0);
    pv_err err;
    return give_der(L, pv_cert_der(cert, out, &err), out, &err);
}

/* csr:der() -> bytes | nil, err */
static int l_csr_der(lua_State *L)
{
    pv_csr *csr = lx_checkbox(L, 1, L_CSR);
    pv_buf *out = lx_newbuf(L, 0);
    pv_err err;
    return give_der(L, pv_csr_der(csr, out, &err), out, &err);
}

/* cert:facts() -> table | nil, err */
static int l_cert_facts(lua_State *L)
{
    pv_x509_facts facts;
    pv_err err;
    if (pv_cert_facts(lx_checkbox(L, 1, L_CERT), &facts, &err) != PV_OK) return lx_fail(L, &err);
    return give_facts(L, &facts);
}

/* csr:facts() -> table | nil, err */
static int l_csr_facts(lua_State *L)
{
    pv_x509_facts facts;
    pv_err err;
    if (pv_csr_facts(lx_checkbox(L, 1, L_CSR), &facts, &err) != PV_OK) return lx_fail(L, &err);
    return give_facts(L, &facts);
}

/* cert:key() -> public pkey | nil, err */
static int l_cert_key(lua_State *L)
{
    pv_cert *cert = lx_checkbox(L, 1, L_CERT);
    pv_err err;
    return pv_cert_key(cert, lx_newbox(L, L_PKEY), &err) == PV_OK ? 1 : lx_fail(L, &err);
}

/* csr:key() -> public pkey | nil, err */
static int l_csr_key(lua_State *L)
{
    pv_csr *csr = lx_checkbox(L, 1, L_CSR);
    pv_err err;
    return pv_csr_key(csr, lx_newbox(L, L_PKEY), &err) == PV_OK ? 1 : lx_fail(L, &err);
}

/* The certificates in a list; pushes what holds their array. */
static const pv_cert *const *check_certs(lua_State *L, int idx, size_t *count)
{
    const pv_cert **out;
    luaL_checktype(L, idx, LUA_TTABLE);
    *count = lua_rawlen(L, idx);
    out = lua_newuserdatauv(L, (*count + 1) * sizeof(void *), 0);
    for (size_t i = 0; i < *count; i++) {
        lua_rawgeti(L, idx, (lua_Integer)i + 1);
        out[i] = lx_checkbox(L, lua_gettop(L), L_CERT);
        lua_pop(L, 1); /* the list keeps it */
    }
    return out;
}

/* cert:check(roots, middle, time, purpose?) -> true | nil, err "auth" */
static int l_cert_check(lua_State *L)
{
    static const char *const purposes[] = {"", "server", "client", "email", NULL};
    pv_cert *cert = lx_checkbox(L, 1, L_CERT);
    int64_t time = luaL_checkinteger(L, 4);
    const char *purpose = purposes[luaL_checkoption(L, 5, "", purposes)];
    size_t root_count, middle_count;
    const pv_cert *const *roots = check_certs(L, 2, &root_count), *const *middle = check_certs(
                                                                      L, 3, &middle_count);
    pv_err err;
    if (pv_cert_verify(cert, roots, root_count, middle, middle_count, time, purpose, &err) != PV_OK)
        return lx_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* crypto.crl_make(issuer cert, pkey, { number, this_update, next_update, hash?, revoked = {
 * { serial, time, reason }... } }) -> der | nil, err */
static int l_crl_make(lua_State *L)
{
    pv_cert *issuer = lx_checkbox(L, 1, L_CERT);
    pv_pkey *key = lx_checkbox(L, 2, L_PKEY);
    pv_x509_revoked *revoked;
    pv_buf *out;
    size_t count;
    pv_hash hash;
    pv_err err;
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_settop(L, 3);
    lua_pushstring(L, "hash");
    hash = lua_rawget(L, 3) == LUA_TNIL ? PV_SHA256 : l_crypto_checkhash(L, 4);
    lua_pushstring(L, "revoked");
    lua_rawget(L, 3);
    luaL_checktype(L, 5, LUA_TTABLE);
    count = lua_rawlen(L, 5);
    revoked = lua_newuserdatauv(L, (count + 1) * sizeof *revoked, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 5, (lua_Integer)i + 1);
        luaL_checktype(L, 7, LUA_TTABLE);
        revoked[i].serial = lx_optfield_bytes(L, 7, "serial"); /* the list keeps it */
        revoked[i].time = lx_optfield_int(L, 7, "time", 0);
        revoked[i].reason = (int)lx_optfield_int(L, 7, "reason", 0);
        lua_pop(L, 1);
    }
    out = lx_newbuf(L, 0);
    return give_der(L,
                    pv_crl_make(out, issuer, key, hash, lx_optfield_int(L, 3, "number", 1),
                                lx_optfield_int(L, 3, "this_update", 0),
                                lx_optfield_int(L, 3, "next_update", 0), revoked, count, &err),
                    out, &err);
}

void l_crypto_x509_register(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"cert_make", l_cert_make}, {"cert_parse", l_cert_parse}, {"csr_make", l_csr_make},
        {"csr_parse", l_csr_parse}, {"crl_make", l_crl_make},     {NULL, NULL},
    };
    static const luaL_Reg cert[] = {
        {"der", l_cert_der}, {"facts", l_cert_facts}, {"key", l_cert_key}, {"check", l_cert_check},
        {NULL, NULL},
    };
    static const luaL_Reg csr[] = {
        {"der", l_csr_der},
        {"facts", l_csr_facts},
        {"key", l_csr_key},
        {NULL, NULL},
    };
    lx_deftype(L, L_CERT, cert, cert_close);
    lx_deftype(L, L_CSR, csr, csr_close);
    luaL_setfuncs(L, functions, 0);
}
