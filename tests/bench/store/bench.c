/* Durable throughput and reads of the store:
 *   store_bench [folder]     default: the current one; it decides which disk is measured
 * Every commit is on disk (fdatasync) when it counts; values are sealed with AES-256-GCM. */
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "crypto/crypto.h"
#include "store/store.h"

enum { RECORD = 200, NODES = 100000 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const pv_err *err)
{
    fprintf(stderr, "store_bench: %s\n", err->msg);
    exit(1);
}

static pv_bytes str(const char *text)
{
    return (pv_bytes){text, strlen(text)};
}

typedef struct flight {
    pv_store *s;
    uv_loop_t *loop;
    long left; /* commits still to start */
    long done;
} flight;

static void start_one(flight *f);

static void on_done(void *arg, uint64_t revision, const pv_err *err)
{
    flight *f = arg;
    (void)revision;
    if (err != NULL) die(err);
    f->done++;
    if (f->left > 0) start_one(f);
}

/* What the engine writes for a step: a journal record, and the state of the step. */
static void start_one(flight *f)
{
    static char record[RECORD];
    pv_batch *b = pv_batch_new();
    pv_err err;
    f->left--;
    if (pv_batch_journal(b, str("run-1"), (pv_bytes){record, sizeof record}, &err) != PV_OK ||
        pv_store_commit_async(f->s, f->loop, b, on_done, f, &err) != PV_OK) {
        die(&err);
    }
}

static void bench_commits(pv_store *s, uv_loop_t *loop, long total, long in_flight)
{
    flight f = {.s = s, .loop = loop, .left = total};
    double start = now(), seconds;
    for (long i = 0; i < in_flight; i++) start_one(&f);
    uv_run(loop, UV_RUN_DEFAULT);
    seconds = now() - start;
    printf("commit, %4ld in flight          %9.0f /s   (%ld in %.2f s)\n", in_flight,
           (double)f.done / seconds, f.done, seconds);
}

static void bench_sync(pv_store *s, int total)
{
    static char record[RECORD];
    double start = now(), seconds;
    for (int i = 0; i < total; i++) {
        pv_batch *b = pv_batch_new();
        uint64_t revision;
        pv_err err;
        pv_batch_journal(b, str("run-2"), (pv_bytes){record, sizeof record}, NULL);
        if (pv_store_commit(s, b, &revision, &err) != PV_OK) die(&err);
        pv_batch_free(b);
    }
    seconds = now() - start;
    printf("commit, blocking                %9.0f /s\n", total / seconds);
}

/* What the disk itself gives: append and flush, without anything around it. */
static void bench_floor(const char *path, int total)
{
    static char record[RECORD];
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    double start = now(), seconds;
    if (fd < 0) return;
    for (int i = 0; i < total; i++) {
        if (write(fd, record, sizeof record) != sizeof record || fdatasync(fd) != 0) exit(1);
    }
    seconds = now() - start;
    close(fd);
    unlink(path);
    printf("append and fdatasync            %9.0f /s   (the disk alone)\n", total / seconds);
}

static void expect_lmdb(int rc)
{
    if (rc == MDB_SUCCESS) return;
    fprintf(stderr, "store_bench: bare LMDB: %s\n", mdb_strerror(rc));
    exit(1);
}

/* What LMDB alone gives: plain puts of as many bytes, `batch` of them in a transaction, each on
 * disk. */
static void bench_lmdb(const char *path, int total, int batch)
{
    static char record[RECORD];
    char lock[4200];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    double start, seconds;
    snprintf(lock, sizeof lock, "%s-lock", path);
    expect_lmdb(mdb_env_create(&env));
    expect_lmdb(mdb_env_set_mapsize(env, (size_t)1 << 30));
    expect_lmdb(mdb_env_open(env, path, MDB_NOSUBDIR, 0600));
    expect_lmdb(mdb_txn_begin(env, NULL, 0, &txn));
    expect_lmdb(mdb_dbi_open(txn, NULL, 0, &dbi));
    expect_lmdb(mdb_txn_commit(txn));
    start = now();
    for (int done = 0; done < total;) {
        expect_lmdb(mdb_txn_begin(env, NULL, 0, &txn));
        for (int i = 0; i < batch; i++, done++) {
            char name[32];
            MDB_val key = {(size_t)snprintf(name, sizeof name, "run-1/%010d", done), name};
            MDB_val value = {sizeof record, record};
            expect_lmdb(mdb_put(txn, dbi, &key, &value, 0));
        }
        expect_lmdb(mdb_txn_commit(txn));
    }
    seconds = now() - start;
    mdb_env_close(env);
    unlink(path);
    unlink(lock);
    printf("bare LMDB, %4d in a commit      %9.0f /s\n", batch, total / seconds);
}

