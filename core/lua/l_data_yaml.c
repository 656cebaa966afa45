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
    l_data_drop_keys(L, &keys);
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
    lx_pushbuf(L, w.base.out);
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

enum { SCALAR_FIELDS = 8, FLOW_FIELDS = 9, BRANCH_FIELDS = 12 };

/* The texts of nodes, each pushed once. */
enum {
    KEY_KIND,
    KEY_STYLE,
    KEY_VALUE,
    KEY_FROM,
    KEY_CONTENT,
    KEY_TO,
    KEY_RAW_TO,
    KEY_PARENT,
    KEY_KEY,
    KEY_ITEMS,
    KEY_MEMBERS,
    KEYS
};

static const char *const KEY_NAMES[KEYS] = {"kind",   "style",  "value", "from",  "content", "to",
                                            "raw_to", "parent", "key",   "items", "members"};
static const char *const KIND_NAMES[] = {"scalar", "alias", "list", "map"};
static const char *const STYLE_NAMES[] = {"plain",  "single", "double", "literal",
                                          "folded", "block",  "flow"};

/* A tree that is pushed.  Behind `names` lie the texts of KEY_NAMES, KIND_NAMES and STYLE_NAMES,
 * then the node that is open and the list of its children. */
typedef struct tree_walk {
    lua_State *L;
    pv_bytes text;
    const pv_buf *values;
    int names;
    int open;
} tree_walk;

static void push_names(lua_State *L, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) lua_pushstring(L, names[i]);
}

/* Pushes the text of a field, for a value and lua_rawset. */
static void key(const tree_walk *w, int name)
{
    lua_pushvalue(w->L, w->names + name);
}

static void set_place(const tree_walk *w, int idx, int name, uint32_t at)
{
    key(w, name);
    lua_pushinteger(w->L, (lua_Integer)at);
    lua_rawset(w->L, idx);
}

/* Sets a field to what stands at `from`. */
static void set_value(const tree_walk *w, int idx, int name, int from)
{
    key(w, name);
    lua_pushvalue(w->L, from);
    lua_rawset(w->L, idx);
}

static bool is_branch(const pv_yaml_part *part)
{
    return part->kind == PV_YAML_LIST || part->kind == PV_YAML_MAP;
}

/* Pushes the node of a part. */
static int push_node(const tree_walk *w, const pv_yaml_part *part)
{
    lua_State *L = w->L;
    int fields = is_branch(part) ? BRANCH_FIELDS : part->in_flow ? FLOW_FIELDS : SCALAR_FIELDS;
    int idx;
    lua_createtable(L, 0, fields);
    idx = lua_gettop(L);
    set_value(w, idx, KEY_KIND, w->names + KEYS + (int)part->kind);
    set_value(w, idx, KEY_STYLE, w->names + KEYS + (int)COUNT(KIND_NAMES) + (int)part->style);
    key(w, KEY_VALUE);
    lua_pushlstring(L, w->values->data == NULL ? "" : w->values->data + part->value,
                    part->value_len);
    lua_rawset(L, idx);
    set_place(w, idx, KEY_FROM, part->from + 1);
    set_place(w, idx, KEY_CONTENT, part->content + 1);
    set_place(w, idx, KEY_TO, part->to);
    set_place(w, idx, KEY_RAW_TO, part->raw_to);
    if (part->properties > 0) {
        lua_pushinteger(L, (lua_Integer)part->properties);
        lua_setfield(L, idx, "properties_to");
    }
    if (part->anchor_len > 0) {
        lua_pushlstring(L, w->text.data + part->anchor, part->anchor_len);
        lua_setfield(L, idx, "anchor");
    }
    if (part->in_flow) lua_pushboolean(L, true), lua_setfield(L, idx, "in_flow");
    if (part->keeps) lua_pushboolean(L, true), lua_setfield(L, idx, "keeps");
    return idx;
}

