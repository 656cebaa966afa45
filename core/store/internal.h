/* Inside of core/store: the tables, their record formats, transactions.
 *
 * table    key                                  value
 * meta     "format" "uuid" "check" "state"      u32, 16 bytes, sealed text, pv_state
 * nodes    id                                   node record (a deleted node stays as a grave)
 * nums     num                                  id
 * nhist    num BE, rev BE                       node record that revision rev replaced
 * out      from num BE, type, 0, to num BE      edge record (graves stay too)
 * in       to num BE, type, 0, from num BE      nothing
 * ehist    the key of out, rev BE               edge record that revision rev replaced
 * revs     rev                                  time, message
 * journal  seq                                  run length u16, run, bytes
 * runs     run                                  seq, many per key
 * kv       space, 0, key                        bytes
 * locks    name                                 token, expires, owner
 *
 * A read at a past revision takes the record of the head when that is old enough, and else
 * the first one in the history that a later revision replaced: reading the head never looks
 * at history.  Numbers in values are little endian; "num", "rev", "seq" as keys are
 * native uint64 (MDB_INTEGERKEY). */
#ifndef PV_STORE_INTERNAL_H
#define PV_STORE_INTERNAL_H

#include <lmdb.h>
#include <pthread.h>
#include <sys/types.h>

#include "store/store.h"

enum {
    T_META,
    T_NODES,
    T_NUMS,
    T_NHIST,
    T_OUT,
    T_IN,
    T_EHIST,
    T_REVS,
    T_JOURNAL,
    T_RUNS,
    T_KV,
    T_LOCKS,
    T_COUNT
};
enum { UUID_LEN = 16, KEY_CAP = 511 };
enum { FLAG_GRAVE = 1 };

/* Counters, rewritten by every transaction that changes one. */
typedef struct pv_state {
    uint64_t head;  /* newest revision */
    uint64_t seq;   /* last journal record */
    uint64_t nums;  /* last number given to a node id */
    uint64_t token; /* last fencing token */
} pv_state;

typedef struct pv_pending pv_pending; /* queue.c */

struct pv_store {
    MDB_env *env;
    MDB_dbi dbi[T_COUNT];
    char *path;
    pv_sealer *sealer;
    unsigned char uuid[UUID_LEN];
    bool readonly;
    bool listed; /* in the list of open files */
    dev_t dev;
    ino_t ino;
    pthread_rwlock_t map; /* read: a transaction is open; write: the map may move */

    pthread_mutex_t mutex;         /* guards what follows */
    pthread_cond_t idle;           /* applying became false */
    pv_pending *first, **last;     /* queued */
    pv_pending *done, **done_last; /* applied, callback to come */
    bool applying;                 /* a thread has taken the queue and writes */
    bool scheduled;                /* a request to the worker pool is under way */
    unsigned users;                /* the handle, and that request */
};

/* Operations of a batch: up to three names and the data, in one arena. */
typedef enum {
    OP_NODE,
    OP_DEL_NODE,
    OP_EDGE,
    OP_DEL_EDGE,
    OP_JOURNAL,
    OP_DEL_JOURNAL,
    OP_PUT,
    OP_DEL,
    OP_DEL_RANGE
} pv_op_kind;

typedef struct pv_op {
    pv_op_kind kind;
    uint32_t len[4];
    size_t at; /* of the first part in the arena; the others follow */
} pv_op;

struct pv_batch {
    pv_op *ops;
    size_t count, cap;
    pv_buf arena;
    pv_buf message;
    uint64_t expected, epoch;
    bool has_expected, has_epoch;
};

/* Part 0 to 3 of an operation. */
pv_bytes batch_part(const pv_batch *b, const pv_op *op, int part);

/* ---- codec.c ---- */

typedef struct pv_node_rec {
    uint8_t flags;
    uint64_t num, rev;
    pv_bytes type, sealed;
} pv_node_rec;

typedef struct pv_edge_rec {
    uint8_t flags;
    uint64_t rev;
    pv_bytes sealed;
} pv_edge_rec;

/* Keys of out and in taken apart. */
typedef struct pv_edge_key {
    uint64_t near, far;
    pv_bytes type;
} pv_edge_key;

/* What sealed bytes belong to; a different tag per table. */
typedef struct pv_where {
    char tag;
    uint64_t a, b, c;
    pv_bytes name, name2;
} pv_where;

void put_u64be(char *to, uint64_t value);
uint64_t get_u64be(const char *from);
void put_u64le(char *to, uint64_t value);
uint64_t get_u64le(const char *from);

static inline MDB_val val_of(const void *data, size_t len)
{
    return (MDB_val){len, (void *)(uintptr_t)data};
}
static inline pv_bytes bytes_of(MDB_val v)
{
    return (pv_bytes){v.mv_data, v.mv_size};
}

/* Appends data, sealed when the store has a sealer. */
pv_status seal_to(pv_store *s, pv_buf *out, pv_bytes data, const pv_where *where, pv_err *err);
/* The reverse; PV_ECORRUPT when the record was changed or moved. */
pv_status open_to(pv_store *s, pv_buf *out, pv_bytes sealed, const pv_where *where, pv_err *err);

