/* Fair shares of queues: parties (users, workspaces, kinds of jobs) that each have a number of
 * things waiting, none of which needs another.  For things with dependencies: graph/fair.h.
 *
 * Each party has a weight and a limit.  Whenever a place is free, it goes to the party furthest
 * behind its share that has something waiting; which of its things it starts is its own affair.
 * What holds of shares in graph/fair.h holds here: a party that always has something to start is
 * less than one step from weight / sum of weights, an idle one saves up nothing, one that its limit
 * holds back keeps at most one step.
 *
 * No clock, no I/O; only pv_share_new() and pv_share_join() allocate.  A step costs O(parties).
 * One thread at a time. */
#ifndef PV_GRAPH_SHARE_H
#define PV_GRAPH_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct pv_share pv_share;

/* What there is of a party. */
typedef struct pv_share_counts {
    uint32_t waiting, running;
    uint64_t steps; /* things started since it joined */
} pv_share_counts;

/* Makes it with `places` things running at once over all parties (0: no limit). */
void pv_share_new(pv_share **out, uint32_t places);

/* Frees it; NULL is fine. */
void pv_share_free(pv_share *s);

/* Adds a party with nothing waiting and at most `limit` things running at once (0: no limit).
 * Numbers of parties that left are given again.  Statuses: PV_EINVAL (weight, as pv_fair_join). */
pv_status pv_share_join(pv_share *s, uint32_t weight, uint32_t limit, uint32_t *party, pv_err *err);

/* Takes a party out, with what it has waiting.  Statuses: PV_EINVAL (no such party), PV_EBUSY
 * (some of its things run). */
pv_status pv_share_leave(pv_share *s, uint32_t party, pv_err *err);

/* Adds `count` things to what a party has waiting.  Statuses: PV_EINVAL (no such party), PV_ELIMIT
 * (more than UINT32_MAX). */
pv_status pv_share_ready(pv_share *s, uint32_t party, uint32_t count, pv_err *err);

/* Takes `count` waiting things back, which are not to be started any more.  Statuses: PV_EINVAL
 * (no such party, or fewer wait). */
pv_status pv_share_withdraw(pv_share *s, uint32_t party, uint32_t count, pv_err *err);

/* Starts a thing of the party whose turn it is; false when none may. */
bool pv_share_next(pv_share *s, uint32_t *party);

/* Ends a running thing of a party, well or badly.  Statuses: PV_EINVAL (no such party, or nothing
 * of it runs). */
pv_status pv_share_done(pv_share *s, uint32_t party, pv_err *err);

/* What there is of a party; all 0 when there is no such party. */
pv_share_counts pv_share_count(const pv_share *s, uint32_t party);

#endif
