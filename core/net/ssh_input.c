/* A file as the standard input of a command, read on libuv's worker threads one piece at a
 * time, so that neither a slow disk stops the loop nor a slow peer fills the memory. */
#include <string.h>

#include "base/mem.h"
#include "net/handle.h"
#include "net/ssh_internal.h"

enum { PIECE = 128 << 10 };

struct ssh_file_input {
    uv_fs_t req;
    pv_ssh_exec *e;
    int fd;
    int busy;
    int ended;
    char piece[PIECE];
};

struct ssh_file_input *ssh_file_open(pv_ssh_exec *e, int fd)
{
    struct ssh_file_input *file = pv_alloc(sizeof *file);
    file->e = e;
    file->fd = fd;
    return file;
}

int ssh_file_busy(const pv_ssh_exec *e)
{
    return e->file != NULL && e->file->busy;
}

static void on_read(uv_fs_t *req)
{
    struct ssh_file_input *file = PV_OWNER(req, struct ssh_file_input, req);
    pv_ssh_exec *e = file->e;
    ssize_t got = req->result;
    uv_fs_req_cleanup(req);
    file->busy = 0;
    if (e->state == EXEC_ENDED) {
        ssh_exec_retire(e);
        return;
    }
    if (got > 0) pv_buf_add(&e->input, file->piece, (size_t)got);
    else file->ended = 1;
    if (got < 0) {
        pv_buf text;
        pv_buf_init(&text, 256);
        pv_buf_addf(&text, "cannot read the input file: %s", uv_strerror((int)got));
        ssh_exec_fail(e, PV_EIO, text.data);
        pv_buf_deinit(&text);
    }
    ssh_kick(e->s);
}

int ssh_file_more(pv_ssh_exec *e)
{
    struct ssh_file_input *file = e->file;
    uv_buf_t buf;
    if (file == NULL || file->ended) return 0;
    if (file->busy) return 1;
    buf = uv_buf_init(file->piece, PIECE);
    if (uv_fs_read(e->s->loop, &file->req, file->fd, &buf, 1, -1, on_read) != 0) {
        file->ended = 1;
        ssh_exec_fail(e, PV_EIO, "cannot read the input file");
        return 1;
    }
    file->busy = 1;
    return 1;
}
