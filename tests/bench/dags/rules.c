/* Simulation, the peer rule and the bounds. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "dags.h"

const uint32_t worker_counts[WORKER_COUNTS] = {4, 10, 16, 64};

double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

pv_sched_options options_of(const dag *d, uint32_t workers)
{
    return (pv_sched_options){.weights = d->weights,
                              .limit = workers,
                              .key_limits = d->limits,
                              .keys = d->pair_count > 0 ? RESOURCES : 0,
                              .node_keys = d->pairs,
                              .node_key_count = d->pair_count};
}

double simulate(const dag *d, const pv_sched_options *options, const double *durations, double *ns)
{
    uint32_t *running = pv_alloc_array(d->nodes, sizeof *running), count = 0, node;
    double *end = pv_alloc_array(d->nodes, sizeof *end), now = 0, start = now_ns();
    pv_sched *s;
    if (pv_sched_new(&s, d->g, options, NULL) != PV_OK) abort();
    for (;;) {
        uint32_t kept = 0;
        while (pv_sched_next(s, &node)) {
            end[node] = now + durations[node];
            running[count++] = node;
        }
        if (count == 0) break;
        now = end[running[0]];
        for (uint32_t i = 1; i < count; i++) {
            if (end[running[i]] < now) now = end[running[i]];
        }
        for (uint32_t i = 0; i < count; i++) {
            if (end[running[i]] == now) pv_sched_done(s, running[i], NULL);
            else running[kept++] = running[i];
        }
        count = kept;
    }
    if (pv_sched_counts(s)[PV_NODE_DONE] != d->nodes) abort();
    pv_sched_free(s);
    if (ns != NULL) *ns = now_ns() - start;
    pv_free(running);
    pv_free(end);
    return now;
}

static const double *sort_key;

static int by_key(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (sort_key[x] != sort_key[y]) return sort_key[x] < sort_key[y] ? 1 : -1;
    return (x > y) - (x < y);
}

/* All nodes, the largest key first; of equal ones in topological order when that is given. */
static uint32_t *sorted(const dag *d, const double *key, const uint32_t *order)
{
    uint32_t *list = pv_alloc_array(d->nodes, sizeof *list);
    double *by_place = pv_alloc_array(d->nodes, sizeof *by_place);
    for (uint32_t i = 0; i < d->nodes; i++) {
        list[i] = i;
        by_place[i] = key[order != NULL ? order[i] : i];
    }
    sort_key = by_place;
    qsort(list, d->nodes, sizeof *list, by_key);
    for (uint32_t i = 0; order != NULL && i < d->nodes; i++) list[i] = order[list[i]];
    pv_free(by_place);
    return list;
}

static double ready_at(const dag *d, const double *end, uint32_t node)
{
    uint32_t count;
    const uint32_t *before = pv_dag_successors(d->back, node, &count);
    double at = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (end[before[i]] > at) at = end[before[i]];
    }
    return at;
}

typedef struct machine {
    double *from, *to; /* busy times, in order */
    uint32_t count;
} machine;

/* The first time from `at` on at which the machine has a gap; *place is where it would be kept. */
static double first_gap(const machine *m, double at, double duration, uint32_t *place)
{
    double free_from = 0;
    for (*place = 0; *place < m->count; ++*place) {
        double start = free_from > at ? free_from : at;
        if (start + duration <= m->from[*place]) return start;
        free_from = m->to[*place];
    }
    return free_from > at ? free_from : at;
}

static void occupy(machine *m, uint32_t place, double from, double to)
{
    memmove(m->from + place + 1, m->from + place, (m->count - place) * sizeof *m->from);
    memmove(m->to + place + 1, m->to + place, (m->count - place) * sizeof *m->to);
    m->from[place] = from;
    m->to[place] = to;
    m->count++;
}

