#include "graph/dag.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

typedef struct edge {
    uint32_t before, after;
} edge;

struct pv_dag {
    uint32_t nodes;
    uint32_t edges;
    uint32_t cap;
    edge *list;      /* as added */
    bool frozen;     /* first and next fit the list */
    bool sorted;     /* order fits the list */
    uint32_t *first; /* nodes + 1: where the successors of a node begin in next */
    uint32_t *next;  /* edges */
    uint32_t *order; /* nodes */
    uint32_t *left;  /* nodes: predecessors not yet in order */
    uint32_t *cycle; /* nodes + 1 */
    uint32_t cycle_len;
};

pv_status pv_dag_new(pv_dag **out, uint32_t nodes, pv_err *err)
{
    pv_dag *g;
    *out = NULL;
    if (nodes > PV_DAG_MAX_NODES) {
        return pv_fail(err, PV_ELIMIT, "a graph of %u nodes is larger than %d", nodes,
                       PV_DAG_MAX_NODES);
    }
    g = pv_alloc(sizeof *g);
    g->nodes = nodes;
    *out = g;
    return PV_OK;
}

void pv_dag_free(pv_dag *g)
{
    if (g == NULL) return;
    pv_free(g->list);
    pv_free(g->first);
    pv_free(g->next);
    pv_free(g->order);
    pv_free(g->left);
    pv_free(g->cycle);
    pv_free(g);
}

uint32_t pv_dag_nodes(const pv_dag *g)
{
    return g->nodes;
}

pv_status pv_dag_edge(pv_dag *g, uint32_t before, uint32_t after, pv_err *err)
{
    if (before >= g->nodes || after >= g->nodes) {
        return pv_fail(err, PV_EINVAL, "edge %u -> %u leaves the graph of %u nodes", before, after,
                       g->nodes);
    }
    if (g->edges == g->cap) {
        if (g->cap > UINT32_MAX / 2 / sizeof(edge)) {
            return pv_fail(err, PV_ELIMIT, "more than %u edges", g->edges);
        }
        g->cap = g->cap == 0 ? 64 : g->cap * 2;
        g->list = pv_realloc_array(g->list, g->cap, sizeof *g->list);
    }
    g->list[g->edges++] = (edge){before, after};
    g->frozen = g->sorted = false;
    return PV_OK;
}

/* Compresses the edge list by a counting sort on `before`, which keeps their order. */
static void freeze(pv_dag *g)
{
    uint32_t *first, at = 0;
    if (g->frozen) return;
    pv_free(g->first);
    pv_free(g->next);
    g->first = first = pv_alloc_array((size_t)g->nodes + 1, sizeof *first);
    g->next = pv_alloc_array(g->edges, sizeof *g->next);
    for (uint32_t i = 0; i < g->edges; i++) first[g->list[i].before]++;
    for (uint32_t u = 0; u <= g->nodes; u++) {
        uint32_t count = first[u];
        first[u] = at;
        at += count;
    }
    /* Filling moves each begin to its end, which is the begin of the one behind it. */
    for (uint32_t i = 0; i < g->edges; i++) g->next[first[g->list[i].before]++] = g->list[i].after;
    memmove(first + 1, first, g->nodes * sizeof *first);
    first[0] = 0;
    g->frozen = true;
}

/* Fills g->cycle.  A node that Kahn left over has a left over predecessor, so walking
 * backwards among them must meet itself. */
static void find_cycle(pv_dag *g)
{
    uint32_t *pred = pv_alloc_array(g->nodes, sizeof *pred);
    uint32_t *step = pv_alloc_array(g->nodes, sizeof *step); /* when visited, from 1 */
    uint32_t u = 0, len = 1;
    if (g->cycle == NULL) g->cycle = pv_alloc_array((size_t)g->nodes + 1, sizeof *g->cycle);
    for (uint32_t i = 0; i < g->edges; i++) {
        if (g->left[g->list[i].before] > 0) pred[g->list[i].after] = g->list[i].before;
    }
    while (g->left[u] == 0) u++;
    while (step[u] == 0) {
        step[u] = len++;
        u = pred[u];
    }
    len -= step[u]; /* u closes the cycle, and comes last going forward */
    g->cycle_len = len + 1;
    for (uint32_t i = len + 1; i > 0; i--) {
        g->cycle[i - 1] = u;
        u = pred[u];
    }
    pv_free(pred);
    pv_free(step);
}

