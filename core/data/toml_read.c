#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "data/toml.h"
#include "data/toml_scalar.h"
#include "data/toml_text.h"
#include "data/utf8.h"

enum { MAX_BYTES = 64 << 20, MAX_NODES = 8 << 20 };

/* How a table or list came to be, which says what may still be added to it. */
enum {
    IMPLICIT, /* named on the way of a header: a header of its own may follow, and dotted keys */
    EXPLICIT, /* by a header of its own */
    FROZEN,   /* by {} or [] */
    ELEMENTS, /* a list, by [[]] */
    DOTTED,   /* plus the number of the section whose dotted keys made it: only they add to it */
};

typedef struct reader {
    pv_toml_text t;
    pv_doc *doc;
    pv_toml_limits limits;
    uint32_t *made; /* by node: IMPLICIT and so on */
    uint32_t made_cap;
    uint32_t n_sections; /* headers and inline tables so far */
} reader;

/* The table that lines or members are added to. */
typedef struct section {
    uint32_t table;
    uint32_t number;
    uint32_t depth;
} section;

static pv_status read_value(reader *r, uint32_t id, uint32_t depth);

static void set_made(reader *r, uint32_t id, uint32_t how)
{
    if (id >= r->made_cap) {
        uint32_t old = r->made_cap;
        r->made_cap = id + id / 2 + 64;
        r->made = pv_realloc_array(r->made, r->made_cap, sizeof *r->made);
        memset(r->made + old, 0, (r->made_cap - old) * sizeof *r->made);
    }
    r->made[id] = how;
}

static uint32_t made(const reader *r, uint32_t id)
{
    return id < r->made_cap ? r->made[id] : IMPLICIT;
}

static pv_status fail_limit(reader *r, const char *what, uint32_t limit)
{
    return pv_fail_at(r->t.err, PV_ELIMIT, (int)r->t.line, (int)pv_toml_column(&r->t), "%s %u",
                      what, (unsigned)limit);
}

static pv_status fail_full(reader *r)
{
    return fail_limit(r, "the document has more values than", r->limits.max_nodes);
}

static pv_status check_depth(reader *r, uint32_t depth)
{
    if (depth <= r->limits.max_depth) return PV_OK;
    return fail_limit(r, "values are nested deeper than", r->limits.max_depth);
}

/* The name of a node and where it was given, for messages. */
static pv_status fail_taken(reader *r, uint32_t id, uint32_t line, uint32_t column,
                            const char *what)
{
    char shown[PV_TOML_SHOWN];
    const pv_node *node = pv_doc_node(r->doc, id);
    pv_toml_shown(pv_doc_key(r->doc, id), shown);
    return pv_fail_at(r->t.err, PV_EINVAL, (int)line, (int)column, "'%s' %s (it is on line %u)",
                      shown, what, (unsigned)node->line);
}

/* Reads the next part of a key, noting where it stands. */
static pv_status read_part(reader *r, pv_bytes *key, uint32_t *line, uint32_t *column)
{
    pv_status status;
    pv_toml_skip_blanks(&r->t);
    *line = r->t.line;
    *column = pv_toml_column(&r->t);
    status = pv_toml_key(&r->t, key);
    if (status == PV_OK) pv_toml_skip_blanks(&r->t);
    return status;
}

static pv_status add_member(reader *r, uint32_t table, pv_bytes key, pv_node_kind kind,
                            uint32_t how, uint32_t line, uint32_t column, uint32_t *out)
{
    *out = pv_doc_add_member(r->doc, table, key, line, column);
    if (*out == 0) return fail_full(r);
    r->doc->nodes[*out].kind = kind;
    if (how != IMPLICIT) set_made(r, *out, how);
    return PV_OK;
}

/* Goes from s->table to the table that a part of a dotted key names, making it when it is new. */
static pv_status step_dotted(reader *r, section *s, pv_bytes key, uint32_t line, uint32_t column)
{
    uint32_t id = pv_doc_find(r->doc, s->table, key);
    uint32_t mine = DOTTED + s->number;
    pv_status status = check_depth(r, ++s->depth);
    if (status != PV_OK) return status;
    if (id == 0) {
        status = add_member(r, s->table, key, PV_NODE_MAP, mine, line, column, &id);
    } else if (pv_doc_node(r->doc, id)->kind != PV_NODE_MAP) {
        return fail_taken(r, id, line, column, "is no table, so nothing can be added to it");
    } else if (made(r, id) == IMPLICIT) {
        set_made(r, id, mine);
    } else if (made(r, id) != mine) {
        return fail_taken(r, id, line, column, "is complete: a dotted key cannot add to it");
    }
    s->table = id;
    return status;
}

/* The same for a part of a header: what is on the way may be any table, or the last element of a
 * list of tables. */
