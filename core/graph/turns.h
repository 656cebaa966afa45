/* Whose turn it is among parties with weights; for the sources of core/graph (fair.c, share.c).
 *
 * Earliest eligible virtual deadline first: a party's next step is due to it from `start`, and by
 * 1 / weight later.  The present moves by 1 / (weights of all that ask) with each step.  A party
 * asks while it has something it may start. */
#ifndef PV_GRAPH_TURNS_H
#define PV_GRAPH_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct pv_turn {
    double weight;  /* 0: the number is not in use */
    double start;   /* virtual time from which the next step is due */
    double served;  /* steps / weight, to choose between equal deadlines */
    uint64_t steps; /* taken */
    bool asking;    /* may have something to start */
    bool idle;      /* not asking, and has nothing to start either */
} pv_turn;

typedef struct pv_turns {
    pv_turn *of; /* by number */
    uint32_t count, cap;
    double now; /* virtual time: steps a party of weight 1 should have had */
} pv_turns;

enum { PV_TURNS_MAX_WEIGHT = 10000 };

/* Adds an idle party; numbers of those that left are given again, the lowest first.
 * Statuses: PV_EINVAL (weight is none of 1 .. PV_TURNS_MAX_WEIGHT). */
pv_status pv_turns_join(pv_turns *t, uint32_t weight, uint32_t *party, pv_err *err);

/* Takes a party out. */
void pv_turns_leave(pv_turns *t, uint32_t party);

/* Whether there is a party of this number. */
bool pv_turns_has(const pv_turns *t, uint32_t party);

/* Lets a party that has something compete again.  Who was idle begins at the present; who was held
 * back keeps up to one step of what it has missed. */
void pv_turns_ask(pv_turns *t, uint32_t party);

/* The party whose turn it is, false when none asks; *weights is the weight of all that ask. */
bool pv_turns_next(pv_turns *t, uint32_t *party, double *weights);

/* Counts a step of the party whose turn it was. */
void pv_turns_step(pv_turns *t, uint32_t party, double weights);

/* Frees what t holds. */
void pv_turns_deinit(pv_turns *t);

#endif
