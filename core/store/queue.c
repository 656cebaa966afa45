/* Group commit: batches wait in a list; whoever applies (a worker of the pool, or a thread in
 * pv_store_commit) takes all of them into one transaction with one fsync.  The outcomes are
 * handed back on the loop by the request to the pool. */
#include <uv.h>

#include "base/mem.h"
#include "store/internal.h"

struct pv_pending {
    pv_pending *next;
    pv_batch *batch;
    pv_commit_fn fn;
    void *arg;
    pv_outcome outcome;
};

typedef struct work {
    uv_work_t req;
    pv_store *s;
} work;

void queue_init(pv_store *s)
{
    s->last = &s->first;
    s->done_last = &s->done;
    s->users = 1;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->idle, NULL);
}

void store_unref(pv_store *s)
{
    bool last;
    pthread_mutex_lock(&s->mutex);
    last = --s->users == 0;
    pthread_mutex_unlock(&s->mutex);
    if (!last) return;
    pthread_cond_destroy(&s->idle);
    pthread_mutex_destroy(&s->mutex);
    pthread_rwlock_destroy(&s->map);
    pv_free(s->path);
    pv_free(s);
}

/* Applies all that is queued and then `own` (unless NULL), whose outcome goes to *outcome. */
static void apply_queue(pv_store *s, pv_batch *own, pv_outcome *outcome)
{
    pv_pending *list, **end = &list;
    size_t count = own != NULL;
    pv_job *jobs;
    pthread_mutex_lock(&s->mutex);
    while (s->applying) pthread_cond_wait(&s->idle, &s->mutex);
    s->applying = true;
    list = s->first;
    s->first = NULL;
    s->last = &s->first;
    pthread_mutex_unlock(&s->mutex);

    for (pv_pending *p = list; p != NULL; p = p->next) count++;
    if (count != 0) {
        jobs = pv_alloc_array(count, sizeof *jobs);
        count = 0;
        for (pv_pending *p = list; p != NULL; p = p->next)
            jobs[count++] = (pv_job){p->batch, &p->outcome};
        if (own != NULL) jobs[count++] = (pv_job){own, outcome};
        apply_jobs(s, jobs, count);
        pv_free(jobs);
    }
    for (pv_pending *p = list; p != NULL; p = p->next) {
        pv_batch_free(p->batch);
        p->batch = NULL;
        end = &p->next;
    }
    pthread_mutex_lock(&s->mutex);
    if (list != NULL) {
        *s->done_last = list;
        s->done_last = end;
    }
    s->applying = false;
    pthread_cond_broadcast(&s->idle);
    pthread_mutex_unlock(&s->mutex);
}

void queue_flush(pv_store *s)
{
    apply_queue(s, NULL, NULL);
}

/* On a worker thread.  The store may be closed by now; its queue is empty then. */
static void run(uv_work_t *req)
{
    apply_queue(((work *)req)->s, NULL, NULL);
}

static void after(uv_work_t *req, int status);

/* With the mutex held. */
static int schedule(pv_store *s, uv_loop_t *loop)
{
    work *w = pv_alloc(sizeof *w);
    int rc;
    w->s = s;
    if ((rc = uv_queue_work(loop, &w->req, run, after)) != 0) {
        pv_free(w);
        return rc;
    }
    s->scheduled = true;
    s->users++;
    return 0;
}

/* Back on the loop: first the next request, so that the disk works while callbacks run. */
static void after(uv_work_t *req, int status)
{
    work *w = (work *)req;
    pv_store *s = w->s;
    pv_pending *list;
    pthread_mutex_lock(&s->mutex);
    list = s->done;
    s->done = NULL;
    s->done_last = &s->done;
    s->scheduled = false;
    /* Cannot fail: the arguments are right.  A cancelled request (loop going away) leaves its
     * batches to pv_store_close. */
    if (s->first != NULL && status == 0) schedule(s, req->loop);
    pthread_mutex_unlock(&s->mutex);
    while (list != NULL) {
        pv_pending *p = list;
        list = p->next;
        p->fn(p->arg, p->outcome.revision, p->outcome.status == PV_OK ? NULL : &p->outcome.err);
        pv_free(p);
    }
    store_unref(s);
    pv_free(w);
}

pv_status pv_store_commit_async(pv_store *s, struct uv_loop_s *loop, pv_batch *b, pv_commit_fn fn,
                                void *arg, pv_err *err)
{
    pv_pending *p;
    int rc = 0;
    if (s->readonly) return pv_fail(err, PV_EDENIED, "write %s: it was opened read-only", s->path);
    p = pv_alloc(sizeof *p);
    p->batch = b;
    p->fn = fn;
    p->arg = arg;
    pthread_mutex_lock(&s->mutex);
    if (!s->scheduled) rc = schedule(s, loop);
    if (rc == 0) {
        *s->last = p;
        s->last = &p->next;
    }
    pthread_mutex_unlock(&s->mutex);
    if (rc == 0) return PV_OK;
    pv_free(p);
    return pv_fail(err, PV_EIO, "queue a commit: %s", uv_strerror(rc));
}

pv_status pv_store_commit(pv_store *s, pv_batch *b, uint64_t *revision, pv_err *err)
{
    pv_outcome outcome = {0};
    *revision = 0;
    if (s->readonly) return pv_fail(err, PV_EDENIED, "write %s: it was opened read-only", s->path);
    apply_queue(s, b, &outcome);
    if (outcome.status == PV_OK) *revision = outcome.revision;
    else if (err != NULL) *err = outcome.err;
    return outcome.status;
}
