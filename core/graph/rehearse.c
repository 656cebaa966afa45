#include "graph/rehearse.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

/* What all passes share. */
typedef struct stage {
    pv_sched_options options;
    uint32_t nodes;
    double *end;       /* of each node, in the time of the last pass */
    uint32_t *running; /* heap of nodes, the first to end on top */
    uint32_t count;    /* of running */
} stage;

static void run_node(stage *t, uint32_t node, double end)
{
    uint32_t i = t->count++;
    t->end[node] = end;
    while (i > 0 && end < t->end[t->running[(i - 1) / 2]]) {
        t->running[i] = t->running[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    t->running[i] = node;
}

static uint32_t end_node(stage *t)
{
    uint32_t top = t->running[0], last = t->running[--t->count], i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= t->count) break;
        if (child + 1 < t->count && t->end[t->running[child + 1]] < t->end[t->running[child]]) {
            child++;
        }
        if (t->end[t->running[child]] >= t->end[last]) break;
        t->running[i] = t->running[child];
        i = child;
    }
    t->running[i] = last;
    return top;
}

/* One pass with these priorities; leaves when each node ended in t->end. */
static pv_status play(stage *t, pv_dag *g, const double *priority, double *makespan, pv_err *err)
{
    uint32_t node;
    double now = 0;
    pv_sched *s;
    pv_status st;
    t->options.priority = priority;
    if ((st = pv_sched_new(&s, g, &t->options, err)) != PV_OK) return st;
    do {
        while (pv_sched_next(s, &node)) {
            run_node(t, node, now + (t->options.weights != NULL ? t->options.weights[node] : 1));
        }
        if (t->count > 0) now = t->end[t->running[0]];
        while (t->count > 0 && t->end[t->running[0]] == now) pv_sched_done(s, end_node(t), NULL);
    } while (pv_sched_counts(s)[PV_NODE_DONE] < t->nodes);
    pv_sched_free(s);
    *makespan = now;
    return PV_OK;
}

static pv_dag *reverse(pv_dag *g)
{
    uint32_t nodes = pv_dag_nodes(g), count;
    pv_dag *back;
    if (pv_dag_new(&back, nodes, NULL) != PV_OK) return NULL;
    for (uint32_t u = 0; u < nodes; u++) {
        const uint32_t *next = pv_dag_successors(g, u, &count);
        for (uint32_t i = 0; i < count; i++) pv_dag_edge(back, next[i], u, NULL);
    }
    return back;
}

/* No schedule is shorter than the critical path, or than all work shared out evenly. */
static double lower_bound(const stage *t, const double *remaining)
{
    double longest = 0, work = 0;
    for (uint32_t u = 0; u < t->nodes; u++) {
        if (remaining[u] > longest) longest = remaining[u];
        work += t->options.weights != NULL ? t->options.weights[u] : 1;
    }
    if (t->options.limit > 0) work /= t->options.limit;
    return t->options.limit > 0 && work > longest ? work : longest;
}

/* Plays forward with the priorities in `try`, then the rounds; keeps the best priorities. */
static pv_status improve(stage *t, pv_dag *g, pv_dag *back, uint32_t rounds, double bound,
                         double *try, double *priority, double *best, pv_err *err)
{
    size_t size = t->nodes * sizeof *try;
    double makespan;
    pv_status st;
    for (uint32_t round = 0; *best > bound; round++) {
        if ((st = play(t, g, try, &makespan, err)) != PV_OK) return st;
        if (makespan < *best) {
            *best = makespan;
            memcpy(priority, try, size);
        }
        if (round == rounds) break;
        memcpy(try, t->end, size);
        if ((st = play(t, back, try, &makespan, err)) != PV_OK) return st;
        memcpy(try, t->end, size);
    }
    return PV_OK;
}

pv_status pv_rehearse(pv_dag *g, const pv_sched_options *options, uint32_t rounds, double *priority,
                      double *makespan, pv_err *err)
{
    stage t = {.options = *options, .nodes = pv_dag_nodes(g)};
    double *try = pv_alloc_array(t.nodes, sizeof *try), best = INFINITY, bound;
    pv_dag *back = reverse(g);
    pv_status st;
    t.options.key_free = NULL;
    t.end = pv_alloc_array(t.nodes, sizeof *t.end);
    t.running = pv_alloc_array(t.nodes, sizeof *t.running);
    if (makespan != NULL) *makespan = 0;
    if ((st = pv_dag_remaining(g, options->weights, try, err)) != PV_OK) goto end;
    bound = lower_bound(&t, try);
    memcpy(priority, try, t.nodes * sizeof *try);
    st = improve(&t, g, back, rounds, bound, try, priority, &best, err);
    if (st != PV_OK) goto end;
    if (rounds > 0 && best > bound) {
        if ((st = pv_dag_remaining(g, options->weights, try, err)) != PV_OK) goto end;
        for (uint32_t u = 0; u < t.nodes; u++) {
            try[u] -= options->weights != NULL ? options->weights[u] : 1;
        }
        st = improve(&t, g, back, rounds, bound, try, priority, &best, err);
    }
    if (makespan != NULL) *makespan = best;
end:
    pv_dag_free(back);
    pv_free(t.end);
    pv_free(t.running);
    pv_free(try);
    return st;
}
