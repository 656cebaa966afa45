/* The files of fixtures/dags. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "dags.h"

static bool complain(FILE *file, const char *path)
{
    fprintf(stderr, "%s: cannot be read\n", path);
    if (file != NULL) fclose(file);
    return false;
}

/* "…/set/NAME.ext" as "<prefix>NAME"; the family is the prefix and what comes before the first "-".
 */
static void name_dag(dag *d, const char *prefix, const char *path)
{
    const char *base = strrchr(path, '/') + 1;
    snprintf(d->name, sizeof d->name, "%s%.*s", prefix, (int)strcspn(base, "."), base);
    snprintf(d->family, sizeof d->family, "%.*s", (int)strcspn(d->name, "-"), d->name);
    if (strstr(d->name, "dirt02") != NULL) strcpy(d->family, "wf/nextflow");
    if (strncmp(prefix, "wf/", 3) != 0) snprintf(d->family, sizeof d->family, "%s", prefix);
}

/* Fills what follows from the edges and weights. */
static bool finish(dag *d)
{
    uint32_t count;
    if (pv_dag_new(&d->back, d->nodes, NULL) != PV_OK) return false;
    for (uint32_t u = 0; u < d->nodes; u++) {
        const uint32_t *next = pv_dag_successors(d->g, u, &count);
        for (uint32_t i = 0; i < count; i++) pv_dag_edge(d->back, next[i], u, NULL);
        d->edges += count;
        d->work += d->weights[u];
    }
    d->remaining = pv_alloc_array(d->nodes, sizeof *d->remaining);
    d->head = pv_alloc_array(d->nodes, sizeof *d->head);
    if (pv_dag_remaining(d->g, d->weights, d->remaining, NULL) != PV_OK) return false;
    if (pv_dag_remaining(d->back, d->weights, d->head, NULL) != PV_OK) return false;
    for (uint32_t u = 0; u < d->nodes; u++) {
        if (d->remaining[u] > d->critical) d->critical = d->remaining[u];
        d->head[u] -= d->weights[u];
    }
    return true;
}

/* Adds the edges that the third column of every line names. */
static bool add_edges(dag *d, char **deps, const pv_map *numbers)
{
    for (uint32_t u = 0; u < d->nodes; u++) {
        for (char *dep = strtok(deps[u], ";"); dep != NULL; dep = strtok(NULL, ";")) {
            const pv_value *number = pv_map_get(numbers, (pv_bytes){dep, strlen(dep)});
            if (number == NULL) return false;
            if (pv_dag_edge(d->g, (uint32_t)number->num, u, NULL) != PV_OK) return false;
        }
    }
    return true;
}

bool read_tsv(dag *d, const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL, **deps = NULL;
    uint32_t cap = 0;
    size_t size = 0;
    pv_map numbers = {0};
    bool ok;
    memset(d, 0, sizeof *d);
    name_dag(d, strstr(path, "/stg1000/") != NULL ? "stg/" : "wf/", path);
    if (file == NULL) return complain(file, path);
    while (getline(&line, &size, file) > 0) {
        char *id = line, *duration, *needs;
        if (line[0] == '#' || (duration = strchr(line, '\t')) == NULL) continue;
        line[strcspn(line, "\n")] = '\0';
        *duration++ = '\0';
        needs = strchr(duration, '\t');
        if (d->nodes == cap) {
            cap = cap > 0 ? 2 * cap : 256;
            d->weights = pv_realloc_array(d->weights, cap, sizeof *d->weights);
            deps = pv_realloc_array(deps, cap, sizeof *deps);
        }
        pv_map_set(&numbers, (pv_bytes){id, strlen(id)}, (pv_value){.num = d->nodes});
        d->weights[d->nodes] = atof(duration);
        deps[d->nodes++] = pv_strdup(needs != NULL ? needs + 1 : "");
    }
    ok = pv_dag_new(&d->g, d->nodes, NULL) == PV_OK && add_edges(d, deps, &numbers) && finish(d);
    for (uint32_t u = 0; u < d->nodes; u++) pv_free(deps[u]);
    pv_free(deps);
    free(line);
    pv_map_deinit(&numbers);
    if (!ok) return complain(file, path);
    fclose(file);
    return true;
}

