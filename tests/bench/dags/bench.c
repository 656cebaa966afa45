/* Schedules of real DAGs in virtual time:
 *   dags_bench FOLDER [ROUNDS [all]]
 * Every DAG of the folder with 4, 10, 16 and 64 workers (PSPLIB: with its resources), by the
 * longest remaining path ("plain") and with rehearsed priorities.  Prints a table per family and
 * what misses a goal: HEFT on every one, 1.02 of the reference on every one. */
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dags.h"

enum { MAX_ROWS = 1024, WRONG_RUNS = 5, WRONGS = 3 };

/* By how much durations may be off. */
static const double wrongs[WRONGS] = {0.1, 0.25, 0.5};

typedef struct row {
    char name[NAME], family[NAME];
    uint32_t workers;
    double plain, rehearsed, heft; /* makespans */
    double bound, window;          /* lower bounds; window >= bound */
    double reference;              /* makespan, 0: none */
    double best_known;             /* 0: none */
    double plain_us, rehearse_us;  /* a task */
    double wrong[WRONGS];          /* rehearsed to plain when durations are wrong */
} row;

static row rows[MAX_ROWS];
static uint32_t row_count;
static uint64_t seed = 2463534242ULL;

/* From 0 to 1. */
static double chance(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (double)(seed >> 11) / 9007199254740992.0;
}

/* Mean ratio of both orders when every duration is off by up to `wrong` of it. */
static double with_wrong_durations(const dag *d, pv_sched_options o, const double *priority,
                                   double wrong)
{
    double *real = pv_alloc_array(d->nodes, sizeof *real), sum = 0;
    for (int run = 0; run < WRONG_RUNS; run++) {
        double plain;
        for (uint32_t u = 0; u < d->nodes; u++)
            real[u] = d->weights[u] * (1 + wrong * (2 * chance() - 1));
        o.priority = NULL;
        plain = simulate(d, &o, real, NULL);
        o.priority = priority;
        sum += plain > 0 ? log(simulate(d, &o, real, NULL) / plain) : 0;
    }
    pv_free(real);
    return exp(sum / WRONG_RUNS);
}

static void measure(const dag *d, uint32_t workers, double reference, uint32_t rounds)
{
    pv_sched_options o = options_of(d, workers);
    double *priority = pv_alloc_array(d->nodes, sizeof *priority), ns, promised;
    row *r = &rows[row_count++];
    if (row_count >= MAX_ROWS) abort();
    memcpy(r->name, d->name, sizeof r->name);
    memcpy(r->family, d->family, sizeof r->family);
    r->workers = workers;
    r->plain_us = r->rehearse_us = INFINITY;
    for (int repeat = 0; repeat < 3; repeat++) {
        r->plain = simulate(d, &o, d->weights, &ns);
        if (ns / 1e3 / d->nodes < r->plain_us) r->plain_us = ns / 1e3 / d->nodes;
        ns = now_ns();
        if (pv_rehearse(d->g, &o, rounds, priority, &promised, NULL) != PV_OK) abort();
        ns = (now_ns() - ns) / 1e3 / d->nodes;
        if (ns < r->rehearse_us) r->rehearse_us = ns;
    }
    for (int i = 0; i < WRONGS; i++) r->wrong[i] = with_wrong_durations(d, o, priority, wrongs[i]);
    o.priority = priority;
    r->rehearsed = simulate(d, &o, d->weights, NULL);
    if (r->rehearsed != promised) abort();
    r->heft = workers > 0 ? heft(d, workers) : heft_resources(d);
    r->bound = plain_bound(d, workers);
    r->window = workers > 0 ? window_bound(d, workers) : r->bound;
    r->reference = reference * r->bound;
    r->best_known = d->best_known;
    pv_free(priority);
}

static void read_set(const char *folder, const char *pattern, const char *best, uint32_t rounds)
{
    char path[1024];
    glob_t found = {0};
    snprintf(path, sizeof path, "%s/%s", folder, pattern);
    if (glob(path, 0, NULL, &found) != 0) printf("SKIP: no %s\n", path);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        dag d;
        if (best != NULL ? !read_psplib(&d, found.gl_pathv[i]) : !read_tsv(&d, found.gl_pathv[i])) {
            exit(1);
        }
        snprintf(path, sizeof path, "%s/%s", folder, best != NULL ? best : "REFERENCE.csv");
        if (best != NULL) {
            read_best_known(&d, path);
            measure(&d, 0, 0, rounds);
        } else {
            read_reference(&d, path);
            for (int w = 0; w < WORKER_COUNTS; w++) {
                measure(&d, worker_counts[w], d.reference[w], rounds);
            }
        }
        dag_free(&d);
    }
    globfree(&found);
}

