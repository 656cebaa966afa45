#include <string.h>

#include "base/mem.h"
#include "store/internal.h"

struct pv_cursor {
    pv_store *s;
    MDB_txn *txn;
    MDB_cursor *cur;  /* what next() steps through */
    MDB_cursor *hist; /* nhist or ehist, opened when a past revision needs it */
    pv_status (*next)(pv_cursor *c, pv_row *row, pv_err *err);
    uint64_t revision;
    uint64_t node, from;
    pv_edge_dir dir; /* what is left to do */
    bool both;       /* edges of both directions: a loop shows once */
    bool started;
    pv_buf want;     /* type, run or prefix to match */
    pv_buf key;      /* key prefix */
    pv_buf from_key; /* of a scan: where it begins */
    bool reverse;
    pv_buf data; /* opened bytes of the row */
};

static pv_status read_failed(pv_store *s, int rc, pv_err *err)
{
    return rc == MDB_NOTFOUND ? PV_ENOTFOUND : store_fail(s, err, rc, "read");
}

static pv_status damaged(pv_store *s, pv_err *err)
{
    return store_fail(s, err, MDB_CORRUPTED, "read");
}

/* In the history at `hist`, the first record under `prefix` that a revision after `revision`
 * replaced.  MDB_NOTFOUND when there is none. */
static int old_version(MDB_cursor *hist, pv_bytes prefix, uint64_t revision, pv_bytes *raw)
{
    char from[KEY_CAP];
    MDB_val key = val_of(from, prefix.len + 8), value;
    int rc;
    memcpy(from, prefix.data, prefix.len);
    put_u64be(from + prefix.len, revision + 1);
    if ((rc = mdb_cursor_get(hist, &key, &value, MDB_SET_RANGE)) != 0) return rc;
    if (key.mv_size != prefix.len + 8 || memcmp(key.mv_data, prefix.data, prefix.len) != 0) {
        return MDB_NOTFOUND;
    }
    *raw = bytes_of(value);
    return 0;
}

/* The node record that held at `revision`; PV_ENOTFOUND when there was none.  *hist is opened
 * when needed. */
static pv_status node_at(pv_store *s, MDB_txn *txn, MDB_cursor **hist, pv_bytes raw,
                         uint64_t revision, pv_node_rec *rec, pv_err *err)
{
    char num[8];
    int rc = 0;
    if (!parse_node(raw, rec)) return damaged(s, err);
    if (rec->rev > revision) {
        put_u64be(num, rec->num);
        if (*hist == NULL) rc = mdb_cursor_open(txn, s->dbi[T_NHIST], hist);
        if (rc == 0) rc = old_version(*hist, (pv_bytes){num, sizeof num}, revision, &raw);
        if (rc != 0) return read_failed(s, rc, err);
        if (!parse_node(raw, rec)) return damaged(s, err);
        if (rec->rev > revision) return PV_ENOTFOUND;
    }
    return (rec->flags & FLAG_GRAVE) ? PV_ENOTFOUND : PV_OK;
}

static pv_status edge_at(pv_cursor *c, pv_bytes key, pv_bytes raw, pv_edge_rec *rec, pv_err *err)
{
    int rc = 0;
    if (!parse_edge(raw, rec)) return damaged(c->s, err);
    if (rec->rev > c->revision) {
        if (c->hist == NULL) rc = mdb_cursor_open(c->txn, c->s->dbi[T_EHIST], &c->hist);
        if (rc == 0) rc = old_version(c->hist, key, c->revision, &raw);
        if (rc != 0) return read_failed(c->s, rc, err);
        if (!parse_edge(raw, rec)) return damaged(c->s, err);
        if (rec->rev > c->revision) return PV_ENOTFOUND;
    }
    return (rec->flags & FLAG_GRAVE) ? PV_ENOTFOUND : PV_OK;
}

pv_status pv_store_head(pv_store *s, uint64_t *revision, pv_err *err)
{
    MDB_txn *txn;
    pv_state state;
    int rc;
    pv_status status = read_begin(s, &txn, err);
    *revision = 0;
    if (status != PV_OK) return status;
    rc = load_state(s, txn, &state);
    read_end(s, txn);
    if (rc != 0) return store_fail(s, err, rc, "read");
    *revision = state.head;
    return PV_OK;
}

