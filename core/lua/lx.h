/* Helpers for the bindings in core/lua: how C values, errors and callbacks cross
 * into Lua.  A binding is check, call, push; anything more belongs in another
 * layer.  Only core/lua and core/app may include this header. */
#ifndef PV_LUA_LX_H
#define PV_LUA_LX_H

#include <lauxlib.h>
#include <lua.h>

#include "base/buf.h"
#include "base/status.h"

struct uv_loop_s;

/* Defines the handle type `tname` ("prov.store"): methods, and `close` as close,
 * __gc and __close.  `close` gets the box at index 1, must accept a box that holds
 * NULL, and must set it to NULL.  Leaves nothing on the stack. */
void lx_deftype(lua_State *L, const char *tname, const luaL_Reg *methods, lua_CFunction close);

/* Pushes a new handle of type `tname` holding NULL, and returns where to put the
 * pointer.  Made before the C object, so that a raise in between leaks nothing. */
void *lx_newbox(lua_State *L, const char *tname);

/* The pointer in the handle at `idx`; raises "store is closed" when it is NULL. */
void *lx_checkbox(lua_State *L, int idx, const char *tname);

/* Where the handle at `idx` keeps its pointer, for close functions. */
void *lx_boxslot(lua_State *L, int idx, const char *tname);

/* The bytes of the string at `idx`; valid while it stays on the stack. */
pv_bytes lx_checkbytes(lua_State *L, int idx);

/* Pushes a buffer that Lua frees, whatever raises later. max as in pv_buf_init. */
pv_buf *lx_newbuf(lua_State *L, size_t max);

/* Pushes the bytes of a buffer of lx_newbuf() as a string and wipes it.  It may be the next one
 * that lx_newbuf() gives: who called has done with it. */
void lx_pushbuf(lua_State *L, pv_buf *buf);

/* Pushes nil and the error as a prov.err table { code, msg, line, column }; returns 2. */
int lx_fail(lua_State *L, const pv_err *err);

/* Pushes just the prov.err table. */
void lx_pusherr(lua_State *L, const pv_err *err);

/* Raises a prov.err table as an error (only for bugs of the caller). */
int lx_raise(lua_State *L, const pv_err *err);

/* The main state: callbacks run on it, never on the coroutine that asked. */
lua_State *lx_main(lua_State *L);

/* The event loop of this state (luv's). */
struct uv_loop_s *lx_loop(lua_State *L);

/* Keeps the function at `idx` for a later lx_callback(); raises when it is none. */
int lx_ref(lua_State *L, int idx);

/* Calls and releases the function kept as `ref` with the nargs values on top of the
 * stack of L (which must be lx_main()).  An error in it is reported, never raised. */
void lx_callback(lua_State *L, int ref, int nargs);

/* Like lx_callback, keeping the function for more calls; release it with lx_unref. */
void lx_event(lua_State *L, int ref, int nargs);
void lx_unref(lua_State *L, int ref);

/* Calls the function below nargs arguments with a traceback handler.  On an error it
 * is reported on stderr, the process's exit code becomes 1, nothing is pushed and
 * false is returned. Signature of luv's luv_CFpcall. */
int lx_call(lua_State *L, int nargs, int nresults, int flags);

/* Table access that runs no metamethods; `t` must be an absolute index. */
const char *lx_optfield_string(lua_State *L, int t, const char *name, const char *fallback);
pv_bytes lx_optfield_bytes(lua_State *L, int t, const char *name); /* empty when absent */
lua_Integer lx_optfield_int(lua_State *L, int t, const char *name, lua_Integer fallback);
int lx_optfield_bool(lua_State *L, int t, const char *name, int fallback);

#endif
