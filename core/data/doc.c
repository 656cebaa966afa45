#include "data/doc.h"

#include <string.h>

#include "base/mem.h"

void pv_doc_init(pv_doc *doc, uint32_t max_nodes)
{
    memset(doc, 0, sizeof *doc);
    doc->max_nodes = max_nodes;
    pv_buf_init(&doc->text, 0);
}

void pv_doc_deinit(pv_doc *doc)
{
    if (doc == NULL) return;
    pv_free(doc->nodes);
    pv_free(doc->slots);
    pv_buf_wipe(&doc->text);
    memset(doc, 0, sizeof *doc);
}

static uint32_t hash_member(uint32_t map, pv_bytes key)
{
    uint64_t hash = 1469598103934665603u ^ map;
    hash *= 1099511628211u;
    for (size_t i = 0; i < key.len; i++) {
        hash ^= (unsigned char)key.data[i];
        hash *= 1099511628211u;
    }
    return (uint32_t)(hash ^ (hash >> 32));
}

/* The slot of the member, or the free slot where it belongs. */
static uint32_t *find_slot(const pv_doc *doc, uint32_t map, pv_bytes key)
{
    uint32_t mask = doc->n_slots - 1;
    uint32_t at = hash_member(map, key) & mask;
    while (doc->slots[at] != 0) {
        const pv_node *node = &doc->nodes[doc->slots[at]];
        if (node->parent == map && node->key_len == key.len &&
            (key.len == 0 || memcmp(doc->text.data + node->key, key.data, key.len) == 0)) {
            break;
        }
        at = (at + 1) & mask;
    }
    return &doc->slots[at];
}

static void grow_slots(pv_doc *doc)
{
    uint32_t *old = doc->slots;
    uint32_t n_old = doc->n_slots;
    doc->n_slots = n_old == 0 ? 64 : n_old * 2;
    doc->slots = pv_alloc_array(doc->n_slots, sizeof *doc->slots);
    for (uint32_t i = 0; i < n_old; i++) {
        if (old[i] == 0) continue;
        *find_slot(doc, doc->nodes[old[i]].parent, pv_doc_key(doc, old[i])) = old[i];
    }
    pv_free(old);
}

uint32_t pv_doc_add(pv_doc *doc, uint32_t parent, uint32_t line, uint32_t column)
{
    pv_node *node;
    uint32_t id;
    if (doc->count >= doc->max_nodes) return 0;
    if (doc->count + 2 > doc->cap) {
        doc->cap = doc->cap == 0 ? 64 : doc->cap * 2;
        doc->nodes = pv_realloc_array(doc->nodes, doc->cap, sizeof *doc->nodes);
    }
    id = ++doc->count;
    node = &doc->nodes[id];
    memset(node, 0, sizeof *node);
    node->line = line;
    node->column = column;
    node->parent = parent;
    if (parent != 0) {
        pv_node *up = &doc->nodes[parent];
        if (up->u.children.last != 0) doc->nodes[up->u.children.last].next = id;
        else up->u.children.first = id;
        up->u.children.last = id;
        up->u.children.count++;
    }
    return id;
}

uint32_t pv_doc_add_member(pv_doc *doc, uint32_t map, pv_bytes key, uint32_t line, uint32_t column)
{
    uint32_t *slot;
    uint32_t id;
    size_t at = doc->text.len;
    if (doc->n_members * 2 >= doc->n_slots) grow_slots(doc);
    slot = find_slot(doc, map, key);
    if (*slot != 0 || key.len > UINT32_MAX) return 0;
    id = pv_doc_add(doc, map, line, column);
    if (id == 0) return 0;
    if (pv_buf_add(&doc->text, key.data, key.len) != PV_OK) return 0;
    doc->nodes[id].key = at;
    doc->nodes[id].key_len = (uint32_t)key.len;
    doc->n_members++;
    *slot = id;
    return id;
}

void pv_doc_set_string(pv_doc *doc, uint32_t id, pv_bytes bytes)
{
    pv_node *node = &doc->nodes[id];
    node->kind = PV_NODE_STRING;
    node->u.string.at = doc->text.len;
    node->u.string.len = bytes.len;
    (void)pv_buf_add(&doc->text, bytes.data, bytes.len); /* no maximum: cannot fail */
}

void pv_doc_set_time(pv_doc *doc, uint32_t id, pv_bytes text)
{
    pv_doc_set_string(doc, id, text);
    doc->nodes[id].kind = PV_NODE_TIME;
}

bool pv_doc_copy(pv_doc *doc, uint32_t to, uint32_t from)
{
    pv_node *node = &doc->nodes[to];
    const pv_node *original = &doc->nodes[from];
    uint32_t child = 0;
    node->kind = original->kind;
    if (original->kind != PV_NODE_LIST && original->kind != PV_NODE_MAP) {
        node->u = original->u; /* strings share their bytes */
        return true;
    }
    for (child = original->u.children.first; child != 0; child = doc->nodes[child].next) {
        const pv_node *c = &doc->nodes[child];
        uint32_t line = c->line, column = c->column, id;
        if (doc->nodes[from].kind == PV_NODE_MAP) {
            char *key = pv_memdup(doc->text.data + c->key, c->key_len);
            id = pv_doc_add_member(doc, to, (pv_bytes){key, c->key_len}, line, column);
            pv_free(key);
        } else {
            id = pv_doc_add(doc, to, line, column);
        }
        if (id == 0 || !pv_doc_copy(doc, id, child)) return false;
    }
    return true;
}

const pv_node *pv_doc_node(const pv_doc *doc, uint32_t id)
{
    return &doc->nodes[id];
}

pv_bytes pv_doc_key(const pv_doc *doc, uint32_t id)
{
    const pv_node *node = &doc->nodes[id];
    return (pv_bytes){doc->text.data == NULL ? "" : doc->text.data + node->key, node->key_len};
}

pv_bytes pv_doc_string(const pv_doc *doc, uint32_t id)
{
    const pv_node *node = &doc->nodes[id];
    return (pv_bytes){doc->text.data == NULL ? "" : doc->text.data + node->u.string.at,
                      node->u.string.len};
}

uint32_t pv_doc_find(const pv_doc *doc, uint32_t map, pv_bytes key)
{
    return doc->n_slots == 0 ? 0 : *find_slot(doc, map, key);
}

uint32_t pv_doc_item(const pv_doc *doc, uint32_t list, int64_t index)
{
    uint32_t id;
    if (index < 1 || (uint64_t)index > doc->nodes[list].u.children.count) return 0;
    id = doc->nodes[list].u.children.first;
    while (--index > 0) id = doc->nodes[id].next;
    return id;
}
