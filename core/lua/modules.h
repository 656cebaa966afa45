/* The tables that core/lua/modules.cmake generates from the l_<module>.c files. */
#ifndef PV_LUA_MODULES_H
#define PV_LUA_MODULES_H

#include <lauxlib.h>
#include <lua.h>

/* Modules linked into the binary: "core.graph" and its luaopen function. */
extern const luaL_Reg pv_builtin_modules[];

/* Modules in shared objects that the searcher opens at first use. */
typedef struct pv_shared_module {
    const char *name; /* "core.net" */
    const char *file; /* "libprov-net.so" */
    const char *open; /* "luaopen_core_net" */
} pv_shared_module;

extern const pv_shared_module pv_shared_modules[];

#endif