/* Skips to the line that begins with the heading, and `more` lines behind it. */
static bool skip_to(FILE *file, char *line, int size, const char *heading, int more)
{
    while (fgets(line, size, file) != NULL) {
        if (strncmp(line, heading, strlen(heading)) == 0) break;
    }
    for (; more > 0; more--) {
        if (fgets(line, size, file) == NULL) return false;
    }
    return !feof(file);
}

/* The three tables of a PSPLIB file; jobs are counted from 1 there. */
static bool read_tables(dag *d, FILE *file)
{
    char line[512];
    unsigned job, modes, count, to, duration, asks[RESOURCES];
    if (!skip_to(file, line, sizeof line, "PRECEDENCE", 1)) return false;
    for (uint32_t u = 0; u < d->nodes; u++) {
        if (fscanf(file, "%u %u %u", &job, &modes, &count) != 3) return false;
        while (count-- > 0) {
            if (fscanf(file, "%u", &to) != 1) return false;
            if (pv_dag_edge(d->g, job - 1, to - 1, NULL) != PV_OK) return false;
        }
    }
    if (!skip_to(file, line, sizeof line, "REQUESTS", 2)) return false;
    for (uint32_t u = 0; u < d->nodes; u++) {
        if (fscanf(file, "%u %u %u %u %u %u %u", &job, &modes, &duration, &asks[0], &asks[1],
                   &asks[2], &asks[3]) != 7) {
            return false;
        }
        d->weights[u] = duration;
        for (uint32_t r = 0; r < RESOURCES; r++) {
            if (asks[r] > 0) d->pairs[d->pair_count++] = (pv_sched_key){u, r, asks[r]};
        }
    }
    if (!skip_to(file, line, sizeof line, "RESOURCEAVAIL", 1)) return false;
    return fscanf(file, "%u %u %u %u", &d->limits[0], &d->limits[1], &d->limits[2],
                  &d->limits[3]) == 4;
}

bool read_psplib(dag *d, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[512];
    bool ok;
    memset(d, 0, sizeof *d);
    name_dag(d, strstr(path, "/psplib-j60/") != NULL ? "psplib-j60/" : "psplib-j120/", path);
    d->family[strlen(d->family) - 1] = '\0';
    if (file == NULL || !skip_to(file, line, sizeof line, "jobs", 0)) return complain(file, path);
    d->nodes = (uint32_t)atol(strchr(line, ':') + 1);
    d->weights = pv_alloc_array(d->nodes, sizeof *d->weights);
    d->pairs = pv_alloc_array((size_t)d->nodes * RESOURCES, sizeof *d->pairs);
    ok = pv_dag_new(&d->g, d->nodes, NULL) == PV_OK && read_tables(d, file) && finish(d);
    if (!ok) return complain(file, path);
    fclose(file);
    return true;
}

void read_reference(dag *d, const char *path)
{
    FILE *file = fopen(path, "r");
    size_t len = strlen(d->name);
    char line[512];
    if (file == NULL) return;
    while (fgets(line, sizeof line, file) != NULL) {
        char *at = line;
        if (strncmp(line, d->name, len) != 0 || line[len] != ',') continue;
        /* cp4/LB is the ninth column, the next worker count's three further. */
        for (int column = 1, i = 0; at != NULL && i < WORKER_COUNTS; column++) {
            if (column == 9 + 3 * i) d->reference[i++] = atof(at);
            if ((at = strchr(at, ',')) != NULL) at++;
        }
    }
    fclose(file);
}

void read_best_known(dag *d, const char *path)
{
    FILE *file = fopen(path, "r");
    unsigned set, instance, found_set, found, makespan;
    char line[512];
    /* The names are j60<set>_<instance>, j120<set>_<instance>. */
    const char *digits = strchr(d->name, '/') + (strstr(d->name, "/j120") != NULL ? 5 : 4);
    if (file == NULL || sscanf(digits, "%u_%u", &set, &instance) != 2) return;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%u %u %u", &found_set, &found, &makespan) != 3) continue;
        if (found_set == set && found == instance) d->best_known = makespan;
    }
    fclose(file);
}

void dag_free(dag *d)
{
    pv_dag_free(d->g);
    pv_dag_free(d->back);
    pv_free(d->weights);
    pv_free(d->remaining);
    pv_free(d->head);
    pv_free(d->pairs);
}
