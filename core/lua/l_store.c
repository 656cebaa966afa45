/* core.store: commits and locks; l_store_read.c has the readers. */
#include "store/store.h"

#include <string.h>

#include "base/mem.h"
#include "lua/l_store.h"

/* Fields of the options table, without metamethods. */
static pv_sealer *opt_sealer(lua_State *L, int t)
{
    pv_sealer *sealer = NULL;
    lua_pushliteral(L, "sealer");
    if (lua_rawget(L, t) != LUA_TNIL) sealer = lx_checkbox(L, -1, "prov.sealer");
    lua_pop(L, 1); /* the store takes its own reference */
    return sealer;
}

/* store.open(path, { sealer = box?, readonly = bool? }?) -> store | nil, err */
static int l_store_open(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    pv_store_options options = {0};
    pv_store **box;
    pv_err err;
    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        options.sealer = opt_sealer(L, 2);
        options.readonly = lx_optfield_bool(L, 2, "readonly", 0);
        options.map_size = (size_t)lx_optfield_int(L, 2, "map_size", 0);
    }
    box = lx_newbox(L, L_STORE);
    return pv_store_open(box, path, &options, &err) == PV_OK ? 1 : lx_fail(L, &err);
}

static int l_store_close(lua_State *L)
{
    pv_store **box = lx_boxslot(L, 1, L_STORE);
    pv_store *s = *box;
    *box = NULL;
    pv_store_close(s);
    return 0;
}

static int batch_close(lua_State *L)
{
    pv_batch **box = lx_boxslot(L, 1, "prov.batch");
    pv_batch_free(*box);
    *box = NULL;
    return 0;
}

/* Element i of the operation at the top of the stack; the batch keeps the string alive. */
static pv_bytes op_part(lua_State *L, lua_Integer number, int i, int optional)
{
    pv_bytes part = {"", 0};
    int type = lua_rawgeti(L, -1, i);
    if (type == LUA_TSTRING) part.data = lua_tolstring(L, -1, &part.len);
    else if (type != LUA_TNIL || !optional) {
        luaL_error(L, "operation %I of the batch: value %d must be a string, not %s", number, i - 1,
                   lua_typename(L, type));
    }
    lua_pop(L, 1);
    return part;
}

/* Adds the operation at the top of the stack. */
static pv_status add_op(lua_State *L, pv_batch *b, lua_Integer i, pv_err *err)
{
    static const char *const names[] = {"node", "del_node", "edge",        "del_edge",  "journal",
                                        "put",  "del",      "del_journal", "del_range", NULL};
    pv_bytes name = op_part(L, i, 1, 0), p1 = op_part(L, i, 2, 0), p2, p3;
    int kind = 0;
    while (names[kind] != NULL && strcmp(names[kind], name.data) != 0) kind++;
    switch (kind) {
    case 0: p2 = op_part(L, i, 3, 0); return pv_batch_node(b, p1, p2, op_part(L, i, 4, 0), err);
    case 1: return pv_batch_del_node(b, p1, err);
    case 2:
        p2 = op_part(L, i, 3, 0);
        p3 = op_part(L, i, 4, 0);
        return pv_batch_edge(b, p1, p2, p3, op_part(L, i, 5, 1), err);
    case 3: p2 = op_part(L, i, 3, 0); return pv_batch_del_edge(b, p1, p2, op_part(L, i, 4, 0), err);
    case 4: return pv_batch_journal(b, p1, op_part(L, i, 3, 0), err);
    case 5: p2 = op_part(L, i, 3, 0); return pv_batch_put(b, p1, p2, op_part(L, i, 4, 0), err);
    case 6: return pv_batch_del(b, p1, op_part(L, i, 3, 0), err);
    case 7: return pv_batch_del_journal(b, p1, err);
    case 8:
        p2 = op_part(L, i, 3, 1);
        return pv_batch_del_range(b, p1, p2, op_part(L, i, 4, 1), err);
    default: return luaL_error(L, "operation %I of the batch: there is no '%s'", i, name.data);
    }
}

