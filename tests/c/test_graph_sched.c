/* The scheduler of core/graph/sched.c against a naive model that recomputes everything
 * from the definition at every step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_count.h"
#include "graph/sched.h"
#include "graph_random.h"

enum { MAX = 12, KEYS = 4 };

typedef struct model {
    uint32_t n, limit, keys;
    uint8_t edge[MAX][MAX];
    uint8_t has[MAX][KEYS]; /* places */
    uint32_t key_limit[KEYS];
    double weight[MAX];
    uint8_t given; /* priorities, instead of remaining paths */
    double priority[MAX];
    pv_node_state state[MAX];
} model;

static double remaining(const model *m, uint32_t u)
{
    double best = 0;
    for (uint32_t v = 0; v < m->n; v++) {
        double rest = m->edge[u][v] ? remaining(m, v) : 0;
        if (rest > best) best = rest;
    }
    return m->weight[u] + best;
}

/* Running nodes; with a key the places of it that they hold. */
static uint32_t running(const model *m, uint32_t key)
{
    uint32_t count = 0;
    for (uint32_t u = 0; u < m->n; u++)
        if (m->state[u] == PV_NODE_RUNNING) count += key == KEYS ? 1 : m->has[u][key];
    return count;
}

static int is_ready(const model *m, uint32_t u)
{
    if (m->state[u] != PV_NODE_WAITING) return 0;
    for (uint32_t v = 0; v < m->n; v++)
        if (m->edge[v][u] && m->state[v] != PV_NODE_DONE) return 0;
    return 1;
}

static int may_start(const model *m, uint32_t u)
{
    if (!is_ready(m, u)) return 0;
    if (m->limit > 0 && running(m, KEYS) >= m->limit) return 0;
    for (uint32_t k = 0; k < m->keys; k++)
        if (m->has[u][k] && running(m, k) + m->has[u][k] > m->key_limit[k]) return 0;
    return 1;
}

static int preferred(const model *m, uint32_t u, uint32_t v)
{
    if (m->given) return m->priority[u] > m->priority[v];
    return remaining(m, u) > remaining(m, v);
}

/* The node that must start next, MAX when none may. */
static uint32_t best(const model *m)
{
    uint32_t found = MAX;
    for (uint32_t u = 0; u < m->n; u++) {
        if (!may_start(m, u)) continue;
        if (found == MAX || preferred(m, u, found)) found = u;
    }
    return found;
}

static uint32_t skip_after(model *m, uint32_t u)
{
    uint32_t count = 0;
    for (uint32_t v = 0; v < m->n; v++) {
        if (!m->edge[u][v] || m->state[v] == PV_NODE_SKIPPED) continue;
        m->state[v] = PV_NODE_SKIPPED;
        count += 1 + skip_after(m, v);
    }
    return count;
}

static void random_model(model *m)
{
    memset(m, 0, sizeof *m);
    m->n = 1 + rnd(MAX);
    m->limit = rnd(5);
    m->keys = rnd(KEYS + 1);
    m->given = rnd(4) == 0;
    for (uint32_t k = 0; k < m->keys; k++) m->key_limit[k] = 1 + rnd(4);
    for (uint32_t u = 0; u < m->n; u++) {
        m->weight[u] = rnd(4);
        m->priority[u] = (double)rnd(4) - 2;
        for (uint32_t k = 0; k < m->keys; k++)
            if (rnd(3) == 0) m->has[u][k] = (uint8_t)(1 + (rnd(2) ? rnd(m->key_limit[k]) : 0));
        for (uint32_t v = u + 1; v < m->n; v++) m->edge[u][v] = rnd(m->n) == 0;
    }
}

static pv_sched *make(const model *m)
{
    pv_sched_key pairs[2 * MAX * KEYS];
    pv_sched_options o = {.weights = m->weight,
                          .priority = m->given ? m->priority : NULL,
                          .limit = m->limit,
                          .key_limits = m->key_limit,
                          .keys = m->keys,
                          .node_keys = pairs};
    pv_dag *g;
    pv_sched *s;
    assert_int_equal(pv_dag_new(&g, m->n, NULL), PV_OK);
    for (uint32_t u = 0; u < m->n; u++) {
        for (uint32_t v = 0; v < m->n; v++)
            for (uint32_t i = rnd(2); m->edge[u][v] && i < 2; i++) pv_dag_edge(g, u, v, NULL);
        for (uint32_t k = 0; k < m->keys; k++)
            for (uint32_t i = rnd(2); m->has[u][k] && i < 2; i++) /* repeated ones ask less */
                pairs[o.node_key_count++] = (pv_sched_key){u, k, m->has[u][k] - (i == 0)};
    }
    assert_int_equal(pv_sched_new(&s, g, &o, NULL), PV_OK);
    pv_dag_free(g);
    return s;
}