/* "a is worse than b" leaves room for sums of floating point. */
static bool worse(double a, double b)
{
    return a > b * (1 + 1e-9);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef double figure(const row *r);

static double plain_to_bound(const row *r)
{
    return r->plain / r->bound;
}
static double to_bound(const row *r)
{
    return r->rehearsed / r->bound;
}
static double to_window(const row *r)
{
    return r->rehearsed / r->window;
}
static double plain_to_heft(const row *r)
{
    return r->plain / r->heft;
}
static double to_heft(const row *r)
{
    return r->rehearsed / r->heft;
}
static double plain_to_reference(const row *r)
{
    return r->reference > 0 ? r->plain / r->reference : 0;
}
static double to_reference(const row *r)
{
    return r->reference > 0 ? r->rehearsed / r->reference : 0;
}
static double reference_to_bound(const row *r)
{
    return r->reference / r->bound;
}
static double plain_to_best(const row *r)
{
    return r->best_known > 0 ? r->plain / r->best_known : 0;
}
static double to_best(const row *r)
{
    return r->best_known > 0 ? r->rehearsed / r->best_known : 0;
}
static double heft_to_best(const row *r)
{
    return r->best_known > 0 ? r->heft / r->best_known : 0;
}
static double heft_to_bound(const row *r)
{
    return r->heft / r->bound;
}
static double plain_us(const row *r)
{
    return r->plain_us;
}
static double rehearse_us(const row *r)
{
    return r->rehearse_us;
}

static bool belongs(const row *r, const char *family)
{
    size_t len = strlen(family);
    return strncmp(r->family, family, len) == 0 && (len == 3 || r->family[len] == '\0');
}

/* Median and largest of a figure over a family that has it; returns of how many. */
static uint32_t spread(const char *family, figure *f, double *median, double *most)
{
    double values[MAX_ROWS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        double value = belongs(&rows[i], family) ? f(&rows[i]) : 0;
        if (value > 0) values[count++] = value;
    }
    qsort(values, count, sizeof *values, by_value);
    *median = count > 0 ? values[count / 2] : 0;
    *most = count > 0 ? values[count - 1] : 0;
    return count;
}

/* How many of a family are at most at the limit. */
static uint32_t within(const char *family, figure *f, double limit)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        count += belongs(&rows[i], family) && !worse(f(&rows[i]), limit);
    }
    return count;
}

static void print_family(const char *family)
{
    double plain, plain_most, median, most;
    uint32_t n = spread(family, plain_to_bound, &plain, &plain_most);
    if (n == 0) return;
    spread(family, to_bound, &median, &most);
    printf("| %s | %u | %.3f, %.3f | %.3f, %.3f | %u, %u; %u | %u, %u |\n", family, n, plain,
           plain_most, median, most, within(family, plain_to_bound, 1.05),
           within(family, to_bound, 1.05), within(family, to_window, 1.05),
           within(family, plain_to_heft, 1), within(family, to_heft, 1));
}

static void print_families(void)
{
    puts("| family | schedules | plain to bound: median, most | rehearsed | within 5 % of the "
         "bound: "
         "plain, rehearsed; of the sharper bound | not worse than HEFT: plain, rehearsed |\n"
         "| --- | --- | --- | --- | --- | --- |");
    for (uint32_t i = 0; i < row_count; i++) {
        bool seen = false;
        for (uint32_t j = 0; j < i && !seen; j++)
            seen = strcmp(rows[j].family, rows[i].family) == 0;
        if (!seen) print_family(rows[i].family);
    }
    print_family("wf/");
}

