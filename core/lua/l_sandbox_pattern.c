/* string.find, match, gmatch and gsub of the sandbox: those of Lua on a matcher that counts. */
#include <string.h>

#include "data/pattern.h"
#include "lua/l_sandbox.h"

enum { TEXT = 1, PATTERN, THIRD };

/* A matcher for the text and the pattern; `skip` bytes of the pattern are left out. */
static void start(lua_State *L, pv_pattern *m, pv_bytes text, pv_bytes pattern, size_t skip)
{
    pattern.data += skip;
    pattern.len -= skip;
    pv_pattern_init(m, text, pattern, l_sandbox_left(L));
}

/* pv_pattern_find, with its steps counted and its failures raised; false when nothing matches. */
static bool find(lua_State *L, pv_pattern *m, size_t *from, size_t *to, bool anchored)
{
    int64_t before = m->steps = l_sandbox_left(L);
    pv_status status = pv_pattern_find(m, from, to, anchored);
    l_sandbox_use(L, before - m->steps);
    if (status == PV_EINVAL && m->index >= 0) luaL_error(L, "%s %%%d", m->problem, m->index);
    if (status == PV_EINVAL) luaL_error(L, "%s", m->problem);
    if (status == PV_ELIMIT) luaL_error(L, "the pattern takes too many steps");
    return status == PV_OK;
}

/* Offset of the argument `init` of Lua, which counts from 1 or, below 0, from the end. */
static size_t offset(lua_Integer init, size_t len)
{
    if (init > 0) return (size_t)init - 1;
    if (init == 0 || init < -(lua_Integer)len) return 0;
    return (size_t)((lua_Integer)len + init);
}

/* Pushes capture i; the whole match when the pattern has none. */
static void push_capture(lua_State *L, const pv_pattern *m, int i, size_t from, size_t to)
{
    if (i >= m->count) {
        if (i != 0) luaL_error(L, "invalid capture index %%%d", i + 1);
        lua_pushlstring(L, m->text + from, to - from);
    } else if (m->capture[i].len == PV_PATTERN_OPEN) {
        luaL_error(L, "unfinished capture");
    } else if (m->capture[i].len == PV_PATTERN_POSITION) {
        lua_pushinteger(L, m->capture[i].at - m->text + 1);
    } else {
        lua_pushlstring(L, m->capture[i].at, (size_t)m->capture[i].len);
    }
}

static int push_captures(lua_State *L, const pv_pattern *m, size_t from, size_t to)
{
    int n = m->count == 0 ? 1 : m->count;
    luaL_checkstack(L, n, "too many captures");
    for (int i = 0; i < n; i++) push_capture(L, m, i, from, to);
    return n;
}

static int find_plain(lua_State *L, pv_bytes text, pv_bytes pattern, size_t from)
{
    const char *at = memmem(text.data + from, text.len - from, pattern.data, pattern.len);
    l_sandbox_use(L, (int64_t)((at != NULL ? at : text.data + text.len) - text.data - from) / 16);
    if (at == NULL) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, at - text.data + 1);
    lua_pushinteger(L, at - text.data + (lua_Integer)pattern.len);
    return 2;
}

static int find_or_match(lua_State *L, bool is_find)
{
    pv_bytes text = lx_checkbytes(L, TEXT), pattern = lx_checkbytes(L, PATTERN);
    size_t from = offset(luaL_optinteger(L, THIRD, 1), text.len), to;
    bool anchored = pattern.len > 0 && pattern.data[0] == '^';
    pv_pattern m;
    if (from > text.len) {
        lua_pushnil(L);
        return 1;
    }
    if (is_find && (lua_toboolean(L, 4) || pv_pattern_is_plain(pattern)))
        return find_plain(L, text, pattern, from);
    start(L, &m, text, pattern, anchored);
    if (!find(L, &m, &from, &to, anchored)) {
        lua_pushnil(L);
        return 1;
    }
    if (!is_find) return push_captures(L, &m, from, to);
    lua_pushinteger(L, (lua_Integer)from + 1);
    lua_pushinteger(L, (lua_Integer)to);
    return m.count == 0 ? 2 : 2 + push_captures(L, &m, from, to);
}

int l_sandbox_find(lua_State *L)
{
    return find_or_match(L, true);
}

int l_sandbox_match(lua_State *L)
{
    return find_or_match(L, false);
}

/* Upvalue 3 is where the next match may begin, which is where the last one ended, and upvalue 4
 * whether there was one. */
