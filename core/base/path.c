#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

pv_status pv_path_join(pv_buf *out, const char *a, const char *b)
{
    size_t len = strlen(a);
    pv_status status = PV_OK;
    if (b[0] == '/' || len == 0) return pv_buf_adds(out, b);
    while (len > 1 && a[len - 1] == '/') len--;
    status = pv_buf_add(out, a, len);
    if (status == PV_OK && a[len - 1] != '/') status = pv_buf_addc(out, '/');
    return status == PV_OK ? pv_buf_adds(out, b) : status;
}

pv_status pv_path_dirname(pv_buf *out, const char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') len--;
    while (len > 0 && path[len - 1] != '/') len--;
    if (len == 0) return pv_buf_adds(out, ".");
    while (len > 1 && path[len - 1] == '/') len--;
    return pv_buf_add(out, path, len);
}

const char *pv_path_basename(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

pv_status pv_path_sync_parent(const char *path, pv_err *err)
{
    pv_buf dir = {0};
    pv_status status = PV_OK;
    int fd;
    pv_path_dirname(&dir, path);
    fd = open(dir.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* Some file systems cannot sync a folder (EINVAL); their entries need none. */
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL)) {
        status = pv_fail_errno(err, errno, "sync folder %s", dir.data);
    }
    if (fd >= 0) close(fd);
    pv_buf_deinit(&dir);
    return status;
}

static int write_all(int fd, pv_bytes data)
{
    size_t at = 0;
    while (at < data.len) {
        ssize_t n = write(fd, data.data + at, data.len - at);
        if (n < 0 && errno != EINTR) return errno;
        if (n > 0) at += (size_t)n;
    }
    return 0;
}

/* Writes the temporary file and fsyncs it; its name is in temp. */
static int write_temp(pv_buf *temp, const char *path, pv_bytes data, mode_t mode)
{
    int fd, error = 0;
    pv_buf_addf(temp, "%s.XXXXXX", path);
    fd = mkostemp(temp->data, O_CLOEXEC);
    if (fd < 0) return errno;
    error = write_all(fd, data);
    if (error == 0 && fchmod(fd, mode) != 0) error = errno;
    if (error == 0 && fsync(fd) != 0) error = errno;
    if (close(fd) != 0 && error == 0) error = errno;
    if (error != 0) unlink(temp->data);
    return error;
}

static pv_status write_file(const char *path, pv_bytes data, mode_t mode, bool fresh, pv_err *err)
{
    pv_buf temp = {0};
    int error = write_temp(&temp, path, data, mode);
    if (error == 0) {
        /* link() refuses a name that exists, rename() replaces it. */
        if ((fresh ? link(temp.data, path) : rename(temp.data, path)) != 0) error = errno;
        if (fresh || error != 0) unlink(temp.data);
    }
    pv_buf_deinit(&temp);
    if (error != 0) return pv_fail_errno(err, error, "write %s", path);
    return pv_path_sync_parent(path, err);
}

pv_status pv_path_write(const char *path, pv_bytes data, mode_t mode, pv_err *err)
{
    return write_file(path, data, mode, false, err);
}

pv_status pv_path_create(const char *path, pv_bytes data, mode_t mode, pv_err *err)
{
    return write_file(path, data, mode, true, err);
}

pv_status pv_path_append(int fd, pv_bytes data, pv_err *err)
{
    struct stat st;
    ssize_t n;
    int error;
    do n = write(fd, data.data, data.len);
    while (n < 0 && errno == EINTR);
    if (n >= 0 && (size_t)n == data.len) return PV_OK;
    error = n < 0 ? errno : ENOSPC;
    if (n > 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && ftruncate(fd, st.st_size - n) != 0)
        return pv_fail_errno(err, errno, "take back what a full disk cut short");
    return pv_fail_errno(err, error, "append to a file");
}

pv_status pv_path_read(const char *path, pv_buf *out, pv_err *err)
{
    char chunk[16384];
    pv_status status = PV_OK;
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return pv_fail_errno(err, errno, "open %s", path);
    while (status == PV_OK && (n = read(fd, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) status = pv_fail_errno(err, errno, "read %s", path);
        else if (pv_buf_add(out, chunk, (size_t)n) != PV_OK) {
            status =
                pv_fail(err, PV_ELIMIT, "read %s: it is larger than %zu bytes", path, out->max);
        }
    }
    explicit_bzero(chunk, sizeof chunk); /* it may have been a key */
    close(fd);
    return status;
}
