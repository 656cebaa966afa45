#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "store/internal.h"

enum { MAX_READERS = 510, LOCK_FILE_SIZE = 9 * 4096 }; /* 64 bytes a reader and 256 more */
static const size_t FIRST_MAP = (size_t)256 << 20;
static const char CHECK_TEXT[] = "prov store";

/* LMDB must not open one file twice in a process (closing one would drop the other's file
 * locks), so the open ones are remembered. */
static struct {
    pthread_mutex_t mutex;
    struct {
        dev_t dev;
        ino_t ino;
    } * files;
    size_t count;
} opened = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static const struct {
    const char *name;
    unsigned flags;
} tables[T_COUNT] = {
    [T_META] = {"meta", 0},
    [T_NODES] = {"nodes", 0},
    [T_NUMS] = {"nums", MDB_INTEGERKEY},
    [T_NHIST] = {"nhist", 0},
    [T_OUT] = {"out", 0},
    [T_IN] = {"in", 0},
    [T_EHIST] = {"ehist", 0},
    [T_REVS] = {"revs", MDB_INTEGERKEY},
    [T_JOURNAL] = {"journal", MDB_INTEGERKEY},
    [T_RUNS] = {"runs", MDB_DUPSORT | MDB_DUPFIXED | MDB_INTEGERDUP},
    [T_KV] = {"kv", 0},
    [T_LOCKS] = {"locks", 0},
};

/* With opened.mutex held. */
static bool is_listed(dev_t dev, ino_t ino)
{
    for (size_t i = 0; i < opened.count; i++) {
        if (opened.files[i].dev == dev && opened.files[i].ino == ino) return true;
    }
    return false;
}

static void unlist(pv_store *s)
{
    if (!s->listed) return;
    pthread_mutex_lock(&opened.mutex);
    for (size_t i = 0; i < opened.count; i++) {
        if (opened.files[i].dev == s->dev && opened.files[i].ino == s->ino) {
            opened.files[i] = opened.files[--opened.count];
            break;
        }
    }
    if (opened.count == 0) {
        pv_free(opened.files);
        opened.files = NULL;
    }
    pthread_mutex_unlock(&opened.mutex);
    s->listed = false;
}

/* LMDB maps the lock file and writes to it through the map; where the disk has no room for its
 * pages that is a SIGBUS, so they are taken beforehand.  With opened.mutex held and the file
 * not open here: closing the descriptor drops this process's locks on it. */
static pv_status reserve_lock_file(pv_store *s, pv_err *err)
{
    pv_buf path = {0};
    pv_status status = PV_OK;
    int fd;
    pv_buf_addf(&path, "%s-lock", s->path);
    fd = open(path.data, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
        /* A file system that cannot reserve says so, and is used as it is. */
        if (fallocate(fd, 0, 0, LOCK_FILE_SIZE) != 0 && (errno == ENOSPC || errno == EDQUOT)) {
            status = store_fail(s, err, errno, "open store");
        }
        close(fd);
    }
    pv_buf_deinit(&path);
    return status; /* what keeps it from opening, LMDB will say */
}

