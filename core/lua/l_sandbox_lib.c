/* Functions of Lua's library for the sandbox: they count the work that its hook does not see. */
#include <lualib.h>
#include <math.h>
#include <string.h>

#include "data/utf8.h"
#include "lua/l_sandbox.h"

enum { LONG = 4096, MAX_DEPTH = 200, VALUE = 16, KEYS = 4 };

/* sandbox.tostring(v): without the address of a table or function, which differs from run to run */
int l_sandbox_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__tostring") == LUA_TNIL && lua_type(L, 1) > LUA_TLIGHTUSERDATA &&
        lua_type(L, 1) != LUA_TSTRING && lua_type(L, 1) != LUA_TNUMBER) {
        lua_pushstring(L, luaL_typename(L, 1));
        return 1;
    }
    luaL_tolstring(L, 1, NULL);
    return 1;
}

/* True when a format has %p. */
static bool has_address(pv_bytes text)
{
    const char *format = text.data, *end = text.data + text.len; /* there is a NUL at the end */
    while ((format = memchr(format, '%', (size_t)(end - format))) != NULL) {
        format++;
        format += strspn(format, "-+ #0123456789.");
        if (*format == 'p') return true;
        if (format < end) format++;
    }
    return false;
}

/* The order of sort: upvalue 1 says it, or is nil. */
static int less(lua_State *L)
{
    size_t a = lua_type(L, 1) == LUA_TSTRING ? lua_rawlen(L, 1) : 0;
    size_t b = lua_type(L, 2) == LUA_TSTRING ? lua_rawlen(L, 2) : 0;
    l_sandbox_use(L, 8 + (int64_t)(a < b ? a : b) / 16);
    if (lua_isnil(L, lua_upvalueindex(1))) {
        lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
        return 1;
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 2, 1);
    return 1;
}

/* A length that a function makes up lets the C functions of table run for ever. */
static void check_plain_length(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    if (luaL_getmetafield(L, 1, "__len") != LUA_TNIL)
        luaL_argerror(L, 1, "a table with __len cannot be changed here");
}

/* Calls the function of Lua that is upvalue 1 with what is on the stack. */
static int call_real(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int l_sandbox_sort(lua_State *L)
{
    check_plain_length(L);
    if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lua_pushcclosure(L, less, 1);
    return call_real(L);
}

static int l_sandbox_insert(lua_State *L)
{
    check_plain_length(L);
    if (lua_gettop(L) > 2) l_sandbox_use(L, (int64_t)lua_rawlen(L, 1));
    return call_real(L);
}

static int l_sandbox_remove(lua_State *L)
{
    check_plain_length(L);
    if (lua_gettop(L) > 1) l_sandbox_use(L, (int64_t)lua_rawlen(L, 1));
    return call_real(L);
}

/* Counts the items from `first` to `last`. */
static void use_range(lua_State *L, lua_Integer first, lua_Integer last, int64_t each)
{
    uint64_t n = last < first ? 0 : (uint64_t)last - (uint64_t)first;
    l_sandbox_use(L, n > (uint64_t)(INT64_MAX / each) ? INT64_MAX : (int64_t)n * each);
}

static int l_sandbox_move(lua_State *L)
{
    use_range(L, luaL_checkinteger(L, 2), luaL_checkinteger(L, 3), 4);
    return call_real(L);
}

static int l_sandbox_concat(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 4);
    if (lua_isnil(L, 4)) { /* the length that is counted is the one that is used */
        lua_pushinteger(L, luaL_len(L, 1));
        lua_replace(L, 4);
    }
    use_range(L, luaL_optinteger(L, 3, 1), luaL_checkinteger(L, 4), 16);
    return call_real(L);
}

static int l_sandbox_format(lua_State *L)
{
    if (has_address(lx_checkbytes(L, 1)))
        return luaL_error(L, "there is no %%p here: addresses differ from run to run");
    for (int i = 2; i <= lua_gettop(L); i++) {
        int type = lua_type(L, i);
        if (type == LUA_TSTRING) {
            size_t len = lua_rawlen(L, i);
            if (len > LONG) l_sandbox_use(L, (int64_t)len);
        } else if (type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TUSERDATA) {
            lua_pushcfunction(L, l_sandbox_tostring);
            lua_pushvalue(L, i);
            lua_call(L, 1, 1);
            lua_replace(L, i);
        }
    }
    return call_real(L);
}

