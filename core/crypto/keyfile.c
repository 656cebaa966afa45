#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "crypto/crypto.h"

/* Reads the whole file; its size was checked. */
static int read_key(int fd, pv_secret *key)
{
    size_t at = 0;
    while (at < key->len) {
        ssize_t n = read(fd, key->data + at, key->len - at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        if (n == 0) return EIO; /* cut short meanwhile */
        at += (size_t)n;
    }
    return 0;
}

static pv_status check_file(const char *path, const struct stat *st, pv_err *err)
{
    if (!S_ISREG(st->st_mode))
        return pv_fail(err, PV_EDENIED, "key file %s is not a regular file", path);
    if (st->st_uid != geteuid() && st->st_uid != 0) {
        return pv_fail(err, PV_EDENIED, "key file %s belongs to user %u, not to you", path,
                       (unsigned)st->st_uid);
    }
    if (st->st_mode & 077) {
        return pv_fail(err, PV_EDENIED,
                       "key file %s has mode %04o, so others may get at it; run: chmod 600 %s",
                       path, (unsigned)(st->st_mode & 07777), path);
    }
    if (st->st_size != PV_KEY_LEN) {
        return pv_fail(err, PV_ECORRUPT,
                       "key file %s has %lld bytes, a key has %d; restore it from a backup", path,
                       (long long)st->st_size, PV_KEY_LEN);
    }
    return PV_OK;
}

static pv_status load(const char *path, pv_secret **out, pv_err *err)
{
    struct stat st;
    pv_status status;
    int error, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ELOOP)
        return pv_fail(err, PV_EDENIED, "key file %s is a symbolic link", path);
    if (fd < 0) return pv_fail_errno(err, errno, "open key file %s", path);
    if (fstat(fd, &st) != 0) status = pv_fail_errno(err, errno, "open key file %s", path);
    else status = check_file(path, &st, err);
    if (status == PV_OK) {
        *out = pv_secret_new(PV_KEY_LEN);
        if ((error = read_key(fd, *out)) != 0)
            status = pv_fail_errno(err, error, "read key file %s", path);
    }
    close(fd);
    if (status != PV_OK) {
        pv_secret_free(*out);
        *out = NULL;
    }
    return status;
}

pv_status pv_keyfile(const char *path, pv_secret **out, pv_err *err)
{
    pv_secret *fresh;
    pv_status status;
    *out = NULL;
    if ((status = load(path, out, err)) != PV_ENOTFOUND) return status;
    fresh = pv_secret_new(PV_KEY_LEN);
    status = pv_random(fresh->data, fresh->len, err);
    if (status == PV_OK) status = pv_path_create(path, pv_secret_bytes(fresh), 0600, err);
    if (status == PV_OK) {
        *out = fresh;
        return PV_OK;
    }
    pv_secret_free(fresh);
    if (status == PV_EEXIST) return load(path, out, err); /* another process was faster */
    return status;
}
