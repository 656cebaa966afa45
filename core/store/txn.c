#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "store/internal.h"

/* The map doubles up to a point, then grows by that much. */
static const size_t GROW_STEP = (size_t)4 << 30;

static pv_status status_of(int rc)
{
    switch (rc) {
    case MDB_SUCCESS: return PV_OK;
    case MDB_NOTFOUND: return PV_ENOTFOUND;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID: return PV_ECORRUPT;
    case MDB_VERSION_MISMATCH: return PV_EUNSUPPORTED;
    case MDB_READERS_FULL: return PV_EBUSY;
    default: return rc > 0 ? pv_status_errno(rc) : PV_EIO;
    }
}

/* LMDB reports a write that stopped half way, as it does on a full disk, as EIO. */
static bool disk_is_full(const pv_store *s, int rc)
{
    struct statvfs fs;
    if (rc == ENOSPC || rc == EDQUOT) return true;
    return rc == EIO && statvfs(s->path, &fs) == 0 && fs.f_bavail == 0;
}

pv_status store_explain(pv_store *s, pv_err *err, int rc, const char *what)
{
    const char *why = mdb_strerror(rc);
    if (disk_is_full(s, rc)) {
        why = "the disk is full; free some space and try again, nothing committed is lost";
    } else if (rc == EROFS) {
        why = "the file system is read-only";
    } else if (rc == MDB_PANIC) {
        why = "an earlier write failed; open the store again";
    } else if (rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND) {
        why = "the file is damaged; put a backup in its place";
    } else if (rc == MDB_INVALID) {
        why = "this is not a store file, or its start is damaged";
    } else if (rc == MDB_VERSION_MISMATCH) {
        why = "the file was written by another version of LMDB";
    }
    return pv_fail(err, status_of(rc), "%s %s: %s", what, s->path, why);
}

/* Another process made the map larger than ours. */
static int adopt_map(pv_store *s)
{
    int rc;
    pthread_rwlock_wrlock(&s->map);
    rc = mdb_env_set_mapsize(s->env, 0);
    pthread_rwlock_unlock(&s->map);
    return rc;
}

static int begin(pv_store *s, unsigned flags, MDB_txn **txn)
{
    int rc;
    for (int attempt = 0;; attempt++) {
        pthread_rwlock_rdlock(&s->map);
        guard_enter(s);
        rc = mdb_txn_begin(s->env, NULL, flags, txn);
        if (rc == 0) return 0;
        guard_leave();
        pthread_rwlock_unlock(&s->map);
        *txn = NULL;
        if (attempt == 8) return rc;
        if (rc == MDB_MAP_RESIZED) {
            if ((rc = adopt_map(s)) != 0) return rc;
        } else if (rc == MDB_READERS_FULL) { /* slots of processes that were killed */
            int dead = 0;
            if (mdb_reader_check(s->env, &dead) != 0 || dead == 0) return rc;
        } else {
            return rc;
        }
    }
}

pv_status read_begin(pv_store *s, MDB_txn **txn, pv_err *err)
{
    int rc = begin(s, MDB_RDONLY, txn);
    return rc == 0 ? PV_OK : store_fail(s, err, rc, "read");
}

void read_end(pv_store *s, MDB_txn *txn)
{
    if (txn == NULL) return;
    mdb_txn_abort(txn);
    guard_leave();
    pthread_rwlock_unlock(&s->map);
}

int load_state(pv_store *s, MDB_txn *txn, pv_state *state)
{
    MDB_val key = val_of("state", 5), val;
    int rc;
    *state = (pv_state){0};
    if ((rc = mdb_get(txn, s->dbi[T_META], &key, &val)) != 0) {
        return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
    }
    if (val.mv_size != 32) return MDB_CORRUPTED;
    state->head = get_u64le(val.mv_data);
    state->seq = get_u64le((char *)val.mv_data + 8);
    state->nums = get_u64le((char *)val.mv_data + 16);
    state->token = get_u64le((char *)val.mv_data + 24);
    return 0;
}

int save_state(pv_store *s, MDB_txn *txn, const pv_state *state)
{
    char raw[32];
    MDB_val key = val_of("state", 5), val = val_of(raw, sizeof raw);
    put_u64le(raw, state->head);
    put_u64le(raw + 8, state->seq);
    put_u64le(raw + 16, state->nums);
    put_u64le(raw + 24, state->token);
    return mdb_put(txn, s->dbi[T_META], &key, &val, 0);
}

pv_status write_begin(pv_store *s, MDB_txn **txn, pv_state *state, pv_err *err)
{
    pv_status status;
    int rc;
    *txn = NULL;
    if (s->readonly) return pv_fail(err, PV_EDENIED, "write %s: it was opened read-only", s->path);
    if ((rc = begin(s, 0, txn)) != 0) return store_fail(s, err, rc, "write");
    status = swap_check(s, err);
    if (status == PV_OK && (rc = load_state(s, *txn, state)) != 0)
        status = store_fail(s, err, rc, "write");
    if (status != PV_OK) {
        write_abort(s, *txn);
        *txn = NULL;
    }
    return status;
}

int write_commit(pv_store *s, MDB_txn *txn, const pv_state *state)
{
    int rc = save_state(s, txn, state);
    if (rc == 0) rc = mdb_txn_commit(txn);
    else mdb_txn_abort(txn);
    guard_leave();
    pthread_rwlock_unlock(&s->map);
    return rc;
}

void write_abort(pv_store *s, MDB_txn *txn)
{
    if (txn == NULL) return;
    mdb_txn_abort(txn);
    guard_leave();
    pthread_rwlock_unlock(&s->map);
}

pv_status grow_map(pv_store *s, pv_err *err)
{
    MDB_envinfo info;
    int rc;
    size_t size;
    pthread_rwlock_wrlock(&s->map);
    mdb_env_info(s->env, &info);
    size = info.me_mapsize + (info.me_mapsize < GROW_STEP ? info.me_mapsize : GROW_STEP);
    rc = mdb_env_set_mapsize(s->env, size);
    pthread_rwlock_unlock(&s->map);
    return rc == 0 ? PV_OK : store_fail(s, err, rc, "grow the memory map of");
}

pv_status change_fail(pv_change *c, int rc, const char *what)
{
    c->rc = rc;
    return store_fail(c->s, c->err, rc, what);
}

pv_status write_with(pv_store *s, pv_status (*fn)(pv_change *c, void *arg), void *arg, pv_err *err)
{
    for (;;) {
        pv_change c = {.s = s, .err = err};
        pv_status status = write_begin(s, &c.txn, &c.state, err);
        if (status != PV_OK) return status;
        status = fn(&c, arg);
        if (status == PV_OK) {
            if ((c.rc = write_commit(s, c.txn, &c.state)) == 0) return PV_OK;
            status = store_fail(s, err, c.rc, "write");
        } else {
            write_abort(s, c.txn);
        }
        if (c.rc != MDB_MAP_FULL) return status;
        if ((status = grow_map(s, err)) != PV_OK) return status;
    }
}
