/* core.data: TOML. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "data/toml.h"
#include "lua/l_data.h"

/* A walk that builds the document that is written then. */
typedef struct toml_walk {
    l_data_walk base;
    pv_doc *doc;
} toml_walk;

static pv_status put_value(toml_walk *w, int idx, uint32_t id);

static pv_status full(toml_walk *w)
{
    return pv_fail(w->base.err, PV_ELIMIT, "the value has too many parts");
}

static pv_status put_list(toml_walk *w, int idx, uint32_t id)
{
    lua_State *L = w->base.L;
    lua_Integer len;
    pv_status status = l_data_list_len(&w->base, idx, &len);
    w->doc->nodes[id].kind = PV_NODE_LIST;
    for (lua_Integer i = 1; i <= len && status == PV_OK; i++) {
        uint32_t item = pv_doc_add(w->doc, id, 0, 0);
        lua_rawgeti(L, idx, i);
        status = item != 0 ? put_value(w, lua_gettop(L), item) : full(w);
        lua_pop(L, 1);
    }
    return status;
}

static pv_status put_map(toml_walk *w, int idx, uint32_t id)
{
    lua_State *L = w->base.L;
    l_data_keyset keys;
    pv_status status = l_data_sorted_keys(&w->base, idx, &keys);
    if (status != PV_OK) return status;
    w->doc->nodes[id].kind = PV_NODE_MAP;
    for (size_t i = 0; i < keys.count && status == PV_OK; i++) {
        char number[32];
        pv_bytes key = {keys.list[i].text, keys.list[i].len};
        uint32_t member;
        if (key.data == NULL) {
            key.len =
                (size_t)snprintf(number, sizeof number, "%lld", (long long)keys.list[i].number);
            key.data = number;
        }
        member = pv_doc_add_member(w->doc, id, key, 0, 0);
        l_data_push_member(L, idx, &keys.list[i]);
        status = member != 0 ? put_value(w, lua_gettop(L), member) : full(w);
        lua_pop(L, 1);
    }
    l_data_drop_keys(L, &keys);
    return status;
}

static pv_status put_time(toml_walk *w, int idx, uint32_t id)
{
    pv_bytes text = {0};
    char *canonical;
    bool is_time = false;
    if (lua_rawgeti(w->base.L, idx, 1) == LUA_TSTRING) {
        text.data = lua_tolstring(w->base.L, -1, &text.len);
        canonical = pv_buf_reserve(w->base.out, text.len + 4);
        is_time = canonical != NULL && pv_toml_time(text, canonical);
        if (is_time) pv_doc_set_time(w->doc, id, (pv_bytes){canonical, text.len});
    }
    lua_pop(w->base.L, 1);
    return is_time ? PV_OK : pv_fail(w->base.err, PV_EINVAL, "a marked time holds no date or time");
}

static pv_status put_table(toml_walk *w, int idx, uint32_t id)
{
    lua_State *L = w->base.L;
    l_data_kind kind = l_data_classify(L, idx, w->base.types);
    pv_status status;
    if (kind == L_DATA_TIME) {
        luaL_checkstack(L, 4, "deep value");
        return put_time(w, idx, id);
    }
    if (kind > L_DATA_LIST) { /* a marked value stands as the text its metatable gives */
        pv_bytes text;
        luaL_checkstack(L, 4, "deep value");
        text.data = luaL_tolstring(L, idx, &text.len);
        pv_doc_set_string(w->doc, id, text);
        lua_pop(L, 1);
        return PV_OK;
    }
    if ((status = l_data_enter(&w->base)) != PV_OK) return status;
    status = kind == L_DATA_LIST ? put_list(w, idx, id) : put_map(w, idx, id);
    w->base.depth--;
    return status;
}

static pv_status put_value(toml_walk *w, int idx, uint32_t id)
{
    lua_State *L = w->base.L;
    pv_node *node = &w->doc->nodes[id];
    pv_bytes text;
    switch (lua_type(L, idx)) {
    case LUA_TNIL: break;
    case LUA_TBOOLEAN:
        node->kind = PV_NODE_BOOL;
        node->u.boolean = lua_toboolean(L, idx);
        break;
    case LUA_TNUMBER:
        if (lua_isinteger(L, idx)) {
            node->kind = PV_NODE_INT;
            node->u.integer = lua_tointeger(L, idx);
        } else {
            node->kind = PV_NODE_FLOAT;
            node->u.number = lua_tonumber(L, idx);
        }
        break;
    case LUA_TSTRING:
        text.data = lua_tolstring(L, idx, &text.len);
        pv_doc_set_string(w->doc, id, text);
        break;
    case LUA_TTABLE: return put_table(w, idx, id);
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(L, idx) == NULL) break;
        return l_data_bad_type(&w->base, idx);
    default: return l_data_bad_type(&w->base, idx);
    }
    return PV_OK;
}

/* Pushes a handle of an empty document. */
static pv_doc *new_doc(lua_State *L)
{
    pv_doc **box = lx_newbox(L, L_DATA_DOC);
    *box = pv_alloc(sizeof **box);
    pv_doc_init(*box, INT32_MAX);
    return *box;
}

/* data.toml_encode(value, is_value?) -> text | nil, err; keys are sorted. A document, or what
 * stands behind `key =`, on one line. */
