#include "net/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/handle.h"

enum { PIECE = 256 << 10 };

typedef struct digest_job {
    uv_work_t work;
    int fd;
    char hex[PV_DIGEST_HEX];
    uint64_t size;
    pv_err err;
    pv_digest_cb cb;
    void *arg;
} digest_job;

static void to_hex(char *hex, const unsigned char *digest)
{
    for (int i = 0; i < PV_DIGEST_HEX / 2; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
}

void pv_digest_bytes(char *hex, const void *data, size_t len)
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL); /* fails only without memory */
    to_hex(hex, digest);
}

static void run(uv_work_t *work)
{
    digest_job *job = PV_OWNER(work, digest_job, work);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned char *piece = pv_alloc(PIECE);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    ssize_t got = 1;
    if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1) {
        pv_fail(&job->err, PV_EIO, "SHA-256 is not available");
        got = 0;
    }
    while (got > 0) {
        got = pread(job->fd, piece, PIECE, (off_t)job->size);
        if (got < 0) pv_fail_errno(&job->err, errno, "cannot read the file");
        if (got > 0) EVP_DigestUpdate(ctx, piece, (size_t)got);
        if (got > 0) job->size += (uint64_t)got;
    }
    if (job->err.status == PV_OK) {
        EVP_DigestFinal_ex(ctx, digest, NULL);
        to_hex(job->hex, digest);
    }
    EVP_MD_CTX_free(ctx);
    pv_free(piece);
}

static void after(uv_work_t *work, int status)
{
    digest_job *job = PV_OWNER(work, digest_job, work);
    if (status != 0) pv_fail(&job->err, PV_ECANCELED, "reading the file was canceled");
    job->cb(job->arg, job->hex, job->size, job->err.status == PV_OK ? NULL : &job->err);
    pv_free(job);
}

void pv_digest_file(uv_loop_t *loop, int fd, pv_digest_cb cb, void *arg)
{
    digest_job *job = pv_alloc(sizeof *job);
    job->fd = fd;
    job->cb = cb;
    job->arg = arg;
    uv_queue_work(loop, &job->work, run, after);
}
