#include "graph/fair.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

typedef struct member {
    pv_sched *sched; /* NULL: the number is not in use */
    double weight;
    double start;   /* virtual time from which its next step is due to it */
    double served;  /* steps / weight, to choose between equal deadlines */
    uint64_t steps; /* started */
    bool asking;    /* may have something to start */
    bool idle;      /* not asking, and has no ready nodes either */
} member;

struct pv_fair {
    uint32_t free; /* places */
    uint32_t *key_free;
    member *runs;
    uint32_t count, cap;
    double now; /* virtual time: steps a run of weight 1 should have had */
};

/* Virtual times are compared with this tolerance, and rebased before they grow beyond its reach. */
static const double EPSILON = 1e-6, REBASE = 1e5;

void pv_fair_new(pv_fair **out, uint32_t places, const uint32_t *key_limits, uint32_t keys)
{
    pv_fair *f = *out = pv_alloc(sizeof *f);
    f->free = places > 0 ? places : UINT32_MAX;
    if (keys == 0) return;
    f->key_free = pv_alloc_array(keys, sizeof *f->key_free);
    memcpy(f->key_free, key_limits, keys * sizeof *f->key_free);
}

void pv_fair_free(pv_fair *f)
{
    if (f == NULL) return;
    pv_free(f->key_free);
    pv_free(f->runs);
    pv_free(f);
}

uint32_t *pv_fair_keys(pv_fair *f)
{
    return f->key_free;
}

/* The least served of those that compete. */
static double least_served(const pv_fair *f)
{
    double least = INFINITY;
    for (uint32_t i = 0; i < f->count; i++) {
        const member *m = &f->runs[i];
        if (m->sched != NULL && !m->idle && m->served < least) least = m->served;
    }
    return least < INFINITY ? least : 0;
}

/* Lets a run compete again, when it has ready nodes.  Who was idle begins at the present; who was
 * held back keeps up to one step of what it has missed. */
static void ask(pv_fair *f, member *m)
{
    if (m->asking || pv_sched_counts(m->sched)[PV_NODE_READY] == 0) return;
    if (m->idle) {
        double least = least_served(f);
        if (m->start < f->now) m->start = f->now;
        if (m->served < least) m->served = least;
    } else if (m->start < f->now - 1 / m->weight) {
        m->start = f->now - 1 / m->weight;
    }
    m->asking = true;
    m->idle = false;
}

pv_status pv_fair_join(pv_fair *f, pv_sched *sched, uint32_t weight, uint32_t *run, pv_err *err)
{
    uint32_t i = 0;
    *run = 0;
    if (weight < 1 || weight > PV_FAIR_MAX_WEIGHT) {
        return pv_fail(err, PV_EINVAL, "weight %u is none of 1 to %d", weight, PV_FAIR_MAX_WEIGHT);
    }
    while (i < f->count && f->runs[i].sched != NULL) i++;
    if (i == f->cap) {
        f->cap = f->cap > 0 ? 2 * f->cap : 8;
        f->runs = pv_realloc_array(f->runs, f->cap, sizeof *f->runs);
    }
    if (i == f->count) f->count++;
    f->runs[i] = (member){.sched = sched, .weight = weight, .idle = true};
    ask(f, &f->runs[i]);
    *run = i;
    return PV_OK;
}

/* The run with this number, NULL when there is none. */
static member *member_of(const pv_fair *f, uint32_t run, pv_err *err)
{
    if (run < f->count && f->runs[run].sched != NULL) return &f->runs[run];
    pv_fail(err, PV_EINVAL, "no run %u", run);
    return NULL;
}

pv_status pv_fair_leave(pv_fair *f, uint32_t run, pv_err *err)
{
    member *m = member_of(f, run, err);
    if (m == NULL) return PV_EINVAL;
    if (pv_sched_counts(m->sched)[PV_NODE_RUNNING] > 0) {
        return pv_fail(err, PV_EBUSY, "run %u still has running nodes", run);
    }
    *m = (member){0};
    return PV_OK;
}

/* Of the runs that something is due to, the one with the earliest deadline; NULL when none asks.
 * *weights is the weight of all that ask. */
static member *turn(pv_fair *f, double *weights)
{
    double first = INFINITY, deadline = INFINITY;
    member *best = NULL;
    *weights = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        if (!f->runs[i].asking) continue;
        if (f->runs[i].start < first) first = f->runs[i].start;
        *weights += f->runs[i].weight;
    }
    if (first < INFINITY && f->now < first) f->now = first;
    for (uint32_t i = 0; i < f->count; i++) {
        member *m = &f->runs[i];
        double due = m->start + 1 / m->weight;
        if (!m->asking || m->start > f->now + EPSILON || due > deadline + EPSILON) continue;
        if (best != NULL && due > deadline - EPSILON && m->served >= best->served) continue;
        deadline = due;
        best = m;
    }
    return best;
}

/* Counts a step of the run; all who ask, of so much weight, get nearer to theirs. */
static void charge(pv_fair *f, member *m, double weights)
{
    f->free--;
    m->steps++;
    m->start += 1 / m->weight;
    m->served += 1 / m->weight;
    f->now += 1 / weights;
    if (f->now < REBASE) return;
    for (uint32_t i = 0; i < f->count; i++) f->runs[i].start -= f->now;
    f->now = 0;
}

bool pv_fair_next(pv_fair *f, uint32_t *run, uint32_t *node)
{
    double weights;
    member *m;
    *run = *node = 0;
    if (f->free == 0) return false;
    while ((m = turn(f, &weights)) != NULL) {
        bool started = pv_sched_next(m->sched, node);
        m->idle = pv_sched_counts(m->sched)[PV_NODE_READY] == 0;
        m->asking = started && !m->idle;
        if (!started) continue;
        charge(f, m, weights);
        *run = (uint32_t)(m - f->runs);
        return true;
    }
    return false;
}

/* What an ended node of the run gives back may be what others wait for. */
static void give_back(pv_fair *f, member *from, uint32_t node)
{
    uint32_t key, amount;
    f->free++;
    ask(f, from);
    for (uint32_t i = 0; f->key_free != NULL && i < f->count; i++) {
        member *m = &f->runs[i];
        if (m == from || m->sched == NULL) continue;
        for (uint32_t k = 0; pv_sched_demand(from->sched, node, k, &key, &amount); k++) {
            pv_sched_wake(m->sched, key, amount);
            ask(f, m);
        }
    }
}

pv_status pv_fair_done(pv_fair *f, uint32_t run, uint32_t node, pv_err *err)
{
    member *m = member_of(f, run, err);
    pv_status st = m != NULL ? pv_sched_done(m->sched, node, err) : PV_EINVAL;
    if (st == PV_OK) give_back(f, m, node);
    return st;
}

pv_status pv_fair_fail(pv_fair *f, uint32_t run, uint32_t node, const uint32_t **skipped,
                       uint32_t *count, pv_err *err)
{
    member *m = member_of(f, run, err);
    pv_status st = PV_EINVAL;
    *skipped = NULL;
    *count = 0;
    if (m != NULL) st = pv_sched_fail(m->sched, node, skipped, count, err);
    if (st == PV_OK) give_back(f, m, node);
    return st;
}

uint64_t pv_fair_steps(const pv_fair *f, uint32_t run)
{
    return run < f->count && f->runs[run].sched != NULL ? f->runs[run].steps : 0;
}