static void end_one(model *m, pv_sched *s, uint32_t node)
{
    const uint32_t *skipped;
    uint32_t count;
    if (rnd(8) > 0) {
        m->state[node] = PV_NODE_DONE;
        assert_int_equal(pv_sched_done(s, node, NULL), PV_OK);
        return;
    }
    m->state[node] = PV_NODE_FAILED;
    assert_int_equal(pv_sched_fail(s, node, &skipped, &count, NULL), PV_OK);
    assert_int_equal(count, skip_after(m, node));
    for (uint32_t i = 0; i < count; i++) assert_int_equal(m->state[skipped[i]], PV_NODE_SKIPPED);
}

/* States and counts of all nodes, as the model has them. */
static void compare(const model *m, const pv_sched *s)
{
    uint32_t counts[PV_NODE_STATES] = {0};
    for (uint32_t u = 0; u < m->n; u++) {
        pv_node_state want = is_ready(m, u) ? PV_NODE_READY : m->state[u];
        assert_int_equal(pv_sched_state(s, u), want);
        counts[want]++;
    }
    assert_memory_equal(counts, pv_sched_counts(s), sizeof counts);
}

/* One case to its end; returns the number of calls compared. */
static uint32_t run_case(model *m, pv_sched *s)
{
    uint32_t node, calls = 0, ended = 0;
    for (;;) {
        uint32_t active[MAX], count = 0;
        /* Sometimes ask for fewer nodes than might start. */
        for (uint32_t ask = rnd(4) == 0 ? 1 : MAX + 1; ask > 0; ask--) {
            uint32_t want = best(m);
            assert_int_equal(pv_sched_next(s, &node), want != MAX);
            if (want != MAX) {
                assert_int_equal(node, want);
                m->state[node] = PV_NODE_RUNNING;
            }
            compare(m, s);
            calls++;
            if (want == MAX) break;
        }
        for (uint32_t u = 0; u < m->n; u++)
            if (m->state[u] == PV_NODE_RUNNING) active[count++] = u;
        if (count == 0) break;
        end_one(m, s, active[rnd(count)]);
        compare(m, s);
        calls++;
        ended++;
    }
    /* Nobody starves: when nothing runs and nothing starts, all nodes have ended. */
    for (uint32_t u = 0; u < m->n; u++) assert_true(m->state[u] >= PV_NODE_DONE);
    assert_int_equal(ended, m->n - pv_sched_counts(s)[PV_NODE_SKIPPED]);
    return calls;
}

static void random_runs(void **state)
{
    uint32_t cases = rnd_cases(100000), calls = 0, failures = 0;
    uint64_t before;
    (void)state;
    rnd_start(2463534242ULL);
    printf("# seed %llu\n", (unsigned long long)seed);
    for (uint32_t c = 0; c < cases; c++) {
        model m;
        pv_sched *s;
        random_model(&m);
        s = make(&m);
        assert_int_equal(pv_sched_nodes(s), m.n);
        for (uint32_t u = 0; u < m.n; u++)
            assert_true(pv_sched_remaining(s, u) == remaining(&m, u));
        before = allocations;
        calls += run_case(&m, s);
        assert_true(allocations == before); /* no step allocates */
        failures += pv_sched_counts(s)[PV_NODE_FAILED];
        pv_sched_free(s);
    }
    printf("# %u cases, %u calls compared, %u nodes failed\n", cases, calls, failures);
    assert_true(failures > cases / 10);
}

/* A larger graph with keys and failures: no step allocates. */
static void no_allocation(void **state)
{
    enum { N = 20000, LIMIT = 32, SLOTS = 8 };
    pv_sched_key *pairs = calloc(N, sizeof *pairs);
    uint32_t limits[SLOTS];
    pv_sched_options o = {.limit = LIMIT,
                          .key_limits = limits,
                          .keys = SLOTS,
                          .node_keys = pairs,
                          .node_key_count = N};
    uint32_t running_nodes[LIMIT], count = 0, node, skipped_count;
    const uint32_t *skipped;
    uint64_t before;
    pv_dag *g;
    pv_sched *s;
    (void)state;
    rnd_start(88172645463325252ULL);
    assert_int_equal(pv_dag_new(&g, N, NULL), PV_OK);
    for (uint32_t u = 1; u < N; u++) pv_dag_edge(g, rnd(u), u, NULL);
    for (uint32_t u = 0; u < N; u++) pairs[u] = (pv_sched_key){u, rnd(SLOTS), 1 + rnd(3)};
    for (uint32_t k = 0; k < SLOTS; k++) limits[k] = 3 + rnd(LIMIT / 2);
    assert_int_equal(pv_sched_new(&s, g, &o, NULL), PV_OK);
    before = allocations;
    assert_true(before > 0); /* the hook is there */
    for (;;) {
        while (pv_sched_next(s, &node)) running_nodes[count++] = node;
        if (count == 0) break;
        node = running_nodes[--count];
        if (rnd(1000) > 0) pv_sched_done(s, node, NULL);
        else pv_sched_fail(s, node, &skipped, &skipped_count, NULL);
    }
    assert_true(allocations == before);
    assert_int_equal(pv_sched_counts(s)[PV_NODE_WAITING] + pv_sched_counts(s)[PV_NODE_READY], 0);
    pv_sched_free(s);
    pv_dag_free(g);
    free(pairs);
}

