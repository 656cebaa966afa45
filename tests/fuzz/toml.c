/* libFuzzer: TOML from anybody does no harm; what is accepted can be written, and reads back as the
 * same values; the spans of its layout lie within the text, each inside of the one it belongs to.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/toml.h"

static bool same_bytes(pv_bytes a, pv_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static bool equal(const pv_doc *a, uint32_t x, const pv_doc *b, uint32_t y)
{
    const pv_node *p = pv_doc_node(a, x), *q = pv_doc_node(b, y);
    uint32_t c, d;
    if (p->kind != q->kind) return false;
    switch (p->kind) {
    case PV_NODE_NULL: return false; /* TOML has none */
    case PV_NODE_BOOL: return p->u.boolean == q->u.boolean;
    case PV_NODE_INT: return p->u.integer == q->u.integer;
    case PV_NODE_FLOAT:
        return (isnan(p->u.number) && isnan(q->u.number)) ||
               memcmp(&p->u.number, &q->u.number, sizeof p->u.number) == 0;
    case PV_NODE_STRING:
    case PV_NODE_TIME: return same_bytes(pv_doc_string(a, x), pv_doc_string(b, y));
    case PV_NODE_LIST:
    case PV_NODE_MAP: break;
    }
    if (p->u.children.count != q->u.children.count) return false;
    for (c = p->u.children.first, d = q->u.children.first; c != 0;
         c = pv_doc_node(a, c)->next, d = pv_doc_node(b, d)->next) {
        uint32_t other = p->kind == PV_NODE_MAP ? pv_doc_find(b, y, pv_doc_key(a, c)) : d;
        if (other == 0 || !equal(a, c, b, other)) return false;
    }
    return true;
}

static void check_layout(const pv_toml_layout *layout, const pv_doc *doc, size_t size)
{
    size_t behind = 0;
    for (size_t i = 0; i < layout->count; i++) {
        const pv_toml_span *span = &layout->spans[i];
        bool valued = span->kind == PV_TOML_MEMBER || span->kind == PV_TOML_ITEM;
        if (span->from < behind || span->to > size || span->from >= span->to) abort();
        if (span->node > doc->count || span->owner > doc->count) abort();
        if ((span->node == 0) != (span->kind == PV_TOML_COMMENT)) abort();
        if (valued && (span->owner == 0 || span->value < span->from || span->value >= span->to))
            abort();
        behind = span->from + 1;
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    pv_toml_limits limits = {
        .max_bytes = 65536, .max_nodes = 4096, .max_depth = 40, .version_1_1 = size % 2 == 1};
    pv_bytes text = {(const char *)data, size};
    pv_toml_layout layout = {0};
    pv_doc doc, again;
    pv_err err = {0};
    pv_status status = pv_toml_read(&doc, text, &limits, &layout, &err);
    if (status == PV_OK) {
        pv_buf out, twice;
        pv_buf_init(&out, 4 << 20);
        pv_buf_init(&twice, 0);
        check_layout(&layout, &doc, size);
        status = pv_toml_write(&out, &doc, &err);
        if (status == PV_OK) {
            pv_bytes written = {out.data, out.len};
            if (pv_toml_read(&again, written, NULL, NULL, &err) != PV_OK) abort();
            if (!equal(&doc, PV_DOC_ROOT, &again, PV_DOC_ROOT)) abort();
            if (pv_toml_write(&twice, &again, &err) != PV_OK) abort();
            if (!same_bytes(written, (pv_bytes){twice.data, twice.len})) abort();
            pv_doc_deinit(&again);
        } else if (status != PV_ELIMIT) {
            abort();
        }
        pv_buf_deinit(&out);
        pv_buf_deinit(&twice);
    } else if (err.msg[0] == '\0' || (status != PV_EINVAL && status != PV_ELIMIT) ||
               (status == PV_EINVAL &&
                (err.line < 1 || err.column < 1 || strchr(err.msg, '\n') != NULL))) {
        abort();
    }
    pv_toml_layout_deinit(&layout);
    pv_doc_deinit(&doc);
    return 0;
}
