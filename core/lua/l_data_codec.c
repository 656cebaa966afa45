/* core.data: the canonical encoding. */
#include "base/mem.h"
#include "data/codec.h"
#include "lua/l_data.h"

static pv_status put_value(l_data_walk *w, int idx);

static pv_status wrote(l_data_walk *w, pv_status status)
{
    return status == PV_OK ? PV_OK : pv_fail(w->err, status, "the encoding is too large");
}

static pv_status put_list(l_data_walk *w, int idx, pv_code code)
{
    lua_Integer len;
    pv_status status = l_data_list_len(w, idx, &len);
    if (status == PV_OK) status = wrote(w, pv_codec_put_count(w->out, code, (uint64_t)len));
    for (lua_Integer i = 1; i <= len && status == PV_OK; i++) {
        lua_rawgeti(w->L, idx, i);
        status = put_value(w, lua_gettop(w->L));
        lua_pop(w->L, 1);
    }
    return status;
}

static pv_status put_map(l_data_walk *w, int idx)
{
    l_data_keyset keys;
    pv_status status = l_data_sorted_keys(w, idx, &keys);
    if (status != PV_OK) return status;
    status = wrote(w, pv_codec_put_count(w->out, PV_CODE_MAP, keys.count));
    for (size_t i = 0; i < keys.count && status == PV_OK; i++) {
        status = wrote(
            w, keys.list[i].text != NULL
                   ? pv_codec_put_string(w->out, (pv_bytes){keys.list[i].text, keys.list[i].len})
                   : pv_codec_put_int(w->out, keys.list[i].number));
        l_data_push_member(w->L, idx, &keys.list[i]);
        if (status == PV_OK) status = put_value(w, lua_gettop(w->L));
        lua_pop(w->L, 1);
    }
    l_data_drop_keys(w->L, &keys);
    return status;
}

/* The code, then the values of one or two fields of the table. */
static pv_status put_fields(l_data_walk *w, int idx, pv_code code, const char *first,
                            const char *second)
{
    pv_status status = wrote(w, pv_codec_put(w->out, code));
    for (int i = 0; i < 2 && status == PV_OK; i++) {
        l_data_rawfield(w->L, idx, i == 0 ? first : second);
        status = put_value(w, lua_gettop(w->L));
        lua_pop(w->L, 1);
    }
    return status;
}

static pv_status put_table(l_data_walk *w, int idx)
{
    pv_status status = l_data_enter(w);
    if (status != PV_OK) return status;
    switch (l_data_classify(w->L, idx, w->types)) {
    case L_DATA_LIST: status = put_list(w, idx, PV_CODE_LIST); break;
    case L_DATA_MAP: status = put_map(w, idx); break;
    case L_DATA_TEXT: status = put_list(w, idx, PV_CODE_TEXT); break;
    case L_DATA_CALL:
        l_data_rawfield(w->L, idx, "@call");
        status = put_list(w, lua_gettop(w->L), PV_CODE_CALL);
        lua_pop(w->L, 1);
        break;
    case L_DATA_UNKNOWN: status = put_fields(w, idx, PV_CODE_UNKNOWN, "type", "origins"); break;
    case L_DATA_REF: status = put_fields(w, idx, PV_CODE_REF, "@address", "@path"); break;
    case L_DATA_TIME: /* stands as its text */
        lua_rawgeti(w->L, idx, 1);
        status = put_value(w, lua_gettop(w->L));
        lua_pop(w->L, 1);
        break;
    case L_DATA_SECRET:
        status = wrote(w, pv_codec_put(w->out, PV_CODE_SECRET));
        lua_rawgeti(w->L, idx, 1);
        if (status == PV_OK) status = put_value(w, lua_gettop(w->L));
        lua_pop(w->L, 1);
        break;
    }
    w->depth--;
    return status;
}

