#include <string.h>
#include <time.h>

#include "base/map.h"
#include "base/mem.h"
#include "store/internal.h"

/* One batch on its way into the transaction. */
typedef struct apply {
    pv_change *c;
    const pv_batch *b;
    uint64_t rev;     /* what graph changes are stamped with */
    bool changed;     /* there were any */
    uint64_t checked; /* token known to be held in this transaction, 0: none */
    pv_buf value;     /* record being built */
    pv_buf old;       /* record being replaced */
} apply;

static int get(apply *a, int table, pv_bytes key, pv_bytes *value)
{
    MDB_val k = val_of(key.data, key.len), v;
    int rc = mdb_get(a->c->txn, a->c->s->dbi[table], &k, &v);
    *value = rc == 0 ? bytes_of(v) : (pv_bytes){0};
    return rc;
}

static int put(apply *a, int table, pv_bytes key, pv_bytes value, unsigned flags)
{
    MDB_val k = val_of(key.data, key.len), v = val_of(value.data, value.len);
    return mdb_put(a->c->txn, a->c->s->dbi[table], &k, &v, flags);
}

static pv_bytes buf_bytes(const pv_buf *buf)
{
    return (pv_bytes){buf->data, buf->len};
}

static pv_status write_failed(apply *a, int rc)
{
    return change_fail(a->c, rc, "write");
}

/* Reads the node record of id; its bytes are copied to a->old, so that writes leave them. */
static pv_status find_node(apply *a, pv_bytes id, pv_node_rec *rec, bool *found)
{
    pv_bytes raw;
    int rc = get(a, T_NODES, id, &raw);
    *found = false;
    if (rc == MDB_NOTFOUND) return PV_OK;
    if (rc != 0) return write_failed(a, rc);
    pv_buf_reset(&a->old);
    pv_buf_add(&a->old, raw.data, raw.len);
    if (!parse_node(buf_bytes(&a->old), rec)) return write_failed(a, MDB_CORRUPTED);
    *found = true;
    return PV_OK;
}

static pv_status put_node(apply *a, pv_bytes id, const pv_node_rec *rec, pv_bytes data)
{
    pv_status status = PV_OK;
    int rc;
    pv_buf_reset(&a->value);
    add_node_head(&a->value, rec);
    if (!(rec->flags & FLAG_GRAVE)) {
        pv_where where = where_node(rec, id);
        status = seal_to(a->c->s, &a->value, data, &where, a->c->err);
    }
    if (status != PV_OK) return status;
    rc = put(a, T_NODES, id, buf_bytes(&a->value), 0);
    return rc == 0 ? PV_OK : write_failed(a, rc);
}

static int new_number(apply *a, pv_bytes id, uint64_t *num)
{
    *num = ++a->c->state.nums;
    return put(a, T_NUMS, (pv_bytes){(const char *)num, sizeof *num}, id, MDB_APPEND);
}

/* Moves the record in a->old to the history, unless this revision made it. */
static int keep_old_node(apply *a, const pv_node_rec *old)
{
    char key[16];
    if ((old->flags & FLAG_GRAVE) || old->rev == a->rev) return 0;
    put_u64be(key, old->num);
    put_u64be(key + 8, a->rev);
    return put(a, T_NHIST, (pv_bytes){key, sizeof key}, buf_bytes(&a->old), 0);
}

static pv_status apply_node(apply *a, pv_bytes id, pv_bytes type, pv_bytes data)
{
    pv_node_rec old, rec = {.rev = a->rev, .type = type};
    bool found;
    int rc;
    pv_status status = find_node(a, id, &old, &found);
    if (status != PV_OK) return status;
    if (found) {
        rec.num = old.num;
        rc = keep_old_node(a, &old);
    } else {
        rc = new_number(a, id, &rec.num);
    }
    if (rc != 0) return write_failed(a, rc);
    a->changed = true;
    return put_node(a, id, &rec, data);
}

