/* libFuzzer: a pattern and a text from anybody cost no more than their steps, and what matches lies
 * in the text. The first byte says how long the pattern is. */
#include <stdlib.h>
#include <string.h>

#include "data/pattern.h"

enum { STEPS = 20000 };

/* In a block of its own, so that a read behind the end is found. */
static char *own(const unsigned char *data, size_t size)
{
    char *copy = malloc(size + (size == 0));
    if (size > 0) memcpy(copy, data, size);
    return copy;
}

static void check(const pv_pattern *m, size_t size, size_t from, size_t to)
{
    if (from > to || to > size || m->count < 0 || m->count > PV_PATTERN_CAPTURES) abort();
    for (int i = 0; i < m->count; i++) {
        ptrdiff_t at = m->capture[i].at - m->text, len = m->capture[i].len;
        if (at < 0 || (size_t)at > size || len < PV_PATTERN_POSITION) abort();
        if (len > 0 && (size_t)(at + len) > size) abort();
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    size_t len, from = 0, to = 0;
    char *pattern, *text;
    pv_pattern m;
    if (size == 0) return 0;
    len = data[0] < size ? data[0] : size - 1;
    pattern = own(data + 1, len);
    text = own(data + 1 + len, size - 1 - len);
    pv_pattern_init(&m, (pv_bytes){text, size - 1 - len}, (pv_bytes){pattern, len}, STEPS);
    switch (pv_pattern_find(&m, &from, &to, false)) {
    case PV_OK: check(&m, size - 1 - len, from, to); break;
    case PV_ENOTFOUND: break;
    case PV_EINVAL:
        if (m.problem == NULL) abort();
        break;
    case PV_ELIMIT:
        if (m.steps >= 0) abort();
        break;
    default: abort();
    }
    free(pattern);
    free(text);
    return 0;
}
