/* libFuzzer: XML from anybody does no harm, and what is accepted is within its limits. */
#include <stdlib.h>

#include "data/xml.h"

/* Values below a node, itself included; every one has a place. */
static uint32_t count(const pv_doc *doc, uint32_t id)
{
    const pv_node *node = pv_doc_node(doc, id);
    uint32_t n = 1;
    if (node->line == 0 || node->column == 0) abort();
    if (node->kind != PV_NODE_MAP && node->kind != PV_NODE_LIST) return 1;
    for (uint32_t c = node->u.children.first; c != 0; c = pv_doc_node(doc, c)->next)
        n += count(doc, c);
    return n;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    pv_xml_limits limits = {.max_bytes = 65536, .max_nodes = 1000, .max_depth = 20};
    pv_doc doc;
    pv_err err = {0};
    pv_status status = pv_xml_read(&doc, (pv_bytes){(const char *)data, size}, &limits, &err);
    if (status == PV_OK) {
        if (count(&doc, PV_DOC_ROOT) != doc.count) abort();
    } else if (err.msg[0] == '\0' || (status != PV_EINVAL && status != PV_ELIMIT)) {
        abort();
    }
    pv_doc_deinit(&doc);
    return 0;
}
