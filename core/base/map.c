#include "base/map.h"

#include <string.h>

#include "base/mem.h"

struct pv_map_slot {
    char *key; /* NULL: empty, grave: was deleted */
    size_t len;
    uint64_t hash;
    pv_value value;
};

static char grave;

/* FNV-1a with a final mix; keys come from the workspace, not from an attacker who
 * gains anything by collisions. */
static uint64_t hash_of(pv_bytes key)
{
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < key.len; i++) h = (h ^ (unsigned char)key.data[i]) * 1099511628211u;
    h ^= h >> 32;
    h *= 0x9E3779B97F4A7C15u;
    return h ^ (h >> 29);
}

static pv_map_slot *find(const pv_map *map, pv_bytes key, uint64_t hash)
{
    if (map->cap == 0) return NULL;
    for (size_t i = hash & (map->cap - 1);; i = (i + 1) & (map->cap - 1)) {
        pv_map_slot *slot = &map->slots[i];
        if (slot->key == NULL) return NULL;
        if (slot->key != &grave && slot->hash == hash && slot->len == key.len &&
            (key.len == 0 || memcmp(slot->key, key.data, key.len) == 0)) {
            return slot;
        }
    }
}

static pv_map_slot *free_slot(pv_map *map, uint64_t hash)
{
    size_t i = hash & (map->cap - 1);
    while (map->slots[i].key != NULL && map->slots[i].key != &grave) i = (i + 1) & (map->cap - 1);
    return &map->slots[i];
}

/* Keeps a quarter of the slots empty, so that probes end soon. */
static void make_room(pv_map *map)
{
    pv_map old = *map;
    size_t cap = old.cap == 0 ? 16 : old.cap;
    if (old.cap != 0 && (old.used + 1) * 4 <= old.cap * 3) return;
    while ((old.count + 1) * 2 > cap) cap *= 2;
    map->slots = pv_alloc_array(cap, sizeof *map->slots);
    map->cap = cap;
    map->used = old.count;
    for (size_t i = 0; i < old.cap; i++) {
        pv_map_slot *slot = &old.slots[i];
        if (slot->key != NULL && slot->key != &grave) *free_slot(map, slot->hash) = *slot;
    }
    pv_free(old.slots);
}

void pv_map_deinit(pv_map *map)
{
    if (map == NULL) return;
    for (size_t i = 0; i < map->cap; i++) {
        if (map->slots[i].key != &grave) pv_free(map->slots[i].key);
    }
    pv_free(map->slots);
    *map = (pv_map){0};
}

bool pv_map_set(pv_map *map, pv_bytes key, pv_value value)
{
    uint64_t hash = hash_of(key);
    pv_map_slot *slot = find(map, key, hash);
    if (slot != NULL) {
        slot->value = value;
        return false;
    }
    make_room(map);
    slot = free_slot(map, hash);
    if (slot->key == NULL) map->used++;
    *slot = (pv_map_slot){pv_memdup(key.data, key.len), key.len, hash, value};
    map->count++;
    return true;
}

pv_value *pv_map_get(const pv_map *map, pv_bytes key)
{
    pv_map_slot *slot = find(map, key, hash_of(key));
    return slot != NULL ? &slot->value : NULL;
}

bool pv_map_del(pv_map *map, pv_bytes key)
{
    pv_map_slot *slot = find(map, key, hash_of(key));
    if (slot == NULL) return false;
    pv_free(slot->key);
    slot->key = &grave;
    map->count--;
    return true;
}

bool pv_map_next(const pv_map *map, size_t *at, pv_bytes *key, pv_value *value)
{
    while (*at < map->cap) {
        const pv_map_slot *slot = &map->slots[(*at)++];
        if (slot->key == NULL || slot->key == &grave) continue;
        if (key != NULL) *key = (pv_bytes){slot->key, slot->len};
        if (value != NULL) *value = slot->value;
        return true;
    }
    return false;
}
