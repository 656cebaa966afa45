/* Whether every page that is in use is in the file and is one that LMDB can read.
 *
 * LMDB never writes a page that one transaction allocated and freed again, so the file may end
 * before the last page number that was ever given out.  A page in use behind the end would be a
 * SIGBUS, so the trees are walked here by reads, before LMDB looks at them through its map.  The
 * structures are those of version 1 of LMDB's files (lmdb 0.9, mdb.c). */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/internal.h"

static const uint32_t MAGIC = 0xBEEFC0DE;

enum { DATA_VERSION = 1, DEPTH_MAX = 32, TRIES = 8 };
enum { P_BRANCH = 1, P_LEAF = 2, P_OVERFLOW = 4, P_LEAF2 = 32 }; /* flags of a page */
enum { F_BIGDATA = 1, F_SUBDATA = 2 };                           /* flags of an entry */

typedef struct page_head {
    size_t number;
    uint16_t pad, flags;
    union {
        struct {
            uint16_t lower, upper;
        } room;
        uint32_t pages; /* of one with P_OVERFLOW */
    } of;
} page_head;

typedef struct entry_head {
    uint16_t size[2]; /* of the data, or with flags the number of a child */
    uint16_t flags, key_size;
} entry_head;

typedef struct tree {
    uint32_t pad;
    uint16_t flags, depth;
    size_t branch, leaf, overflow, entries, root;
} tree;

typedef struct meta {
    uint32_t magic, version;
    void *address;
    size_t map_size;
    tree trees[2]; /* of free pages, of tables */
    size_t last, txn;
} meta;

typedef struct walker {
    int fd;
    size_t page_size, end; /* pages in the file */
    size_t visits;         /* left; a damaged file may lead in circles */
    char *pages[DEPTH_MAX];
    pv_damage at; /* where the walk is, so where it stopped */
} walker;

static int read_page(walker *w, size_t number, char *page)
{
    ssize_t size = (ssize_t)w->page_size;
    w->at.page = number;
    if (number >= w->end) return MDB_PAGE_NOTFOUND;
    if (w->visits == 0) return MDB_CORRUPTED;
    w->visits--;
    return pread(w->fd, page, w->page_size, (off_t)number * size) == size ? 0 : MDB_PAGE_NOTFOUND;
}

static int walk(walker *w, size_t number, int depth);

/* The value of a large entry: pages in a row, the first of which says how many. */
static int check_big(walker *w, size_t number)
{
    page_head head;
    off_t at = (off_t)(number * w->page_size);
    w->at.page = number;
    if (number >= w->end || pread(w->fd, &head, sizeof head, at) != sizeof head)
        return MDB_PAGE_NOTFOUND;
    if (!(head.flags & P_OVERFLOW) || head.number != number) return MDB_CORRUPTED;
    return head.of.pages <= w->end - number ? 0 : MDB_PAGE_NOTFOUND;
}

static int check_entry(walker *w, const char *page, size_t at, bool branch, int depth)
{
    entry_head entry;
    size_t low, high, number, data;
    tree sub;
    int rc;
    if (at + sizeof entry > w->page_size) return MDB_CORRUPTED;
    memcpy(&entry, page + at, sizeof entry);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    low = entry.size[0], high = entry.size[1];
#else
    low = entry.size[1], high = entry.size[0];
#endif
    if (branch) {
        number = low | high << 16;
        if (sizeof number > 4) number |= (size_t)entry.flags << 16 << 16;
        return walk(w, number, depth + 1);
    }
    data = at + sizeof entry + entry.key_size;
    if (data > w->page_size) return MDB_CORRUPTED;
    if (entry.flags & F_BIGDATA) {
        if (data + sizeof number > w->page_size) return MDB_CORRUPTED;
        memcpy(&number, page + data, sizeof number);
        return check_big(w, number);
    }
    if (!(entry.flags & F_SUBDATA))
        return (low | high << 16) <= w->page_size - data ? 0 : MDB_CORRUPTED;
    if (data + sizeof sub > w->page_size) return MDB_CORRUPTED;
    memcpy(&sub, page + data, sizeof sub);
    if (w->at.table[0] != '\0') return walk(w, sub.root, depth + 1); /* values of one key */
    if (entry.key_size >= sizeof w->at.table) return MDB_CORRUPTED;
    memcpy(w->at.table, page + at + sizeof entry, entry.key_size);
    if ((rc = walk(w, sub.root, depth + 1)) == 0) memset(w->at.table, 0, sizeof w->at.table);
    return rc;
}

