/* A parsed document: a tree of nodes in one block of memory, each with the place it
 * came from.  The readers of this folder fill one; the bindings turn it into Lua
 * values and keep it to answer "where was this written?".
 *
 * Nodes are named by id; 0 means none and PV_DOC_ROOT is the root.  A member of a map
 * stands where its key stands. */
#ifndef PV_DATA_DOC_H
#define PV_DATA_DOC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

typedef enum {
    PV_NODE_NULL = 0,
    PV_NODE_BOOL,
    PV_NODE_INT,
    PV_NODE_FLOAT,
    PV_NODE_STRING,
    PV_NODE_LIST,
    PV_NODE_MAP,
    PV_NODE_TIME, /* a date, a time or both: its text, in the canonical form of TOML */
} pv_node_kind;

enum { PV_DOC_ROOT = 1 };

typedef struct pv_node {
    pv_node_kind kind;
    uint32_t line;   /* from 1 */
    uint32_t column; /* from 1 */
    uint32_t parent; /* 0 for the root */
    uint32_t next;   /* next child of the parent */
    uint32_t key_len;
    size_t key; /* offset of the key in the text pool, for members of a map */
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct {
            size_t at;
            size_t len;
        } string;
        struct {
            uint32_t first;
            uint32_t last;
            uint32_t count;
        } children; /* of lists and maps */
    } u;
} pv_node;

typedef struct pv_doc {
    pv_node *nodes; /* nodes[0] is unused */
    uint32_t count; /* ids 1 .. count are in use */
    uint32_t cap;
    uint32_t max_nodes;
    pv_buf text;      /* keys and strings */
    uint32_t *slots;  /* hash of (map, key) to member, open addressing; 0 is free */
    uint32_t n_slots; /* power of two, or 0 */
    uint32_t n_members;
} pv_doc;

/* Prepares an empty document of at most max_nodes nodes. */
void pv_doc_init(pv_doc *doc, uint32_t max_nodes);

/* Frees everything. NULL is fine. */
void pv_doc_deinit(pv_doc *doc);

/* Appends a node below the list `parent` (0 for the root).  Returns its id, or 0 when
 * the document is full.  The node is null until its kind and value are set. */
uint32_t pv_doc_add(pv_doc *doc, uint32_t parent, uint32_t line, uint32_t column);

/* Appends a member to the map `map`.  Returns its id; 0 when the document is full or the
 * map has the key already, which pv_doc_find tells apart. */
uint32_t pv_doc_add_member(pv_doc *doc, uint32_t map, pv_bytes key, uint32_t line, uint32_t column);

/* Makes the node a string with a copy of the bytes, or a time with that text. */
void pv_doc_set_string(pv_doc *doc, uint32_t id, pv_bytes bytes);
void pv_doc_set_time(pv_doc *doc, uint32_t id, pv_bytes text);

/* Makes `to`, which must be null, a deep copy of `from`, keeping the places of the
 * original.  False when the document is full. */
bool pv_doc_copy(pv_doc *doc, uint32_t to, uint32_t from);

/* The node; valid until the next node is added. */
const pv_node *pv_doc_node(const pv_doc *doc, uint32_t id);

/* The key of a member and the bytes of a string or time; valid until the next node is added. */
pv_bytes pv_doc_key(const pv_doc *doc, uint32_t id);
pv_bytes pv_doc_string(const pv_doc *doc, uint32_t id);

/* The member of a map, or 0. */
uint32_t pv_doc_find(const pv_doc *doc, uint32_t map, pv_bytes key);

/* The item of a list, from 1, or 0. */
uint32_t pv_doc_item(const pv_doc *doc, uint32_t list, int64_t index);

#endif
