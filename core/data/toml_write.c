#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/number.h"
#include "data/toml_text.h"
#include "data/utf8.h"

enum { LINE = 100, PATH_TEXT = 400 };

typedef struct writer {
    pv_buf *out;
    const pv_doc *doc;
    pv_err *err;
    pv_status status;             /* of the first failure; nothing is written after it */
    uint32_t path[PV_TOML_DEPTH]; /* members from the root to the section */
    uint32_t n_path;
    bool started; /* something was written, so that a header gets an empty line before it */
} writer;

static void put_value(writer *w, uint32_t id, uint32_t depth, size_t indent, bool may_break);

static void put(writer *w, const char *data, size_t len)
{
    if (w->status != PV_OK || pv_buf_add(w->out, data, len) == PV_OK) return;
    w->status = pv_fail(w->err, PV_ELIMIT, "the TOML text is larger than %zu bytes", w->out->max);
}

static void put_text(writer *w, const char *text)
{
    put(w, text, strlen(text));
}

/* The keys from the root to a node, for messages: "servers.web.disks[2]". */
static void path_text(const pv_doc *doc, uint32_t id, char *out, size_t size)
{
    const pv_node *node = pv_doc_node(doc, id);
    size_t len;
    if (node->parent == 0) {
        out[0] = '\0';
        return;
    }
    path_text(doc, node->parent, out, size);
    len = strlen(out);
    if (pv_doc_node(doc, node->parent)->kind == PV_NODE_LIST) {
        unsigned at = 1;
        uint32_t c = pv_doc_node(doc, node->parent)->u.children.first;
        for (; c != id; c = pv_doc_node(doc, c)->next) at++;
        snprintf(out + len, size - len, "[%u]", at);
    } else {
        pv_bytes key = pv_doc_key(doc, id);
        char shown[PV_TOML_SHOWN] = "(a key that is not UTF-8)";
        if (pv_utf8_valid(key)) pv_toml_shown(key, shown);
        snprintf(out + len, size - len, "%s%s", len > 0 ? "." : "", shown);
    }
}

static void fail(writer *w, uint32_t id, pv_status status, const char *what)
{
    char path[PATH_TEXT];
    if (w->status != PV_OK) return;
    path_text(w->doc, id, path, sizeof path);
    w->status = pv_fail(w->err, status, "cannot write as TOML: %s %s",
                        path[0] != '\0' ? path : "the value", what);
}

/* True when the text has no control characters but those allowed. */
static bool is_plain(pv_bytes text, const char *allowed)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x20 ? c == '\0' || strchr(allowed, c) == NULL : c == 0x7F) return false;
    }
    return true;
}

static bool has(pv_bytes text, char c)
{
    return text.len > 0 && memchr(text.data, c, text.len) != NULL;
}

/* Writes the text with escapes; newlines, tabs and single quotes stay in a multi-line string. */
static void put_escaped(writer *w, pv_bytes text, bool multi)
{
    static const char letters[] = "\b\t\n\f\r\"\\", names[] = "btnfr\"\\";
    size_t from = 0, quotes = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i], code[8] = {'\\'};
        const char *letter = c != '\0' ? strchr(letters, c) : NULL;
        if ((unsigned char)c >= 0x20 && c != 0x7F && letter == NULL) {
            quotes = 0;
            continue;
        }
        if (multi && (c == '\n' || c == '\t' || (c == '"' && quotes < 2 && i + 1 < text.len))) {
            quotes = c == '"' ? quotes + 1 : 0;
            continue;
        }
        quotes = 0;
        put(w, text.data + from, i - from);
        from = i + 1;
        if (letter != NULL) code[1] = names[letter - letters];
        else snprintf(code, sizeof code, "\\u%04X", (unsigned)c & 0xFF);
        put_text(w, code);
    }
    put(w, text.data + from, text.len - from);
}

