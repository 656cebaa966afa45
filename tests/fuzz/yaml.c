/* libFuzzer: YAML from anybody does no harm; what is accepted can be written, and reading that
 * again gives the same number of values. */
#include <stdlib.h>

#include "base/mem.h"
#include "data/yaml.h"

static pv_status put(pv_yaml_writer *w, const pv_doc *doc, uint32_t id, pv_err *err)
{
    const pv_node *node = pv_doc_node(doc, id);
    pv_status status = PV_OK;
    switch (node->kind) {
    case PV_NODE_NULL: return pv_yaml_put_null(w, err);
    case PV_NODE_BOOL: return pv_yaml_put_bool(w, node->u.boolean, err);
    case PV_NODE_INT: return pv_yaml_put_int(w, node->u.integer, err);
    case PV_NODE_FLOAT: return pv_yaml_put_float(w, node->u.number, err);
    case PV_NODE_TIME:
    case PV_NODE_STRING: return pv_yaml_put_string(w, pv_doc_string(doc, id), err);
    case PV_NODE_LIST: status = pv_yaml_begin_list(w, node->u.children.count == 0, err); break;
    case PV_NODE_MAP: status = pv_yaml_begin_map(w, node->u.children.count == 0, err); break;
    }
    for (uint32_t c = node->u.children.first; c != 0 && status == PV_OK;
         c = pv_doc_node(doc, c)->next) {
        if (node->kind == PV_NODE_MAP) status = pv_yaml_put_string(w, pv_doc_key(doc, c), err);
        if (status == PV_OK) status = put(w, doc, c, err);
    }
    if (status != PV_OK) return status;
    return node->kind == PV_NODE_MAP ? pv_yaml_end_map(w, err) : pv_yaml_end_list(w, err);
}

enum { DEPTH = 40 };

/* Values below a node, itself included (merge keys leave nodes that belong to none). */
static uint32_t count(const pv_doc *doc, uint32_t id, uint32_t depth)
{
    const pv_node *node = pv_doc_node(doc, id);
    uint32_t n = 1;
    if (depth > DEPTH + 1) abort(); /* the list of documents is around them */
    if (node->kind != PV_NODE_MAP && node->kind != PV_NODE_LIST) return 1;
    for (uint32_t c = node->u.children.first; c != 0; c = pv_doc_node(doc, c)->next)
        n += count(doc, c, depth + 1);
    return n;
}

static void check_tree(pv_yaml_part *parts, size_t n, pv_bytes text)
{
    size_t used = pv_yaml_tree(parts, n, text), open = 0;
    if (used > n || (n > 0 && used == 0)) abort();
    for (size_t i = 0; i < used; i++) {
        const pv_yaml_part *p = &parts[i];
        if (p->kind == PV_YAML_END) {
            open--;
            continue;
        }
        if ((open == 0) != (p->role == PV_YAML_ROOT)) abort();
        if (p->kind == PV_YAML_LIST || p->kind == PV_YAML_MAP) open++;
        if (p->content < p->from || p->content > text.len || p->to > p->raw_to) abort();
        if (p->raw_to > text.len || p->properties > text.len) abort();
        if (p->anchor + (size_t)p->anchor_len > text.len) abort();
    }
    if (open != 0) abort();
}

/* The parts of an accepted text lie in it, in order. */
static void check_parts(const unsigned char *data, size_t size)
{
    pv_yaml_part *parts;
    pv_buf values = {0};
    size_t n;
    pv_err err;
    if (pv_yaml_parts(&parts, &n, &values, (pv_bytes){(const char *)data, size}, 100000, &err) ==
        PV_OK) {
        for (size_t i = 0; i < n; i++) {
            if (parts[i].from > parts[i].to || parts[i].to > size) abort();
            if (i > 0 && parts[i].kind != PV_YAML_END && parts[i].from < parts[i - 1].from) abort();
            if (parts[i].value + (size_t)parts[i].value_len > values.len) abort();
        }
        check_tree(parts, n, (pv_bytes){(const char *)data, size});
    }
    pv_free(parts);
    pv_buf_deinit(&values);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    pv_yaml_limits limits = {
        .max_bytes = 65536, .max_nodes = 4096, .max_expanded = 1000, .max_depth = DEPTH};
    pv_yaml_limits wide = {0};
    pv_doc doc, again;
    pv_err err = {0};
    pv_status status = pv_yaml_read(&doc, (pv_bytes){(const char *)data, size}, &limits, &err);
    check_parts(data, size);
    limits.all = size > 0 && data[size - 1] == '\t'; /* now and then a stream */
    if (limits.all) {
        pv_doc_deinit(&doc);
        status = pv_yaml_read(&doc, (pv_bytes){(const char *)data, size}, &limits, &err);
    }
    if (status == PV_OK) {
        pv_buf out = {0};
        pv_yaml_writer *w = pv_yaml_writer_new(&out);
        if (put(w, &doc, PV_DOC_ROOT, &err) == PV_OK && pv_yaml_finish(w, &err) == PV_OK) {
            if (pv_yaml_read(&again, (pv_bytes){out.data, out.len}, &wide, &err) != PV_OK) abort();
            if (count(&doc, PV_DOC_ROOT, 1) != count(&again, PV_DOC_ROOT, 1)) abort();
            pv_doc_deinit(&again);
        }
        pv_yaml_writer_free(w);
        pv_buf_deinit(&out);
    } else if (err.msg[0] == '\0' || (status != PV_EINVAL && status != PV_ELIMIT)) {
        abort();
    }
    pv_doc_deinit(&doc);
    return 0;
}
