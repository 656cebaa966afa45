/* core.interrupt: ends Lua that calculates and never comes back to the event loop, where signals
 * are heard otherwise. */
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "lua/lx.h"

#define WATCH "prov.interrupt"

enum { EVERY = 1000 }; /* instructions between two looks */

static const int SIGNALS[] = {SIGINT, SIGTERM};
enum { COUNT = sizeof SIGNALS / sizeof SIGNALS[0] };

/* What is watched; one at a time. */
static struct {
    lua_State *volatile L;
    bool ended; /* something was ended since the watch began */
    char source[256];
    struct sigaction before[COUNT];
} watched;

/* Raises in code of the watched source; operations of prov end in their own way. Again and again,
 * so that a pcall that swallows it gains nothing. */
static void on_hook(lua_State *L, lua_Debug *ar)
{
    if (L != watched.L) {
        lua_sethook(L, NULL, 0, 0);
        return;
    }
    lua_getinfo(L, "Sl", ar);
    if (strcmp(ar->source, watched.source) != 0) return;
    watched.ended = true;
    lua_pushfstring(L, "%s:%d: interrupted", ar->short_src, ar->currentline);
    lua_error(L);
}

/* Hears the signal, and lets the event loop hear it too. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    lua_State *L = watched.L;
    if (L != NULL) lua_sethook(L, on_hook, LUA_MASKCOUNT, EVERY);
    for (int i = 0; i < COUNT; i++) {
        const struct sigaction *before = &watched.before[i];
        if (SIGNALS[i] != number) continue;
        if ((before->sa_flags & SA_SIGINFO) != 0) {
            before->sa_sigaction(number, info, context);
        } else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) {
            before->sa_handler(number);
        }
    }
}

static int l_interrupt_close(lua_State *L)
{
    lua_State **box = lx_boxslot(L, 1, WATCH);
    if (*box == NULL) return 0;
    for (int i = 0; i < COUNT; i++) sigaction(SIGNALS[i], &watched.before[i], NULL);
    watched.L = NULL;
    lua_sethook(*box, NULL, 0, 0);
    *box = NULL;
    return 0;
}

/* interrupt.watch(source) -> closable: until it is closed, SIGINT and SIGTERM end code of the
 * source ("=repl",
 * "@script.lua") in the coroutine that calls this with the error "interrupted", also when it is a
 * loop without end. Handlers there were hear the signals too. */
static int l_interrupt_watch(lua_State *L)
{
    size_t len;
    const char *source = luaL_checklstring(L, 1, &len);
    lua_State **box;
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    luaL_argcheck(L, len < sizeof watched.source, 1, "too long");
    if (watched.L != NULL) return luaL_error(L, "something is watched already");
    box = lx_newbox(L, WATCH);
    *box = L;
    memcpy(watched.source, source, len + 1);
    watched.L = L;
    watched.ended = false;
    sigfillset(&action.sa_mask);
    for (int i = 0; i < COUNT; i++) sigaction(SIGNALS[i], &action, &watched.before[i]);
    return 1;
}

/* interrupt.ended() -> whether a signal ended something since watch() was called */
static int l_interrupt_ended(lua_State *L)
{
    lua_pushboolean(L, watched.ended);
    return 1;
}

static const luaL_Reg methods[] = {{NULL, NULL}};

static const luaL_Reg functions[] = {
    {"watch", l_interrupt_watch}, {"ended", l_interrupt_ended}, {NULL, NULL}};

int luaopen_core_interrupt(lua_State *L);
int luaopen_core_interrupt(lua_State *L)
{
    lx_deftype(L, WATCH, methods, l_interrupt_close);
    luaL_newlib(L, functions);
    return 1;
}
