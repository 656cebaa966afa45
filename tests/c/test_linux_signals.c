/* Signals that nobody has seen yet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <time.h>

#include "linux/signals.h"

static volatile sig_atomic_t handled;

static void handler(int number)
{
    handled += number == SIGUSR1;
}

static void waits_until_seen(void **state)
{
    struct timespec while_ = {.tv_nsec = 20 * 1000 * 1000};
    pv_err err;
    double first;
    (void)state;
    signal(SIGUSR1, handler);
    assert_int_equal(pv_signals_watch(SIGUSR1, &err), PV_OK);
    assert_int_equal(pv_signals_watch(SIGUSR1, &err), PV_OK); /* twice is once */
    assert_true(pv_signals_age() < 0);
    raise(SIGUSR1);
    assert_int_equal(handled, 1);
    nanosleep(&while_, NULL);
    first = pv_signals_age();
    assert_true(first >= 0.02);
    raise(SIGUSR1); /* the first one counts */
    assert_true(pv_signals_age() >= first);
    pv_signals_seen();
    assert_true(pv_signals_age() < 0);
    raise(SIGUSR1);
    assert_true(pv_signals_age() >= 0 && pv_signals_age() < first);
    assert_int_equal(handled, 3);
}

static void wants_a_handler(void **state)
{
    pv_err err;
    (void)state;
    signal(SIGUSR2, SIG_DFL);
    assert_int_equal(pv_signals_watch(SIGUSR2, &err), PV_EINVAL);
    assert_int_equal(pv_signals_watch(-1, &err), PV_EINVAL);
    assert_int_equal(pv_signals_watch(1000, &err), PV_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_until_seen),
        cmocka_unit_test(wants_a_handler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
