/* age files for Lua: part of core.crypto. */
#include <luv/luv.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/age.h"
#include "crypto/digest.h"
#include "lua/l_crypto.h"
#include "lua/lx.h"

#define L_KEY "prov.age_key"
#define L_HEADER "prov.age_header"
#define L_STREAM "prov.age_stream"
#define L_ARMOR "prov.age_armor"

typedef struct age_header {
    pv_age_header h;
    bool busy; /* a worker has it */
} age_header;

/* ---- Keys ---- */

static int key_gc(lua_State *L)
{
    pv_age_key **box = lx_boxslot(L, 1, L_KEY);
    pv_age_key_free(*box);
    *box = NULL;
    return 0;
}

/* crypto.age_keygen() -> key */
static int l_age_keygen(lua_State *L)
{
    pv_age_key **box = lx_newbox(L, L_KEY);
    pv_err err;
    return pv_age_keygen(box, &err) == PV_OK ? 1 : lx_fail(L, &err);
}

/* crypto.age_recipient(text) -> key | nil, err */
static int l_age_recipient(lua_State *L)
{
    pv_bytes text = lx_checkbytes(L, 1);
    pv_age_key **box = lx_newbox(L, L_KEY);
    pv_err err;
    return pv_age_recipient(box, text, &err) == PV_OK ? 1 : lx_fail(L, &err);
}

/* crypto.age_recipient_of(pem) -> key | nil, err */
static int l_age_recipient_of(lua_State *L)
{
    pv_bytes pem = lx_checkbytes(L, 1);
    pv_age_key **box = lx_newbox(L, L_KEY);
    pv_err err;
    return pv_age_recipient_of(box, pem, &err) == PV_OK ? 1 : lx_fail(L, &err);
}

/* crypto.age_identity(text) -> key | nil, err */
static int l_age_identity(lua_State *L)
{
    pv_bytes text = lx_checkbytes(L, 1);
    pv_age_key **box = lx_newbox(L, L_KEY);
    pv_err err;
    return pv_age_identity(box, text, (pv_bytes){NULL, 0}, &err) == PV_OK ? 1 : lx_fail(L, &err);
}

/* crypto.age_passphrase(text, log_n?) -> key | nil, err */
static int l_age_passphrase(lua_State *L)
{
    pv_bytes text = lx_checkbytes(L, 1);
    lua_Integer log_n = luaL_optinteger(L, 2, 0);
    pv_age_key **box;
    pv_err err;
    luaL_argcheck(L, log_n >= 0 && log_n <= PV_AGE_LOG_N_MAX, 2, "between 1 and 22");
    box = lx_newbox(L, L_KEY);
    return pv_age_passphrase(box, text, (unsigned)log_n, &err) == PV_OK ? 1 : lx_fail(L, &err);
}

/* key:type() -> "x25519" | "scrypt" | "ssh-ed25519" | "ssh-rsa" */
static int l_key_type(lua_State *L)
{
    static const char *const names[] = {"x25519", "scrypt", "ssh-ed25519", "ssh-rsa"};
    lua_pushstring(L, names[pv_age_key_type(lx_checkbox(L, 1, L_KEY))]);
    return 1;
}

/* key:public() -> "age1..." or "ssh-..." | nil, err */
static int l_key_public(lua_State *L)
{
    pv_age_key *key = lx_checkbox(L, 1, L_KEY);
    pv_buf *text = lx_newbuf(L, 0);
    pv_err err;
    if (pv_age_public(key, text, &err) != PV_OK) return lx_fail(L, &err);
    lx_pushbuf(L, text);
    return 1;
}

/* key:secret() -> "AGE-SECRET-KEY-1..." | nil, err */
static int l_key_secret(lua_State *L)
{
    pv_age_key *key = lx_checkbox(L, 1, L_KEY);
    pv_secret **box = lx_newbox(L, L_SECRET);
    pv_err err;
    if (pv_age_secret(key, box, &err) != PV_OK) return lx_fail(L, &err);
    lua_pushlstring(L, (const char *)(*box)->data, (*box)->len);
    return 1;
}

