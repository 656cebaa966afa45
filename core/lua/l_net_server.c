/* core.net.server: the HTTP server for Lua.  A module of its own, so that a daemon that only
 * listens loads neither libcurl nor libssh. */
#include <limits.h>
#include <string.h>

#include "base/mem.h"
#include "lua/lx.h"
#include "net/server.h"

#define SERVER "prov.http_server"
#define REPLY "prov.http_reply"
#define SOCKET "prov.http_socket"

enum { FIELDS_MAX = 128, PROTOCOLS_MAX = 16 };

typedef struct server {
    lua_State *L;
    pv_httpd *httpd;
    int request_ref, drain_ref;
} server;

typedef struct reply {
    lua_State *L;
    pv_exchange *exchange;
    int event_ref;
} reply;

typedef struct websocket {
    lua_State *L;
    pv_socket *socket;
    int event_ref;
} websocket;

/* Takes the exchange out of its reply, which is closed then. */
static pv_exchange *take(lua_State *L, reply **box)
{
    pv_exchange *exchange = (*box)->exchange;
    if ((*box)->event_ref != LUA_NOREF) lx_unref(L, (*box)->event_ref);
    pv_free(*box);
    *box = NULL;
    return exchange;
}

/* An answer that did not come is a 500; one that did not end does not look complete. */
static int reply_close(lua_State *L)
{
    reply **box = lx_boxslot(L, 1, REPLY);
    if (*box != NULL) pv_exchange_problem(take(L, box), 500, NULL);
    return 0;
}

/* Collected, maybe at the end of the state: nothing of Lua may be called. */
static int reply_gc(lua_State *L)
{
    reply **box = lx_boxslot(L, 1, REPLY);
    if (*box != NULL) pv_exchange_abort(take(L, box));
    return 0;
}

static size_t read_fields(lua_State *L, int idx, const char **fields)
{
    size_t count;
    if (lua_isnoneornil(L, idx)) return 0;
    luaL_checktype(L, idx, LUA_TTABLE);
    count = lua_rawlen(L, idx);
    luaL_argcheck(L, count <= FIELDS_MAX, idx, "too many header lines");
    for (size_t i = 0; i < count; i++) {
        luaL_argcheck(L, lua_rawgeti(L, idx, (lua_Integer)i + 1) == LUA_TSTRING, idx,
                      "header lines must be strings");
        fields[i] = lua_tostring(L, -1); /* kept by the table */
        luaL_argcheck(L, strlen(fields[i]) == lua_rawlen(L, -1), idx, "a header line has a NUL");
        lua_pop(L, 1);
    }
    return count;
}

