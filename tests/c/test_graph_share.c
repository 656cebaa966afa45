/* Fair shares of queues (core/graph/share.c): the same turns as core/graph/fair.c gives runs
 * without edges, shares against the ideal, and random worlds against what the definition allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alloc_count.h"
#include "graph/fair.h"
#include "graph/share.h"
#include "graph_random.h"

enum { PARTIES = 6 };

static double distance(double a, double b)
{
    return a > b ? a - b : b - a;
}

/* A scheduler of n nodes that need nothing. */
static pv_sched *sched_of(uint32_t n)
{
    pv_sched_options o = {0};
    pv_dag *g;
    pv_sched *s;
    assert_int_equal(pv_dag_new(&g, n, NULL), PV_OK);
    assert_int_equal(pv_sched_new(&s, g, &o, NULL), PV_OK);
    pv_dag_free(g);
    return s;
}

/* A queue gets the turns that a run of as many nodes would get.  (With limits not quite: a run that
 * has just reached its own still asks once more.) */
static void same_turns(void **state)
{
    enum { MOST = 40 };
    uint32_t cases = rnd_cases(3000);
    (void)state;
    rnd_start(7046029254386353131ULL);
    for (uint32_t c = 0; c < cases; c++) {
        uint32_t n = 1 + rnd(PARTIES), places = rnd(6), party, run, node;
        uint32_t started[PARTIES * MOST][2], held = 0;
        pv_sched *scheds[PARTIES];
        pv_share *s;
        pv_fair *f;
        pv_share_new(&s, places);
        pv_fair_new(&f, places, NULL, 0);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t weight = 1 + rnd(9), count = 1 + rnd(MOST);
            scheds[i] = sched_of(count);
            assert_int_equal(pv_fair_join(f, scheds[i], weight, &run, NULL), PV_OK);
            assert_int_equal(pv_share_join(s, weight, 0, &party, NULL), PV_OK);
            assert_int_equal(run, party);
            assert_int_equal(pv_share_ready(s, party, count, NULL), PV_OK);
        }
        for (;;) {
            bool may = pv_fair_next(f, &run, &node);
            assert_int_equal(pv_share_next(s, &party), may);
            if (may) {
                assert_int_equal(party, run);
                started[held][0] = run;
                started[held++][1] = node;
            }
            if (held == 0) break;
            if (may && rnd(2)) continue;
            uint32_t i = rnd(held);
            assert_int_equal(pv_fair_done(f, started[i][0], started[i][1], NULL), PV_OK);
            assert_int_equal(pv_share_done(s, started[i][0], NULL), PV_OK);
            held--;
            started[i][0] = started[held][0];
            started[i][1] = started[held][1];
        }
        for (uint32_t i = 0; i < n; i++) {
            assert_int_equal(pv_share_count(s, i).steps, pv_fair_steps(f, i));
            assert_int_equal(pv_share_count(s, i).waiting, 0);
        }
        pv_share_free(s);
        pv_fair_free(f);
        for (uint32_t i = 0; i < n; i++) pv_sched_free(scheds[i]);
    }
    printf("# %u cases\n", cases);
}

/* Things that come as others end: never further than a step from the ideal, and nothing saved up
 * while idle. */
static void shares(void **state)
{
    uint32_t a, b, party;
    uint64_t before;
    pv_share *s;
    (void)state;
    pv_share_new(&s, 2);
    pv_share_join(s, 3, 0, &a, NULL);
    pv_share_join(s, 1, 0, &b, NULL);
    before = allocations;
    pv_share_ready(s, b, 1000, NULL);
    for (int i = 0; i < 1000; i++) { /* a is idle */
        assert_true(pv_share_next(s, &party));
        assert_int_equal(party, b);
        pv_share_done(s, b, NULL);
    }
    pv_share_ready(s, a, 2, NULL);
    pv_share_ready(s, b, 2, NULL);
    for (int i = 1; i <= 4000; i++) {
        assert_true(pv_share_next(s, &party));
        pv_share_ready(s, party, 1, NULL);
        pv_share_done(s, party, NULL);
        assert_true(distance((double)pv_share_count(s, a).steps, i * 0.75) < 1.001);
    }
    assert_true(allocations == before);
    pv_share_free(s);
}

typedef struct model {
    bool in;
    uint32_t waiting, running, limit;
} model;

static bool anything(const model *m, uint32_t places)
{
    uint32_t running = 0;
    bool some = false;
    for (uint32_t i = 0; i < PARTIES; i++) {
        running += m[i].running;
        some |= m[i].in && m[i].waiting > 0 && (m[i].limit == 0 || m[i].running < m[i].limit);
    }
    return some && (places == 0 || running < places);
}

