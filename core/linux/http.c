#include <string.h>
#include <strings.h>

#include "linux/upstream.h"

size_t pv_http_head_size(pv_bytes bytes)
{
    const char *end = bytes.len >= 4 ? memmem(bytes.data, bytes.len, "\r\n\r\n", 4) : NULL;
    return end != NULL ? (size_t)(end - bytes.data) + 4 : 0;
}

int pv_http_is(pv_bytes line, const char *name)
{
    size_t len = strlen(name);
    return line.len > len && line.data[len] == ':' && strncasecmp(line.data, name, len) == 0;
}

void pv_http_each(pv_http_head head, void (*fn)(void *arg, pv_bytes line), void *arg)
{
    const char *at = memmem(head.text, head.len, "\r\n", 2), *end = head.text + head.len;
    while (at != NULL && (at += 2) < end) {
        const char *stop = memmem(at, (size_t)(end - at), "\r\n", 2);
        if (stop == NULL || stop == at) return;
        fn(arg, (pv_bytes){at, (size_t)(stop - at)});
        at = stop;
    }
}

typedef struct wanted {
    const char *name;
    pv_bytes value;
} wanted;

static void match(void *arg, pv_bytes line)
{
    wanted *w = arg;
    size_t skip = strlen(w->name) + 1;
    if (w->value.data != NULL || !pv_http_is(line, w->name)) return;
    while (skip < line.len && line.data[skip] == ' ') skip++;
    while (line.len > skip && line.data[line.len - 1] == ' ') line.len--;
    w->value = (pv_bytes){line.data + skip, line.len - skip};
}

pv_bytes pv_http_field(pv_http_head head, const char *name)
{
    wanted w = {name, {NULL, 0}};
    pv_http_each(head, match, &w);
    return w.value;
}
