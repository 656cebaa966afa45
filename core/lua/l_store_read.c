/* core.store: the readers.  Lists come row by row from a cursor that Lua collects, whatever
 * raises on the way. */
#include <stdint.h>

#include "lua/l_store.h"
#include "store/store.h"

#define L_CURSOR "prov.cursor"

static pv_bytes opt_bytes(lua_State *L, int idx)
{
    pv_bytes none = {"", 0};
    return lua_isnoneornil(L, idx) ? none : lx_checkbytes(L, idx);
}

static uint64_t opt_revision(lua_State *L, int idx)
{
    lua_Integer revision;
    if (lua_isnoneornil(L, idx)) return PV_STORE_HEAD;
    revision = luaL_checkinteger(L, idx);
    luaL_argcheck(L, revision >= 0, idx, "a revision is 0 or more");
    return (uint64_t)revision;
}

static void push_bytes(lua_State *L, pv_bytes bytes)
{
    lua_pushlstring(L, bytes.len != 0 ? bytes.data : "", bytes.len);
}

static int cursor_close(lua_State *L)
{
    pv_cursor **box = lx_boxslot(L, 1, L_CURSOR);
    pv_cursor_close(*box);
    *box = NULL;
    return 0;
}

/* Pushes the row as a table { ... }. */
typedef void (*push_row)(lua_State *L, const pv_row *row);

/* With the cursor's box on top: pushes the list of its rows, at most limit, and closes it. */
static int push_list(lua_State *L, pv_cursor **box, push_row push, lua_Integer limit)
{
    pv_row row;
    pv_err err;
    pv_status status = PV_OK;
    lua_newtable(L);
    for (lua_Integer i = 1; i <= limit && (status = pv_cursor_next(*box, &row, &err)) == PV_OK;
         i++) {
        push(L, &row);
        lua_rawseti(L, -2, i);
    }
    pv_cursor_close(*box);
    *box = NULL;
    return status == PV_OK || status == PV_ENOTFOUND ? 1 : lx_fail(L, &err);
}

static void set_bytes(lua_State *L, pv_bytes bytes, int at)
{
    push_bytes(L, bytes);
    lua_rawseti(L, -2, at);
}

static void push_node_row(lua_State *L, const pv_row *row)
{
    lua_createtable(L, 3, 0);
    set_bytes(L, row->id, 1);
    set_bytes(L, row->type, 2);
    set_bytes(L, row->data, 3);
}

static void push_edge_row(lua_State *L, const pv_row *row)
{
    lua_createtable(L, 4, 0);
    set_bytes(L, row->id, 1);
    set_bytes(L, row->type, 2);
    set_bytes(L, row->to, 3);
    set_bytes(L, row->data, 4);
}

static void push_journal_row(lua_State *L, const pv_row *row)
{
    lua_createtable(L, 3, 0);
    lua_pushinteger(L, (lua_Integer)row->number);
    lua_rawseti(L, -2, 1);
    set_bytes(L, row->id, 2);
    set_bytes(L, row->data, 3);
}

static void push_key_row(lua_State *L, const pv_row *row)
{
    lua_createtable(L, 2, 0);
    set_bytes(L, row->id, 1);
    set_bytes(L, row->data, 2);
}

static void push_revision_row(lua_State *L, const pv_row *row)
{
    lua_createtable(L, 3, 0);
    lua_pushinteger(L, (lua_Integer)row->number);
    lua_rawseti(L, -2, 1);
    lua_pushinteger(L, row->time);
    lua_rawseti(L, -2, 2);
    set_bytes(L, row->data, 3);
}

static void push_lock_row(lua_State *L, const pv_row *row)
{
    lua_createtable(L, 4, 0);
    set_bytes(L, row->id, 1);
    set_bytes(L, row->data, 2);
    lua_pushinteger(L, (lua_Integer)row->number);
    lua_rawseti(L, -2, 3);
    lua_pushinteger(L, row->time);
    lua_rawseti(L, -2, 4);
}

static lua_Integer opt_limit(lua_State *L, int idx)
{
    return luaL_optinteger(L, idx, LUA_MAXINTEGER);
}