/* One change of a random party, in both. */
static void change(pv_share *s, model *m)
{
    uint32_t i = rnd(PARTIES), count = rnd(4), party;
    if (!m[i].in) { /* the lowest free number is given */
        for (i = 0; m[i].in; i++) continue;
        m[i] = (model){.in = true, .limit = rnd(3)};
        assert_int_equal(pv_share_join(s, 1 + rnd(9), m[i].limit, &party, NULL), PV_OK);
        assert_int_equal(party, i);
        return;
    }
    switch (rnd(6)) {
    case 0:
        assert_int_equal(pv_share_leave(s, i, NULL), m[i].running > 0 ? PV_EBUSY : PV_OK);
        m[i].in = m[i].running > 0;
        if (!m[i].in) m[i] = (model){0};
        return;
    case 1:
        assert_int_equal(pv_share_withdraw(s, i, count, NULL),
                         count > m[i].waiting ? PV_EINVAL : PV_OK);
        if (count <= m[i].waiting) m[i].waiting -= count;
        return;
    case 2:
    case 3:
        assert_int_equal(pv_share_ready(s, i, count, NULL), PV_OK);
        m[i].waiting += count;
        return;
    default:
        assert_int_equal(pv_share_done(s, i, NULL), m[i].running > 0 ? PV_OK : PV_EINVAL);
        if (m[i].running > 0) m[i].running--;
    }
}

/* Limits are never exceeded, nothing waits for nothing. */
static void random_worlds(void **state)
{
    uint32_t cases = rnd_cases(5000), party, steps = 0;
    (void)state;
    rnd_start(1442695040888963407ULL);
    for (uint32_t c = 0; c < cases; c++) {
        model m[PARTIES + 1] = {0};
        uint32_t places = rnd(5);
        pv_share *s;
        pv_share_new(&s, places);
        for (int i = 0; i < 100; i++) {
            bool may = anything(m, places);
            assert_int_equal(pv_share_next(s, &party), may);
            if (may) {
                assert_true(m[party].in && m[party].waiting > 0);
                assert_true(m[party].limit == 0 || m[party].running < m[party].limit);
                m[party].waiting--;
                m[party].running++;
                steps++;
            }
            change(s, m);
            for (uint32_t k = 0; k < PARTIES; k++) {
                assert_int_equal(pv_share_count(s, k).waiting, m[k].waiting);
                assert_int_equal(pv_share_count(s, k).running, m[k].running);
            }
        }
        pv_share_free(s);
    }
    printf("# %u cases, %u steps\n", cases, steps);
}

static void refusals(void **state)
{
    uint32_t party;
    pv_share *s;
    pv_err err;
    (void)state;
    pv_share_new(&s, 0);
    assert_false(pv_share_next(s, &party));
    assert_int_equal(pv_share_join(s, 0, 0, &party, &err), PV_EINVAL);
    assert_string_equal(err.msg, "weight 0 is none of 1 to 10000");
    assert_int_equal(pv_share_ready(s, 0, 1, &err), PV_EINVAL);
    assert_string_equal(err.msg, "no party 0");
    assert_int_equal(pv_share_withdraw(s, 0, 1, &err), PV_EINVAL);
    assert_int_equal(pv_share_done(s, 0, &err), PV_EINVAL);
    assert_int_equal(pv_share_leave(s, 0, &err), PV_EINVAL);
    assert_int_equal(pv_share_join(s, 1, 0, &party, &err), PV_OK);
    assert_int_equal(pv_share_done(s, party, &err), PV_EINVAL);
    assert_int_equal(pv_share_withdraw(s, party, 1, &err), PV_EINVAL);
    assert_string_equal(err.msg, "party 0 has 0 things waiting, not 1");
    assert_int_equal(pv_share_ready(s, party, UINT32_MAX, &err), PV_OK);
    assert_int_equal(pv_share_ready(s, party, 1, &err), PV_ELIMIT);
    assert_true(pv_share_next(s, &party));
    assert_int_equal(pv_share_leave(s, party, &err), PV_EBUSY);
    assert_int_equal(pv_share_done(s, party, &err), PV_OK);
    assert_int_equal(pv_share_leave(s, party, &err), PV_OK);
    assert_int_equal(pv_share_count(s, party).steps, 0);
    assert_false(pv_share_next(s, &party));
    pv_share_free(s);
    pv_share_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_turns),
        cmocka_unit_test(shares),
        cmocka_unit_test(random_worlds),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
