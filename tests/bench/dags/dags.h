/* Shared by the sources of the bench of schedules: a DAG as read, the rules it is compared with. */
#ifndef BENCH_DAGS_H
#define BENCH_DAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "graph/rehearse.h"

enum { WORKER_COUNTS = 4, RESOURCES = 4, NAME = 112 };

extern const uint32_t worker_counts[WORKER_COUNTS]; /* those of REFERENCE.csv */

typedef struct dag {
    char name[NAME];   /* as in REFERENCE.csv */
    char family[NAME]; /* workflow system or set */
    uint32_t nodes, edges;
    pv_dag *g, *back; /* back: all edges the other way round */
    double *weights;
    double *remaining; /* heaviest path from the node on, itself included */
    double *head;      /* heaviest path that ends before the node */
    double work, critical;
    double reference[WORKER_COUNTS]; /* makespan to bound of REFERENCE.csv, 0: none */
    /* PSPLIB: */
    uint32_t limits[RESOURCES];
    pv_sched_key *pairs;
    uint32_t pair_count;
    double best_known; /* 0: none */
} dag;

/* Reads one file; false with a message when it cannot. */
bool read_tsv(dag *d, const char *path);
bool read_psplib(dag *d, const char *path);

/* Finds the DAG in REFERENCE.csv or in a list of best known makespans; keeps 0 when absent. */
void read_reference(dag *d, const char *path);
void read_best_known(dag *d, const char *path);

void dag_free(dag *d);

/* The options of a schedule with so many workers; 0 for the resources of PSPLIB. */
pv_sched_options options_of(const dag *d, uint32_t workers);

/* The makespan by core/graph's scheduler in virtual time, with durations that may be others than
 * those it was told; *ns, which may be NULL, is what it all took. */
double simulate(const dag *d, const pv_sched_options *options, const double *durations, double *ns);

/* HEFT on equal machines: tasks by longest remaining path, each at the earliest time at which a
 * machine has a gap for it.  With PSPLIB's resources: at the earliest time at which they do. */
double heft(const dag *d, uint32_t workers);
double heft_resources(const dag *d);

/* max(critical path, work / workers), or the work of the fullest resource. */
double plain_bound(const dag *d, uint32_t workers);

/* A sharper one: for every set of tasks that cannot begin before h and have at least t behind them,
 * h + t + max(their work / workers, the two least of the workers + 1 longest of them). */
double window_bound(const dag *d, uint32_t workers);

double now_ns(void);

#endif
