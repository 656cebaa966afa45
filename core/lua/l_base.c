/* core.base: what every Lua module may need from core/base. */
#include "lua/lx.h"

static const luaL_Reg functions[] = {
    {NULL, NULL},
};

int luaopen_core_base(lua_State *L);
int luaopen_core_base(lua_State *L)
{
    luaL_newlib(L, functions);
    luaL_newmetatable(L, "prov.err");
    lua_setfield(L, -2, "err_mt");
    return 1;
}