static pv_status step_header(reader *r, section *s, pv_bytes key, uint32_t line, uint32_t column)
{
    uint32_t id = pv_doc_find(r->doc, s->table, key);
    pv_status status = PV_OK;
    s->depth++;
    if (id == 0) {
        status = add_member(r, s->table, key, PV_NODE_MAP, IMPLICIT, line, column, &id);
    } else if (made(r, id) == ELEMENTS) {
        id = pv_doc_node(r->doc, id)->u.children.last;
        s->depth++;
    } else if (made(r, id) == FROZEN) {
        return fail_taken(r, id, line, column, "is complete: a header cannot add to it");
    } else if (pv_doc_node(r->doc, id)->kind != PV_NODE_MAP) {
        return fail_taken(r, id, line, column, "is no table, so nothing can be added to it");
    }
    s->table = id;
    return status == PV_OK ? check_depth(r, s->depth) : status;
}

static pv_status open_table(reader *r, section *s, pv_bytes key, uint32_t line, uint32_t column)
{
    uint32_t id = pv_doc_find(r->doc, s->table, key);
    s->depth++;
    if (id == 0) {
        pv_status status = add_member(r, s->table, key, PV_NODE_MAP, EXPLICIT, line, column, &id);
        if (status != PV_OK) return status;
    } else if (pv_doc_node(r->doc, id)->kind != PV_NODE_MAP || made(r, id) != IMPLICIT) {
        return fail_taken(r, id, line, column, "was given before");
    } else {
        set_made(r, id, EXPLICIT);
        r->doc->nodes[id].line = line;
        r->doc->nodes[id].column = column;
    }
    s->table = id;
    return check_depth(r, s->depth);
}

static pv_status open_element(reader *r, section *s, pv_bytes key, uint32_t line, uint32_t column)
{
    uint32_t list = pv_doc_find(r->doc, s->table, key), id;
    s->depth += 2;
    if (list == 0) {
        pv_status status =
            add_member(r, s->table, key, PV_NODE_LIST, ELEMENTS, line, column, &list);
        if (status != PV_OK) return status;
    } else if (made(r, list) != ELEMENTS) {
        return fail_taken(r, list, line, column, "was given before, and not as [[...]]");
    }
    id = pv_doc_add(r->doc, list, line, column);
    if (id == 0) return fail_full(r);
    r->doc->nodes[id].kind = PV_NODE_MAP;
    set_made(r, id, EXPLICIT);
    s->table = id;
    return check_depth(r, s->depth);
}

/* Reads `[a.b]` or `[[a.b]]` and makes its table the section. */
static pv_status read_header(reader *r, section *s)
{
    const char *from = r->t.at++;
    bool element = pv_toml_take(&r->t, '[');
    size_t span = pv_toml_span_begin(&r->t, element ? PV_TOML_ELEMENT : PV_TOML_TABLE, from);
    pv_bytes key;
    uint32_t line, column;
    pv_status status;
    *s = (section){PV_DOC_ROOT, ++r->n_sections, 1};
    for (;;) {
        if ((status = read_part(r, &key, &line, &column)) != PV_OK) return status;
        if (!pv_toml_take(&r->t, '.')) break;
        if ((status = step_header(r, s, key, line, column)) != PV_OK) return status;
    }
    status = element ? open_element(r, s, key, line, column) : open_table(r, s, key, line, column);
    if (status != PV_OK) return status;
    if (!pv_toml_take(&r->t, ']') || (element && !pv_toml_take(&r->t, ']')))
        return pv_toml_expected(&r->t, element ? "']]'" : "']'");
    if (r->t.layout != NULL) {
        r->t.layout->spans[span].node = s->table;
        r->t.layout->spans[span].to = (size_t)(r->t.at - r->t.begin);
    }
    return PV_OK;
}

/* Reads `key = value` into the section, or into a table that dotted keys make below it. */
static pv_status read_member(reader *r, const section *into)
{
    section s = *into;
    size_t span = pv_toml_span_begin(&r->t, PV_TOML_MEMBER, r->t.at);
    pv_bytes key;
    uint32_t line, column, id;
    pv_status status;
    for (;;) {
        if ((status = read_part(r, &key, &line, &column)) != PV_OK) return status;
        if (!pv_toml_take(&r->t, '.')) break;
        if ((status = step_dotted(r, &s, key, line, column)) != PV_OK) return status;
    }
    id = pv_doc_find(r->doc, s.table, key);
    if (id != 0) return fail_taken(r, id, line, column, "was given before");
    if ((status = add_member(r, s.table, key, PV_NODE_NULL, IMPLICIT, line, column, &id)) != PV_OK)
        return status;
    if (!pv_toml_take(&r->t, '=')) return pv_toml_expected(&r->t, "'=' behind the key");
    pv_toml_skip_blanks(&r->t);
    if (r->t.layout != NULL) {
        r->t.layout->spans[span].node = id;
        r->t.layout->spans[span].owner = into->table;
        r->t.layout->spans[span].value = (size_t)(r->t.at - r->t.begin);
    }
    status = read_value(r, id, s.depth + 1);
    if (r->t.layout != NULL) r->t.layout->spans[span].to = (size_t)(r->t.at - r->t.begin);
    return status;
}

