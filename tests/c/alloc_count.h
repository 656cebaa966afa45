/* Counts what a test program allocates.  The tests of core/graph are linked with
 * -Wl,--wrap of these functions (tests/CMakeLists.txt): every call from prov's own
 * archives and from the test comes here first. */
#ifndef PV_TESTS_ALLOC_COUNT_H
#define PV_TESTS_ALLOC_COUNT_H

#include <stddef.h>
#include <stdint.h>

static uint64_t allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    allocations++;
    return __real_realloc(ptr, size);
}

#endif
