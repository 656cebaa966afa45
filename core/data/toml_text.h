/* The lowest layer of the TOML reader: places, blanks, comments, keys and strings.  Shared by the
 * sources toml_*.c. */
#ifndef PV_DATA_TOML_TEXT_H
#define PV_DATA_TOML_TEXT_H

#include "data/toml.h"

typedef struct pv_toml_text {
    const char *begin;
    const char *at;
    const char *end;
    uint32_t line;
    const char *column_at; /* a place of this line ... */
    uint32_t column;       /* ... and its column: columns are counted once, from left to right */
    pv_buf scratch;        /* a string that is not written as it reads */
    pv_toml_layout *layout;
    bool version_1_1;
    pv_err *err;
} pv_toml_text;

/* Column of the next character, in characters. */
uint32_t pv_toml_column(pv_toml_text *t);

/* PV_EINVAL at the next character: "not valid TOML: ", the message, ", found " what is there. */
pv_status pv_toml_expected(pv_toml_text *t, const char *what);

/* PV_EINVAL at the next character with the message alone. */
pv_status pv_toml_wrong(pv_toml_text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The next character, or -1 at the end. */
int pv_toml_peek(const pv_toml_text *t);

/* Takes the character when it is the next one. */
bool pv_toml_take(pv_toml_text *t, char c);

/* Takes the end of a line. */
bool pv_toml_take_newline(pv_toml_text *t);

/* Skips blanks and tabs. */
void pv_toml_skip_blanks(pv_toml_text *t);

/* Skips a comment when one begins here. */
pv_status pv_toml_skip_comment(pv_toml_text *t);

/* Skips blanks, newlines and comments. */
pv_status pv_toml_skip_space(pv_toml_text *t);

/* Reads one part of a key. *out is valid until the next key or string is read. */
pv_status pv_toml_key(pv_toml_text *t, pv_bytes *out);

/* Reads a string, whose quote is next. *out as above. */
pv_status pv_toml_string(pv_toml_text *t, pv_bytes *out, bool may_be_multi_line);

/* Notes a span that begins at `from` and returns its number; its end is set later. */
size_t pv_toml_span_begin(pv_toml_text *t, pv_toml_span_kind kind, const char *from);

/* Text for one line of a message: cut after some 60 bytes, control characters as '?'. */
enum { PV_TOML_SHOWN = 72 };
const char *pv_toml_shown(pv_bytes text, char out[PV_TOML_SHOWN]);

#endif
