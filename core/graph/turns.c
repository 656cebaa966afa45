#include "graph/turns.h"

#include <math.h>

#include "base/mem.h"

/* Virtual times are compared with this tolerance, and rebased before they grow beyond its reach. */
static const double EPSILON = 1e-6, REBASE = 1e5;

/* The least served of those that compete. */
static double least_served(const pv_turns *t)
{
    double least = INFINITY;
    for (uint32_t i = 0; i < t->count; i++) {
        const pv_turn *p = &t->of[i];
        if (p->weight > 0 && !p->idle && p->served < least) least = p->served;
    }
    return least < INFINITY ? least : 0;
}

pv_status pv_turns_join(pv_turns *t, uint32_t weight, uint32_t *party, pv_err *err)
{
    uint32_t i = 0;
    *party = 0;
    if (weight < 1 || weight > PV_TURNS_MAX_WEIGHT) {
        return pv_fail(err, PV_EINVAL, "weight %u is none of 1 to %d", weight, PV_TURNS_MAX_WEIGHT);
    }
    while (i < t->count && t->of[i].weight > 0) i++;
    if (i == t->cap) {
        t->cap = t->cap > 0 ? 2 * t->cap : 8;
        t->of = pv_realloc_array(t->of, t->cap, sizeof *t->of);
    }
    if (i == t->count) t->count++;
    t->of[i] = (pv_turn){.weight = weight, .idle = true};
    *party = i;
    return PV_OK;
}

void pv_turns_leave(pv_turns *t, uint32_t party)
{
    t->of[party] = (pv_turn){0};
}

bool pv_turns_has(const pv_turns *t, uint32_t party)
{
    return party < t->count && t->of[party].weight > 0;
}

void pv_turns_ask(pv_turns *t, uint32_t party)
{
    pv_turn *p = &t->of[party];
    if (p->asking) return;
    if (p->idle) {
        double least = least_served(t);
        if (p->start < t->now) p->start = t->now;
        if (p->served < least) p->served = least;
    } else if (p->start < t->now - 1 / p->weight) {
        p->start = t->now - 1 / p->weight;
    }
    p->asking = true;
    p->idle = false;
}

bool pv_turns_next(pv_turns *t, uint32_t *party, double *weights)
{
    double first = INFINITY, deadline = INFINITY;
    const pv_turn *best = NULL;
    *party = 0;
    *weights = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        if (!t->of[i].asking) continue;
        if (t->of[i].start < first) first = t->of[i].start;
        *weights += t->of[i].weight;
    }
    if (first < INFINITY && t->now < first) t->now = first;
    for (uint32_t i = 0; i < t->count; i++) {
        const pv_turn *p = &t->of[i];
        double due = p->start + 1 / p->weight;
        if (!p->asking || p->start > t->now + EPSILON || due > deadline + EPSILON) continue;
        if (best != NULL && due > deadline - EPSILON && p->served >= best->served) continue;
        deadline = due;
        best = p;
    }
    if (best != NULL) *party = (uint32_t)(best - t->of);
    return best != NULL;
}

void pv_turns_step(pv_turns *t, uint32_t party, double weights)
{
    pv_turn *p = &t->of[party];
    p->steps++;
    p->start += 1 / p->weight;
    p->served += 1 / p->weight;
    t->now += 1 / weights;
    if (t->now < REBASE) return;
    for (uint32_t i = 0; i < t->count; i++) t->of[i].start -= t->now;
    t->now = 0;
}

void pv_turns_deinit(pv_turns *t)
{
    pv_free(t->of);
    *t = (pv_turns){0};
}
