/* core.data.xml: the XML reader, apart from core.data because of its library. */
#include "data/xml.h"

#include "lua/l_data.h"

/* xml.decode(text, max_bytes?) -> value, doc | nil, err */
static int l_data_xml_decode(lua_State *L)
{
    pv_bytes text = lx_checkbytes(L, 1);
    pv_xml_limits limits = {.max_bytes = (size_t)luaL_optinteger(L, 2, 0)};
    pv_err err;
    pv_doc **box = l_data_new_doc(L);
    if (pv_xml_read(*box, text, &limits, &err) != PV_OK) return lx_fail(L, &err);
    return l_data_push_doc(L, box, true);
}

int luaopen_core_data_xml(lua_State *L);
int luaopen_core_data_xml(lua_State *L)
{
    static const luaL_Reg functions[] = {{"decode", l_data_xml_decode}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