/* Puts the node on top into the one that is open; both stay where they are. */
static void put_child(const tree_walk *w, const pv_yaml_part *part, int node)
{
    lua_State *L = w->L;
    int list = w->open + 1;
    set_value(w, node, KEY_PARENT, w->open);
    switch (part->role) {
    case PV_YAML_ROOT: break;
    case PV_YAML_ITEM:
        lua_pushvalue(L, node);
        lua_rawseti(L, list, (lua_Integer)lua_rawlen(L, list) + 1);
        break;
    case PV_YAML_KEY:
        lua_createtable(L, 0, 2);
        set_value(w, node + 1, KEY_KEY, node);
        lua_rawseti(L, list, (lua_Integer)lua_rawlen(L, list) + 1);
        break;
    case PV_YAML_VALUE:
        lua_rawgeti(L, list, (lua_Integer)lua_rawlen(L, list));
        set_value(w, node + 1, KEY_VALUE, node);
        lua_pop(L, 1);
        break;
    }
}

static int list_key(const pv_yaml_part *part)
{
    return part->kind == PV_YAML_LIST ? KEY_ITEMS : KEY_MEMBERS;
}

/* Goes back to the node above the open one, whose list is that of its items or members. */
static void leave_branch(const tree_walk *w)
{
    lua_State *L = w->L;
    lua_pushvalue(L, w->names + KEY_PARENT);
    lua_rawget(L, w->open);
    for (int key = KEY_ITEMS; key <= KEY_MEMBERS; key++) {
        lua_pushvalue(L, w->names + key);
        if (lua_rawget(L, -2) != LUA_TNIL) break;
        lua_pop(L, 1);
    }
    lua_replace(L, w->open + 1);
    lua_replace(L, w->open);
}

static int push_tree(const tree_walk *w, const pv_yaml_part *parts, size_t count)
{
    lua_State *L = w->L;
    for (size_t i = 0; i < count; i++) {
        const pv_yaml_part *part = &parts[i];
        int node;
        if (part->kind == PV_YAML_END) {
            if (i + 1 < count) leave_branch(w);
            continue;
        }
        node = push_node(w, part);
        if (part->role != PV_YAML_ROOT) put_child(w, part, node);
        if (is_branch(part)) {
            lua_createtable(L, (int)part->children, 0);
            set_value(w, node, list_key(part), node + 1);
            lua_replace(L, w->open + 1);
            lua_replace(L, w->open);
        } else if (i + 1 < count) {
            lua_settop(L, node - 1);
        }
    }
    if (is_branch(&parts[0])) lua_pushvalue(L, w->open);
    return 1;
}

static int parts_gc(lua_State *L)
{
    pv_yaml_part **box = lua_touserdata(L, 1);
    pv_free(*box);
    *box = NULL;
    return 0;
}

/* data.yaml_tree(text) -> root | nil | nil, err: what prov.edit.yaml_tree describes; bytes from 1,
 * `to` is the last one */
int l_data_yaml_tree(lua_State *L)
{
    tree_walk w = {.L = L, .text = lx_checkbytes(L, 1)};
    pv_buf *values = lx_newbuf(L, L_DATA_MAX_TEXT);
    pv_yaml_part **box = lx_newbox(L, "prov.data.yaml_parts");
    size_t count;
    pv_err err;
    if (pv_yaml_parts(box, &count, values, w.text, L_DATA_MAX_PARTS, &err) != PV_OK)
        return lx_fail(L, &err);
    if (count == 0) return 0;
    w.values = values;
    w.names = lua_gettop(L) + 1;
    luaL_checkstack(L, KEYS + (int)COUNT(KIND_NAMES) + (int)COUNT(STYLE_NAMES) + 12, NULL);
    push_names(L, KEY_NAMES, KEYS);
    push_names(L, KIND_NAMES, COUNT(KIND_NAMES));
    push_names(L, STYLE_NAMES, COUNT(STYLE_NAMES));
    w.open = lua_gettop(L) + 1;
    lua_settop(L, w.open + 1);
    return push_tree(&w, *box, pv_yaml_tree(*box, count, w.text));
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