/* In the form that needs the fewest escapes. */
static void put_string(writer *w, uint32_t id, pv_bytes text, bool may_break)
{
    const char *marks = "\"";
    bool multi = may_break && has(text, '\n');
    bool awkward = has(text, '\\') || (!multi && has(text, '"'));
    bool literal = awkward && !has(text, '\'') && is_plain(text, multi ? "\n\t" : "");
    if (!pv_utf8_valid(text)) {
        fail(w, id, PV_EINVAL, "is not valid UTF-8");
        return;
    }
    if (multi) marks = literal ? "'''" : "\"\"\"";
    else if (literal) marks = "'";
    put_text(w, marks);
    if (multi) put_text(w, "\n");
    if (literal) put(w, text.data, text.len);
    else put_escaped(w, text, multi);
    put_text(w, marks);
}

static void put_key(writer *w, uint32_t id)
{
    pv_bytes key = pv_doc_key(w->doc, id);
    bool bare = key.len > 0;
    for (size_t i = 0; i < key.len && bare; i++) {
        char c = key.data[i];
        bare = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
    }
    if (bare) put(w, key.data, key.len);
    else put_string(w, id, key, false);
}

static void put_float(writer *w, double value)
{
    char text[PV_NUMBER_CAP];
    if (isnan(value)) {
        put_text(w, "nan");
    } else if (isinf(value)) {
        put_text(w, value < 0 ? "-inf" : "inf");
    } else {
        pv_number_format(text, value);
        put_text(w, text);
    }
}

/* What is left of `room` when the value stands on one line, roughly; negative when it does not
 * fit. */
static long room_after(const pv_doc *doc, uint32_t id, long room)
{
    const pv_node *node = pv_doc_node(doc, id);
    switch (node->kind) {
    case PV_NODE_STRING:
    case PV_NODE_TIME: return node->u.string.len > LINE ? -1 : room - (long)node->u.string.len - 2;
    case PV_NODE_LIST:
    case PV_NODE_MAP:
        room -= 2;
        for (uint32_t c = node->u.children.first; c != 0 && room >= 0;
             c = pv_doc_node(doc, c)->next) {
            room = room_after(doc, c, room - 2);
            if (node->kind == PV_NODE_MAP) room -= 3 + (long)pv_doc_node(doc, c)->key_len;
        }
        return room;
    default: return room - 5;
    }
}

static void put_list(writer *w, uint32_t id, uint32_t depth, size_t indent, bool broken)
{
    uint32_t c = pv_doc_node(w->doc, id)->u.children.first;
    put_text(w, "[");
    for (; c != 0 && w->status == PV_OK; c = pv_doc_node(w->doc, c)->next) {
        if (broken) {
            put_text(w, "\n");
            for (size_t i = 0; i < indent + 2; i++) put_text(w, " ");
        }
        put_value(w, c, depth + 1, indent + 2, broken);
        if (broken) put_text(w, ",");
        else if (pv_doc_node(w->doc, c)->next != 0) put_text(w, ", ");
    }
    if (broken) {
        put_text(w, "\n");
        for (size_t i = 0; i < indent; i++) put_text(w, " ");
    }
    put_text(w, "]");
}

static void put_inline_table(writer *w, uint32_t id, uint32_t depth)
{
    uint32_t c = pv_doc_node(w->doc, id)->u.children.first;
    put_text(w, c != 0 ? "{ " : "{");
    for (; c != 0 && w->status == PV_OK; c = pv_doc_node(w->doc, c)->next) {
        put_key(w, c);
        put_text(w, " = ");
        put_value(w, c, depth + 1, 0, false);
        put_text(w, pv_doc_node(w->doc, c)->next != 0 ? ", " : " ");
    }
    put_text(w, "}");
}

/* Writes a value; may_break: over several lines when it is long, with this indent. */
static void put_value(writer *w, uint32_t id, uint32_t depth, size_t indent, bool may_break)
{
    const pv_node *node = pv_doc_node(w->doc, id);
    pv_bytes text;
    char number[32];
    if (depth > PV_TOML_DEPTH) {
        fail(w, id, PV_ELIMIT, "is nested too deep");
        return;
    }
    switch (node->kind) {
    case PV_NODE_NULL: fail(w, id, PV_EINVAL, "is null, which TOML has not; leave it out"); break;
    case PV_NODE_BOOL: put_text(w, node->u.boolean ? "true" : "false"); break;
    case PV_NODE_INT:
        snprintf(number, sizeof number, "%lld", (long long)node->u.integer);
        put_text(w, number);
        break;
    case PV_NODE_FLOAT: put_float(w, node->u.number); break;
    case PV_NODE_STRING:
        put_string(w, id, pv_doc_string(w->doc, id), may_break && indent == 0);
        break;
    case PV_NODE_TIME:
        text = pv_doc_string(w->doc, id);
        put(w, text.data, text.len);
        break;
    case PV_NODE_LIST:
        put_list(w, id, depth, indent,
                 may_break && node->u.children.count > 0 &&
                     room_after(w->doc, id, LINE - (long)indent - (long)node->key_len) < 3);
        break;
    case PV_NODE_MAP: put_inline_table(w, id, depth); break;
    }
}