/* store:head() -> revision | nil, err */
static int l_store_head(lua_State *L)
{
    uint64_t revision;
    pv_err err;
    if (pv_store_head(lx_checkbox(L, 1, L_STORE), &revision, &err) != PV_OK)
        return lx_fail(L, &err);
    lua_pushinteger(L, (lua_Integer)revision);
    return 1;
}

/* store:oldest() -> revision | nil, err */
static int l_store_oldest(lua_State *L)
{
    uint64_t revision;
    pv_err err;
    if (pv_store_oldest(lx_checkbox(L, 1, L_STORE), &revision, &err) != PV_OK)
        return lx_fail(L, &err);
    lua_pushinteger(L, (lua_Integer)revision);
    return 1;
}

/* store:node(id, revision?) -> type, bytes | nil | nil, err */
static int l_store_node(lua_State *L)
{
    pv_store *s = lx_checkbox(L, 1, L_STORE);
    pv_bytes id = lx_checkbytes(L, 2);
    uint64_t revision = opt_revision(L, 3);
    pv_buf *type = lx_newbuf(L, 0), *data = lx_newbuf(L, 0);
    pv_err err;
    pv_status status = pv_store_node(s, id, revision, type, data, &err);
    if (status == PV_ENOTFOUND) {
        lua_pushnil(L);
        return 1;
    }
    if (status != PV_OK) return lx_fail(L, &err);
    lx_pushbuf(L, type);
    lx_pushbuf(L, data);
    return 2;
}

/* store:get(space, key) -> bytes | nil | nil, err */
static int l_store_get(lua_State *L)
{
    pv_store *s = lx_checkbox(L, 1, L_STORE);
    pv_bytes space = lx_checkbytes(L, 2), key = lx_checkbytes(L, 3);
    pv_buf *data = lx_newbuf(L, 0);
    pv_err err;
    pv_status status = pv_store_get(s, space, key, data, &err);
    if (status == PV_ENOTFOUND) {
        lua_pushnil(L);
        return 1;
    }
    if (status != PV_OK) return lx_fail(L, &err);
    lx_pushbuf(L, data);
    return 1;
}

/* store:nodes(type?, revision?) -> { { id, type, bytes } } | nil, err */
static int l_store_nodes(lua_State *L)
{
    pv_store *s = lx_checkbox(L, 1, L_STORE);
    pv_bytes type = opt_bytes(L, 2);
    uint64_t revision = opt_revision(L, 3);
    pv_cursor **box = lx_newbox(L, L_CURSOR);
    pv_err err;
    if (pv_store_nodes(s, type, revision, box, &err) != PV_OK) return lx_fail(L, &err);
    return push_list(L, box, push_node_row, LUA_MAXINTEGER);
}

/* store:edges(id, "out"|"in"|"both", type?, revision?) -> { { from, type, to, bytes } } | nil, err
 */
static int l_store_edges(lua_State *L)
{
    static const char *const names[] = {"out", "in", "both", NULL};
    pv_store *s = lx_checkbox(L, 1, L_STORE);
    pv_bytes id = lx_checkbytes(L, 2);
    pv_edge_dir dir = (pv_edge_dir)(luaL_checkoption(L, 3, "both", names) + 1);
    pv_bytes type = opt_bytes(L, 4);
    uint64_t revision = opt_revision(L, 5);
    pv_cursor **box = lx_newbox(L, L_CURSOR);
    pv_err err;
    if (pv_store_edges(s, id, dir, type, revision, box, &err) != PV_OK) return lx_fail(L, &err);
    return push_list(L, box, push_edge_row, LUA_MAXINTEGER);
}

/* store:journal(run?, from?, limit?) -> { { seq, run, bytes } } | nil, err */
static int l_store_journal(lua_State *L)
{
    pv_store *s = lx_checkbox(L, 1, L_STORE);
    pv_bytes run = opt_bytes(L, 2);
    lua_Integer from = luaL_optinteger(L, 3, 0), limit = opt_limit(L, 4);
    pv_cursor **box = lx_newbox(L, L_CURSOR);
    pv_err err;
    if (pv_store_journal(s, run, from > 0 ? (uint64_t)from : 0, box, &err) != PV_OK)
        return lx_fail(L, &err);
    return push_list(L, box, push_journal_row, limit);
}

