/* A copy of everything a store holds, record by record, that takes the place of its file: sealed
 * anew, without free pages, without the oldest revisions. */
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/internal.h"

static const size_t SPARE_MAP = (size_t)64 << 20, COMMIT_EACH = (size_t)64 << 20;

typedef struct copier {
    pv_store *from, *to;
    MDB_txn *in, *out;
    uint64_t oldest; /* revisions before it are left out */
    size_t written;  /* bytes in `out` */
    pv_buf value, plain;
    pv_err *err;
} copier;

/* What a record is made of: bytes as they are, then sealed ones, unless it is all plain. */
typedef struct record {
    size_t head;
    bool sealed, drop;
    pv_where where;
} record;

static pv_status damaged(copier *k)
{
    return store_fail(k->from, k->err, MDB_CORRUPTED, "read");
}

/* Whether a copied edge leaves the node or arrives at it. */
static int has_edges(copier *k, int table, uint64_t num, bool *found)
{
    char prefix[8];
    MDB_val key = val_of(prefix, sizeof prefix), value;
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(k->out, k->to->dbi[table], &cursor);
    if (rc != 0) return rc;
    put_u64be(prefix, num);
    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    if (rc == 0 && key.mv_size > 8 && memcmp(key.mv_data, prefix, 8) == 0) *found = true;
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Each of these says what to do with a record of a table. */

static int look_node(copier *k, pv_bytes key, pv_bytes value, record *r)
{
    pv_node_rec rec;
    bool needed = false;
    int rc = 0;
    if (!parse_node(value, &rec)) return MDB_CORRUPTED;
    r->head = value.len - rec.sealed.len;
    r->where = where_node(&rec, key);
    r->sealed = !(rec.flags & FLAG_GRAVE);
    if (r->sealed || rec.rev > k->oldest) return 0;
    if ((rc = has_edges(k, T_OUT, rec.num, &needed)) != 0) return rc;
    if ((rc = has_edges(k, T_IN, rec.num, &needed)) != 0) return rc;
    r->drop = !needed;
    return 0;
}

static int look_number(copier *k, pv_bytes key, pv_bytes value, record *r)
{
    MDB_val id = val_of(value.data, value.len), node;
    int rc = mdb_get(k->out, k->to->dbi[T_NODES], &id, &node);
    (void)key;
    r->drop = rc == MDB_NOTFOUND;
    return r->drop ? 0 : rc;
}

static int look_old_node(copier *k, pv_bytes key, pv_bytes value, record *r)
{
    pv_node_rec rec;
    MDB_val num, id;
    if (key.len != 16 || !parse_node(value, &rec)) return MDB_CORRUPTED;
    if ((r->drop = get_u64be(key.data + 8) <= k->oldest)) return 0;
    num = val_of(&rec.num, sizeof rec.num);
    if (mdb_get(k->in, k->from->dbi[T_NUMS], &num, &id) != 0) return MDB_CORRUPTED;
    r->head = value.len - rec.sealed.len;
    r->where = where_node(&rec, bytes_of(id));
    r->sealed = true;
    return 0;
}

static int look_edge(copier *k, pv_bytes key, pv_bytes value, record *r)
{
    pv_edge_key ends;
    pv_edge_rec rec;
    if (!parse_edge_key(key, &ends) || !parse_edge(value, &rec)) return MDB_CORRUPTED;
    r->head = value.len - rec.sealed.len;
    r->where = where_edge(&rec, &ends);
    r->sealed = !(rec.flags & FLAG_GRAVE);
    r->drop = !r->sealed && rec.rev <= k->oldest;
    return 0;
}

static int look_edge_end(copier *k, pv_bytes key, pv_bytes value, record *r)
{
    char raw[KEY_CAP];
    pv_edge_key ends;
    MDB_val out, edge;
    int rc;
    (void)value;
    if (!parse_edge_key(key, &ends)) return MDB_CORRUPTED;
    out = val_of(raw, make_edge_key(raw, ends.far, ends.type, ends.near));
    rc = mdb_get(k->out, k->to->dbi[T_OUT], &out, &edge);
    r->drop = rc == MDB_NOTFOUND;
    return r->drop ? 0 : rc;
}

static int look_old_edge(copier *k, pv_bytes key, pv_bytes value, record *r)
{
    if (key.len <= 8) return MDB_CORRUPTED;
    if (get_u64be(key.data + key.len - 8) <= k->oldest) {
        r->drop = true;
        return 0;
    }
    key.len -= 8;
    return look_edge(k, key, value, r);
}

static int look_revision(copier *k, pv_bytes key, pv_bytes value, record *r)
{
    if (key.len != 8 || value.len < 8) return MDB_CORRUPTED;
    r->where.tag = 'r';
    memcpy(&r->where.a, key.data, 8);
    r->head = 8;
    r->sealed = true;
    r->drop = r->where.a < k->oldest;
    return 0;
}

static int look_journal(copier *k, pv_bytes key, pv_bytes value, record *r)
{
    pv_bytes sealed;
    (void)k;
    if (key.len != 8 || !parse_journal(value, &r->where.name, &sealed)) return MDB_CORRUPTED;
    r->where.tag = 'j';
    memcpy(&r->where.a, key.data, 8);
    r->head = value.len - sealed.len;
    r->sealed = true;
    return 0;
}

static int look_key(copier *k, pv_bytes key, pv_bytes value, record *r)
{
    const char *zero = memchr(key.data, '\0', key.len);
    (void)k, (void)value;
    if (zero == NULL) return MDB_CORRUPTED;
    r->where.tag = 'k';
    r->where.name = (pv_bytes){key.data, (size_t)(zero - key.data)};
    r->where.name2 = (pv_bytes){zero + 1, key.len - r->where.name.len - 1};
    r->sealed = true;
    return 0;
}

static int look_plain(copier *k, pv_bytes key, pv_bytes value, record *r)
{
    (void)k, (void)key, (void)value, (void)r;
    return 0;
}

/* Begins a transaction of the copy, after ending the one before. */
static int next_txn(copier *k, bool more)
{
    int rc = k->out != NULL ? mdb_txn_commit(k->out) : 0;
    k->out = NULL;
    k->written = 0;
    return rc != 0 || !more ? rc : mdb_txn_begin(k->to->env, NULL, 0, &k->out);
}

static pv_status copy_record(copier *k, int table, unsigned flags, pv_bytes key, pv_bytes value,
                             const record *r)
{
    MDB_val to_key = val_of(key.data, key.len), to_value = val_of(value.data, value.len);
    pv_status status = PV_OK;
    int rc = 0;
    if (r->sealed) {
        pv_buf_reset(&k->plain);
        pv_buf_reset(&k->value);
        status = open_to(k->from, &k->plain, (pv_bytes){value.data + r->head, value.len - r->head},
                         &r->where, k->err);
        if (status != PV_OK) return status;
        pv_buf_add(&k->value, value.data, r->head);
        status =
            seal_to(k->to, &k->value, (pv_bytes){k->plain.data, k->plain.len}, &r->where, k->err);
        if (status != PV_OK) return status;
        to_value = val_of(k->value.data, k->value.len);
    }
    rc = mdb_put(k->out, k->to->dbi[table], &to_key, &to_value, flags);
    k->written += to_key.mv_size + to_value.mv_size;
    if (rc == 0 && k->written > COMMIT_EACH) rc = next_txn(k, true);
    return rc == 0 ? PV_OK : store_fail(k->to, k->err, rc, "write");
}

static pv_status copy_table(copier *k, int table, unsigned flags,
                            int (*look)(copier *, pv_bytes, pv_bytes, record *))
{
    MDB_cursor *cursor;
    MDB_val key, value;
    pv_status status = PV_OK;
    int rc = mdb_cursor_open(k->in, k->from->dbi[table], &cursor);
    if (rc != 0) return store_fail(k->from, k->err, rc, "read");
    while (status == PV_OK && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        record r = {0};
        rc = look(k, bytes_of(key), bytes_of(value), &r);
        if (rc == MDB_CORRUPTED) status = damaged(k);
        else if (rc != 0) status = store_fail(k->to, k->err, rc, "write");
        else if (!r.drop) status = copy_record(k, table, flags, bytes_of(key), bytes_of(value), &r);
    }
    mdb_cursor_close(cursor);
    if (status == PV_OK && rc != MDB_NOTFOUND) status = store_fail(k->from, k->err, rc, "read");
    return status;
}

/* Edges come before the nodes that are kept for them, nodes before their numbers. */
static pv_status copy_tables(copier *k, const pv_state *state)
{
    static const struct {
        int table;
        unsigned flags;
        int (*look)(copier *, pv_bytes, pv_bytes, record *);
    } tables[] = {
        {T_OUT, MDB_APPEND, look_edge},       {T_IN, MDB_APPEND, look_edge_end},
        {T_EHIST, MDB_APPEND, look_old_edge}, {T_NODES, MDB_APPEND, look_node},
        {T_NUMS, MDB_APPEND, look_number},    {T_NHIST, MDB_APPEND, look_old_node},
        {T_REVS, MDB_APPEND, look_revision},  {T_JOURNAL, MDB_APPEND, look_journal},
        {T_RUNS, MDB_APPENDDUP, look_plain},  {T_KV, MDB_APPEND, look_key},
        {T_LOCKS, MDB_APPEND, look_plain},
    };
    pv_status status = PV_OK;
    int rc = next_txn(k, true);
    if (rc != 0) return store_fail(k->to, k->err, rc, "write");
    for (size_t i = 0; status == PV_OK && i < sizeof tables / sizeof *tables; i++)
        status = copy_table(k, tables[i].table, tables[i].flags, tables[i].look);
    if (status != PV_OK) {
        if (k->out != NULL) mdb_txn_abort(k->out);
        return status;
    }
    rc = save_state(k->to, k->out, state);
    if (rc == 0) rc = next_txn(k, false);
    else mdb_txn_abort(k->out);
    if (rc == 0) rc = mdb_env_sync(k->to->env, 1);
    return rc == 0 ? PV_OK : store_fail(k->to, k->err, rc, "write");
}

/* Reads the copy as a whole before it may take the place of what it is a copy of. */
static pv_status prove(pv_store *copy, pv_err *err)
{
    pv_store_report report;
    pv_status status = pv_store_check(copy, &report, err);
    if (status != PV_OK || report.errors == 0) return status;
    return pv_fail(err, PV_ECORRUPT, "copy %s: %s", copy->path, report.first);
}

static pv_status write_copy(pv_store *s, MDB_txn *txn, const pv_state *state, const char *path,
                            const pv_rewrite *how, pv_err *err)
{
    pv_store_options options = {.sealer = how->sealer != NULL ? how->sealer : s->sealer};
    copier k = {.from = s, .in = txn, .err = err};
    MDB_envinfo info;
    MDB_stat stats;
    pv_status status;
    mdb_env_info(s->env, &info);
    mdb_env_stat(s->env, &stats);
    options.map_size = (info.me_last_pgno + 1) * (size_t)stats.ms_psize + SPARE_MAP;
    if (how->keep != 0 && state->head > how->keep) k.oldest = state->head - how->keep + 1;
    if ((status = pv_store_open(&k.to, path, &options, err)) != PV_OK) return status;
    mdb_env_set_flags(k.to->env, MDB_NOSYNC, 1); /* it is synced once, at the end */
    status = copy_tables(&k, state);
    if (status == PV_OK) status = prove(k.to, err);
    pv_store_close(k.to);
    pv_buf_wipe(&k.plain);
    pv_buf_deinit(&k.value);
    return status;
}

static void remove_copy(const char *path)
{
    pv_buf lock = {0};
    pv_buf_addf(&lock, "%s-lock", path);
    unlink(path);
    unlink(lock.data);
    pv_buf_deinit(&lock);
}

pv_status pv_store_rewrite(pv_store *s, const pv_rewrite *how, pv_err *err)
{
    static const pv_rewrite defaults;
    pv_buf path = {0}, lock = {0};
    MDB_txn *txn;
    pv_state state;
    pv_status status;
    queue_flush(s);
    if (how == NULL) how = &defaults;
    /* Who writes waits until the new file is there, and is refused then. */
    if ((status = write_begin(s, &txn, &state, err)) != PV_OK) return status;
    pv_buf_addf(&path, "%s%s", s->path, SWAP_NEW);
    pv_buf_addf(&lock, "%s-lock", path.data);
    if (how->epoch != 0) status = check_token(s, txn, how->epoch, err);
    if (status == PV_OK) {
        remove_copy(path.data); /* what a killed one left */
        status = write_copy(s, txn, &state, path.data, how, err);
        if (status == PV_OK) {
            unlink(lock.data);
            status = pv_store_swap(s->path, err);
        }
        if (status != PV_OK) remove_copy(path.data);
    }
    write_abort(s, txn);
    pv_buf_deinit(&path);
    pv_buf_deinit(&lock);
    return status;
}
