/* The store: what prov knows, durable in one LMDB file per workspace.
 *
 * It holds a graph (nodes, edges with an index both ways) whose past revisions can all be
 * read, an append-only journal by run, key/value spaces, and locks with fencing tokens.
 * Everything changes in batches; a batch is applied whole or not at all and is on disk when
 * the commit has succeeded.  Bytes are sealed with the pv_sealer of the store; ids, types,
 * run names, spaces and keys are not, but the sealed bytes are bound to them, so that a
 * record moved to another key no longer opens.
 *
 * Threads: every function may be called from any thread unless it says otherwise.  Readers
 * see the last commit before they started and wait for nobody; writers take turns, also
 * between processes.  One process opens a file once (a rule of LMDB, enforced). */
#ifndef PV_STORE_STORE_H
#define PV_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/sealer.h"
#include "base/status.h"

struct uv_loop_s;

typedef struct pv_store pv_store;
typedef struct pv_batch pv_batch;
typedef struct pv_cursor pv_cursor;

enum {
    PV_STORE_FORMAT = 1,
    PV_STORE_ID_MAX = 400,  /* bytes of a node id, a key, a run, a lock name */
    PV_STORE_TYPE_MAX = 64, /* bytes of a type or space */
    PV_STORE_VALUE_MAX = 64 * 1024 * 1024,
};

/* The newest revision, where a revision is asked for. */
#define PV_STORE_HEAD UINT64_MAX

typedef struct pv_store_options {
    pv_sealer *sealer; /* NULL: plain; the store keeps a reference of its own */
    bool readonly;
    size_t map_size; /* first size of the memory map; 0: a good one. It grows by itself. */
} pv_store_options;

/* Opens the store in the file at path (and path + "-lock" beside it), creating it unless
 * readonly.  options may be NULL.  Close *out with pv_store_close().
 * Statuses: PV_EAUTH (sealed with another key, or sealed and no sealer given), PV_EUNSUPPORTED
 * (a newer format), PV_ECORRUPT, PV_EBUSY (open in this process already), PV_ENOTFOUND
 * (readonly and absent), PV_EDENIED, PV_EIO. */
pv_status pv_store_open(pv_store **out, const char *path, const pv_store_options *options,
                        pv_err *err);

/* Writes what is queued, waits for the worker and closes the file.  Callbacks of queued
 * commits still come.  No cursor may be open.  NULL is fine. */
void pv_store_close(pv_store *s);

/* ---- Batches ---- */

/* An empty batch.  Free with pv_batch_free() unless a commit took it. */
pv_batch *pv_batch_new(void);
void pv_batch_free(pv_batch *b);

/* The functions below add one operation; the bytes are copied.  PV_EINVAL for an empty or
 * malformed name, PV_ELIMIT for one or a value that is too long.  Operations apply in order. */

/* Creates or overwrites a node. */
pv_status pv_batch_node(pv_batch *b, pv_bytes id, pv_bytes type, pv_bytes data, pv_err *err);
/* Removes a node and the edges that start at it; nothing when there is none.  Edges that
 * point to it stay: they belong to the nodes they start at. */
pv_status pv_batch_del_node(pv_batch *b, pv_bytes id, pv_err *err);
/* Creates or overwrites an edge.  Its `from` node must exist by then (else the commit fails
 * with PV_ENOTFOUND); `to` need not. */
pv_status pv_batch_edge(pv_batch *b, pv_bytes from, pv_bytes type, pv_bytes to, pv_bytes data,
                        pv_err *err);
pv_status pv_batch_del_edge(pv_batch *b, pv_bytes from, pv_bytes type, pv_bytes to, pv_err *err);
/* Appends a record to the journal of a run. */
pv_status pv_batch_journal(pv_batch *b, pv_bytes run, pv_bytes data, pv_err *err);
/* Removes the records of a run; the sequence numbers of others stay. */
pv_status pv_batch_del_journal(pv_batch *b, pv_bytes run, pv_err *err);
/* Sets or removes a key of a space. */
pv_status pv_batch_put(pv_batch *b, pv_bytes space, pv_bytes key, pv_bytes data, pv_err *err);
pv_status pv_batch_del(pv_batch *b, pv_bytes space, pv_bytes key, pv_err *err);
/* Removes the keys of a space that start with prefix (empty: all) and come before `before`
 * (empty: to the end). */