/* Two schedulers on one key of two places: what one gives back wakes the other. */
static void shared_key(void **state)
{
    uint32_t limit = 2, places = 2, node, key, amount;
    pv_sched_key pairs[] = {{0, 0, 1}, {1, 0, 2}};
    pv_sched_options o = {.key_limits = &limit,
                          .keys = 1,
                          .node_keys = pairs,
                          .node_key_count = 2,
                          .key_free = &places};
    pv_dag *g;
    pv_sched *a, *b;
    (void)state;
    assert_int_equal(pv_dag_new(&g, 2, NULL), PV_OK);
    assert_int_equal(pv_sched_new(&a, g, &o, NULL), PV_OK);
    assert_int_equal(pv_sched_new(&b, g, &o, NULL), PV_OK);
    assert_true(pv_sched_demand(a, 1, 0, &key, &amount));
    assert_int_equal(key, 0);
    assert_int_equal(amount, 2);
    assert_false(pv_sched_demand(a, 1, 1, &key, &amount));
    assert_true(pv_sched_next(a, &node));
    assert_int_equal(node, 0);
    assert_false(pv_sched_next(a, &node)); /* one place left, two wanted */
    assert_true(pv_sched_next(b, &node));
    assert_int_equal(node, 0);
    assert_int_equal(places, 0);
    assert_false(pv_sched_next(b, &node));
    assert_int_equal(pv_sched_done(a, 0, NULL), PV_OK);
    pv_sched_wake(b, 0, 1);
    assert_false(pv_sched_next(a, &node));
    assert_false(pv_sched_next(b, &node));
    assert_int_equal(pv_sched_done(b, 0, NULL), PV_OK);
    pv_sched_wake(a, 0, 1);
    assert_true(pv_sched_next(a, &node));
    assert_int_equal(node, 1);
    assert_false(pv_sched_next(b, &node));
    assert_int_equal(pv_sched_done(a, 1, NULL), PV_OK);
    pv_sched_wake(b, 0, 2);
    assert_true(pv_sched_next(b, &node));
    pv_sched_free(a);
    pv_sched_free(b);
    pv_dag_free(g);
}

static void refusals(void **state)
{
    double not_a_number[] = {1, 0.0 / 0.0};
    uint32_t limits[] = {1, 0}, node, count;
    const uint32_t *skipped;
    pv_sched_key pairs[] = {{0, 0, 0}};
    pv_sched_options o = {.key_limits = limits, .keys = 2, .node_keys = pairs, .node_key_count = 1};
    pv_dag *g;
    pv_sched *s;
    pv_err err;
    (void)state;
    assert_int_equal(pv_dag_new(&g, 2, NULL), PV_OK);
    assert_int_equal(pv_sched_new(&s, g, &o, &err), PV_EINVAL); /* limit 0 would never start */
    assert_null(s);
    o.keys = 1;
    pairs[0].key = 1;
    assert_int_equal(pv_sched_new(&s, g, &o, &err), PV_EINVAL);
    pairs[0] = (pv_sched_key){2, 0, 1};
    assert_int_equal(pv_sched_new(&s, g, &o, &err), PV_EINVAL);
    pairs[0] = (pv_sched_key){0, 0, 2};
    assert_int_equal(pv_sched_new(&s, g, &o, &err), PV_EINVAL); /* neither would this */
    assert_string_equal(err.msg, "node 0 needs 2 places of key 0, which has 1");
    pairs[0] = (pv_sched_key){0, 0, 0};
    o.priority = not_a_number;
    assert_int_equal(pv_sched_new(&s, g, &o, &err), PV_EINVAL);
    o.priority = NULL;
    assert_int_equal(pv_sched_new(&s, g, &o, &err), PV_OK);
    assert_int_equal(pv_sched_done(s, 0, &err), PV_EINVAL);
    assert_string_equal(err.msg, "node 0 is not running");
    assert_int_equal(pv_sched_done(s, 7, &err), PV_EINVAL);
    assert_int_equal(pv_sched_fail(s, 7, &skipped, &count, &err), PV_EINVAL);
    assert_int_equal(count, 0);
    assert_true(pv_sched_next(s, &node));
    assert_int_equal(pv_sched_done(s, node, &err), PV_OK);
    assert_int_equal(pv_sched_done(s, node, &err), PV_EINVAL);
    pv_sched_free(s);
    pv_dag_edge(g, 0, 1, NULL);
    pv_dag_edge(g, 1, 0, NULL);
    assert_int_equal(pv_sched_new(&s, g, &o, &err), PV_ECYCLE);
    pv_dag_free(g);
    pv_sched_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_runs),
        cmocka_unit_test(no_allocation),
        cmocka_unit_test(shared_key),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
