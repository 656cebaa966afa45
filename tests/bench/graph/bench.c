/* Topological order and critical path of a random graph, and a whole schedule over it:
 *   graph_bench [nodes [edges [repeats]]]     default 1000000 3000000 5
 * Prints one line per measured thing: best and median of the repeats. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "graph/sched.h"

static uint64_t seed = 88172645463325252ULL;

static uint32_t rnd(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 11) % below);
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(const char *what, double *ms, int count, double per)
{
    qsort(ms, (size_t)count, sizeof *ms, by_value);
    printf("%-34s best %8.1f ms  median %8.1f ms", what, ms[0], ms[count / 2]);
    if (per > 0) printf("  %6.0f ns a step", ms[count / 2] * 1e6 / per);
    putchar('\n');
}

/* The same order by plain arrays and loops: what there is to compare with. */
static double bare_ms(const uint32_t *from, const uint32_t *to, uint32_t nodes, uint32_t edges)
{
    uint32_t *first = calloc((size_t)nodes + 2, sizeof *first), *left = calloc(nodes, sizeof *left);
    uint32_t *next = malloc(edges * sizeof *next), *order = malloc(nodes * sizeof *order);
    uint32_t head = 0, tail = 0;
    double start = now_ms();
    if (!first || !left || !next || !order) exit(2);
    for (uint32_t i = 0; i < edges; i++) first[from[i] + 2]++;
    for (uint32_t u = 0; u < nodes; u++) first[u + 2] += first[u + 1];
    for (uint32_t i = 0; i < edges; i++) {
        next[first[from[i] + 1]++] = to[i];
        left[to[i]]++;
    }
    for (uint32_t u = 0; u < nodes; u++) {
        if (left[u] == 0) order[tail++] = u;
    }
    for (; head < tail; head++) {
        for (uint32_t i = first[order[head]]; i < first[order[head] + 1]; i++) {
            if (--left[next[i]] == 0) order[tail++] = next[i];
        }
    }
    if (tail != nodes) exit(1);
    free(first);
    free(left);
    free(next);
    free(order);
    return now_ms() - start;
}

static int drain(pv_dag *g, const double *weights, uint32_t nodes, double *sched_ms)
{
    pv_sched_options options = {.weights = weights, .limit = 64};
    uint32_t running[64], count = 0, done = 0, node;
    pv_sched *s;
    double start = now_ms();
    if (pv_sched_new(&s, g, &options, NULL) != PV_OK) return 0;
    while (done < nodes) {
        while (pv_sched_next(s, &node)) running[count++] = node;
        if (count == 0) break;
        pv_sched_done(s, running[--count], NULL);
        done++;
    }
    *sched_ms = now_ms() - start;
    pv_sched_free(s);
    return done == nodes;
}

int main(int argc, char **argv)
{
    uint32_t nodes = argc > 1 ? (uint32_t)atol(argv[1]) : 1000000;
    uint32_t edges = argc > 2 ? (uint32_t)atol(argv[2]) : 3000000;
    int repeats = argc > 3 ? atoi(argv[3]) : 5;
    uint32_t *from = malloc(edges * sizeof *from), *to = malloc(edges * sizeof *to);
    double *weights = malloc(nodes * sizeof *weights),
           *remaining = malloc(nodes * sizeof *remaining);
    uint32_t *path = malloc(nodes * sizeof *path), *label = malloc(nodes * sizeof *label);
    double add[100], order_ms[100], critical[100], sched[100], bare[100];
    if (nodes < 2 || repeats < 1 || repeats > 100 || !from || !to || !weights || !remaining ||
        !path || !label) {
        return 2;
    }
    for (uint32_t i = 0; i < nodes; i++) label[i] = i;
    for (uint32_t i = nodes - 1; i > 0; i--) { /* numbers say nothing about the order */
        uint32_t j = rnd(i + 1), swap = label[i];
        label[i] = label[j];
        label[j] = swap;
    }
    for (uint32_t i = 0; i < nodes; i++) weights[i] = 1 + rnd(1000);
    for (uint32_t i = 0; i < edges; i++) {
        uint32_t a = rnd(nodes - 1), b = a + 1 + rnd(nodes - a - 1);
        from[i] = label[a];
        to[i] = label[b];
    }
    for (int r = 0; r < repeats; r++) {
        const uint32_t *order;
        double t0 = now_ms(), t1, t2;
        pv_dag *g;
        if (pv_dag_new(&g, nodes, NULL) != PV_OK) return 1;
        for (uint32_t i = 0; i < edges; i++) pv_dag_edge(g, from[i], to[i], NULL);
        t1 = now_ms();
        if (pv_dag_sort(g, &order, NULL) != PV_OK) return 1;
        t2 = now_ms();
        if (pv_dag_remaining(g, weights, remaining, NULL) != PV_OK) return 1;
        if (pv_dag_critical(g, remaining, path) == 0) return 1;
        critical[r] = now_ms() - t2;
        order_ms[r] = t2 - t1;
        add[r] = t1 - t0;
        if (!drain(g, weights, nodes, &sched[r])) return 1;
        pv_dag_free(g);
    }
    for (int r = 0; r < repeats; r++) {
        critical[r] += order_ms[r];
        bare[r] =
            bare_ms(from, to, nodes, edges); /* last: it would change the heap of the others */
    }
    printf("%u nodes, %u edges, %d repeats\n", nodes, edges, repeats);
    report("adding the edges", add, repeats, 0);
    report("order, bare loops", bare, repeats, 0);
    report("order (CSR + Kahn)", order_ms, repeats, 0);
    report("order + critical path", critical, repeats, 0);
    report("schedule, 64 at once, all steps", sched, repeats, nodes);
    return 0;
}
