/* Preloaded into prov by tests/e2e/killpoints.sh: ends the process with SIGKILL right before or after
 * the n-th call that changes what outlives it, in files below the folders in KILL_DIRS.
 *
 *   KILL_DIRS=DIR[:DIR]  which files count
 *   KILL_AT=N            0 never kills; KILL_COUNT=FILE then gets the number of calls
 *   KILL_WHEN=before|after
 *   KILL_SYNCED=FILE     keeps FILE.synced as a power failure would leave FILE: what was written and
 *                        not yet synced is not in it
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static unsigned long calls;

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static bool counts(const char *path)
{
    const char *dirs = getenv("KILL_DIRS");
    size_t len;
    for (; dirs != NULL && *dirs != '\0'; dirs += len + (dirs[len] == ':')) {
        len = strcspn(dirs, ":");
        if (strncmp(path, dirs, len) == 0 && path[len] == '/') return true;
    }
    return false;
}

static bool path_of(int fd, char path[PATH_MAX])
{
    char link[64];
    int error = errno;
    ssize_t n;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, PATH_MAX - 1);
    errno = error;
    if (n <= 0) return false;
    path[n] = '\0';
    return true;
}

static bool fd_counts(int fd)
{
    char path[PATH_MAX];
    return path_of(fd, path) && counts(path);
}

/* The turn of a call that counts; kills when it is the one. */
static unsigned long turn(bool before, unsigned long mine)
{
    const char *at = getenv("KILL_AT"), *when = getenv("KILL_WHEN");
    if (mine == 0) mine = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
    if (at != NULL && mine == strtoul(at, NULL, 10) && (strcmp(when, "before") == 0) == before) {
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
    return mine;
}

static const char *synced_copy(int fd, char copy[PATH_MAX + 8])
{
    const char *file = getenv("KILL_SYNCED");
    char path[PATH_MAX];
    if (file == NULL || !path_of(fd, path) || strcmp(path, file) != 0) return NULL;
    snprintf(copy, PATH_MAX + 8, "%s.synced", file);
    return copy;
}

/* All of the file has reached the disk. */
static void keep_all(int fd)
{
    char copy[PATH_MAX + 8], temp[PATH_MAX + 16];
    struct stat st;
    loff_t from = 0;
    int out;
    if (synced_copy(fd, copy) == NULL || fstat(fd, &st) != 0) return;
    snprintf(temp, sizeof temp, "%s.new", copy);
    out = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (out < 0) abort();
    while (from < st.st_size && copy_file_range(fd, &from, out, NULL, (size_t)(st.st_size - from), 0) > 0) {}
    close(out);
    if (from != st.st_size || REAL(rename)(temp, copy) != 0) abort();
}

/* A write through a descriptor that syncs by itself. */
static void keep_write(int fd, const void *data, size_t size, off_t at)
{
    char copy[PATH_MAX + 8];
    int out;
    if ((fcntl(fd, F_GETFL) & O_DSYNC) == 0 || synced_copy(fd, copy) == NULL) return;
    out = open(copy, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (out < 0 || REAL(pwrite)(out, data, size, at) != (ssize_t)size) abort();
    close(out);
}

#define COUNTED(is_counted, call, kept)                     \
    do {                                                    \
        unsigned long mine;                                 \
        if (!(is_counted)) return (call);                   \
        pthread_mutex_lock(&gate);                          \
        mine = turn(true, 0);                               \
        result = (call);                                    \
        kept;                                               \
        turn(false, mine);                                  \
        pthread_mutex_unlock(&gate);                        \
        return result;                                      \
    } while (0)

ssize_t write(int fd, const void *data, size_t size)
{
    ssize_t result;
    COUNTED(fd_counts(fd), REAL(write)(fd, data, size), (void)0);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    ssize_t result;
    COUNTED(fd_counts(fd), REAL(pwrite)(fd, data, size, at), keep_write(fd, data, size, at));
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    return pwrite(fd, data, size, at);
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
    ssize_t result;
    COUNTED(fd_counts(fd), REAL(writev)(fd, parts, n), (void)0);
}

ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t at)
{
    ssize_t result;
    COUNTED(fd_counts(fd), REAL(pwritev)(fd, parts, n, at), (void)0);
}

int fdatasync(int fd)
{
    int result;
    COUNTED(fd_counts(fd), REAL(fdatasync)(fd), keep_all(fd));
}

int fsync(int fd)
{
    int result;
    COUNTED(fd_counts(fd), REAL(fsync)(fd), keep_all(fd));
}

int ftruncate(int fd, off_t size)
{
    int result;
    COUNTED(fd_counts(fd), REAL(ftruncate)(fd, size), (void)0);
}

int rename(const char *from, const char *to)
{
    int result;
    COUNTED(counts(to), REAL(rename)(from, to), (void)0);
}

int unlink(const char *path)
{
    int result;
    COUNTED(counts(path), REAL(unlink)(path), (void)0);
}

__attribute__((destructor)) static void tell(void)
{
    const char *file = getenv("KILL_COUNT");
    FILE *f = file != NULL ? fopen(file, "w") : NULL;
    if (f == NULL) return;
    fprintf(f, "%lu\n", calls);
    fclose(f);
}
