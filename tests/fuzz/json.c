/* libFuzzer: JSON from anybody does no harm, and what is accepted is within its limits. */
#include <stdlib.h>

#include "data/json.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    pv_json_limits limits = {.max_bytes = 65536, .max_nodes = 4096, .max_depth = 64};
    pv_doc doc;
    pv_err err = {0};
    pv_status status = pv_json_read(&doc, (pv_bytes){(const char *)data, size}, &limits, &err);
    if (status == PV_OK) {
        if (doc.count == 0 || doc.count > limits.max_nodes) abort();
    } else if (err.msg[0] == '\0' || (status != PV_EINVAL && status != PV_ELIMIT)) {
        abort();
    }
    pv_doc_deinit(&doc);
    return 0;
}
