/* SSH for Lua: net.ssh_connect, its session and exec handles. */
#include "base/mem.h"
#include "lua/l_net.h"
#include "net/ssh.h"

#define SESSION "prov.session"
#define EXEC "prov.exec"

enum { KEYS_MAX = 32 };

/* Lives until the handle is closed and its callback came. */
typedef struct session {
    lua_State *L;
    pv_ssh *ssh;  /* NULL once closed */
    int ref;      /* the callback, LUA_NOREF once called */
    int dead;     /* Lua has collected the handle: call nothing */
    int self_ref; /* keeps the handle while connecting */
} session;

typedef struct exec {
    lua_State *L;
    pv_ssh_exec *exec;
    int done_ref;
    int data_ref;
    int self_ref;
    int dead;
} exec;

static void session_release(session *s)
{
    if (s->ssh == NULL && s->ref == LUA_NOREF) pv_free(s);
}

static void on_connect(void *arg, const pv_err *err)
{
    session *s = arg;
    int ref = s->ref, self_ref = s->self_ref;
    lua_State *L = s->L;
    s->ref = LUA_NOREF;
    s->self_ref = LUA_NOREF;
    if (s->dead) {
        lx_unref(L, ref);
        session_release(s);
        return;
    }
    lx_unref(L, self_ref);
    session_release(s);
    if (err == NULL) {
        lua_pushboolean(L, 1);
        lx_callback(L, ref, 1);
    } else {
        l_net_callback_err(L, ref, err);
    }
}

static int session_close(lua_State *L)
{
    session **box = lx_boxslot(L, 1, SESSION);
    session *s = *box;
    pv_ssh *ssh;
    if (s == NULL) return 0;
    *box = NULL;
    ssh = s->ssh;
    if (s->ref == LUA_NOREF) {
        s->ssh = NULL;
        session_release(s);
        pv_ssh_close(ssh);
    } else { /* the callback frees it */
        s->ssh = NULL;
        pv_ssh_close(ssh);
    }
    return 0;
}

static int session_gc(lua_State *L)
{
    session **box = lx_boxslot(L, 1, SESSION);
    if (*box != NULL) (*box)->dead = 1;
    return session_close(L);
}

/* Reads list field `name` of the table at t: its strings stay alive in the table. */
static size_t read_keys(lua_State *L, int t, const char **keys)
{
    size_t count = 0;
    lua_pushliteral(L, "keys");
    if (lua_rawget(L, t) == LUA_TTABLE) {
        count = lua_rawlen(L, -1);
        if (count > KEYS_MAX) luaL_error(L, "field 'keys' has more than %d keys", KEYS_MAX);
        for (size_t i = 0; i < count; i++) {
            if (lua_rawgeti(L, -1, (lua_Integer)i + 1) != LUA_TSTRING)
                luaL_error(L, "field 'keys' must hold strings");
            keys[i] = lua_tostring(L, -1);
            lua_pop(L, 1);
        }
    } else if (!lua_isnil(L, -1)) {
        luaL_error(L, "field 'keys' must be a list");
    }
    lua_pop(L, 1);
    return count;
}

static pv_ssh *read_jump(lua_State *L, int t)
{
    session *jump = NULL;
    lua_pushliteral(L, "jump");
    if (lua_rawget(L, t) != LUA_TNIL) jump = lx_checkbox(L, -1, SESSION);
    lua_pop(L, 1);
    return jump != NULL ? jump->ssh : NULL;
}

/* net.ssh_connect(options, cb(true | nil, err)) -> session | nil, err */
static int l_ssh_connect(lua_State *L)
{
    const char *keys[KEYS_MAX];
    pv_ssh_options o = {0};
    session **box, *s;
    pv_err err;
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    o.host = lx_optfield_string(L, 1, "host", NULL);
    o.port = (int)lx_optfield_int(L, 1, "port", 0);
    o.user = lx_optfield_string(L, 1, "user", NULL);
    o.netns = lx_optfield_string(L, 1, "netns", NULL);
    o.host_key = lx_optfield_string(L, 1, "host_key", NULL);
    o.known_hosts = lx_optfield_string(L, 1, "known_hosts", NULL);
    o.strict = lx_optfield_bool(L, 1, "strict", 1);
    o.cert = lx_optfield_string(L, 1, "cert", NULL);
    o.agent_socket = lx_optfield_string(L, 1, "agent_socket", NULL);
    o.timeout_ms = (int)lx_optfield_int(L, 1, "timeout", 0);
    o.compress = lx_optfield_bool(L, 1, "compress", 0);
    o.keepalive_s = (int)lx_optfield_int(L, 1, "keepalive", 0);
    o.key_count = read_keys(L, 1, keys);
    o.keys = keys;
    o.jump = read_jump(L, 1);
    box = lx_newbox(L, SESSION);
    s = pv_alloc(sizeof *s);
    s->L = lx_main(L);
    s->ref = lx_ref(L, 2);
    s->self_ref = l_net_keep(L, -1);
    if (pv_ssh_connect(&s->ssh, (uv_loop_t *)lx_loop(L), &o, on_connect, s, &err) != PV_OK) {
        lx_unref(L, s->ref);
        lx_unref(L, s->self_ref);
        pv_free(s);
        return lx_fail(L, &err);
    }
    *box = s;
    return 1;
}

static void on_data(void *arg, int is_stderr, const char *data, size_t len)
{
    exec *e = arg;
    if (e->dead || e->data_ref == LUA_NOREF) return;
    lua_pushlstring(e->L, data, len);
    lua_pushboolean(e->L, is_stderr);
    lx_event(e->L, e->data_ref, 2);
}

