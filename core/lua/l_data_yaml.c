/* core.data: YAML, and the places of what was read. */
#include <string.h>

#include "base/mem.h"
#include "data/yaml.h"
#include "lua/l_data.h"

/* A walk that writes through libyaml. */
typedef struct yaml_walk {
    l_data_walk base;
    pv_yaml_writer *to;
} yaml_walk;

static pv_status put_value(yaml_walk *w, int idx);

static pv_status put_list(yaml_walk *w, int idx)
{
    lua_State *L = w->base.L;
    lua_Integer len;
    pv_status status = l_data_list_len(&w->base, idx, &len);
    if (status == PV_OK) status = pv_yaml_begin_list(w->to, len == 0, w->base.err);
    for (lua_Integer i = 1; i <= len && status == PV_OK; i++) {
        lua_rawgeti(L, idx, i);
        status = put_value(w, lua_gettop(L));
        lua_pop(L, 1);
    }
    return status == PV_OK ? pv_yaml_end_list(w->to, w->base.err) : status;
}

static pv_status put_map(yaml_walk *w, int idx)
{
    lua_State *L = w->base.L;
    l_data_keyset keys;
    pv_status status = l_data_sorted_keys(&w->base, idx, &keys);
    if (status != PV_OK) return status;
    status = pv_yaml_begin_map(w->to, keys.count == 0, w->base.err);
    for (size_t i = 0; i < keys.count && status == PV_OK; i++) {
        status = keys.list[i].text != NULL
                     ? pv_yaml_put_string(w->to, (pv_bytes){keys.list[i].text, keys.list[i].len},
                                          w->base.err)
                     : pv_yaml_put_int(w->to, keys.list[i].number, w->base.err);
        l_data_push_member(L, idx, &keys.list[i]);
        if (status == PV_OK) status = put_value(w, lua_gettop(L));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return status == PV_OK ? pv_yaml_end_map(w->to, w->base.err) : status;
}

static pv_status put_table(yaml_walk *w, int idx)
{
    lua_State *L = w->base.L;
    l_data_kind kind = l_data_classify(L, idx, w->base.types);
    pv_status status;
    if (kind > L_DATA_LIST) { /* a marked value stands as the text its metatable gives */
        pv_bytes text;
        luaL_checkstack(L, 4, "deep value");
        text.data = luaL_tolstring(L, idx, &text.len);
        status = pv_yaml_put_string(w->to, text, w->base.err);
        lua_pop(L, 1);
        return status;
    }
    if ((status = l_data_enter(&w->base)) != PV_OK) return status;
    status = kind == L_DATA_LIST ? put_list(w, idx) : put_map(w, idx);
    w->base.depth--;
    return status;
}

static pv_status put_value(yaml_walk *w, int idx)
{
    lua_State *L = w->base.L;
    pv_err *err = w->base.err;
    pv_bytes text;
    switch (lua_type(L, idx)) {
    case LUA_TNIL: return pv_yaml_put_null(w->to, err);
    case LUA_TBOOLEAN: return pv_yaml_put_bool(w->to, lua_toboolean(L, idx), err);
    case LUA_TNUMBER:
        if (lua_isinteger(L, idx)) return pv_yaml_put_int(w->to, lua_tointeger(L, idx), err);
        return pv_yaml_put_float(w->to, lua_tonumber(L, idx), err);
    case LUA_TSTRING:
        text.data = lua_tolstring(L, idx, &text.len);
        return pv_yaml_put_string(w->to, text, err);
    case LUA_TTABLE: return put_table(w, idx);
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(L, idx) == NULL) return pv_yaml_put_null(w->to, err);
        return l_data_bad_type(&w->base, idx);
    default: return l_data_bad_type(&w->base, idx);
    }
}

static int writer_gc(lua_State *L)
{
    pv_yaml_writer **box = lua_touserdata(L, 1);
    pv_yaml_writer_free(*box);
    *box = NULL;
    return 0;
}

/* data.yaml_encode(value) -> text | nil, err; keys are sorted */
int l_data_yaml_encode(lua_State *L)
{
    pv_err err;
    yaml_walk w = {.base = {.L = L, .types = l_data_types_of(L), .err = &err}};
    pv_yaml_writer **box;
    luaL_checkany(L, 1);
    w.base.out = lx_newbuf(L, L_DATA_MAX_TEXT);
    box = lx_newbox(L, "prov.data.yaml_writer");
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, 1); /* the buffer outlives the writer */
    w.to = *box = pv_yaml_writer_new(w.base.out);
    if (put_value(&w, 1) != PV_OK || pv_yaml_finish(w.to, &err) != PV_OK) return lx_fail(L, &err);
    lua_pushlstring(L, w.base.out->data, w.base.out->len);
    return 1;
}

/* data.yaml_decode(text, max_bytes?, all?) -> value, doc | nil, err; an empty text is data.null;
 * with `all` the value is the list of the documents */