static pv_status put_value(l_data_walk *w, int idx)
{
    pv_bytes text;
    switch (lua_type(w->L, idx)) {
    case LUA_TNIL: return wrote(w, pv_codec_put(w->out, PV_CODE_NULL));
    case LUA_TBOOLEAN:
        return wrote(w,
                     pv_codec_put(w->out, lua_toboolean(w->L, idx) ? PV_CODE_TRUE : PV_CODE_FALSE));
    case LUA_TNUMBER:
        if (lua_isinteger(w->L, idx))
            return wrote(w, pv_codec_put_int(w->out, lua_tointeger(w->L, idx)));
        return wrote(w, pv_codec_put_float(w->out, lua_tonumber(w->L, idx)));
    case LUA_TSTRING:
        text.data = lua_tolstring(w->L, idx, &text.len);
        return wrote(w, pv_codec_put_string(w->out, text));
    case LUA_TTABLE: return put_table(w, idx);
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(w->L, idx) == NULL) return wrote(w, pv_codec_put(w->out, PV_CODE_NULL));
        return l_data_bad_type(w, idx);
    default: return l_data_bad_type(w, idx);
    }
}

/* data.encode(value) -> bytes | nil, err */
int l_data_encode(lua_State *L)
{
    pv_err err;
    l_data_walk w = {.L = L, .types = l_data_types_of(L), .err = &err};
    luaL_checkany(L, 1);
    w.out = lx_newbuf(L, L_DATA_MAX_TEXT);
    (void)pv_codec_begin(w.out);
    if (put_value(&w, 1) != PV_OK) return lx_fail(L, &err);
    lx_pushbuf(L, w.out);
    return 1;
}

/* Pushes the next value.  The bytes were checked before, so tokens cannot fail. */
static void push_value(lua_State *L, pv_codec_reader *r)
{
    static const char *const fields[][2] = {{"type", "origins"}, {"@address", "@path"}};
    pv_codec_token token;
    (void)pv_codec_next(r, &token, NULL);
    luaL_checkstack(L, 8, "deep value");
    switch (token.code) {
    case PV_CODE_NULL: lua_pushlightuserdata(L, NULL); break;
    case PV_CODE_FALSE:
    case PV_CODE_TRUE: lua_pushboolean(L, token.code == PV_CODE_TRUE); break;
    case PV_CODE_INT: lua_pushinteger(L, (lua_Integer)token.integer); break;
    case PV_CODE_FLOAT: lua_pushnumber(L, token.number); break;
    case PV_CODE_STRING:
    case PV_CODE_BYTES: lua_pushlstring(L, token.bytes.data, token.bytes.len); break;
    case PV_CODE_MAP:
        lua_createtable(L, 0, (int)token.count);
        for (uint64_t i = 0; i < token.count; i++) {
            push_value(L, r);
            push_value(L, r);
            lua_rawset(L, -3);
        }
        break;
    case PV_CODE_UNKNOWN:
    case PV_CODE_REF:
        lua_createtable(L, 0, 2);
        for (int i = 0; i < 2; i++) {
            lua_pushstring(L, fields[token.code == PV_CODE_REF][i]);
            push_value(L, r);
            if (lua_islightuserdata(L, -1)) { /* a field that was absent */
                lua_pop(L, 1);
                lua_pushnil(L);
            }
            lua_rawset(L, -3);
        }
        luaL_setmetatable(L, token.code == PV_CODE_REF ? "prov.data.ref" : "prov.data.unknown");
        break;
    case PV_CODE_LIST:
    case PV_CODE_TEXT:
    case PV_CODE_CALL:
    case PV_CODE_SECRET:
        lua_createtable(L, (int)token.count, 0);
        for (uint64_t i = 0; i < token.count; i++) {
            push_value(L, r);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        if (token.code == PV_CODE_CALL) {
            lua_createtable(L, 0, 1);
            lua_insert(L, -2);
            lua_setfield(L, -2, "@call");
        }
        luaL_setmetatable(L, token.code == PV_CODE_LIST   ? "prov.data.list"
                             : token.code == PV_CODE_TEXT ? "prov.data.text"
                             : token.code == PV_CODE_CALL ? "prov.data.call"
                                                          : "prov.data.secret");
        break;
    }
}

/* data.decode(bytes) -> value | nil, err */
int l_data_decode(lua_State *L)
{
    pv_bytes bytes = lx_checkbytes(L, 1);
    pv_codec_reader r;
    pv_err err;
    if (pv_codec_check(bytes, &err) != PV_OK) return lx_fail(L, &err);
    (void)pv_codec_open(&r, bytes, &err);
    push_value(L, &r);
    return 1;
}
