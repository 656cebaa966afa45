/* Fair shares of core/graph/fair.c: shares against the ideal, idle and held back runs, and random
 * runs with common keys against what the definition allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_count.h"
#include "graph/fair.h"
#include "graph_random.h"

enum { RUNS = 6, MAX = 12, KEYS = 3 };

/* A run of n nodes; with `first` they all wait for one more, number 0.  Each takes `key`, when it
 * is one. */
static pv_sched *run_of(pv_fair *f, uint32_t n, bool first, uint32_t key, uint32_t key_limit)
{
    uint32_t total = n + first, limits[KEYS];
    pv_sched_key *pairs = calloc(total, sizeof *pairs);
    pv_sched_options o = {.key_limits = limits, .keys = KEYS, .node_keys = pairs};
    pv_dag *g;
    pv_sched *s;
    for (uint32_t k = 0; k < KEYS; k++) limits[k] = key_limit;
    o.key_free = pv_fair_keys(f);
    if (o.key_free == NULL) o.keys = 0;
    assert_int_equal(pv_dag_new(&g, total, NULL), PV_OK);
    for (uint32_t u = 1; first && u < total; u++) pv_dag_edge(g, 0, u, NULL);
    for (uint32_t u = 0; u < total; u++) pairs[u] = (pv_sched_key){u, key, 1};
    if (key < KEYS) o.node_key_count = total;
    assert_int_equal(pv_sched_new(&s, g, &o, NULL), PV_OK);
    pv_dag_free(g);
    free(pairs);
    return s;
}

static double distance(double a, double b)
{
    return a > b ? a - b : b - a;
}

/* Runs that always have something: in every prefix less than one step from the ideal. */
static void shares(void **state)
{
    enum { STEPS = 400 };
    double most = 0, most_window = 0;
    uint32_t cases = rnd_cases(2000);
    (void)state;
    rnd_start(2463534242ULL);
    for (uint32_t c = 0; c < cases; c++) {
        uint32_t n = 1 + rnd(RUNS), weights[RUNS], sum = 0, run, node;
        uint32_t places = 1 + rnd(8), held = 0, queue[8][2];
        double lag[RUNS] = {0}, low[RUNS] = {0}, high[RUNS] = {0};
        pv_sched *s[RUNS];
        uint64_t before;
        pv_fair *f;
        pv_fair_new(&f, places, NULL, 0);
        for (uint32_t i = 0; i < n; i++) {
            s[i] = run_of(f, STEPS, false, KEYS, 1);
            sum += weights[i] = 1 + rnd(rnd(2) ? 5 : 1000);
            assert_int_equal(pv_fair_join(f, s[i], weights[i], &run, NULL), PV_OK);
            assert_int_equal(run, i);
        }
        before = allocations;
        for (uint32_t step = 1; step < STEPS; step++) {
            if (held == places) { /* any of the running ones ends */
                uint32_t i = rnd(held);
                assert_int_equal(pv_fair_done(f, queue[i][0], queue[i][1], NULL), PV_OK);
                memmove(queue[i], queue[held - 1], sizeof queue[i]);
                held--;
            }
            assert_true(pv_fair_next(f, &run, &node));
            queue[held][0] = run;
            queue[held++][1] = node;
            for (uint32_t i = 0; i < n; i++) {
                lag[i] = (double)pv_fair_steps(f, i) - (double)step * weights[i] / sum;
                if (lag[i] < low[i]) low[i] = lag[i];
                if (lag[i] > high[i]) high[i] = lag[i];
                if (distance(lag[i], 0) > most) most = distance(lag[i], 0);
                if (high[i] - low[i] > most_window) most_window = high[i] - low[i];
            }
        }
        assert_true(allocations == before);
        pv_fair_free(f);
        for (uint32_t i = 0; i < n; i++) pv_sched_free(s[i]);
    }
    printf("# %u cases, at most %.3f steps from the ideal, %.3f in any window\n", cases, most,
           most_window);
    assert_true(most < 1.001);
    assert_true(most_window < 2);
}

/* A run that could start nothing for a long time (its nodes wait for its first one, or for the key
 * that this one holds) gets its share from then on, and no more; the others got it meanwhile. */
