#include "data/toml_text.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "data/utf8.h"

uint32_t pv_toml_column(pv_toml_text *t)
{
    for (; t->column_at < t->at; t->column_at++) t->column += (*t->column_at & 0xC0) != 0x80;
    return t->column;
}

const char *pv_toml_shown(pv_bytes text, char out[PV_TOML_SHOWN])
{
    size_t len = text.len < 60 ? text.len : 60;
    while (len < text.len && (text.data[len] & 0xC0) == 0x80) len--;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        out[i] = c < 0x20 || c == 0x7F ? '?' : (char)c;
    }
    strcpy(out + len, len < text.len ? "..." : "");
    return out;
}

static pv_status wrong(pv_toml_text *t, const char *fmt, va_list args)
{
    char message[PV_ERR_MSG];
    vsnprintf(message, sizeof message, fmt, args);
    return pv_fail_at(t->err, PV_EINVAL, (int)t->line, (int)pv_toml_column(t), "not valid TOML: %s",
                      message);
}

pv_status pv_toml_wrong(pv_toml_text *t, const char *fmt, ...)
{
    pv_status status;
    va_list args;
    va_start(args, fmt);
    status = wrong(t, fmt, args);
    va_end(args);
    return status;
}

pv_status pv_toml_expected(pv_toml_text *t, const char *what)
{
    int c = pv_toml_peek(t);
    size_t len = 1;
    if (c < 0) return pv_toml_wrong(t, "expected %s, found the end of the file", what);
    if (c == '\n' || (c == '\r' && t->at + 1 != t->end && t->at[1] == '\n'))
        return pv_toml_wrong(t, "expected %s, found the end of the line", what);
    if (c < 0x20 || c == 0x7F)
        return pv_toml_wrong(t, "expected %s, found the control character 0x%02x", what,
                             (unsigned)c);
    while (t->at + len < t->end && (t->at[len] & 0xC0) == 0x80) len++;
    return pv_toml_wrong(t, "expected %s, found '%.*s'", what, (int)len, t->at);
}

int pv_toml_peek(const pv_toml_text *t)
{
    return t->at == t->end ? -1 : (unsigned char)*t->at;
}

bool pv_toml_take(pv_toml_text *t, char c)
{
    if (t->at == t->end || *t->at != c) return false;
    t->at++;
    return true;
}

bool pv_toml_take_newline(pv_toml_text *t)
{
    size_t len = 0;
    if (t->at == t->end) return false;
    if (*t->at == '\n') len = 1;
    else if (*t->at == '\r' && t->at + 1 != t->end && t->at[1] == '\n') len = 2;
    if (len == 0) return false;
    t->at += len;
    t->line++;
    t->column_at = t->at;
    t->column = 1;
    return true;
}

void pv_toml_skip_blanks(pv_toml_text *t)
{
    while (t->at != t->end && (*t->at == ' ' || *t->at == '\t')) t->at++;
}

size_t pv_toml_span_begin(pv_toml_text *t, pv_toml_span_kind kind, const char *from)
{
    pv_toml_layout *layout = t->layout;
    if (layout == NULL) return 0;
    if (layout->count == layout->cap) {
        layout->cap = layout->cap == 0 ? 64 : layout->cap * 2;
        layout->spans = pv_realloc_array(layout->spans, layout->cap, sizeof *layout->spans);
    }
    layout->spans[layout->count] = (pv_toml_span){.kind = kind, .from = (size_t)(from - t->begin)};
    return layout->count++;
}

void pv_toml_layout_deinit(pv_toml_layout *layout)
{
    if (layout == NULL) return;
    pv_free(layout->spans);
    memset(layout, 0, sizeof *layout);
}

static bool is_control(char c)
{
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7F;
}

pv_status pv_toml_skip_comment(pv_toml_text *t)
{
    size_t span;
    if (t->at == t->end || *t->at != '#') return PV_OK;
    span = pv_toml_span_begin(t, PV_TOML_COMMENT, t->at);
    while (t->at != t->end && !is_control(*t->at)) t->at++;
    if (t->layout != NULL) t->layout->spans[span].to = (size_t)(t->at - t->begin);
    if (t->at == t->end || *t->at == '\n' ||
        (*t->at == '\r' && t->at + 1 != t->end && t->at[1] == '\n'))
        return PV_OK;
    return pv_toml_wrong(t, "a comment has no control characters (0x%02x)",
                         (unsigned)*t->at & 0xFF);
}

pv_status pv_toml_skip_space(pv_toml_text *t)
{
    do {
        pv_status status;
        pv_toml_skip_blanks(t);
        if ((status = pv_toml_skip_comment(t)) != PV_OK) return status;
    } while (pv_toml_take_newline(t));
    return PV_OK;
}