/* reply:respond(status, lines?, body?) -> true | nil, err */
static int reply_respond(lua_State *L)
{
    const char *fields[FIELDS_MAX];
    reply **box = lx_boxslot(L, 1, REPLY);
    int status = (int)luaL_checkinteger(L, 2);
    size_t count = read_fields(L, 3, fields);
    pv_bytes body = {"", 0};
    pv_err err;
    if (!lua_isnoneornil(L, 4)) body = lx_checkbytes(L, 4);
    lx_checkbox(L, 1, REPLY);
    if (pv_exchange_respond(take(L, box), status, fields, count, body, &err) != PV_OK)
        return lx_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* reply:problem(status, detail?) */
static int reply_problem(lua_State *L)
{
    reply **box = lx_boxslot(L, 1, REPLY);
    int status = (int)luaL_checkinteger(L, 2);
    const char *detail = luaL_optstring(L, 3, NULL);
    lx_checkbox(L, 1, REPLY);
    pv_exchange_problem(take(L, box), status, detail);
    return 0;
}

static void on_drained(void *arg)
{
    reply *r = arg;
    lua_pushliteral(r->L, "drained");
    lx_event(r->L, r->event_ref, 1);
}

static void on_gone(void *arg)
{
    reply *r = arg;
    lua_pushliteral(r->L, "gone");
    lx_event(r->L, r->event_ref, 1);
}

/* reply:start(status, lines, on_event("drained" | "gone")) -> true | nil, err */
static int reply_start(lua_State *L)
{
    const char *fields[FIELDS_MAX];
    reply *r = lx_checkbox(L, 1, REPLY);
    int status = (int)luaL_checkinteger(L, 2);
    size_t count = read_fields(L, 3, fields);
    pv_exchange_events events = {on_drained, on_gone, r};
    pv_err err;
    luaL_checktype(L, 4, LUA_TFUNCTION);
    if (pv_exchange_start(r->exchange, status, fields, count, &err) != PV_OK)
        return lx_fail(L, &err);
    r->event_ref = lx_ref(L, 4);
    pv_exchange_watch(r->exchange, &events);
    lua_pushboolean(L, 1);
    return 1;
}

/* reply:write(bytes) -> true | nil, err */
static int reply_write(lua_State *L)
{
    reply *r = lx_checkbox(L, 1, REPLY);
    pv_bytes bytes = lx_checkbytes(L, 2);
    pv_err err;
    if (pv_exchange_write(r->exchange, bytes, &err) != PV_OK) return lx_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* reply:pending() -> bytes that the client has not taken */
static int reply_pending(lua_State *L)
{
    reply *r = lx_checkbox(L, 1, REPLY);
    lua_pushinteger(L, (lua_Integer)pv_exchange_pending(r->exchange));
    return 1;
}

/* reply:finish(): the stream is complete */
static int reply_finish(lua_State *L)
{
    reply **box = lx_boxslot(L, 1, REPLY);
    lx_checkbox(L, 1, REPLY);
    pv_exchange_finish(take(L, box));
    return 0;
}

/* reply:abort(): the connection is cut */
static int reply_abort(lua_State *L)
{
    reply **box = lx_boxslot(L, 1, REPLY);
    lx_checkbox(L, 1, REPLY);
    pv_exchange_abort(take(L, box));
    return 0;
}

static void end_socket(lua_State *L, int code, pv_bytes reason)
{
    websocket **box = lx_boxslot(L, 1, SOCKET), *w = *box;
    if (w == NULL) return;
    *box = NULL;
    pv_socket_close(w->socket, code, reason);
    lx_unref(L, w->event_ref);
    pv_free(w);
}

/* A socket that was forgotten: nothing of Lua is called. */
static int socket_gc(lua_State *L)
{
    end_socket(L, PV_WS_FAILED, (pv_bytes){"", 0});
    return 0;
}

/* socket:close(code?, reason?) */
static int socket_close(lua_State *L)
{
    lua_Integer code = luaL_optinteger(L, 2, PV_WS_NORMAL);
    pv_bytes reason = {"", 0};
    if (!lua_isnoneornil(L, 3)) reason = lx_checkbytes(L, 3);
    luaL_argcheck(L, code <= 4999 && pv_ws_is_code((int)code), 2, "not a close code");
    luaL_argcheck(L, pv_ws_is_utf8(reason), 3, "a reason is UTF-8");
    end_socket(L, (int)code, reason);
    return 0;
}

static void on_socket_ready(void *arg)
{
    websocket *w = arg;
    lua_pushliteral(w->L, "ready");
    lx_event(w->L, w->event_ref, 1);
}

static void on_socket_drained(void *arg)
{
    websocket *w = arg;
    lua_pushliteral(w->L, "drained");
    lx_event(w->L, w->event_ref, 1);
}

/* Keeps the list on the stack, so that its strings live as long as the call. */
static size_t read_protocols(lua_State *L, int t, const char **protocols)
{
    size_t count = 0;
    lua_pushliteral(L, "protocols");
    if (lua_rawget(L, t) == LUA_TNIL) return 0;
    luaL_argcheck(L, lua_istable(L, -1), t, "field 'protocols' is not a list");
    luaL_argcheck(L, lua_rawlen(L, -1) <= PROTOCOLS_MAX, t, "too many protocols");
    for (; count < lua_rawlen(L, -1); count++) {
        luaL_argcheck(L, lua_rawgeti(L, -1, (lua_Integer)count + 1) == LUA_TSTRING, t,
                      "protocols must be strings");
        protocols[count] = lua_tostring(L, -1); /* kept by the list */
        lua_pop(L, 1);
    }
    return count;
}

static int read_option(lua_State *L, int t, const char *name)
{
    lua_Integer value = lx_optfield_int(L, t, name, 0);
    if (value < 0 || value > INT_MAX) luaL_error(L, "field '%s' is out of range", name);
    return (int)value;
}

/* reply:websocket(options, on_event("ready" | "drained")) -> socket, protocol | nil, err */
static int reply_websocket(lua_State *L)
{
    const char *protocols[PROTOCOLS_MAX];
    reply **from = lx_boxslot(L, 1, REPLY);
    pv_socket_options o = {.protocols = protocols};
    pv_socket_events events = {on_socket_ready, on_socket_drained, NULL};
    websocket **box, *w;
    pv_err err;
    lx_checkbox(L, 1, REPLY);
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_checktype(L, 3, LUA_TFUNCTION);
    o.message_bytes = (size_t)read_option(L, 2, "message_bytes");
    o.ping_ms = read_option(L, 2, "ping_ms");
    o.close_ms = read_option(L, 2, "close_ms");
    o.protocol_count = read_protocols(L, 2, protocols);
    box = lx_newbox(L, SOCKET);
    w = pv_alloc(sizeof *w);
    w->L = lx_main(L);
    events.arg = w;
    if (pv_exchange_websocket(&w->socket, take(L, from), &o, &events, &err) != PV_OK) {
        pv_free(w);
        return lx_fail(L, &err);
    }
    *box = w;
    w->event_ref = lx_ref(L, 3);
    if (pv_socket_protocol(w->socket) == NULL) return 1;
    lua_pushstring(L, pv_socket_protocol(w->socket));
    return 2;
}

/* socket:send(bytes, is_binary?) -> true | nil, err */
static int socket_send(lua_State *L)
{
    websocket *w = lx_checkbox(L, 1, SOCKET);
    pv_bytes bytes = lx_checkbytes(L, 2);
    int kind = lua_toboolean(L, 3) ? PV_WS_BINARY : PV_WS_TEXT;
    pv_err err;
    if (pv_socket_send(w->socket, kind, bytes, &err) != PV_OK) return lx_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* socket:pending() -> bytes that the client has not taken */
static int socket_pending(lua_State *L)
{
    websocket *w = lx_checkbox(L, 1, SOCKET);
    lua_pushinteger(L, (lua_Integer)pv_socket_pending(w->socket));
    return 1;
}

/* socket:take() -> message, "text" | "bytes"; nil: none yet; false, code, reason: has closed */
static int socket_take(lua_State *L)
{
    websocket *w = lx_checkbox(L, 1, SOCKET);
    pv_buf *message = lx_newbuf(L, 0);
    pv_bytes reason;
    int kind, got;
    pv_buf_deinit(message); /* it gets the bytes of the message, not a copy */
    got = pv_socket_receive(w->socket, &kind, message);
    if (got > 0) {
        lx_pushbuf(L, message);
        lua_pushstring(L, kind == PV_WS_TEXT ? "text" : "bytes");
        return 2;
    }
    if (got == 0) return 0;
    lua_pushboolean(L, 0);
    lua_pushinteger(L, pv_socket_closed(w->socket, &reason));
    lua_pushlstring(L, reason.data, reason.len);
    return 3;
}

static void set_bytes(lua_State *L, const char *name, pv_bytes bytes)
{
    lua_pushlstring(L, bytes.data, bytes.len);
    lua_setfield(L, -2, name);
}

static void push_lower(lua_State *L, pv_bytes text)
{
    luaL_Buffer b;
    char *to = luaL_buffinitsize(L, &b, text.len);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        to[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    luaL_pushresultsize(&b, text.len);
}

/* Names in lower case; the values of repeated ones joined. */
static void push_headers(lua_State *L, const pv_http1_head *head)
{
    lua_createtable(L, 0, (int)head->field_count);
    for (size_t i = 0; i < head->field_count; i++) {
        const pv_http1_field *field = &head->fields[i];
        push_lower(L, field->name);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, -3) == LUA_TSTRING) {
            lua_pushliteral(L, ", ");
            lua_pushlstring(L, field->value.data, field->value.len);
            lua_concat(L, 3);
        } else {
            lua_pop(L, 1);
            lua_pushlstring(L, field->value.data, field->value.len);
        }
        lua_rawset(L, -3);
    }
}

static void push_request(lua_State *L, const pv_request *r)
{
    lua_createtable(L, 0, 12);
    set_bytes(L, "method", r->head.method);
    set_bytes(L, "target", r->head.target);
    set_bytes(L, "path", r->head.path);
    set_bytes(L, "query", r->head.query);
    set_bytes(L, "host", r->head.host);
    set_bytes(L, "body", r->body);
    push_headers(L, &r->head);
    lua_setfield(L, -2, "headers");
    lua_pushstring(L, r->peer);
    lua_setfield(L, -2, "peer");
    lua_pushinteger(L, r->peer_port);
    lua_setfield(L, -2, "peer_port");
    if (r->peer_uid >= 0) {
        lua_pushinteger(L, r->peer_uid);
        lua_setfield(L, -2, "peer_uid");
    }
    lua_pushboolean(L, r->tls);
    lua_setfield(L, -2, "tls");
}

static void on_request(void *arg, pv_exchange *exchange)
{
    server *s = arg;
    lua_State *L = s->L;
    reply **box, *r;
    luaL_checkstack(L, 8, "request");
    push_request(L, pv_exchange_request(exchange));
    box = lx_newbox(L, REPLY);
    *box = r = pv_alloc(sizeof *r);
    r->L = L;
    r->exchange = exchange;
    r->event_ref = LUA_NOREF;
    lx_event(L, s->request_ref, 2);
}

static int server_close(lua_State *L)
{
    server **box = lx_boxslot(L, 1, SERVER), *s = *box;
    if (s == NULL) return 0;
    *box = NULL;
    pv_httpd_close(s->httpd);
    lx_unref(L, s->request_ref);
    if (s->drain_ref != LUA_NOREF) lx_unref(L, s->drain_ref);
    pv_free(s);
    return 0;
}

static int server_port(lua_State *L)
{
    server *s = lx_checkbox(L, 1, SERVER);
    lua_pushinteger(L, pv_httpd_port(s->httpd));
    return 1;
}

static int server_connections(lua_State *L)
{
    server *s = lx_checkbox(L, 1, SERVER);
    lua_pushinteger(L, pv_httpd_connections(s->httpd));
    return 1;
}

static void on_server_drained(void *arg, int cut)
{
    server *s = arg;
    int ref = s->drain_ref;
    s->drain_ref = LUA_NOREF;
    lua_pushinteger(s->L, cut);
    lx_callback(s->L, ref, 1);
}

/* server:drain(within_ms, cb(cut)) -> true: once; cb does not come when the server is closed */
static int server_drain(lua_State *L)
{
    server *s = lx_checkbox(L, 1, SERVER);
    int within = (int)luaL_checkinteger(L, 2);
    luaL_checktype(L, 3, LUA_TFUNCTION);
    if (s->drain_ref != LUA_NOREF) return luaL_error(L, "the server is draining already");
    s->drain_ref = lx_ref(L, 3);
    pv_httpd_drain(s->httpd, within, on_server_drained, s);
    lua_pushboolean(L, 1);
    return 1;
}

static size_t read_limit(lua_State *L, int t, const char *name)
{
    lua_Integer value = lx_optfield_int(L, t, name, 0);
    if (value < 0 || value > INT_MAX) luaL_error(L, "field 'limits.%s' is out of range", name);
    return (size_t)value;
}

static void read_limits(lua_State *L, int t, pv_httpd_limits *l)
{
    l->head_bytes = read_limit(L, t, "head_bytes");
    l->body_bytes = read_limit(L, t, "body_bytes");
    l->stream_bytes = read_limit(L, t, "stream_bytes");
    l->connections = (int)read_limit(L, t, "connections");
    l->per_address = (int)read_limit(L, t, "per_address");
    l->head_ms = (int)read_limit(L, t, "head_ms");
    l->body_ms = (int)read_limit(L, t, "body_ms");
    l->idle_ms = (int)read_limit(L, t, "idle_ms");
    l->write_ms = (int)read_limit(L, t, "write_ms");
}

/* server.listen(options, on_request(request, reply)) -> server | nil, err */
static int l_listen(lua_State *L)
{
    pv_httpd_options o = {0};
    server **box, *s;
    pv_err err;
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    o.host = lx_optfield_string(L, 1, "host", NULL);
    o.port = (int)lx_optfield_int(L, 1, "port", 0);
    o.path = lx_optfield_string(L, 1, "path", NULL);
    o.fd = (int)lx_optfield_int(L, 1, "fd", -1);
    o.use_fd = o.fd >= 0;
    o.cert = lx_optfield_string(L, 1, "cert", NULL);
    o.key = lx_optfield_string(L, 1, "key", NULL);
    lua_pushliteral(L, "limits");
    if (lua_rawget(L, 1) == LUA_TTABLE) read_limits(L, lua_gettop(L), &o.limits);
    box = lx_newbox(L, SERVER);
    s = pv_alloc(sizeof *s);
    s->L = lx_main(L);
    if (pv_httpd_listen(&s->httpd, (uv_loop_t *)lx_loop(L), &o, on_request, s, &err) != PV_OK) {
        pv_free(s);
        return lx_fail(L, &err);
    }
    s->request_ref = s->drain_ref = LUA_NOREF;
    *box = s;
    s->request_ref = lx_ref(L, 2);
    return 1;
}

/* What is called instead of close. */
static void set_meta(lua_State *L, const char *type, const char *name, lua_CFunction f)
{
    luaL_getmetatable(L, type);
    lua_pushcfunction(L, f);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

int luaopen_core_net_server(lua_State *L);
int luaopen_core_net_server(lua_State *L)
{
    static const luaL_Reg functions[] = {{"listen", l_listen}, {NULL, NULL}};
    static const luaL_Reg server_methods[] = {
        {"port", server_port},
        {"connections", server_connections},
        {"drain", server_drain},
        {NULL, NULL},
    };
    static const luaL_Reg reply_methods[] = {
        {"respond", reply_respond}, {"problem", reply_problem},     {"start", reply_start},
        {"write", reply_write},     {"pending", reply_pending},     {"finish", reply_finish},
        {"abort", reply_abort},     {"websocket", reply_websocket}, {NULL, NULL},
    };
    static const luaL_Reg socket_methods[] = {
        {"send", socket_send},
        {"pending", socket_pending},
        {"take", socket_take},
        {NULL, NULL},
    };
    lx_deftype(L, SERVER, server_methods, server_close);
    lx_deftype(L, REPLY, reply_methods, reply_close);
    lx_deftype(L, SOCKET, socket_methods, socket_close);
    set_meta(L, REPLY, "__gc", reply_gc);
    set_meta(L, SOCKET, "__gc", socket_gc);
    set_meta(L, SOCKET, "__close", socket_gc); /* gets an error behind the socket */
    luaL_newlib(L, functions);
    return 1;
}