static void late(bool held)
{
    uint32_t limits[KEYS] = {1, 1, 1}, run, node, a, b, keys;
    uint64_t begin;
    pv_fair *f;
    pv_sched *x, *y;
    pv_fair_new(&f, 2, limits, KEYS);
    assert_memory_equal(pv_fair_limits(f, &keys), limits, sizeof limits);
    assert_int_equal(keys, KEYS);
    x = run_of(f, 10000, false, KEYS, 1);
    y = run_of(f, 10000, !held, held ? 0 : KEYS, 1);
    assert_int_equal(pv_fair_join(f, x, 1, &a, NULL), PV_OK);
    assert_int_equal(pv_fair_join(f, y, 3, &b, NULL), PV_OK);
    assert_true(pv_fair_next(f, &run, &node));
    assert_int_equal(run, b);
    for (int i = 0; i < 1000; i++) {
        uint32_t first;
        assert_true(pv_fair_next(f, &run, &first));
        assert_int_equal(run, a);
        assert_false(pv_fair_next(f, &run, &node));
        assert_int_equal(pv_fair_done(f, a, first, NULL), PV_OK);
    }
    assert_int_equal(pv_fair_done(f, b, 0, NULL), PV_OK);
    begin = pv_fair_steps(f, b);
    for (uint32_t step = 1; step <= 1000; step++) {
        assert_true(pv_fair_next(f, &run, &node));
        assert_int_equal(pv_fair_done(f, run, node, NULL), PV_OK);
        assert_true(distance((double)(pv_fair_steps(f, b) - begin), step * 0.75) <= 2);
    }
    pv_fair_free(f);
    pv_sched_free(x);
    pv_sched_free(y);
}

static void idle(void **state)
{
    (void)state;
    late(false);
    late(true);
}

/* Two runs that one key holds back, of weights 3 and 1, while a third starts `beside` nodes for
 * each of theirs: the share of the first. */
static double share_of_key(uint32_t beside)
{
    enum { TURNS = 2000 };
    uint32_t limits[KEYS] = {1, 1, 1}, run, node, on_key, key_node = 0, others;
    const uint32_t weights[] = {3, 1, 2};
    double share;
    pv_fair *f;
    pv_sched *s[3];
    pv_fair_new(&f, 4, limits, KEYS);
    for (uint32_t i = 0; i < 3; i++) {
        s[i] = run_of(f, i < 2 ? TURNS : TURNS * (beside + 1), false, i < 2 ? 0 : KEYS, 1);
        assert_int_equal(pv_fair_join(f, s[i], weights[i], &run, NULL), PV_OK);
    }
    for (int turn = 0; turn < TURNS; turn++) {
        on_key = UINT32_MAX;
        for (others = 0; others < beside || on_key == UINT32_MAX;) {
            assert_true(pv_fair_next(f, &run, &node));
            if (run == 2) {
                assert_int_equal(pv_fair_done(f, run, node, NULL), PV_OK);
                others++;
            } else {
                assert_int_equal(on_key, UINT32_MAX);
                on_key = run;
                key_node = node;
            }
        }
        assert_int_equal(pv_fair_done(f, on_key, key_node, NULL), PV_OK);
    }
    share = (double)pv_fair_steps(f, 0) / (double)(pv_fair_steps(f, 0) + pv_fair_steps(f, 1));
    printf("# one key for weights 3 and 1, %u steps beside: %.3f of it for the first\n", beside,
           share);
    pv_fair_free(f);
    for (uint32_t i = 0; i < 3; i++) pv_sched_free(s[i]);
    return share;
}

/* Nobody starves at a key, however fast others overtake, and shares stay near the weights. */
static void held_back(void **state)
{
    static const uint32_t beside[] = {0, 1, 2, 3, 5, 10, 30, 100};
    (void)state;
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        assert_true(distance(share_of_key(beside[i]), 0.75) < 0.1);
    }
}

typedef struct world {
    uint32_t runs, places, limits[KEYS], sched_limit[RUNS], n[RUNS];
    uint8_t amount[RUNS][MAX][KEYS];
    pv_sched *s[RUNS];
    uint32_t number[RUNS]; /* of the run in f */
    pv_fair *f;
} world;