/* store:scan(space, prefix?, { after = key?, limit = n?, reverse = bool? }?) -> { { key, bytes } }
 * | nil, err */
static int l_store_scan(lua_State *L)
{
    pv_store *s = lx_checkbox(L, 1, L_STORE);
    pv_bytes space = lx_checkbytes(L, 2);
    pv_range range = {.prefix = opt_bytes(L, 3)};
    lua_Integer limit = LUA_MAXINTEGER;
    pv_cursor **box;
    pv_err err;
    if (!lua_isnoneornil(L, 4)) {
        luaL_checktype(L, 4, LUA_TTABLE);
        range.after = lx_optfield_bytes(L, 4, "after");
        range.reverse = lx_optfield_bool(L, 4, "reverse", 0);
        limit = lx_optfield_int(L, 4, "limit", limit);
    }
    box = lx_newbox(L, L_CURSOR);
    if (pv_store_scan(s, space, &range, box, &err) != PV_OK) return lx_fail(L, &err);
    return push_list(L, box, push_key_row, limit);
}

/* store:revisions(limit?) -> { { revision, time_ms, message } } | nil, err; newest first */
static int l_store_revisions(lua_State *L)
{
    pv_store *s = lx_checkbox(L, 1, L_STORE);
    lua_Integer limit = opt_limit(L, 2);
    pv_cursor **box = lx_newbox(L, L_CURSOR);
    pv_err err;
    if (pv_store_revisions(s, box, &err) != PV_OK) return lx_fail(L, &err);
    return push_list(L, box, push_revision_row, limit);
}

/* store:locks() -> { { name, owner, token, expires } } | nil, err */
static int l_store_locks(lua_State *L)
{
    pv_store *s = lx_checkbox(L, 1, L_STORE);
    pv_cursor **box = lx_newbox(L, L_CURSOR);
    pv_err err;
    if (pv_store_locks(s, box, &err) != PV_OK) return lx_fail(L, &err);
    return push_list(L, box, push_lock_row, LUA_MAXINTEGER);
}

/* store:check() -> report | nil, err */
static int l_store_check(lua_State *L)
{
    pv_store *s = lx_checkbox(L, 1, L_STORE);
    pv_store_report r;
    pv_err err;
    if (pv_store_check(s, &r, &err) != PV_OK) return lx_fail(L, &err);
    const struct {
        const char *name;
        uint64_t value;
    } fields[] = {
        {"head", r.head},           {"nodes", r.nodes},
        {"edges", r.edges},         {"dangling", r.dangling},
        {"journal", r.journal},     {"keys", r.keys},
        {"locks", r.locks},         {"old_versions", r.old_versions},
        {"file_size", r.file_size}, {"used_size", r.used_size},
        {"errors", r.errors},
    };
    lua_newtable(L);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        lua_pushinteger(L, (lua_Integer)fields[i].value);
        lua_setfield(L, -2, fields[i].name);
    }
    if (r.errors != 0) {
        lua_pushstring(L, r.first);
        lua_setfield(L, -2, "first_error");
    }
    return 1;
}

void l_store_add_readers(lua_State *L)
{
    static const luaL_Reg readers[] = {
        {"head", l_store_head},       {"oldest", l_store_oldest}, {"revisions", l_store_revisions},
        {"node", l_store_node},       {"nodes", l_store_nodes},   {"edges", l_store_edges},
        {"journal", l_store_journal}, {"get", l_store_get},       {"scan", l_store_scan},
        {"locks", l_store_locks},     {"check", l_store_check},   {NULL, NULL},
    };
    static const luaL_Reg none[] = {{NULL, NULL}};
    luaL_getmetatable(L, L_STORE);
    lua_getfield(L, -1, "__index");
    luaL_setfuncs(L, readers, 0);
    lua_pop(L, 2);
    lx_deftype(L, L_CURSOR, none, cursor_close);
}
