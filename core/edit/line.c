#include "edit/line.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <locale.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "base/mem.h"

struct pv_line {
    EditLine *el;
    History *history;
    char *history_file;
    char *prompt;
    pv_line_complete complete;
    void *user;
    FILE *out;
    bool canceled; /* the line ended by Ctrl-C */
};

static char *prompt_of(EditLine *el)
{
    pv_line *l = NULL;
    el_get(el, EL_CLIENTDATA, &l);
    return l->prompt;
}

static unsigned char on_tab(EditLine *el, int key)
{
    pv_line *l = NULL;
    const LineInfo *info = el_line(el);
    pv_buf insert, show;
    unsigned char result = CC_ERROR;
    (void)key;
    el_get(el, EL_CLIENTDATA, &l);
    pv_buf_init(&insert, 4096);
    pv_buf_init(&show, 65536);
    l->complete(l->user, info->buffer, (size_t)(info->lastchar - info->buffer),
                (size_t)(info->cursor - info->buffer), &insert, &show);
    if (insert.len > 0) {
        result = el_insertstr(el, insert.data) == 0 ? CC_REFRESH : CC_ERROR;
    } else if (show.len > 0) {
        fprintf(l->out, "\n%s", show.data);
        fflush(l->out);
        result = CC_REDISPLAY;
    }
    pv_buf_deinit(&insert);
    pv_buf_deinit(&show);
    return result;
}

static unsigned char on_cancel(EditLine *el, int key)
{
    pv_line *l = NULL;
    (void)key;
    el_get(el, EL_CLIENTDATA, &l);
    l->canceled = true;
    return CC_NEWLINE;
}

static void open_history(pv_line *l, const pv_line_options *o)
{
    HistEvent event;
    l->history = history_init();
    history(l->history, &event, H_SETSIZE, o->history_size > 0 ? o->history_size : 1000);
    history(l->history, &event, H_SETUNIQUE, 1);
    if (o->history_file != NULL) {
        l->history_file = pv_strdup(o->history_file);
        history(l->history, &event, H_LOAD, l->history_file);
    }
    el_set(l->el, EL_HIST, history, l->history);
}

pv_status pv_line_open(pv_line **out, const pv_line_options *options, pv_err *err)
{
    pv_line *l;
    *out = NULL;
    if (!isatty(fileno(options->in)) || !isatty(fileno(options->out))) {
        return pv_fail(err, PV_EUNSUPPORTED, "line editing needs a terminal");
    }
    l = pv_alloc(sizeof *l);
    setlocale(LC_CTYPE, "");
    l->out = options->out;
    l->complete = options->complete;
    l->user = options->user;
    l->el = el_init("prov", options->in, options->out, options->err);
    if (l->el == NULL) {
        pv_line_close(l);
        return pv_fail(err, PV_EUNSUPPORTED, "the terminal cannot be used for line editing");
    }
    el_set(l->el, EL_CLIENTDATA, l);
    el_set(l->el, EL_PROMPT, prompt_of);
    el_set(l->el, EL_EDITOR, "emacs");
    el_set(l->el, EL_SIGNAL, 1);
    open_history(l, options);
    el_set(l->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    if (l->complete != NULL) { /* wide: el_set() leaks the copies it makes of the names */
        el_wset(l->el, EL_ADDFN, L"prov-complete", L"complete", on_tab);
        el_set(l->el, EL_BIND, "^I", "prov-complete", NULL);
    }
    el_source(l->el, NULL); /* ~/.editrc */
    /* Ctrl-C is a key while a line is typed: a signal would reach the event loop, too late. */
    el_set(l->el, EL_SETTY, "-d", "-isig", NULL);
    el_wset(l->el, EL_ADDFN, L"prov-cancel", L"drop the line", on_cancel);
    el_set(l->el, EL_BIND, "^C", "prov-cancel", NULL);
    *out = l;
    return PV_OK;
}

void pv_line_close(pv_line *l)
{
    if (l == NULL) return;
    if (l->el != NULL) el_end(l->el);
    if (l->history != NULL) history_end(l->history);
    pv_free(l->history_file);
    pv_free(l->prompt);
    pv_free(l);
}

pv_status pv_line_read(pv_line *l, const char *prompt, pv_bytes *text, pv_err *err)
{
    FILE *in = NULL;
    const char *line;
    int count = 0, fd = -1, flags;
    *text = (pv_bytes){NULL, 0};
    /* Whoever read from the terminal through the event loop has left it non-blocking. */
    if (el_get(l->el, EL_GETFP, 0, &in) == 0) fd = fileno(in);
    flags = fd >= 0 ? fcntl(fd, F_GETFL) : -1;
    if (flags >= 0 && (flags & O_NONBLOCK) != 0) fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    l->canceled = false;
    pv_free(l->prompt);
    l->prompt = pv_strdup(prompt);
    errno = 0;
    line = el_gets(l->el, &count);
    if (l->canceled) { /* also with nothing typed */
        fputc('\n', l->out);
        return pv_fail(err, PV_ECANCELED, "interrupted");
    }
    if (line == NULL || count <= 0) {
        int error = errno;
        if (count < 0) return pv_fail_errno(err, error, "read from the terminal");
        return pv_fail(err, PV_ECLOSED, "end of input");
    }
    text->data = line;
    text->len = (size_t)count;
    if (line[count - 1] == '\n') text->len--;
    return PV_OK;
}

void pv_line_remember(pv_line *l, const char *entry)
{
    HistEvent event;
    history(l->history, &event, H_ENTER, entry);
    if (l->history_file == NULL) return;
    /* Made private before libedit writes to it. */
    int fd = open(l->history_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return;
    fchmod(fd, 0600);
    close(fd);
    history(l->history, &event, H_SAVE, l->history_file);
}
