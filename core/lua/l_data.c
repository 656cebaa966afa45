/* core.data: JSON, YAML, TOML and the canonical encoding, and the kinds of values they share. */
#include "lua/l_data.h"

#include <stdlib.h>
#include <string.h>

static const char *const kind_names[L_DATA_KINDS] = {
    NULL,
    "prov.data.list",
    "prov.data.secret",
    "prov.data.unknown",
    "prov.data.ref",
    "prov.data.text",
    "prov.data.time",
    "prov.data.call",
};

int l_data_rawfield(lua_State *L, int t, const char *name)
{
    t = lua_absindex(L, t);
    lua_pushstring(L, name);
    return lua_rawget(L, t);
}

l_data_kind l_data_classify(lua_State *L, int idx, const l_data_types *types)
{
    if (lua_getmetatable(L, idx)) {
        const void *mt = lua_topointer(L, -1);
        lua_pop(L, 1);
        for (int kind = L_DATA_LIST; kind < L_DATA_KINDS; kind++) {
            if (types->metatable[kind] == mt) return (l_data_kind)kind;
        }
    }
    return lua_rawlen(L, idx) > 0 ? L_DATA_LIST : L_DATA_MAP;
}

pv_status l_data_enter(l_data_walk *w)
{
    if (++w->depth > L_DATA_DEPTH)
        return pv_fail(w->err, PV_ELIMIT, "the value is nested deeper than %d", L_DATA_DEPTH);
    luaL_checkstack(w->L, 12, "deep value");
    return PV_OK;
}

pv_status l_data_bad_type(l_data_walk *w, int idx)
{
    return pv_fail(w->err, PV_EINVAL, "a %s cannot be written as data", luaL_typename(w->L, idx));
}

pv_status l_data_list_len(l_data_walk *w, int idx, lua_Integer *out)
{
    lua_State *L = w->L;
    lua_Integer len = (lua_Integer)lua_rawlen(L, idx), count = 0;
    idx = lua_absindex(L, idx);
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        lua_pop(L, 1);
        if (++count > len || !lua_isinteger(L, -1)) {
            lua_pop(L, 1);
            return pv_fail(w->err, PV_EINVAL, "a list also has named fields");
        }
    }
    if (count != len) return pv_fail(w->err, PV_EINVAL, "a list has holes");
    *out = len;
    return PV_OK;
}

