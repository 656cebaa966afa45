/* Record parsers of the store: whatever bytes stand in the file, views stay inside them. */
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

static void inside(pv_bytes view, const char *data, size_t size)
{
    if (view.data < data || view.len > size || (size_t)(view.data - data) > size - view.len)
        abort();
}

/* What was parsed, built again, must be the same bytes. */
static void same(const pv_buf *built, pv_bytes sealed, const char *data, size_t size)
{
    if (built->len + sealed.len != size || memcmp(built->data, data, built->len) != 0) abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size)
{
    char *data = malloc(size + 1), key[KEY_CAP + 8];
    pv_bytes raw = {data, size}, run, sealed, owner;
    pv_node_rec node;
    pv_edge_rec edge;
    pv_edge_key ends;
    uint64_t token;
    int64_t expires;
    pv_buf built = {0};
    if (size != 0) memcpy(data, input, size);
    if (parse_node(raw, &node)) {
        inside(node.type, data, size);
        inside(node.sealed, data, size);
        add_node_head(&built, &node);
        same(&built, node.sealed, data, size);
    }
    pv_buf_reset(&built);
    if (parse_edge(raw, &edge)) {
        inside(edge.sealed, data, size);
        add_edge_head(&built, &edge);
        same(&built, edge.sealed, data, size);
    }
    if (parse_edge_key(raw, &ends)) {
        inside(ends.type, data, size);
        if (size <= KEY_CAP && (make_edge_key(key, ends.near, ends.type, ends.far) != size ||
                                memcmp(key, data, size) != 0)) {
            abort();
        }
    }
    if (parse_journal(raw, &run, &sealed)) {
        inside(run, data, size);
        inside(sealed, data, size);
    }
    if (parse_lock(raw, &token, &expires, &owner)) inside(owner, data, size);
    pv_buf_deinit(&built);
    free(data);
    return 0;
}
