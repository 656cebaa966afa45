/* What the parts of core.crypto share. */
#ifndef PV_LUA_L_CRYPTO_H
#define PV_LUA_L_CRYPTO_H

#include <lua.h>

#include "base/buf.h"
#include "crypto/digest.h"

/* Boxes of pv_secret and pv_pkey. */
#define L_SECRET "prov.secret"
#define L_PKEY "prov.pkey"

/* The hash that a name means; raises for another. */
pv_hash l_crypto_checkhash(lua_State *L, int idx);

/* The bytes of a string or of a secret, valid as long as that is; raises for anything else. */
pv_bytes l_crypto_checkkey(lua_State *L, int idx);

/* Add their functions to the table on the top of the stack. */
void l_crypto_aead_register(lua_State *L);
void l_crypto_age_register(lua_State *L);
void l_crypto_pkcs11_register(lua_State *L);
void l_crypto_pkey_register(lua_State *L);
void l_crypto_x509_register(lua_State *L);

#endif
