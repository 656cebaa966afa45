#include "graph/sched.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A binary heap of nodes, the largest priority on top. */
typedef struct heap {
    uint32_t *at;
    uint32_t len;
} heap;

/* One amount that nodes ask of one key. */
typedef struct demand {
    uint32_t key, amount;
    heap parked; /* ready nodes that found too few places of this key */
} demand;

/* Invariant of the limits: while the free places of a key would do for a demand with parked
 * nodes, `ready` holds a node with the same demand that comes before them.  So the best node
 * that may start is always found in `ready`.  Places that become free move the first parked node
 * of each demand that now fits to `ready`; a node that leaves `ready` moves the next one of its
 * demands in. */
struct pv_sched {
    uint32_t nodes;
    uint32_t free; /* nodes that may still start, over all keys */
    uint32_t counts[PV_NODE_STATES];
    uint8_t *state;    /* pv_node_state of each node */
    double *remaining; /* path weight of each node */
    double *priority;  /* the same array, unless priorities were given */
    uint32_t *left;    /* predecessors not yet done */
    uint32_t *first;   /* nodes + 1: begin of a node's successors in next */
    uint32_t *next;
    uint32_t *ask_first;    /* nodes + 1: begin of a node's demands in ask; NULL without keys */
    uint32_t *ask;          /* numbers of demands */
    demand *demands;        /* by key, then by amount */
    uint32_t *demand_first; /* keys + 1: begin of a key's demands */
    uint32_t *key_free;     /* places per key */
    uint32_t *own_free;     /* key_free, unless it is shared */
    uint32_t *parking;      /* room of all parked heaps */
    heap ready;
    uint32_t *skipped; /* room of pv_sched_fail() */
};

static bool before(const pv_sched *s, uint32_t a, uint32_t b)
{
    double x = s->priority[a], y = s->priority[b];
    return x > y || (x == y && a < b);
}

static void push(const pv_sched *s, heap *h, uint32_t node)
{
    uint32_t i = h->len++;
    while (i > 0 && before(s, node, h->at[(i - 1) / 2])) {
        h->at[i] = h->at[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    h->at[i] = node;
}

static uint32_t pop(const pv_sched *s, heap *h)
{
    uint32_t top = h->at[0], last = h->at[--h->len], i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= h->len) break;
        if (child + 1 < h->len && before(s, h->at[child + 1], h->at[child])) child++;
        if (!before(s, h->at[child], last)) break;
        h->at[i] = h->at[child];
        i = child;
    }
    h->at[i] = last;
    return top;
}

static void set_state(pv_sched *s, uint32_t node, pv_node_state state)
{
    s->counts[s->state[node]]--;
    s->counts[state]++;
    s->state[node] = (uint8_t)state;
}

/* Copies the graph's successors and counts predecessors. */
static void copy_edges(pv_sched *s, pv_dag *g)
{
    uint32_t total = 0, count;
    s->first = pv_alloc_array((size_t)s->nodes + 1, sizeof *s->first);
    for (uint32_t u = 0; u < s->nodes; u++) {
        pv_dag_successors(g, u, &count);
        s->first[u] = total;
        total += count;
    }
    s->first[s->nodes] = total;
    s->next = pv_alloc_array(total, sizeof *s->next);
    s->left = pv_alloc_array(s->nodes, sizeof *s->left);
    if (total > 0) memcpy(s->next, pv_dag_successors(g, 0, &count), total * sizeof *s->next);
    for (uint32_t i = 0; i < total; i++) s->left[s->next[i]]++;
}

