#define _DEFAULT_SOURCE
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void out_of_memory(size_t size)
{
    fprintf(stderr, "prov: out of memory (%zu bytes wanted)\n", size);
    abort();
}

void *pv_alloc(size_t size)
{
    return pv_alloc_array(1, size);
}

void *pv_alloc_array(size_t count, size_t size)
{
    void *ptr = calloc(count != 0 ? count : 1, size != 0 ? size : 1);
    if (ptr == NULL) out_of_memory(size);
    return ptr;
}

void *pv_realloc_array(void *ptr, size_t count, size_t size)
{
    void *grown;
    if (size != 0 && count > SIZE_MAX / size) out_of_memory(SIZE_MAX);
    grown = realloc(ptr, count * size != 0 ? count * size : 1);
    if (grown == NULL) out_of_memory(count * size);
    return grown;
}

char *pv_strdup(const char *text)
{
    return text == NULL ? NULL : pv_memdup(text, strlen(text));
}

char *pv_memdup(const void *data, size_t len)
{
    char *copy;
    if (len == SIZE_MAX) out_of_memory(len);
    copy = pv_alloc(len + 1);
    if (len != 0) memcpy(copy, data, len);
    return copy;
}

void pv_free(void *ptr)
{
    free(ptr);
}

void pv_wipe(void *ptr, size_t len)
{
    if (ptr != NULL && len != 0) explicit_bzero(ptr, len);
}
