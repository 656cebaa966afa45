#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "store/internal.h"

typedef struct checker {
    pv_store *s;
    MDB_txn *txn;
    pv_store_report *report;
    pv_buf plain;
} checker;

static void wrong(checker *k, const char *fmt, pv_bytes name)
{
    if (k->report->errors++ != 0) return;
    snprintf(k->report->first, sizeof k->report->first, fmt, (int)name.len, name.data);
}

/* Counts an error unless the sealed bytes open. */
static void check_opens(checker *k, pv_bytes sealed, const pv_where *where, const char *fmt,
                        pv_bytes name)
{
    pv_buf_reset(&k->plain);
    if (open_to(k->s, &k->plain, sealed, where, NULL) != PV_OK) wrong(k, fmt, name);
}

static bool has(checker *k, int table, const void *key, size_t len, MDB_val *value)
{
    MDB_val id = val_of(key, len);
    return mdb_get(k->txn, k->s->dbi[table], &id, value) == 0;
}

static void check_node(checker *k, pv_bytes key, pv_bytes value)
{
    pv_node_rec rec;
    pv_where where;
    MDB_val id;
    if (!parse_node(value, &rec)) {
        wrong(k, "node '%.*s' is damaged", key);
        return;
    }
    if (!has(k, T_NUMS, &rec.num, sizeof rec.num, &id) || id.mv_size != key.len ||
        memcmp(id.mv_data, key.data, key.len) != 0) {
        wrong(k, "node '%.*s' is missing in the index of numbers", key);
    }
    if (rec.flags & FLAG_GRAVE) return;
    k->report->nodes++;
    where = where_node(&rec, key);
    check_opens(k, rec.sealed, &where, "node '%.*s' does not open", key);
}

static void check_old_node(checker *k, pv_bytes key, pv_bytes value)
{
    pv_node_rec rec;
    pv_where where;
    MDB_val id;
    k->report->old_versions++;
    if (!parse_node(value, &rec) || !has(k, T_NUMS, &rec.num, sizeof rec.num, &id)) {
        wrong(k, "an old version of a node is damaged%.*s", (pv_bytes){"", 0});
        return;
    }
    (void)key;
    where = where_node(&rec, bytes_of(id));
    check_opens(k, rec.sealed, &where, "an old version of node '%.*s' does not open", bytes_of(id));
}

static void check_edge_rec(checker *k, pv_bytes key, pv_bytes value, bool head)
{
    char in_key[KEY_CAP];
    pv_edge_key ends;
    pv_edge_rec rec;
    pv_where where;
    MDB_val from, to, node;
    pv_node_rec target;
    if (!parse_edge_key(key, &ends) || !parse_edge(value, &rec) ||
        !has(k, T_NUMS, &ends.near, sizeof ends.near, &from) ||
        !has(k, T_NUMS, &ends.far, sizeof ends.far, &to)) {
        wrong(k, "an edge is damaged%.*s", (pv_bytes){"", 0});
        return;
    }
    if (!has(k, T_IN, in_key, make_edge_key(in_key, ends.far, ends.type, ends.near), &node)) {
        wrong(k, "an edge from '%.*s' is missing in the index of its end", bytes_of(from));
    }
    if (!head) k->report->old_versions++;
    if (rec.flags & FLAG_GRAVE) return;
    where = where_edge(&rec, &ends);
    check_opens(k, rec.sealed, &where, "an edge from '%.*s' does not open", bytes_of(from));
    if (!head) return;
    k->report->edges++;
    if (!has(k, T_NODES, to.mv_data, to.mv_size, &node) || !parse_node(bytes_of(node), &target) ||
        (target.flags & FLAG_GRAVE)) {
        k->report->dangling++;
    }
}

static void check_edge_out(checker *k, pv_bytes key, pv_bytes value)
{
    check_edge_rec(k, key, value, true);
}

static void check_old_edge(checker *k, pv_bytes key, pv_bytes value)
{
    if (key.len > 8) key.len -= 8;
    check_edge_rec(k, key, value, false);
}

static void check_edge_in(checker *k, pv_bytes key, pv_bytes value)
{
    char out_key[KEY_CAP];
    pv_edge_key ends;
    MDB_val out;
    (void)value;
    if (!parse_edge_key(key, &ends) ||
        !has(k, T_OUT, out_key, make_edge_key(out_key, ends.far, ends.type, ends.near), &out)) {
        wrong(k, "the index of edge ends names an edge that is not there%.*s", (pv_bytes){"", 0});
    }
}

static void check_revision(checker *k, pv_bytes key, pv_bytes value)
{
    pv_where where = {.tag = 'r'};
    if (key.len != 8 || value.len < 8) {
        wrong(k, "a revision is damaged%.*s", (pv_bytes){"", 0});
        return;
    }
    memcpy(&where.a, key.data, 8);
    check_opens(k, (pv_bytes){value.data + 8, value.len - 8}, &where,
                "a revision's message does not open%.*s", (pv_bytes){"", 0});
}

static void check_journal(checker *k, pv_bytes key, pv_bytes value)
{
    pv_where where = {.tag = 'j'};
    pv_bytes sealed;
    if (key.len != 8 || !parse_journal(value, &where.name, &sealed)) {
        wrong(k, "a journal record is damaged%.*s", (pv_bytes){"", 0});
        return;
    }
    k->report->journal++;
    memcpy(&where.a, key.data, 8);
    check_opens(k, sealed, &where, "a journal record of run '%.*s' does not open", where.name);
}

