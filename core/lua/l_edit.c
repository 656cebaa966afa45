/* core.edit: the line editor of the REPL. */
#include <stdio.h>

#include "edit/line.h"
#include "lua/lx.h"

#define LINE "prov.line"

/* Beside the editor, what its completion needs. */
typedef struct completer {
    lua_State *L; /* that runs read() now */
    int ref;
} completer;

static int l_line_close(lua_State *L)
{
    pv_line **box = lx_boxslot(L, 1, LINE);
    pv_line_close(*box);
    *box = NULL;
    return 0;
}

static void add_result(lua_State *L, int idx, pv_buf *buf)
{
    size_t len;
    const char *text = lua_tolstring(L, idx, &len);
    if (text != NULL) pv_buf_add(buf, text, len);
}

/* Asks complete(line, cursor) -> insert?, show?. */
static void complete(void *user, const char *line, size_t len, size_t cursor, pv_buf *insert,
                     pv_buf *show)
{
    completer *c = user;
    int top = lua_gettop(c->L);
    if (!lua_checkstack(c->L, 8)) return;
    lua_rawgeti(c->L, LUA_REGISTRYINDEX, c->ref);
    lua_pushlstring(c->L, line, len);
    lua_pushinteger(c->L, (lua_Integer)cursor);
    if (lx_call(c->L, 2, 2, 0) >= 0) {
        add_result(c->L, top + 1, insert);
        add_result(c->L, top + 2, show);
    }
    lua_settop(c->L, top);
}

/* edit.open{ history = path?, size = entries kept?, complete = function(line, cursor) -> insert?,
 * show? } -> line | nil, err */
static int l_edit_open(lua_State *L)
{
    pv_line_options options = {.in = stdin, .out = stdout, .err = stderr, .history_size = 1000};
    pv_line **box;
    completer *c;
    pv_err err;
    luaL_checktype(L, 1, LUA_TTABLE);
    options.history_file = lx_optfield_string(L, 1, "history", NULL);
    options.history_size = (int)lx_optfield_int(L, 1, "size", options.history_size);
    box = lx_newbox(L, LINE);
    c = lua_newuserdatauv(L, sizeof *c, 1);
    *c = (completer){L, LUA_NOREF};
    lua_pushliteral(L, "complete");
    if (lua_rawget(L, 1) == LUA_TFUNCTION) {
        c->ref =
            luaL_ref(L, LUA_REGISTRYINDEX); /* for the life of the program: there is one REPL */
        options.complete = complete;
        options.user = c;
    } else {
        lua_pop(L, 1);
    }
    lua_setiuservalue(L, -2, 1); /* the editor keeps the completer alive */
    return pv_line_open(box, &options, &err) == PV_OK ? 1 : lx_fail(L, &err);
}

/* line:read(prompt) -> text | nil, err "closed" | "canceled" */
static int l_line_read(lua_State *L)
{
    pv_line *l = lx_checkbox(L, 1, LINE);
    const char *prompt = luaL_checkstring(L, 2);
    completer *c;
    pv_bytes text;
    pv_err err;
    lua_getiuservalue(L, 1, 1);
    c = lua_touserdata(L, -1);
    c->L = L;
    if (pv_line_read(l, prompt, &text, &err) != PV_OK) return lx_fail(L, &err);
    lua_pushlstring(L, text.data, text.len);
    return 1;
}

/* line:remember(entry) */
static int l_line_remember(lua_State *L)
{
    pv_line_remember(lx_checkbox(L, 1, LINE), luaL_checkstring(L, 2));
    return 0;
}

static const luaL_Reg line_methods[] = {
    {"read", l_line_read}, {"remember", l_line_remember}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"open", l_edit_open}, {NULL, NULL}};

int luaopen_core_edit(lua_State *L);
int luaopen_core_edit(lua_State *L)
{
    lx_deftype(L, LINE, line_methods, l_line_close);
    luaL_newlib(L, functions);
    return 1;
}