double heft(const dag *d, uint32_t workers)
{
    machine *machines = pv_alloc_array(workers, sizeof *machines);
    double *end = pv_alloc_array(d->nodes, sizeof *end), makespan = 0;
    const uint32_t *order;
    uint32_t *list;
    if (pv_dag_sort(d->g, &order, NULL) != PV_OK) abort();
    list = sorted(d, d->remaining, order);
    for (uint32_t w = 0; w < workers; w++) {
        machines[w].from = pv_alloc_array(d->nodes, sizeof(double));
        machines[w].to = pv_alloc_array(d->nodes, sizeof(double));
    }
    for (uint32_t i = 0; i < d->nodes; i++) {
        uint32_t u = list[i], best = 0, best_place = 0, place;
        double at = ready_at(d, end, u), start = -1;
        for (uint32_t w = 0; w < workers && start != at; w++) {
            double gap = first_gap(&machines[w], at, d->weights[u], &place);
            if (start >= 0 && gap >= start) continue;
            start = gap;
            best = w;
            best_place = place;
        }
        end[u] = start + d->weights[u];
        occupy(&machines[best], best_place, start, end[u]);
        if (end[u] > makespan) makespan = end[u];
    }
    for (uint32_t w = 0; w < workers; w++) {
        pv_free(machines[w].from);
        pv_free(machines[w].to);
    }
    pv_free(machines);
    pv_free(end);
    pv_free(list);
    return makespan;
}

/* Whether the node fits from `at` on into what is used at every unit of time. */
static bool fits_at(const dag *d, uint32_t (*used)[RESOURCES], uint32_t first, uint32_t last,
                    uint32_t at, uint32_t duration)
{
    for (uint32_t i = first; i < last; i++) {
        for (uint32_t t = at; t < at + duration; t++) {
            uint32_t r = d->pairs[i].key;
            if (used[t][r] + d->pairs[i].amount > d->limits[r]) return false;
        }
    }
    return true;
}

double heft_resources(const dag *d)
{
    uint32_t(*used)[RESOURCES] = pv_alloc_array((size_t)d->work + 1, sizeof *used);
    double *end = pv_alloc_array(d->nodes, sizeof *end), makespan = 0;
    const uint32_t *order;
    uint32_t *list;
    if (pv_dag_sort(d->g, &order, NULL) != PV_OK) abort();
    list = sorted(d, d->remaining, order);
    for (uint32_t i = 0; i < d->nodes; i++) {
        uint32_t u = list[i], first = 0, last, at = (uint32_t)ready_at(d, end, u);
        uint32_t duration = (uint32_t)d->weights[u];
        while (first < d->pair_count && d->pairs[first].node < u) first++;
        for (last = first; last < d->pair_count && d->pairs[last].node == u; last++) continue;
        while (!fits_at(d, used, first, last, at, duration)) at++;
        for (uint32_t p = first; p < last; p++) {
            for (uint32_t t = at; t < at + duration; t++)
                used[t][d->pairs[p].key] += d->pairs[p].amount;
        }
        end[u] = at + d->weights[u];
        if (end[u] > makespan) makespan = end[u];
    }
    pv_free(used);
    pv_free(end);
    pv_free(list);
    return makespan;
}

double plain_bound(const dag *d, uint32_t workers)
{
    double bound = d->critical, work[RESOURCES] = {0};
    if (workers > 0 && d->work / workers > bound) bound = d->work / workers;
    for (uint32_t i = 0; i < d->pair_count; i++) {
        work[d->pairs[i].key] += d->pairs[i].amount * d->weights[d->pairs[i].node];
    }
    for (uint32_t r = 0; r < RESOURCES && d->pair_count > 0; r++) {
        if (work[r] / d->limits[r] > bound) bound = work[r] / d->limits[r];
    }
    return bound;
}

/* Puts the weight among the `cap` largest, which are kept in falling order. */
static void keep_largest(double *top, uint32_t *count, uint32_t cap, double weight)
{
    uint32_t at;
    if (*count == cap && weight <= top[cap - 1]) return;
    if (*count < cap) ++*count;
    for (at = *count - 1; at > 0 && top[at - 1] < weight; at--) top[at] = top[at - 1];
    top[at] = weight;
}

double window_bound(const dag *d, uint32_t workers)
{
    uint32_t *list = sorted(d, d->head, NULL); /* the latest head first */
    double bound = plain_bound(d, workers), top[65];
    for (uint32_t i = 0; i < d->nodes; i++) {
        double tail = d->remaining[i] - d->weights[i], work = 0;
        uint32_t count = 0;
        for (uint32_t j = 0; j < d->nodes; j++) {
            uint32_t u = list[j];
            double least;
            if (d->remaining[u] - d->weights[u] < tail) continue;
            work += d->weights[u];
            keep_largest(top, &count, workers + 1, d->weights[u]);
            least = work / workers;
            if (count > workers && top[workers - 1] + top[workers] > least) {
                least = top[workers - 1] + top[workers];
            }
            if (d->head[u] + least + tail > bound) bound = d->head[u] + least + tail;
        }
    }
    pv_free(list);
    return bound;
}
