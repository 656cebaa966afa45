#include "graph/fair.h"

#include <string.h>

#include "base/mem.h"
#include "graph/turns.h"

typedef struct member {
    pv_sched *sched;
} member;

struct pv_fair {
    uint32_t free; /* places */
    uint32_t keys;
    uint32_t *key_limits;
    uint32_t *key_free;
    pv_turns turns;
    member *runs; /* by number, as many as turns have room for */
};

void pv_fair_new(pv_fair **out, uint32_t places, const uint32_t *key_limits, uint32_t keys)
{
    pv_fair *f = *out = pv_alloc(sizeof *f);
    f->free = places > 0 ? places : UINT32_MAX;
    if (keys == 0) return;
    f->keys = keys;
    f->key_limits = pv_alloc_array(keys, sizeof *f->key_limits);
    f->key_free = pv_alloc_array(keys, sizeof *f->key_free);
    memcpy(f->key_limits, key_limits, keys * sizeof *f->key_limits);
    memcpy(f->key_free, key_limits, keys * sizeof *f->key_free);
}

void pv_fair_free(pv_fair *f)
{
    if (f == NULL) return;
    pv_free(f->key_limits);
    pv_free(f->key_free);
    pv_turns_deinit(&f->turns);
    pv_free(f->runs);
    pv_free(f);
}

uint32_t *pv_fair_keys(pv_fair *f)
{
    return f->key_free;
}

const uint32_t *pv_fair_limits(const pv_fair *f, uint32_t *keys)
{
    *keys = f->keys;
    return f->key_limits;
}

static bool has_ready(const pv_fair *f, uint32_t run)
{
    return pv_sched_counts(f->runs[run].sched)[PV_NODE_READY] > 0;
}

/* Lets a run compete again, when it has ready nodes. */
static void ask(pv_fair *f, uint32_t run)
{
    if (has_ready(f, run)) pv_turns_ask(&f->turns, run);
}

pv_status pv_fair_join(pv_fair *f, pv_sched *sched, uint32_t weight, uint32_t *run, pv_err *err)
{
    uint32_t room = f->turns.cap;
    pv_status st = pv_turns_join(&f->turns, weight, run, err);
    if (st != PV_OK) return st;
    if (f->turns.cap > room) {
        f->runs = pv_realloc_array(f->runs, f->turns.cap, sizeof *f->runs);
    }
    f->runs[*run].sched = sched;
    ask(f, *run);
    return PV_OK;
}

/* The scheduler of the run with this number, NULL when there is none. */
static pv_sched *sched_of(const pv_fair *f, uint32_t run, pv_err *err)
{
    if (pv_turns_has(&f->turns, run)) return f->runs[run].sched;
    pv_fail(err, PV_EINVAL, "no run %u", run);
    return NULL;
}

pv_status pv_fair_leave(pv_fair *f, uint32_t run, pv_err *err)
{
    const pv_sched *s = sched_of(f, run, err);
    if (s == NULL) return PV_EINVAL;
    if (pv_sched_counts(s)[PV_NODE_RUNNING] > 0) {
        return pv_fail(err, PV_EBUSY, "run %u still has running nodes", run);
    }
    pv_turns_leave(&f->turns, run);
    return PV_OK;
}

bool pv_fair_next(pv_fair *f, uint32_t *run, uint32_t *node)
{
    double weights;
    *run = *node = 0;
    if (f->free == 0) return false;
    while (pv_turns_next(&f->turns, run, &weights)) {
        bool started = pv_sched_next(f->runs[*run].sched, node);
        pv_turn *turn = &f->turns.of[*run];
        turn->idle = !has_ready(f, *run);
        turn->asking = started && !turn->idle;
        if (!started) continue;
        f->free--;
        pv_turns_step(&f->turns, *run, weights);
        return true;
    }
    return false;
}

/* What an ended node of the run gives back may be what others wait for. */
static void give_back(pv_fair *f, uint32_t from, uint32_t node)
{
    uint32_t key, amount;
    f->free++;
    ask(f, from);
    for (uint32_t i = 0; f->key_free != NULL && i < f->turns.count; i++) {
        if (i == from || !pv_turns_has(&f->turns, i)) continue;
        for (uint32_t k = 0; pv_sched_demand(f->runs[from].sched, node, k, &key, &amount); k++) {
            pv_sched_wake(f->runs[i].sched, key, amount);
            ask(f, i);
        }
    }
}

pv_status pv_fair_done(pv_fair *f, uint32_t run, uint32_t node, pv_err *err)
{
    pv_sched *s = sched_of(f, run, err);
    pv_status st = s != NULL ? pv_sched_done(s, node, err) : PV_EINVAL;
    if (st == PV_OK) give_back(f, run, node);
    return st;
}

pv_status pv_fair_fail(pv_fair *f, uint32_t run, uint32_t node, const uint32_t **skipped,
                       uint32_t *count, pv_err *err)
{
    pv_sched *s = sched_of(f, run, err);
    pv_status st = PV_EINVAL;
    *skipped = NULL;
    *count = 0;
    if (s != NULL) st = pv_sched_fail(s, node, skipped, count, err);
    if (st == PV_OK) give_back(f, run, node);
    return st;
}

const pv_sched *pv_fair_sched(const pv_fair *f, uint32_t run)
{
    return pv_turns_has(&f->turns, run) ? f->runs[run].sched : NULL;
}

uint64_t pv_fair_steps(const pv_fair *f, uint32_t run)
{
    return pv_turns_has(&f->turns, run) ? f->turns.of[run].steps : 0;
}
