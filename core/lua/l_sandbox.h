/* Shared by the files of core.sandbox. */
#ifndef PV_LUA_L_SANDBOX_H
#define PV_LUA_L_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "lua/lx.h"

/* Steps that are left for a C function called here, of the running call or, outside of one, of a
 * single function. */
int64_t l_sandbox_left(lua_State *L);

/* Counts steps that the hook does not see: about what as many instructions cost.  Raises when a
 * limit is passed. */
void l_sandbox_use(lua_State *L, int64_t steps);

/* Functions of Lua that count, in l_sandbox_lib.c; l_sandbox_add_counting puts more of them into
 * the table on top of the stack, each around the one that Lua has now. */
int l_sandbox_tostring(lua_State *L);
int l_sandbox_flaw(lua_State *L);
void l_sandbox_add_counting(lua_State *L);

/* Functions of string with patterns, in l_sandbox_pattern.c. */
int l_sandbox_find(lua_State *L);
int l_sandbox_match(lua_State *L);
int l_sandbox_gmatch(lua_State *L);
int l_sandbox_gsub(lua_State *L);

#endif