/* ---- Headers ---- */

static int header_gc(lua_State *L)
{
    age_header *header = luaL_checkudata(L, 1, L_HEADER);
    pv_age_header_deinit(&header->h);
    return 0;
}

static age_header *new_header(lua_State *L)
{
    age_header *header = lua_newuserdatauv(L, sizeof *header, 0);
    memset(header, 0, sizeof *header);
    luaL_setmetatable(L, L_HEADER);
    return header;
}

static age_header *check_header(lua_State *L, int idx)
{
    age_header *header = luaL_checkudata(L, idx, L_HEADER);
    luaL_argcheck(L, !header->busy, idx, "the header is in use");
    return header;
}

/* crypto.age_header() -> empty header */
static int l_age_header(lua_State *L)
{
    new_header(L);
    return 1;
}

/* crypto.age_read(bytes, last) -> header, length | nil (not whole yet) | nil, err */
static int l_age_read(lua_State *L)
{
    pv_bytes bytes = lx_checkbytes(L, 1);
    bool last = lua_toboolean(L, 2);
    age_header *header = new_header(L);
    size_t used;
    pv_err err;
    if (pv_age_header_read(&header->h, bytes, last, &used, &err) != PV_OK) return lx_fail(L, &err);
    if (used == 0) return 0;
    lua_pushinteger(L, (lua_Integer)used);
    return 2;
}

