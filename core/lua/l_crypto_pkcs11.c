/* Keys in tokens for Lua: part of core.crypto. */
#include <luv/luv.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "crypto/pkcs11.h"
#include "lua/l_crypto.h"
#include "lua/lx.h"

#define L_TOKEN "prov.token"

/* One call on another thread. */
typedef struct token_call {
    uv_work_t work;
    lua_State *L;
    int callback, held; /* held: strings and secrets that the worker reads */
    enum { OPEN, DESCRIBE, KEYS, GENERATE, WRAP, UNWRAP } what;
    pv_pkcs11 *hsm;
    pv_pkcs11_place place;
    const char *pin_file, *label;
    const pv_secret *pin;
    pv_bytes id, in, aad;
    pv_pkcs11_info info;
    pv_pkcs11_key key, *keys;
    size_t count;
    pv_buf sealed;
    pv_secret *plain;
    pv_status status;
    pv_err err;
} token_call;

static pv_status open_token(token_call *c)
{
    pv_secret *pin = NULL;
    pv_status status = PV_OK;
    if (c->pin_file != NULL) status = pv_pkcs11_pin_file(c->pin_file, &pin, &c->err);
    if (status == PV_OK)
        status = pv_pkcs11_open(&c->hsm, &c->place, pin != NULL ? pin : c->pin, &c->err);
    pv_secret_free(pin);
    return status;
}

static void run(uv_work_t *work)
{
    token_call *c = (token_call *)work; /* the first field */
    switch (c->what) {
    case OPEN: c->status = open_token(c); break;
    case DESCRIBE: c->status = pv_pkcs11_describe(c->hsm, &c->info, &c->err); break;
    case KEYS: c->status = pv_pkcs11_keys(c->hsm, c->label, &c->keys, &c->count, &c->err); break;
    case GENERATE: c->status = pv_pkcs11_generate(c->hsm, c->label, &c->key, &c->err); break;
    case WRAP:
        c->status =
            pv_pkcs11_wrap(c->hsm, c->label, c->id, c->in, c->aad, &c->sealed, &c->key, &c->err);
        break;
    default:
        c->status = pv_pkcs11_unwrap(c->hsm, c->label, c->id, c->in, c->aad, &c->plain, &c->err);
        break;
    }
    pv_crypto_thread_end();
}

