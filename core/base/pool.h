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

/* Lets blocks above PV_POOL_SMALL take no more than `more` bytes beside what they have now; what
 * would need more gets no memory.  SIZE_MAX: no limit, as at first. */
void pv_pool_limit(pv_pool *pool, size_t more);

/* Lets a new block of this kind be no larger than `most` bytes; SIZE_MAX: no limit, as at first.  The
 * kind of a new block is what old_size says then, as lua_Alloc has it. */
void pv_pool_limit_kind(pv_pool *pool, size_t kind, size_t most);

/* The limits of a pool, to put them back later. */
typedef struct pv_pool_limits {
    size_t large, kind, most;
    int refused; /* a block was too large for its kind */
} pv_pool_limits;

pv_pool_limits pv_pool_get_limits(const pv_pool *pool);
void pv_pool_set_limits(pv_pool *pool, pv_pool_limits limits);

/* What lua_Alloc wants: makes a block of new_size bytes (block is NULL), resizes one of old_size
 * bytes, or frees it (new_size is 0).  Returns NULL when it was freed or there is no memory; the
 * old block is then as it was. */
void *pv_pool_realloc(void *pool, void *block, size_t old_size, size_t new_size);

#endif
