/* An allocator for one thread that makes very many small blocks, as Lua does: blocks of up to
 * PV_POOL_SMALL bytes come from lists of their size, larger ones from malloc.  Memory of small
 * blocks is used again for blocks of the same size and goes back when the pool is closed.
 * Sanitized builds take every block from malloc, so that a wrong access is found. */
#ifndef PV_BASE_POOL_H
#define PV_BASE_POOL_H

#include <stddef.h>

enum { PV_POOL_SMALL = 512 };

typedef struct pv_pool pv_pool;

/* Makes an empty pool; never NULL. */
pv_pool *pv_pool_new(void);

/* Frees the pool and the small blocks that are left; NULL is fine. */
void pv_pool_free(pv_pool *pool);

/* What lua_Alloc wants: makes a block of new_size bytes (block is NULL), resizes one of old_size
 * bytes, or frees it (new_size is 0).  Returns NULL when it was freed or there is no memory; the
 * old block is then as it was. */
void *pv_pool_realloc(void *pool, void *block, size_t old_size, size_t new_size);

#endif