static pv_status check_keys(const pv_sched *s, const pv_sched_options *o, pv_err *err)
{
    for (uint32_t k = 0; k < o->keys; k++) {
        if (o->key_limits[k] == 0) return pv_fail(err, PV_EINVAL, "key %u has limit 0", k);
    }
    for (uint32_t i = 0; i < o->node_key_count; i++) {
        pv_sched_key pair = o->node_keys[i];
        if (pair.node >= s->nodes || pair.key >= o->keys) {
            return pv_fail(err, PV_EINVAL, "no node %u or no key %u", pair.node, pair.key);
        }
        if (pair.amount > o->key_limits[pair.key]) {
            return pv_fail(err, PV_EINVAL, "node %u needs %u places of key %u, which has %u",
                           pair.node, pair.amount, pair.key, o->key_limits[pair.key]);
        }
    }
    return PV_OK;
}

/* Priorities are the remaining paths, or a copy of the given ones. */
static pv_status copy_priority(pv_sched *s, const double *given, pv_err *err)
{
    s->priority = s->remaining;
    if (given == NULL) return PV_OK;
    s->priority = pv_alloc_array(s->nodes, sizeof *s->priority);
    for (uint32_t u = 0; u < s->nodes; u++) {
        if (given[u] != given[u]) return pv_fail(err, PV_EINVAL, "priority of node %u", u);
        s->priority[u] = given[u];
    }
    return PV_OK;
}