static int walk(walker *w, size_t number, int depth)
{
    page_head head;
    char *page;
    size_t count;
    int rc;
    if (number == SIZE_MAX) return 0; /* an empty tree */
    if (depth == DEPTH_MAX) return MDB_CORRUPTED;
    if (w->pages[depth] == NULL) w->pages[depth] = pv_alloc(w->page_size);
    page = w->pages[depth];
    if ((rc = read_page(w, number, page)) != 0) return rc;
    memcpy(&head, page, sizeof head);
    if (!(head.flags & (P_BRANCH | P_LEAF)) || head.number != number) return MDB_CORRUPTED;
    if (head.of.room.lower < sizeof head || head.of.room.lower > head.of.room.upper ||
        head.of.room.upper > w->page_size) {
        return MDB_CORRUPTED;
    }
    if (head.flags & P_LEAF2) return 0; /* keys only */
    count = (head.of.room.lower - sizeof head) / sizeof(uint16_t);
    for (size_t i = 0; i < count && rc == 0; i++) {
        uint16_t at;
        memcpy(&at, page + sizeof head + i * sizeof at, sizeof at);
        if (at < head.of.room.upper) return MDB_CORRUPTED;
        w->at.page = number;
        rc = check_entry(w, page, at, head.flags & P_BRANCH, depth);
    }
    return rc;
}

/* The roots of the transaction with this id.  MDB_NOTFOUND: newer ones stand in their place. */
static int find_roots(walker *w, size_t txn, tree *roots)
{
    for (int i = 0; i < 2; i++) {
        meta m;
        off_t at = (off_t)((size_t)i * w->page_size + sizeof(page_head));
        if (pread(w->fd, &m, sizeof m, at) != sizeof m) return MDB_PAGE_NOTFOUND;
        if (m.magic != MAGIC || m.version != DATA_VERSION) return MDB_VERSION_MISMATCH;
        if (m.txn == txn) {
            memcpy(roots, m.trees, sizeof m.trees);
            return 0;
        }
    }
    return MDB_NOTFOUND;
}

/* One look at what the transaction sees. */
static int look(walker *w, MDB_txn *txn)
{
    tree roots[2];
    int rc = find_roots(w, mdb_txn_id(txn), roots);
    memset(w->at.table, 0, sizeof w->at.table);
    for (int i = 0; i < 2 && rc == 0; i++) rc = walk(w, roots[i].root, 0);
    return rc;
}

int store_walk(pv_store *s, MDB_txn *txn, pv_damage *damage)
{
    walker w = {0};
    MDB_envinfo info;
    MDB_stat stats;
    struct stat st;
    int rc = mdb_env_get_fd(s->env, &w.fd);
    if (rc != 0) return rc;
    mdb_env_stat(s->env, &stats);
    w.page_size = stats.ms_psize;
    for (int i = 0; i < TRIES; i++) {
        if (fstat(w.fd, &st) != 0) {
            rc = errno;
            break;
        }
        w.end = w.visits = (size_t)st.st_size / w.page_size;
        if ((rc = look(&w, txn)) == 0) break;
        /* Unless others wrote on meanwhile and what was read belongs to two transactions. */
        mdb_env_info(s->env, &info);
        if (info.me_last_txnid == mdb_txn_id(txn)) break;
        mdb_txn_reset(txn);
        if ((rc = mdb_txn_renew(txn)) != 0) break;
    }
    for (int i = 0; i < DEPTH_MAX; i++) pv_free(w.pages[i]);
    *damage = w.at;
    return rc;
}