pv_status pv_batch_del_range(pv_batch *b, pv_bytes space, pv_bytes prefix, pv_bytes before,
                             pv_err *err);

/* The commit fails with PV_ECONFLICT unless the head is at this revision. */
void pv_batch_expect(pv_batch *b, uint64_t revision);
/* The commit fails with PV_ECONFLICT unless a lock is held with this token. */
void pv_batch_epoch(pv_batch *b, uint64_t token);
/* What pv_store_revisions() shows for the revision this batch makes. */
pv_status pv_batch_message(pv_batch *b, pv_bytes message, pv_err *err);

/* ---- Commits ---- */

/* Applies the batch and makes it durable; blocks.  *revision is the head after it: a new one
 * when nodes or edges were written, else the one before.  Commits queued earlier are applied
 * first.  The batch stays the caller's and may be committed again. */
pv_status pv_store_commit(pv_store *s, pv_batch *b, uint64_t *revision, pv_err *err);

/* err is NULL on success.  Called on the loop's thread. */
typedef void (*pv_commit_fn)(void *arg, uint64_t revision, const pv_err *err);

/* Queues the batch, which now belongs to the store, and calls fn once when it is durable or
 * has failed, in the order of queueing, never before this returns.  All that is queued when a
 * worker thread gets to it shares one transaction and one fsync; a batch that fails does not
 * touch the others.  Call on the loop's thread.  On a failure the batch stays the caller's
 * and fn is not called. */
pv_status pv_store_commit_async(pv_store *s, struct uv_loop_s *loop, pv_batch *b, pv_commit_fn fn,
                                void *arg, pv_err *err);

/* ---- Reading ---- */

/* The newest revision; 0 for a store without any. */
pv_status pv_store_head(pv_store *s, uint64_t *revision, pv_err *err);

/* The oldest revision that is kept, 0 for a store without any.  What is asked of the graph at a
 * revision before it (other than 0 when it is 1) is not what was there then. */
pv_status pv_store_oldest(pv_store *s, uint64_t *revision, pv_err *err);

/* Appends a node's type and bytes as they were at `revision`.  PV_ENOTFOUND without a message
 * when there was none; type and data may be NULL. */
pv_status pv_store_node(pv_store *s, pv_bytes id, uint64_t revision, pv_buf *type, pv_buf *data,
                        pv_err *err);

/* Appends the value of a key; PV_ENOTFOUND without a message when there is none. */
pv_status pv_store_get(pv_store *s, pv_bytes space, pv_bytes key, pv_buf *data, pv_err *err);

typedef enum { PV_EDGE_OUT = 1, PV_EDGE_IN = 2, PV_EDGE_BOTH = 3 } pv_edge_dir;

/* One result of a cursor; bytes are valid until the next step.  Which fields are set:
 * nodes id type data; edges id (from) type to data; journal number (sequence) id (run) data;
 * scan id (key) data; revisions number time data (message); locks id (name) data (owner)
 * number (token) time (expires). */
typedef struct pv_row {
    uint64_t number;
    int64_t time; /* milliseconds since 1970 */
    pv_bytes id, type, to, data;
} pv_row;

/* Each opens a cursor over one consistent state of the store; close it with
 * pv_cursor_close().  A cursor stays on the thread that opened it, which must not commit
 * while it is open.  An empty type, run or prefix (len 0) means all. */

/* Nodes in order of id. */
pv_status pv_store_nodes(pv_store *s, pv_bytes type, uint64_t revision, pv_cursor **out,
                         pv_err *err);
/* Edges at a node, those that leave it first. */
pv_status pv_store_edges(pv_store *s, pv_bytes id, pv_edge_dir dir, pv_bytes type,
                         uint64_t revision, pv_cursor **out, pv_err *err);
