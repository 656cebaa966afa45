/* core.base: what every Lua module may need from core/base.  prov.log and prov.fs stand in
 * front of it. */
#include "base/base64.h"
#include "base/log.h"
#include "base/path.h"
#include "base/redact.h"
#include "lua/lx.h"

enum { FIELDS_MAX = 256 };

static const char *const levels[] = {"debug", "info", "warn", "error", "off", NULL};

/* base.log(level, message, { key1, value1, ... }): values are strings, numbers or booleans */
static int l_base_log(lua_State *L)
{
    pv_log_level level = (pv_log_level)luaL_checkoption(L, 1, NULL, levels);
    pv_bytes message = lx_checkbytes(L, 2);
    pv_log_field *fields;
    lua_Integer count = 0;
    if (!lua_isnoneornil(L, 3)) {
        luaL_checktype(L, 3, LUA_TTABLE);
        count = (lua_Integer)lua_rawlen(L, 3) / 2;
    }
    luaL_argcheck(L, count <= FIELDS_MAX, 3, "too many fields");
    luaL_checkstack(L, (int)count * 2 + 4, "fields");
    fields = lua_newuserdatauv(L, (size_t)(count + 1) * sizeof *fields, 0);
    for (lua_Integer i = 0; i < count; i++) { /* the texts stay on the stack until the end */
        lua_rawgeti(L, 3, 2 * i + 1);
        fields[i].key = lx_checkbytes(L, -1);
        fields[i].bare = lua_rawgeti(L, 3, 2 * i + 2) != LUA_TSTRING;
        fields[i].value.data = luaL_tolstring(L, -1, &fields[i].value.len);
        lua_remove(L, -2);
    }
    pv_log(level, message, fields, (size_t)count);
    return 0;
}

/* base.log_configure(level, "text"|"json", fd?) */
static int l_base_log_configure(lua_State *L)
{
    static const char *const forms[] = {"text", "json", NULL};
    pv_log_configure((pv_log_level)luaL_checkoption(L, 1, NULL, levels),
                     (pv_log_form)luaL_checkoption(L, 2, "text", forms),
                     (int)luaL_optinteger(L, 3, 2));
    return 0;
}

/* base.log_from_env() -> true | nil, err */
static int l_base_log_from_env(lua_State *L)
{
    pv_err err;
    if (pv_log_from_env(&err) != PV_OK) return lx_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* base.log_enabled(level) -> boolean */
static int l_base_log_enabled(lua_State *L)
{
    pv_log_level level = (pv_log_level)luaL_checkoption(L, 1, NULL, levels);
    lua_pushboolean(L, level >= pv_log_get_level() && level != PV_LOG_OFF);
    return 1;
}

/* base.redact_add(secret) -> true | nil, err "invalid" */
static int l_base_redact_add(lua_State *L)
{
    pv_err err;
    if (pv_redact_add(lx_checkbytes(L, 1), &err) != PV_OK) return lx_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* base.redact_clear() */
static int l_base_redact_clear(lua_State *L)
{
    (void)L;
    pv_redact_clear();
    return 0;
}

/* base.redact(text) -> text */
static int l_base_redact(lua_State *L)
{
    pv_bytes text = lx_checkbytes(L, 1);
    pv_buf *out = lx_newbuf(L, 0);
    pv_redact(out, text);
    lx_pushbuf(L, out);
    return 1;
}

/* base.write_atomic(path, bytes, mode?) -> true | nil, err; mode 0600 by default */
static int l_base_write_atomic(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    pv_bytes data = lx_checkbytes(L, 2);
    lua_Integer mode = luaL_optinteger(L, 3, 0600);
    pv_err err;
    luaL_argcheck(L, mode >= 0 && mode <= 07777, 3, "a file mode");
    if (pv_path_write(path, data, (mode_t)mode, &err) != PV_OK) return lx_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* base.append(fd, bytes) -> true | nil, err; whole or not at all */
static int l_base_append(lua_State *L)
{
    pv_err err;
    if (pv_path_append((int)luaL_checkinteger(L, 1), lx_checkbytes(L, 2), &err) != PV_OK)
        return lx_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* base.base64(bytes) -> text */
static int l_base_base64(lua_State *L)
{
    pv_bytes bytes = lx_checkbytes(L, 1);
    pv_buf *text = lx_newbuf(L, 0);
    pv_base64_encode(text, bytes);
    lx_pushbuf(L, text);
    return 1;
}

/* base.unbase64(text) -> bytes | nil, err */
static int l_base_unbase64(lua_State *L)
{
    pv_bytes text = lx_checkbytes(L, 1);
    pv_buf *bytes = lx_newbuf(L, 0);
    pv_err err;
    if (pv_base64_decode(bytes, text, &err) != PV_OK) return lx_fail(L, &err);
    lx_pushbuf(L, bytes);
    return 1;
}

static const luaL_Reg functions[] = {
    {"append", l_base_append},
    {"base64", l_base_base64},
    {"unbase64", l_base_unbase64},
    {"log", l_base_log},
    {"log_configure", l_base_log_configure},
    {"log_from_env", l_base_log_from_env},
    {"log_enabled", l_base_log_enabled},
    {"redact", l_base_redact},
    {"redact_add", l_base_redact_add},
    {"redact_clear", l_base_redact_clear},
    {"write_atomic", l_base_write_atomic},
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
