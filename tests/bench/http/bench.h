/* What the peers share: the answer, and an end that says what it cost. */
#ifndef BENCH_HTTP_H
#define BENCH_HTTP_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#define BODY "{\"status\":\"ok\"}"

static void on_term(uv_signal_t *handle, int number)
{
    struct rusage u;
    (void)handle, (void)number;
    getrusage(RUSAGE_SELF, &u);
    fprintf(stderr, "%.3f %ld\n",
            (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6,
            u.ru_maxrss);
    exit(0);
}

/* Runs the loop until SIGTERM, then prints processor time and largest memory (KiB). */
static int bench_run(uv_loop_t *loop)
{
    static uv_signal_t term;
    uv_signal_init(loop, &term);
    uv_signal_start(&term, on_term, SIGTERM);
    return uv_run(loop, UV_RUN_DEFAULT);
}

#endif
