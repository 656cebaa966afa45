/* net.probe: waits for a TCP port. */
#include "base/mem.h"
#include "lua/l_net.h"
#include "net/probe.h"

#define PROBE "prov.probe"

typedef struct probe {
    lua_State *L;
    pv_probe *probe;
    int ref, self_ref;
    int dead;
} probe;

static void on_probe(void *arg, const char *banner, const pv_err *err)
{
    probe *p = arg;
    lua_State *L = p->L;
    int ref = p->ref;
    if (p->dead) {
        pv_free(p);
        return;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, p->self_ref);
    *(probe **)lua_touserdata(L, -1) = NULL;
    lua_pop(L, 1);
    lx_unref(L, p->self_ref);
    pv_free(p);
    if (err != NULL) {
        l_net_callback_err(L, ref, err);
    } else {
        lua_pushstring(L, banner);
        lx_callback(L, ref, 1);
    }
}

static int probe_cancel(lua_State *L)
{
    probe **box = lx_boxslot(L, 1, PROBE);
    if (*box != NULL) pv_probe_cancel((*box)->probe);
    return 0;
}

static int probe_gc(lua_State *L)
{
    probe **box = lx_boxslot(L, 1, PROBE);
    if (*box == NULL) return 0;
    (*box)->dead = 1;
    pv_probe_cancel((*box)->probe);
    *box = NULL;
    return 0;
}

/* net.probe({ host=, port=, netns=, timeout=, banner= }, cb(banner | nil, err)) -> probe | nil, err
 */
static int l_probe(lua_State *L)
{
    pv_probe_options o = {0};
    probe **box, *p;
    pv_err err;
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    o.tcp.host = lx_optfield_string(L, 1, "host", NULL);
    o.tcp.port = (int)lx_optfield_int(L, 1, "port", 0);
    o.tcp.netns = lx_optfield_string(L, 1, "netns", NULL);
    o.tcp.timeout_ms = (int)lx_optfield_int(L, 1, "timeout", 0);
    o.banner = lx_optfield_bool(L, 1, "banner", 0);
    box = lx_newbox(L, PROBE);
    p = pv_alloc(sizeof *p);
    p->L = lx_main(L);
    if (pv_probe_start(&p->probe, (uv_loop_t *)lx_loop(L), &o, on_probe, p, &err) != PV_OK) {
        pv_free(p);
        return lx_fail(L, &err);
    }
    *box = p;
    p->ref = lx_ref(L, 2);
    p->self_ref = l_net_keep(L, -1);
    return 1;
}

void l_net_probe_register(lua_State *L)
{
    static const luaL_Reg functions[] = {{"probe", l_probe}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"cancel", probe_cancel}, {NULL, NULL}};
    l_net_deftype(L, PROBE, methods, probe_cancel, probe_gc);
    luaL_setfuncs(L, functions, 0);
}
