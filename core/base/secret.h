/* Memory for keys and passwords: outside the heap, kept out of swap where the system allows
 * it, out of core dumps and out of forked children (where touching it is a segmentation
 * fault, not a key of zeroes), wiped when freed. */
#ifndef PV_BASE_SECRET_H
#define PV_BASE_SECRET_H

#include <stdbool.h>

#include "base/buf.h"

typedef struct pv_secret {
    unsigned char *data; /* len zeroed bytes, to be filled by the owner */
    size_t len;
    size_t mapped; /* bytes of the mapping */
    bool locked;   /* mlock worked: never written to swap */
} pv_secret;

/* Makes room for len bytes (0 is fine); aborts when there is no memory.  Free with
 * pv_secret_free(). */
pv_secret *pv_secret_new(size_t len);

/* A copy of the bytes; the caller wipes the original. */
pv_secret *pv_secret_copy(pv_bytes bytes);

/* The bytes, valid until the secret is freed. */
pv_bytes pv_secret_bytes(const pv_secret *secret);

/* Compares in a time that depends on the lengths only. */
bool pv_secret_equal(pv_bytes a, pv_bytes b);

/* Wipes and frees; NULL is fine. */
void pv_secret_free(pv_secret *secret);

#endif
