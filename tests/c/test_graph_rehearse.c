/* Rehearsals of core/graph/rehearse.c: their promise is checked by playing the schedule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/rehearse.h"
#include "graph_random.h"

enum { MAX = 16, KEYS = 3 };

/* The makespan with the options, by looking at every node for the next one that ends. */
static double simulate(pv_dag *g, const pv_sched_options *o)
{
    uint32_t n = pv_dag_nodes(g), node;
    double end[MAX], now = 0;
    pv_sched *s;
    assert_int_equal(pv_sched_new(&s, g, o, NULL), PV_OK);
    while (pv_sched_counts(s)[PV_NODE_DONE] < n) {
        double first = -1;
        while (pv_sched_next(s, &node)) end[node] = now + o->weights[node];
        for (uint32_t u = 0; u < n; u++)
            if (pv_sched_state(s, u) == PV_NODE_RUNNING && (first < 0 || end[u] < first))
                first = end[u];
        assert_true(first >= now);
        now = first;
        for (uint32_t u = 0; u < n; u++)
            if (pv_sched_state(s, u) == PV_NODE_RUNNING && end[u] == now) pv_sched_done(s, u, NULL);
    }
    pv_sched_free(s);
    return now;
}

static void random_rehearsals(void **state)
{
    uint32_t cases = rnd_cases(20000), better = 0, limits[KEYS];
    (void)state;
    rnd_start(88172645463325252ULL);
    for (uint32_t c = 0; c < cases; c++) {
        uint32_t n = 1 + rnd(MAX), rounds = rnd(4), free_places[KEYS] = {0};
        double weights[MAX], priority[MAX], makespan, plain;
        pv_sched_key pairs[MAX];
        pv_sched_options o = {.weights = weights,
                              .limit = 1 + rnd(4),
                              .key_limits = limits,
                              .keys = KEYS,
                              .node_keys = pairs};
        pv_dag *g;
        assert_int_equal(pv_dag_new(&g, n, NULL), PV_OK);
        for (uint32_t k = 0; k < KEYS; k++) limits[k] = 1 + rnd(4);
        for (uint32_t u = 0; u < n; u++) {
            uint32_t key = rnd(KEYS);
            weights[u] = rnd(10);
            if (rnd(2)) pairs[o.node_key_count++] = (pv_sched_key){u, key, 1 + rnd(limits[key])};
            for (uint32_t v = u + 1; v < n; v++)
                if (rnd(n) == 0) pv_dag_edge(g, u, v, NULL);
        }
        plain = simulate(g, &o);
        o.key_free = free_places; /* not looked at */
        assert_int_equal(pv_rehearse(g, &o, rounds, priority, &makespan, NULL), PV_OK);
        o.key_free = NULL;
        o.priority = priority;
        assert_true(simulate(g, &o) == makespan); /* what it promised */
        assert_true(makespan <= plain);
        if (rounds == 0) assert_true(makespan == plain);
        better += makespan < plain;
        pv_dag_free(g);
    }
    printf("# %u cases, %u shorter than the longest remaining path\n", cases, better);
    assert_true(better > cases / 50);
}

/* Nodes of 3, 2, 1 and 2, the last behind the third, in two places: 3 + 1 and 2 + 2 is best. */
static void by_hand(void **state)
{
    double weights[] = {3, 2, 1, 2}, priority[4], makespan;
    pv_sched_options o = {.weights = weights, .limit = 2};
    pv_dag *g;
    (void)state;
    assert_int_equal(pv_dag_new(&g, 4, NULL), PV_OK);
    pv_dag_edge(g, 2, 3, NULL);
    assert_true(simulate(g, &o) == 5);
    assert_int_equal(pv_rehearse(g, &o, 1, priority, &makespan, NULL), PV_OK);
    assert_true(makespan == 4);
    o.priority = priority;
    assert_true(simulate(g, &o) == 4);
    pv_dag_free(g);
}

/* Without rounds the priorities are the remaining paths; without options all nodes weigh 1. */
static void no_rounds(void **state)
{
    double weights[] = {2, 2, 5, 4, 3}, priority[5], makespan;
    pv_sched_options o = {.weights = weights, .limit = 2};
    pv_dag *g;
    (void)state;
    assert_int_equal(pv_dag_new(&g, 5, NULL), PV_OK);
    pv_dag_edge(g, 0, 3, NULL);
    pv_dag_edge(g, 1, 4, NULL);
    assert_int_equal(pv_rehearse(g, &o, 0, priority, &makespan, NULL), PV_OK);
    assert_true(priority[0] == 6 && priority[1] == 5 && priority[2] == 5);
    assert_true(makespan == 9);
    assert_int_equal(pv_rehearse(g, &(pv_sched_options){0}, 3, priority, &makespan, NULL), PV_OK);
    assert_true(makespan == 2);
    assert_int_equal(pv_rehearse(g, &o, 3, priority, NULL, NULL), PV_OK);
    pv_dag_free(g);
}

static void refusals(void **state)
{
    double weights[] = {1, -1}, priority[2], makespan = 7;
    pv_sched_key pair = {0, 1, 1};
    pv_dag *g;
    pv_err err;
    (void)state;
    assert_int_equal(pv_dag_new(&g, 2, NULL), PV_OK);
    assert_int_equal(
        pv_rehearse(g, &(pv_sched_options){.weights = weights}, 1, priority, &makespan, &err),
        PV_EINVAL);
    assert_true(makespan == 0);
    assert_int_equal(pv_rehearse(g, &(pv_sched_options){.node_keys = &pair, .node_key_count = 1}, 1,
                                 priority, NULL, &err),
                     PV_EINVAL);
    pv_dag_edge(g, 1, 1, NULL);
    assert_int_equal(pv_rehearse(g, &(pv_sched_options){0}, 1, priority, NULL, &err), PV_ECYCLE);
    pv_dag_free(g);
    assert_int_equal(pv_dag_new(&g, 0, NULL), PV_OK);
    assert_int_equal(pv_rehearse(g, &(pv_sched_options){0}, 1, priority, &makespan, &err), PV_OK);
    assert_true(makespan == 0);
    pv_dag_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_rehearsals),
        cmocka_unit_test(by_hand),
        cmocka_unit_test(no_rounds),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