/* Pushes a box with the batch that the table at `t` describes. */
static pv_status check_batch(lua_State *L, int t, pv_batch ***out, pv_err *err)
{
    pv_batch **box;
    const char *message;
    lua_Integer expected, epoch, i;
    pv_status status = PV_OK;
    luaL_checktype(L, t, LUA_TTABLE);
    message = lx_optfield_string(L, t, "message", NULL);
    expected = lx_optfield_int(L, t, "expected", -1);
    epoch = lx_optfield_int(L, t, "epoch", -1);
    *out = box = lx_newbox(L, "prov.batch");
    *box = pv_batch_new();
    if (expected >= 0) pv_batch_expect(*box, (uint64_t)expected);
    if (epoch >= 0) pv_batch_epoch(*box, (uint64_t)epoch);
    if (message != NULL) status = pv_batch_message(*box, (pv_bytes){message, strlen(message)}, err);
    for (i = 1; status == PV_OK && lua_rawgeti(L, t, i) == LUA_TTABLE; i++) {
        status = add_op(L, *box, i, err);
        lua_pop(L, 1);
    }
    if (status != PV_OK) return status;
    if (!lua_isnil(L, -1)) luaL_error(L, "operation %I of the batch must be a table", i);
    lua_pop(L, 1);
    return PV_OK;
}

/* What a queued commit keeps alive: the callback and, through it, the store. */
typedef struct waiting {
    lua_State *L; /* the main state */
    int fn, store;
} waiting;

static void on_commit(void *arg, uint64_t revision, const pv_err *err)
{
    waiting w = *(waiting *)arg;
    int nargs = 1;
    pv_free(arg);
    lx_unref(w.L, w.store);
    if (err == NULL) lua_pushinteger(w.L, (lua_Integer)revision);
    else nargs = lx_fail(w.L, err);
    lx_callback(w.L, w.fn, nargs);
}

/* store:commit(batch, cb) -> true | nil, err; cb(revision) or cb(nil, err) */
static int l_store_commit(lua_State *L)
{
    pv_store *s = lx_checkbox(L, 1, L_STORE);
    pv_batch **box;
    waiting w = {0}, *kept;
    pv_status status;
    pv_err err;
    luaL_checktype(L, 3, LUA_TFUNCTION);
    if (check_batch(L, 2, &box, &err) != PV_OK) return lx_fail(L, &err);
    w.L = lx_main(L);
    w.fn = lx_ref(L, 3);
    lua_pushvalue(L, 1);
    w.store = luaL_ref(L, LUA_REGISTRYINDEX);
    kept = pv_alloc(sizeof *kept);
    *kept = w;
    status = pv_store_commit_async(s, lx_loop(L), *box, on_commit, kept, &err);
    if (status == PV_OK) {
        *box = NULL; /* the store has it */
        lua_pushboolean(L, 1);
        return 1;
    }
    pv_free(kept);
    lx_unref(L, w.fn);
    lx_unref(L, w.store);
    return lx_fail(L, &err);
}

/* store:commit_sync(batch) -> revision | nil, err */
static int l_store_commit_sync(lua_State *L)
{
    pv_store *s = lx_checkbox(L, 1, L_STORE);
    pv_batch **box;
    uint64_t revision;
    pv_err err;
    if (check_batch(L, 2, &box, &err) != PV_OK) return lx_fail(L, &err);
    if (pv_store_commit(s, *box, &revision, &err) != PV_OK) return lx_fail(L, &err);
    lua_pushinteger(L, (lua_Integer)revision);
    return 1;
}

/* store:claim(name, owner, ttl_ms, now_ms) -> token | nil, err (locked: data.owner, data.expires,
 * data.token) */