pv_where where_node(const pv_node_rec *rec, pv_bytes id);
pv_where where_edge(const pv_edge_rec *rec, const pv_edge_key *key);

/* Parsers: false when the bytes are too short to be one. */
bool parse_node(pv_bytes raw, pv_node_rec *rec);
bool parse_edge(pv_bytes raw, pv_edge_rec *rec);
bool parse_edge_key(pv_bytes raw, pv_edge_key *key);
bool parse_journal(pv_bytes raw, pv_bytes *run, pv_bytes *sealed);
bool parse_lock(pv_bytes raw, uint64_t *token, int64_t *expires, pv_bytes *owner);

/* Append the parts in front of the sealed bytes. */
void add_node_head(pv_buf *out, const pv_node_rec *rec);
void add_edge_head(pv_buf *out, const pv_edge_rec *rec);
/* Writes an edge key to `to` (KEY_CAP bytes) and returns its length. */
size_t make_edge_key(char *to, uint64_t near, pv_bytes type, uint64_t far);
/* space, 0, key. */
size_t make_kv_key(char *to, pv_bytes space, pv_bytes key);

/* ---- txn.c ---- */

/* Fills err from an LMDB result; "<what> in <path>: why". */
pv_status store_explain(pv_store *s, pv_err *err, int rc, const char *what);

/* The same, and never PV_OK. */
static inline pv_status store_fail(pv_store *s, pv_err *err, int rc, const char *what)
{
    pv_status status = store_explain(s, err, rc, what);
    return status != PV_OK ? status : PV_EIO;
}

/* A read transaction; nested ones on one thread are fine.  End it with read_end. */
pv_status read_begin(pv_store *s, MDB_txn **txn, pv_err *err);
void read_end(pv_store *s, MDB_txn *txn);

/* A write transaction with the counters read.  On PV_OK the map lock is held; end it with
 * write_commit or write_abort. */
pv_status write_begin(pv_store *s, MDB_txn **txn, pv_state *state, pv_err *err);
int write_commit(pv_store *s, MDB_txn *txn, const pv_state *state);
void write_abort(pv_store *s, MDB_txn *txn);
/* Doubles the map; no transaction of this thread may be open. */
pv_status grow_map(pv_store *s, pv_err *err);

int load_state(pv_store *s, MDB_txn *txn, pv_state *state);
int save_state(pv_store *s, MDB_txn *txn, const pv_state *state);

/* Runs fn in a write transaction, again with a larger map when that was full. */
typedef struct pv_change {
    pv_store *s;
    MDB_txn *txn;
    pv_state state;
    int rc; /* the LMDB result behind a failure, 0 when it was none */
    pv_err *err;
} pv_change;
pv_status write_with(pv_store *s, pv_status (*fn)(pv_change *c, void *arg), void *arg, pv_err *err);
/* Notes rc in the change and fills its err. */
pv_status change_fail(pv_change *c, int rc, const char *what);

/* ---- swap.c ---- */

#define SWAP_NEW "-new"   /* ending of the file that takes the place of the store's */
#define SWAP_MARK "-swap" /* ending of the file that is there while that happens */
#define SWAP_MADE "-made" /* ending of a new store until it is whole */

/* Lets fn make a store beside path and puts it there, unless there is one meanwhile: a file at path
 * is always whole, so an empty one was cut short. */
pv_status swap_make(const char *path, pv_status (*fn)(const char *path, void *arg, pv_err *err),
                    void *arg, pv_err *err);

/* Between the two no other file takes the place of the one at path. */
pv_status swap_enter(const char *path, int *folder, pv_err *err);
void swap_leave(int folder);
/* PV_ECONFLICT when another file has taken the place of the open one. */
pv_status swap_check(const pv_store *s, pv_err *err);

/* ---- lock.c ---- */

/* PV_ECONFLICT unless a lock is held with this token. */
pv_status check_token(pv_store *s, MDB_txn *txn, uint64_t token, pv_err *err);

/* ---- guard.c ---- */

/* Between the two a fault of this thread is one of the file: the process ends with a message. */
void guard_enter(const pv_store *s);
void guard_leave(void);

/* ---- extent.c ---- */

/* Where a walk through the pages met what it cannot be. */
typedef struct pv_damage {
    size_t page;
    char table[16]; /* empty: what leads to the tables */
} pv_damage;

/* 0 when every page in use that the transaction sees is one, else MDB_CORRUPTED or
 * MDB_PAGE_NOTFOUND with the first that is not.  A read transaction, which may become newer. */
int store_walk(pv_store *s, MDB_txn *txn, pv_damage *damage);

/* ---- apply.c ---- */

typedef struct pv_outcome {
    pv_status status;
    uint64_t revision;
    pv_err err;
} pv_outcome;

typedef struct pv_job {
    pv_batch *batch;
    pv_outcome *outcome;
} pv_job;

/* Applies the batches in order in one transaction; each gets its outcome. */
void apply_jobs(pv_store *s, pv_job *jobs, size_t count);

/* ---- queue.c ---- */

void queue_init(pv_store *s);
/* Waits for the worker and applies what is queued on this thread. */
void queue_flush(pv_store *s);
/* Drops one user; the last frees the memory of a closed store. */
void store_unref(pv_store *s);

#endif
