#include "graph/share.h"

#include "base/mem.h"
#include "graph/turns.h"

typedef struct queue {
    uint32_t waiting, running, limit;
} queue;

struct pv_share {
    uint32_t free; /* places */
    pv_turns turns;
    queue *queues; /* by party, as many as turns have room for */
};

void pv_share_new(pv_share **out, uint32_t places)
{
    pv_share *s = *out = pv_alloc(sizeof *s);
    s->free = places > 0 ? places : UINT32_MAX;
}

void pv_share_free(pv_share *s)
{
    if (s == NULL) return;
    pv_turns_deinit(&s->turns);
    pv_free(s->queues);
    pv_free(s);
}

pv_status pv_share_join(pv_share *s, uint32_t weight, uint32_t limit, uint32_t *party, pv_err *err)
{
    uint32_t room = s->turns.cap;
    pv_status st = pv_turns_join(&s->turns, weight, party, err);
    if (st != PV_OK) return st;
    if (s->turns.cap > room) {
        s->queues = pv_realloc_array(s->queues, s->turns.cap, sizeof *s->queues);
    }
    s->queues[*party] = (queue){.limit = limit > 0 ? limit : UINT32_MAX};
    return PV_OK;
}

/* The queue of the party with this number, NULL when there is none. */
static queue *queue_of(const pv_share *s, uint32_t party, pv_err *err)
{
    if (pv_turns_has(&s->turns, party)) return &s->queues[party];
    pv_fail(err, PV_EINVAL, "no party %u", party);
    return NULL;
}

/* Lets the party compete as far as it has something that it may start. */
static void settle(pv_share *s, uint32_t party)
{
    const queue *q = &s->queues[party];
    pv_turn *turn = &s->turns.of[party];
    if (q->waiting > 0 && q->running < q->limit) {
        pv_turns_ask(&s->turns, party);
        return;
    }
    turn->asking = false;
    turn->idle = q->waiting == 0;
}

pv_status pv_share_leave(pv_share *s, uint32_t party, pv_err *err)
{
    const queue *q = queue_of(s, party, err);
    if (q == NULL) return PV_EINVAL;
    if (q->running > 0) return pv_fail(err, PV_EBUSY, "party %u still runs something", party);
    pv_turns_leave(&s->turns, party);
    return PV_OK;
}

pv_status pv_share_ready(pv_share *s, uint32_t party, uint32_t count, pv_err *err)
{
    queue *q = queue_of(s, party, err);
    if (q == NULL) return PV_EINVAL;
    if (count > UINT32_MAX - q->waiting) {
        return pv_fail(err, PV_ELIMIT, "too many things wait for party %u", party);
    }
    q->waiting += count;
    settle(s, party);
    return PV_OK;
}

pv_status pv_share_withdraw(pv_share *s, uint32_t party, uint32_t count, pv_err *err)
{
    queue *q = queue_of(s, party, err);
    if (q == NULL) return PV_EINVAL;
    if (count > q->waiting) {
        return pv_fail(err, PV_EINVAL, "party %u has %u things waiting, not %u", party, q->waiting,
                       count);
    }
    q->waiting -= count;
    settle(s, party);
    return PV_OK;
}

bool pv_share_next(pv_share *s, uint32_t *party)
{
    double weights;
    *party = 0;
    if (s->free == 0 || !pv_turns_next(&s->turns, party, &weights)) return false;
    s->free--;
    s->queues[*party].waiting--;
    s->queues[*party].running++;
    pv_turns_step(&s->turns, *party, weights);
    settle(s, *party);
    return true;
}

pv_status pv_share_done(pv_share *s, uint32_t party, pv_err *err)
{
    queue *q = queue_of(s, party, err);
    if (q == NULL) return PV_EINVAL;
    if (q->running == 0) return pv_fail(err, PV_EINVAL, "nothing of party %u runs", party);
    s->free++;
    q->running--;
    settle(s, party);
    return PV_OK;
}

pv_share_counts pv_share_count(const pv_share *s, uint32_t party)
{
    const queue *q = queue_of(s, party, NULL);
    if (q == NULL) return (pv_share_counts){0};
    return (pv_share_counts){q->waiting, q->running, s->turns.of[party].steps};
}
