/* Scheduler over a graph: decides what may start now, and knows nothing of time.
 *
 * Ready is a node whose predecessors are all done.  Of the ready ones the node with the
 * heaviest remaining path starts first (then the lowest number), or the one that priorities
 * from elsewhere prefer (graph/rehearse.h), as far as the global
 * limit and the limits of its keys (a provider, a host, an account) allow; a node that
 * a full key holds back does not hold back others, nor does one that needs more places of a
 * key than are free.  After pv_sched_new() nothing
 * allocates: a step costs O(log n + its edges + its keys).  One thread at a time. */
#ifndef PV_GRAPH_SCHED_H
#define PV_GRAPH_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "graph/dag.h"

typedef struct pv_sched pv_sched;

/* What one node takes of one key while it runs. */
typedef struct pv_sched_key {
    uint32_t node, key;
    uint32_t amount; /* places, 0 means 1; of a repeated pair the largest counts */
} pv_sched_key;

typedef struct pv_sched_options {
    const double *weights;         /* one per node, NULL: 1 each */
    const double *priority;        /* per node, the largest starts first; NULL: remaining path */
    uint32_t limit;                /* nodes running at once; 0: no limit */
    const uint32_t *key_limits;    /* places per key, at least 1 */
    uint32_t keys;                 /* how many keys there are */
    const pv_sched_key *node_keys; /* in any order */
    uint32_t node_key_count;
    uint32_t *key_free; /* free places per key, when several schedulers share the keys; outlives
                         * them (see pv_sched_wake, graph/fair.h); NULL: keys of its own */
} pv_sched_options;

typedef enum {
    PV_NODE_WAITING, /* for predecessors */
    PV_NODE_READY,   /* may start as soon as the limits allow */
    PV_NODE_RUNNING,
    PV_NODE_DONE,
    PV_NODE_FAILED,
    PV_NODE_SKIPPED, /* a predecessor failed or was skipped */
    PV_NODE_STATES
} pv_node_state;

/* Makes a scheduler with every node to do; it keeps nothing of g or the options.
 * Statuses: PV_ECYCLE, PV_EINVAL (weight, priority, key, limit, or a node that asks more than its
 * limit). */
pv_status pv_sched_new(pv_sched **out, pv_dag *g, const pv_sched_options *options, pv_err *err);

/* Frees the scheduler; NULL is fine. */
void pv_sched_free(pv_sched *s);

/* Starts the best node that may start now; false when none may. */
bool pv_sched_next(pv_sched *s, uint32_t *node);

/* Ends a running node well: its successors may become ready.  Statuses: PV_EINVAL (not
 * running). */
pv_status pv_sched_done(pv_sched *s, uint32_t node, pv_err *err);

/* Ends a running node badly: everything that needs it is skipped.  *skipped lists the
 * *count nodes skipped by this call, nearest first, valid until the next one.
 * Statuses: PV_EINVAL (not running). */
pv_status pv_sched_fail(pv_sched *s, uint32_t node, const uint32_t **skipped, uint32_t *count,
                        pv_err *err);

/* Tells that another scheduler gave back `gained` places of a shared key; they are in key_free
 * already.  Nodes that waited for them may be started by the next pv_sched_next(). */
void pv_sched_wake(pv_sched *s, uint32_t key, uint32_t gained);

/* The key that a node takes as its i-th, from 0, and how many places of it; false when it has no
 * more keys. */
bool pv_sched_demand(const pv_sched *s, uint32_t node, uint32_t i, uint32_t *key, uint32_t *amount);

/* The number of nodes. */
uint32_t pv_sched_nodes(const pv_sched *s);

/* The state of a node (one of 0 .. nodes - 1). */
pv_node_state pv_sched_state(const pv_sched *s, uint32_t node);

/* How many nodes are in each state: PV_NODE_STATES numbers, valid while s lives. */
const uint32_t *pv_sched_counts(const pv_sched *s);

/* The heaviest path weight that is left from this node on (itself included). */
double pv_sched_remaining(const pv_sched *s, uint32_t node);

#endif