static pv_status read_item(reader *r, uint32_t list, uint32_t depth)
{
    size_t span = pv_toml_span_begin(&r->t, PV_TOML_ITEM, r->t.at);
    uint32_t id = pv_doc_add(r->doc, list, r->t.line, pv_toml_column(&r->t));
    pv_status status;
    if (id == 0) return fail_full(r);
    if (r->t.layout != NULL) {
        pv_toml_span *s = &r->t.layout->spans[span];
        s->node = id;
        s->owner = list;
        s->value = s->from;
    }
    status = read_value(r, id, depth);
    if (r->t.layout != NULL) r->t.layout->spans[span].to = (size_t)(r->t.at - r->t.begin);
    return status;
}

static pv_status read_list(reader *r, uint32_t id, uint32_t depth)
{
    pv_status status;
    r->doc->nodes[id].kind = PV_NODE_LIST;
    set_made(r, id, FROZEN);
    r->t.at++;
    for (;;) {
        if ((status = pv_toml_skip_space(&r->t)) != PV_OK) return status;
        if (pv_toml_take(&r->t, ']')) return PV_OK;
        if ((status = read_item(r, id, depth + 1)) != PV_OK) return status;
        if ((status = pv_toml_skip_space(&r->t)) != PV_OK) return status;
        if (pv_toml_take(&r->t, ']')) return PV_OK;
        if (!pv_toml_take(&r->t, ',')) return pv_toml_expected(&r->t, "',' or ']' behind an item");
    }
}

/* Skips what may stand between the parts of an inline table. */
static pv_status skip_inline(reader *r)
{
    int c;
    if (r->limits.version_1_1) return pv_toml_skip_space(&r->t);
    pv_toml_skip_blanks(&r->t);
    c = pv_toml_peek(&r->t);
    if (c != '\n' && c != '\r' && c != '#') return PV_OK;
    return pv_toml_wrong(&r->t,
                         "in TOML 1.0 a table in {} stands on one line; use a [header] for more");
}

static pv_status read_inline(reader *r, uint32_t id, uint32_t depth)
{
    section s = {id, ++r->n_sections, depth};
    bool any = false;
    pv_status status;
    r->doc->nodes[id].kind = PV_NODE_MAP;
    r->t.at++;
    for (;;) {
        if ((status = skip_inline(r)) != PV_OK) return status;
        if ((!any || r->limits.version_1_1) && pv_toml_take(&r->t, '}')) break;
        if (any && pv_toml_peek(&r->t) == '}')
            return pv_toml_wrong(&r->t, "in TOML 1.0 no ',' stands before '}'");
        if ((status = read_member(r, &s)) != PV_OK) return status;
        any = true;
        if ((status = skip_inline(r)) != PV_OK) return status;
        if (pv_toml_take(&r->t, '}')) break;
        if (!pv_toml_take(&r->t, ',')) return pv_toml_expected(&r->t, "',' or '}' behind a member");
    }
    set_made(r, id, FROZEN);
    return PV_OK;
}

/* What to do about a word that is no value. */
static const char *advice(pv_bytes word)
{
    static const char *const bools[] = {"true", "false", "yes", "no", "on", "off", NULL};
    static const char *const nulls[] = {"null", "nil", "none", NULL};
    for (int i = 0; bools[i] != NULL; i++) {
        if (word.len == strlen(bools[i]) && strncasecmp(word.data, bools[i], word.len) == 0)
            return "write true or false, or quote it to make it a string";
    }
    for (int i = 0; nulls[i] != NULL; i++) {
        if (word.len == strlen(nulls[i]) && strncasecmp(word.data, nulls[i], word.len) == 0)
            return "TOML has no null; leave the key out";
    }
    return "text needs quotes";
}

