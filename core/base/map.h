/* Small map from byte strings to integers or pointers: open addressing, keys copied,
 * no order.  Not thread safe. */
#ifndef PV_BASE_MAP_H
#define PV_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

typedef union pv_value {
    void *ptr;
    int64_t num;
} pv_value;

typedef struct pv_map_slot pv_map_slot;

/* Zeroes are an empty map. */
typedef struct pv_map {
    pv_map_slot *slots;
    size_t count; /* keys in the map */
    size_t used;  /* keys and graves */
    size_t cap;   /* 0 or a power of two */
} pv_map;

/* Frees the keys and the table, not what values point at; the map is empty again. */
void pv_map_deinit(pv_map *map);

/* Sets key to value, replacing what was there.  Returns true when the key is new. */
bool pv_map_set(pv_map *map, pv_bytes key, pv_value value);

/* Where the value of key is kept, NULL when absent; valid until the map changes. */
pv_value *pv_map_get(const pv_map *map, pv_bytes key);

/* Removes key; true when it was there. */
bool pv_map_del(pv_map *map, pv_bytes key);

/* Steps through the map in no order: start with *at = 0; false at the end.  The map
 * must not change meanwhile.  key may be NULL. */
bool pv_map_next(const pv_map *map, size_t *at, pv_bytes *key, pv_value *value);

#endif
