/* core.graph: dependency graphs and the scheduler over them.  Nodes are 1..n in Lua. */
#include <stdint.h>

#include "graph/dag.h"
#include "graph/rehearse.h"
#include "graph/sched.h"
#include "lua/lx.h"

#define DAG "prov.graph"
#define SCHED "prov.sched"

static int l_dag_close(lua_State *L)
{
    pv_dag **box = lx_boxslot(L, 1, DAG);
    pv_dag_free(*box);
    *box = NULL;
    return 0;
}

static int l_sched_close(lua_State *L)
{
    pv_sched **box = lx_boxslot(L, 1, SCHED);
    pv_sched_free(*box);
    *box = NULL;
    return 0;
}

/* The node (from 1) at idx as C counts it; raises when it is none of 1..n. */
static uint32_t check_node(lua_State *L, int idx, uint32_t n)
{
    lua_Integer node = luaL_checkinteger(L, idx);
    luaL_argcheck(L, node >= 1 && node <= n, idx, "no such node");
    return (uint32_t)node - 1;
}

static void push_ids(lua_State *L, const uint32_t *ids, uint32_t count)
{
    lua_createtable(L, (int)count, 0);
    for (uint32_t i = 0; i < count; i++) {
        lua_pushinteger(L, (lua_Integer)ids[i] + 1);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* nil, err "cycle" with data.path. */
static int fail_cycle(lua_State *L, const pv_dag *g, const pv_err *err)
{
    uint32_t len;
    const uint32_t *path = pv_dag_cycle(g, &len);
    lx_fail(L, err);
    if (err->status != PV_ECYCLE) return 2;
    lua_createtable(L, 0, 1);
    push_ids(L, path, len);
    lua_setfield(L, -2, "path");
    lua_setfield(L, -2, "data");
    return 2;
}

/* graph.new(n) -> graph */
static int l_graph_new(lua_State *L)
{
    lua_Integer n = luaL_checkinteger(L, 1);
    pv_dag **box;
    pv_err err;
    luaL_argcheck(L, n >= 0 && n <= UINT32_MAX, 1, "not a number of nodes");
    box = lx_newbox(L, DAG);
    return pv_dag_new(box, (uint32_t)n, &err) == PV_OK ? 1 : lx_fail(L, &err);
}

/* g:edge(before, after) */
static int l_graph_edge(lua_State *L)
{
    pv_dag *g = lx_checkbox(L, 1, DAG);
    uint32_t before = check_node(L, 2, pv_dag_nodes(g));
    uint32_t after = check_node(L, 3, pv_dag_nodes(g));
    pv_err err;
    return pv_dag_edge(g, before, after, &err) == PV_OK ? 0 : lx_raise(L, &err);
}

/* g:sort() -> { ids } | nil, err "cycle" */
static int l_graph_sort(lua_State *L)
{
    pv_dag *g = lx_checkbox(L, 1, DAG);
    const uint32_t *order;
    pv_err err;
    if (pv_dag_sort(g, &order, &err) != PV_OK) return fail_cycle(L, g, &err);
    push_ids(L, order, pv_dag_nodes(g));
    return 1;
}

/* Pushes (so that Lua frees it) an array of the n numbers in the table at idx; NULL and
 * nothing to free when there is no table. */
static double *check_weights(lua_State *L, int idx, uint32_t n)
{
    double *weights;
    if (lua_isnoneornil(L, idx)) {
        lua_pushnil(L);
        return NULL;
    }
    luaL_checktype(L, idx, LUA_TTABLE);
    weights = lua_newuserdatauv(L, (n + (size_t)1) * sizeof *weights, 0);
    for (uint32_t i = 0; i < n; i++) {
        int ok;
        lua_rawgeti(L, idx, (lua_Integer)i + 1);
        weights[i] = lua_tonumberx(L, -1, &ok);
        if (!ok) luaL_error(L, "weight %d is not a number", (int)i + 1);
        lua_pop(L, 1);
    }
    return weights;
}

/* g:critical(weights?) -> length, { ids } | nil, err "cycle" */
static int l_graph_critical(lua_State *L)
{
    pv_dag *g = lx_checkbox(L, 1, DAG);
    uint32_t n = pv_dag_nodes(g), len;
    const double *weights = check_weights(L, 2, n);
    double *remaining = lua_newuserdatauv(L, (n + (size_t)1) * sizeof *remaining, 0);
    uint32_t *path = lua_newuserdatauv(L, (n + (size_t)1) * sizeof *path, 0);
    pv_err err;
    if (pv_dag_remaining(g, weights, remaining, &err) != PV_OK) return fail_cycle(L, g, &err);
    len = pv_dag_critical(g, remaining, path);
    lua_pushnumber(L, len > 0 ? remaining[path[0]] : 0);
    push_ids(L, path, len);
    return 2;
}

/* Fills options->key_limits from the list at idx, keeping it alive on the stack. */
static void check_limits(lua_State *L, int idx, pv_sched_options *options)
{
    uint32_t *limits;
    luaL_checktype(L, idx, LUA_TTABLE);
    options->keys = (uint32_t)lua_rawlen(L, idx);
    options->key_limits = limits =
        lua_newuserdatauv(L, (options->keys + (size_t)1) * sizeof *limits, 0);
    for (uint32_t k = 0; k < options->keys; k++) {
        lua_Integer limit;
        lua_rawgeti(L, idx, (lua_Integer)k + 1);
        limit = lua_tointeger(L, -1);
        if (limit < 1) luaL_error(L, "limit of key %d is not a positive integer", (int)k + 1);
        limits[k] = limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit;
        lua_pop(L, 1);
    }
}

/* The keys of one node (table on top of the stack) behind *out, which has room. */
static uint32_t read_node_keys(lua_State *L, pv_sched_key *out, lua_Integer node)
{
    uint32_t count = (uint32_t)lua_rawlen(L, -1);
    for (uint32_t i = 0; i < count; i++) {
        lua_Integer key;
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        key = lua_tointeger(L, -1);
        if (key < 1 || key > UINT32_MAX) luaL_error(L, "node %d has a bad key", (int)node);
        out[i] = (pv_sched_key){(uint32_t)node - 1, (uint32_t)key - 1, 1};
        lua_pop(L, 1);
    }
    return count;
}

/* Fills options->node_keys from { [id] = { key, ... } } at idx, kept alive on the stack. */
static void check_node_keys(lua_State *L, int idx, uint32_t n, pv_sched_options *options)
{
    size_t total = 0;
    pv_sched_key *pairs;
    luaL_checktype(L, idx, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, idx) != 0; lua_pop(L, 1)) {
        lua_Integer node = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
        if (node < 1 || node > n)
            luaL_error(L, "node_keys names a node that is none of 1..%d", (int)n);
        luaL_checktype(L, -1, LUA_TTABLE);
        total += lua_rawlen(L, -1);
    }
    if (total > UINT32_MAX) luaL_error(L, "too many keys");
    options->node_keys = pairs = lua_newuserdatauv(L, (total + 1) * sizeof *pairs, 0);
    for (lua_pushnil(L); lua_next(L, idx) != 0; lua_pop(L, 1)) {
        options->node_key_count +=
            read_node_keys(L, pairs + options->node_key_count, lua_tointeger(L, -2));
    }
}

/* Pushes t[name] without metamethods; true when it is there. */
static int rawfield(lua_State *L, int t, const char *name)
{
    lua_pushstring(L, name);
    return lua_rawget(L, t) != LUA_TNIL;
}

/* Rehearses the schedule when rounds > 0; the priorities stay on the stack. */
static pv_status rehearse(lua_State *L, pv_dag *g, lua_Integer rounds, pv_sched_options *options,
                          pv_err *err)
{
    double *priority;
    if (rounds <= 0) return PV_OK;
    priority = lua_newuserdatauv(L, (pv_dag_nodes(g) + (size_t)1) * sizeof *priority, 0);
    options->priority = priority;
    return pv_rehearse(g, options, rounds > 100 ? 100 : (uint32_t)rounds, priority, NULL, err);
}

/* graph.sched(g, { weights=, limit=, keys=, node_keys=, rehearse= }?) -> sched | nil, err */
static int l_graph_sched(lua_State *L)
{
    pv_dag *g = lx_checkbox(L, 1, DAG);
    pv_sched_options options = {0};
    lua_Integer limit = 0, rounds = 0;
    pv_sched **box;
    pv_err err;
    lua_settop(L, 2);
    if (!lua_isnil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        limit = lx_optfield_int(L, 2, "limit", 0);
        rounds = lx_optfield_int(L, 2, "rehearse", 0);
        luaL_argcheck(L, limit >= 0, 2, "field 'limit' is negative");
        if (rawfield(L, 2, "weights")) options.weights = check_weights(L, 3, pv_dag_nodes(g));
        if (rawfield(L, 2, "keys")) check_limits(L, lua_gettop(L), &options);
        if (rawfield(L, 2, "node_keys")) {
            check_node_keys(L, lua_gettop(L), pv_dag_nodes(g), &options);
        }
    }
    options.limit = limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit;
    if (rehearse(L, g, rounds, &options, &err) != PV_OK) return fail_cycle(L, g, &err);
    box = lx_newbox(L, SCHED);
    return pv_sched_new(box, g, &options, &err) == PV_OK ? 1 : fail_cycle(L, g, &err);
}

/* s:next() -> id | nil */
static int l_sched_next(lua_State *L)
{
    uint32_t node;
    if (pv_sched_next(lx_checkbox(L, 1, SCHED), &node)) lua_pushinteger(L, (lua_Integer)node + 1);
    else lua_pushnil(L);
    return 1;
}

/* The node at index 2 of a running step, raising (a bug of the caller) when it is none. */
static uint32_t check_running(lua_State *L, const pv_sched *s)
{
    uint32_t node = check_node(L, 2, pv_sched_nodes(s));
    luaL_argcheck(L, pv_sched_state(s, node) == PV_NODE_RUNNING, 2, "node is not running");
    return node;
}

/* s:done(id) */
static int l_sched_done(lua_State *L)
{
    pv_sched *s = lx_checkbox(L, 1, SCHED);
    pv_sched_done(s, check_running(L, s), NULL);
    return 0;
}

/* s:fail(id) -> { skipped ids } */
static int l_sched_fail(lua_State *L)
{
    pv_sched *s = lx_checkbox(L, 1, SCHED);
    const uint32_t *skipped;
    uint32_t count;
    pv_sched_fail(s, check_running(L, s), &skipped, &count, NULL);
    push_ids(L, skipped, count);
    return 1;
}

static const char *const state_names[PV_NODE_STATES] = {"waiting", "ready",  "running",
                                                        "done",    "failed", "skipped"};

/* s:counts() -> { waiting=, ready=, running=, done=, failed=, skipped= } */
static int l_sched_counts(lua_State *L)
{
    const uint32_t *counts = pv_sched_counts(lx_checkbox(L, 1, SCHED));
    lua_createtable(L, 0, PV_NODE_STATES);
    for (int i = 0; i < PV_NODE_STATES; i++) {
        lua_pushinteger(L, counts[i]);
        lua_setfield(L, -2, state_names[i]);
    }
    return 1;
}

/* s:state(id) -> "waiting" | ... */
static int l_sched_state(lua_State *L)
{
    const pv_sched *s = lx_checkbox(L, 1, SCHED);
    lua_pushstring(L, state_names[pv_sched_state(s, check_node(L, 2, pv_sched_nodes(s)))]);
    return 1;
}

/* s:remaining(id) -> weight of the heaviest path from the node on */
static int l_sched_remaining(lua_State *L)
{
    const pv_sched *s = lx_checkbox(L, 1, SCHED);
    lua_pushnumber(L, pv_sched_remaining(s, check_node(L, 2, pv_sched_nodes(s))));
    return 1;
}

static const luaL_Reg dag_methods[] = {
    {"edge", l_graph_edge}, {"sort", l_graph_sort}, {"critical", l_graph_critical}, {NULL, NULL}};

static const luaL_Reg sched_methods[] = {{"next", l_sched_next},
                                         {"done", l_sched_done},
                                         {"fail", l_sched_fail},
                                         {"counts", l_sched_counts},
                                         {"state", l_sched_state},
                                         {"remaining", l_sched_remaining},
                                         {NULL, NULL}};

static const luaL_Reg functions[] = {{"new", l_graph_new}, {"sched", l_graph_sched}, {NULL, NULL}};

int luaopen_core_graph(lua_State *L);
int luaopen_core_graph(lua_State *L)
{
    lx_deftype(L, DAG, dag_methods, l_dag_close);
    lx_deftype(L, SCHED, sched_methods, l_sched_close);
    luaL_newlib(L, functions);
    return 1;
}
