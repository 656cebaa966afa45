/* What the l_net_*.c files share. */
#ifndef PV_LUA_L_NET_H
#define PV_LUA_L_NET_H

#include "lua/lx.h"

/* Each adds its functions to the table on top of the stack. */
void l_net_ssh_register(lua_State *L);
void l_net_key_register(lua_State *L);
void l_net_http_register(lua_State *L);
void l_net_probe_register(lua_State *L);
void l_net_tls_register(lua_State *L);

/* Defines a handle type whose collection differs from its close: at the end of the state
 * nothing of Lua may be called any more. */
void l_net_deftype(lua_State *L, const char *tname, const luaL_Reg *methods, lua_CFunction close,
                   lua_CFunction gc);

/* A copy of the value at idx in the registry. */
int l_net_keep(lua_State *L, int idx);

/* Calls and releases ref with nil and the error. */
void l_net_callback_err(lua_State *L, int ref, const pv_err *err);

#endif