static void bench_graph(pv_store *s)
{
    char id[64], to[64], value[512];
    pv_batch *b = pv_batch_new();
    pv_cursor *c;
    pv_row row;
    pv_err err;
    pv_buf type = {0}, data = {0};
    struct rusage use;
    uint64_t revision;
    size_t bytes = 0;
    long count = 0;
    double start = now();
    memset(value, 'v', sizeof value);
    for (int i = 0; i < NODES; i++) {
        snprintf(id, sizeof id, "server.web[%d]", i);
        snprintf(to, sizeof to, "network.lan[%d]", i / 100);
        pv_batch_node(b, str(id), str("server"), (pv_bytes){value, sizeof value}, NULL);
        pv_batch_edge(b, str(id), str("depends_on"), str(to), str(""), NULL);
    }
    if (pv_store_commit(s, b, &revision, &err) != PV_OK) die(&err);
    pv_batch_free(b);
    printf("write %d nodes and edges    %9.3f s\n", NODES, now() - start);
    start = now();
    if (pv_store_nodes(s, str(""), PV_STORE_HEAD, &c, &err) != PV_OK) die(&err);
    while (pv_cursor_next(c, &row, &err) == PV_OK) count++, bytes += row.data.len;
    pv_cursor_close(c);
    printf("read all nodes at the head      %9.3f s   (%ld nodes, %.1f MB)\n", now() - start, count,
           (double)bytes / 1e6);
    start = now();
    for (int i = 0; i < NODES; i++) {
        snprintf(id, sizeof id, "server.web[%d]", (i * 7919) % NODES);
        pv_buf_reset(&data);
        pv_buf_reset(&type);
        if (pv_store_node(s, str(id), PV_STORE_HEAD, &type, &data, &err) != PV_OK) exit(1);
    }
    printf("read one node                   %9.2f us\n", (now() - start) / NODES * 1e6);
    pv_buf_deinit(&type);
    pv_buf_deinit(&data);
    getrusage(RUSAGE_SELF, &use);
    printf("peak memory, file pages included %8.1f MB\n", (double)use.ru_maxrss / 1e3);
}

int main(int argc, char **argv)
{
    char path[4096], lock[4112], floor_path[4112];
    unsigned char key[PV_KEY_LEN];
    pv_store_options options = {0};
    pv_store *s;
    uv_loop_t loop;
    pv_err err;
    snprintf(path, sizeof path, "%s/store-bench-%d.db", argc > 1 ? argv[1] : ".", (int)getpid());
    snprintf(lock, sizeof lock, "%s-lock", path);
    snprintf(floor_path, sizeof floor_path, "%s-floor", path);
    if (pv_random(key, sizeof key, &err) != PV_OK ||
        pv_sealer_new(&options.sealer, (pv_bytes){(char *)key, sizeof key}, &err) != PV_OK ||
        pv_store_open(&s, path, &options, &err) != PV_OK) {
        die(&err);
    }
    uv_loop_init(&loop);
    bench_floor(floor_path, 2000);
    bench_lmdb(floor_path, 2000, 1);
    bench_lmdb(floor_path, 20000, 10);
    bench_lmdb(floor_path, 100000, 100);
    bench_lmdb(floor_path, 300000, 1000);
    bench_sync(s, 2000);
    bench_commits(s, &loop, 2000, 1);
    bench_commits(s, &loop, 20000, 10);
    bench_commits(s, &loop, 100000, 100);
    bench_commits(s, &loop, 300000, 1000);
    bench_graph(s);
    uv_loop_close(&loop);
    pv_store_close(s);
    options.sealer->release(options.sealer);
    unlink(path);
    unlink(lock);
    return 0;
}
