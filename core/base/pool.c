#include "base/pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

enum { STEP = 8, CLASSES = PV_POOL_SMALL / STEP, CHUNK = 64 * 1024 };

typedef struct piece {
    struct piece *next;
} piece;

typedef struct chunk {
    struct chunk *next;
    void *align; /* the first piece is aligned as malloc aligns */
} chunk;

struct pv_pool {
    chunk *chunks;
    char *fresh; /* what was never given out of the newest chunk */
    size_t left;
    piece *free[CLASSES]; /* of (index + 1) * STEP bytes */
    size_t large;         /* bytes in blocks above PV_POOL_SMALL */
    pv_pool_limits limit; /* large: most of them */
};

pv_pool *pv_pool_new(void)
{
    pv_pool *pool = pv_alloc(sizeof *pool);
    pool->limit = (pv_pool_limits){.large = SIZE_MAX, .most = SIZE_MAX};
    return pool;
}

void pv_pool_limit(pv_pool *pool, size_t more)
{
    pool->limit.large = more > SIZE_MAX - pool->large ? SIZE_MAX : pool->large + more;
}

void pv_pool_limit_kind(pv_pool *pool, size_t kind, size_t most)
{
    pool->limit.kind = kind;
    pool->limit.most = most;
    pool->limit.refused = 0;
}

pv_pool_limits pv_pool_get_limits(const pv_pool *pool)
{
    return pool->limit;
}

void pv_pool_set_limits(pv_pool *pool, pv_pool_limits limits)
{
    pool->limit = limits;
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

/* A new chunk; what is left of the old one becomes a free piece. */
static int refill(pv_pool *pool)
{
    chunk *c = malloc(CHUNK);
    if (c == NULL) return 0;
    if (pool->left != 0) give(pool, pool->fresh, class_of(pool->left));
    c->next = pool->chunks;
    pool->chunks = c;
    pool->fresh = (char *)(c + 1);
    pool->left = CHUNK - sizeof *c;
    return 1;
}

static void *take(pv_pool *pool, size_t class)
{
    piece *p = pool->free[class];
    size_t size = (class + 1) * STEP;
    if (p != NULL) {
        pool->free[class] = p->next;
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

static void *resize(pv_pool *pool, void *block, size_t old_size, size_t new_size)
{
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

void *pv_pool_realloc(void *arg, void *block, size_t old_size, size_t new_size)
{
    pv_pool *pool = arg;
    size_t before = block != NULL && old_size > PV_POOL_SMALL ? old_size : 0;
    size_t after = new_size > PV_POOL_SMALL ? new_size : 0;
    void *to;
    if (after > before &&
        (pool->large >= pool->limit.large || after - before > pool->limit.large - pool->large))
        return NULL;
    if (block == NULL && after > pool->limit.most && old_size == pool->limit.kind) {
        pool->limit.refused = 1;
        return NULL;
    }
    to = resize(pool, block, old_size, new_size);
    if (to != NULL || new_size == 0) pool->large = pool->large - before + after;
    return to;
}
