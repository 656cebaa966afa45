/* core.data: JSON. */
#include "base/mem.h"
#include "data/json.h"
#include "lua/l_data.h"

static pv_status put_value(l_data_walk *w, int idx);

static pv_status wrote(l_data_walk *w, pv_status status)
{
    return status == PV_OK ? PV_OK : pv_fail(w->err, PV_ELIMIT, "the JSON text is too large");
}

static pv_status put_text(l_data_walk *w, const char *text)
{
    return wrote(w, pv_buf_adds(w->out, text));
}

static pv_status put_byte(l_data_walk *w, char byte)
{
    return wrote(w, pv_buf_addc(w->out, byte));
}

static pv_status put_newline(l_data_walk *w)
{
    static const char spaces[] = "                                ";
    pv_status status;
    if (!w->pretty) return PV_OK;
    status = pv_buf_addc(w->out, '\n');
    for (size_t left = (size_t)w->depth * 2, now; left != 0 && status == PV_OK; left -= now) {
        now = left < sizeof spaces - 1 ? left : sizeof spaces - 1;
        status = pv_buf_add(w->out, spaces, now);
    }
    return wrote(w, status);
}

static pv_status put_list(l_data_walk *w, int idx)
{
    lua_Integer len;
    pv_status status = l_data_list_len(w, idx, &len);
    if (status == PV_OK) status = put_byte(w, '[');
    for (lua_Integer i = 1; i <= len && status == PV_OK; i++) {
        if (i > 1) status = put_byte(w, ',');
        if (status == PV_OK) status = put_newline(w);
        lua_rawgeti(w->L, idx, i);
        if (status == PV_OK) status = put_value(w, lua_gettop(w->L));
        lua_pop(w->L, 1);
    }
    w->depth--;
    if (status == PV_OK && len > 0) status = put_newline(w);
    return status == PV_OK ? put_byte(w, ']') : status;
}

static pv_status put_key(l_data_walk *w, const l_data_key *key)
{
    pv_status status = PV_OK;
    if (key->text != NULL) {
        status = pv_json_put_string(w->out, (pv_bytes){key->text, key->len}, w->err);
    } else if (pv_buf_addf(w->out, "\"%lld\"", (long long)key->number) != PV_OK) {
        status = pv_fail(w->err, PV_ELIMIT, "the JSON text is too large");
    }
    if (status == PV_OK) status = put_byte(w, ':');
    return status == PV_OK && w->pretty ? put_byte(w, ' ') : status;
}

static pv_status put_map(l_data_walk *w, int idx)
{
    l_data_keyset keys;
    pv_status status = l_data_sorted_keys(w, idx, &keys);
    if (status != PV_OK) return status;
    status = put_byte(w, '{');
    for (size_t i = 0; i < keys.count && status == PV_OK; i++) {
        if (i > 0) status = put_byte(w, ',');
        if (status == PV_OK) status = put_newline(w);
        if (status == PV_OK) status = put_key(w, &keys.list[i]);
        l_data_push_member(w->L, idx, &keys.list[i]);
        if (status == PV_OK) status = put_value(w, lua_gettop(w->L));
        lua_pop(w->L, 1);
    }
    l_data_drop_keys(w->L, &keys);
    w->depth--;
    if (status == PV_OK && keys.count > 0) status = put_newline(w);
    return status == PV_OK ? put_byte(w, '}') : status;
}

static pv_status put_table(l_data_walk *w, int idx)
{
    pv_status status;
    l_data_kind kind = l_data_classify(w->L, idx, w->types);
    if (kind > L_DATA_LIST) { /* a marked value stands as the text its metatable gives */
        pv_bytes text;
        luaL_checkstack(w->L, 4, "deep value");
        text.data = luaL_tolstring(w->L, idx, &text.len);
        status = pv_json_put_string(w->out, text, w->err);
        lua_pop(w->L, 1);
        return status;
    }
    if ((status = l_data_enter(w)) != PV_OK) return status;
    return kind == L_DATA_LIST ? put_list(w, idx) : put_map(w, idx);
}

static pv_status put_value(l_data_walk *w, int idx)
{
    pv_bytes text;
    switch (lua_type(w->L, idx)) {
    case LUA_TNIL: return put_text(w, "null");
    case LUA_TBOOLEAN: return put_text(w, lua_toboolean(w->L, idx) ? "true" : "false");
    case LUA_TNUMBER:
        if (lua_isinteger(w->L, idx))
            return pv_json_put_int(w->out, lua_tointeger(w->L, idx), w->err);
        return pv_json_put_float(w->out, lua_tonumber(w->L, idx), w->err);
    case LUA_TSTRING:
        text.data = lua_tolstring(w->L, idx, &text.len);
        return pv_json_put_string(w->out, text, w->err);
    case LUA_TTABLE: return put_table(w, idx);
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(w->L, idx) == NULL) return put_text(w, "null");
        return l_data_bad_type(w, idx);
    default: return l_data_bad_type(w, idx);
    }
}

/* data.json_encode(value, pretty?) -> text | nil, err; keys are sorted */
int l_data_json_encode(lua_State *L)
{
    pv_err err;
    l_data_walk w = {
        .L = L, .types = l_data_types_of(L), .err = &err, .pretty = lua_toboolean(L, 2)};
    luaL_checkany(L, 1);
    w.out = lx_newbuf(L, L_DATA_MAX_TEXT);
    if (put_value(&w, 1) != PV_OK) return lx_fail(L, &err);
    lx_pushbuf(L, w.out);
    return 1;
}

/* data.json_decode(text, max_bytes?, places?) -> value, doc when places | nil, err */
int l_data_json_decode(lua_State *L)
{
    pv_bytes text = lx_checkbytes(L, 1);
    bool places = lua_toboolean(L, 3);
    pv_json_limits limits = {.max_bytes = (size_t)luaL_optinteger(L, 2, 0), .no_places = !places};
    pv_err err;
    pv_doc **box = l_data_new_doc(L);
    if (pv_json_read(*box, text, &limits, &err) != PV_OK) return lx_fail(L, &err);
    return l_data_push_doc(L, box, places);
}
