/* YAML: the core schema of YAML 1.2 over libyaml.
 *
 * Accepted: null, bool, int (decimal, 0o, 0x; 64 bits), float, string, list, map with scalar
 * keys (a key is the text it was written as); anchors, aliases and merge keys (`<<`), expanded
 * as copies; the standard tags (!!str, !!int, ...).
 * Refused: other tags, repeated keys, integers past 64 bits, anything over the limits, and
 * punctuation that libyaml, made for YAML 1.1, would read as something else. */
#ifndef PV_DATA_YAML_H
#define PV_DATA_YAML_H

#include "data/doc.h"

/* Limits of a reader; a zero means the default in brackets. */
typedef struct pv_yaml_limits {
    size_t max_bytes;      /* of the text (64 MiB) */
    uint32_t max_nodes;    /* of the document (8 million) */
    uint32_t max_expanded; /* nodes made by aliases and merge keys (200,000) */
    uint32_t max_depth;    /* of nesting (128) */
    bool all;              /* any number of documents: the root is the list of them */
} pv_yaml_limits;

/* Reads text into the empty document *doc, which the caller deinits in every case.  An empty
 * text is a null.
 * Statuses: PV_EINVAL (with line and column), PV_ELIMIT. */
pv_status pv_yaml_read(pv_doc *doc, pv_bytes text, const pv_yaml_limits *limits, pv_err *err);

/* What a plain (unquoted) scalar means in the core schema: fills kind and value of *out,
 * PV_NODE_STRING when it is nothing else.  PV_EINVAL for a number past 64 bits: an integer that
 * is longer, a float that is larger. */
pv_status pv_yaml_resolve(pv_node *out, pv_bytes text);

typedef enum {
    PV_YAML_SCALAR,
    PV_YAML_ALIAS,
    PV_YAML_LIST, /* its items follow, then an end */
    PV_YAML_MAP,  /* keys and values follow in turn, then an end */
    PV_YAML_END,
} pv_yaml_part_kind;

typedef enum {
    PV_YAML_PLAIN,
    PV_YAML_SINGLE,
    PV_YAML_DOUBLE,
    PV_YAML_LITERAL,
    PV_YAML_FOLDED,
    PV_YAML_BLOCK, /* of lists and maps */
    PV_YAML_FLOW,
} pv_yaml_style;

typedef enum {
    PV_YAML_ROOT,
    PV_YAML_ITEM,
    PV_YAML_KEY,
    PV_YAML_VALUE,
} pv_yaml_role;

/* A value as it stands in a text: bytes `from` up to, not including, `to`; anchor and tag are in
 * front.  `to` of a list or map is that of its start: the end is a part of its own, which for
 * one in block style stands somewhere behind its last child. */
typedef struct pv_yaml_part {
    pv_yaml_part_kind kind;
    pv_yaml_style style;
    uint32_t from;
    uint32_t to;
    uint32_t value; /* offset: what a scalar says, or the name of an alias */
    uint32_t value_len;
    /* What pv_yaml_tree() fills in: */
    pv_yaml_role role;
    uint32_t content;    /* first byte behind anchor and tag */
    uint32_t properties; /* behind the last byte of anchor and tag; 0 when there are none */
    uint32_t anchor;     /* first byte of the anchor, its & */
    uint32_t anchor_len; /* 0 when there is none */
    uint32_t raw_to;     /* `to` with the empty lines that end a block scalar */
    uint32_t children;   /* of a list or map */
    bool in_flow;        /* inside of brackets */
    bool keeps;          /* ends with a block scalar that keeps its empty lines: |+ */
} pv_yaml_part;

/* Finds the parts of the one document of a text in UTF-8, for who edits it.  *out is the
 * caller's to free with pv_free(); the values are appended to *values.  Meanings are not looked
 * at: pv_yaml_read does that.
 * Statuses: PV_EINVAL, PV_ELIMIT (4 GiB, more than max_parts, *values is full). */
pv_status pv_yaml_parts(pv_yaml_part **out, size_t *count, pv_buf *values, pv_bytes text,
                        size_t max_parts, pv_err *err);

/* Makes a tree of the parts of a text: fills in what else is known of those of its first document,
 * and sets `to` to where values really end, lists and maps with what is in them and block scalars
 * without empty lines.  Returns how many parts the document has, with ends. */
size_t pv_yaml_tree(pv_yaml_part *parts, size_t count, pv_bytes text);

typedef struct pv_yaml_writer pv_yaml_writer;

/* Starts a document that is appended to *out (borrowed until the free). */
pv_yaml_writer *pv_yaml_writer_new(pv_buf *out);

/* Frees the writer, finished or not. NULL is fine. */
void pv_yaml_writer_free(pv_yaml_writer *w);

/* Append a value; in a map, keys (strings) and values alternate.  Strings that could be read
 * as something else are quoted, also those that only YAML 1.1 readers mistake.
 * Statuses: PV_EINVAL (text is not UTF-8, calls out of order), PV_ELIMIT (buffer full). */
pv_status pv_yaml_put_null(pv_yaml_writer *w, pv_err *err);
pv_status pv_yaml_put_bool(pv_yaml_writer *w, bool value, pv_err *err);
pv_status pv_yaml_put_int(pv_yaml_writer *w, int64_t value, pv_err *err);
pv_status pv_yaml_put_float(pv_yaml_writer *w, double value, pv_err *err);
pv_status pv_yaml_put_string(pv_yaml_writer *w, pv_bytes text, pv_err *err);
pv_status pv_yaml_begin_list(pv_yaml_writer *w, bool empty, pv_err *err);
pv_status pv_yaml_end_list(pv_yaml_writer *w, pv_err *err);
pv_status pv_yaml_begin_map(pv_yaml_writer *w, bool empty, pv_err *err);
pv_status pv_yaml_end_map(pv_yaml_writer *w, pv_err *err);

/* Ends the document: everything is in the buffer after it. */
pv_status pv_yaml_finish(pv_yaml_writer *w, pv_err *err);

#endif
