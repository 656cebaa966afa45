#include "graph/sched.h"

#include <string.h>

#include "base/mem.h"

/* A binary heap of nodes, heaviest remaining path on top. */
typedef struct heap {
    uint32_t *at;
    uint32_t len;
} heap;

typedef struct key_slot {
    uint32_t free; /* nodes that may still start */
    heap parked;   /* ready nodes that found this key full */
} key_slot;

/* Invariant of the limits: a key with parked nodes has at least as many of its nodes in
 * `ready` as it has free places, so that no free place is ever forgotten.  A place that
 * becomes free moves one parked node to `ready`; a node that leaves `ready` to park at
 * another key moves one in for each of its keys that still has room. */
struct pv_sched {
    uint32_t nodes;
    uint32_t free; /* nodes that may still start, over all keys */
    uint32_t counts[PV_NODE_STATES];
    uint8_t *state;    /* pv_node_state of each node */
    double *remaining; /* priority of each node */
    uint32_t *left;    /* predecessors not yet done */
    uint32_t *first;   /* nodes + 1: begin of a node's successors in next */
    uint32_t *next;
    uint32_t *key_first; /* nodes + 1: begin of a node's keys in key_of; NULL without keys */
    uint32_t *key_of;
    key_slot *keys;
    uint32_t *parking; /* room of all parked heaps */
    heap ready;
    uint32_t *skipped; /* room of pv_sched_fail() */
};

static bool before(const pv_sched *s, uint32_t a, uint32_t b)
{
    double x = s->remaining[a], y = s->remaining[b];
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
    }
    return PV_OK;
}

/* Drops repeated keys of every node in key_first and key_of. */
static void unique_keys(pv_sched *s)
{
    uint32_t out = 0, from = 0;
    for (uint32_t u = 0; u < s->nodes; u++) {
        uint32_t begin = out, end = s->key_first[u + 1];
        for (; from < end; from++) {
            uint32_t i = begin;
            while (i < out && s->key_of[i] != s->key_of[from]) i++;
            if (i == out) s->key_of[out++] = s->key_of[from];
        }
        s->key_first[u] = begin;
    }
    s->key_first[s->nodes] = out;
}

static void copy_keys(pv_sched *s, const pv_sched_options *o)
{
    uint32_t at = 0;
    uint32_t *first = s->key_first = pv_alloc_array((size_t)s->nodes + 1, sizeof *first);
    s->key_of = pv_alloc_array(o->node_key_count, sizeof *s->key_of);
    s->keys = pv_alloc_array(o->keys, sizeof *s->keys);
    s->parking = pv_alloc_array(o->node_key_count, sizeof *s->parking);
    for (uint32_t i = 0; i < o->node_key_count; i++) first[o->node_keys[i].node]++;
    for (uint32_t u = 0; u <= s->nodes; u++) {
        uint32_t count = first[u];
        first[u] = at;
        at += count;
    }
    for (uint32_t i = 0; i < o->node_key_count; i++) {
        s->key_of[first[o->node_keys[i].node]++] = o->node_keys[i].key;
    }
    memmove(first + 1, first, s->nodes * sizeof *first);
    first[0] = 0;
    unique_keys(s);
    /* Each key needs room for all of its nodes. */
    for (uint32_t i = 0; i < first[s->nodes]; i++) s->keys[s->key_of[i]].parked.len++;
    at = 0;
    for (uint32_t k = 0; k < o->keys; k++) {
        s->keys[k].free = o->key_limits[k];
        s->keys[k].parked.at = s->parking + at;
        at += s->keys[k].parked.len;
        s->keys[k].parked.len = 0;
    }
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
    pv_free(s->remaining);
    pv_free(s->left);
    pv_free(s->first);
    pv_free(s->next);
    pv_free(s->key_first);
    pv_free(s->key_of);
    pv_free(s->keys);
    pv_free(s->parking);
    pv_free(s->ready.at);
    pv_free(s->skipped);
    pv_free(s);
}

/* The keys of a node as a range of key_of. */
static void keys_of(const pv_sched *s, uint32_t node, uint32_t *begin, uint32_t *end)
{
    *begin = s->key_first != NULL ? s->key_first[node] : 0;
    *end = s->key_first != NULL ? s->key_first[node + 1] : 0;
}

/* Moves one parked node of the key back to the ready ones, when it has room for it. */
static void unpark(pv_sched *s, key_slot *key)
{
    if (key->free > 0 && key->parked.len > 0) push(s, &s->ready, pop(s, &key->parked));
}

/* Takes a place of every key of the node; false and parks it when one of them is full. */
static bool take_places(pv_sched *s, uint32_t node)
{
    uint32_t begin, end, full;
    keys_of(s, node, &begin, &end);
    for (full = begin; full < end && s->keys[s->key_of[full]].free > 0; full++) continue;
    if (full == end) {
        for (uint32_t i = begin; i < end; i++) s->keys[s->key_of[i]].free--;
        return true;
    }
    push(s, &s->keys[s->key_of[full]].parked, node);
    for (uint32_t i = begin; i < end; i++) unpark(s, &s->keys[s->key_of[i]]);
    return false;
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

/* Gives the places of a running node back. */
static pv_status end_node(pv_sched *s, uint32_t node, pv_node_state state, pv_err *err)
{
    uint32_t begin, end;
    if (node >= s->nodes || s->state[node] != PV_NODE_RUNNING) {
        return pv_fail(err, PV_EINVAL, "node %u is not running", node);
    }
    keys_of(s, node, &begin, &end);
    for (uint32_t i = begin; i < end; i++) {
        s->keys[s->key_of[i]].free++;
        unpark(s, &s->keys[s->key_of[i]]);
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
