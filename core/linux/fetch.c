#include "linux/fetch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { LONGEST_NAME = 240, REFUSAL_CAP = 128 };

static const long long CACHE_LIMIT = 4LL * 1024 * 1024 * 1024;

struct pv_fetch {
    pv_fetch *next; /* of those under way */
    pv_serve *serve;
    pv_upstream *up;
    pv_fetch_reader *readers;
    pv_fetch_state state;
    int fd;
    int listed;
    long long size, got;
    char name[LONGEST_NAME + 16];
    char refusal[REFUSAL_CAP];
};

static pv_fetch *under_way; /* one process serves one lab */

int pv_fetch_cacheable(const char *path)
{
    size_t len = strlen(path);
    return (len > 4 && strcmp(path + len - 4, ".deb") == 0) || strstr(path, "/by-hash/") != NULL;
}

/* host and path as one file name; 0 when it would be too long. */
static int name_of(const char *host, int port, const char *path, char *out)
{
    int used = snprintf(out, LONGEST_NAME, "%s_%d", host, port);
    for (const char *c = path; *c != '\0'; c++) {
        int plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                    (*c >= '0' && *c <= '9') || strchr("._-+~", *c) != NULL;
        if (used + 4 >= LONGEST_NAME) return 0;
        used += snprintf(out + used, (size_t)(LONGEST_NAME - used), plain ? "%c" : "%%%02x",
                         (unsigned char)*c);
    }
    return 1;
}

static void unlist(pv_fetch *f)
{
    for (pv_fetch **at = &under_way; f->listed && *at != NULL; at = &(*at)->next) {
        if (*at != f) continue;
        *at = f->next;
        break;
    }
    f->listed = 0;
}

static void temp_path(const pv_fetch *f, char *out)
{
    pv_path_format(out, NULL, "%s/.part-%d-%s", f->serve->cache, (int)getpid(), f->name);
}

static void tell(pv_fetch *f)
{
    for (pv_fetch_reader *r = f->readers, *next; r != NULL; r = next) {
        next = r->next; /* it may leave now */
        r->on_more(r);
    }
}

static void free_fetch(pv_fetch *f)
{
    char path[PV_PATH_CAP];
    unlist(f);
    if (f->up != NULL) { /* nobody wants the rest */
        pv_upstream_close(f->up);
        temp_path(f, path);
        unlink(path);
    }
    if (f->fd >= 0) close(f->fd);
    pv_free(f);
}

static void on_head(void *arg, int status, pv_http_head head, long long length)
{
    pv_fetch *f = arg;
    if (status == 200 && length >= 0) {
        f->size = length;
        f->state = PV_FETCH_BODY;
        return;
    }
    f->state = PV_FETCH_REFUSED;
    snprintf(f->refusal, sizeof f->refusal, "%.*s", (int)strcspn(head.text + 9, "\r\n"),
             head.text + 9);
    if (status == 200) strcpy(f->refusal, "502 Mirror Did Not Tell A Length");
}

static void on_body(void *arg, pv_bytes bytes)
{
    pv_fetch *f = arg;
    if (f->state != PV_FETCH_BODY) return;
    if (pwrite(f->fd, bytes.data, bytes.len, (off_t)f->got) != (ssize_t)bytes.len) {
        f->state = PV_FETCH_FAILED; /* the disk is full */
    } else {
        f->got += (long long)bytes.len;
    }
    tell(f);
}

static void on_end(void *arg, int ok)
{
    pv_fetch *f = arg;
    char temp[PV_PATH_CAP], path[PV_PATH_CAP];
    f->up = NULL;
    unlist(f);
    temp_path(f, temp);
    if (f->state == PV_FETCH_BODY && ok && f->got == f->size) {
        f->state = PV_FETCH_DONE;
        if (pv_path_format(path, NULL, "%s/%s", f->serve->cache, f->name) != PV_OK ||
            rename(temp, path) != 0)
            unlink(temp);
    } else {
        if (f->state != PV_FETCH_REFUSED) f->state = PV_FETCH_FAILED;
        unlink(temp);
    }
    if (f->readers == NULL) free_fetch(f);
    else tell(f);
}