static int next_match(lua_State *L)
{
    pv_bytes text = lx_checkbytes(L, lua_upvalueindex(1));
    pv_bytes pattern = lx_checkbytes(L, lua_upvalueindex(2));
    size_t from = (size_t)lua_tointeger(L, lua_upvalueindex(3)), to;
    size_t last = lua_toboolean(L, lua_upvalueindex(4)) ? from : SIZE_MAX;
    pv_pattern m;
    start(L, &m, text, pattern, 0);
    for (; from <= text.len && find(L, &m, &from, &to, false); from++) {
        if (to == last) continue;
        lua_pushinteger(L, (lua_Integer)to);
        lua_replace(L, lua_upvalueindex(3));
        if (last == SIZE_MAX) {
            lua_pushboolean(L, 1);
            lua_replace(L, lua_upvalueindex(4));
        }
        return push_captures(L, &m, from, to);
    }
    return 0;
}

int l_sandbox_gmatch(lua_State *L)
{
    pv_bytes text = lx_checkbytes(L, TEXT);
    size_t from;
    lx_checkbytes(L, PATTERN);
    from = offset(luaL_optinteger(L, THIRD, 1), text.len);
    lua_settop(L, 2);
    lua_pushinteger(L, (lua_Integer)(from > text.len ? text.len + 1 : from));
    lua_pushboolean(L, 0);
    lua_pushcclosure(L, next_match, 4);
    return 1;
}

/* Adds the replacement text at THIRD with its captures filled in. */
static void add_text(lua_State *L, luaL_Buffer *out, const pv_pattern *m, size_t from, size_t to)
{
    pv_bytes repl = lx_checkbytes(L, THIRD);
    const char *p = repl.data, *end = repl.data + repl.len, *percent;
    while ((percent = memchr(p, '%', (size_t)(end - p))) != NULL) {
        char c = percent + 1 < end ? percent[1] : '\0';
        luaL_addlstring(out, p, (size_t)(percent - p));
        p = percent + 2;
        if (c == '%') {
            luaL_addchar(out, c);
        } else if (c == '0') {
            luaL_addlstring(out, m->text + from, to - from);
        } else if (c >= '1' && c <= '9') {
            push_capture(L, m, c - '1', from, to);
            luaL_addvalue(out);
        } else {
            luaL_error(L, "invalid use of '%%' in replacement string");
        }
    }
    luaL_addlstring(out, p, (size_t)(end - p));
}

/* Adds what stands for a match; false when it stays as it is. */
static bool add_value(lua_State *L, luaL_Buffer *out, const pv_pattern *m, size_t from, size_t to)
{
    switch (lua_type(L, THIRD)) {
    case LUA_TFUNCTION:
        lua_pushvalue(L, THIRD);
        lua_call(L, push_captures(L, m, from, to), 1);
        break;
    case LUA_TTABLE:
        push_capture(L, m, 0, from, to);
        lua_gettable(L, THIRD);
        break;
    default: add_text(L, out, m, from, to); return true;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(out, m->text + from, to - from);
        return false;
    }
    if (!lua_isstring(L, -1))
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    l_sandbox_use(L, (int64_t)lua_rawlen(L, -1) / 16);
    luaL_addvalue(out);
    return true;
}

int l_sandbox_gsub(lua_State *L)
{
    pv_bytes text = lx_checkbytes(L, TEXT), pattern = lx_checkbytes(L, PATTERN);
    bool anchored = pattern.len > 0 && pattern.data[0] == '^', changed = false;
    int type = lua_type(L, THIRD);
    lua_Integer most, n = 0;
    size_t at = 0, last = SIZE_MAX, copied = 0;
    int64_t each;
    luaL_Buffer out;
    pv_pattern m;
    if (type != LUA_TNUMBER && type != LUA_TSTRING && type != LUA_TFUNCTION && type != LUA_TTABLE)
        luaL_typeerror(L, THIRD, "string/function/table");
    most = luaL_optinteger(L, 4, (lua_Integer)text.len + 1);
    each = type == LUA_TSTRING ? 4 + (int64_t)lua_rawlen(L, THIRD) / 16 : 4;
    start(L, &m, text, pattern, anchored);
    luaL_buffinit(L, &out);
    while (n < most) {
        size_t from = at, to;
        if (!find(L, &m, &from, &to, anchored)) break;
        if (to == last) { /* the empty match that the last one ends with */
            if (anchored || from == text.len) break;
            at = from + 1;
            continue;
        }
        n++;
        l_sandbox_use(L, each);
        luaL_addlstring(&out, text.data + copied, from - copied);
        changed = add_value(L, &out, &m, from, to) || changed;
        at = last = copied = to;
        if (anchored) break;
    }
    if (!changed) {
        lua_pushvalue(L, TEXT);
    } else {
        luaL_addlstring(&out, text.data + copied, text.len - copied);
        luaL_pushresult(&out);
    }
    lua_pushinteger(L, n);
    return 2;
}