/* Journal records from sequence number `from` on (0: the start), in order. */
pv_status pv_store_journal(pv_store *s, pv_bytes run, uint64_t from, pv_cursor **out, pv_err *err);
typedef struct pv_range {
    pv_bytes prefix; /* keys that start with it */
    pv_bytes after;  /* keys greater than it, less than it when reversed; empty: from the start */
    bool reverse;    /* from the greatest key down */
} pv_range;

/* Keys of a space in order; NULL: all.  The first step costs a look-up, whatever is left out. */
pv_status pv_store_scan(pv_store *s, pv_bytes space, const pv_range *range, pv_cursor **out,
                        pv_err *err);
/* Revisions, newest first. */
pv_status pv_store_revisions(pv_store *s, pv_cursor **out, pv_err *err);
/* Locks by name, expired ones too. */
pv_status pv_store_locks(pv_store *s, pv_cursor **out, pv_err *err);

/* Steps: PV_OK with a row, PV_ENOTFOUND without a message at the end. */
pv_status pv_cursor_next(pv_cursor *c, pv_row *row, pv_err *err);
/* NULL is fine. */
void pv_cursor_close(pv_cursor *c);

/* ---- Locks ---- */

/* Takes the lock `name` for ttl_ms from now_ms on (any clock that all users share).  Each
 * claim gets a larger *token than all before it.  PV_EBUSY when it is held and not expired;
 * *expires and *holder (both may be NULL) tell until when and by whom then, and *token is the
 * holder's: who knows that the holder is dead may release it. */
pv_status pv_store_claim(pv_store *s, pv_bytes name, pv_bytes owner, int64_t ttl_ms, int64_t now_ms,
                         uint64_t *token, int64_t *expires, pv_buf *holder, pv_err *err);
/* Extends the lock.  PV_ECONFLICT when `token` no longer holds it. */
pv_status pv_store_renew(pv_store *s, pv_bytes name, uint64_t token, int64_t ttl_ms, int64_t now_ms,
                         pv_err *err);
/* Gives the lock back; its token is stale from then on.  PV_ECONFLICT as for renew. */
pv_status pv_store_release(pv_store *s, pv_bytes name, uint64_t token, pv_err *err);

/* ---- Care ---- */

typedef struct pv_store_report {
    uint64_t head, nodes, edges, dangling, journal, keys, locks, old_versions;
    uint64_t file_size, used_size; /* bytes */
    uint64_t errors;               /* records that do not open or do not fit together */
    char first[256];               /* what the first of them is */
} pv_store_report;

/* Reads and opens every record and checks that the indexes agree. */
pv_status pv_store_check(pv_store *s, pv_store_report *report, pv_err *err);

typedef struct pv_rewrite {
    pv_sealer *sealer; /* what seals from then on; NULL: as before */
    uint64_t keep;     /* so many revisions, the newest; 0: all */
    uint64_t epoch;    /* token of a lock that must be held; 0: none */
} pv_rewrite;

/* Puts a copy of the store in place of its file: sealed anew, without free space, perhaps without
 * the oldest revisions.  Revisions, journal, keys, locks and counters stay what they are.  A crash
 * at any moment leaves the old file or the new one.  Blocks, and others that write wait.
 * Afterwards this handle and those of other processes still read the old file, and PV_ECONFLICT is
 * all they get when they write: close and open again.  how may be NULL.
 * Statuses: PV_ECONFLICT (the lock is not held), PV_ECORRUPT (a record does not open), PV_EIO. */
pv_status pv_store_rewrite(pv_store *s, const pv_rewrite *how, pv_err *err);

/* Puts the file at path + "-new", which nobody has open, in place of the store at path, as
 * pv_store_rewrite() does: a crash leaves one or the other, and who has the old one open can no
 * longer write. */
pv_status pv_store_swap(const char *path, pv_err *err);

/* Writes a consistent, compact copy to a new file at path while others go on; PV_EEXIST when
 * there is a file.  The copy is complete when it appears. */
pv_status pv_store_backup(pv_store *s, const char *path, pv_err *err);

#endif