static pv_fetch *from_cache(pv_serve *serve, const char *name)
{
    char path[PV_PATH_CAP];
    struct stat st;
    pv_fetch *f;
    int fd;
    if (pv_path_format(path, NULL, "%s/%s", serve->cache, name) != PV_OK) return NULL;
    if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0) return NULL;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return NULL;
    }
    futimens(fd, NULL); /* what is used stays longest */
    f = pv_alloc(sizeof *f);
    f->serve = serve;
    f->fd = fd;
    f->size = f->got = st.st_size;
    f->state = PV_FETCH_DONE;
    return f;
}

static pv_fetch *from_mirror(pv_serve *serve, const char *host, int port, const char *name,
                             pv_bytes request)
{
    static const pv_upstream_events events = {on_head, on_body, on_end};
    char path[PV_PATH_CAP];
    pv_fetch *f = pv_alloc(sizeof *f);
    f->serve = serve;
    f->state = PV_FETCH_HEAD;
    strcpy(f->name, name);
    temp_path(f, path);
    pv_dir_make(serve->cache, NULL);
    f->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (f->fd < 0) {
        f->state = PV_FETCH_FAILED;
        return f;
    }
    f->up = pv_upstream_open(serve, host, port, request, 0, &events, f);
    f->next = under_way;
    f->listed = 1;
    under_way = f;
    return f;
}

pv_fetch *pv_fetch_join(pv_serve *serve, const char *host, int port, const char *path,
                        pv_bytes request, pv_fetch_reader *reader)
{
    char name[LONGEST_NAME + 1];
    pv_fetch *f = NULL;
    if (!name_of(host, port, path, name)) return NULL;
    for (pv_fetch *at = under_way; at != NULL && f == NULL; at = at->next) {
        if (strcmp(at->name, name) == 0) f = at;
    }
    if (f == NULL) f = from_cache(serve, name);
    if (f == NULL) f = from_mirror(serve, host, port, name, request);
    reader->next = f->readers;
    f->readers = reader;
    return f;
}

void pv_fetch_leave(pv_fetch *f, pv_fetch_reader *reader)
{
    for (pv_fetch_reader **at = &f->readers; *at != NULL; at = &(*at)->next) {
        if (*at != reader) continue;
        *at = reader->next;
        break;
    }
    /* A fetch under way goes on for the cache; on_end frees it. */
    if (f->readers == NULL && f->up == NULL) free_fetch(f);
}

pv_fetch_state pv_fetch_get_state(const pv_fetch *f)
{
    return f->state;
}

long long pv_fetch_size(const pv_fetch *f)
{
    return f->size;
}

long long pv_fetch_got(const pv_fetch *f)
{
    return f->got;
}

const char *pv_fetch_refusal(const pv_fetch *f)
{
    return f->refusal;
}

ssize_t pv_fetch_read(const pv_fetch *f, long long at, char *out, size_t cap)
{
    if ((long long)cap > f->got - at) cap = (size_t)(f->got - at);
    return pread(f->fd, out, cap, (off_t)at);
}

typedef struct cached {
    time_t used;
    long long size;
    char *name;
} cached;

static int by_age(const void *a, const void *b)
{
    const cached *x = a, *y = b;
    return x->used < y->used ? -1 : x->used > y->used;
}

void pv_fetch_trim(pv_serve *serve)
{
    DIR *dir = opendir(serve->cache);
    struct dirent *entry;
    cached *files = NULL;
    size_t count = 0;
    long long total = 0;
    if (dir == NULL) return;
    while ((entry = readdir(dir)) != NULL) {
        struct stat st;
        int owner;
        if (sscanf(entry->d_name, ".part-%d-", &owner) == 1 && kill(owner, 0) != 0 &&
            errno == ESRCH) {
            unlinkat(dirfd(dir), entry->d_name, 0); /* of a process that was killed */
        }
        if (entry->d_name[0] == '.' ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (!S_ISREG(st.st_mode)) continue;
        files = pv_realloc_array(files, count + 1, sizeof *files);
        files[count].used = st.st_mtime;
        files[count].size = st.st_size;
        files[count++].name = pv_strdup(entry->d_name);
        total += st.st_size;
    }
    if (total > CACHE_LIMIT) qsort(files, count, sizeof *files, by_age);
    for (size_t i = 0; i < count; i++) {
        if (total > CACHE_LIMIT && unlinkat(dirfd(dir), files[i].name, 0) == 0)
            total -= files[i].size;
        pv_free(files[i].name);
    }
    pv_free(files);
    closedir(dir);
}
