/* libFuzzer: JSON from anybody does no harm, and what is accepted is within its limits. */
#include <stdlib.h>
#include <string.h>

#include "data/json.h"

/* Every value stands where a value can begin. */
static void check_places(const pv_doc *doc, const unsigned char *data, size_t size)
{
    for (uint32_t id = 1; id <= doc->count; id++) {
        const pv_node *node = pv_doc_node(doc, id);
        uint32_t line = 1, column = 1;
        size_t at = 0;
        for (; at < size && (line < node->line || column < node->column); at++) {
            if (data[at] == '\n') line++, column = 1;
            else if ((data[at] & 0xC0) != 0x80) column++;
        }
        while (at < size && (data[at] & 0xC0) == 0x80) at++;
        if (at == size || strchr("\"[{-0123456789tfn", data[at]) == NULL || data[at] == 0) abort();
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    pv_json_limits limits = {.max_bytes = 65536, .max_nodes = 4096, .max_depth = 64};
    pv_doc doc;
    pv_err err = {0};
    pv_status status = pv_json_read(&doc, (pv_bytes){(const char *)data, size}, &limits, &err);
    if (size >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0) /* a byte order mark is no text */
        data += 3, size -= 3;
    if (status == PV_OK) {
        if (doc.count == 0 || doc.count > limits.max_nodes) abort();
        check_places(&doc, data, size);
    } else if (err.msg[0] == '\0' || (status != PV_EINVAL && status != PV_ELIMIT)) {
        abort();
    }
    pv_doc_deinit(&doc);
    return 0;
}