pv_status pv_store_oldest(pv_store *s, uint64_t *revision, pv_err *err)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc;
    pv_status status = read_begin(s, &txn, err);
    *revision = 0;
    if (status != PV_OK) return status;
    if ((rc = mdb_cursor_open(txn, s->dbi[T_REVS], &cursor)) == 0) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
        if (rc == 0) memcpy(revision, key.mv_data, sizeof *revision);
        mdb_cursor_close(cursor);
    }
    read_end(s, txn);
    return rc == 0 || rc == MDB_NOTFOUND ? PV_OK : store_fail(s, err, rc, "read");
}

pv_status pv_store_node(pv_store *s, pv_bytes id, uint64_t revision, pv_buf *type, pv_buf *data,
                        pv_err *err)
{
    MDB_txn *txn;
    MDB_cursor *hist = NULL;
    MDB_val key = val_of(id.data, id.len), value;
    pv_node_rec rec;
    pv_status status;
    int rc;
    if (id.len == 0 || id.len > PV_STORE_ID_MAX) return PV_ENOTFOUND;
    if ((status = read_begin(s, &txn, err)) != PV_OK) return status;
    rc = mdb_get(txn, s->dbi[T_NODES], &key, &value);
    status = rc != 0 ? read_failed(s, rc, err)
                     : node_at(s, txn, &hist, bytes_of(value), revision, &rec, err);
    if (status == PV_OK && type != NULL) status = pv_buf_add(type, rec.type.data, rec.type.len);
    if (status == PV_OK && data != NULL) {
        pv_where where = where_node(&rec, id);
        status = open_to(s, data, rec.sealed, &where, err);
    }
    if (hist != NULL) mdb_cursor_close(hist);
    read_end(s, txn);
    return status;
}

pv_status pv_store_get(pv_store *s, pv_bytes space, pv_bytes name, pv_buf *data, pv_err *err)
{
    char raw[KEY_CAP];
    MDB_txn *txn;
    MDB_val key, value;
    pv_where where = {.tag = 'k', .name = space, .name2 = name};
    pv_status status;
    int rc;
    if (space.len == 0 || space.len > PV_STORE_TYPE_MAX || name.len > PV_STORE_ID_MAX)
        return PV_ENOTFOUND;
    if ((status = read_begin(s, &txn, err)) != PV_OK) return status;
    key = val_of(raw, make_kv_key(raw, space, name));
    rc = mdb_get(txn, s->dbi[T_KV], &key, &value);
    status = rc != 0 ? read_failed(s, rc, err) : open_to(s, data, bytes_of(value), &where, err);
    read_end(s, txn);
    return status;
}

/* A cursor with a transaction, stepping through table with next. */
static pv_status open_cursor(pv_store *s, int table,
                             pv_status (*next)(pv_cursor *, pv_row *, pv_err *), pv_cursor **out,
                             pv_err *err)
{
    pv_cursor *c = pv_alloc(sizeof *c);
    pv_status status;
    int rc;
    *out = NULL;
    c->s = s;
    c->next = next;
    c->revision = PV_STORE_HEAD;
    if ((status = read_begin(s, &c->txn, err)) != PV_OK) {
        pv_free(c);
        return status;
    }
    if ((rc = mdb_cursor_open(c->txn, s->dbi[table], &c->cur)) != 0) {
        pv_cursor_close(c);
        return store_fail(s, err, rc, "read");
    }
    *out = c;
    return PV_OK;
}

void pv_cursor_close(pv_cursor *c)
{
    if (c == NULL) return;
    if (c->hist != NULL) mdb_cursor_close(c->hist);
    if (c->cur != NULL) mdb_cursor_close(c->cur);
    read_end(c->s, c->txn);
    pv_buf_deinit(&c->want);
    pv_buf_deinit(&c->key);
    pv_buf_deinit(&c->from_key);
    pv_buf_wipe(&c->data);
    pv_free(c);
}

pv_status pv_cursor_next(pv_cursor *c, pv_row *row, pv_err *err)
{
    *row = (pv_row){0};
    pv_buf_reset(&c->data);
    return c->next(c, row, err);
}

/* Opens the sealed bytes into row->data. */
static pv_status open_row(pv_cursor *c, pv_row *row, pv_bytes sealed, const pv_where *where,
                          pv_err *err)
{
    pv_status status = open_to(c->s, &c->data, sealed, where, err);
    if (status == PV_OK) row->data = (pv_bytes){c->data.data, c->data.len};
    return status;
}

