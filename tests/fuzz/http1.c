/* libFuzzer: a head is found at the same place whether it comes at once or byte by byte, what it
 * parses to lies inside of it, and so with chunked bodies. */
#include <stdlib.h>
#include <string.h>

#include "net/http1.h"

static void inside(pv_bytes part, pv_bytes whole)
{
    if (part.len == 0 || (part.len == 1 && part.data[0] == '/')) return; /* may be a constant */
    if (part.data < whole.data || part.data + part.len > whole.data + whole.len) abort();
}

static size_t check_head(pv_bytes bytes)
{
    static pv_http1_head head;
    pv_http1_scan at_once = {0, 0}, slow = {0, 0};
    size_t len, slow_len = 0;
    const char *why;
    int found = pv_http1_find_end(&at_once, bytes, &len), slow_found = 0;
    for (size_t i = 1; i <= bytes.len && slow_found == 0; i++)
        slow_found = pv_http1_find_end(&slow, (pv_bytes){bytes.data, i}, &slow_len);
    if (found != slow_found || len != slow_len) abort();
    if (found <= 0) return 0;
    bytes.len = len;
    if (pv_http1_parse(&head, bytes, &why) != 0) {
        if (why == NULL) abort();
        return len;
    }
    inside(head.method, bytes);
    inside(head.target, bytes);
    inside(head.path, bytes);
    inside(head.query, bytes);
    inside(head.host, bytes);
    for (size_t i = 0; i < head.field_count; i++) {
        inside(head.fields[i].name, bytes);
        inside(head.fields[i].value, bytes);
    }
    if (head.chunked && head.length > 0) abort();
    return len;
}

static void check_chunks(pv_bytes bytes)
{
    pv_http1_chunks at_once = {0}, slow = {0};
    pv_buf body, slow_body;
    size_t used, one, total = 0;
    const char *why;
    int status, slow_status = 0;
    pv_buf_init(&body, 100);
    pv_buf_init(&slow_body, 100);
    status = pv_http1_chunks_feed(&at_once, bytes, &used, &body, &why);
    while (total < bytes.len && !slow.done && slow_status == 0) {
        slow_status = pv_http1_chunks_feed(&slow, (pv_bytes){bytes.data + total, 1}, &one,
                                           &slow_body, &why);
        total += one;
    }
    if (status != slow_status || at_once.done != slow.done) abort();
    if (status == 0 && (used != total || body.len != slow_body.len)) abort();
    if (status == 0 && body.len > 0 && memcmp(body.data, slow_body.data, body.len) != 0) abort();
    pv_buf_deinit(&body);
    pv_buf_deinit(&slow_body);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    /* A copy of its own, so that reading behind its end shows. */
    char *copy = malloc(size > 0 ? size : 1);
    pv_bytes bytes = {copy, size};
    size_t head;
    if (copy == NULL) return 0;
    if (size > 0) memcpy(copy, data, size);
    head = check_head(bytes);
    check_chunks((pv_bytes){copy + head, size - head});
    free(copy);
    return 0;
}
