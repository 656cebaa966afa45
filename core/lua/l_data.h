/* Shared by the files of core.data: how its kinds of values look in Lua. */
#ifndef PV_LUA_L_DATA_H
#define PV_LUA_L_DATA_H

#include "data/doc.h"
#include "lua/lx.h"

typedef enum {
    L_DATA_MAP,
    L_DATA_LIST,
    L_DATA_SECRET,  /* { value } */
    L_DATA_UNKNOWN, /* { type = string?, origins = list? } */
    L_DATA_REF, /* { ["@address"] = string, ["@path"] = list }: no clash with fields that a path may
                   name */
    L_DATA_TEXT, /* { part, ... } */
    L_DATA_TIME, /* { text }: a date, a time or both, in the canonical form of TOML */
    L_DATA_CALL, /* { ["@call"] = { name, argument, ... } }: indexing it makes another call */
} l_data_kind;

enum {
    L_DATA_KINDS = L_DATA_CALL + 1,
    L_DATA_DEPTH = 500,
    L_DATA_MAX_TEXT = 1 << 30,
    L_DATA_MAX_PARTS = 1 << 20
};

/* Upvalue 1 of every function of core.data: the metatable of each kind, NULL for maps. */
typedef struct l_data_types {
    const void *metatable[L_DATA_KINDS];
} l_data_types;

/* What a walk over a Lua value needs. */
typedef struct l_data_walk {
    lua_State *L;
    const l_data_types *types;
    pv_buf *out;
    pv_err *err;
    int depth;
    bool pretty;
} l_data_walk;

/* One key of a map: a string when text is not NULL, else an integer. */
typedef struct l_data_key {
    const char *text;
    size_t len;
    lua_Integer number;
    int at; /* where the string stands on the stack, or 0 */
} l_data_key;

/* The kind of the table at idx. */
l_data_kind l_data_classify(lua_State *L, int idx, const l_data_types *types);

/* Number of items of the list at idx; PV_EINVAL when it has holes or other keys. */
pv_status l_data_list_len(l_data_walk *w, int idx, lua_Integer *out);

/* The sorted keys of a map: those of a small one need no block of memory, and stand on the stack.
 */
typedef struct l_data_keyset {
    l_data_key *list; /* integers first, then strings by byte */
    size_t count;
    int top; /* of the stack, without what keeps the keys */
    l_data_key few[16];
} l_data_keyset;

/* Fills *keys with the keys of the map at idx and pushes what keeps them, for l_data_drop_keys().
 * They stay valid while the map stays on the stack and is not changed.  PV_EINVAL (with nothing
 * pushed) when a key is of another type. */
pv_status l_data_sorted_keys(l_data_walk *w, int idx, l_data_keyset *keys);

/* Pops what l_data_sorted_keys() has pushed, and all above. */
void l_data_drop_keys(lua_State *L, const l_data_keyset *keys);

/* Pushes map[key]. */
void l_data_push_member(lua_State *L, int map, const l_data_key *key);

/* Pushes t[name] without metamethods and returns its type. */
int l_data_rawfield(lua_State *L, int t, const char *name);

/* Counts one level of nesting; PV_ELIMIT past L_DATA_DEPTH (a table inside itself, say). */
pv_status l_data_enter(l_data_walk *w);

/* PV_EINVAL: a value of this type cannot be written. */
pv_status l_data_bad_type(l_data_walk *w, int idx);

/* Pushes what a node of a document means in Lua; `doc` is on the stack somewhere. */
void l_data_push_node(lua_State *L, const pv_doc *doc, uint32_t id);

/* The functions, in l_data_json.c, l_data_yaml.c, l_data_toml.c and l_data_codec.c. */
int l_data_json_decode(lua_State *L);
int l_data_json_encode(lua_State *L);
int l_data_yaml_decode(lua_State *L);
int l_data_yaml_encode(lua_State *L);
int l_data_yaml_tree(lua_State *L);
int l_data_toml_decode(lua_State *L);
int l_data_toml_encode(lua_State *L);
int l_data_toml_layout(lua_State *L);
int l_data_toml_time(lua_State *L);
int l_data_encode(lua_State *L);
int l_data_decode(lua_State *L);

/* The handle of a document: it answers where a value was written. */
#define L_DATA_DOC "prov.data.doc"

/* Defines its type. */
void l_data_define_doc(lua_State *L);

/* Pushes a new handle with an empty document in it, for a reader to fill. */
pv_doc **l_data_new_doc(lua_State *L);

/* With the handle on top of the stack: puts the value of the root below it, or in place of it
 * when it is not to be kept.  Returns how many values there are now. */
int l_data_push_doc(lua_State *L, pv_doc **box, bool keep);

static inline const l_data_types *l_data_types_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

#endif