/* Steps the cursor: the first time to `first` (at key), then with `then`. */
static int step(pv_cursor *c, MDB_cursor_op first, MDB_cursor_op then, MDB_val *key, MDB_val *value)
{
    MDB_cursor_op op = c->started ? then : first;
    c->started = true;
    return mdb_cursor_get(c->cur, key, value, op);
}

static bool wants(const pv_cursor *c, pv_bytes type)
{
    return c->want.len == 0 ||
           (c->want.len == type.len && memcmp(c->want.data, type.data, type.len) == 0);
}

static pv_status next_node(pv_cursor *c, pv_row *row, pv_err *err)
{
    MDB_val key, value;
    int rc;
    while ((rc = mdb_cursor_get(c->cur, &key, &value, MDB_NEXT)) == 0) {
        pv_node_rec rec;
        pv_where where;
        pv_status status = node_at(c->s, c->txn, &c->hist, bytes_of(value), c->revision, &rec, err);
        if (status == PV_ENOTFOUND || (status == PV_OK && !wants(c, rec.type))) continue;
        if (status != PV_OK) return status;
        row->id = bytes_of(key);
        row->type = rec.type;
        row->number = rec.rev;
        where = where_node(&rec, row->id);
        return open_row(c, row, rec.sealed, &where, err);
    }
    return read_failed(c->s, rc, err);
}

pv_status pv_store_nodes(pv_store *s, pv_bytes type, uint64_t revision, pv_cursor **out,
                         pv_err *err)
{
    pv_status status = open_cursor(s, T_NODES, next_node, out, err);
    if (status != PV_OK) return status;
    (*out)->revision = revision;
    return pv_buf_add(&(*out)->want, type.data, type.len);
}

static pv_status id_of(pv_cursor *c, uint64_t num, pv_bytes *id, pv_err *err)
{
    MDB_val key = val_of(&num, sizeof num), value;
    int rc = mdb_get(c->txn, c->s->dbi[T_NUMS], &key, &value);
    if (rc != 0) return rc == MDB_NOTFOUND ? damaged(c->s, err) : store_fail(c->s, err, rc, "read");
    *id = bytes_of(value);
    return PV_OK;
}

/* Turns a key of out, or of in with `reverse`, into the row of an edge. */
static pv_status edge_row(pv_cursor *c, pv_row *row, pv_bytes raw_key, MDB_val value, bool reverse,
                          pv_err *err)
{
    char out_key[KEY_CAP];
    pv_bytes key = raw_key;
    pv_edge_key ends;
    pv_edge_rec rec;
    pv_where where;
    pv_status status;
    if (!parse_edge_key(raw_key, &ends)) return damaged(c->s, err);
    if (!wants(c, ends.type)) return PV_ENOTFOUND;
    if (reverse) {
        uint64_t near = ends.near;
        MDB_val k;
        int rc;
        if (c->both && ends.far == near) return PV_ENOTFOUND;
        ends.near = ends.far;
        ends.far = near;
        key = (pv_bytes){out_key, make_edge_key(out_key, ends.near, ends.type, ends.far)};
        k = val_of(key.data, key.len);
        rc = mdb_get(c->txn, c->s->dbi[T_OUT], &k, &value);
        if (rc != 0)
            return rc == MDB_NOTFOUND ? damaged(c->s, err) : store_fail(c->s, err, rc, "read");
    }
    if ((status = edge_at(c, key, bytes_of(value), &rec, err)) != PV_OK) return status;
    if ((status = id_of(c, ends.near, &row->id, err)) != PV_OK) return status;
    if ((status = id_of(c, ends.far, &row->to, err)) != PV_OK) return status;
    row->type = ends.type;
    row->number = rec.rev;
    where = where_edge(&rec, &ends);
    return open_row(c, row, rec.sealed, &where, err);
}

static pv_status next_edge(pv_cursor *c, pv_row *row, pv_err *err)
{
    while (c->dir != 0) {
        bool reverse = !(c->dir & PV_EDGE_OUT);
        MDB_val key = val_of(c->key.data, c->key.len), value;
        int rc = step(c, MDB_SET_RANGE, MDB_NEXT, &key, &value);
        if (rc == 0 && key.mv_size > 8 && memcmp(key.mv_data, c->key.data, 8) == 0) {
            pv_status status = edge_row(c, row, bytes_of(key), value, reverse, err);
            if (status == PV_ENOTFOUND) continue;
            return status;
        }
        if (rc != 0 && rc != MDB_NOTFOUND) return read_failed(c->s, rc, err);
        if (reverse || !(c->dir & PV_EDGE_IN)) break;
        c->dir = PV_EDGE_IN; /* those that leave are done, now those that arrive */
        c->started = false;
        mdb_cursor_close(c->cur);
        c->cur = NULL;
        rc = mdb_cursor_open(c->txn, c->s->dbi[T_IN], &c->cur);
        if (rc != 0) return store_fail(c->s, err, rc, "read");
    }
    c->dir = 0;
    return PV_ENOTFOUND;
}

