/* core.pg: statements at a PostgreSQL server, on a worker thread. */
#include <openssl/crypto.h>
#include <string.h>
#include <uv.h>

#include "base/mem.h"
#include "db/pg.h"
#include "lua/lx.h"

typedef struct pg_call {
    uv_work_t work;
    lua_State *L;
    int callback, count;
    pv_pg_options options;
    char *url, *user, *password;
    char **statements;
    pv_status status;
    pv_err err;
} pg_call;

static void free_secret(char *text)
{
    if (text != NULL) pv_wipe(text, strlen(text));
    pv_free(text);
}

static void run(uv_work_t *work)
{
    pg_call *c = (pg_call *)work;
    c->status = pv_pg_exec(&c->options, (const char *const *)c->statements, c->count, &c->err);
    OPENSSL_thread_stop(); /* libpq used OpenSSL: nothing of it stays with the worker */
}

static void after(uv_work_t *work, int canceled)
{
    pg_call *c = (pg_call *)work;
    lua_State *L = c->L;
    int callback = c->callback, count = 1;
    if (canceled != 0) c->status = pv_fail(&c->err, PV_ECANCELED, "canceled");
    if (c->status == PV_OK) lua_pushboolean(L, 1);
    else count = lx_fail(L, &c->err);
    for (int i = 0; i < c->count; i++) free_secret(c->statements[i]);
    pv_free(c->statements);
    free_secret(c->url);
    free_secret(c->password);
    pv_free(c->user);
    pv_free(c);
    lx_callback(L, callback, count);
}

static char *copy(const char *text)
{
    return text != NULL ? pv_strdup(text) : NULL;
}

/* pg.exec({ url=, user=, password=, timeout= }, { sql... }, cb(true | nil, err)) -> true */
static int l_exec(lua_State *L)
{
    pg_call *c;
    const char *url;
    int count;
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_checktype(L, 3, LUA_TFUNCTION);
    url = lx_optfield_string(L, 1, "url", NULL);
    luaL_argcheck(L, url != NULL, 1, "url is missing");
    count = (int)lua_rawlen(L, 2);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, 2, i);
        luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 2, "statements are strings");
        lua_pop(L, 1);
    }
    c = pv_alloc(sizeof *c);
    c->L = lx_main(L);
    c->callback = lx_ref(L, 3);
    c->options.conninfo = c->url = copy(url);
    c->options.user = c->user = copy(lx_optfield_string(L, 1, "user", NULL));
    c->options.password = c->password = copy(lx_optfield_string(L, 1, "password", NULL));
    c->options.timeout_ms = (int)lx_optfield_int(L, 1, "timeout", 0);
    c->count = count;
    c->statements = pv_alloc_array((size_t)count + 1, sizeof *c->statements);
    for (int i = 0; i < count; i++) {
        lua_rawgeti(L, 2, i + 1);
        c->statements[i] = pv_strdup(lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    uv_queue_work((uv_loop_t *)lx_loop(L), &c->work, run, after);
    lua_pushboolean(L, 1);
    return 1;
}

int luaopen_core_pg(lua_State *L)
{
    static const luaL_Reg functions[] = {{"exec", l_exec}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
