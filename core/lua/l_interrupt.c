/* core.interrupt: ends Lua that calculates and never comes back to the event loop, where signals
 * are heard otherwise. */
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "lua/lx.h"

#define WATCH "prov.interrupt"

enum { EVERY = 1000 }; /* instructions between two looks */

static const int SIGNALS[] = {SIGINT, SIGTERM};
enum { COUNT = sizeof SIGNALS / sizeof SIGNALS[0] };

/* A coroutine whose code of one source ends by a signal. */
typedef struct watch {
    lua_State *L;
    struct watch *outer; /* what waits for this one */
    char source[256];
} watch;

static watch *volatile innermost;
static bool ended; /* something was ended, and nobody has asked yet */
static struct sigaction before[COUNT];

static watch *watch_of(const lua_State *L)
{
    watch *w = innermost;
    while (w != NULL && w->L != L) w = w->outer;
    return w;
}

/* Raises in code of the watched source; operations of prov end in their own way. Again and again,
 * so that a pcall that swallows it gains nothing. */
static void on_hook(lua_State *L, lua_Debug *ar)
{
    const watch *w = watch_of(L);
    if (w == NULL) {
        lua_sethook(L, NULL, 0, 0);
        return;
    }
    lua_getinfo(L, "Sl", ar);
    if (strcmp(ar->source, w->source) != 0) return;
    ended = true;
    lua_pushfstring(L, "%s:%d: interrupted", ar->short_src, ar->currentline);
    lua_error(L);
}

/* Hears the signal, and lets the event loop hear it too. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    const watch *w = innermost;
    if (w != NULL) lua_sethook(w->L, on_hook, LUA_MASKCOUNT, EVERY);
    for (int i = 0; i < COUNT; i++) {
        if (SIGNALS[i] != number) continue;
        if ((before[i].sa_flags & SA_SIGINFO) != 0) {
            before[i].sa_sigaction(number, info, context);
        } else if (before[i].sa_handler != SIG_DFL && before[i].sa_handler != SIG_IGN) {
            before[i].sa_handler(number);
        }
    }
}

static int l_interrupt_close(lua_State *L)
{
    watch **box = lx_boxslot(L, 1, WATCH), *w = *box;
    if (w == NULL) return 0;
    *box = NULL;
    if (innermost == w) {
        innermost = w->outer;
    } else {
        watch *inner = innermost;
        while (inner->outer != w) inner = inner->outer;
        inner->outer = w->outer;
    }
    for (int i = 0; i < COUNT && innermost == NULL; i++) sigaction(SIGNALS[i], &before[i], NULL);
    lua_sethook(w->L, NULL, 0, 0);
    pv_free(w);
    return 0;
}

/* interrupt.watch(source) -> closable: until it is closed, SIGINT and SIGTERM end code of the
 * source ("=repl",
 * "@script.lua") in the coroutine that calls this with the error "interrupted", also when it is a
 * loop without end. Handlers there were hear the signals too. Of several the innermost one hears.
 */
static int l_interrupt_watch(lua_State *L)
{
    size_t len;
    const char *source = luaL_checklstring(L, 1, &len);
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    watch **box, *w;
    luaL_argcheck(L, len < sizeof w->source, 1, "too long");
    box = lx_newbox(L, WATCH);
    w = pv_alloc(sizeof *w);
    *w = (watch){.L = L, .outer = innermost};
    memcpy(w->source, source, len + 1);
    *box = w;
    innermost = w;
    ended = false;
    sigfillset(&action.sa_mask);
    for (int i = 0; i < COUNT && w->outer == NULL; i++) sigaction(SIGNALS[i], &action, &before[i]);
    return 1;
}

/* interrupt.ended() -> whether a signal ended something since this was asked last */
static int l_interrupt_ended(lua_State *L)
{
    lua_pushboolean(L, ended);
    ended = false;
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
