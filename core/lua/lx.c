#include "lua/lx.h"

#include <luv/luv.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static const char *short_name(const char *tname)
{
    const char *dot = strrchr(tname, '.');
    return dot != NULL ? dot + 1 : tname;
}

void lx_deftype(lua_State *L, const char *tname, const luaL_Reg *methods, lua_CFunction close)
{
    luaL_newmetatable(L, tname);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    if (close != NULL) {
        lua_pushcfunction(L, close);
        lua_setfield(L, -2, "close");
    }
    lua_setfield(L, -2, "__index");
    if (close != NULL) {
        lua_pushcfunction(L, close);
        lua_setfield(L, -2, "__gc");
        lua_pushcfunction(L, close);
        lua_setfield(L, -2, "__close");
    }
    lua_pushliteral(L, "locked");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

void *lx_newbox(lua_State *L, const char *tname)
{
    void **box = lua_newuserdatauv(L, sizeof *box, 1);
    *box = NULL;
    luaL_setmetatable(L, tname);
    return box;
}

void *lx_boxslot(lua_State *L, int idx, const char *tname)
{
    return luaL_checkudata(L, idx, tname);
}

void *lx_checkbox(lua_State *L, int idx, const char *tname)
{
    void **box = luaL_checkudata(L, idx, tname);
    if (*box == NULL) luaL_error(L, "%s is closed", short_name(tname));
    return *box;
}

pv_bytes lx_checkbytes(lua_State *L, int idx)
{
    pv_bytes bytes;
    bytes.data = luaL_checklstring(L, idx, &bytes.len);
    return bytes;
}

/* A buffer, and whether somebody works with it.  The state knows the newest one, for whoever needs
 * one next, until the collector takes it: a raise leaves it lent, and it may hold secrets. */
typedef struct lent_buf {
    pv_buf buf;
    bool lent;
} lent_buf;

enum { KEPT_BYTES = 64 * 1024 }; /* of a buffer that nobody works with */

static const char newest; /* its address is where the registry has the weak table with the buffer */

static int buf_gc(lua_State *L)
{
    lent_buf *b = lua_touserdata(L, 1);
    pv_buf_wipe(&b->buf);
    return 0;
}

static void push_newest(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &newest) == LUA_TTABLE) return;
    lua_pop(L, 1);
    lua_createtable(L, 1, 0);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "v");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &newest);
}