/* LMDB leaves its data file open over exec; no child shall inherit the state of a workspace. */
static void keep_to_ourselves(pv_store *s)
{
    int fd;
    if (mdb_env_get_fd(s->env, &fd) == 0) (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* What can be said of the file before LMDB sees it.  With opened.mutex held. */
static pv_status check_file(pv_store *s, bool making, pv_err *err)
{
    struct stat st;
    if (stat(s->path, &st) != 0) {
        if (errno != ENOENT) return pv_fail_errno(err, errno, "open store %s", s->path);
        if (making) return PV_OK;
        return pv_fail(err, PV_ENOTFOUND, "open store %s: there is none", s->path);
    }
    if (!S_ISREG(st.st_mode)) {
        return pv_fail(err, PV_EINVAL, "open store %s: not a regular file", s->path);
    }
    if (st.st_size == 0 && !making) {
        return pv_fail(err, PV_ECORRUPT,
                       "open store %s: the file is empty; put a backup in its place, or remove it "
                       "if nothing was recorded yet",
                       s->path);
    }
    if (!is_listed(st.st_dev, st.st_ino)) return PV_OK;
    return pv_fail(err, PV_EBUSY, "open store %s: this process has it open already", s->path);
}

/* Opens the LMDB environment, with the list of open files locked around it. */
static pv_status open_env(pv_store *s, bool making, pv_err *err)
{
    unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | (s->readonly ? MDB_RDONLY : 0);
    struct stat st;
    pv_status status;
    int folder = -1, rc;
    if (!making && (status = swap_enter(s->path, &folder, err)) != PV_OK) return status;
    pthread_mutex_lock(&opened.mutex);
    status = check_file(s, making, err);
    if (status == PV_OK) status = reserve_lock_file(s, err);
    if (status == PV_OK && (rc = mdb_env_open(s->env, s->path, flags, 0600)) != 0) {
        status = store_fail(s, err, rc, "open store");
    }
    if (status == PV_OK && stat(s->path, &st) != 0) {
        status = pv_fail_errno(err, errno, "open store %s", s->path);
    }
    if (status == PV_OK) {
        keep_to_ourselves(s);
        opened.files = pv_realloc_array(opened.files, opened.count + 1, sizeof *opened.files);
        opened.files[opened.count].dev = s->dev = st.st_dev;
        opened.files[opened.count++].ino = s->ino = st.st_ino;
        s->listed = true;
    }
    pthread_mutex_unlock(&opened.mutex);
    swap_leave(folder);
    return status;
}

/* A file cut short would kill the process with SIGBUS at the first read behind its end. */
static pv_status check_length(pv_store *s, MDB_txn *txn, pv_err *err)
{
    MDB_envinfo info;
    MDB_stat stats;
    struct stat st;
    pv_damage damage;
    size_t full;
    int rc;
    mdb_env_info(s->env, &info);
    mdb_env_stat(s->env, &stats);
    full = (info.me_last_pgno + 1) * (size_t)stats.ms_psize;
    if (stat(s->path, &st) != 0) return pv_fail_errno(err, errno, "open store %s", s->path);
    if (info.me_last_txnid == 0 || (size_t)st.st_size >= full) return PV_OK;
    rc = store_walk(s, txn, &damage);
    if (rc == MDB_PAGE_NOTFOUND) {
        return pv_fail(
            err, PV_ECORRUPT,
            "open store %s: the file is cut short (%zu of %zu bytes); put a backup in its place",
            s->path, (size_t)st.st_size, full);
    }
    return rc == 0 ? PV_OK : store_fail(s, err, rc, "open store");
}

static int open_tables(pv_store *s, MDB_txn *txn, unsigned flags)
{
    int rc = 0;
    for (int i = 0; i < T_COUNT && rc == 0; i++) {
        rc = mdb_dbi_open(txn, tables[i].name, tables[i].flags | flags, &s->dbi[i]);
    }
    return rc;
}

static const pv_where check_where = {.tag = 'c'};

/* Writes the fixed entries of a new store. */
static pv_status make_meta(pv_store *s, MDB_txn *txn, pv_err *err)
{
    char format[8], state[32] = {0};
    pv_buf check = {0};
    pv_status status = PV_OK;
    int rc;
    struct {
        const char *key;
        MDB_val val;
    } rows[] = {
        {"format", val_of(format, sizeof format)},
        {"uuid", val_of(s->uuid, UUID_LEN)},
        {"state", val_of(state, sizeof state)},
        {"check", {0, NULL}},
    };
    put_u64le(format, PV_STORE_FORMAT);
    if (getrandom(s->uuid, UUID_LEN, 0) != UUID_LEN)
        return pv_fail_errno(err, errno, "get random bytes");
    status = seal_to(s, &check, (pv_bytes){CHECK_TEXT, sizeof CHECK_TEXT}, &check_where, err);
    rows[3].val = val_of(check.data, check.len);
    for (size_t i = 0; status == PV_OK && i < sizeof rows / sizeof *rows; i++) {
        MDB_val key = val_of(rows[i].key, strlen(rows[i].key));
        rc = mdb_put(txn, s->dbi[T_META], &key, &rows[i].val, 0);
        if (rc != 0) status = store_fail(s, err, rc, "create store");
    }
    pv_buf_deinit(&check);
    return status;
}

static pv_status check_seal(pv_store *s, MDB_val sealed, pv_err *err)
{
    pv_buf plain = {0};
    bool is_plain = sealed.mv_size == sizeof CHECK_TEXT &&
                    memcmp(sealed.mv_data, CHECK_TEXT, sizeof CHECK_TEXT) == 0;
    pv_status status;
    if (s->sealer == NULL) {
        return is_plain ? PV_OK
                        : pv_fail(err, PV_EAUTH,
                                  "open store %s: it is encrypted and no key was given", s->path);
    }
    if (is_plain) {
        return pv_fail(err, PV_EAUTH, "open store %s: it is not encrypted, but a key was given",
                       s->path);
    }
    status = open_to(s, &plain, bytes_of(sealed), &check_where, NULL);
    pv_buf_deinit(&plain);
    return status == PV_OK
               ? PV_OK
               : pv_fail(err, PV_EAUTH,
                         "open store %s: the key is not the one it was encrypted with", s->path);
}

/* Reads format, uuid and the check text.  PV_ENOTFOUND: a new file. */
static pv_status read_meta(pv_store *s, MDB_txn *txn, pv_err *err)
{
    static const char *const names[] = {"format", "uuid", "check"};
    MDB_val val[3];
    int rc = mdb_dbi_open(txn, tables[T_META].name, 0, &s->dbi[T_META]);
    uint64_t format;
    if (rc == MDB_NOTFOUND) return PV_ENOTFOUND;
    for (int i = 0; i < 3 && rc == 0; i++) {
        MDB_val key = val_of(names[i], strlen(names[i]));
        rc = mdb_get(txn, s->dbi[T_META], &key, &val[i]);
        if (rc == MDB_NOTFOUND) {
            return pv_fail(err, PV_ECORRUPT, "open store %s: this is not a store of prov", s->path);
        }
        if (rc == 0 && i == 0) {
            format = val[0].mv_size == 8 ? get_u64le(val[0].mv_data) : 0;
            if (format == 0)
                return pv_fail(err, PV_ECORRUPT, "open store %s: its format is damaged", s->path);
            if (format > PV_STORE_FORMAT) {
                return pv_fail(
                    err, PV_EUNSUPPORTED,
                    "open store %s: it has format %llu, this prov knows up to %d; use a newer prov",
                    s->path, (unsigned long long)format, PV_STORE_FORMAT);
            }
        }
    }
    if (rc != 0) return store_fail(s, err, rc, "open store");
    if (val[1].mv_size != UUID_LEN)
        return pv_fail(err, PV_ECORRUPT, "open store %s: its id is damaged", s->path);
    memcpy(s->uuid, val[1].mv_data, UUID_LEN);
    return check_seal(s, val[2], err);
}

/* Fills the empty file of a store that is being made. */
static pv_status create(pv_store *s, pv_err *err)
{
    MDB_txn *txn = NULL;
    pv_status status;
    int rc = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (rc != 0) return store_fail(s, err, rc, "create store");
    rc = open_tables(s, txn, MDB_CREATE);
    status = rc == 0 ? make_meta(s, txn, err) : store_fail(s, err, rc, "create store");
    if (status != PV_OK) {
        mdb_txn_abort(txn);
        return status;
    }
    rc = mdb_txn_commit(txn);
    return rc == 0 ? PV_OK : store_fail(s, err, rc, "create store");
}

static pv_status open_existing(pv_store *s, pv_err *err)
{
    MDB_txn *txn = NULL;
    pv_state state;
    pv_status status;
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (rc == MDB_MAP_RESIZED && (rc = mdb_env_set_mapsize(s->env, 0)) == 0) {
        rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    }
    if (rc != 0) return store_fail(s, err, rc, "open store");
    status = check_length(s, txn, err);
    if (status == PV_OK) status = read_meta(s, txn, err);
    if (status == PV_OK) {
        if ((rc = open_tables(s, txn, 0)) == 0) rc = load_state(s, txn, &state);
        if (rc == MDB_NOTFOUND) rc = MDB_CORRUPTED;
        if (rc != 0) status = store_fail(s, err, rc, "open store");
    }
    if (status != PV_OK) {
        mdb_txn_abort(txn);
        return status;
    }
    rc = mdb_txn_commit(txn); /* keeps the table handles */
    return rc == 0 ? PV_OK : store_fail(s, err, rc, "open store");
}

static pv_status set_up(pv_store *s, size_t map_size, pv_err *err)
{
    int rc = mdb_env_create(&s->env);
    if (rc == 0) rc = mdb_env_set_maxdbs(s->env, T_COUNT);
    if (rc == 0) rc = mdb_env_set_maxreaders(s->env, MAX_READERS);
    if (rc == 0) rc = mdb_env_set_mapsize(s->env, map_size != 0 ? map_size : FIRST_MAP);
    return rc == 0 ? PV_OK : store_fail(s, err, rc, "open store");
}

static pv_status open_at(pv_store **out, const char *path, const pv_store_options *options,
                         bool making, pv_err *err)
{
    pv_store *s = pv_alloc(sizeof *s);
    pv_status status;
    int dead;
    *out = NULL;
    s->path = pv_strdup(path);
    s->readonly = options->readonly;
    queue_init(s);
    pthread_rwlock_init(&s->map, NULL);
    if (options->sealer != NULL) {
        if (options->sealer->abi != PV_SEALER_ABI) {
            status = pv_fail(err, PV_EUNSUPPORTED, "the sealer is from another build of prov");
            goto fail;
        }
        s->sealer = options->sealer->retain(options->sealer);
    }
    if ((status = set_up(s, options->map_size, err)) != PV_OK) goto fail;
    if ((status = open_env(s, making, err)) != PV_OK) goto fail;
    mdb_reader_check(s->env, &dead); /* slots of processes that were killed */
    guard_enter(s);
    status = open_existing(s, err);
    if (status == PV_ENOTFOUND && making) status = create(s, err);
    guard_leave();
    if (status == PV_ENOTFOUND) {
        status = pv_fail(err, PV_ECORRUPT,
                         "open store %s: this is not a store of prov, or all of it is gone; put a "
                         "backup in its place",
                         s->path);
    }
    if (status != PV_OK) goto fail;
    *out = s;
    return PV_OK;
fail:
    pv_store_close(s);
    return status;
}

static pv_status make_beside(const char *path, void *arg, pv_err *err)
{
    pv_store *s;
    pv_status status = open_at(&s, path, arg, true, err);
    pv_store_close(s);
    return status;
}

pv_status pv_store_open(pv_store **out, const char *path, const pv_store_options *options,
                        pv_err *err)
{
    pv_store_options wanted = {0};
    struct stat st;
    pv_status status;
    *out = NULL;
    if (options != NULL) wanted = *options;
    if (!wanted.readonly && stat(path, &st) != 0 && errno == ENOENT) {
        status = swap_make(path, make_beside, &wanted, err);
        if (status != PV_OK) return status;
    }
    return open_at(out, path, &wanted, false, err);
}

void pv_store_close(pv_store *s)
{
    if (s == NULL) return;
    queue_flush(s);
    mdb_env_close(s->env);
    s->env = NULL;
    unlist(s);
    if (s->sealer != NULL) s->sealer->release(s->sealer);
    s->sealer = NULL;
    store_unref(s);
}