static int compare_keys(const void *left, const void *right)
{
    const l_data_key *a = left, *b = right;
    size_t len = a->len < b->len ? a->len : b->len;
    int order;
    if (a->text == NULL || b->text == NULL) {
        if (a->text != NULL || b->text != NULL) return a->text == NULL ? -1 : 1;
        return a->number < b->number ? -1 : a->number > b->number;
    }
    order = memcmp(a->text, b->text, len);
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static void sort_keys(l_data_keyset *keys)
{
    if (keys->list != keys->few) {
        qsort(keys->list, keys->count, sizeof *keys->list, compare_keys);
        return;
    }
    for (size_t i = 1; i < keys->count; i++) {
        l_data_key key = keys->few[i];
        size_t at = i;
        for (; at > 0 && compare_keys(&keys->few[at - 1], &key) > 0; at--)
            keys->few[at] = keys->few[at - 1];
        keys->few[at] = key;
    }
}

/* The key below the top of the stack, or PV_EINVAL. */
static pv_status read_key(l_data_walk *w, l_data_key *key)
{
    lua_State *L = w->L;
    *key = (l_data_key){0};
    if (lua_type(L, -2) == LUA_TSTRING) key->text = lua_tolstring(L, -2, &key->len);
    else if (lua_isinteger(L, -2)) key->number = lua_tointeger(L, -2);
    else
        return pv_fail(w->err, PV_EINVAL, "a key of a map is a %s, not a string",
                       luaL_typename(L, -2));
    return PV_OK;
}

pv_status l_data_sorted_keys(l_data_walk *w, int idx, l_data_keyset *keys)
{
    lua_State *L = w->L;
    size_t few = sizeof keys->few / sizeof *keys->few, room = few;
    pv_status status = PV_OK;
    idx = lua_absindex(L, idx);
    keys->count = 0;
    keys->list = keys->few;
    keys->top = lua_gettop(L);
    luaL_checkstack(L, (int)few + 12, "deep value");
    for (lua_pushnil(L); status == PV_OK && lua_next(L, idx); lua_pop(L, 1)) {
        if (keys->count == room) {
            l_data_key *more = lua_newuserdatauv(L, room * 2 * sizeof *more, 0);
            memcpy(more, keys->list, room * sizeof *more);
            if (room == few) lua_insert(L, -3);
            else lua_replace(L, -4);
            keys->list = more;
            room *= 2;
        }
        status = read_key(w, &keys->list[keys->count]);
        if (room == few) { /* a copy of the key, below what lua_next() needs */
            lua_pushvalue(L, -2);
            lua_insert(L, -3);
            keys->list[keys->count].at = lua_gettop(L) - 2;
        }
        keys->count++;
    }
    if (status == PV_OK) sort_keys(keys);
    else l_data_drop_keys(L, keys);
    return status;
}

void l_data_drop_keys(lua_State *L, const l_data_keyset *keys)
{
    lua_settop(L, keys->top);
}

void l_data_push_member(lua_State *L, int map, const l_data_key *key)
{
    map = lua_absindex(L, map);
    if (key->text == NULL) {
        lua_rawgeti(L, map, key->number);
        return;
    }
    if (key->at != 0) lua_pushvalue(L, key->at);
    else lua_pushlstring(L, key->text, key->len);
    lua_rawget(L, map);
}

static void push_children(lua_State *L, const pv_doc *doc, const pv_node *node)
{
    lua_Integer at = 0;
    bool is_map = node->kind == PV_NODE_MAP;
    luaL_checkstack(L, 6, "deep document");
    lua_createtable(L, is_map ? 0 : (int)node->u.children.count,
                    is_map ? (int)node->u.children.count : 0);
    for (uint32_t child = node->u.children.first; child != 0;
         child = pv_doc_node(doc, child)->next) {
        if (is_map) {
            pv_bytes key = pv_doc_key(doc, child);
            lua_pushlstring(L, key.data, key.len);
            l_data_push_node(L, doc, child);
            lua_rawset(L, -3);
        } else {
            l_data_push_node(L, doc, child);
            lua_rawseti(L, -2, ++at);
        }
    }
    if (!is_map) luaL_setmetatable(L, kind_names[L_DATA_LIST]);
}

void l_data_push_node(lua_State *L, const pv_doc *doc, uint32_t id)
{
    const pv_node *node = pv_doc_node(doc, id);
    pv_bytes text;
    switch (node->kind) {
    case PV_NODE_NULL: lua_pushlightuserdata(L, NULL); break;
    case PV_NODE_BOOL: lua_pushboolean(L, node->u.boolean); break;
    case PV_NODE_INT: lua_pushinteger(L, (lua_Integer)node->u.integer); break;
    case PV_NODE_FLOAT: lua_pushnumber(L, node->u.number); break;
    case PV_NODE_STRING:
        text = pv_doc_string(doc, id);
        lua_pushlstring(L, text.data, text.len);
        break;
    case PV_NODE_LIST:
    case PV_NODE_MAP: push_children(L, doc, node); break;
    case PV_NODE_TIME:
        text = pv_doc_string(doc, id);
        lua_createtable(L, 1, 0);
        lua_pushlstring(L, text.data, text.len);
        lua_rawseti(L, -2, 1);
        luaL_setmetatable(L, kind_names[L_DATA_TIME]);
        break;
    }
}

/* data.list(t?) -> t marked as a list, also when it is empty */
static int l_data_list(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_setmetatable(L, kind_names[L_DATA_LIST]);
    return 1;
}

/* data.kind(v) -> "map" | "list" | "null" | a kind of marked value | type(v) */
static int l_data_kind_of(lua_State *L)
{
    static const char *const names[] = {"map", "list", "secret", "unknown",
                                        "ref", "text", "time",   "call"};
    luaL_checkany(L, 1);
    if (lua_islightuserdata(L, 1) && lua_touserdata(L, 1) == NULL) lua_pushliteral(L, "null");
    else if (lua_istable(L, 1)) lua_pushstring(L, names[l_data_classify(L, 1, l_data_types_of(L))]);
    else lua_pushstring(L, luaL_typename(L, 1));
    return 1;
}

/* data.keys(map) -> list of its keys, sorted: integers first, then strings by byte */
static int l_data_keys(lua_State *L)
{
    pv_err err;
    l_data_walk w = {.L = L, .err = &err};
    l_data_keyset keys;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    if (l_data_sorted_keys(&w, 1, &keys) != PV_OK) return luaL_argerror(L, 1, err.msg);
    lua_createtable(L, (int)keys.count, 0);
    for (size_t i = 0; i < keys.count; i++) {
        if (keys.list[i].text != NULL) lua_pushlstring(L, keys.list[i].text, keys.list[i].len);
        else lua_pushinteger(L, keys.list[i].number);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* data.copy(map, room?) -> a new table with its members, and room for more of them */
static int l_data_copy(lua_State *L)
{
    lua_Integer size = luaL_optinteger(L, 2, 0);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argcheck(L, size >= 0 && size <= 1024, 2, "must be from 0 to 1024");
    lua_settop(L, 1);
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) size++;
    lua_createtable(L, 0, (int)size);
    for (lua_pushnil(L); lua_next(L, 1);) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, 2);
    }
    return 1;
}

static const luaL_Reg functions[] = {
    {"copy", l_data_copy},
    {"list", l_data_list},
    {"kind", l_data_kind_of},
    {"keys", l_data_keys},
    {"json_decode", l_data_json_decode},
    {"json_encode", l_data_json_encode},
    {"yaml_decode", l_data_yaml_decode},
    {"yaml_encode", l_data_yaml_encode},
    {"yaml_tree", l_data_yaml_tree},
    {"toml_decode", l_data_toml_decode},
    {"toml_encode", l_data_toml_encode},
    {"toml_layout", l_data_toml_layout},
    {"toml_time", l_data_toml_time},
    {"encode", l_data_encode},
    {"decode", l_data_decode},
    {NULL, NULL},
};

int luaopen_core_data(lua_State *L);
int luaopen_core_data(lua_State *L)
{
    static const char *const fields[] = {NULL,     "list_mt", "secret_mt", "unknown_mt",
                                         "ref_mt", "text_mt", "time_mt",   "call_mt"};
    l_data_types *types;
    l_data_define_doc(L);
    luaL_newlibtable(L, functions);
    types = lua_newuserdatauv(L, sizeof *types, 0);
    memset(types, 0, sizeof *types);
    for (int kind = L_DATA_LIST; kind < L_DATA_KINDS; kind++) {
        luaL_newmetatable(L, kind_names[kind]);
        types->metatable[kind] = lua_topointer(L, -1);
        lua_setfield(L, -3, fields[kind]);
    }
    luaL_setfuncs(L, functions, 1);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    return 1;
}
