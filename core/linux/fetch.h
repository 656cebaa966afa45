/* Package files in the cache, shared by everybody who asks for the same one at the same time. */
#ifndef PV_LINUX_FETCH_H
#define PV_LINUX_FETCH_H

#include "linux/upstream.h"

typedef enum {
    PV_FETCH_HEAD,
    PV_FETCH_BODY,
    PV_FETCH_DONE,
    PV_FETCH_REFUSED,
    PV_FETCH_FAILED
} pv_fetch_state;

typedef struct pv_fetch pv_fetch;

/* Somebody who is told when there is more of a fetch. */
typedef struct pv_fetch_reader {
    struct pv_fetch_reader *next;
    void (*on_more)(struct pv_fetch_reader *reader);
} pv_fetch_reader;

/* Whether a path below a mirror names a file that never changes. */
int pv_fetch_cacheable(const char *path);

/* The file of a mirror: from the cache, from a fetch that is under way, or by a new one that
 * sends `request`.  The reader is told later, whenever something changed, until it leaves. */
pv_fetch *pv_fetch_join(pv_serve *serve, const char *host, int port, const char *path,
                        pv_bytes request, pv_fetch_reader *reader);
void pv_fetch_leave(pv_fetch *fetch, pv_fetch_reader *reader);

pv_fetch_state pv_fetch_get_state(const pv_fetch *fetch);
long long pv_fetch_size(const pv_fetch *fetch);      /* of the whole file */
long long pv_fetch_got(const pv_fetch *fetch);       /* what is there of it */
const char *pv_fetch_refusal(const pv_fetch *fetch); /* "404 Not Found" */
ssize_t pv_fetch_read(const pv_fetch *fetch, long long at, char *out, size_t cap);

/* Removes the oldest files until the cache is below its limit. */
void pv_fetch_trim(pv_serve *serve);

#endif
