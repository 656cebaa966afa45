/* JSON over Jansson, exact: 64 bit integers stay integers, [] and {} stay apart, the order of
 * keys is kept, repeated keys are refused.  What Jansson cannot hold is refused with a
 * clear message, never changed: integers past 64 bits, numbers past a double, NUL in a key. */
#ifndef PV_DATA_JSON_H
#define PV_DATA_JSON_H

#include "data/doc.h"

/* Limits of a reader; a zero means the default in brackets. */
typedef struct pv_json_limits {
    size_t max_bytes;   /* of the text (256 MiB) */
    uint32_t max_nodes; /* of the document (16 million) */
    uint32_t max_depth; /* of nesting (500, more than that no writer takes) */
    bool no_places;     /* faster; every line and column is 1 */
} pv_json_limits;

/* Reads text into the empty document *doc, which the caller deinits in every case.  Statuses:
 * PV_EINVAL (with line and column), PV_ELIMIT. */
pv_status pv_json_read(pv_doc *doc, pv_bytes text, const pv_json_limits *limits, pv_err *err);

/* Append one value.  Statuses: PV_EINVAL (text is not UTF-8, number is not finite), PV_ELIMIT. */
pv_status pv_json_put_string(pv_buf *out, pv_bytes text, pv_err *err);
pv_status pv_json_put_int(pv_buf *out, int64_t value, pv_err *err);
pv_status pv_json_put_float(pv_buf *out, double value, pv_err *err);

#endif
