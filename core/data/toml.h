/* TOML 1.0, and 1.1 on demand: our own reader and writer.
 *
 * Kept exactly: 64 bit integers, floats with inf and nan, dates and times as their text.  A newline
 * in a multi-line string is \n, however the file ends its lines.  Refused, never changed:
 * integers past 64 bits, floats past a double, and on writing null, which TOML has not. */
#ifndef PV_DATA_TOML_H
#define PV_DATA_TOML_H

#include "data/doc.h"

enum { PV_TOML_DEPTH = 128 };

/* Limits of a reader; a zero means the default in brackets. */
typedef struct pv_toml_limits {
    size_t max_bytes;   /* of the text (64 MiB) */
    uint32_t max_nodes; /* of the document (8 million) */
    uint32_t max_depth; /* of nesting, the root counted (PV_TOML_DEPTH, which is also the most) */
    bool version_1_1;   /* also \e, \x00, times without seconds, inline tables over lines */
} pv_toml_limits;

typedef enum {
    PV_TOML_COMMENT, /* `# ...` without its newline; node and owner are 0 */
    PV_TOML_TABLE,   /* `[a.b]` */
    PV_TOML_ELEMENT, /* `[[a.b]]`; node is the new element */
    PV_TOML_MEMBER,  /* `key = value`, a line of a table or inside of {} */
    PV_TOML_ITEM,    /* of [] */
} pv_toml_span_kind;

/* Where something stands in the text, as offsets. */
typedef struct pv_toml_span {
    pv_toml_span_kind kind;
    uint32_t node; /* what it makes */
    uint32_t
        owner;    /* of a member or item: the table or list whose header or brackets it is below */
    size_t from;  /* of a member: of its key */
    size_t value; /* of a member or item: where its value begins */
    size_t to;    /* behind the end */
} pv_toml_span;

/* The spans of a text by where they begin; made for edits that keep the rest of it. */
typedef struct pv_toml_layout {
    pv_toml_span *spans;
    size_t count;
    size_t cap;
} pv_toml_layout;

/* Frees the spans. NULL is fine. */
void pv_toml_layout_deinit(pv_toml_layout *layout);

/* Reads text into the empty document *doc, which the caller deinits in every case; limits may be
 * NULL.  When layout (all zero) is not NULL it gets the spans of the text, and the caller
 * deinits it in every case.  The root is a map, empty for an empty text.
 * Statuses: PV_EINVAL (with line and column), PV_ELIMIT. */
pv_status pv_toml_read(pv_doc *doc, pv_bytes text, const pv_toml_limits *limits,
                       pv_toml_layout *layout, pv_err *err);

/* Appends a document: of each table first its own values, then its tables as sections, both in the
 * order given.  Long lists have an item a line; strings with newlines are multi-line.
 * Statuses: PV_EINVAL (the root is no map, a null, text that is not UTF-8), PV_ELIMIT. */
pv_status pv_toml_write(pv_buf *out, const pv_doc *doc, pv_err *err);

/* Appends one value as it stands behind `key =` (on one line).  Statuses as above. */
pv_status pv_toml_write_value(pv_buf *out, const pv_doc *doc, uint32_t id, pv_err *err);

/* True for a date, a time or both as TOML 1.0 has them.  canonical (of at least text.len + 3 bytes)
 * gets it with `T` and `Z` in capitals, of the same length. */
bool pv_toml_time(pv_bytes text, char *canonical);

#endif