int l_data_yaml_decode(lua_State *L)
{
    pv_bytes text = lx_checkbytes(L, 1);
    pv_yaml_limits limits = {.max_bytes = (size_t)luaL_optinteger(L, 2, 0),
                             .all = lua_toboolean(L, 3)};
    pv_err err;
    pv_doc **box = l_data_new_doc(L);
    if (pv_yaml_read(*box, text, &limits, &err) != PV_OK) return lx_fail(L, &err);
    return l_data_push_doc(L, box, true);
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { SCALAR_FIELDS = 8, BRANCH_FIELDS = 12 }; /* with those that prov.edit.yaml_tree adds */

static int parts_gc(lua_State *L)
{
    pv_yaml_part **box = lua_touserdata(L, 1);
    pv_free(*box);
    *box = NULL;
    return 0;
}

/* data.yaml_parts(text) -> list of { kind, style, from, to, value, content? } | nil, err; bytes
 * from 1, `to` is the last one; `content` is `from` where no anchor and no tag stand in front */
int l_data_yaml_parts(lua_State *L)
{
    static const char *const kinds[] = {"scalar", "alias", "list", "map", "end"};
    static const char *const styles[] = {"plain",  "single", "double", "literal",
                                         "folded", "block",  "flow"};
    pv_bytes text = lx_checkbytes(L, 1);
    pv_buf *values = lx_newbuf(L, L_DATA_MAX_TEXT);
    pv_yaml_part **box = lx_newbox(L, "prov.data.yaml_parts");
    int first = lua_gettop(L) + 1; /* of the names of kinds and styles, pushed once */
    size_t count;
    pv_err err;
    if (pv_yaml_parts(box, &count, values, text, L_DATA_MAX_PARTS, &err) != PV_OK)
        return lx_fail(L, &err);
    luaL_checkstack(L, COUNT(kinds) + COUNT(styles) + 4, NULL);
    for (size_t i = 0; i < COUNT(kinds); i++) lua_pushstring(L, kinds[i]);
    for (size_t i = 0; i < COUNT(styles); i++) lua_pushstring(L, styles[i]);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        const pv_yaml_part *part = &(*box)[i];
        lua_createtable(L, 0, part->kind <= PV_YAML_ALIAS ? SCALAR_FIELDS : BRANCH_FIELDS);
        lua_pushlstring(L, values->data == NULL ? "" : values->data + part->value, part->value_len);
        lua_setfield(L, -2, "value");
        lua_pushvalue(L, first + (int)part->kind);
        lua_setfield(L, -2, "kind");
        lua_pushvalue(L, first + (int)COUNT(kinds) + (int)part->style);
        lua_setfield(L, -2, "style");
        lua_pushinteger(L, (lua_Integer)part->from + 1);
        lua_setfield(L, -2, "from");
        if (part->from == text.len || strchr("&!", text.data[part->from]) == NULL) {
            lua_pushinteger(L, (lua_Integer)part->from + 1);
            lua_setfield(L, -2, "content");
        }
        lua_pushinteger(L, (lua_Integer)part->to);
        lua_setfield(L, -2, "to");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

pv_doc **l_data_new_doc(lua_State *L)
{
    pv_doc **box = lx_newbox(L, L_DATA_DOC);
    *box = pv_alloc(sizeof **box);
    pv_doc_init(*box, 0);
    return box;
}

int l_data_push_doc(lua_State *L, pv_doc **box, bool keep)
{
    l_data_push_node(L, *box, PV_DOC_ROOT);
    if (!keep) { /* it may be large, and the collector late */
        pv_doc_deinit(*box);
        pv_free(*box);
        *box = NULL;
        return 1;
    }
    lua_insert(L, -2);
    return 2;
}

static int doc_close(lua_State *L)
{
    pv_doc **box = lx_boxslot(L, 1, L_DATA_DOC);
    pv_doc_deinit(*box);
    pv_free(*box);
    *box = NULL;
    return 0;
}

/* The child of node id under the key on top of the stack, or 0. */
static uint32_t child_of(lua_State *L, const pv_doc *doc, uint32_t id)
{
    pv_bytes key;
    pv_node_kind kind = pv_doc_node(doc, id)->kind;
    if (kind == PV_NODE_LIST && lua_isinteger(L, -1))
        return pv_doc_item(doc, id, lua_tointeger(L, -1));
    if (kind != PV_NODE_MAP || lua_type(L, -1) != LUA_TSTRING) return 0;
    key.data = lua_tolstring(L, -1, &key.len);
    return pv_doc_find(doc, id, key);
}

/* doc:at(path) -> line, column of the value at the list of keys, or of the nearest one
 * above it that exists */
static int doc_at(lua_State *L)
{
    const pv_doc *doc = lx_checkbox(L, 1, L_DATA_DOC);
    uint32_t id = PV_DOC_ROOT;
    luaL_checktype(L, 2, LUA_TTABLE);
    for (lua_Integer i = 1; lua_rawgeti(L, 2, i) != LUA_TNIL; i++) {
        uint32_t child = child_of(L, doc, id);
        lua_pop(L, 1);
        if (child == 0) break;
        id = child;
    }
    lua_pushinteger(L, pv_doc_node(doc, id)->line);
    lua_pushinteger(L, pv_doc_node(doc, id)->column);
    return 2;
}

void l_data_define_doc(lua_State *L)
{
    static const luaL_Reg doc_methods[] = {{"at", doc_at}, {NULL, NULL}};
    static const luaL_Reg no_methods[] = {{NULL, NULL}};
    lx_deftype(L, L_DATA_DOC, doc_methods, doc_close);
    lx_deftype(L, "prov.data.yaml_writer", no_methods, writer_gc);
    lx_deftype(L, "prov.data.yaml_parts", no_methods, parts_gc);
}
