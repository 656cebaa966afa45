/* Order, cycles and critical paths of core/graph/dag.c against naive models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/dag.h"
#include "graph_random.h"

enum { MAX = 12 };

/* Reachability by Floyd-Warshall: the naive model. */
static void closure(uint32_t n, uint8_t m[MAX][MAX])
{
    for (uint32_t k = 0; k < n; k++)
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t j = 0; j < n; j++) m[i][j] |= m[i][k] & m[k][j];
}

static double longest_from(uint32_t n, uint8_t m[MAX][MAX], const double *w, uint32_t u)
{
    double best = 0;
    for (uint32_t v = 0; v < n; v++) {
        double rest = m[u][v] ? longest_from(n, m, w, v) : 0;
        if (rest > best) best = rest;
    }
    return w[u] + best;
}

static void check_order(uint32_t n, uint8_t edge[MAX][MAX], const uint32_t *order)
{
    uint32_t at[MAX];
    memset(at, 0xff, sizeof at);
    for (uint32_t i = 0; i < n; i++) {
        assert_true(order[i] < n);
        assert_int_equal(at[order[i]], UINT32_MAX);
        at[order[i]] = i;
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++)
            if (edge[i][j]) assert_true(at[i] < at[j]);
}

static void check_cycle(pv_dag *g, uint8_t edge[MAX][MAX])
{
    uint32_t len, seen = 0;
    const uint32_t *path = pv_dag_cycle(g, &len);
    assert_true(len >= 2);
    assert_int_equal(path[0], path[len - 1]);
    for (uint32_t i = 0; i + 1 < len; i++) {
        assert_true(edge[path[i]][path[i + 1]]);
        assert_int_equal(seen & 1u << path[i], 0); /* no node twice */
        seen |= 1u << path[i];
    }
}

static void check_critical(pv_dag *g, uint32_t n, uint8_t edge[MAX][MAX])
{
    double w[MAX], remaining[MAX], best = 0, sum = 0;
    uint32_t path[MAX], len;
    for (uint32_t i = 0; i < n; i++) w[i] = rnd(5);
    assert_int_equal(pv_dag_remaining(g, w, remaining, NULL), PV_OK);
    for (uint32_t i = 0; i < n; i++) {
        double want = longest_from(n, edge, w, i);
        assert_true(remaining[i] == want);
        if (want > best) best = want;
    }
    len = pv_dag_critical(g, remaining, path);
    for (uint32_t i = 0; i < len; i++) sum += w[path[i]];
    for (uint32_t i = 0; i + 1 < len; i++) assert_true(edge[path[i]][path[i + 1]]);
    assert_true(sum == best);
}

static void random_graphs(void **state)
{
    uint32_t cyclic = 0, cases = rnd_cases(100000);
    (void)state;
    rnd_start(88172645463325252ULL);
    for (uint32_t c = 0; c < cases; c++) {
        uint8_t edge[MAX][MAX] = {{0}}, reach[MAX][MAX];
        uint32_t n = 1 + rnd(MAX), edges = rnd(3 * n), any_order = rnd(3) == 0;
        const uint32_t *order;
        int has_cycle = 0;
        pv_dag *g;
        assert_int_equal(pv_dag_new(&g, n, NULL), PV_OK);
        for (uint32_t e = 0; e < edges; e++) {
            uint32_t a = rnd(n), b = rnd(n);
            if (!any_order && a >= b) continue;
            edge[a][b] = 1;
            assert_int_equal(pv_dag_edge(g, a, b, NULL), PV_OK);
            /* Asking between edges must not spoil later answers. */
            if (rnd(20) == 0) (void)pv_dag_sort(g, &order, NULL);
        }
        memcpy(reach, edge, sizeof reach);
        closure(n, reach);
        for (uint32_t i = 0; i < n; i++) has_cycle |= reach[i][i];
        for (int twice = 0; twice < 2; twice++) {
            assert_int_equal(pv_dag_sort(g, &order, NULL), has_cycle ? PV_ECYCLE : PV_OK);
            if (has_cycle) check_cycle(g, edge);
            else check_order(n, edge, order);
        }
        if (!has_cycle) check_critical(g, n, edge);
        cyclic += has_cycle != 0;
        pv_dag_free(g);
    }
    printf("# %u cases, %u with a cycle\n", cases, cyclic);
    assert_in_range(cyclic, cases / 20, cases / 2); /* both kinds were really tried */
}

