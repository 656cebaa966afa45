/* Rehearsal: finds priorities for a scheduler by running it in virtual time beforehand.
 *
 * The longest remaining path first is a good rule that does not see how nodes compete for places.
 * A rehearsal plays the schedule with the expected durations as weights, then alternates: backward
 * from the end, the node that ended last first; forward again, in the order that this gave.  It
 * begins once with the longest remaining path and once with the longest path behind the node, and
 * keeps the priorities of the shortest schedule it met, so that it is never longer than that of
 * the plain rule as long as the durations come true.  Nothing here does I/O or reads a clock. */
#ifndef PV_GRAPH_REHEARSE_H
#define PV_GRAPH_REHEARSE_H

#include "graph/sched.h"

/* Rehearses the schedule of the graph under the options (whose `priority` and `key_free` are not
 * looked at) and fills priority[n] for them.  *makespan, which may be NULL, is what the schedule
 * takes with these priorities.  Each of the `rounds` is one time backward and one forward, for
 * both beginnings; it ends early at the lower bound.  A round costs 1 to 7 us a node.
 * Statuses: those of pv_sched_new(). */
pv_status pv_rehearse(pv_dag *g, const pv_sched_options *options, uint32_t rounds, double *priority,
                      double *makespan, pv_err *err);

#endif