static void random_run(world *w, uint32_t r)
{
    pv_sched_key pairs[MAX * KEYS];
    pv_sched_options o = {.limit = w->sched_limit[r] = rnd(5),
                          .key_limits = w->limits,
                          .keys = KEYS,
                          .node_keys = pairs,
                          .key_free = pv_fair_keys(w->f)};
    pv_dag *g;
    w->n[r] = 1 + rnd(MAX);
    assert_int_equal(pv_dag_new(&g, w->n[r], NULL), PV_OK);
    for (uint32_t u = 0; u < w->n[r]; u++) {
        for (uint32_t v = u + 1; v < w->n[r]; v++)
            if (rnd(w->n[r]) == 0) pv_dag_edge(g, u, v, NULL);
        for (uint32_t k = 0; k < KEYS; k++) {
            if (rnd(3) > 0) continue;
            w->amount[r][u][k] = (uint8_t)(1 + rnd(w->limits[k]));
            pairs[o.node_key_count++] = (pv_sched_key){u, k, w->amount[r][u][k]};
        }
    }
    assert_int_equal(pv_sched_new(&w->s[r], g, &o, NULL), PV_OK);
    assert_int_equal(pv_fair_join(w->f, w->s[r], 1 + rnd(9), &w->number[r], NULL), PV_OK);
    pv_dag_free(g);
}

/* What all runs hold of the key, of places with KEYS. */
static uint32_t held(const world *w, uint32_t key)
{
    uint32_t sum = 0;
    for (uint32_t r = 0; r < w->runs; r++)
        for (uint32_t u = 0; u < w->n[r]; u++)
            if (pv_sched_state(w->s[r], u) == PV_NODE_RUNNING)
                sum += key == KEYS ? 1 : w->amount[r][u][key];
    return sum;
}

/* Whether any node may start, from the definition. */
static bool anything(const world *w)
{
    uint32_t used[KEYS];
    if (w->places > 0 && held(w, KEYS) >= w->places) return false;
    for (uint32_t k = 0; k < KEYS; k++) used[k] = held(w, k);
    for (uint32_t r = 0; r < w->runs; r++) {
        uint32_t running = pv_sched_counts(w->s[r])[PV_NODE_RUNNING];
        if (w->sched_limit[r] > 0 && running >= w->sched_limit[r]) continue;
        for (uint32_t u = 0; u < w->n[r]; u++) {
            bool fits = pv_sched_state(w->s[r], u) == PV_NODE_READY;
            for (uint32_t k = 0; k < KEYS; k++) {
                fits = fits && used[k] + w->amount[r][u][k] <= w->limits[k];
            }
            if (fits) return true;
        }
    }
    return false;
}

/* Ends one running node of a random run; false when none runs. */
static bool end_any(world *w)
{
    uint32_t r = rnd(w->runs), u, count;
    const uint32_t *skipped;
    for (uint32_t tries = 0; pv_sched_counts(w->s[r])[PV_NODE_RUNNING] == 0; tries++) {
        if (tries == w->runs) return false;
        r = (r + 1) % w->runs;
    }
    assert_int_equal(pv_fair_leave(w->f, w->number[r], NULL), PV_EBUSY);
    for (u = rnd(w->n[r]); pv_sched_state(w->s[r], u) != PV_NODE_RUNNING; u = (u + 1) % w->n[r])
        continue;
    if (rnd(8) > 0) assert_int_equal(pv_fair_done(w->f, w->number[r], u, NULL), PV_OK);
    else assert_int_equal(pv_fair_fail(w->f, w->number[r], u, &skipped, &count, NULL), PV_OK);
    return true;
}

/* Places and keys are never exceeded, none is left free for nothing, and every node ends. */
static void random_worlds(void **state)
{
    uint32_t cases = rnd_cases(20000), steps = 0;
    (void)state;
    rnd_start(88172645463325252ULL);
    printf("# seed %llu\n", (unsigned long long)seed);
    for (uint32_t c = 0; c < cases; c++) {
        uint32_t all = 1 + rnd(RUNS), run, node;
        world w = {.places = rnd(6)};
        for (uint32_t k = 0; k < KEYS; k++) w.limits[k] = 1 + rnd(4);
        pv_fair_new(&w.f, w.places, w.limits, KEYS);
        do {
            if (w.runs < all && (w.runs == 0 || rnd(5) == 0)) {
                uint32_t r = w.runs++;
                random_run(&w, r);
            }
            for (uint32_t ask = rnd(3) == 0 ? 1 : 100; ask > 0; ask--) {
                bool may = anything(&w);
                assert_int_equal(pv_fair_next(w.f, &run, &node), may);
                if (!may) break;
                assert_true(w.places == 0 || held(&w, KEYS) <= w.places);
                for (uint32_t k = 0; k < KEYS; k++) {
                    assert_true(held(&w, k) <= w.limits[k]);
                    assert_int_equal(pv_fair_keys(w.f)[k], w.limits[k] - held(&w, k));
                }
                steps++;
            }
        } while (end_any(&w) || w.runs < all);
        for (uint32_t r = 0; r < w.runs; r++) {
            for (uint32_t u = 0; u < w.n[r]; u++)
                assert_true(pv_sched_state(w.s[r], u) >= PV_NODE_DONE);
            assert_int_equal(pv_fair_leave(w.f, w.number[r], NULL), PV_OK);
        }
        pv_fair_free(w.f);
        for (uint32_t r = 0; r < w.runs; r++) pv_sched_free(w.s[r]);
    }
    printf("# %u cases, %u steps\n", cases, steps);
}