static int by_number(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int by_node(const void *a, const void *b)
{
    const pv_sched_key *x = a, *y = b;
    int order = by_number(x->node, y->node);
    if (order == 0) order = by_number(x->key, y->key);
    return order != 0 ? order : by_number(y->amount, x->amount);
}

static int by_demand(const void *a, const void *b)
{
    const pv_sched_key *x = a, *y = b;
    int order = by_number(x->key, y->key);
    if (order == 0) order = by_number(x->amount, y->amount);
    return order != 0 ? order : by_number(x->node, y->node);
}

/* The pairs of the options by demand, each node and key once; *count of them. */
static pv_sched_key *unique_pairs(const pv_sched_options *o, uint32_t *count)
{
    pv_sched_key *pairs = pv_alloc_array(o->node_key_count, sizeof *pairs);
    uint32_t out = 0;
    memcpy(pairs, o->node_keys, o->node_key_count * sizeof *pairs);
    for (uint32_t i = 0; i < o->node_key_count; i++) {
        if (pairs[i].amount == 0) pairs[i].amount = 1;
    }
    qsort(pairs, o->node_key_count, sizeof *pairs, by_node);
    for (uint32_t i = 0; i < o->node_key_count; i++) {
        bool repeated =
            out > 0 && pairs[out - 1].node == pairs[i].node && pairs[out - 1].key == pairs[i].key;
        if (!repeated) pairs[out++] = pairs[i];
    }
    qsort(pairs, out, sizeof *pairs, by_demand);
    *count = out;
    return pairs;
}

/* Makes the demands out of sorted pairs and the list of every node's demands. */
static void copy_demands(pv_sched *s, const pv_sched_key *pairs, uint32_t count, uint32_t keys)
{
    uint32_t *first = s->ask_first = pv_alloc_array((size_t)s->nodes + 1, sizeof *first);
    uint32_t made = 0, key = 0, at = 0;
    for (uint32_t i = 0; i < count; i++) first[pairs[i].node]++;
    for (uint32_t u = 0; u <= s->nodes; u++) {
        uint32_t asks = first[u];
        first[u] = at;
        at += asks;
    }
    for (uint32_t i = 0; i < count; i++) {
        demand *last = made > 0 ? &s->demands[made - 1] : NULL;
        while (key <= pairs[i].key) s->demand_first[key++] = made;
        if (last == NULL || last->key != pairs[i].key || last->amount != pairs[i].amount) {
            last = &s->demands[made++];
            *last = (demand){pairs[i].key, pairs[i].amount, {s->parking + i, 0}};
        }
        s->ask[first[pairs[i].node]++] = made - 1;
    }
    while (key <= keys) s->demand_first[key++] = made;
    memmove(first + 1, first, s->nodes * sizeof *first);
    first[0] = 0;
}

static void copy_keys(pv_sched *s, const pv_sched_options *o)
{
    uint32_t count;
    pv_sched_key *pairs = unique_pairs(o, &count);
    s->ask = pv_alloc_array(count, sizeof *s->ask);
    s->demands = pv_alloc_array(count, sizeof *s->demands);
    s->demand_first = pv_alloc_array((size_t)o->keys + 1, sizeof *s->demand_first);
    s->parking = pv_alloc_array(count, sizeof *s->parking);
    s->key_free = o->key_free;
    if (s->key_free == NULL) {
        s->key_free = s->own_free = pv_alloc_array(o->keys, sizeof *s->own_free);
        memcpy(s->own_free, o->key_limits, o->keys * sizeof *s->own_free);
    }
    copy_demands(s, pairs, count, o->keys);
    pv_free(pairs);
}

pv_status pv_sched_new(pv_sched **out, pv_dag *g, const pv_sched_options *options, pv_err *err)
{
    pv_sched *s = pv_alloc(sizeof *s);
    pv_status st;
    *out = NULL;
    s->nodes = pv_dag_nodes(g);
    s->free = options->limit > 0 ? options->limit : UINT32_MAX;
    s->remaining = pv_alloc_array(s->nodes, sizeof *s->remaining);
    if ((st = pv_dag_remaining(g, options->weights, s->remaining, err)) != PV_OK) goto fail;
    if ((st = copy_priority(s, options->priority, err)) != PV_OK) goto fail;
    if ((st = check_keys(s, options, err)) != PV_OK) goto fail;
    copy_edges(s, g);
    if (options->node_key_count > 0) copy_keys(s, options);
    s->state = pv_alloc_array(s->nodes, sizeof *s->state);
    s->skipped = pv_alloc_array(s->nodes, sizeof *s->skipped);
    s->ready.at = pv_alloc_array(s->nodes, sizeof *s->ready.at);
    s->counts[PV_NODE_WAITING] = s->nodes;
    for (uint32_t u = 0; u < s->nodes; u++) {
        if (s->left[u] > 0) continue;
        set_state(s, u, PV_NODE_READY);
        push(s, &s->ready, u);
    }
    *out = s;
    return PV_OK;
fail:
    pv_sched_free(s);
    return st;
}

void pv_sched_free(pv_sched *s)
{
    if (s == NULL) return;
    pv_free(s->state);
    if (s->priority != s->remaining) pv_free(s->priority);
    pv_free(s->remaining);
    pv_free(s->left);
    pv_free(s->first);
    pv_free(s->next);
    pv_free(s->ask_first);
    pv_free(s->ask);
    pv_free(s->demands);
    pv_free(s->demand_first);
    pv_free(s->own_free);
    pv_free(s->parking);
    pv_free(s->ready.at);
    pv_free(s->skipped);
    pv_free(s);
}

/* The demands of a node as a range of ask. */
static void asks_of(const pv_sched *s, uint32_t node, uint32_t *begin, uint32_t *end)
{
    *begin = s->ask_first != NULL ? s->ask_first[node] : 0;
    *end = s->ask_first != NULL ? s->ask_first[node + 1] : 0;
}

static bool fits(const pv_sched *s, const demand *d)
{
    return s->key_free[d->key] >= d->amount;
}

/* Moves the first parked node of the demand back to the ready ones, when it fits. */
static void unpark(pv_sched *s, demand *d)
{
    if (d->parked.len > 0 && fits(s, d)) push(s, &s->ready, pop(s, &d->parked));
}

/* Takes the places of a node that has left `ready`; false and parks it when they are too few. */
static bool take_places(pv_sched *s, uint32_t node)
{
    uint32_t begin, end, full;
    asks_of(s, node, &begin, &end);
    for (full = begin; full < end && fits(s, &s->demands[s->ask[full]]); full++) continue;
    if (full < end) push(s, &s->demands[s->ask[full]].parked, node);
    for (uint32_t i = begin; i < end; i++) {
        demand *d = &s->demands[s->ask[i]];
        if (full == end) s->key_free[d->key] -= d->amount;
        unpark(s, d);
    }
    return full == end;
}

bool pv_sched_next(pv_sched *s, uint32_t *node)
{
    *node = 0;
    if (s->free == 0) return false;
    while (s->ready.len > 0) {
        uint32_t u = pop(s, &s->ready);
        if (!take_places(s, u)) continue;
        s->free--;
        set_state(s, u, PV_NODE_RUNNING);
        *node = u;
        return true;
    }
    return false;
}

void pv_sched_wake(pv_sched *s, uint32_t key, uint32_t gained)
{
    uint32_t before_gain;
    if (s->demands == NULL) return;
    before_gain = s->key_free[key] - gained;
    for (uint32_t i = s->demand_first[key]; i < s->demand_first[key + 1]; i++) {
        if (s->demands[i].amount > before_gain) unpark(s, &s->demands[i]);
    }
}

bool pv_sched_demand(const pv_sched *s, uint32_t node, uint32_t i, uint32_t *key, uint32_t *amount)
{
    uint32_t begin, end;
    asks_of(s, node, &begin, &end);
    if (i >= end - begin) return false;
    *key = s->demands[s->ask[begin + i]].key;
    *amount = s->demands[s->ask[begin + i]].amount;
    return true;
}

/* Gives the places of a running node back. */
static pv_status end_node(pv_sched *s, uint32_t node, pv_node_state state, pv_err *err)
{
    uint32_t begin, end;
    if (node >= s->nodes || s->state[node] != PV_NODE_RUNNING) {
        return pv_fail(err, PV_EINVAL, "node %u is not running", node);
    }
    asks_of(s, node, &begin, &end);
    for (uint32_t i = begin; i < end; i++) {
        const demand *d = &s->demands[s->ask[i]];
        s->key_free[d->key] += d->amount;
        pv_sched_wake(s, d->key, d->amount);
    }
    s->free++;
    set_state(s, node, state);
    return PV_OK;
}

pv_status pv_sched_done(pv_sched *s, uint32_t node, pv_err *err)
{
    pv_status st = end_node(s, node, PV_NODE_DONE, err);
    if (st != PV_OK) return st;
    for (uint32_t i = s->first[node]; i < s->first[node + 1]; i++) {
        uint32_t after = s->next[i];
        if (--s->left[after] > 0 || s->state[after] != PV_NODE_WAITING) continue;
        set_state(s, after, PV_NODE_READY);
        push(s, &s->ready, after);
    }
    return PV_OK;
}

pv_status pv_sched_fail(pv_sched *s, uint32_t node, const uint32_t **skipped, uint32_t *count,
                        pv_err *err)
{
    uint32_t head = 0, tail = 0, u = node;
    pv_status st = end_node(s, node, PV_NODE_FAILED, err);
    *skipped = s->skipped;
    *count = 0;
    if (st != PV_OK) return st;
    for (;;) {
        for (uint32_t i = s->first[u]; i < s->first[u + 1]; i++) {
            uint32_t after = s->next[i];
            if (s->state[after] != PV_NODE_WAITING) continue;
            set_state(s, after, PV_NODE_SKIPPED);
            s->skipped[tail++] = after;
        }
        if (head == tail) break;
        u = s->skipped[head++];
    }
    *count = tail;
    return PV_OK;
}

uint32_t pv_sched_nodes(const pv_sched *s)
{
    return s->nodes;
}

pv_node_state pv_sched_state(const pv_sched *s, uint32_t node)
{
    return (pv_node_state)s->state[node];
}

const uint32_t *pv_sched_counts(const pv_sched *s)
{
    return s->counts;
}

double pv_sched_remaining(const pv_sched *s, uint32_t node)
{
    return s->remaining[node];
}
