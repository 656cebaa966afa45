/* Fair shares: several schedulers (runs, workspaces) that start their nodes in the same places.
 *
 * Each run has a weight.  Whenever a place is free, it goes to the run that is furthest behind its
 * share, which starts its own best node.  A node counts as one step, however long it runs.  Runs
 * that always have something to start are less than one step from weight / sum of weights of all
 * steps, counted from when they began to compete (so less than two steps in any part of that
 * time).  A run that has nothing to start gives its turn to the others and saves up nothing; one
 * that a full key or its own limit holds back keeps at most one step, so that nobody starves at
 * a key and its places are shared nearly, not exactly, by weight.
 *
 * Keys can be common to the runs as well (an account that several workspaces use): make each
 * scheduler with key_limits and keys as given here, and key_free = pv_fair_keys().
 *
 * Deadlines in virtual time (earliest eligible virtual deadline first); nothing here reads a clock
 * or does I/O.  Only pv_fair_new() and pv_fair_join() allocate.  A step costs O(runs) beside the
 * scheduler's own.  One thread at a time. */
#ifndef PV_GRAPH_FAIR_H
#define PV_GRAPH_FAIR_H

#include "graph/sched.h"
#include "graph/turns.h"

typedef struct pv_fair pv_fair;

enum { PV_FAIR_MAX_WEIGHT = PV_TURNS_MAX_WEIGHT };

/* Makes the places: `places` nodes running at once over all runs (0: no limit) and what is free
 * of each of the keys (key_limits may be NULL when keys is 0). */
void pv_fair_new(pv_fair **out, uint32_t places, const uint32_t *key_limits, uint32_t keys);

/* Frees it, but not the schedulers; NULL is fine.  They must not be used any more when they share
 * its keys, only freed. */
void pv_fair_free(pv_fair *f);

/* The free places per key for pv_sched_options.key_free; valid while f lives, NULL without keys. */
uint32_t *pv_fair_keys(pv_fair *f);

/* The limit of each key, as given, and how many keys there are; valid while f lives. */
const uint32_t *pv_fair_limits(const pv_fair *f, uint32_t *keys);

/* Adds a run: a scheduler that stays the caller's, and lives until the run leaves.  From now on
 * it is stepped only through f.  Numbers of runs that left are given again.
 * Statuses: PV_EINVAL (weight is none of 1 .. PV_FAIR_MAX_WEIGHT). */
pv_status pv_fair_join(pv_fair *f, pv_sched *sched, uint32_t weight, uint32_t *run, pv_err *err);

/* Takes a run out.  Statuses: PV_EINVAL (no such run), PV_EBUSY (some of its nodes run). */
pv_status pv_fair_leave(pv_fair *f, uint32_t run, pv_err *err);

/* Starts the best node of the run whose turn it is; false when no run may start any. */
bool pv_fair_next(pv_fair *f, uint32_t *run, uint32_t *node);

/* pv_sched_done() and pv_sched_fail() of a run; what they give back is there for all runs.
 * Statuses: PV_EINVAL (no such run, or its node is not running). */
pv_status pv_fair_done(pv_fair *f, uint32_t run, uint32_t node, pv_err *err);
pv_status pv_fair_fail(pv_fair *f, uint32_t run, uint32_t node, const uint32_t **skipped,
                       uint32_t *count, pv_err *err);

/* The scheduler of a run, to look at; NULL when there is no such run. */
const pv_sched *pv_fair_sched(const pv_fair *f, uint32_t run);

/* The steps a run has started since it joined (0 when there is no such run). */
uint64_t pv_fair_steps(const pv_fair *f, uint32_t run);

#endif