static pv_status read_scalar(reader *r, uint32_t id)
{
    pv_bytes rest = {r->t.at, (size_t)(r->t.end - r->t.at)}, token = rest;
    pv_node value = {.kind = PV_NODE_NULL};
    char shown[PV_TOML_SHOWN];
    const char *why;
    size_t len = 0;
    token.len = pv_toml_scalar_len(rest);
    if (token.len == 0)
        return pv_toml_expected(&r->t, "a value (\"text\", 12, 1.5, true, a date, [...] or {...})");
    if (token.len == 4 && memcmp(token.data, "true", 4) == 0) {
        value.kind = PV_NODE_BOOL;
        value.u.boolean = true;
    } else if (token.len == 5 && memcmp(token.data, "false", 5) == 0) {
        value.kind = PV_NODE_BOOL;
        value.u.boolean = false;
    } else {
        bool word = strchr("0123456789+-.", *token.data) == NULL &&
                    !(token.len == 3 &&
                      (memcmp(token.data, "inf", 3) == 0 || memcmp(token.data, "nan", 3) == 0));
        pv_buf_reset(&r->t.scratch);
        if (word ||
            pv_toml_scalar(&value, token, r->limits.version_1_1,
                           pv_buf_reserve(&r->t.scratch, token.len + 4), &len, &why) != PV_OK) {
            return pv_toml_wrong(&r->t, "'%s' is no value: %s", pv_toml_shown(token, shown),
                                 word ? advice(token) : why);
        }
    }
    r->t.at += token.len;
    if (value.kind == PV_NODE_TIME) {
        pv_doc_set_time(r->doc, id, (pv_bytes){r->t.scratch.data, len});
    } else {
        r->doc->nodes[id].kind = value.kind;
        r->doc->nodes[id].u = value.u;
    }
    return PV_OK;
}

static pv_status read_value(reader *r, uint32_t id, uint32_t depth)
{
    pv_bytes text;
    pv_status status = check_depth(r, depth);
    if (status != PV_OK) return status;
    switch (pv_toml_peek(&r->t)) {
    case '"':
    case '\'':
        status = pv_toml_string(&r->t, &text, true);
        if (status == PV_OK) pv_doc_set_string(r->doc, id, text);
        return status;
    case '[': return read_list(r, id, depth);
    case '{': return read_inline(r, id, depth);
    default: return read_scalar(r, id);
    }
}

static pv_status read_lines(reader *r)
{
    section s = {PV_DOC_ROOT, 0, 1};
    pv_status status = PV_OK;
    while ((status = pv_toml_skip_space(&r->t)) == PV_OK && r->t.at != r->t.end) {
        status = *r->t.at == '[' ? read_header(r, &s) : read_member(r, &s);
        if (status != PV_OK) return status;
        pv_toml_skip_blanks(&r->t);
        if ((status = pv_toml_skip_comment(&r->t)) != PV_OK) return status;
        if (r->t.at != r->t.end && !pv_toml_take_newline(&r->t))
            return pv_toml_expected(&r->t, "the end of the line");
    }
    return status;
}

/* Fails at the first byte that is not UTF-8. */
static pv_status check_utf8(reader *r)
{
    pv_toml_text *t = &r->t;
    pv_bytes text = {t->at, (size_t)(t->end - t->at)};
    const char *bad = text.data + pv_utf8_prefix(text);
    if (bad == t->end) return PV_OK;
    for (; t->at != bad; t->at++) {
        if (*t->at != '\n') continue;
        t->line++;
        t->column_at = t->at + 1;
    }
    return pv_toml_wrong(t, "the text is not UTF-8 (byte 0x%02x)", (unsigned)*bad & 0xFF);
}

pv_status pv_toml_read(pv_doc *doc, pv_bytes text, const pv_toml_limits *limits,
                       pv_toml_layout *layout, pv_err *err)
{
    reader r = {.doc = doc};
    pv_status status;
    if (limits != NULL) r.limits = *limits;
    if (r.limits.max_bytes == 0) r.limits.max_bytes = MAX_BYTES;
    if (r.limits.max_nodes == 0) r.limits.max_nodes = MAX_NODES;
    if (r.limits.max_depth == 0 || r.limits.max_depth > PV_TOML_DEPTH)
        r.limits.max_depth = PV_TOML_DEPTH;
    pv_doc_init(doc, r.limits.max_nodes);
    if (text.len > r.limits.max_bytes)
        return pv_fail(err, PV_ELIMIT, "the text is larger than %zu bytes", r.limits.max_bytes);
    if (text.len == 0) text.data = "";
    r.t = (pv_toml_text){.begin = text.data,
                         .at = text.data,
                         .end = text.data + text.len,
                         .line = 1,
                         .column = 1,
                         .layout = layout,
                         .version_1_1 = r.limits.version_1_1,
                         .err = err};
    if (text.len >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0)
        r.t.at += 3; /* a mark, no text */
    r.t.column_at = r.t.at;
    pv_buf_init(&r.t.scratch, 0);
    (void)pv_doc_add(doc, 0, 1, 1); /* max_nodes is not 0: cannot fail */
    doc->nodes[PV_DOC_ROOT].kind = PV_NODE_MAP;
    status = check_utf8(&r);
    if (status == PV_OK) status = read_lines(&r);
    pv_buf_wipe(&r.t.scratch);
    pv_free(r.made);
    return status;
}
