#include "linux/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEEPEST_TREE = 512 };

pv_status pv_path_format(char *out, pv_err *err, const char *fmt, ...)
{
    va_list ap;
    int len;
    va_start(ap, fmt);
    len = vsnprintf(out, PV_PATH_CAP, fmt, ap);
    va_end(ap);
    if (len < 0 || len >= PV_PATH_CAP)
        return pv_fail(err, PV_ELIMIT, "path is longer than %d bytes", PV_PATH_CAP);
    return PV_OK;
}

pv_status pv_file_read(pv_buf *buf, const char *path, pv_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    pv_status status = PV_OK;
    char chunk[4096];
    ssize_t n;
    if (fd < 0) return pv_fail_errno(err, errno, "cannot read %s", path);
    while (status == PV_OK && (n = read(fd, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) status = pv_fail_errno(err, errno, "cannot read %s", path);
        else if (pv_buf_add(buf, chunk, (size_t)n) != PV_OK)
            status = pv_fail(err, PV_ELIMIT, "%s is too large", path);
    }
    close(fd);
    return status;
}

pv_status pv_file_put(const char *path, const char *text, pv_err *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n;
    int error;
    if (fd < 0) return pv_fail_errno(err, errno, "cannot open %s", path);
    do n = write(fd, text, strlen(text));
    while (n < 0 && errno == EINTR);
    error = errno;
    close(fd);
    if (n < 0) return pv_fail_errno(err, error, "cannot write '%s' to %s", text, path);
    return PV_OK;
}

pv_status pv_file_replace(const char *path, const char *text, pv_err *err)
{
    char temp[PV_PATH_CAP];
    size_t len = strlen(text), at = 0;
    ssize_t n = 0;
    int fd, error;
    if (pv_path_format(temp, err, "%s.%d.tmp", path, (int)getpid()) != PV_OK) return PV_ELIMIT;
    fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return pv_fail_errno(err, errno, "cannot write %s", temp);
    while (at < len && ((n = write(fd, text + at, len - at)) > 0 || errno == EINTR)) {
        if (n > 0) at += (size_t)n;
    }
    error = errno;
    close(fd);
    if (at == len && rename(temp, path) == 0) return PV_OK;
    if (at == len) error = errno;
    unlink(temp);
    return pv_fail_errno(err, error, "cannot write %s", path);
}

pv_status pv_dir_make(const char *path, pv_err *err)
{
    char part[PV_PATH_CAP];
    size_t len = strlen(path);
    if (len >= sizeof part)
        return pv_fail(err, PV_ELIMIT, "path is longer than %d bytes", PV_PATH_CAP);
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0') continue;
        part[i] = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return pv_fail_errno(err, errno, "cannot make the folder %s", part);
        part[i] = path[i];
    }
    return PV_OK;
}

static int remove_children(int parent, const char *name, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir;
    struct dirent *entry;
    int error = 0;
    if (fd < 0) return errno == ENOENT ? 0 : errno;
    if (depth > DEEPEST_TREE) {
        close(fd);
        return ELOOP;
    }
    if ((dir = fdopendir(fd)) == NULL) {
        error = errno;
        close(fd);
        return error;
    }
    while (error == 0 && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (entry->d_type != DT_DIR) {
            if (unlinkat(fd, entry->d_name, 0) == 0 || errno == ENOENT) continue;
            if (errno != EISDIR) error = errno; /* d_type may be unknown */
        }
        if (error == 0) error = remove_children(fd, entry->d_name, depth + 1);
        if (error == 0 && unlinkat(fd, entry->d_name, AT_REMOVEDIR) != 0 && errno != ENOENT)
            error = errno;
    }
    closedir(dir);
    return error;
}

pv_status pv_tree_remove(const char *path, pv_err *err)
{
    int error = remove_children(AT_FDCWD, path, 0);
    if (error == 0 && rmdir(path) != 0 && errno != ENOENT) error = errno;
    if (error == ENOTDIR || error == ELOOP)
        error = unlink(path) == 0 || errno == ENOENT ? 0 : errno;
    if (error != 0) return pv_fail_errno(err, error, "cannot remove %s", path);
    return PV_OK;
}