static void check_run(checker *k, pv_bytes key, pv_bytes value)
{
    MDB_val record;
    pv_bytes run, sealed;
    if (!has(k, T_JOURNAL, value.data, value.len, &record) ||
        !parse_journal(bytes_of(record), &run, &sealed) || run.len != key.len ||
        memcmp(run.data, key.data, key.len) != 0) {
        wrong(k, "the index of run '%.*s' names a record that is not its", key);
    }
}

static void check_key(checker *k, pv_bytes key, pv_bytes value)
{
    const char *zero = memchr(key.data, '\0', key.len);
    pv_where where = {.tag = 'k'};
    if (zero == NULL) {
        wrong(k, "key '%.*s' has no space", key);
        return;
    }
    k->report->keys++;
    where.name = (pv_bytes){key.data, (size_t)(zero - key.data)};
    where.name2 = (pv_bytes){zero + 1, key.len - where.name.len - 1};
    check_opens(k, value, &where, "key '%.*s' does not open", where.name2);
}

static void check_lock(checker *k, pv_bytes key, pv_bytes value)
{
    uint64_t token;
    int64_t expires;
    pv_bytes owner;
    k->report->locks++;
    if (!parse_lock(value, &token, &expires, &owner)) wrong(k, "lock '%.*s' is damaged", key);
}

static int each(checker *k, int table, void (*fn)(checker *, pv_bytes, pv_bytes))
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc = mdb_cursor_open(k->txn, k->s->dbi[table], &cursor);
    if (rc != 0) return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
        fn(k, bytes_of(key), bytes_of(value));
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int check_counts(checker *k)
{
    MDB_stat journal, runs;
    int rc = mdb_stat(k->txn, k->s->dbi[T_JOURNAL], &journal);
    if (rc == 0) rc = mdb_stat(k->txn, k->s->dbi[T_RUNS], &runs);
    if (rc == 0 && journal.ms_entries != runs.ms_entries) {
        wrong(k, "the index of runs and the journal differ in size%.*s", (pv_bytes){"", 0});
    }
    return rc;
}

pv_status pv_store_check(pv_store *s, pv_store_report *report, pv_err *err)
{
    static const struct {
        int table;
        void (*fn)(checker *, pv_bytes, pv_bytes);
    } passes[] = {
        {T_NODES, check_node},      {T_NHIST, check_old_node}, {T_OUT, check_edge_out},
        {T_IN, check_edge_in},      {T_EHIST, check_old_edge}, {T_REVS, check_revision},
        {T_JOURNAL, check_journal}, {T_RUNS, check_run},       {T_KV, check_key},
        {T_LOCKS, check_lock},
    };
    checker k = {.s = s, .report = report};
    pv_damage damage = {0};
    pv_state state = {0};
    MDB_envinfo info;
    MDB_stat stats;
    struct stat st;
    int rc;
    pv_status status = read_begin(s, &k.txn, err);
    *report = (pv_store_report){0};
    if (status != PV_OK) return status;
    if ((rc = store_walk(s, k.txn, &damage)) == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND) {
        read_end(s, k.txn); /* LMDB itself must not go there */
        report->errors = 1;
        snprintf(report->first, sizeof report->first, "page %zu of the file is damaged, in %s%s",
                 damage.page, damage.table[0] != '\0' ? "table " : "the list of tables",
                 damage.table);
        return PV_OK;
    }
    if (rc == 0) rc = load_state(s, k.txn, &state);
    for (size_t i = 0; rc == 0 && i < sizeof passes / sizeof *passes; i++)
        rc = each(&k, passes[i].table, passes[i].fn);
    if (rc == 0) rc = check_counts(&k);
    read_end(s, k.txn);
    pv_buf_wipe(&k.plain);
    if (rc != 0) return store_fail(s, err, rc, "check");
    report->head = state.head;
    mdb_env_info(s->env, &info);
    mdb_env_stat(s->env, &stats);
    report->used_size = (info.me_last_pgno + 1) * (uint64_t)stats.ms_psize;
    if (stat(s->path, &st) == 0) report->file_size = (uint64_t)st.st_size;
    return PV_OK;
}

pv_status pv_store_backup(pv_store *s, const char *path, pv_err *err)
{
    pv_buf temp = {0};
    int fd, rc;
    pv_status status = PV_OK;
    if (access(path, F_OK) == 0)
        return pv_fail(err, PV_EEXIST, "back up %s: %s exists", s->path, path);
    pv_buf_addf(&temp, "%s.XXXXXX", path);
    fd = mkostemp(temp.data, O_CLOEXEC); /* mode 0600 */
    if (fd < 0) {
        status = pv_fail_errno(err, errno, "back up %s to %s", s->path, path);
        pv_buf_deinit(&temp);
        return status;
    }
    pthread_rwlock_rdlock(&s->map);
    guard_enter(s);
    rc = mdb_env_copyfd2(s->env, fd, MDB_CP_COMPACT);
    guard_leave();
    pthread_rwlock_unlock(&s->map);
    if (rc != 0) status = store_fail(s, err, rc, "back up");
    else if (fsync(fd) != 0) status = pv_fail_errno(err, errno, "back up %s to %s", s->path, path);
    close(fd);
    /* link() refuses what exists; rename() would replace it. */
    if (status == PV_OK && link(temp.data, path) != 0)
        status = pv_fail_errno(err, errno, "back up %s to %s", s->path, path);
    unlink(temp.data);
    if (status == PV_OK) status = pv_path_sync_parent(path, err);
    pv_buf_deinit(&temp);
    return status;
}
