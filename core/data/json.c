#include "data/json.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/number.h"
#include "data/utf8.h"

enum { MAX_BYTES = 256 << 20, MAX_NODES = 16 << 20, MAX_DEPTH = 500 };

/* Jansson has judged the text and keeps the order of members, so the text is walked along with
 * its tree to find where each value stands. */
typedef struct filler {
    pv_doc *doc;
    uint32_t max_depth;
    uint32_t depth;
    const char *at; /* in the text */
    const char *end;
    uint32_t line;
    uint32_t column; /* in characters */
    pv_err *err;
} filler;

static pv_status fill(filler *f, uint32_t id, json_t *value);

static void advance(filler *f)
{
    if (*f->at == '\n') f->line++, f->column = 1;
    else if ((*f->at & 0xC0) != 0x80) f->column++;
    f->at++;
}

/* Goes to the next key, value or closing bracket. */
static void to_token(filler *f)
{
    while (f->at < f->end && strchr(" \t\r\n,:", *f->at) != NULL) advance(f);
}

static void over_string(filler *f)
{
    if (f->at == f->end) return; /* without places */
    advance(f);
    while (f->at < f->end && *f->at != '"') {
        if (*f->at == '\\') advance(f);
        if (f->at < f->end) advance(f);
    }
    if (f->at < f->end) advance(f);
}

static void over_word(filler *f)
{
    while (f->at < f->end && strchr(" \t\r\n,]}", *f->at) == NULL) advance(f);
}

static void over_bracket(filler *f)
{
    to_token(f);
    if (f->at < f->end) advance(f);
}

static pv_status fail_full(const filler *f)
{
    return pv_fail(f->err, PV_ELIMIT, "the JSON has more than %u values",
                   (unsigned)f->doc->max_nodes);
}

static pv_status fill_list(filler *f, uint32_t id, json_t *list)
{
    pv_status status = PV_OK;
    f->doc->nodes[id].kind = PV_NODE_LIST;
    over_bracket(f);
    for (size_t i = 0; i < json_array_size(list) && status == PV_OK; i++) {
        uint32_t item;
        to_token(f);
        item = pv_doc_add(f->doc, id, f->line, f->column);
        status = item == 0 ? fail_full(f) : fill(f, item, json_array_get(list, i));
    }
    over_bracket(f);
    return status;
}

static pv_status fill_map(filler *f, uint32_t id, json_t *map)
{
    pv_status status = PV_OK;
    const char *key;
    json_t *value;
    f->doc->nodes[id].kind = PV_NODE_MAP;
    over_bracket(f);
    json_object_foreach(map, key, value)
    {
        uint32_t member;
        to_token(f);
        member = pv_doc_add_member(f->doc, id, (pv_bytes){key, strlen(key)}, f->line, f->column);
        over_string(f);
        status = member == 0 ? fail_full(f) : fill(f, member, value);
        if (status != PV_OK) break;
    }
    over_bracket(f);
    return status;
}

static pv_status fill(filler *f, uint32_t id, json_t *value)
{
    pv_node *node = &f->doc->nodes[id];
    pv_status status = PV_OK;
    if (++f->depth > f->max_depth) {
        return pv_fail(f->err, PV_ELIMIT, "the JSON is nested deeper than %u",
                       (unsigned)f->max_depth);
    }
    to_token(f);
    switch (json_typeof(value)) {
    case JSON_NULL: over_word(f); break;
    case JSON_TRUE:
    case JSON_FALSE:
        node->kind = PV_NODE_BOOL;
        node->u.boolean = json_is_true(value);
        over_word(f);
        break;
    case JSON_INTEGER:
        node->kind = PV_NODE_INT;
        node->u.integer = json_integer_value(value);
        over_word(f);
        break;
    case JSON_REAL:
        node->kind = PV_NODE_FLOAT;
        node->u.number = json_real_value(value);
        over_word(f);
        break;
    case JSON_STRING:
        pv_doc_set_string(f->doc, id,
                          (pv_bytes){json_string_value(value), json_string_length(value)});
        over_string(f);
        break;
    case JSON_ARRAY: status = fill_list(f, id, value); break;
    case JSON_OBJECT: status = fill_map(f, id, value); break;
    }
    f->depth--;
    return status;
}

/* Jansson ends a text at a NUL between values; in JSON a NUL may not stand anywhere. */
static pv_status refuse_nul(pv_bytes text, const char *nul, pv_err *err)
{
    int line = 1, column = 1;
    for (const char *p = text.data; p != nul; p++) {
        column = *p == '\n' ? 1 : column + ((*p & 0xC0) != 0x80);
        line += *p == '\n';
    }
    return pv_fail_at(err, PV_EINVAL, line, column, "not valid JSON: a NUL byte");
}