int l_data_toml_encode(lua_State *L)
{
    pv_err err;
    toml_walk w = {.base = {.L = L, .types = l_data_types_of(L), .err = &err}};
    bool is_value = lua_toboolean(L, 2);
    pv_status status;
    luaL_checkany(L, 1);
    w.base.out = lx_newbuf(L, L_DATA_MAX_TEXT);
    w.doc = new_doc(L);
    status = put_value(&w, 1, pv_doc_add(w.doc, 0, 0, 0));
    if (status == PV_OK) {
        status = is_value ? pv_toml_write_value(w.base.out, w.doc, PV_DOC_ROOT, &err)
                          : pv_toml_write(w.base.out, w.doc, &err);
    }
    pv_doc_deinit(w.doc); /* it may be large, and the collector late */
    if (status != PV_OK) return lx_fail(L, &err);
    lx_pushbuf(L, w.base.out);
    return 1;
}

/* data.toml_decode(text, max_bytes?, version_1_1?, plain?) -> value, doc | nil, err.  With plain,
 * dates and times are strings. */
int l_data_toml_decode(lua_State *L)
{
    pv_bytes text = lx_checkbytes(L, 1);
    pv_toml_limits limits = {.max_bytes = (size_t)luaL_optinteger(L, 2, 0),
                             .version_1_1 = lua_toboolean(L, 3)};
    bool plain = lua_toboolean(L, 4);
    pv_err err;
    pv_doc *doc = new_doc(L);
    if (pv_toml_read(doc, text, &limits, NULL, &err) != PV_OK) return lx_fail(L, &err);
    for (uint32_t id = 1; plain && id <= doc->count; id++) {
        if (doc->nodes[id].kind == PV_NODE_TIME) doc->nodes[id].kind = PV_NODE_STRING;
    }
    l_data_push_node(L, doc, PV_DOC_ROOT);
    lua_insert(L, -2);
    return 2;
}

/* Fills the table on the stack with { parent, key } of every node but the root. */
static void push_nodes(lua_State *L, const pv_doc *doc, uint32_t *counts)
{
    for (uint32_t id = PV_DOC_ROOT + 1; id <= doc->count; id++) {
        const pv_node *node = pv_doc_node(doc, id);
        lua_createtable(L, 2, 0);
        lua_pushinteger(L, node->parent);
        lua_rawseti(L, -2, 1);
        if (pv_doc_node(doc, node->parent)->kind == PV_NODE_LIST) {
            lua_pushinteger(L, ++counts[node->parent]);
        } else {
            pv_bytes key = pv_doc_key(doc, id);
            lua_pushlstring(L, key.data, key.len);
        }
        lua_rawseti(L, -2, 2);
        lua_rawseti(L, -2, id);
    }
}

static void push_span(lua_State *L, const pv_toml_span *span)
{
    static const char *const kinds[] = {"comment", "table", "element", "member", "item"};
    lua_createtable(L, 0, 6);
    lua_pushstring(L, kinds[span->kind]);
    lua_setfield(L, -2, "kind");
    lua_pushinteger(L, span->node);
    lua_setfield(L, -2, "node");
    lua_pushinteger(L, span->owner);
    lua_setfield(L, -2, "owner");
    lua_pushinteger(L, (lua_Integer)span->from + 1);
    lua_setfield(L, -2, "from");
    lua_pushinteger(L, (lua_Integer)span->value + 1);
    lua_setfield(L, -2, "value");
    lua_pushinteger(L, (lua_Integer)span->to);
    lua_setfield(L, -2, "to");
}

static int layout_gc(lua_State *L)
{
    pv_toml_layout_deinit(lua_touserdata(L, 1));
    return 0;
}

static pv_toml_layout *new_layout(lua_State *L)
{
    pv_toml_layout *layout = lua_newuserdatauv(L, sizeof *layout, 0);
    *layout = (pv_toml_layout){0};
    if (luaL_newmetatable(L, "prov.data.toml_layout")) {
        lua_pushcfunction(L, layout_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return layout;
}

/* data.toml_layout(text) -> { spans, nodes } | nil, err.  A span is { kind, node, owner, from,
 * value, to }: places for string.sub; nodes[id] is { parent, key }. */
int l_data_toml_layout(lua_State *L)
{
    pv_bytes text = lx_checkbytes(L, 1);
    pv_err err;
    pv_doc *doc = new_doc(L);
    pv_toml_layout *layout = new_layout(L);
    uint32_t *counts;
    if (pv_toml_read(doc, text, NULL, layout, &err) != PV_OK) return lx_fail(L, &err);
    counts = lua_newuserdatauv(L, (doc->count + 1) * sizeof *counts, 0);
    memset(counts, 0, (doc->count + 1) * sizeof *counts);
    lua_createtable(L, 0, 2);
    lua_createtable(L, (int)layout->count, 0);
    for (size_t i = 0; i < layout->count; i++) {
        push_span(L, &layout->spans[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "spans");
    lua_createtable(L, (int)doc->count, 0);
    push_nodes(L, doc, counts);
    lua_setfield(L, -2, "nodes");
    return 1;
}

/* data.toml_time(text) -> time | nil when it is no date or time of TOML */
int l_data_toml_time(lua_State *L)
{
    pv_bytes text = lx_checkbytes(L, 1);
    char *canonical = lua_newuserdatauv(L, text.len + 4, 0);
    if (!pv_toml_time(text, canonical)) return lua_pushnil(L), 1;
    lua_createtable(L, 1, 0);
    lua_pushlstring(L, canonical, text.len);
    lua_rawseti(L, -2, 1);
    luaL_setmetatable(L, "prov.data.time");
    return 1;
}