/* The number of an id; one that never was a node gets a grave to carry it. */
static pv_status number_of(apply *a, pv_bytes id, uint64_t *num)
{
    pv_node_rec rec;
    bool found;
    int rc;
    pv_status status = find_node(a, id, &rec, &found);
    if (status != PV_OK) return status;
    if (found) {
        *num = rec.num;
        return PV_OK;
    }
    rec = (pv_node_rec){.flags = FLAG_GRAVE, .rev = a->rev};
    if ((rc = new_number(a, id, &rec.num)) != 0) return write_failed(a, rc);
    *num = rec.num;
    return put_node(a, id, &rec, (pv_bytes){0});
}

/* Reads the edge at key into a->old. */
static pv_status find_edge(apply *a, pv_bytes key, pv_edge_rec *rec, bool *found)
{
    pv_bytes raw;
    int rc = get(a, T_OUT, key, &raw);
    *found = false;
    if (rc == MDB_NOTFOUND) return PV_OK;
    if (rc != 0) return write_failed(a, rc);
    pv_buf_reset(&a->old);
    pv_buf_add(&a->old, raw.data, raw.len);
    if (!parse_edge(buf_bytes(&a->old), rec)) return write_failed(a, MDB_CORRUPTED);
    *found = true;
    return PV_OK;
}

static int keep_old_edge(apply *a, pv_bytes key, const pv_edge_rec *old)
{
    char with_rev[KEY_CAP];
    if ((old->flags & FLAG_GRAVE) || old->rev == a->rev) return 0;
    memcpy(with_rev, key.data, key.len);
    put_u64be(with_rev + key.len, a->rev);
    return put(a, T_EHIST, (pv_bytes){with_rev, key.len + 8}, buf_bytes(&a->old), 0);
}

static pv_status apply_edge(apply *a, pv_bytes from, pv_bytes type, pv_bytes to, pv_bytes data)
{
    char raw_key[KEY_CAP], in_key[KEY_CAP];
    pv_edge_key key = {.type = type};
    pv_edge_rec old, rec = {.rev = a->rev};
    pv_bytes out;
    pv_where where;
    bool found;
    int rc = 0;
    pv_status status = number_of(a, from, &key.near);
    if (status == PV_OK) status = number_of(a, to, &key.far);
    if (status != PV_OK) return status;
    out = (pv_bytes){raw_key, make_edge_key(raw_key, key.near, type, key.far)};
    if ((status = find_edge(a, out, &old, &found)) != PV_OK) return status;
    if (found) {
        rc = keep_old_edge(a, out, &old);
    } else {
        pv_bytes in = {in_key, make_edge_key(in_key, key.far, type, key.near)};
        rc = put(a, T_IN, in, (pv_bytes){"", 0}, 0);
    }
    if (rc != 0) return write_failed(a, rc);
    pv_buf_reset(&a->value);
    add_edge_head(&a->value, &rec);
    where = where_edge(&rec, &key);
    if ((status = seal_to(a->c->s, &a->value, data, &where, a->c->err)) != PV_OK) return status;
    if ((rc = put(a, T_OUT, out, buf_bytes(&a->value), 0)) != 0) return write_failed(a, rc);
    a->changed = true;
    return PV_OK;
}

/* Turns the edge at key into a grave. */
static pv_status bury_edge(apply *a, pv_bytes key)
{
    pv_edge_rec old, rec = {.flags = FLAG_GRAVE, .rev = a->rev};
    bool found;
    int rc;
    pv_status status = find_edge(a, key, &old, &found);
    if (status != PV_OK || !found || (old.flags & FLAG_GRAVE)) return status;
    if ((rc = keep_old_edge(a, key, &old)) != 0) return write_failed(a, rc);
    pv_buf_reset(&a->value);
    add_edge_head(&a->value, &rec);
    if ((rc = put(a, T_OUT, key, buf_bytes(&a->value), 0)) != 0) return write_failed(a, rc);
    a->changed = true;
    return PV_OK;
}

static pv_status apply_del_edge(apply *a, pv_bytes from, pv_bytes type, pv_bytes to)
{
    char key[KEY_CAP];
    pv_node_rec near, far;
    bool found;
    pv_status status = find_node(a, from, &near, &found);
    if (status != PV_OK || !found) return status;
    status = find_node(a, to, &far, &found);
    if (status != PV_OK || !found) return status;
    return bury_edge(a, (pv_bytes){key, make_edge_key(key, near.num, type, far.num)});
}