static pv_status cycle_error(const pv_dag *g, pv_err *err)
{
    pv_fail(err, PV_ECYCLE, "%u nodes wait for each other in a circle", g->cycle_len - 1);
    return PV_ECYCLE;
}

pv_status pv_dag_sort(pv_dag *g, const uint32_t **order, pv_err *err)
{
    uint32_t head = 0, tail = 0;
    *order = NULL;
    if (g->sorted) {
        if (g->cycle_len > 0) return cycle_error(g, err);
        *order = g->order;
        return PV_OK;
    }
    freeze(g);
    g->cycle_len = 0;
    if (g->order == NULL) {
        g->order = pv_alloc_array(g->nodes, sizeof *g->order);
        g->left = pv_alloc_array(g->nodes, sizeof *g->left);
    } else {
        memset(g->left, 0, g->nodes * sizeof *g->left);
    }
    for (uint32_t i = 0; i < g->edges; i++) g->left[g->next[i]]++;
    for (uint32_t u = 0; u < g->nodes; u++) {
        if (g->left[u] == 0) g->order[tail++] = u;
    }
    while (head < tail) {
        uint32_t u = g->order[head++];
        for (uint32_t i = g->first[u]; i < g->first[u + 1]; i++) {
            if (--g->left[g->next[i]] == 0) g->order[tail++] = g->next[i];
        }
    }
    g->sorted = true;
    if (tail < g->nodes) {
        find_cycle(g);
        return cycle_error(g, err);
    }
    *order = g->order;
    return PV_OK;
}

const uint32_t *pv_dag_cycle(const pv_dag *g, uint32_t *len)
{
    *len = g->sorted ? g->cycle_len : 0;
    return g->cycle;
}

const uint32_t *pv_dag_successors(pv_dag *g, uint32_t u, uint32_t *count)
{
    freeze(g);
    *count = u < g->nodes ? g->first[u + 1] - g->first[u] : 0;
    return u < g->nodes ? g->next + g->first[u] : NULL;
}

pv_status pv_dag_remaining(pv_dag *g, const double *weights, double *remaining, pv_err *err)
{
    const uint32_t *order;
    pv_status st = pv_dag_sort(g, &order, err);
    if (st != PV_OK) return st;
    for (uint32_t at = g->nodes; at > 0; at--) {
        uint32_t u = order[at - 1];
        double weight = weights != NULL ? weights[u] : 1, longest = 0;
        if (!(weight >= 0)) return pv_fail(err, PV_EINVAL, "weight %g of node %u", weight, u);
        for (uint32_t i = g->first[u]; i < g->first[u + 1]; i++) {
            double rest = remaining[g->next[i]];
            if (rest > longest) longest = rest;
        }
        remaining[u] = weight + longest;
    }
    return PV_OK;
}

/* The node of largest remaining weight among `count` candidates (all nodes when
 * candidates is NULL); the first one of equals. */
static uint32_t heaviest(const uint32_t *candidates, uint32_t count, const double *remaining)
{
    uint32_t best = candidates != NULL ? candidates[0] : 0;
    for (uint32_t i = 1; i < count; i++) {
        uint32_t u = candidates != NULL ? candidates[i] : i;
        if (remaining[u] > remaining[best]) best = u;
    }
    return best;
}

uint32_t pv_dag_critical(pv_dag *g, const double *remaining, uint32_t *path)
{
    uint32_t len = 0, count = g->nodes;
    const uint32_t *candidates = NULL;
    freeze(g);
    while (count > 0) {
        path[len] = heaviest(candidates, count, remaining);
        candidates = pv_dag_successors(g, path[len++], &count);
    }
    return len;
}
