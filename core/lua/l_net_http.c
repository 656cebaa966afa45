/* HTTP for Lua: net.http_request on one client per state, made at first use. */
#include <string.h>

#include "base/mem.h"
#include "lua/l_net.h"
#include "net/http.h"

#define CLIENT "prov.http"
#define REQUEST "prov.request"

enum { HEADERS_MAX = 128 };

typedef struct request {
    lua_State *L;
    pv_http_req *req;
    int done_ref, data_ref, self_ref;
    int dead;
} request;

static int client_gc(lua_State *L)
{
    pv_http **box = lx_boxslot(L, 1, CLIENT);
    pv_http_close(*box);
    *box = NULL;
    return 0;
}

static pv_http *client(lua_State *L)
{
    pv_http *http;
    if (lua_getfield(L, LUA_REGISTRYINDEX, CLIENT ".client") == LUA_TNIL) {
        pv_http **box = lx_newbox(L, CLIENT);
        *box = pv_http_new((uv_loop_t *)lx_loop(L));
        lua_setfield(L, LUA_REGISTRYINDEX, CLIENT ".client");
        lua_pop(L, 1);
        return client(L);
    }
    http = lx_checkbox(L, -1, CLIENT);
    lua_pop(L, 1);
    return http;
}

static void on_data(void *arg, const char *data, size_t len)
{
    request *r = arg;
    if (r->dead) return;
    lua_pushlstring(r->L, data, len);
    lx_event(r->L, r->data_ref, 1);
}

static void on_done(void *arg, const pv_http_result *result, const pv_err *err)
{
    request *r = arg;
    lua_State *L = r->L;
    int ref = r->done_ref;
    if (r->dead) {
        pv_free(r);
        return;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, r->self_ref);
    *(request **)lua_touserdata(L, -1) = NULL;
    lua_pop(L, 1);
    lx_unref(L, r->self_ref);
    if (r->data_ref != LUA_NOREF) lx_unref(L, r->data_ref);
    pv_free(r);
    if (err != NULL) {
        l_net_callback_err(L, ref, err);
        return;
    }
    lua_createtable(L, 0, 3);
    lua_pushinteger(L, result->status);
    lua_setfield(L, -2, "status");
    lua_pushlstring(L, result->headers.data, result->headers.len);
    lua_setfield(L, -2, "headers");
    lua_pushlstring(L, result->body.data, result->body.len);
    lua_setfield(L, -2, "body");
    lx_callback(L, ref, 1);
}

static int request_cancel(lua_State *L)
{
    request **box = lx_boxslot(L, 1, REQUEST);
    if (*box != NULL) pv_http_cancel((*box)->req);
    return 0;
}

static int request_gc(lua_State *L)
{
    request **box = lx_boxslot(L, 1, REQUEST);
    if (*box == NULL) return 0;
    (*box)->dead = 1;
    pv_http_cancel((*box)->req);
    *box = NULL;
    return 0;
}

static void read_headers(lua_State *L, int t, pv_http_options *o, const char **headers)
{
    lua_pushliteral(L, "headers");
    if (lua_rawget(L, t) == LUA_TTABLE) {
        o->header_count = lua_rawlen(L, -1);
        if (o->header_count > HEADERS_MAX)
            luaL_error(L, "field 'headers' has more than %d lines", HEADERS_MAX);
        for (size_t i = 0; i < o->header_count; i++) {
            if (lua_rawgeti(L, -1, (lua_Integer)i + 1) != LUA_TSTRING)
                luaL_error(L, "field 'headers' must hold strings");
            headers[i] = lua_tostring(L, -1);
            lua_pop(L, 1);
        }
    }
    o->headers = headers;
    lua_pop(L, 1);
}

static void read_options(lua_State *L, pv_http_options *o, const char **headers)
{
    o->method = lx_optfield_string(L, 1, "method", NULL);
    o->url = lx_optfield_string(L, 1, "url", NULL);
    o->netns = lx_optfield_string(L, 1, "netns", NULL);
    o->socket = lx_optfield_string(L, 1, "socket", NULL);
    o->ca = lx_optfield_string(L, 1, "ca", NULL);
    o->cert = lx_optfield_string(L, 1, "cert", NULL);
    o->key = lx_optfield_string(L, 1, "key", NULL);
    o->no_verify = !lx_optfield_bool(L, 1, "verify", 1);
    o->no_proxy = !lx_optfield_bool(L, 1, "proxy", 1);
    o->redirects = (int)lx_optfield_int(L, 1, "redirects", 0);
    o->repeatable = lx_optfield_bool(L, 1, "repeatable", 0);
    o->timeout_ms = (int)lx_optfield_int(L, 1, "timeout", 0);
    o->max_body = (size_t)lx_optfield_int(L, 1, "max_body", 0);
    read_headers(L, 1, o, headers);
    lua_pushliteral(L, "body");
    if (lua_rawget(L, 1) == LUA_TSTRING)
        o->body.data = lua_tolstring(L, -1, &o->body.len); /* kept by the table */
    lua_pop(L, 1);
}

/* net.http_request(options, cb(response | nil, err), on_data(bytes)?) -> request | nil, err;
 * headers go in and come out as lines. */
static int l_http_request(lua_State *L)
{
    const char *headers[HEADERS_MAX];
    pv_http_options o = {0};
    request **box, *r;
    pv_http *http;
    pv_err err;
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    read_options(L, &o, headers);
    if (!lua_isnoneornil(L, 3)) {
        luaL_checktype(L, 3, LUA_TFUNCTION);
        o.on_data = on_data;
    }
    http = client(L);
    box = lx_newbox(L, REQUEST);
    r = pv_alloc(sizeof *r);
    r->L = lx_main(L);
    o.on_done = on_done;
    o.arg = r;
    if (pv_http_start(&r->req, http, &o, &err) != PV_OK) {
        pv_free(r);
        return lx_fail(L, &err);
    }
    *box = r;
    r->done_ref = lx_ref(L, 2);
    r->data_ref = o.on_data != NULL ? lx_ref(L, 3) : LUA_NOREF;
    r->self_ref = l_net_keep(L, -1);
    return 1;
}

void l_net_http_register(lua_State *L)
{
    static const luaL_Reg functions[] = {{"http_request", l_http_request}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"cancel", request_cancel}, {NULL, NULL}};
    static const luaL_Reg none[] = {{NULL, NULL}};
    l_net_deftype(L, REQUEST, methods, request_cancel, request_gc);
    l_net_deftype(L, CLIENT, none, client_gc, client_gc);
    luaL_setfuncs(L, functions, 0);
}
