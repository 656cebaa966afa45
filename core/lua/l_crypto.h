/* What the parts of core.crypto share. */
#ifndef PV_LUA_L_CRYPTO_H
#define PV_LUA_L_CRYPTO_H

#include <lua.h>

/* A box of pv_secret. */
#define L_SECRET "prov.secret"

/* Adds their functions to the table on the top of the stack. */
void l_crypto_age_register(lua_State *L);

#endif
