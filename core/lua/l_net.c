/* core.net: SSH, HTTP and TCP on the loop. */
#include <openssl/evp.h>

#include "lua/l_net.h"

/* net.sha256(bytes) -> hex: of what travels, without loading core.crypto. */
static int l_net_sha256(lua_State *L)
{
    pv_bytes bytes = lx_checkbytes(L, 1);
    unsigned char digest[32];
    char hex[64];
    unsigned len = 0;
    if (EVP_Digest(bytes.data, bytes.len, digest, &len, EVP_sha256(), NULL) != 1) return luaL_error(L, "no SHA-256");
    for (size_t i = 0; i < sizeof digest; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    lua_pushlstring(L, hex, sizeof hex);
    return 1;
}

int luaopen_core_net(lua_State *L);
int luaopen_core_net(lua_State *L)
{
    static const luaL_Reg functions[] = {{"sha256", l_net_sha256}, {NULL, NULL}};
    luaL_newlib(L, functions);
    l_net_ssh_register(L);
    return 1;
}