static bool is_bare(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

pv_status pv_toml_key(pv_toml_text *t, pv_bytes *out)
{
    const char *from = t->at;
    int c = pv_toml_peek(t);
    if (c == '"' || c == '\'') return pv_toml_string(t, out, false);
    while (t->at != t->end && is_bare(*t->at)) t->at++;
    *out = (pv_bytes){from, (size_t)(t->at - from)};
    return out->len > 0 ? PV_OK
                        : pv_toml_expected(t, "a key (letters, digits, _ and -, or quoted)");
}

/* Reads n hexadecimal digits of an escape and adds the character. */
static pv_status take_code(pv_toml_text *t, int n)
{
    uint32_t code = 0;
    char utf8[4];
    size_t len = 0;
    for (int i = 0; i < n; i++, t->at++) {
        int c = pv_toml_peek(t), low = c | 0x20;
        if (c >= '0' && c <= '9') code = code << 4 | (uint32_t)(c - '0');
        else if (low >= 'a' && low <= 'f') code = code << 4 | (uint32_t)(low - 'a' + 10);
        else return pv_toml_expected(t, n == 4 ? "four hexadecimal digits" : "hexadecimal digits");
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return pv_toml_wrong(t, "there is no character U+%04X", (unsigned)code);
    if (code < 0x80) {
        utf8[len++] = (char)code;
    } else {
        if (code < 0x800) {
            utf8[len++] = (char)(0xC0 | code >> 6);
        } else {
            if (code < 0x10000) {
                utf8[len++] = (char)(0xE0 | code >> 12);
            } else {
                utf8[len++] = (char)(0xF0 | code >> 18);
                utf8[len++] = (char)(0x80 | (code >> 12 & 0x3F));
            }
            utf8[len++] = (char)(0x80 | (code >> 6 & 0x3F));
        }
        utf8[len++] = (char)(0x80 | (code & 0x3F));
    }
    return pv_buf_add(&t->scratch, utf8, len);
}

/* Reads what follows a backslash. */
static pv_status take_escape(pv_toml_text *t, bool multi)
{
    static const char names[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
    const char *name, *backslash = t->at++;
    int c = pv_toml_peek(t);
    if (multi && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
        pv_toml_skip_blanks(t);
        if (!pv_toml_take_newline(t))
            return pv_toml_expected(t, "the end of the line behind a backslash");
        do pv_toml_skip_blanks(t);
        while (pv_toml_take_newline(t));
        return PV_OK;
    }
    if (c > 0 && (name = strchr(names, c)) != NULL) {
        t->at++;
        return pv_buf_addc(&t->scratch, values[name - names]);
    }
    if (pv_toml_take(t, 'u')) return take_code(t, 4);
    if (pv_toml_take(t, 'U')) return take_code(t, 8);
    if (t->version_1_1 && pv_toml_take(t, 'x')) return take_code(t, 2);
    if (t->version_1_1 && pv_toml_take(t, 'e')) return pv_buf_addc(&t->scratch, 0x1B);
    t->at = backslash;
    return pv_toml_wrong(t, "a backslash is followed by one of b t n f r \" \\ u U; for text with "
                            "backslashes use single quotes");
}

/* Handles quotes inside of a multi-line string; true when they end it. */
static bool take_quotes(pv_toml_text *t, char quote)
{
    size_t run = 0;
    while (run < 5 && t->at + run != t->end && t->at[run] == quote) run++;
    t->at += run;
    for (size_t i = run < 3 ? 0 : 3; i < run; i++) (void)pv_buf_addc(&t->scratch, quote);
    return run >= 3;
}

static pv_status not_closed(pv_toml_text *t, char quote, bool multi, uint32_t line, uint32_t column)
{
    const char *marks = quote == '"' ? "\"\"\"" : "'''";
    int c = pv_toml_peek(t);
    if (c < 0 || (!multi && (c == '\n' || c == '\r')))
        return pv_fail_at(t->err, PV_EINVAL, (int)line, (int)column,
                          "not valid TOML: the string that begins here has no %.*s at its end",
                          multi ? 3 : 1, marks);
    return pv_toml_wrong(t, "the control character 0x%02x in a string has to be written as \\u%04X",
                         (unsigned)c, (unsigned)c);
}

pv_status pv_toml_string(pv_toml_text *t, pv_bytes *out, bool may_be_multi_line)
{
    char quote = *t->at;
    bool multi = may_be_multi_line && t->end - t->at >= 3 && t->at[1] == quote && t->at[2] == quote;
    uint32_t line = t->line, column = pv_toml_column(t);
    bool copied = false, closed = false;
    pv_status status = PV_OK;
    t->at += multi ? 3 : 1;
    if (multi) (void)pv_toml_take_newline(t);
    pv_buf_reset(&t->scratch);
    while (!closed && status == PV_OK) {
        const char *from = t->at;
        int next;
        while (t->at != t->end && *t->at != quote && !is_control(*t->at) &&
               (*t->at != '\\' || quote == '\''))
            t->at++;
        if (!multi && !copied && t->at != t->end && *t->at == quote) { /* as most are */
            *out = (pv_bytes){from, (size_t)(t->at++ - from)};
            return PV_OK;
        }
        copied = true;
        (void)pv_buf_add(&t->scratch, from, (size_t)(t->at - from)); /* no maximum: cannot fail */
        next = pv_toml_peek(t);
        if (next == quote) closed = multi ? take_quotes(t, quote) : pv_toml_take(t, quote);
        else if (next == '\\') status = take_escape(t, multi);
        else if (multi && pv_toml_take_newline(t)) status = pv_buf_addc(&t->scratch, '\n');
        else status = not_closed(t, quote, multi, line, column);
    }
    *out = (pv_bytes){t->scratch.data == NULL ? "" : t->scratch.data, t->scratch.len};
    return status;
}