static void limits(void **state)
{
    const uint32_t *order;
    double weights[2] = {1, -1}, remaining[2];
    uint32_t count, path[2], len;
    pv_dag *g;
    pv_err err;
    (void)state;
    assert_int_equal(pv_dag_new(&g, PV_DAG_MAX_NODES + 1u, &err), PV_ELIMIT);
    assert_null(g);
    assert_int_equal(pv_dag_new(&g, 0, &err), PV_OK);
    assert_int_equal(pv_dag_sort(g, &order, &err), PV_OK);
    assert_int_equal(pv_dag_remaining(g, NULL, remaining, &err), PV_OK);
    assert_int_equal(pv_dag_critical(g, remaining, path), 0);
    assert_int_equal(pv_dag_edge(g, 0, 0, &err), PV_EINVAL);
    pv_dag_free(g);
    assert_int_equal(pv_dag_new(&g, 2, &err), PV_OK);
    assert_int_equal(pv_dag_nodes(g), 2);
    assert_int_equal(pv_dag_edge(g, 0, 2, &err), PV_EINVAL);
    assert_string_equal(err.msg, "edge 0 -> 2 leaves the graph of 2 nodes");
    assert_int_equal(pv_dag_edge(g, 0, 1, &err), PV_OK);
    assert_int_equal(pv_dag_edge(g, 0, 1, &err), PV_OK); /* parallel */
    assert_int_equal(*pv_dag_successors(g, 0, &count), 1);
    assert_int_equal(count, 2);
    assert_null(pv_dag_successors(g, 2, &count));
    assert_int_equal(pv_dag_remaining(g, weights, remaining, &err), PV_EINVAL);
    weights[1] = 0.0 / 0.0;
    assert_int_equal(pv_dag_remaining(g, weights, remaining, &err), PV_EINVAL);
    assert_int_equal(pv_dag_remaining(g, NULL, remaining, &err), PV_OK);
    assert_true(remaining[0] == 2);
    assert_int_equal(pv_dag_critical(g, remaining, path), 2);
    assert_int_equal(pv_dag_edge(g, 1, 1, &err), PV_OK);
    assert_int_equal(pv_dag_remaining(g, NULL, remaining, &err), PV_ECYCLE);
    assert_int_equal(*pv_dag_cycle(g, &len), 1);
    assert_int_equal(len, 2);
    pv_dag_free(g);
    pv_dag_free(NULL);
}

/* A chain and a ring of a million nodes: nothing recurses. */
static void deep(void **state)
{
    enum { N = 1000000 };
    const uint32_t *order;
    uint32_t len;
    pv_dag *g;
    (void)state;
    assert_int_equal(pv_dag_new(&g, N, NULL), PV_OK);
    for (uint32_t i = N - 1; i > 0; i--) assert_int_equal(pv_dag_edge(g, i, i - 1, NULL), PV_OK);
    assert_int_equal(pv_dag_sort(g, &order, NULL), PV_OK);
    assert_int_equal(order[0], N - 1);
    assert_int_equal(order[N - 1], 0);
    assert_int_equal(pv_dag_edge(g, 0, N - 1, NULL), PV_OK);
    assert_int_equal(pv_dag_sort(g, &order, NULL), PV_ECYCLE);
    assert_null(order);
    pv_dag_cycle(g, &len);
    assert_int_equal(len, N + 1);
    pv_dag_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_graphs),
        cmocka_unit_test(limits),
        cmocka_unit_test(deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
