#include "base/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

pv_secret *pv_secret_new(size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    pv_secret *secret = pv_alloc(sizeof *secret);
    void *at;
    secret->len = len;
    secret->mapped = (len / page + 1) * page;
    at = mmap(NULL, secret->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        fputs("prov: out of memory for a secret\n", stderr);
        abort();
    }
    /* Each of these may be refused (limits, old kernels); the secret works all the same. */
    secret->locked = mlock(at, secret->mapped) == 0;
    (void)madvise(at, secret->mapped, MADV_DONTDUMP);
    (void)madvise(at, secret->mapped, MADV_DONTFORK); /* a forked child must not even use it */
    secret->data = at;
    return secret;
}

pv_secret *pv_secret_copy(pv_bytes bytes)
{
    pv_secret *secret = pv_secret_new(bytes.len);
    if (bytes.len != 0) memcpy(secret->data, bytes.data, bytes.len);
    return secret;
}

pv_bytes pv_secret_bytes(const pv_secret *secret)
{
    return (pv_bytes){(const char *)secret->data, secret->len};
}

bool pv_secret_equal(pv_bytes a, pv_bytes b)
{
    volatile unsigned char differs = a.len != b.len;
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        differs = (unsigned char)(differs | (unsigned char)(a.data[i] ^ b.data[i]));
    }
    return differs == 0;
}

void pv_secret_free(pv_secret *secret)
{
    if (secret == NULL) return;
    pv_wipe(secret->data, secret->mapped);
    munmap(secret->data, secret->mapped); /* unlocks too */
    pv_free(secret);
}
