/* Shared by the two files of core.store. */
#ifndef PV_LUA_L_STORE_H
#define PV_LUA_L_STORE_H

#include "lua/lx.h"

#define L_STORE "prov.store"

/* Adds the reading methods to the store's type. */
void l_store_add_readers(lua_State *L);

#endif
