/* core.sandbox: calls a Lua function under limits that it cannot catch, raise or outlast.
 *
 * A hook counts instructions and looks at the memory; the allocator refuses what is too large; a
 * timer of the thread's own processor time stops what the count does not see, such as comparing
 * long strings.  Who passes a limit is stopped for good: from then on every instruction raises, so
 * that no pcall, no __close and no handler goes on.  C functions do not run the hook; the ones here
 * count their work themselves. */
#include "lua/l_sandbox.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lualib.h>
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum { EVERY = 1000, ALONE = 200 * 1000 * 1000, PLACE = 512 };

typedef enum { RUNS, INSTRUCTIONS, MEMORY, STRING, SECONDS } verdict;

static const char *const verdicts[] = {NULL, "instructions", "memory", "string", "seconds"};

/* A call under way.  There is one thread with Lua, so there is one chain of them. */
typedef struct guard {
    struct guard *outer;
    lua_State *L;
    int64_t steps, max_steps;
    int64_t memory; /* most bytes that Lua may have */
    size_t string;  /* most bytes of a string */
    const char *file;
    verdict verdict;
    verdict refused; /* why there was no memory */
    int line;        /* where it was stopped, 0 when not known */
} guard;

static guard *current;
static volatile sig_atomic_t expired;
static char stopped; /* its address is the error */

static int64_t memory_of(lua_State *L)
{
    return (int64_t)lua_gc(L, LUA_GCCOUNT) * 1024 + lua_gc(L, LUA_GCCOUNTB);
}

/* The line of the file that runs. */
static int line_of(lua_State *L, const char *file)
{
    lua_Debug ar;
    for (int level = 0; level < 100 && lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (ar.source[0] == '@' && strcmp(ar.source + 1, file) == 0) return ar.currentline;
    }
    return 0;
}

static void watch(lua_State *L, lua_Debug *ar);

static void stop(lua_State *L, guard *g, verdict why)
{
    g->verdict = why;
    if (g->line == 0) g->line = line_of(L, g->file);
    lua_sethook(L, watch, LUA_MASKCOUNT, 1);
}

/* Garbage does not count. */
static bool takes_too_much(lua_State *L, const guard *g)
{
    if (memory_of(L) <= g->memory) return false;
    lua_gc(L, LUA_GCCOLLECT);
    return memory_of(L) > g->memory;
}

/* Raises when the running call has passed a limit. */
static void check(lua_State *L)
{
    guard *g = current;
    if (g == NULL || g->L != L) return;
    if (g->verdict == RUNS) {
        if (expired) stop(L, g, SECONDS);
        else if (g->steps > g->max_steps) stop(L, g, INSTRUCTIONS);
        else if (takes_too_much(L, g)) stop(L, g, MEMORY);
        else return;
    }
    lua_pushlightuserdata(L, &stopped);
    lua_error(L);
}

static void watch(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    if (current != NULL && current->verdict == RUNS) current->steps += EVERY;
    check(L);
}

int64_t l_sandbox_left(lua_State *L)
{
    guard *g = current;
    if (g == NULL || g->L != L) return ALONE;
    return g->steps < g->max_steps ? g->max_steps - g->steps : 0;
}

void l_sandbox_use(lua_State *L, int64_t steps)
{
    guard *g = current;
    if (g == NULL || g->L != L) return;
    g->steps = steps > INT64_MAX - g->steps ? INT64_MAX : g->steps + steps;
    if (g->steps > g->max_steps || expired) check(L);
}

/* Runs as a signal in the middle of Lua, which allows just this there. */
static void on_timer(int number)
{
    guard *g = current;
    (void)number;
    expired = 1;
    if (g != NULL) lua_sethook(g->L, watch, LUA_MASKCOUNT, 1);
}

/* Sets the timer; 0 stops it.  Without a timer the other limits hold. */
static void set_timer(double seconds)
{
    static timer_t timer;
    static pid_t owner; /* a timer is not inherited by a fork */
    struct itimerspec when = {0};
    if (owner != getpid()) {
        struct sigaction action = {.sa_handler = on_timer, .sa_flags = SA_RESTART};
        struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGVTALRM};
        event.sigev_notify_thread_id = gettid();
        sigemptyset(&action.sa_mask);
        if (sigaction(SIGVTALRM, &action, NULL) != 0) return;
        if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0) return;
        owner = getpid();
    }
    when.it_value.tv_sec = (time_t)seconds;
    when.it_value.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9);
    timer_settime(timer, 0, &when, NULL);
}

/* The allocator of a call, with Lua's own behind it: refuses blocks that pass a limit.  Small ones
 * are left to the hook.  Lua says the type of what a new block is for in its old size. */
static struct {
    lua_Alloc real;
    void *state;
} allocator;

static void *allocate(void *unused, void *block, size_t old_size, size_t new_size)
{
    enum { SMALL = 512 };
    guard *g = current;
    size_t more = block == NULL ? new_size : new_size > old_size ? new_size - old_size : 0;
    (void)unused;
    if (g != NULL && more > SMALL) {
        verdict why = RUNS;
        if (block == NULL && old_size == LUA_TSTRING && new_size > g->string) why = STRING;
        else if (memory_of(g->L) + (int64_t)more > g->memory) why = MEMORY;
        if (why != RUNS) {
            g->refused = why;
            if (g->line == 0) g->line = line_of(g->L, g->file);
            return NULL;
        }
    }
    return allocator.real(allocator.state, block, old_size, new_size);
}