static void set_text(lua_State *L, const char *name, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void set_flag(lua_State *L, const char *name, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

static void set_number(lua_State *L, const char *name, unsigned long value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

static void push_key(lua_State *L, const pv_pkcs11_key *key)
{
    lua_createtable(L, 0, 7);
    set_text(L, "label", key->label);
    lua_pushlstring(L, (const char *)key->id, key->id_len);
    lua_setfield(L, -2, "id");
    set_number(L, "size", key->size);
    set_flag(L, "encrypt", key->encrypt);
    set_flag(L, "decrypt", key->decrypt);
    set_flag(L, "sensitive", key->sensitive);
    set_flag(L, "extractable", key->extractable);
}

static void push_info(lua_State *L, const pv_pkcs11_info *info)
{
    static const char *const pins[] = {"fine", "low", "final", "locked"};
    lua_createtable(L, 0, 9);
    set_text(L, "token", info->token);
    set_text(L, "manufacturer", info->manufacturer);
    set_text(L, "model", info->model);
    set_text(L, "serial", info->serial);
    set_number(L, "slot", info->slot);
    set_number(L, "mechanisms", info->mechanisms);
    set_flag(L, "gcm", info->gcm);
    set_flag(L, "generate", info->generate);
    set_text(L, "pin", pins[info->pin]);
}

/* Pushes what the call came to; returns how many values. */
static int push_result(lua_State *L, token_call *c)
{
    void **box;
    if (c->status != PV_OK) return lx_fail(L, &c->err);
    switch (c->what) {
    case OPEN:
        box = lx_newbox(L, L_TOKEN);
        *box = c->hsm;
        c->hsm = NULL;
        return 1;
    case DESCRIBE: push_info(L, &c->info); return 1;
    case GENERATE: push_key(L, &c->key); return 1;
    case KEYS:
        lua_createtable(L, (int)c->count, 0);
        for (size_t i = 0; i < c->count; i++) {
            push_key(L, &c->keys[i]);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        return 1;
    case WRAP:
        lua_pushlstring(L, c->sealed.data, c->sealed.len);
        lua_pushlstring(L, (const char *)c->key.id, c->key.id_len);
        return 2;
    default:
        box = lx_newbox(L, L_SECRET);
        *box = c->plain;
        c->plain = NULL;
        return 1;
    }
}

static void after(uv_work_t *work, int canceled)
{
    token_call *c = (token_call *)work;
    lua_State *L = c->L;
    int callback = c->callback, count;
    if (canceled != 0) c->status = pv_fail(&c->err, PV_ECANCELED, "the work was canceled");
    count = push_result(L, c);
    luaL_unref(L, LUA_REGISTRYINDEX, c->held);
    pv_pkcs11_unref(c->hsm);
    pv_secret_free(c->plain);
    pv_buf_deinit(&c->sealed);
    pv_free(c->keys);
    pv_free(c);
    lx_callback(L, callback, count);
}

/* Starts a call with the callback on the top of the stack; all arguments are kept until it ends. */
static int start(lua_State *L, token_call call)
{
    token_call *c;
    int top = lua_gettop(L);
    luaL_checktype(L, top, LUA_TFUNCTION);
    lua_createtable(L, top, 0);
    for (int i = 1; i <= top; i++) {
        lua_pushvalue(L, i);
        lua_rawseti(L, -2, i);
    }
    c = pv_alloc(sizeof *c);
    *c = call;
    c->L = lx_main(L);
    c->held = luaL_ref(L, LUA_REGISTRYINDEX);
    c->callback = lx_ref(L, top);
    pv_buf_init(&c->sealed, 0);
    if (c->hsm != NULL) (void)pv_pkcs11_ref(c->hsm);
    uv_queue_work(lx_loop(L), &c->work, run, after);
    lua_pushboolean(L, 1);
    return 1;
}

/* crypto.token({ module, token?, manufacturer?, serial?, model?, slot?, pin_file? }, pin?: secret,
 * callback(token | nil, err)) -> true */
static int l_token(lua_State *L)
{
    token_call c = {.what = OPEN};
    luaL_checktype(L, 1, LUA_TTABLE);
    if (!lua_isnil(L, 2)) c.pin = lx_checkbox(L, 2, L_SECRET);
    lua_settop(L, 3);
    c.place.module = lx_optfield_string(L, 1, "module", NULL);
    luaL_argcheck(L, c.place.module != NULL, 1, "no module");
    c.place.token = lx_optfield_string(L, 1, "token", NULL);
    c.place.manufacturer = lx_optfield_string(L, 1, "manufacturer", NULL);
    c.place.serial = lx_optfield_string(L, 1, "serial", NULL);
    c.place.model = lx_optfield_string(L, 1, "model", NULL);
    c.place.slot = lx_optfield_int(L, 1, "slot", -1);
    c.pin_file = lx_optfield_string(L, 1, "pin_file", NULL);
    return start(L, c);
}

static token_call on_token(lua_State *L)
{
    return (token_call){.hsm = lx_checkbox(L, 1, L_TOKEN)};
}

/* token:describe(callback(info | nil, err)) -> true */
static int l_token_describe(lua_State *L)
{
    token_call c = on_token(L);
    lua_settop(L, 2);
    c.what = DESCRIBE;
    return start(L, c);
}

/* token:keys(label?, callback(list | nil, err)) -> true */
static int l_token_keys(lua_State *L)
{
    token_call c = on_token(L);
    lua_settop(L, 3);
    c.what = KEYS;
    c.label = luaL_optstring(L, 2, NULL);
    return start(L, c);
}

/* token:generate(label, callback(key | nil, err)) -> true */
static int l_token_generate(lua_State *L)
{
    token_call c = on_token(L);
    lua_settop(L, 3);
    c.what = GENERATE;
    c.label = luaL_checkstring(L, 2);
    return start(L, c);
}

static token_call on_key(lua_State *L)
{
    token_call c = on_token(L);
    lua_settop(L, 6);
    c.label = luaL_checkstring(L, 2);
    if (!lua_isnil(L, 3)) c.id = lx_checkbytes(L, 3);
    c.in = l_crypto_checkkey(L, 4);
    c.aad = lx_checkbytes(L, 5);
    return c;
}

/* token:wrap(label, id?, plain, aad, callback(sealed, id | nil, err)) -> true */
static int l_token_wrap(lua_State *L)
{
    token_call c = on_key(L);
    c.what = WRAP;
    return start(L, c);
}

/* token:unwrap(label, id, sealed, aad, callback(secret | nil, err)) -> true */
static int l_token_unwrap(lua_State *L)
{
    token_call c = on_key(L);
    c.what = UNWRAP;
    return start(L, c);
}

static int token_close(lua_State *L)
{
    pv_pkcs11 **box = lx_boxslot(L, 1, L_TOKEN);
    pv_pkcs11_unref(*box);
    *box = NULL;
    return 0;
}

void l_crypto_pkcs11_register(lua_State *L)
{
    static const luaL_Reg functions[] = {{"token", l_token}, {NULL, NULL}};
    static const luaL_Reg token[] = {{"describe", l_token_describe}, {"keys", l_token_keys},
                                     {"generate", l_token_generate}, {"wrap", l_token_wrap},
                                     {"unwrap", l_token_unwrap},     {NULL, NULL}};
    lx_deftype(L, L_TOKEN, token, token_close);
    luaL_setfuncs(L, functions, 0);
}