/* True for what stands below a header of its own: a table, or a list of nothing but tables. */
static bool is_section(const pv_doc *doc, uint32_t id)
{
    const pv_node *node = pv_doc_node(doc, id);
    uint32_t c;
    if (node->kind == PV_NODE_MAP) return true;
    if (node->kind != PV_NODE_LIST || node->u.children.first == 0) return false;
    for (c = node->u.children.first; c != 0; c = pv_doc_node(doc, c)->next) {
        if (pv_doc_node(doc, c)->kind != PV_NODE_MAP) return false;
    }
    return true;
}

static void put_header(writer *w, const char *open, const char *close)
{
    if (w->started) put_text(w, "\n");
    w->started = true;
    put_text(w, open);
    for (uint32_t i = 0; i < w->n_path; i++) {
        if (i > 0) put_text(w, ".");
        put_key(w, w->path[i]);
    }
    put_text(w, close);
}

/* Writes what is below the header of a table. */
static void put_table(writer *w, uint32_t id, uint32_t depth);

static void put_sections(writer *w, uint32_t id, uint32_t depth)
{
    const pv_node *node = pv_doc_node(w->doc, id);
    if (depth > PV_TOML_DEPTH) {
        fail(w, id, PV_ELIMIT, "is nested too deep");
        return;
    }
    w->path[w->n_path++] = id;
    if (node->kind == PV_NODE_LIST) {
        for (uint32_t c = node->u.children.first; c != 0 && w->status == PV_OK;
             c = pv_doc_node(w->doc, c)->next) {
            put_header(w, "[[", "]]\n");
            put_table(w, c, depth + 1);
        }
    } else {
        bool needed = node->u.children.first == 0;
        for (uint32_t c = node->u.children.first; c != 0 && !needed;
             c = pv_doc_node(w->doc, c)->next)
            needed = !is_section(w->doc, c);
        if (needed) put_header(w, "[", "]\n");
        put_table(w, id, depth);
    }
    w->n_path--;
}

static void put_table(writer *w, uint32_t id, uint32_t depth)
{
    uint32_t first = pv_doc_node(w->doc, id)->u.children.first, c;
    if (depth > PV_TOML_DEPTH) {
        fail(w, id, PV_ELIMIT, "is nested too deep");
        return;
    }
    for (c = first; c != 0 && w->status == PV_OK; c = pv_doc_node(w->doc, c)->next) {
        if (is_section(w->doc, c)) continue;
        put_key(w, c);
        put_text(w, " = ");
        put_value(w, c, depth + 1, 0, true);
        put_text(w, "\n");
        w->started = true;
    }
    for (c = first; c != 0 && w->status == PV_OK; c = pv_doc_node(w->doc, c)->next) {
        if (is_section(w->doc, c)) put_sections(w, c, depth + 1);
    }
}

pv_status pv_toml_write(pv_buf *out, const pv_doc *doc, pv_err *err)
{
    writer w = {.out = out, .doc = doc, .err = err};
    if (pv_doc_node(doc, PV_DOC_ROOT)->kind != PV_NODE_MAP)
        return pv_fail(err, PV_EINVAL,
                       "cannot write as TOML: a document is a map, and this is not one");
    put_table(&w, PV_DOC_ROOT, 1);
    return w.status;
}

pv_status pv_toml_write_value(pv_buf *out, const pv_doc *doc, uint32_t id, pv_err *err)
{
    writer w = {.out = out, .doc = doc, .err = err};
    put_value(&w, id, 1, 0, false);
    return w.status;
}
