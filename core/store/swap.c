/* Puts another file in place of a store's while processes may have the old one open.
 *
 * LMDB finds the lock file by the name of the data file, so the two must change together: a new
 * data file under the lock file of the old one would be read wrongly, and the old data file under
 * two lock files would have two writers.  Whoever opens a store therefore holds the folder's flock
 * shared for that moment, and whoever swaps holds it alone.  A swap that was killed leaves its
 * mark, and the next one to come finishes it before LMDB sees the file:
 *
 *   mark  path-new   the data file is
 *   yes   yes        the old one: nothing happened yet
 *   yes   no         the new one: the lock file may be that of the old one */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "store/internal.h"

/* path with an ending; deinit it. */
static pv_buf beside(const char *path, const char *ending)
{
    pv_buf name = {0};
    pv_buf_addf(&name, "%s%s", path, ending);
    return name;
}

static int lock_folder(int fd, int how)
{
    int rc;
    while ((rc = flock(fd, how)) != 0 && errno == EINTR) {
    }
    return rc;
}

static int open_folder(const char *path)
{
    pv_buf folder = {0};
    int fd;
    pv_path_dirname(&folder, path);
    fd = open(folder.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    pv_buf_deinit(&folder);
    return fd;
}

static int remove_file(const char *path, const char *ending)
{
    pv_buf name = beside(path, ending);
    int rc = unlink(name.data) == 0 || errno == ENOENT ? 0 : errno;
    pv_buf_deinit(&name);
    return rc;
}

static bool exists(const char *path, const char *ending)
{
    pv_buf name = beside(path, ending);
    bool found = access(name.data, F_OK) == 0;
    pv_buf_deinit(&name);
    return found;
}

/* Ends what a killed swap began.  With the folder held alone. */
static int settle(const char *path)
{
    int rc = 0;
    if (!exists(path, SWAP_MARK)) return 0;
    if (!exists(path, SWAP_NEW)) rc = remove_file(path, "-lock");
    return rc != 0 ? rc : remove_file(path, SWAP_MARK);
}

pv_status swap_enter(const char *path, int *folder, pv_err *err)
{
    int rc = 0;
    *folder = open_folder(path);
    if (*folder < 0) return PV_OK; /* what is wrong with the folder, opening the file will say */
    if (lock_folder(*folder, LOCK_SH) != 0 || !exists(path, SWAP_MARK)) return PV_OK;
    if (lock_folder(*folder, LOCK_EX) != 0) rc = errno;
    if (rc == 0) rc = settle(path);
    if (rc == 0 || rc == EROFS) return PV_OK; /* nobody writes there */
    swap_leave(*folder);
    return pv_fail_errno(err, rc, "finish the replacement of %s", path);
}

void swap_leave(int folder)
{
    if (folder >= 0) close(folder);
}

/* The order matters: see above. */
static int swap(const char *path)
{
    pv_buf mark = beside(path, SWAP_MARK), fresh = beside(path, SWAP_NEW);
    int fd, rc = settle(path);
    if (rc == 0) {
        fd = open(mark.data, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0) rc = errno;
        else close(fd);
    }
    if (rc == 0 && rename(fresh.data, path) != 0) {
        rc = errno;
        (void)remove_file(path, SWAP_MARK);
    } else if (rc == 0) { /* done; if what follows fails, the next to open the store does it */
        if (remove_file(path, "-lock") == 0) (void)remove_file(path, SWAP_MARK);
    }
    pv_buf_deinit(&mark);
    pv_buf_deinit(&fresh);
    return rc;
}

pv_status pv_store_swap(const char *path, pv_err *err)
{
    int rc = 0, folder = open_folder(path);
    if (folder < 0 || lock_folder(folder, LOCK_EX) != 0) rc = errno;
    if (rc == 0) rc = swap(path);
    if (rc == 0 && fsync(folder) != 0) rc = errno;
    swap_leave(folder);
    return rc == 0 ? PV_OK : pv_fail_errno(err, rc, "replace %s", path);
}

static void remove_made(const char *path)
{
    (void)remove_file(path, SWAP_MADE);
    (void)remove_file(path, SWAP_MADE "-lock");
}

pv_status swap_make(const char *path, pv_status (*fn)(const char *path, void *arg, pv_err *err),
                    void *arg, pv_err *err)
{
    pv_status status = PV_OK;
    int folder = open_folder(path);
    if (folder >= 0) (void)lock_folder(folder, LOCK_EX); /* where there are no locks, none helps */
    if (!exists(path, "")) {
        pv_buf made = beside(path, SWAP_MADE);
        remove_made(path); /* what a killed one left */
        status = fn(made.data, arg, err);
        if (status == PV_OK && rename(made.data, path) != 0) {
            status = pv_fail_errno(err, errno, "create store %s", path);
        }
        remove_made(path);
        if (status == PV_OK) status = pv_path_sync_parent(path, err);
        pv_buf_deinit(&made);
    }
    swap_leave(folder);
    return status;
}

pv_status swap_check(const pv_store *s, pv_err *err)
{
    struct stat st;
    if (stat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino) return PV_OK;
    return pv_fail(err, PV_ECONFLICT,
                   "write %s: another file has taken its place (a new key, a compaction or a "
                   "recovery); run the command again",
                   s->path);
}