/* Message handler: what was raised becomes text while the limits still hold, for that may call
 * __tostring.  Errors of prov stay what they are. */
static int describe(lua_State *L)
{
    if (current != NULL && current->line == 0) current->line = line_of(L, current->file);
    lua_settop(L, 1);
    if (lua_isstring(L, 1) || lua_touserdata(L, 1) == &stopped) return 1;
    if (lua_getmetatable(L, 1)) {
        int ours = lua_rawequal(L, -1, lua_upvalueindex(1));
        lua_pop(L, 1);
        if (ours) return 1;
    }
    return l_sandbox_tostring(L);
}

static int64_t limit_field(lua_State *L, const char *name)
{
    int64_t n;
    lua_getfield(L, 1, name);
    n = (int64_t)luaL_checkinteger(L, -1);
    lua_pop(L, 1);
    return n;
}

/* Begins a call with the limits of the table at 1; returns its seconds. */
static double read_limits(lua_State *L, guard *g)
{
    double seconds;
    g->memory = memory_of(L) + limit_field(L, "memory");
    if (g->outer != NULL && g->outer->memory < g->memory) g->memory = g->outer->memory;
    g->string = (size_t)limit_field(L, "string");
    g->max_steps = limit_field(L, "instructions");
    lua_getfield(L, 1, "seconds");
    seconds = luaL_checknumber(L, -1);
    lua_getfield(L, 1, "file");
    g->file = luaL_checkstring(L, -1); /* the table keeps it */
    lua_pop(L, 2);
    return seconds;
}

static void out_of_memory(lua_State *L, guard *g)
{
    if (g->verdict == RUNS) stop(L, g, g->refused == RUNS ? MEMORY : g->refused);
}

/* The first call begins and the last one ends with these. */
static void begin(lua_State *L, double seconds)
{
    allocator.real = lua_getallocf(L, &allocator.state);
    lua_setallocf(L, allocate, NULL);
    expired = 0;
    set_timer(seconds);
}

static void end(lua_State *L)
{
    set_timer(0);
    lua_setallocf(L, allocator.real, allocator.state);
}

/* sandbox.call(limits, fn, ...) -> true, results... | false, error, nil, line | false, nil, limit,
 * line */
static int l_sandbox_call(lua_State *L)
{
    guard g = {.outer = current, .L = L};
    lua_Hook hook = lua_gethook(L);
    int mask = lua_gethookmask(L), count = lua_gethookcount(L), status;
    double seconds;
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, describe, 1);
    lua_insert(L, 2);
    seconds = read_limits(L, &g);
    current = &g;
    if (g.outer == NULL) begin(L, seconds);
    lua_sethook(L, watch, LUA_MASKCOUNT, EVERY);
    status = lua_pcall(L, lua_gettop(L) - 3, LUA_MULTRET, 2);
    if (status == LUA_ERRMEM) out_of_memory(L, &g);
    current = g.outer;
    if (g.outer == NULL) end(L);
    else g.outer->steps += g.steps + EVERY;
    lua_sethook(L, hook, mask, count); /* which counts from the start again */
    if (g.outer != NULL && (expired || g.outer->steps > g.outer->max_steps))
        lua_sethook(L, watch, LUA_MASKCOUNT, 1);
    lua_pushboolean(L, status == LUA_OK && g.verdict == RUNS);
    lua_replace(L, 2);
    if (lua_toboolean(L, 2)) return lua_gettop(L) - 1;
    if (g.verdict != RUNS) lua_pushnil(L);
    else lua_pushvalue(L, 3);
    lua_replace(L, 1);
    lua_settop(L, 2);
    lua_insert(L, 1); /* false, error */
    lua_pushstring(L, verdicts[g.verdict]);
    lua_pushinteger(L, g.line);
    return 4;
}

/* sandbox.after(pcall(...)): what pcall gave, unless it caught that there is no memory left. */
static int l_sandbox_after(lua_State *L)
{
    const char *message = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    if (current != NULL && current->L == L && !lua_toboolean(L, 1) &&
        strcmp(message, "not enough memory") == 0) {
        out_of_memory(L, current);
        check(L);
    }
    return lua_gettop(L);
}

/* sandbox.use(steps): counts work of a function that is about to do it */
static int l_sandbox_use_steps(lua_State *L)
{
    l_sandbox_use(L, (int64_t)luaL_checkinteger(L, 1));
    return 0;
}

static const luaL_Reg functions[] = {
    {"call", l_sandbox_call},     {"after", l_sandbox_after},
    {"use", l_sandbox_use_steps}, {"find", l_sandbox_find},
    {"match", l_sandbox_match},   {"gmatch", l_sandbox_gmatch},
    {"gsub", l_sandbox_gsub},     {"tostring", l_sandbox_tostring},
    {"flaw", l_sandbox_flaw},     {NULL, NULL},
};

int luaopen_core_sandbox(lua_State *L);
int luaopen_core_sandbox(lua_State *L)
{
    luaL_newlibtable(L, functions);
    luaL_newmetatable(L, "prov.err");
    luaL_setfuncs(L, functions, 1);
    l_sandbox_add_counting(L);
    return 1;
}