pv_status pv_store_edges(pv_store *s, pv_bytes id, pv_edge_dir dir, pv_bytes type,
                         uint64_t revision, pv_cursor **out, pv_err *err)
{
    char prefix[8];
    MDB_val key = val_of(id.data, id.len), value;
    pv_node_rec rec;
    pv_cursor *c;
    int rc = MDB_NOTFOUND;
    pv_status status = open_cursor(s, (dir & PV_EDGE_OUT) ? T_OUT : T_IN, next_edge, &c, err);
    *out = NULL;
    if (status != PV_OK) return status;
    if (id.len != 0 && id.len <= PV_STORE_ID_MAX)
        rc = mdb_get(c->txn, s->dbi[T_NODES], &key, &value);
    if (rc == 0 && !parse_node(bytes_of(value), &rec)) rc = MDB_CORRUPTED;
    if (rc != 0 && rc != MDB_NOTFOUND) {
        pv_cursor_close(c);
        return store_fail(s, err, rc, "read");
    }
    if (rc == 0) {
        put_u64be(prefix, rec.num);
        pv_buf_add(&c->key, prefix, sizeof prefix);
        c->dir = dir;
    }
    c->both = dir == PV_EDGE_BOTH;
    c->revision = revision;
    pv_buf_add(&c->want, type.data, type.len);
    *out = c;
    return PV_OK;
}

static pv_status journal_row(pv_cursor *c, pv_row *row, uint64_t seq, MDB_val value, pv_err *err)
{
    pv_where where = {.tag = 'j', .a = seq};
    pv_bytes sealed;
    if (!parse_journal(bytes_of(value), &row->id, &sealed)) return damaged(c->s, err);
    row->number = seq;
    where.name = row->id;
    return open_row(c, row, sealed, &where, err);
}

/* All runs: the journal itself. */
static pv_status next_record(pv_cursor *c, pv_row *row, pv_err *err)
{
    uint64_t seq = c->from;
    MDB_val key = val_of(&seq, sizeof seq), value;
    int rc = step(c, MDB_SET_RANGE, MDB_NEXT, &key, &value);
    if (rc != 0) return read_failed(c->s, rc, err);
    memcpy(&seq, key.mv_data, sizeof seq);
    return journal_row(c, row, seq, value, err);
}

/* One run: its sequence numbers lead to the records. */
static pv_status next_of_run(pv_cursor *c, pv_row *row, pv_err *err)
{
    uint64_t seq = c->from;
    MDB_val key = val_of(c->want.data, c->want.len), value = val_of(&seq, sizeof seq);
    int rc = step(c, MDB_GET_BOTH_RANGE, MDB_NEXT_DUP, &key, &value);
    if (rc != 0) return read_failed(c->s, rc, err);
    memcpy(&seq, value.mv_data, sizeof seq);
    key = val_of(&seq, sizeof seq);
    rc = mdb_get(c->txn, c->s->dbi[T_JOURNAL], &key, &value);
    if (rc != 0) return rc == MDB_NOTFOUND ? damaged(c->s, err) : store_fail(c->s, err, rc, "read");
    return journal_row(c, row, seq, value, err);
}

pv_status pv_store_journal(pv_store *s, pv_bytes run, uint64_t from, pv_cursor **out, pv_err *err)
{
    bool all = run.len == 0;
    pv_status status =
        open_cursor(s, all ? T_JOURNAL : T_RUNS, all ? next_record : next_of_run, out, err);
    if (status != PV_OK) return status;
    (*out)->from = from;
    return pv_buf_add(&(*out)->want, run.data, run.len);
}

