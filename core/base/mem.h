/* Allocation.  Running out of memory aborts with a message: nothing in prov can
 * go on without it.  Sizes that come from outside never reach these functions
 * unchecked: they go through a pv_buf with a maximum. */
#ifndef PV_BASE_MEM_H
#define PV_BASE_MEM_H

#include <stddef.h>

/* Returns size zeroed bytes; never NULL.  Free with pv_free(). */
void *pv_alloc(size_t size);

/* Returns count * size zeroed bytes; aborts when the product overflows. */
void *pv_alloc_array(size_t count, size_t size);

/* Grows or shrinks a block; new bytes are not zeroed.  Aborts on overflow. */
void *pv_realloc_array(void *ptr, size_t count, size_t size);

/* Copies a string; NULL gives NULL. */
char *pv_strdup(const char *text);

/* Copies len bytes and adds a NUL after them. */
char *pv_memdup(const void *data, size_t len);

/* Frees a block; NULL is fine. */
void pv_free(void *ptr);

/* Overwrites len bytes with zeroes in a way the compiler does not remove. */
void pv_wipe(void *ptr, size_t len);

#endif
