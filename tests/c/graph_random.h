/* Shared by the property tests of core/graph: random numbers of a seed that PROV_SEED
 * overrides, and the number of cases. */
#ifndef PV_TESTS_GRAPH_RANDOM_H
#define PV_TESTS_GRAPH_RANDOM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t seed;

/* Begins a property: its seed is `fixed`, or what PROV_SEED says. */
static inline void rnd_start(uint64_t fixed)
{
    const char *text = getenv("PROV_SEED");
    uint64_t given = text != NULL ? strtoull(text, NULL, 0) : 0;
    seed = given != 0 ? given : fixed;
}

static inline uint32_t rnd(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 11) % below);
}

/* All cases, or a tenth of them under valgrind, which says so. */
static inline uint32_t rnd_cases(uint32_t all)
{
    if (getenv("PROV_VALGRIND") == NULL) return all;
    printf("# valgrind: %u cases instead of %u\n", all / 10, all);
    return all / 10;
}

#endif