static pv_status next_key(pv_cursor *c, pv_row *row, pv_err *err)
{
    MDB_val key = val_of(c->from_key.data, c->from_key.len), value;
    pv_where where = {.tag = 'k', .name = {c->want.data, c->want.len}};
    bool first = !c->started;
    int rc = step(c, MDB_SET_RANGE, c->reverse ? MDB_PREV : MDB_NEXT, &key, &value);
    if (first && c->reverse) { /* stands behind what is wanted */
        if (rc == 0 || rc == MDB_NOTFOUND)
            rc = mdb_cursor_get(c->cur, &key, &value, rc == 0 ? MDB_PREV : MDB_LAST);
    }
    if (rc != 0) return read_failed(c->s, rc, err);
    if (key.mv_size < c->key.len || memcmp(key.mv_data, c->key.data, c->key.len) != 0)
        return PV_ENOTFOUND;
    row->id = (pv_bytes){(char *)key.mv_data + c->want.len + 1, key.mv_size - c->want.len - 1};
    where.name2 = row->id;
    return open_row(c, row, bytes_of(value), &where, err);
}

static pv_status next_nothing(pv_cursor *c, pv_row *row, pv_err *err)
{
    (void)c, (void)row, (void)err;
    return PV_ENOTFOUND;
}

/* The least key above all that start with the given one, which is not all 0xff: a space is text. */
static size_t make_end(char *key, size_t len)
{
    while (key[len - 1] == '\xff') len--;
    key[len - 1]++;
    return len;
}

/* Where a scan begins: at this key or the next one, reversed at the one before. */
static size_t make_start(char *to, pv_bytes space, const pv_range *range)
{
    char after[KEY_CAP];
    pv_bytes name = range->after;
    size_t len = make_kv_key(to, space, range->prefix), after_len;
    int order;
    if (range->reverse) len = make_end(to, len);
    if (name.len == 0) return len;
    if (name.len > PV_STORE_ID_MAX) name.len = PV_STORE_ID_MAX + 1; /* sorts as the whole does */
    after_len = make_kv_key(after, space, name);
    if (!range->reverse) after[after_len++] = '\0'; /* the least key above it */
    order = memcmp(after, to, after_len < len ? after_len : len);
    if (order == 0) order = after_len < len ? -1 : after_len > len;
    if (range->reverse ? order >= 0 : order <= 0) return len;
    memcpy(to, after, after_len);
    return after_len;
}

pv_status pv_store_scan(pv_store *s, pv_bytes space, const pv_range *range, pv_cursor **out,
                        pv_err *err)
{
    static const pv_range all;
    char raw[KEY_CAP];
    bool possible;
    pv_cursor *c;
    pv_status status;
    if (range == NULL) range = &all;
    possible =
        space.len != 0 && space.len <= PV_STORE_TYPE_MAX && range->prefix.len <= PV_STORE_ID_MAX;
    status = open_cursor(s, T_KV, possible ? next_key : next_nothing, &c, err);
    *out = c;
    if (status != PV_OK || !possible) return status;
    c->reverse = range->reverse;
    pv_buf_add(&c->want, space.data, space.len);
    pv_buf_add(&c->key, raw, make_kv_key(raw, space, range->prefix));
    return pv_buf_add(&c->from_key, raw, make_start(raw, space, range));
}

static pv_status next_revision(pv_cursor *c, pv_row *row, pv_err *err)
{
    MDB_val key, value;
    pv_where where = {.tag = 'r'};
    int rc = mdb_cursor_get(c->cur, &key, &value, MDB_PREV);
    if (rc != 0) return read_failed(c->s, rc, err);
    if (value.mv_size < 8) return damaged(c->s, err);
    memcpy(&row->number, key.mv_data, sizeof row->number);
    row->time = (int64_t)get_u64le(value.mv_data);
    where.a = row->number;
    return open_row(c, row, (pv_bytes){(char *)value.mv_data + 8, value.mv_size - 8}, &where, err);
}

pv_status pv_store_revisions(pv_store *s, pv_cursor **out, pv_err *err)
{
    return open_cursor(s, T_REVS, next_revision, out, err);
}

static pv_status next_lock(pv_cursor *c, pv_row *row, pv_err *err)
{
    MDB_val key, value;
    int rc = mdb_cursor_get(c->cur, &key, &value, MDB_NEXT);
    if (rc != 0) return read_failed(c->s, rc, err);
    row->id = bytes_of(key);
    return parse_lock(bytes_of(value), &row->number, &row->time, &row->data) ? PV_OK
                                                                             : damaged(c->s, err);
}

pv_status pv_store_locks(pv_store *s, pv_cursor **out, pv_err *err)
{
    return open_cursor(s, T_LOCKS, next_lock, out, err);
}
