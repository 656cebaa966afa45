#include <string.h>

#include "store/internal.h"

typedef struct lock_args {
    pv_bytes name, owner;
    int64_t ttl_ms, now_ms;
    uint64_t token;  /* in for renew and release; out for claim: ours, or the holder's */
    int64_t expires; /* out: of the lock that is in the way */
    pv_buf *holder;  /* out: its owner */
    bool release;
} lock_args;

static pv_status check_lock_name(pv_bytes name, pv_err *err)
{
    if (name.len == 0) return pv_fail(err, PV_EINVAL, "lock name is empty");
    if (name.len > PV_STORE_ID_MAX)
        return pv_fail(err, PV_ELIMIT, "lock name is longer than %d bytes", PV_STORE_ID_MAX);
    return PV_OK;
}

pv_status check_token(pv_store *s, MDB_txn *txn, uint64_t token, pv_err *err)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    bool held = false;
    int rc = mdb_cursor_open(txn, s->dbi[T_LOCKS], &cursor);
    if (rc != 0) return store_fail(s, err, rc, "write");
    while (!held && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        uint64_t one;
        int64_t expires;
        pv_bytes owner;
        held = parse_lock(bytes_of(value), &one, &expires, &owner) && one == token;
    }
    mdb_cursor_close(cursor);
    if (rc != 0 && rc != MDB_NOTFOUND) return store_fail(s, err, rc, "write");
    if (held) return PV_OK;
    return pv_fail(err, PV_ECONFLICT,
                   "the lock with token %llu is no longer held: it was released, or it expired "
                   "and another took it",
                   (unsigned long long)token);
}

static int64_t deadline(const lock_args *a)
{
    return a->ttl_ms > INT64_MAX - a->now_ms ? INT64_MAX : a->now_ms + a->ttl_ms;
}

/* The lock as it is; *found is false when there is none. */
static pv_status load(pv_change *c, pv_bytes name, uint64_t *token, int64_t *expires,
                      pv_bytes *owner, bool *found)
{
    MDB_val key = val_of(name.data, name.len), value;
    int rc = mdb_get(c->txn, c->s->dbi[T_LOCKS], &key, &value);
    *found = false;
    if (rc == MDB_NOTFOUND) return PV_OK;
    if (rc != 0) return change_fail(c, rc, "write");
    if (!parse_lock(bytes_of(value), token, expires, owner))
        return change_fail(c, MDB_CORRUPTED, "write");
    *found = true;
    return PV_OK;
}

static pv_status save(pv_change *c, pv_bytes name, uint64_t token, int64_t expires, pv_bytes owner)
{
    pv_buf raw = {0};
    char head[16];
    MDB_val key = val_of(name.data, name.len), value;
    int rc;
    put_u64le(head, token);
    put_u64le(head + 8, (uint64_t)expires);
    pv_buf_add(&raw, head, sizeof head);
    pv_buf_add(&raw, owner.data, owner.len);
    value = val_of(raw.data, raw.len);
    rc = mdb_put(c->txn, c->s->dbi[T_LOCKS], &key, &value, 0);
    pv_buf_deinit(&raw);
    return rc == 0 ? PV_OK : change_fail(c, rc, "write");
}

static pv_status claim(pv_change *c, void *arg)
{
    lock_args *a = arg;
    uint64_t token;
    int64_t expires;
    pv_bytes owner;
    bool found;
    pv_status status = load(c, a->name, &token, &expires, &owner, &found);
    if (status != PV_OK) return status;
    if (found && expires > a->now_ms) {
        a->expires = expires;
        a->token = token;
        if (a->holder != NULL) pv_buf_add(a->holder, owner.data, owner.len);
        return pv_fail(c->err, PV_EBUSY, "'%.*s' is locked by %.*s", (int)a->name.len, a->name.data,
                       (int)owner.len, owner.data);
    }
    a->token = ++c->state.token;
    return save(c, a->name, a->token, deadline(a), a->owner);
}

static pv_status renew_or_release(pv_change *c, void *arg)
{
    lock_args *a = arg;
    MDB_val key = val_of(a->name.data, a->name.len);
    uint64_t token;
    int64_t expires;
    pv_bytes owner;
    char copy[PV_STORE_ID_MAX];
    bool found;
    int rc;
    pv_status status = load(c, a->name, &token, &expires, &owner, &found);
    if (status != PV_OK) return status;
    if (!found || token != a->token) {
        return pv_fail(c->err, PV_ECONFLICT, "the lock '%.*s' is no longer held with token %llu",
                       (int)a->name.len, a->name.data, (unsigned long long)a->token);
    }
    if (a->release) {
        rc = mdb_del(c->txn, c->s->dbi[T_LOCKS], &key, NULL);
        return rc == 0 ? PV_OK : change_fail(c, rc, "write");
    }
    if (owner.len > sizeof copy) return change_fail(c, MDB_CORRUPTED, "write");
    memcpy(copy, owner.data, owner.len); /* the page it is on is about to be written */
    return save(c, a->name, token, deadline(a), (pv_bytes){copy, owner.len});
}

pv_status pv_store_claim(pv_store *s, pv_bytes name, pv_bytes owner, int64_t ttl_ms, int64_t now_ms,
                         uint64_t *token, int64_t *expires, pv_buf *holder, pv_err *err)
{
    lock_args a = {
        .name = name, .owner = owner, .ttl_ms = ttl_ms, .now_ms = now_ms, .holder = holder};
    pv_status status;
    *token = 0;
    if (expires != NULL) *expires = 0;
    if ((status = check_lock_name(name, err)) != PV_OK) return status;
    if (ttl_ms <= 0 || now_ms < 0)
        return pv_fail(err, PV_EINVAL, "a lock needs a time to live above 0 and a clock");
    if (owner.len > PV_STORE_ID_MAX)
        return pv_fail(err, PV_ELIMIT, "lock owner is longer than %d bytes", PV_STORE_ID_MAX);
    status = write_with(s, claim, &a, err);
    if (status == PV_OK || status == PV_EBUSY) *token = a.token;
    if (expires != NULL) *expires = a.expires;
    return status;
}

pv_status pv_store_renew(pv_store *s, pv_bytes name, uint64_t token, int64_t ttl_ms, int64_t now_ms,
                         pv_err *err)
{
    lock_args a = {.name = name, .token = token, .ttl_ms = ttl_ms, .now_ms = now_ms};
    pv_status status = check_lock_name(name, err);
    if (status != PV_OK) return status;
    if (ttl_ms <= 0 || now_ms < 0)
        return pv_fail(err, PV_EINVAL, "a lock needs a time to live above 0 and a clock");
    return write_with(s, renew_or_release, &a, err);
}

pv_status pv_store_release(pv_store *s, pv_bytes name, uint64_t token, pv_err *err)
{
    lock_args a = {.name = name, .token = token, .release = true};
    pv_status status = check_lock_name(name, err);
    return status != PV_OK ? status : write_with(s, renew_or_release, &a, err);
}
