/* core.linux: what Lua needs of this machine's kernel beyond luv. */
#include "linux/lock.h"
#include "linux/notify.h"
#include "linux/signals.h"
#include "lua/lx.h"

static const char LOCK[] = "prov.lock";

static int l_lock_close(lua_State *L)
{
    pv_lock **box = lx_boxslot(L, 1, LOCK);
    pv_lock_close(*box);
    *box = NULL;
    return 0;
}

/* linux.lock(path) -> lock | nil (another one holds it) | nil, err */
static int l_linux_lock(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    pv_lock **box = lx_newbox(L, LOCK);
    pv_err err;
    pv_status status = pv_lock_open(box, path, 0, &err);
    if (status == PV_OK) return 1;
    if (status != PV_EBUSY) return lx_fail(L, &err);
    lua_pushnil(L);
    return 1;
}

/* linux.notify(state) -> true | nil, err */
static int l_linux_notify(lua_State *L)
{
    pv_err err;
    if (pv_notify(luaL_checkstring(L, 1), &err) != PV_OK) return lx_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* linux.signals_watch(number) -> true | nil, err */
static int l_linux_signals_watch(lua_State *L)
{
    pv_err err;
    if (pv_signals_watch((int)luaL_checkinteger(L, 1), &err) != PV_OK) return lx_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* linux.signals_age() -> seconds | nil */
static int l_linux_signals_age(lua_State *L)
{
    double age = pv_signals_age();
    if (age < 0) return 0;
    lua_pushnumber(L, age);
    return 1;
}

/* linux.signals_seen() */
static int l_linux_signals_seen(lua_State *L)
{
    (void)L;
    pv_signals_seen();
    return 0;
}

static const luaL_Reg lock_methods[] = {
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"lock", l_linux_lock},
    {"notify", l_linux_notify},
    {"signals_watch", l_linux_signals_watch},
    {"signals_age", l_linux_signals_age},
    {"signals_seen", l_linux_signals_seen},
    {NULL, NULL},
};

int luaopen_core_linux(lua_State *L);
int luaopen_core_linux(lua_State *L)
{
    lx_deftype(L, LOCK, lock_methods, l_lock_close);
    luaL_newlib(L, functions);
    return 1;
}
