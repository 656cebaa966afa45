/* Start-up of commands: wall time and peak memory of fork, exec and exit.
 *   startup_bench RUNS COMMAND...     each COMMAND one string, split at blanks
 * The commands take turns, so that a noisy moment hits all of them alike.  Prints for each the
 * best and the median time and the largest resident set, and both relative to the first one. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_COMMANDS = 16, MAX_WORDS = 32 };

typedef struct command {
    char *text;
    char *words[MAX_WORDS];
    double *ms;
    long max_kib;
} command;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void split(command *c, char *text)
{
    int count = 0;
    c->text = strdup(text);
    for (char *word = strtok(text, " "); word != NULL && count < MAX_WORDS - 1;
         word = strtok(NULL, " ")) {
        c->words[count++] = strcmp(word, "''") == 0 ? "" : word;
    }
}

static int run(command *c, int null, double *ms)
{
    struct rusage usage;
    int status;
    double start = now_ms();
    pid_t pid = vfork();
    if (pid == 0) {
        dup2(null, 0);
        dup2(null, 1);
        execvp(c->words[0], c->words);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) return 0;
    *ms = now_ms() - start;
    if (usage.ru_maxrss > c->max_kib) c->max_kib = usage.ru_maxrss;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv)
{
    static command commands[MAX_COMMANDS];
    int runs = argc > 2 ? atoi(argv[1]) : 0, count = argc - 2;
    int null = open("/dev/null", O_RDWR);
    if (runs < 1 || count < 1 || count > MAX_COMMANDS || null < 0) {
        fprintf(stderr, "usage: %s RUNS COMMAND...\n", argv[0]);
        return 2;
    }
    for (int i = 0; i < count; i++) {
        commands[i].ms = calloc((size_t)runs, sizeof(double));
        split(&commands[i], argv[i + 2]);
    }
    for (int r = 0; r < runs; r++) {
        for (int i = 0; i < count; i++) {
            if (!run(&commands[i], null, &commands[i].ms[r])) {
                fprintf(stderr, "%s: failed\n", commands[i].text);
                return 1;
            }
        }
    }
    printf("%-44s %9s %9s %7s %9s %7s\n", "command", "best ms", "median ms", "ratio", "peak KiB",
           "ratio");
    for (int i = 0; i < count; i++) {
        command *c = &commands[i];
        qsort(c->ms, (size_t)runs, sizeof *c->ms, by_value);
        printf("%-44s %9.2f %9.2f %7.2f %9ld %7.2f\n", c->text, c->ms[0], c->ms[runs / 2],
               c->ms[runs / 2] / commands[0].ms[runs / 2], c->max_kib,
               (double)c->max_kib / (double)commands[0].max_kib);
    }
    return 0;
}
