#define _DEFAULT_SOURCE
#include "base/pool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum {
    STEP = 8,
    CLASSES = PV_POOL_SMALL / STEP,
    CHUNK = 64 * 1024,
    HUGE = 2 * 1024 * 1024, /* a huge page */
    LARGE_POOL = HUGE       /* from here on the pool grows by huge pages */
};

typedef struct piece {
    struct piece *next;
} piece;

typedef struct chunk {
    struct chunk *next;
    void *align; /* the first piece is aligned as malloc aligns */
} chunk;

struct pv_pool {
    chunk *chunks;
    size_t size; /* of all chunks */
    char *fresh; /* what was never given out of the newest chunk */
    size_t left;
    piece *free[CLASSES]; /* of (index + 1) * STEP bytes */
};

pv_pool *pv_pool_new(void)
{
    return pv_alloc(sizeof(pv_pool));
}

void pv_pool_free(pv_pool *pool)
{
    if (pool == NULL) return;
    while (pool->chunks != NULL) {
        chunk *c = pool->chunks;
        pool->chunks = c->next;
        free(c);
    }
    pv_free(pool);
}

/* Of a size from 1 to PV_POOL_SMALL. */
static size_t class_of(size_t size)
{
    return (size - 1) / STEP;
}

static void give(pv_pool *pool, void *block, size_t class)
{
    piece *p = block;
    p->next = pool->free[class];
    pool->free[class] = p;
}

/* Page by page, the kernel takes a tenth of the time of a program that fills much memory.  Where it
 * has no huge pages the advice changes nothing. */
static chunk *new_huge(void)
{
    chunk *c = aligned_alloc(HUGE, HUGE);
    if (c != NULL) (void)madvise(c, HUGE, MADV_HUGEPAGE);
    return c;
}

/* A new chunk; what is left of the old one becomes a free piece. */
static int refill(pv_pool *pool)
{
    size_t size = pool->size < LARGE_POOL ? CHUNK : HUGE;
    chunk *c = size == HUGE ? new_huge() : malloc(CHUNK);
    if (c == NULL) return 0;
    if (pool->left != 0) give(pool, pool->fresh, class_of(pool->left));
    c->next = pool->chunks;
    pool->chunks = c;
    pool->fresh = (char *)(c + 1);
    pool->left = size - sizeof *c;
    pool->size += size;
    return 1;
}

static void *take(pv_pool *pool, size_t class)
{
    piece *p = pool->free[class];
    size_t size = (class + 1) * STEP;
    if (p != NULL) {
        pool->free[class] = p->next;
        __builtin_prefetch(p->next, 1); /* was freed long ago: nobody waits for it next time */
        return p;
    }
    if (pool->left < size && !refill(pool)) return NULL;
    p = (piece *)(void *)pool->fresh;
    pool->fresh += size;
    pool->left -= size;
    return p;
}

static void *move(pv_pool *pool, void *block, size_t old_size, size_t new_size)
{
    int was_small = old_size <= PV_POOL_SMALL, is_small = new_size <= PV_POOL_SMALL;
    void *to;
    if (!was_small && !is_small) return realloc(block, new_size);
    if (was_small && is_small && class_of(old_size) == class_of(new_size)) return block;
    to = is_small ? take(pool, class_of(new_size)) : malloc(new_size);
    if (to == NULL) return NULL;
    memcpy(to, block, old_size < new_size ? old_size : new_size);
    if (was_small) give(pool, block, class_of(old_size));
    else free(block);
    return to;
}

void *pv_pool_realloc(void *arg, void *block, size_t old_size, size_t new_size)
{
    pv_pool *pool = arg;
    if (SANITIZED) {
        if (new_size != 0) return realloc(block, new_size);
        free(block);
        return NULL;
    }
    if (block == NULL) {
        if (new_size == 0) return NULL;
        return new_size <= PV_POOL_SMALL ? take(pool, class_of(new_size)) : malloc(new_size);
    }
    if (new_size != 0) return move(pool, block, old_size, new_size);
    if (old_size <= PV_POOL_SMALL) give(pool, block, class_of(old_size));
    else free(block);
    return NULL;
}
