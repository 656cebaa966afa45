/* core.graph: dependency graphs, the scheduler over them, and fair shares between several.  Nodes,
 * keys, runs and parties are counted from 1 in Lua. */
#include <stdint.h>

#include "graph/dag.h"
#include "graph/fair.h"
#include "graph/rehearse.h"
#include "graph/sched.h"
#include "graph/share.h"
#include "lua/lx.h"

#define DAG "prov.graph"
#define SCHED "prov.sched"
#define FAIR "prov.fair"
#define SHARE "prov.share"

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

static int l_fair_close(lua_State *L)
{
    pv_fair **box = lx_boxslot(L, 1, FAIR);
    pv_fair_free(*box);
    *box = NULL;
    return 0;
}

static int l_share_close(lua_State *L)
{
    pv_share **box = lx_boxslot(L, 1, SHARE);
    pv_share_free(*box);
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

/* Reads { weights=, limit=, keys=, node_keys=, rehearse= }, or nil, at idx; what it needs stays on
 * the stack above idx, which must be the top. */
static pv_status read_options(lua_State *L, int idx, pv_dag *g, pv_sched_options *options,
                              pv_err *err)
{
    lua_Integer limit, rounds;
    if (lua_isnil(L, idx)) return PV_OK;
    luaL_checktype(L, idx, LUA_TTABLE);
    limit = lx_optfield_int(L, idx, "limit", 0);
    rounds = lx_optfield_int(L, idx, "rehearse", 0);
    luaL_argcheck(L, limit >= 0, idx, "field 'limit' is negative");
    if (rawfield(L, idx, "weights")) {
        options->weights = check_weights(L, lua_gettop(L), pv_dag_nodes(g));
    }
    if (rawfield(L, idx, "keys")) {
        luaL_argcheck(L, options->key_free == NULL, idx, "the keys are those of the fair shares");
        check_limits(L, lua_gettop(L), options);
    }
    if (rawfield(L, idx, "node_keys")) {
        check_node_keys(L, lua_gettop(L), pv_dag_nodes(g), options);
    }
    options->limit = limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit;
    return rehearse(L, g, rounds, options, err);
}

/* graph.sched(g, { weights=, limit=, keys=, node_keys=, rehearse= }?) -> sched | nil, err */
static int l_graph_sched(lua_State *L)
{
    pv_dag *g = lx_checkbox(L, 1, DAG);
    pv_sched_options options = {0};
    pv_sched **box;
    pv_err err;
    lua_settop(L, 2);
    if (read_options(L, 2, g, &options, &err) != PV_OK) return fail_cycle(L, g, &err);
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

static int push_counts(lua_State *L, const pv_sched *s)
{
    const uint32_t *counts = pv_sched_counts(s);
    lua_createtable(L, 0, PV_NODE_STATES);
    for (int i = 0; i < PV_NODE_STATES; i++) {
        lua_pushinteger(L, counts[i]);
        lua_setfield(L, -2, state_names[i]);
    }
    return 1;
}

/* s:counts() -> { waiting=, ready=, running=, done=, failed=, skipped= } */
static int l_sched_counts(lua_State *L)
{
    return push_counts(L, lx_checkbox(L, 1, SCHED));
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

/* t[name] as a number of places, 0 when it is not there. */
static uint32_t check_places(lua_State *L, int t, const char *name)
{
    lua_Integer places = lx_optfield_int(L, t, name, 0);
    if (places < 0 || places > UINT32_MAX) luaL_error(L, "field '%s' is no number of places", name);
    return (uint32_t)places;
}

/* graph.fair({ places=, keys= }?) -> fair */
static int l_graph_fair(lua_State *L)
{
    pv_sched_options options = {0};
    uint32_t places = 0;
    lua_settop(L, 1);
    if (!lua_isnil(L, 1)) {
        luaL_checktype(L, 1, LUA_TTABLE);
        places = check_places(L, 1, "places");
        if (rawfield(L, 1, "keys")) check_limits(L, lua_gettop(L), &options);
    }
    pv_fair_new(lx_newbox(L, FAIR), places, options.key_limits, options.keys);
    lua_newtable(L); /* the schedulers by run: they live as long as f needs them */
    lua_setiuservalue(L, -2, 1);
    return 1;
}

/* The weight at idx, 1 when there is none. */
static uint32_t check_weight(lua_State *L, int idx)
{
    lua_Integer weight = luaL_optinteger(L, idx, 1);
    luaL_argcheck(L, weight >= 1 && weight <= PV_FAIR_MAX_WEIGHT, idx, "no weight of 1 to 10000");
    return (uint32_t)weight;
}

/* f:join(g, weight?, options?) -> run | nil, err */
static int l_fair_join(lua_State *L)
{
    pv_fair *f = lx_checkbox(L, 1, FAIR);
    pv_dag *g = lx_checkbox(L, 2, DAG);
    uint32_t weight = check_weight(L, 3), run;
    pv_sched_options options = {.key_free = pv_fair_keys(f)};
    pv_sched **box;
    pv_err err;
    lua_settop(L, 4);
    options.key_limits = pv_fair_limits(f, &options.keys);
    if (read_options(L, 4, g, &options, &err) != PV_OK) return fail_cycle(L, g, &err);
    lua_getiuservalue(L, 1, 1);
    box = lx_newbox(L, SCHED);
    if (pv_sched_new(box, g, &options, &err) != PV_OK) return fail_cycle(L, g, &err);
    lua_rawsetp(L, -2, *box); /* before it joins: this may raise */
    if (pv_fair_join(f, *box, weight, &run, &err) != PV_OK) return lx_fail(L, &err);
    lua_pushinteger(L, (lua_Integer)run + 1);
    return 1;
}

/* The run at index 2 as C counts it; raises when there is none. */
static uint32_t check_run(lua_State *L, const pv_fair *f)
{
    lua_Integer run = luaL_checkinteger(L, 2);
    bool is = run >= 1 && run <= UINT32_MAX && pv_fair_sched(f, (uint32_t)run - 1) != NULL;
    luaL_argcheck(L, is, 2, "no such run");
    return (uint32_t)run - 1;
}

/* f:leave(run) */
static int l_fair_leave(lua_State *L)
{
    pv_fair *f = lx_checkbox(L, 1, FAIR);
    uint32_t run = check_run(L, f);
    const pv_sched *sched = pv_fair_sched(f, run);
    pv_err err;
    if (pv_fair_leave(f, run, &err) != PV_OK) return lx_raise(L, &err);
    lua_getiuservalue(L, 1, 1);
    lua_pushnil(L);
    lua_rawsetp(L, -2, sched);
    return 0;
}

/* f:next() -> run, id | nil */
static int l_fair_next(lua_State *L)
{
    uint32_t run, node;
    if (!pv_fair_next(lx_checkbox(L, 1, FAIR), &run, &node)) return 0;
    lua_pushinteger(L, (lua_Integer)run + 1);
    lua_pushinteger(L, (lua_Integer)node + 1);
    return 2;
}

/* The node at index 3 of a running step of the run. */
static uint32_t check_running_of(lua_State *L, const pv_fair *f, uint32_t run)
{
    const pv_sched *s = pv_fair_sched(f, run);
    uint32_t node = check_node(L, 3, pv_sched_nodes(s));
    luaL_argcheck(L, pv_sched_state(s, node) == PV_NODE_RUNNING, 3, "node is not running");
    return node;
}

/* f:done(run, id) */
static int l_fair_done(lua_State *L)
{
    pv_fair *f = lx_checkbox(L, 1, FAIR);
    uint32_t run = check_run(L, f);
    pv_fair_done(f, run, check_running_of(L, f, run), NULL);
    return 0;
}

/* f:fail(run, id) -> { skipped ids } */
static int l_fair_fail(lua_State *L)
{
    pv_fair *f = lx_checkbox(L, 1, FAIR);
    uint32_t run = check_run(L, f), count;
    const uint32_t *skipped;
    pv_fair_fail(f, run, check_running_of(L, f, run), &skipped, &count, NULL);
    push_ids(L, skipped, count);
    return 1;
}

/* f:counts(run) -> as s:counts() */
static int l_fair_counts(lua_State *L)
{
    const pv_fair *f = lx_checkbox(L, 1, FAIR);
    return push_counts(L, pv_fair_sched(f, check_run(L, f)));
}

/* f:steps(run) -> how many it has started */
static int l_fair_steps(lua_State *L)
{
    const pv_fair *f = lx_checkbox(L, 1, FAIR);
    lua_pushinteger(L, (lua_Integer)pv_fair_steps(f, check_run(L, f)));
    return 1;
}

/* graph.share({ places= }?) -> share */
static int l_graph_share(lua_State *L)
{
    uint32_t places = 0;
    lua_settop(L, 1);
    if (!lua_isnil(L, 1)) {
        luaL_checktype(L, 1, LUA_TTABLE);
        places = check_places(L, 1, "places");
    }
    pv_share_new(lx_newbox(L, SHARE), places);
    return 1;
}

/* s:join(weight?, limit?) -> party | nil, err */
static int l_share_join(lua_State *L)
{
    pv_share *s = lx_checkbox(L, 1, SHARE);
    uint32_t weight = check_weight(L, 2), party;
    lua_Integer limit = luaL_optinteger(L, 3, 0);
    pv_err err;
    luaL_argcheck(L, limit >= 0 && limit <= UINT32_MAX, 3, "no number of places");
    if (pv_share_join(s, weight, (uint32_t)limit, &party, &err) != PV_OK) return lx_fail(L, &err);
    lua_pushinteger(L, (lua_Integer)party + 1);
    return 1;
}

/* The integer at idx, which must be one of least..UINT32_MAX. */
static uint32_t check_u32(lua_State *L, int idx, lua_Integer least, const char *what)
{
    lua_Integer i = luaL_checkinteger(L, idx);
    luaL_argcheck(L, i >= least && i <= UINT32_MAX, idx, what);
    return (uint32_t)i;
}

/* Calls fn(share, party) for s:fn(party); what it refuses is a bug of the caller. */
static int share_call(lua_State *L, pv_status (*fn)(pv_share *, uint32_t, pv_err *))
{
    pv_share *s = lx_checkbox(L, 1, SHARE);
    pv_err err;
    return fn(s, check_u32(L, 2, 1, "no such party") - 1, &err) == PV_OK ? 0 : lx_raise(L, &err);
}

/* The same for s:fn(party, count?). */
static int share_count(lua_State *L, pv_status (*fn)(pv_share *, uint32_t, uint32_t, pv_err *))
{
    pv_share *s = lx_checkbox(L, 1, SHARE);
    uint32_t party = check_u32(L, 2, 1, "no such party") - 1;
    uint32_t count = lua_isnoneornil(L, 3) ? 1 : check_u32(L, 3, 0, "no number of things");
    pv_err err;
    return fn(s, party, count, &err) == PV_OK ? 0 : lx_raise(L, &err);
}

/* s:leave(party) */
static int l_share_leave(lua_State *L)
{
    return share_call(L, pv_share_leave);
}

/* s:done(party) */
static int l_share_done(lua_State *L)
{
    return share_call(L, pv_share_done);
}

/* s:ready(party, count?) */
static int l_share_ready(lua_State *L)
{
    return share_count(L, pv_share_ready);
}

/* s:withdraw(party, count?) */
static int l_share_withdraw(lua_State *L)
{
    return share_count(L, pv_share_withdraw);
}

/* s:next() -> party | nil */
static int l_share_next(lua_State *L)
{
    uint32_t party;
    if (!pv_share_next(lx_checkbox(L, 1, SHARE), &party)) return 0;
    lua_pushinteger(L, (lua_Integer)party + 1);
    return 1;
}

/* s:count(party) -> { waiting=, running=, steps= } */
static int l_share_count(lua_State *L)
{
    const pv_share *s = lx_checkbox(L, 1, SHARE);
    pv_share_counts counts = pv_share_count(s, check_u32(L, 2, 1, "no such party") - 1);
    lua_createtable(L, 0, 3);
    lua_pushinteger(L, counts.waiting);
    lua_setfield(L, -2, "waiting");
    lua_pushinteger(L, counts.running);
    lua_setfield(L, -2, "running");
    lua_pushinteger(L, (lua_Integer)counts.steps);
    lua_setfield(L, -2, "steps");
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

static const luaL_Reg fair_methods[] = {{"join", l_fair_join},   {"leave", l_fair_leave},
                                        {"next", l_fair_next},   {"done", l_fair_done},
                                        {"fail", l_fair_fail},   {"counts", l_fair_counts},
                                        {"steps", l_fair_steps}, {NULL, NULL}};

static const luaL_Reg share_methods[] = {{"join", l_share_join},   {"leave", l_share_leave},
                                         {"ready", l_share_ready}, {"withdraw", l_share_withdraw},
                                         {"next", l_share_next},   {"done", l_share_done},
                                         {"count", l_share_count}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"new", l_graph_new},
                                     {"sched", l_graph_sched},
                                     {"fair", l_graph_fair},
                                     {"share", l_graph_share},
                                     {NULL, NULL}};

int luaopen_core_graph(lua_State *L);
int luaopen_core_graph(lua_State *L)
{
    lx_deftype(L, DAG, dag_methods, l_dag_close);
    lx_deftype(L, SCHED, sched_methods, l_sched_close);
    lx_deftype(L, FAIR, fair_methods, l_fair_close);
    lx_deftype(L, SHARE, share_methods, l_share_close);
    luaL_newlib(L, functions);
    return 1;
}