static void push_result(lua_State *L, const pv_ssh_result *r)
{
    lua_createtable(L, 0, 4);
    if (r->has_code) {
        lua_pushinteger(L, r->code);
        lua_setfield(L, -2, "code");
    }
    if (r->signal != NULL) {
        lua_pushstring(L, r->signal);
        lua_setfield(L, -2, "signal");
    }
    lua_pushlstring(L, r->out.data, r->out.len);
    lua_setfield(L, -2, "stdout");
    lua_pushlstring(L, r->err.data, r->err.len);
    lua_setfield(L, -2, "stderr");
}

static void on_done(void *arg, const pv_ssh_result *result, const pv_err *err)
{
    exec *e = arg;
    exec **box;
    lua_State *L = e->L;
    int ref = e->done_ref;
    if (e->dead) {
        pv_free(e);
        return;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, e->self_ref);
    box = lua_touserdata(L, -1);
    *box = NULL;
    lua_pop(L, 1);
    lx_unref(L, e->self_ref);
    if (e->data_ref != LUA_NOREF) lx_unref(L, e->data_ref);
    pv_free(e);
    if (result != NULL) {
        push_result(L, result);
        lx_callback(L, ref, 1);
    } else {
        l_net_callback_err(L, ref, err);
    }
}

static pv_bytes read_input(lua_State *L, int t)
{
    pv_bytes bytes = {NULL, 0};
    lua_pushliteral(L, "stdin");
    if (lua_rawget(L, t) == LUA_TSTRING)
        bytes.data = lua_tolstring(L, -1, &bytes.len); /* kept by the table */
    else if (!lua_isnil(L, -1)) luaL_error(L, "field 'stdin' must be a string");
    lua_pop(L, 1);
    return bytes;
}

/* session:exec(options, cb(result | nil, err), on_data(bytes, is_stderr)?) -> exec | nil, err */
static int session_exec(lua_State *L)
{
    session *s = lx_checkbox(L, 1, SESSION);
    pv_ssh_exec_options o = {0};
    exec **box, *e;
    pv_err err;
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_checktype(L, 3, LUA_TFUNCTION);
    o.command = lx_optfield_string(L, 2, "command", NULL);
    luaL_argcheck(L, o.command != NULL, 2, "field 'command' is missing");
    o.input = read_input(L, 2);
    o.input_fd = (int)lx_optfield_int(L, 2, "stdin_fd", -1);
    o.keep_input = lx_optfield_bool(L, 2, "keep_stdin", 0);
    o.timeout_ms = (int)lx_optfield_int(L, 2, "timeout", 0);
    o.max_output = (size_t)lx_optfield_int(L, 2, "max_output", 0);
    if (!lua_isnoneornil(L, 4)) {
        luaL_checktype(L, 4, LUA_TFUNCTION);
        o.on_data = on_data;
    }
    box = lx_newbox(L, EXEC);
    e = pv_alloc(sizeof *e);
    e->L = lx_main(L);
    o.on_done = on_done;
    o.arg = e;
    if (pv_ssh_exec_start(&e->exec, s->ssh, &o, &err) != PV_OK) {
        pv_free(e);
        return lx_fail(L, &err);
    }
    *box = e;
    e->done_ref = lx_ref(L, 3);
    e->data_ref = o.on_data != NULL ? lx_ref(L, 4) : LUA_NOREF;
    e->self_ref = l_net_keep(L, -1);
    return 1;
}

/* Ends the command; its callback still comes. */
static int exec_cancel(lua_State *L)
{
    exec **box = lx_boxslot(L, 1, EXEC);
    if (*box != NULL) pv_ssh_exec_cancel((*box)->exec);
    return 0;
}

/* Only at the end of the state: the registry keeps a running command's handle. */
static int exec_gc(lua_State *L)
{
    exec **box = lx_boxslot(L, 1, EXEC);
    if (*box != NULL) {
        (*box)->dead = 1;
        pv_ssh_exec_cancel((*box)->exec);
        *box = NULL;
    }
    return 0;
}

static int exec_write(lua_State *L)
{
    exec *e = lx_checkbox(L, 1, EXEC);
    pv_bytes data = lx_checkbytes(L, 2);
    pv_ssh_exec_write(e->exec, data.data, data.len);
    return 0;
}

static int exec_eof(lua_State *L)
{
    exec *e = lx_checkbox(L, 1, EXEC);
    pv_ssh_exec_eof(e->exec);
    return 0;
}

static int session_ready(lua_State *L)
{
    session **box = lx_boxslot(L, 1, SESSION);
    lua_pushboolean(L, *box != NULL && pv_ssh_ready((*box)->ssh));
    return 1;
}

static int session_channels(lua_State *L)
{
    session *s = lx_checkbox(L, 1, SESSION);
    lua_pushinteger(L, (lua_Integer)pv_ssh_channels(s->ssh));
    return 1;
}

void l_net_ssh_register(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"ssh_connect", l_ssh_connect},
        {NULL, NULL},
    };
    static const luaL_Reg session_methods[] = {
        {"exec", session_exec},
        {"ready", session_ready},
        {"channels", session_channels},
        {NULL, NULL},
    };
    static const luaL_Reg exec_methods[] = {
        {"write", exec_write},
        {"eof", exec_eof},
        {"cancel", exec_cancel},
        {NULL, NULL},
    };
    l_net_deftype(L, SESSION, session_methods, session_close, session_gc);
    l_net_deftype(L, EXEC, exec_methods, exec_cancel, exec_gc);
    luaL_setfuncs(L, functions, 0);
}
