/* What the l_net_*.c files share. */
#ifndef PV_LUA_L_NET_H
#define PV_LUA_L_NET_H

#include "lua/lx.h"

/* Each adds its functions to the table on top of the stack. */
void l_net_ssh_register(lua_State *L);

#endif
