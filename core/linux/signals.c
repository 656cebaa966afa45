#include "linux/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

enum { MOST = 65 };

static void (*handlers[MOST])(int);
static _Atomic int64_t came; /* nanoseconds of the monotonic clock, 0 for never */

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void on_signal(int number)
{
    int64_t never = 0;
    atomic_compare_exchange_strong(&came, &never, now());
    handlers[number](number);
}

pv_status pv_signals_watch(int number, pv_err *err)
{
    struct sigaction action;
    if (number <= 0 || number >= MOST || sigaction(number, NULL, &action) != 0)
        return pv_fail(err, PV_EINVAL, "there is no signal %d", number);
    if (action.sa_handler == on_signal) return PV_OK;
    if ((action.sa_flags & SA_SIGINFO) != 0 || action.sa_handler == SIG_DFL ||
        action.sa_handler == SIG_IGN)
        return pv_fail(err, PV_EINVAL, "nothing handles signal %d", number);
    handlers[number] = action.sa_handler;
    action.sa_handler = on_signal;
    sigaction(number, &action, NULL);
    return PV_OK;
}

double pv_signals_age(void)
{
    int64_t at = atomic_load(&came);
    return at == 0 ? -1 : (double)(now() - at) / 1e9;
}

void pv_signals_seen(void)
{
    atomic_store(&came, 0);
}