/* A walk over what a call gives back. */
typedef struct walk {
    int64_t left; /* bytes it may have */
    const char
        *keys[KEYS]; /* the first ones on the way to what is wrong, NULL for one that is no text */
    int depth;       /* of what is wrong */
} walk;

/* A key that is neither a text nor a whole number cannot be written out. */
static bool is_plain_key(lua_State *L, int idx)
{
    return lua_type(L, idx) == LUA_TSTRING || lua_isinteger(L, idx);
}

/* What keeps the text or number at idx from being written out; NULL when nothing does. */
static const char *scalar_flaw(lua_State *L, int idx)
{
    pv_bytes text;
    if (lua_type(L, idx) == LUA_TNUMBER) {
        return lua_isinteger(L, idx) || isfinite(lua_tonumber(L, idx)) ? NULL : "finite";
    } else if (lua_type(L, idx) == LUA_TSTRING) {
        text.data = lua_tolstring(L, idx, &text.len);
        return pv_utf8_valid(text) ? NULL : "utf8";
    }
    return NULL;
}

/* What keeps the value on top of the stack from being plain data of at most w->left bytes when it
 * is written out, a table in two places twice; NULL when nothing does.  Argument 2 has the
 * metatables that are not plain.  Argument 1 becomes the table or key that is wrong. */
static const char *flaw(lua_State *L, walk *w, int depth)
{
    const char *found = NULL;
    w->depth = depth;
    w->left -= VALUE;
    if (lua_type(L, -1) == LUA_TSTRING) w->left -= (int64_t)lua_rawlen(L, -1);
    if (w->left < 0) return "large";
    if (!lua_istable(L, -1)) return scalar_flaw(L, -1);
    if (depth == MAX_DEPTH) return "deep";
    luaL_checkstack(L, 6, NULL);
    if (lua_getmetatable(L, -1)) {
        bool own = lua_rawget(L, 2) != LUA_TNIL;
        lua_pop(L, 1);
        if (own) {
            lua_pushvalue(L, -1);
            lua_replace(L, 1);
            return "metatable";
        }
    }
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (depth < KEYS) {
            w->keys[depth] = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        }
        if ((found = flaw(L, w, depth + 1)) != NULL) break;
        found = is_plain_key(L, -2) ? scalar_flaw(L, -2) : "key";
        if (found != NULL) {
            lua_pushvalue(L, -2);
            lua_replace(L, 1);
            w->depth = depth;
            break;
        }
        w->left -= VALUE + (lua_type(L, -2) == LUA_TSTRING ? (int64_t)lua_rawlen(L, -2) : 0);
        if (w->left < 0) {
            found = "large";
            break;
        }
    }
    if (found != NULL) lua_pop(L, 2);
    return found;
}

/* sandbox.flaw(v, metatables, most) -> "large" | "deep" | "metatable" | "key" | "utf8" | "finite",
 * the first keys to it, the table or key | nil: why v is no plain data */
int l_sandbox_flaw(lua_State *L)
{
    walk w = {.left = (int64_t)luaL_checkinteger(L, 3)};
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lua_pushvalue(L, 1);
    lua_pushstring(L, flaw(L, &w, 0));
    lua_createtable(L, KEYS, 0);
    for (int i = 0; i < KEYS && i < w.depth && w.keys[i] != NULL; i++) {
        lua_pushstring(L, w.keys[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushvalue(L, 1);
    return 3;
}

void l_sandbox_add_counting(lua_State *L)
{
    static const struct {
        const char *library, *name;
        lua_CFunction function;
    } all[] = {
        {LUA_TABLIBNAME, "sort", l_sandbox_sort},     {LUA_TABLIBNAME, "insert", l_sandbox_insert},
        {LUA_TABLIBNAME, "remove", l_sandbox_remove}, {LUA_TABLIBNAME, "move", l_sandbox_move},
        {LUA_TABLIBNAME, "concat", l_sandbox_concat}, {LUA_STRLIBNAME, "format", l_sandbox_format},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        lua_getglobal(L, all[i].library);
        lua_getfield(L, -1, all[i].name);
        lua_remove(L, -2);
        lua_pushcclosure(L, all[i].function, 1);
        lua_setfield(L, -2, all[i].name);
    }
}