static int l_store_claim(lua_State *L)
{
    pv_store *s = lx_checkbox(L, 1, L_STORE);
    pv_bytes name = lx_checkbytes(L, 2), owner = lx_checkbytes(L, 3);
    lua_Integer ttl = luaL_checkinteger(L, 4), now = luaL_checkinteger(L, 5);
    pv_buf *holder = lx_newbuf(L, 0);
    uint64_t token;
    int64_t expires;
    pv_err err;
    pv_status status = pv_store_claim(s, name, owner, ttl, now, &token, &expires, holder, &err);
    if (status == PV_OK) {
        lua_pushinteger(L, (lua_Integer)token);
        return 1;
    }
    lx_fail(L, &err);
    if (status == PV_EBUSY && expires != 0) {
        lua_createtable(L, 0, 3);
        lx_pushbuf(L, holder);
        lua_setfield(L, -2, "owner");
        lua_pushinteger(L, expires);
        lua_setfield(L, -2, "expires");
        lua_pushinteger(L, (lua_Integer)token);
        lua_setfield(L, -2, "token");
        lua_pushliteral(L, "data");
        lua_insert(L, -2);
        lua_rawset(L, -3);
    }
    return 2;
}

static int push_done(lua_State *L, pv_status status, const pv_err *err)
{
    if (status != PV_OK) return lx_fail(L, err);
    lua_pushboolean(L, 1);
    return 1;
}

/* store:renew(name, token, ttl_ms, now_ms) -> true | nil, err "conflict" */
static int l_store_renew(lua_State *L)
{
    pv_store *s = lx_checkbox(L, 1, L_STORE);
    pv_bytes name = lx_checkbytes(L, 2);
    uint64_t token = (uint64_t)luaL_checkinteger(L, 3);
    lua_Integer ttl = luaL_checkinteger(L, 4), now = luaL_checkinteger(L, 5);
    pv_err err;
    return push_done(L, pv_store_renew(s, name, token, ttl, now, &err), &err);
}

/* store:release(name, token) -> true | nil, err "conflict" */
static int l_store_release(lua_State *L)
{
    pv_store *s = lx_checkbox(L, 1, L_STORE);
    pv_bytes name = lx_checkbytes(L, 2);
    uint64_t token = (uint64_t)luaL_checkinteger(L, 3);
    pv_err err;
    return push_done(L, pv_store_release(s, name, token, &err), &err);
}

/* store:rewrite({ sealer = box?, keep = n?, epoch = token? }?) -> true | nil, err */
static int l_store_rewrite(lua_State *L)
{
    pv_store *s = lx_checkbox(L, 1, L_STORE);
    pv_rewrite how = {0};
    pv_err err;
    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        how.sealer = opt_sealer(L, 2);
        how.keep = (uint64_t)lx_optfield_int(L, 2, "keep", 0);
        how.epoch = (uint64_t)lx_optfield_int(L, 2, "epoch", 0);
    }
    return push_done(L, pv_store_rewrite(s, &how, &err), &err);
}

/* store.swap(path) -> true | nil, err */
static int l_store_swap(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    pv_err err;
    return push_done(L, pv_store_swap(path, &err), &err);
}

/* store:backup(path) -> true | nil, err */
static int l_store_backup(lua_State *L)
{
    pv_store *s = lx_checkbox(L, 1, L_STORE);
    const char *path = luaL_checkstring(L, 2);
    pv_err err;
    return push_done(L, pv_store_backup(s, path, &err), &err);
}

static const luaL_Reg methods[] = {
    {"commit", l_store_commit},   {"commit_sync", l_store_commit_sync},
    {"claim", l_store_claim},     {"renew", l_store_renew},
    {"release", l_store_release}, {"backup", l_store_backup},
    {"rewrite", l_store_rewrite}, {NULL, NULL},
};

static const luaL_Reg functions[] = {{"open", l_store_open}, {"swap", l_store_swap}, {NULL, NULL}};

int luaopen_core_store(lua_State *L);
int luaopen_core_store(lua_State *L)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    lx_deftype(L, L_STORE, methods, l_store_close);
    lx_deftype(L, "prov.batch", none, batch_close);
    l_store_add_readers(L);
    luaL_newlib(L, functions);
    return 1;
}