/* Pushes a buffer, and makes it the newest one of the table below. */
static lent_buf *make_buf(lua_State *L)
{
    lent_buf *b = lua_newuserdatauv(L, sizeof *b, 0);
    *b = (lent_buf){0};
    if (luaL_newmetatable(L, "prov.buf")) {
        lua_pushcfunction(L, buf_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, 1);
    return b;
}

pv_buf *lx_newbuf(lua_State *L, size_t max)
{
    lent_buf *b;
    push_newest(L);
    lua_rawgeti(L, -1, 1);
    b = lua_touserdata(L, -1);
    if (b == NULL || b->lent) {
        lua_pop(L, 1);
        b = make_buf(L);
    }
    lua_remove(L, -2);
    b->lent = true;
    b->buf.max = max;
    return &b->buf;
}

void lx_pushbuf(lua_State *L, pv_buf *buf)
{
    lent_buf *b = (lent_buf *)(void *)buf; /* its first member */
    lua_pushlstring(L, buf->len != 0 ? buf->data : "", buf->len);
    if (buf->cap > KEPT_BYTES) {
        pv_buf_wipe(buf);
    } else {
        pv_wipe(buf->data, buf->len);
        pv_buf_reset(buf);
    }
    b->lent = false;
}

void lx_pusherr(lua_State *L, const pv_err *err)
{
    lua_createtable(L, 0, 4);
    lua_pushstring(L, pv_status_name(err->status));
    lua_setfield(L, -2, "code");
    lua_pushstring(L, err->msg);
    lua_setfield(L, -2, "msg");
    if (err->line > 0) {
        lua_pushinteger(L, err->line);
        lua_setfield(L, -2, "line");
        lua_pushinteger(L, err->column);
        lua_setfield(L, -2, "column");
    }
    luaL_newmetatable(L, "prov.err"); /* filled by lua/prov/err.lua */
    lua_setmetatable(L, -2);
}

int lx_fail(lua_State *L, const pv_err *err)
{
    lua_pushnil(L);
    lx_pusherr(L, err);
    return 2;
}

int lx_raise(lua_State *L, const pv_err *err)
{
    lx_pusherr(L, err);
    return lua_error(L);
}

lua_State *lx_main(lua_State *L)
{
    lua_State *main_state;
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    main_state = lua_tothread(L, -1);
    lua_pop(L, 1);
    return main_state;
}

struct uv_loop_s *lx_loop(lua_State *L)
{
    return luv_loop(L);
}

int lx_ref(lua_State *L, int idx)
{
    luaL_checktype(L, idx, LUA_TFUNCTION);
    lua_pushvalue(L, idx);
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

void lx_unref(lua_State *L, int ref)
{
    luaL_unref(L, LUA_REGISTRYINDEX, ref);
}

void lx_event(lua_State *L, int ref, int nargs)
{
    luaL_checkstack(L, 4, "callback");
    lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
    lua_insert(L, -nargs - 1);
    lx_call(L, nargs, 0, 0);
}

void lx_callback(lua_State *L, int ref, int nargs)
{
    luaL_checkstack(L, 4, "callback");
    lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
    lx_unref(L, ref);
    lua_insert(L, -nargs - 1);
    lx_call(L, nargs, 0, 0);
}

static int traceback(lua_State *L)
{
    const char *text = luaL_tolstring(L, 1, NULL);
    luaL_traceback(L, L, text, 1);
    return 1;
}

int lx_call(lua_State *L, int nargs, int nresults, int flags)
{
    int base = lua_gettop(L) - nargs;
    int rc;
    (void)flags;
    lua_pushcfunction(L, traceback);
    lua_insert(L, base);
    rc = lua_pcall(L, nargs, nresults, base);
    lua_remove(L, base);
    if (rc == LUA_OK) return nresults == LUA_MULTRET ? lua_gettop(L) - base + 1 : nresults;
    fprintf(stderr, "prov: bug in a callback: %s\n", lua_tostring(L, -1));
    lua_pop(L, 1);
    lua_pushboolean(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, "prov.callback_failed");
    return -rc;
}

/* Pushes t[name] without metamethods and returns its type. */
static int rawfield(lua_State *L, int t, const char *name)
{
    lua_pushstring(L, name);
    return lua_rawget(L, t);
}

const char *lx_optfield_string(lua_State *L, int t, const char *name, const char *fallback)
{
    const char *text = fallback;
    int type = rawfield(L, t, name);
    if (type == LUA_TSTRING) text = lua_tostring(L, -1); /* the table keeps it alive */
    else if (type != LUA_TNIL) luaL_error(L, "field '%s' must be a string", name);
    lua_pop(L, 1);
    return text;
}

pv_bytes lx_optfield_bytes(lua_State *L, int t, const char *name)
{
    pv_bytes bytes = {"", 0};
    int type = rawfield(L, t, name);
    if (type == LUA_TSTRING) bytes.data = lua_tolstring(L, -1, &bytes.len);
    else if (type != LUA_TNIL) luaL_error(L, "field '%s' must be a string", name);
    lua_pop(L, 1); /* the table keeps it alive */
    return bytes;
}

lua_Integer lx_optfield_int(lua_State *L, int t, const char *name, lua_Integer fallback)
{
    lua_Integer value = fallback;
    int ok = 1;
    if (rawfield(L, t, name) != LUA_TNIL) value = lua_tointegerx(L, -1, &ok);
    if (!ok) luaL_error(L, "field '%s' must be an integer", name);
    lua_pop(L, 1);
    return value;
}

int lx_optfield_bool(lua_State *L, int t, const char *name, int fallback)
{
    int value = fallback;
    if (rawfield(L, t, name) != LUA_TNIL) value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}