/* The column of what Jansson refuses: it tells that of the last character. */
static int problem_column(pv_bytes text, const json_error_t *problem)
{
    enum json_error_code code = json_error_code(problem);
    size_t end = problem->position > 0 ? (size_t)problem->position : 0, at = end;
    int column = problem->column > 0 ? problem->column : 1;
    if (end == 0 || end > text.len ||
        (code != json_error_duplicate_key && code != json_error_numeric_overflow &&
         strstr(problem->text, "invalid token") == NULL &&
         strstr(problem->text, " expected") == NULL))
        return column;
    if (text.data[--at] == '"') {
        while (at > 0 && (text.data[--at] != '"' || (at > 0 && text.data[at - 1] == '\\')))
            ;
    } else {
        while (at > 0 && (isalnum((unsigned char)text.data[at - 1]) != 0 ||
                          strchr("+-.", text.data[at - 1]) != NULL))
            at--;
    }
    for (at++; at < end; at++) column -= (text.data[at] & 0xC0) != 0x80;
    return column > 0 ? column : 1;
}

pv_status pv_json_read(pv_doc *doc, pv_bytes text, const pv_json_limits *limits, pv_err *err)
{
    pv_json_limits l = {0};
    filler f = {.doc = doc, .line = 1, .column = 1, .err = err};
    json_error_t problem;
    json_t *value;
    const char *nul;
    pv_status status;
    if (limits != NULL) l = *limits;
    if (l.max_bytes == 0) l.max_bytes = MAX_BYTES;
    pv_doc_init(doc, l.max_nodes != 0 ? l.max_nodes : MAX_NODES);
    f.max_depth = l.max_depth != 0 ? l.max_depth : MAX_DEPTH;
    if (text.len > l.max_bytes)
        return pv_fail(err, PV_ELIMIT, "the text is larger than %zu bytes", l.max_bytes);
    if (text.len >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0) /* a mark, no text */
        text = (pv_bytes){text.data + 3, text.len - 3};
    nul = text.len > 0 ? memchr(text.data, '\0', text.len) : NULL;
    if (nul != NULL) return refuse_nul(text, nul, err);
    value = json_loadb(text.len > 0 ? text.data : "", text.len,
                       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &problem);
    if (value == NULL) {
        status = json_error_code(&problem) == json_error_stack_overflow ? PV_ELIMIT : PV_EINVAL;
        return pv_fail_at(err, status, problem.line > 0 ? problem.line : 1,
                          problem_column(text, &problem), "not valid JSON: %s", problem.text);
    }
    f.end = text.data + text.len;
    f.at = l.no_places ? f.end : text.data;
    to_token(&f);
    status = pv_doc_add(doc, 0, f.line, f.column) == PV_DOC_ROOT ? fill(&f, PV_DOC_ROOT, value)
                                                                 : fail_full(&f);
    json_decref(value);
    return status;
}

static pv_status full(pv_err *err)
{
    return pv_fail(err, PV_ELIMIT, "the JSON text is too large");
}

/* What stands behind the backslash for a byte: 0 when it stands for itself, 'u' for the long form.
 */
static const char escapes[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b',         't',           'n',          'u',
    'f', 'r', 'u', 'u', 'u', 'u', 'u', 'u', 'u',         'u',           'u',          'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\', [0x7F] = 'u',
};

static size_t plain_bytes(pv_bytes text, size_t from)
{
    size_t at = from;
    while (at < text.len && escapes[(unsigned char)text.data[at]] == 0) at++;
    return at - from;
}

pv_status pv_json_put_string(pv_buf *out, pv_bytes text, pv_err *err)
{
    static const char hex[] = "0123456789abcdef";
    bool ok = pv_buf_addc(out, '"') == PV_OK;
    if (!pv_utf8_valid(text))
        return pv_fail(err, PV_EINVAL, "cannot write as JSON: a string is not valid UTF-8");
    for (size_t at = 0; at < text.len && ok; at++) {
        size_t plain = plain_bytes(text, at);
        ok = pv_buf_add(out, text.data + at, plain) == PV_OK;
        at += plain;
        if (at < text.len && ok) {
            unsigned char c = (unsigned char)text.data[at];
            char escape[6] = {'\\', escapes[c], '0', '0', hex[c >> 4], hex[c & 15]};
            ok = pv_buf_add(out, escape, escape[1] == 'u' ? sizeof escape : 2) == PV_OK;
        }
    }
    ok = ok && pv_buf_addc(out, '"') == PV_OK;
    return ok ? PV_OK : full(err);
}

pv_status pv_json_put_int(pv_buf *out, int64_t value, pv_err *err)
{
    char digits[20], *at = digits + sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do *--at = (char)('0' + left % 10);
    while ((left /= 10) != 0);
    if (value < 0) *--at = '-';
    return pv_buf_add(out, at, (size_t)(digits + sizeof digits - at)) == PV_OK ? PV_OK : full(err);
}

pv_status pv_json_put_float(pv_buf *out, double value, pv_err *err)
{
    char text[PV_NUMBER_CAP];
    if (!isfinite(value))
        return pv_fail(err, PV_EINVAL, "cannot write as JSON: a number is not finite");
    pv_number_format(text, value);
    return pv_buf_adds(out, text) == PV_OK ? PV_OK : full(err);
}