/* Millions of steps: virtual time is rebased on the way. */
static void long_run(void **state)
{
    enum { N = 1000, ROUNDS = 1500 };
    uint32_t run[2], who, node;
    uint64_t heavy = 0, light = 0, before;
    pv_fair *f;
    (void)state;
    pv_fair_new(&f, 1, NULL, 0);
    for (int round = 0; round < ROUNDS; round++) {
        pv_sched *a = run_of(f, N, false, KEYS, 1), *b = run_of(f, N, false, KEYS, 1);
        assert_int_equal(pv_fair_join(f, a, 2, &run[0], NULL), PV_OK);
        assert_int_equal(pv_fair_join(f, b, 1, &run[1], NULL), PV_OK);
        before = allocations;
        for (int i = 0; i < N; i++) {
            assert_true(pv_fair_next(f, &who, &node));
            pv_fair_done(f, who, node, NULL);
        }
        assert_true(allocations == before);
        heavy += pv_fair_steps(f, run[0]);
        light += pv_fair_steps(f, run[1]);
        pv_fair_leave(f, run[0], NULL);
        pv_fair_leave(f, run[1], NULL);
        pv_sched_free(a);
        pv_sched_free(b);
    }
    assert_true(distance((double)heavy, 2.0 * (double)light) <= 3.0 * ROUNDS);
    pv_fair_free(f);
}

static void refusals(void **state)
{
    const uint32_t *skipped;
    uint32_t run, node, count;
    pv_fair *f;
    pv_sched *s;
    pv_err err;
    (void)state;
    pv_fair_new(&f, 0, NULL, 0);
    assert_null(pv_fair_keys(f));
    assert_false(pv_fair_next(f, &run, &node));
    s = run_of(f, 2, false, KEYS, 1);
    assert_int_equal(pv_fair_join(f, s, 0, &run, &err), PV_EINVAL);
    assert_string_equal(err.msg, "weight 0 is none of 1 to 10000");
    assert_int_equal(pv_fair_join(f, s, PV_FAIR_MAX_WEIGHT + 1, &run, &err), PV_EINVAL);
    assert_int_equal(pv_fair_leave(f, 0, &err), PV_EINVAL);
    assert_int_equal(pv_fair_join(f, s, 1, &run, &err), PV_OK);
    assert_int_equal(pv_fair_done(f, 1, 0, &err), PV_EINVAL);
    assert_int_equal(pv_fair_done(f, 0, 0, &err), PV_EINVAL); /* not running */
    assert_int_equal(pv_fair_fail(f, 0, 0, &skipped, &count, &err), PV_EINVAL);
    assert_int_equal(pv_fair_fail(f, 9, 0, &skipped, &count, &err), PV_EINVAL);
    assert_true(pv_fair_next(f, &run, &node));
    assert_int_equal(pv_fair_leave(f, run, &err), PV_EBUSY);
    assert_int_equal(pv_fair_done(f, run, node, &err), PV_OK);
    assert_int_equal(pv_fair_steps(f, run), 1);
    assert_ptr_equal(pv_fair_sched(f, run), s);
    assert_null(pv_fair_sched(f, 9));
    assert_int_equal(pv_fair_leave(f, run, &err), PV_OK);
    assert_int_equal(pv_fair_steps(f, run), 0);
    assert_false(pv_fair_next(f, &run, &node));
    pv_fair_free(f);
    pv_fair_free(NULL);
    pv_sched_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares),        cmocka_unit_test(idle),     cmocka_unit_test(held_back),
        cmocka_unit_test(random_worlds), cmocka_unit_test(long_run), cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
