/* One measurement of one SSH client (peer.h) against a server on loopback:
 *   bench PORT HOST_KEY.pub KEY KEY.pub MEASURE
 *   connect N K   N sessions, K being opened at a time, each closed when it is ready
 *   exec N K      N times `true` in one session, K at a time
 *   memory N      N sessions open at the same time, idle
 *   upload MB     one command that reads so much
 *   login         whether the key gets in, and what was negotiated
 * Prints lines "WHAT VALUE UNIT".  "cpu" is the processor time of this program alone, for
 * each session, command or MiB. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "peer.h"

enum { OPEN_AT_ONCE = 10, WARM_UP = 20, SETTLE_MS = 300 };

typedef struct bench {
    uv_loop_t loop;
    target t;
    peer **sessions; /* by number; NULL: not open */
    int started, ready, total, keep;
    peer *only; /* the session of exec and upload */
    int input_fd;
    double *began, *took; /* of each command, in ms */
} bench;

typedef struct slot {
    bench *b;
    int number;
} slot;

static double now_ms(void)
{
    return (double)uv_hrtime() / 1e6;
}

static double cpu_ms(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static long peak_kib(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss;
}

static long rss_kib(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*s %ld", &pages) != 1) exit(1);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void *make(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL) exit(1);
    return memory;
}

static char *read_file(const char *path)
{
    char *text = make(1, 65536);
    FILE *file = fopen(path, "r");
    if (file == NULL || fread(text, 1, 65535, file) == 0) {
        fprintf(stderr, "bench ssh: cannot read %s\n", path);
        exit(1);
    }
    fclose(file);
    return text;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sessions. */

static void open_next(bench *b);

static void on_ready(void *arg, const char *why)
{
    slot *s = arg;
    bench *b = s->b;
    if (why != NULL) {
        fprintf(stderr, "bench ssh: %s: %s\n", peer_name, why);
        exit(1);
    }
    b->ready++;
    if (!b->keep) peer_close(b->sessions[s->number]);
    free(s);
    if (b->started < b->total) open_next(b);
}

static void open_next(bench *b)
{
    slot *s = make(1, sizeof *s);
    s->b = b;
    s->number = b->started++;
    b->sessions[s->number] = peer_open(&b->loop, &b->t, on_ready, s);
}

static void open_all(bench *b, int total, int at_once, int keep)
{
    free(b->sessions);
    b->sessions = make((size_t)total, sizeof(peer *));
    b->started = b->ready = 0;
    b->total = total;
    b->keep = keep;
    for (int i = 0; i < at_once && i < total; i++) open_next(b);
    while (b->ready < total) uv_run(&b->loop, UV_RUN_ONCE);
}

static void on_settled(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, NULL);
    uv_stop(timer->loop);
}

static void settle(bench *b)
{
    uv_timer_t timer;
    uv_timer_init(&b->loop, &timer);
    uv_timer_start(&timer, on_settled, SETTLE_MS, 0);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    uv_run(&b->loop, UV_RUN_NOWAIT); /* closes the timer */
}

static void bench_connect(bench *b, int total, int at_once)
{
    double start = now_ms(), cpu = cpu_ms();
    open_all(b, total, at_once, 0);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    printf("rate %.1f /s\n", total / (now_ms() - start) * 1e3);
    printf("cpu %.3f ms\n", (cpu_ms() - cpu) / total);
}

static void bench_memory(bench *b, int total)
{
    long before;
    open_all(b, 1, 1, 0); /* what the libraries load once is not a session's */
    settle(b);
    before = rss_kib();
    open_all(b, total, OPEN_AT_ONCE, 1);
    settle(b);
    printf("session %.1f KiB\n", (double)(rss_kib() - before) / total);
    printf("before %.1f MiB\n", (double)before / 1024);
    printf("peak %.1f MiB\n", (double)peak_kib() / 1024);
}

/* Commands. */

static void run_next(bench *b);

static void on_done(void *arg, int code)
{
    slot *s = arg;
    bench *b = s->b;
    if (code != 0) {
        fprintf(stderr, "bench ssh: %s: the command ended with %d\n", peer_name, code);
        exit(1);
    }
    b->took[s->number] = now_ms() - b->began[s->number];
    b->ready++;
    free(s);
    if (b->started < b->total) run_next(b);
}

static void run_next(bench *b)
{
    slot *s = make(1, sizeof *s);
    s->b = b;
    s->number = b->started++;
    b->began[s->number] = now_ms();
    peer_run(b->only, b->input_fd >= 0 ? "cat >/dev/null" : "true", b->input_fd, on_done, s);
}

static void run_all(bench *b, int total, int at_once)
{
    free(b->began);
    free(b->took);
    b->began = make((size_t)total, sizeof(double));
    b->took = make((size_t)total, sizeof(double));
    b->started = b->ready = 0;
    b->total = total;
    for (int i = 0; i < at_once && i < total; i++) run_next(b);
    while (b->ready < total) uv_run(&b->loop, UV_RUN_ONCE);
}

static void bench_exec(bench *b, int total, int at_once)
{
    double start, cpu, wall;
    open_all(b, 1, 1, 1);
    b->only = b->sessions[0];
    run_all(b, WARM_UP, at_once);
    start = now_ms();
    cpu = cpu_ms();
    run_all(b, total, at_once);
    wall = now_ms() - start;
    cpu = cpu_ms() - cpu;
    qsort(b->took, (size_t)total, sizeof(double), by_value);
    printf("median %.3f ms\n", b->took[total / 2]);
    printf("p99 %.3f ms\n", b->took[total * 99 / 100]);
    printf("rate %.0f /s\n", total / wall * 1e3);
    printf("cpu %.3f ms\n", cpu / total);
}

static void bench_upload(bench *b, int mb)
{
    double start, cpu;
    char *bytes = make(1, 1 << 20);
    open_all(b, 1, 1, 1);
    b->only = b->sessions[0];
    run_all(b, WARM_UP, 1);
    b->input_fd = memfd_create("upload", MFD_CLOEXEC);
    for (int i = 0; i < mb; i++) {
        if (write(b->input_fd, bytes, 1 << 20) != 1 << 20) exit(1);
    }
    free(bytes);
    lseek(b->input_fd, 0, SEEK_SET);
    start = now_ms();
    cpu = cpu_ms();
    run_all(b, 1, 1);
    printf("rate %.1f MiB/s\n", mb / (now_ms() - start) * 1e3);
    printf("cpu %.2f ms\n", (cpu_ms() - cpu) / mb);
    close(b->input_fd);
}

static void on_login(void *arg, const char *why)
{
    bench *b = arg;
    if (why != NULL) {
        fprintf(stderr, "bench ssh: %s\n", why);
        exit(1);
    }
    b->ready = 1;
}

static void bench_login(bench *b)
{
    const char *algorithms;
    b->only = peer_open(&b->loop, &b->t, on_login, b);
    while (!b->ready) uv_run(&b->loop, UV_RUN_ONCE);
    algorithms = peer_algorithms(b->only);
    printf("%s\n", algorithms != NULL ? algorithms : "-");
}

int main(int argc, char **argv)
{
    bench b = {.input_fd = -1};
    const char *what = argc > 5 ? argv[5] : "";
    int n = argc > 6 ? atoi(argv[6]) : 0, at_once = argc > 7 ? atoi(argv[7]) : 1;
    if (argc > 5) {
        char *public_key = read_file(argv[4]);
        b.t = (target){atoi(argv[1]), read_file(argv[2]), read_file(argv[3]), public_key,
                       strstr(public_key, "-cert-v01@openssh.com") != NULL};
    }
    uv_loop_init(&b.loop);
    if (strcmp(what, "connect") == 0 && n > 0) bench_connect(&b, n, at_once);
    else if (strcmp(what, "exec") == 0 && n > 0) bench_exec(&b, n, at_once);
    else if (strcmp(what, "memory") == 0 && n > 0) bench_memory(&b, n);
    else if (strcmp(what, "upload") == 0 && n > 0) bench_upload(&b, n);
    else if (strcmp(what, "login") == 0) bench_login(&b);
    else {
        fprintf(stderr, "usage: see bench.c\n");
        return 2;
    }
    return 0;
}
