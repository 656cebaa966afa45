/* measure [-n RUNS] [-q] -- COMMAND...: runs the command and prints one JSON line with the minimum
 * and median wall time (ms), the median CPU time (ms) and the peak memory (KiB).  -q sends its
 * output to /dev/null.  Used by the benchmarks. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct sample {
    double wall;
    double cpu;
    long rss;
    int status;
} sample;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double ms_of(struct timeval t)
{
    return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static int by_wall(const void *a, const void *b)
{
    double x = ((const sample *)a)->wall, y = ((const sample *)b)->wall;
    return (x > y) - (x < y);
}

static int by_cpu(const void *a, const void *b)
{
    double x = ((const sample *)a)->cpu, y = ((const sample *)b)->cpu;
    return (x > y) - (x < y);
}

static sample run(char **argv, int quiet)
{
    sample s = {0};
    struct rusage usage;
    double began = now_ms();
    pid_t pid = fork();
    if (pid == 0) {
        if (quiet) {
            int null = open("/dev/null", O_WRONLY);
            dup2(null, 1);
            dup2(null, 2);
        }
        execvp(argv[0], argv);
        perror(argv[0]);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &s.status, 0, &usage) != pid) {
        perror("measure");
        exit(1);
    }
    s.wall = now_ms() - began;
    s.cpu = ms_of(usage.ru_utime) + ms_of(usage.ru_stime);
    s.rss = usage.ru_maxrss;
    return s;
}

int main(int argc, char **argv)
{
    int runs = 1, quiet = 0, at = 1, failed = 0;
    sample *samples;
    double cpu;
    long rss = 0;
    for (; at < argc && strcmp(argv[at], "--") != 0; at++) {
        if (strcmp(argv[at], "-q") == 0) quiet = 1;
        else if (strcmp(argv[at], "-n") == 0 && at + 1 < argc) runs = atoi(argv[++at]);
    }
    if (at + 1 >= argc || runs < 1) {
        fprintf(stderr, "usage: measure [-n RUNS] [-q] -- COMMAND...\n");
        return 2;
    }
    samples = calloc((size_t)runs, sizeof *samples);
    if (samples == NULL) return 1;
    for (int i = 0; i < runs; i++) {
        samples[i] = run(argv + at + 1, quiet);
        if (samples[i].rss > rss) rss = samples[i].rss;
        if (samples[i].status != 0) failed++;
    }
    qsort(samples, (size_t)runs, sizeof *samples, by_cpu);
    cpu = samples[runs / 2].cpu;
    qsort(samples, (size_t)runs, sizeof *samples, by_wall);
    printf("{\"runs\": %d, \"failed\": %d, \"wall_min\": %.3f, \"wall_median\": %.3f, "
           "\"cpu_median\": %.3f, "
           "\"rss_kib\": %ld}\n",
           runs, failed, samples[0].wall, samples[runs / 2].wall, cpu, rss);
    free(samples);
    return failed != 0;
}