/* Collects the keys of the edges that start at num, each with a length byte in front. */
static int edges_of(apply *a, uint64_t num, pv_buf *keys)
{
    char prefix[8];
    MDB_cursor *cursor;
    MDB_val key = val_of(prefix, sizeof prefix), value;
    int rc = mdb_cursor_open(a->c->txn, a->c->s->dbi[T_OUT], &cursor);
    if (rc != 0) return rc;
    put_u64be(prefix, num);
    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (rc == 0 && key.mv_size > 8 && memcmp(key.mv_data, prefix, 8) == 0) {
        pv_buf_addc(keys, (char)key.mv_size);
        pv_buf_add(keys, key.mv_data, key.mv_size);
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static pv_status apply_del_node(apply *a, pv_bytes id)
{
    pv_node_rec old, rec = {.flags = FLAG_GRAVE, .rev = a->rev};
    pv_buf keys = {0};
    bool found;
    int rc;
    pv_status status = find_node(a, id, &old, &found);
    if (status != PV_OK || !found || (old.flags & FLAG_GRAVE)) return status;
    rec.num = old.num;
    if ((rc = keep_old_node(a, &old)) != 0) return write_failed(a, rc);
    if ((status = put_node(a, id, &rec, (pv_bytes){0})) != PV_OK) return status;
    a->changed = true;
    rc = edges_of(a, rec.num, &keys);
    if (rc != 0) status = write_failed(a, rc);
    for (size_t at = 0; status == PV_OK && at < keys.len;) {
        size_t len = (unsigned char)keys.data[at];
        status = bury_edge(a, (pv_bytes){keys.data + at + 1, len});
        at += 1 + len;
    }
    pv_buf_deinit(&keys);
    return status;
}

static pv_status apply_journal(apply *a, pv_bytes run, pv_bytes data)
{
    uint64_t seq = ++a->c->state.seq;
    pv_bytes key = {(const char *)&seq, sizeof seq};
    pv_where where = {.tag = 'j', .a = seq, .name = run};
    pv_status status;
    int rc;
    pv_buf_reset(&a->value);
    pv_buf_addc(&a->value, (char)(run.len & 0xff));
    pv_buf_addc(&a->value, (char)(run.len >> 8));
    pv_buf_add(&a->value, run.data, run.len);
    if ((status = seal_to(a->c->s, &a->value, data, &where, a->c->err)) != PV_OK) return status;
    rc = put(a, T_JOURNAL, key, buf_bytes(&a->value), MDB_APPEND);
    if (rc == 0) rc = put(a, T_RUNS, run, key, MDB_APPENDDUP);
    return rc == 0 ? PV_OK : write_failed(a, rc);
}

static int del(apply *a, int table, pv_bytes key)
{
    MDB_val k = val_of(key.data, key.len);
    return mdb_del(a->c->txn, a->c->s->dbi[table], &k, NULL);
}

static pv_status apply_del_journal(apply *a, pv_bytes run)
{
    MDB_cursor *cursor;
    MDB_val key = val_of(run.data, run.len), seq;
    uint64_t number;
    int rc = mdb_cursor_open(a->c->txn, a->c->s->dbi[T_RUNS], &cursor);
    if (rc != 0) return write_failed(a, rc);
    rc = mdb_cursor_get(cursor, &key, &seq, MDB_SET);
    while (rc == 0 && seq.mv_size == sizeof number) {
        memcpy(&number, seq.mv_data, sizeof number);
        rc = del(a, T_JOURNAL, (pv_bytes){(const char *)&number, sizeof number});
        if (rc == 0 || rc == MDB_NOTFOUND) rc = mdb_cursor_get(cursor, &key, &seq, MDB_NEXT_DUP);
    }
    mdb_cursor_close(cursor);
    if (rc == MDB_NOTFOUND) rc = del(a, T_RUNS, run);
    return rc == 0 || rc == MDB_NOTFOUND ? PV_OK : write_failed(a, rc);
}

/* Each key is looked up anew: a cursor that deletes must not be trusted to stand right after. */
static pv_status apply_del_range(apply *a, pv_bytes space, pv_bytes prefix, pv_bytes before)
{
    char from[KEY_CAP], end[KEY_CAP];
    pv_bytes start = {from, make_kv_key(from, space, prefix)};
    pv_bytes last = {end, make_kv_key(end, space, before)};
    MDB_dbi dbi = a->c->s->dbi[T_KV];
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(a->c->txn, dbi, &cursor);
    if (rc != 0) return write_failed(a, rc);
    while (rc == 0) {
        MDB_val key = val_of(start.data, start.len), value;
        MDB_val stop = val_of(last.data, last.len);
        rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
        if (rc != 0 || key.mv_size < start.len || memcmp(key.mv_data, start.data, start.len) != 0)
            break;
        if (before.len != 0 && mdb_cmp(a->c->txn, dbi, &key, &stop) >= 0) break;
        rc = mdb_cursor_del(cursor, 0);
    }
    mdb_cursor_close(cursor);
    return rc == 0 || rc == MDB_NOTFOUND ? PV_OK : write_failed(a, rc);
}

static pv_status apply_kv(apply *a, const pv_op *op)
{
    char raw_key[KEY_CAP];
    pv_bytes space = batch_part(a->b, op, 0), key = batch_part(a->b, op, 1);
    pv_bytes whole = {raw_key, make_kv_key(raw_key, space, key)};
    pv_where where = {.tag = 'k', .name = space, .name2 = key};
    pv_status status;
    int rc;
    if (op->kind == OP_DEL) {
        rc = del(a, T_KV, whole);
        return rc == 0 || rc == MDB_NOTFOUND ? PV_OK : write_failed(a, rc);
    }
    pv_buf_reset(&a->value);
    status = seal_to(a->c->s, &a->value, batch_part(a->b, op, 3), &where, a->c->err);
    if (status != PV_OK) return status;
    rc = put(a, T_KV, whole, buf_bytes(&a->value), 0);
    return rc == 0 ? PV_OK : write_failed(a, rc);
}

static pv_status apply_op(apply *a, const pv_op *op)
{
    pv_bytes p0 = batch_part(a->b, op, 0), p1 = batch_part(a->b, op, 1),
             p2 = batch_part(a->b, op, 2);
    pv_bytes data = batch_part(a->b, op, 3);
    switch (op->kind) {
    case OP_NODE: return apply_node(a, p0, p1, data);
    case OP_DEL_NODE: return apply_del_node(a, p0);
    case OP_EDGE: return apply_edge(a, p0, p1, p2, data);
    case OP_DEL_EDGE: return apply_del_edge(a, p0, p1, p2);
    case OP_JOURNAL: return apply_journal(a, p0, data);
    case OP_DEL_JOURNAL: return apply_del_journal(a, p0);
    case OP_DEL_RANGE: return apply_del_range(a, p0, p1, p2);
    case OP_PUT:
    case OP_DEL: return apply_kv(a, op);
    }
    return pv_fail(a->c->err, PV_EINVAL, "unknown operation in a batch");
}

/* A token is good while some lock carries it; who took over got another one. */
static pv_status check_epoch(apply *a)
{
    pv_status status;
    if (a->checked == a->b->epoch && a->checked != 0) return PV_OK;
    status = check_token(a->c->s, a->c->txn, a->b->epoch, a->c->err);
    if (status == PV_OK) a->checked = a->b->epoch;
    return status;
}

/* Edges must start at a node that exists when their turn comes. */
static pv_status check_edges(apply *a)
{
    pv_map made = {0}; /* ids this batch writes, to whether they exist after it so far */
    pv_status status = PV_OK;
    for (size_t i = 0; i < a->b->count && status == PV_OK; i++) {
        const pv_op *op = &a->b->ops[i];
        pv_bytes id = batch_part(a->b, op, 0);
        if (op->kind == OP_NODE || op->kind == OP_DEL_NODE) {
            pv_map_set(&made, id, (pv_value){.num = op->kind == OP_NODE});
        } else if (op->kind == OP_EDGE) {
            pv_value *known = pv_map_get(&made, id);
            bool exists = known != NULL && known->num;
            if (known == NULL) {
                pv_node_rec rec;
                status = find_node(a, id, &rec, &exists);
                exists = exists && !(rec.flags & FLAG_GRAVE);
            }
            if (status == PV_OK && !exists) {
                pv_bytes to = batch_part(a->b, op, 2);
                status = pv_fail(a->c->err, PV_ENOTFOUND,
                                 "edge from '%.*s' to '%.*s': it starts at no node", (int)id.len,
                                 id.data, (int)to.len, to.data);
            }
        }
    }
    pv_map_deinit(&made);
    return status;
}

/* Everything that can be wrong with a batch is found before its first write, so that it can
 * be left out without undoing the ones before it. */
static pv_status check_batch(apply *a)
{
    uint64_t head = a->c->state.head;
    pv_status status = PV_OK;
    bool edges = false;
    if (a->b->has_expected && a->b->expected != head) {
        return pv_fail(a->c->err, PV_ECONFLICT,
                       "the state changed meanwhile: it is at revision %llu, not %llu",
                       (unsigned long long)head, (unsigned long long)a->b->expected);
    }
    if (a->b->has_epoch) status = check_epoch(a);
    for (size_t i = 0; i < a->b->count && !edges; i++) edges = a->b->ops[i].kind == OP_EDGE;
    if (status == PV_OK && edges) status = check_edges(a);
    return status;
}

static pv_status add_revision(apply *a)
{
    char time[8];
    struct timespec now;
    pv_bytes key = {(const char *)&a->rev, sizeof a->rev};
    pv_where where = {.tag = 'r', .a = a->rev};
    pv_status status;
    int rc;
    clock_gettime(CLOCK_REALTIME, &now);
    put_u64le(time, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
    pv_buf_reset(&a->value);
    pv_buf_add(&a->value, time, sizeof time);
    status = seal_to(a->c->s, &a->value, buf_bytes(&a->b->message), &where, a->c->err);
    if (status != PV_OK) return status;
    if ((rc = put(a, T_REVS, key, buf_bytes(&a->value), MDB_APPEND)) != 0)
        return write_failed(a, rc);
    a->c->state.head = a->rev;
    return PV_OK;
}

/* Applies one batch.  *refused: it failed its checks and wrote nothing. */
static pv_status apply_batch(apply *a, const pv_batch *b, bool *refused)
{
    pv_status status;
    a->b = b;
    a->rev = a->c->state.head + 1;
    a->changed = false;
    status = check_batch(a);
    *refused = status != PV_OK && a->c->rc == 0;
    for (size_t i = 0; i < b->count && status == PV_OK; i++) status = apply_op(a, &b->ops[i]);
    if (status == PV_OK && a->changed) status = add_revision(a);
    return status;
}

/* One attempt at all jobs in one transaction.  Returns the status that spoils it as a whole,
 * with the LMDB result in *rc. */
static pv_status attempt(pv_store *s, pv_job *jobs, size_t count, int *rc, pv_err *err)
{
    pv_change c = {.s = s};
    apply a = {.c = &c};
    size_t applied = 0;
    pv_status status = write_begin(s, &c.txn, &c.state, err);
    *rc = 0;
    if (status != PV_OK) return status;
    for (size_t i = 0; i < count && status == PV_OK; i++) {
        pv_outcome *outcome = jobs[i].outcome;
        bool refused;
        c.err = &outcome->err;
        outcome->status = status = apply_batch(&a, jobs[i].batch, &refused);
        outcome->revision = c.state.head;
        if (status == PV_OK) applied++;
        else if (refused) status = PV_OK;
        else if (err != NULL) *err = outcome->err;
    }
    pv_buf_wipe(&a.value);
    pv_buf_wipe(&a.old);
    if (status != PV_OK || applied == 0) {
        write_abort(s, c.txn);
    } else if ((c.rc = write_commit(s, c.txn, &c.state)) != 0) {
        status = store_fail(s, err, c.rc, "write");
    }
    *rc = c.rc;
    return status;
}

void apply_jobs(pv_store *s, pv_job *jobs, size_t count)
{
    pv_err err;
    pv_status status;
    int rc;
    do {
        status = attempt(s, jobs, count, &rc, &err);
        if (status == PV_OK) return;
    } while (rc == MDB_MAP_FULL && (status = grow_map(s, &err)) == PV_OK);
    if (count > 1) { /* one of them may be too much for the disk; the others need not fail */
        for (size_t i = 0; i < count; i++) apply_jobs(s, &jobs[i], 1);
        return;
    }
    jobs[0].outcome->status = status;
    jobs[0].outcome->err = err;
}
