/* core.net: SSH, HTTP, TLS and TCP on the loop. */
#include "lua/l_net.h"

#include <sys/random.h>

#include "base/mem.h"
#include "net/digest.h"

void l_net_deftype(lua_State *L, const char *tname, const luaL_Reg *methods, lua_CFunction close,
                   lua_CFunction gc)
{
    lx_deftype(L, tname, methods, close);
    luaL_getmetatable(L, tname);
    lua_pushcfunction(L, gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

int l_net_keep(lua_State *L, int idx)
{
    lua_pushvalue(L, idx);
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

void l_net_callback_err(lua_State *L, int ref, const pv_err *err)
{
    lua_pushnil(L);
    lx_pusherr(L, err);
    lx_callback(L, ref, 2);
}

/* net.sha256(bytes) -> hex: of what travels, without loading core.crypto. */
static int l_net_sha256(lua_State *L)
{
    pv_bytes bytes = lx_checkbytes(L, 1);
    char hex[PV_DIGEST_HEX];
    pv_digest_bytes(hex, bytes.data, bytes.len);
    lua_pushlstring(L, hex, sizeof hex);
    return 1;
}

/* net.random_hex(bytes) -> hex: names and marks nobody can guess. */
static int l_net_random_hex(lua_State *L)
{
    unsigned char bytes[32];
    char hex[sizeof bytes * 2];
    lua_Integer count = luaL_checkinteger(L, 1);
    luaL_argcheck(L, count >= 1 && count <= (lua_Integer)sizeof bytes, 1, "1 to 32 bytes");
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return luaL_error(L, "no random bytes");
    for (size_t i = 0; i < sizeof bytes; i++) {
        hex[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    lua_pushlstring(L, hex, (size_t)count * 2);
    return 1;
}

typedef struct digest_call {
    lua_State *L;
    int ref;
} digest_call;

static void on_digest(void *arg, const char *hex, uint64_t size, const pv_err *err)
{
    digest_call call = *(digest_call *)arg;
    pv_free(arg);
    if (err != NULL) {
        l_net_callback_err(call.L, call.ref, err);
        return;
    }
    lua_pushlstring(call.L, hex, PV_DIGEST_HEX);
    lua_pushinteger(call.L, (lua_Integer)size);
    lx_callback(call.L, call.ref, 2);
}

/* net.sha256_file(fd, cb(hex, size | nil, err)) -> true */
static int l_net_sha256_file(lua_State *L)
{
    int fd = (int)luaL_checkinteger(L, 1);
    digest_call *call;
    luaL_checktype(L, 2, LUA_TFUNCTION);
    call = pv_alloc(sizeof *call);
    call->L = lx_main(L);
    call->ref = lx_ref(L, 2);
    pv_digest_file((uv_loop_t *)lx_loop(L), fd, on_digest, call);
    lua_pushboolean(L, 1);
    return 1;
}

int luaopen_core_net(lua_State *L);
int luaopen_core_net(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"sha256", l_net_sha256},
        {"random_hex", l_net_random_hex},
        {"sha256_file", l_net_sha256_file},
        {NULL, NULL},
    };
    luaL_newlib(L, functions);
    l_net_ssh_register(L);
    l_net_key_register(L);
    l_net_http_register(L);
    l_net_probe_register(L);
    l_net_tls_register(L);
    return 1;
}
