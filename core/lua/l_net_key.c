/* Keys for Lua: net.ssh_keygen, net.ssh_fingerprint. */
#include <string.h>

#include "base/mem.h"
#include "lua/l_net.h"
#include "net/ssh.h"

static int keypair_gc(lua_State *L)
{
    pv_ssh_keypair_deinit(lua_touserdata(L, 1));
    return 0;
}

/* net.ssh_keygen(type, comment?) -> { private, public, fingerprint } | nil, err */
static int l_ssh_keygen(lua_State *L)
{
    const char *type = luaL_checkstring(L, 1);
    const char *comment = luaL_optstring(L, 2, NULL);
    pv_ssh_keypair *pair = lua_newuserdatauv(L, sizeof *pair, 0);
    pv_err err;
    memset(pair, 0, sizeof *pair);
    if (luaL_newmetatable(L, "prov.keypair")) {
        lua_pushcfunction(L, keypair_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    if (pv_ssh_keygen(pair, type, comment, &err) != PV_OK) return lx_fail(L, &err);
    lua_createtable(L, 0, 3);
    lua_pushlstring(L, pair->private_key.data, pair->private_key.len);
    lua_setfield(L, -2, "private");
    lua_pushlstring(L, pair->public_key.data, pair->public_key.len);
    lua_setfield(L, -2, "public");
    lua_pushlstring(L, pair->fingerprint.data, pair->fingerprint.len);
    lua_setfield(L, -2, "fingerprint");
    return 1;
}

/* net.ssh_fingerprint(public line) -> "SHA256:..." | nil, err */
static int l_ssh_fingerprint(lua_State *L)
{
    const char *line = luaL_checkstring(L, 1);
    pv_buf *text = lx_newbuf(L, 256);
    pv_err err;
    if (pv_ssh_fingerprint(text, line, &err) != PV_OK) return lx_fail(L, &err);
    lx_pushbuf(L, text);
    return 1;
}

void l_net_key_register(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"ssh_keygen", l_ssh_keygen},
        {"ssh_fingerprint", l_ssh_fingerprint},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
