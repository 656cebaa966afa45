/* net.tls_connect: a TLS connection. */
#include <string.h>

#include "base/mem.h"
#include "lua/l_net.h"
#include "net/tls.h"

#define TLS "prov.tls"

/* What a callback of C needs; a call that outlives the Lua state is dead. */
typedef struct call {
    lua_State *L;
    struct stream *stream;
    int ref;
} call;

typedef struct stream {
    pv_tls *tls;
    call open, read, write;
    int waiting; /* calls whose callback will come */
    int closed, dead;
} stream;

static void settle(stream *s)
{
    if (s->closed && s->waiting == 0) pv_free(s);
}

static void begin(call *c, lua_State *L, int idx)
{
    c->ref = lx_ref(L, idx);
    c->stream->waiting++;
}

/* Calls back with the value on top of the stack of the main state, or with the error. */
static void finish(call *c, const pv_err *err)
{
    stream *s = c->stream;
    if (!s->dead && err != NULL) l_net_callback_err(c->L, c->ref, err);
    else if (!s->dead) lx_callback(c->L, c->ref, 1);
    s->waiting--;
    settle(s);
}

static void on_done(void *arg, const pv_err *err)
{
    call *c = arg;
    if (!c->stream->dead && err == NULL) lua_pushboolean(c->L, 1);
    finish(c, err);
}

static void on_read(void *arg, pv_bytes bytes, const pv_err *err)
{
    call *c = arg;
    if (!c->stream->dead && err == NULL) lua_pushlstring(c->L, bytes.data, bytes.len);
    finish(c, err);
}

static int tls_close(lua_State *L)
{
    stream **box = lx_boxslot(L, 1, TLS), *s = *box;
    if (s == NULL) return 0;
    *box = NULL;
    s->closed = 1;
    pv_tls_close(s->tls);
    settle(s);
    return 0;
}

static int tls_gc(lua_State *L)
{
    stream **box = lx_boxslot(L, 1, TLS);
    if (*box != NULL) (*box)->dead = 1;
    return tls_close(L);
}

/* stream:read(cb(bytes | nil, err)): "" is the end */
static int tls_read(lua_State *L)
{
    stream *s = lx_checkbox(L, 1, TLS);
    pv_err err;
    luaL_checktype(L, 2, LUA_TFUNCTION);
    if (pv_tls_read(s->tls, on_read, &s->read, &err) != PV_OK) return lx_fail(L, &err);
    begin(&s->read, L, 2);
    lua_pushboolean(L, 1);
    return 1;
}

/* stream:write(bytes, cb(true | nil, err)) */
static int tls_write(lua_State *L)
{
    stream *s = lx_checkbox(L, 1, TLS);
    pv_bytes bytes = lx_checkbytes(L, 2);
    pv_err err;
    luaL_checktype(L, 3, LUA_TFUNCTION);
    if (pv_tls_write(s->tls, bytes, on_done, &s->write, &err) != PV_OK) return lx_fail(L, &err);
    begin(&s->write, L, 3);
    lua_pushboolean(L, 1);
    return 1;
}

/* net.tls_connect(options, cb(true | nil, err)) -> stream | nil, err */
static int l_tls_connect(lua_State *L)
{
    pv_tls_options o = {0};
    stream **box, *s;
    pv_err err;
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    o.tcp.host = lx_optfield_string(L, 1, "host", NULL);
    o.tcp.port = (int)lx_optfield_int(L, 1, "port", 0);
    o.tcp.netns = lx_optfield_string(L, 1, "netns", NULL);
    o.tcp.timeout_ms = (int)lx_optfield_int(L, 1, "timeout", 0);
    o.server_name = lx_optfield_string(L, 1, "server_name", NULL);
    o.ca = lx_optfield_string(L, 1, "ca", NULL);
    o.ca_text = lx_optfield_string(L, 1, "ca_text", NULL);
    o.cert = lx_optfield_string(L, 1, "cert", NULL);
    o.key = lx_optfield_string(L, 1, "key", NULL);
    o.no_verify = !lx_optfield_bool(L, 1, "verify", 1);
    o.tls13 = strcmp(lx_optfield_string(L, 1, "min_tls", "1.2"), "1.3") == 0;
    box = lx_newbox(L, TLS);
    s = pv_alloc(sizeof *s);
    s->open.L = s->read.L = s->write.L = lx_main(L);
    s->open.stream = s->read.stream = s->write.stream = s;
    if (pv_tls_connect(&s->tls, (uv_loop_t *)lx_loop(L), &o, on_done, &s->open, &err) != PV_OK) {
        pv_free(s);
        return lx_fail(L, &err);
    }
    *box = s;
    begin(&s->open, L, 2);
    return 1;
}

void l_net_tls_register(lua_State *L)
{
    static const luaL_Reg functions[] = {{"tls_connect", l_tls_connect}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"read", tls_read}, {"write", tls_write}, {NULL, NULL}};
    l_net_deftype(L, TLS, methods, tls_close, tls_gc);
    luaL_setfuncs(L, functions, 0);
}