/* What rehearsed priorities are worth in a family, when durations come true and when not. */
static void print_gain(const char *family)
{
    for (int w = -1; w < WRONGS; w++) {
        double sum = 0, best = 1, worst = 1;
        uint32_t n = 0, shorter = 0, longer = 0;
        for (uint32_t i = 0; i < row_count; i++) {
            const row *r = &rows[i];
            double ratio = w < 0 ? r->rehearsed / r->plain : r->wrong[w];
            if (!belongs(r, family)) continue;
            n++;
            sum += log(ratio);
            shorter += ratio < 0.999;
            longer += ratio > 1.001;
            if (ratio < best) best = ratio;
            if (ratio > worst) worst = ratio;
        }
        if (n == 0) return;
        printf("%-12s rehearsed to plain, durations %2.0f %% off: mean %.4f  from %.3f to %.3f  "
               "shorter %u  "
               "longer %u  of %u\n",
               family, w < 0 ? 0 : 100 * wrongs[w], exp(sum / n), best, worst, shorter, longer, n);
    }
}

static void print_line(const char *family, const char *what, figure *f)
{
    double median, most;
    uint32_t n = spread(family, f, &median, &most);
    if (n > 0) printf("%-12s %-34s median %.3f  most %.3f  of %u\n", family, what, median, most, n);
}

static void print_figures(void)
{
    uint32_t beyond = 0;
    static const char *const families[] = {"wf/", "stg/", "psplib-j60", "psplib-j120"};
    for (int i = 0; i < 4; i++) {
        print_line(families[i], "plain to the reference", plain_to_reference);
        print_line(families[i], "rehearsed to the reference", to_reference);
        print_line(families[i], "reference to the bound", reference_to_bound);
        print_line(families[i], "HEFT to the bound", heft_to_bound);
        print_line(families[i], "plain to the best known", plain_to_best);
        print_line(families[i], "rehearsed to the best known", to_best);
        print_line(families[i], "HEFT to the best known", heft_to_best);
        print_gain(families[i]);
        print_line(families[i], "us a task, schedule", plain_us);
        print_line(families[i], "us a task, rehearsal", rehearse_us);
    }
    for (uint32_t i = 0; i < row_count; i++) {
        beyond += belongs(&rows[i], "wf/") && worse(rows[i].window, 1.05 * rows[i].bound);
    }
    printf("wf/          %u times no schedule is within 5 %% of the bound: the sharper one is "
           "above it\n",
           beyond);
    printf("wf/          the reference itself is within 5 %% of the bound %u times\n",
           within("wf/", reference_to_bound, 1.05));
}

static uint32_t print_misses(bool all)
{
    uint32_t misses = 0, plain = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        const row *r = &rows[i];
        bool heft_missed = worse(r->rehearsed, r->heft);
        bool reference_missed = worse(to_reference(r), 1.02);
        misses += heft_missed || reference_missed;
        plain += worse(r->plain, r->heft);
        if (!heft_missed && !reference_missed && !(all && worse(to_window(r), 1.05))) continue;
        printf("%s%s%s  %s, %u workers: plain %.4f rehearsed %.4f HEFT %.4f reference %.4f sharper "
               "bound %.4f of the bound %.1f\n",
               heft_missed ? "worse than HEFT" : "",
               reference_missed ? " worse than the reference" : "",
               heft_missed || reference_missed ? "" : "over the bound", r->name, r->workers,
               r->plain / r->bound, r->rehearsed / r->bound, r->heft / r->bound,
               r->reference / r->bound, r->window / r->bound, r->bound);
    }
    printf("%u of %u miss a goal (HEFT, reference); by the plain rule %u were worse than HEFT\n",
           misses, row_count, plain);
    return misses;
}

int main(int argc, char **argv)
{
    uint32_t rounds = argc > 2 ? (uint32_t)atol(argv[2]) : 3;
    if (argc < 2) return 2;
    read_set(argv[1], "wfinstances-compact/*.tsv", NULL, rounds);
    read_set(argv[1], "stg1000/*.tsv", NULL, rounds);
    read_set(argv[1], "psplib-j60/*.sm", "psplib-j60/j60hrs.sm.txt", rounds);
    read_set(argv[1], "psplib-j120/*.sm", "psplib-j120/j120hrs.sm.txt", rounds);
    printf("%u schedules, %u rounds of rehearsal\n\n", row_count, rounds);
    print_families();
    putchar('\n');
    print_figures();
    putchar('\n');
    print_misses(argc > 3 && strcmp(argv[3], "all") == 0);
    return 0;
}