/* header:stanzas() -> list of { args = { type, ... }, body = bytes } */
static int l_header_stanzas(lua_State *L)
{
    const pv_age_header *h = &check_header(L, 1)->h;
    lua_createtable(L, (int)h->count, 0);
    for (size_t i = 0; i < h->count; i++) {
        const pv_age_stanza *stanza = &h->stanzas[i];
        lua_createtable(L, 0, 2);
        lua_createtable(L, (int)stanza->count, 0);
        for (size_t j = 0; j < stanza->count; j++) {
            lua_pushstring(L, stanza->args[j]);
            lua_rawseti(L, -2, (lua_Integer)j + 1);
        }
        lua_setfield(L, -2, "args");
        lua_pushlstring(L, stanza->body.len != 0 ? stanza->body.data : "", stanza->body.len);
        lua_setfield(L, -2, "body");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* header:add(args, body) -> true | nil, err */
static int l_header_add(lua_State *L)
{
    age_header *header = check_header(L, 1);
    pv_bytes body = lx_checkbytes(L, 3);
    size_t count;
    const char **args;
    pv_err err;
    luaL_checktype(L, 2, LUA_TTABLE);
    count = lua_rawlen(L, 2);
    args = lua_newuserdatauv(L, (count + 1) * sizeof *args, 0);
    luaL_checkstack(L, (int)count, "too many arguments");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        args[i] = luaL_checkstring(L, -1);
    }
    if (pv_age_header_add(&header->h, args, count, body, &err) != PV_OK) return lx_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* header:write(file_key) -> bytes | nil, err */
static int l_header_write(lua_State *L)
{
    age_header *header = check_header(L, 1);
    pv_secret *file_key = lx_checkbox(L, 2, L_SECRET);
    pv_buf *text = lx_newbuf(L, 0);
    pv_err err;
    if (pv_age_header_write(&header->h, file_key, text, &err) != PV_OK) return lx_fail(L, &err);
    lx_pushbuf(L, text);
    return 1;
}

/* header:check(file_key) -> true | nil, err "auth" */
static int l_header_check(lua_State *L)
{
    age_header *header = check_header(L, 1);
    pv_secret *file_key = lx_checkbox(L, 2, L_SECRET);
    pv_err err;
    if (pv_age_header_check(&header->h, file_key, &err) != PV_OK) return lx_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* ---- Work on another thread ---- */

typedef struct age_call {
    uv_work_t work;
    lua_State *L;
    int callback, held; /* held: key, header or strings that the worker uses */
    enum { WRAP, UNWRAP, SEAL, OPEN, UNLOCK } what;
    pv_age_key *key; /* the result of UNLOCK */
    age_header *header;
    pv_secret *secret; /* its own copy: the file key, the result of UNWRAP; or a passphrase */
    pv_bytes before;   /* or the text of a private key */
    int in, out;
    unsigned long long done;
    pv_status status;
    pv_err err;
} age_call;

static void run(uv_work_t *work)
{
    age_call *c = (age_call *)work; /* the first field */
    switch (c->what) {
    case WRAP: c->status = pv_age_wrap(c->key, c->secret, &c->header->h, &c->err); break;
    case UNWRAP: c->status = pv_age_unwrap(c->key, &c->header->h, &c->secret, &c->err); break;
    case UNLOCK:
        c->status = pv_age_identity(&c->key, c->before, pv_secret_bytes(c->secret), &c->err);
        break;
    default:
        c->status =
            pv_age_pump(c->what == SEAL, c->secret, c->before, c->in, c->out, &c->done, &c->err);
        break;
    }
    pv_crypto_thread_end();
}

/* callback(result), or callback(nil, err, bytes written) */
static void after(uv_work_t *work, int canceled)
{
    age_call *c = (age_call *)work;
    lua_State *L = c->L;
    int callback = c->callback, count = 1;
    if (canceled != 0) c->status = pv_fail(&c->err, PV_ECANCELED, "the work was canceled");
    if (c->header != NULL) c->header->busy = false;
    if (c->status != PV_OK) {
        lua_pushnil(L);
        lx_pusherr(L, &c->err);
        lua_pushinteger(L, (lua_Integer)c->done);
        count = 3;
    } else if (c->what == UNWRAP) {
        pv_secret **box = lx_newbox(L, L_SECRET);
        *box = c->secret;
        c->secret = NULL;
    } else if (c->what == UNLOCK) {
        pv_age_key **box = lx_newbox(L, L_KEY);
        *box = c->key;
    } else if (c->what == WRAP) {
        lua_pushboolean(L, 1);
    } else {
        lua_pushinteger(L, (lua_Integer)c->done);
    }
    luaL_unref(L, LUA_REGISTRYINDEX, c->held);
    pv_secret_free(c->secret);
    pv_free(c);
    lx_callback(L, callback, count);
}

/* Starts the work; the value at index `held` is kept until it ends. */
static int start(lua_State *L, age_call call, int callback, int held)
{
    age_call *c = pv_alloc(sizeof *c);
    *c = call;
    c->L = lx_main(L);
    lua_pushvalue(L, held);
    c->held = luaL_ref(L, LUA_REGISTRYINDEX);
    c->callback = lx_ref(L, callback);
    if (c->header != NULL) c->header->busy = true;
    uv_queue_work(lx_loop(L), &c->work, run, after);
    lua_pushboolean(L, 1);
    return 1;
}

/* A table of the values at two indexes, on the top of the stack. */
static int hold(lua_State *L, int a, int b)
{
    lua_createtable(L, 2, 0);
    lua_pushvalue(L, a);
    lua_rawseti(L, -2, 1);
    lua_pushvalue(L, b);
    lua_rawseti(L, -2, 2);
    return lua_gettop(L);
}

/* header:wrap(key, file_key, callback(true | nil, err)) -> true */
static int l_header_wrap(lua_State *L)
{
    age_call call = {.what = WRAP};
    pv_secret *file_key;
    call.header = check_header(L, 1);
    call.key = lx_checkbox(L, 2, L_KEY);
    file_key = lx_checkbox(L, 3, L_SECRET);
    luaL_checktype(L, 4, LUA_TFUNCTION);
    call.secret = pv_secret_copy(pv_secret_bytes(file_key));
    return start(L, call, 4, hold(L, 1, 2));
}

/* header:unwrap(key, callback(file_key | nil, err)) -> true */
static int l_header_unwrap(lua_State *L)
{
    age_call call = {.what = UNWRAP};
    call.header = check_header(L, 1);
    call.key = lx_checkbox(L, 2, L_KEY);
    luaL_checktype(L, 3, LUA_TFUNCTION);
    return start(L, call, 3, hold(L, 1, 2));
}

/* crypto.age_unlock(text, passphrase, callback(key | nil, err)) -> true */
static int l_age_unlock(lua_State *L)
{
    age_call call = {.what = UNLOCK};
    pv_bytes passphrase = l_crypto_checkkey(L, 2);
    call.before = lx_checkbytes(L, 1);
    luaL_checktype(L, 3, LUA_TFUNCTION);
    call.secret = pv_secret_copy(passphrase);
    return start(L, call, 3, 1);
}

/* crypto.age_pump("seal" | "open", file_key, before, in, out, callback(bytes | nil, err, bytes)) ->
 * true */
static int l_age_pump(lua_State *L)
{
    static const char *const ways[] = {"seal", "open", NULL};
    age_call call = {.what = luaL_checkoption(L, 1, NULL, ways) == 0 ? SEAL : OPEN};
    pv_secret *file_key = lx_checkbox(L, 2, L_SECRET);
    call.before = lx_checkbytes(L, 3);
    call.in = (int)luaL_checkinteger(L, 4);
    call.out = (int)luaL_checkinteger(L, 5);
    luaL_checktype(L, 6, LUA_TFUNCTION);
    call.secret = pv_secret_copy(pv_secret_bytes(file_key));
    return start(L, call, 6, 3);
}

/* ---- File keys and payloads ---- */

/* crypto.age_file_key(bytes?) -> secret */
static int l_age_file_key(lua_State *L)
{
    pv_bytes bytes = {NULL, 0};
    pv_secret **box;
    pv_err err;
    if (!lua_isnoneornil(L, 1)) bytes = lx_checkbytes(L, 1);
    luaL_argcheck(L, bytes.data == NULL || bytes.len == PV_AGE_KEY_LEN, 1,
                  "a file key is 16 bytes");
    box = lx_newbox(L, L_SECRET);
    *box = bytes.data != NULL ? pv_secret_copy(bytes) : pv_secret_new(PV_AGE_KEY_LEN);
    if (bytes.data == NULL && pv_random((*box)->data, (*box)->len, &err) != PV_OK)
        return lx_fail(L, &err);
    return 1;
}

static int stream_close(lua_State *L)
{
    pv_age_stream **box = lx_boxslot(L, 1, L_STREAM);
    pv_age_stream_free(*box);
    *box = NULL;
    return 0;
}

/* crypto.age_sealing(file_key) -> stream, first bytes | nil, err */
static int l_age_sealing(lua_State *L)
{
    pv_secret *file_key = lx_checkbox(L, 1, L_SECRET);
    pv_age_stream **box = lx_newbox(L, L_STREAM);
    pv_buf *to = lx_newbuf(L, 0);
    pv_err err;
    if (pv_age_sealing(box, file_key, to, &err) != PV_OK) return lx_fail(L, &err);
    lua_pushvalue(L, -2);
    lx_pushbuf(L, to);
    return 2;
}

/* crypto.age_opening(file_key) -> stream | nil, err */
static int l_age_opening(lua_State *L)
{
    pv_secret *file_key = lx_checkbox(L, 1, L_SECRET);
    pv_age_stream **box = lx_newbox(L, L_STREAM);
    pv_err err;
    return pv_age_opening(box, file_key, &err) == PV_OK ? 1 : lx_fail(L, &err);
}

/* stream:feed(bytes, last) -> bytes | nil, err, what was whole */
static int l_stream_feed(lua_State *L)
{
    pv_age_stream *stream = lx_checkbox(L, 1, L_STREAM);
    pv_bytes bytes = lx_checkbytes(L, 2);
    bool last = lua_toboolean(L, 3);
    pv_buf *to = lx_newbuf(L, 0);
    pv_err err;
    int count = 0;
    if (pv_age_feed(stream, bytes, last, to, &err) != PV_OK) count = lx_fail(L, &err);
    lx_pushbuf(L, to);
    return count + 1;
}

/* ---- Armor ---- */

static int armor_close(lua_State *L)
{
    pv_age_armor **box = lx_boxslot(L, 1, L_ARMOR);
    pv_age_armor_free(*box);
    *box = NULL;
    return 0;
}

/* crypto.age_armor("write" | "read") -> armor */
static int l_age_armor(lua_State *L)
{
    static const char *const ways[] = {"read", "write", NULL};
    bool writing = luaL_checkoption(L, 1, NULL, ways) == 1;
    pv_age_armor_new(lx_newbox(L, L_ARMOR), writing);
    return 1;
}

/* armor:feed(bytes, last) -> bytes | nil, err */
static int l_armor_feed(lua_State *L)
{
    pv_age_armor *armor = lx_checkbox(L, 1, L_ARMOR);
    pv_bytes bytes = lx_checkbytes(L, 2);
    bool last = lua_toboolean(L, 3);
    pv_buf *to = lx_newbuf(L, 0);
    pv_err err;
    if (pv_age_armor_feed(armor, bytes, last, to, &err) != PV_OK) return lx_fail(L, &err);
    lx_pushbuf(L, to);
    return 1;
}

/* crypto.age_is_armor(beginning) -> boolean */
static int l_age_is_armor(lua_State *L)
{
    lua_pushboolean(L, pv_age_is_armor(lx_checkbytes(L, 1)));
    return 1;
}

/* A type that is freed by the collector only, for a worker may have it. */
static void collected(lua_State *L, const char *tname, const luaL_Reg *methods, lua_CFunction gc)
{
    lx_deftype(L, tname, methods, NULL);
    luaL_getmetatable(L, tname);
    lua_pushcfunction(L, gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

void l_crypto_age_register(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"age_keygen", l_age_keygen},
        {"age_recipient", l_age_recipient},
        {"age_recipient_of", l_age_recipient_of},
        {"age_identity", l_age_identity},
        {"age_unlock", l_age_unlock},
        {"age_passphrase", l_age_passphrase},
        {"age_header", l_age_header},
        {"age_read", l_age_read},
        {"age_file_key", l_age_file_key},
        {"age_sealing", l_age_sealing},
        {"age_opening", l_age_opening},
        {"age_pump", l_age_pump},
        {"age_armor", l_age_armor},
        {"age_is_armor", l_age_is_armor},
        {NULL, NULL},
    };
    static const luaL_Reg key[] = {
        {"type", l_key_type}, {"public", l_key_public}, {"secret", l_key_secret}, {NULL, NULL}};
    static const luaL_Reg header[] = {{"stanzas", l_header_stanzas},
                                      {"add", l_header_add},
                                      {"write", l_header_write},
                                      {"check", l_header_check},
                                      {"wrap", l_header_wrap},
                                      {"unwrap", l_header_unwrap},
                                      {NULL, NULL}};
    static const luaL_Reg stream[] = {{"feed", l_stream_feed}, {NULL, NULL}};
    static const luaL_Reg armor[] = {{"feed", l_armor_feed}, {NULL, NULL}};
    collected(L, L_KEY, key, key_gc);
    collected(L, L_HEADER, header, header_gc);
    lx_deftype(L, L_STREAM, stream, stream_close);
    lx_deftype(L, L_ARMOR, armor, armor_close);
    luaL_setfuncs(L, functions, 0);
}
