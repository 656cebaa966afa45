/* A line editor on the terminal (libedit): history, keys, completion by a callback.
 * Blocks while a person types; for the REPL only.  One at a time, on the main thread. */
#ifndef PV_EDIT_LINE_H
#define PV_EDIT_LINE_H

#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/status.h"

typedef struct pv_line pv_line;

/* What TAB does.  `line` holds the whole line of `len` bytes, the cursor is behind `cursor`
 * of them.  What is put into `insert` is typed at the cursor; what is put into `show` (when
 * nothing is inserted) is printed below the line. */
typedef void (*pv_line_complete)(void *user, const char *line, size_t len, size_t cursor,
                                 pv_buf *insert, pv_buf *show);

typedef struct pv_line_options {
    FILE *in, *out, *err;      /* usually the standard ones; in and out are a terminal */
    const char *history_file;  /* read now, extended by pv_line_remember(); NULL: none */
    int history_size;          /* lines kept */
    pv_line_complete complete; /* NULL: TAB types a blank */
    void *user;
} pv_line_options;

/* Makes an editor and sets LC_CTYPE from the environment (for characters past ASCII).  A
 * history file that cannot be read is no error.  Statuses: PV_EUNSUPPORTED (no terminal). */
pv_status pv_line_open(pv_line **out, const pv_line_options *options, pv_err *err);

/* Gives the terminal back; NULL is fine. */
void pv_line_close(pv_line *l);

/* Reads one line without its end into *text, valid until the next call.  Statuses:
 * PV_ECLOSED (end of input), PV_ECANCELED (Ctrl-C; the line is dropped), PV_EIO. */
pv_status pv_line_read(pv_line *l, const char *prompt, pv_bytes *text, pv_err *err);

/* Adds an entry (it may hold line ends) to the history and its file (mode 0600). */
void pv_line_remember(pv_line *l, const char *entry);

#endif
