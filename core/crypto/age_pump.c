#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "crypto/age_stream.h"
#include "crypto/digest.h"

enum { BATCH = 16, THREADS_MAX = 8 };

/* Threads take turns: one reads the next batch of chunks while others work on theirs and one
 * writes. */
typedef struct pump {
    bool sealing;
    unsigned char key[PV_KEY_LEN];
    int in, out;
    pthread_mutex_t reading, writing;
    pthread_cond_t written;
    /* under reading */
    pv_bytes before; /* bytes of the file that were read already */
    char ahead; /* one more byte than the batches so far, which tells that they are not the last */
    bool has_ahead, ended;
    uint64_t next;
    /* under writing */
    uint64_t turn;
    bool failed;
    unsigned long long done;
    pv_status status;
    pv_err err;
} pump;

/* Reads until len bytes or the end. */
static pv_status fill(pump *p, char *to, size_t len, size_t *got, pv_err *err)
{
    *got = 0;
    while (*got < len) {
        ssize_t n;
        if (p->before.len != 0) {
            n = (ssize_t)(p->before.len < len - *got ? p->before.len : len - *got);
            memcpy(to + *got, p->before.data, (size_t)n);
            p->before.data += n;
            p->before.len -= (size_t)n;
        } else {
            n = read(p->in, to + *got, len - *got);
        }
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return pv_fail_errno(err, errno, "cannot read");
        if (n == 0) break;
        *got += (size_t)n;
    }
    return PV_OK;
}

static pv_status drain(pump *p, const char *from, size_t len, pv_err *err)
{
    while (len > 0) {
        ssize_t n = write(p->out, from, len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return pv_fail_errno(err, errno, "cannot write");
        from += n;
        len -= (size_t)n;
        p->done += (unsigned long long)n;
    }
    return PV_OK;
}

/* Reads batch *number of at most `size` bytes to `buf`, which has room for one more; false when
 * there is none. */
static bool take(pump *p, char *buf, size_t size, uint64_t *number, size_t *len, bool *last,
                 pv_status *status, pv_err *err)
{
    bool any;
    pthread_mutex_lock(&p->reading);
    any = !p->ended;
    if (any) {
        size_t have = 0, got;
        *number = p->next++;
        if (p->has_ahead) buf[have++] = p->ahead;
        *status = fill(p, buf + have, size + 1 - have, &got, err);
        have += got;
        *last = have <= size;
        *len = *last ? have : size;
        if (!*last) p->ahead = buf[size];
        p->has_ahead = !*last;
        p->ended = *last || *status != PV_OK;
    }
    pthread_mutex_unlock(&p->reading);
    return any;
}

static pv_status work(pump *p, pv_aead *aead, uint64_t count, pv_bytes from, bool last, char *to,
                      size_t *len, pv_err *err)
{
    size_t size = p->sealing ? PV_AGE_CHUNK : PV_AGE_CHUNK + PV_TAG_LEN;
    pv_status status = PV_OK;
    *len = 0;
    do {
        pv_bytes chunk = {from.data, from.len < size ? from.len : size};
        bool final = last && chunk.len == from.len;
        size_t made = chunk.len + PV_TAG_LEN;
        if (p->sealing) status = pv_age_seal_chunk(aead, count, final, chunk, to + *len, err);
        else status = pv_age_open_chunk(aead, count, final, chunk, to + *len, &made, err);
        if (status == PV_OK || !p->sealing) *len += made;
        count++;
        from.data += chunk.len;
        from.len -= chunk.len;
    } while (status == PV_OK && from.len > 0);
    return status;
}

/* Writes in the order of the batches; the first failure ends all. */
static void give(pump *p, uint64_t number, const char *from, size_t len, pv_status status,
                 const pv_err *why)
{
    pthread_mutex_lock(&p->writing);
    while (p->turn != number && !p->failed) pthread_cond_wait(&p->written, &p->writing);
    if (!p->failed) {
        pv_err err = {0};
        pv_status written = drain(p, from, len, &err);
        p->status = status != PV_OK ? status : written;
        p->err = status != PV_OK ? *why : err;
        p->failed = p->status != PV_OK;
        p->turn++;
    }
    pthread_cond_broadcast(&p->written);
    pthread_mutex_unlock(&p->writing);
}

static void *run(void *arg)
{
    pump *p = arg;
    size_t in_size = BATCH * (size_t)(p->sealing ? PV_AGE_CHUNK : PV_AGE_CHUNK + PV_TAG_LEN),
           len = 0, made = 0;
    char *from = pv_alloc(in_size + 1),
         *to = pv_alloc(BATCH * (size_t)(PV_AGE_CHUNK + PV_TAG_LEN) + PV_TAG_LEN);
    pv_aead *aead = NULL;
    pv_err err = {0};
    uint64_t number = 0;
    bool last = false;
    pv_status status = PV_OK, key = pv_aead_new(&aead, PV_CHACHA20_POLY1305,
                                                (pv_bytes){(char *)p->key, sizeof p->key}, &err);
    while (status == PV_OK && take(p, from, in_size, &number, &len, &last, &status, &err)) {
        made = 0;
        if (status == PV_OK) status = key;
        if (status == PV_OK)
            status = work(p, aead, number * BATCH, (pv_bytes){from, len}, last, to, &made, &err);
        give(p, number, to, made, status, &err);
        pthread_mutex_lock(&p->writing);
        if (p->failed) status = PV_ECANCELED;
        pthread_mutex_unlock(&p->writing);
    }
    pv_aead_free(aead);
    pv_wipe(p->sealing ? from : to, in_size);
    pv_free(from);
    pv_free(to);
    return NULL;
}

/* The nonce is the first that is read or written. */
static pv_status begin(pump *p, const pv_secret *file_key, pv_err *err)
{
    char nonce[PV_AGE_NONCE_LEN];
    size_t got = sizeof nonce;
    pv_status status =
        p->sealing ? pv_random(nonce, sizeof nonce, err) : fill(p, nonce, sizeof nonce, &got, err);
    if (status == PV_OK && got != sizeof nonce)
        status = pv_fail(err, PV_EINVAL, "not an age file: it ends after its header");
    if (status == PV_OK && p->sealing) status = drain(p, nonce, sizeof nonce, err);
    if (status != PV_OK) return status;
    return pv_age_payload_key(file_key, (pv_bytes){nonce, sizeof nonce}, p->key, err);
}

pv_status pv_age_pump(bool sealing, const pv_secret *file_key, pv_bytes before, int in, int out,
                      unsigned long long *done, pv_err *err)
{
    pump p = {.sealing = sealing, .before = before, .in = in, .out = out};
    pthread_t threads[THREADS_MAX];
    long cores = sysconf(_SC_NPROCESSORS_ONLN), count = 0;
    pv_status status;
    pthread_mutex_init(&p.reading, NULL);
    pthread_mutex_init(&p.writing, NULL);
    pthread_cond_init(&p.written, NULL);
    status = begin(&p, file_key, err);
    if (status == PV_OK) {
        while (count < cores && count < THREADS_MAX &&
               pthread_create(&threads[count], NULL, run, &p) == 0)
            count++;
        run(&p); /* this thread works, too */
        for (long i = 0; i < count; i++) pthread_join(threads[i], NULL);
        status = p.status;
        if (status != PV_OK && err != NULL) *err = p.err;
    }
    *done = p.done;
    pthread_mutex_destroy(&p.reading);
    pthread_mutex_destroy(&p.writing);
    pthread_cond_destroy(&p.written);
    pv_wipe(p.key, sizeof p.key);
    return status;
}
