#include <expat.h>
#include <limits.h>
#include <string.h>

#include "base/mem.h"
#include "data/xml.h"

enum { MAX_BYTES = 64 << 20, MAX_NODES = 4 << 20, MAX_DEPTH = 128 };

/* An element or attribute as it came; they become nodes when all of them are known, because
 * whether one is an item of a list is known only when its parent has ended. */
typedef struct part {
    size_t name; /* in reader.text, as the text is */
    size_t text;
    uint32_t name_len;
    uint32_t text_len;
    uint32_t line;
    uint32_t column;
    uint32_t first; /* child */
    uint32_t last;
    uint32_t next; /* sibling */
} part;

typedef struct reader {
    XML_Parser parser;
    pv_doc *doc;
    pv_xml_limits limits;
    part *parts; /* parts[0] stands above the root */
    uint32_t n_parts;
    uint32_t cap;
    pv_buf text;     /* names and texts of parts */
    uint32_t *open;  /* elements that have not ended; open[0] is 0 */
    pv_buf *pending; /* the text of each of them */
    uint32_t depth;
    pv_err *err;
    pv_status status; /* why the parser was stopped */
} reader;

static void stop(reader *r, pv_status status, const char *what, uint32_t limit)
{
    int line = (int)XML_GetCurrentLineNumber(r->parser);
    int column = (int)XML_GetCurrentColumnNumber(r->parser) + 1;
    if (r->status != PV_OK) return;
    r->status = limit == 0 ? pv_fail_at(r->err, status, line, column, "%s", what)
                           : pv_fail_at(r->err, status, line, column, what, (unsigned)limit);
    XML_StopParser(r->parser, XML_FALSE);
}

static size_t keep(reader *r, const char *bytes, size_t len)
{
    size_t at = r->text.len;
    (void)pv_buf_add(&r->text, bytes, len); /* no maximum: the text is no larger than the input */
    return at;
}

/* Appends a part to the innermost open element; 0 when there are too many. */
static uint32_t add_part(reader *r, const char *prefix, const char *name)
{
    uint32_t id = r->n_parts, parent = r->open[r->depth];
    part *p;
    if (id > r->limits.max_nodes) {
        stop(r, PV_ELIMIT, "the XML has more than %u elements and attributes", r->limits.max_nodes);
        return 0;
    }
    if (id == r->cap) {
        r->cap *= 2;
        r->parts = pv_realloc_array(r->parts, r->cap, sizeof *r->parts);
    }
    r->n_parts++;
    p = &r->parts[id];
    memset(p, 0, sizeof *p);
    p->name = keep(r, prefix, strlen(prefix));
    keep(r, name, strlen(name));
    p->name_len = (uint32_t)(r->text.len - p->name);
    p->line = (uint32_t)XML_GetCurrentLineNumber(r->parser);
    p->column = (uint32_t)XML_GetCurrentColumnNumber(r->parser) + 1;
    if (r->parts[parent].last != 0) r->parts[r->parts[parent].last].next = id;
    else r->parts[parent].first = id;
    r->parts[parent].last = id;
    return id;
}

static void set_text(reader *r, uint32_t id, const char *bytes, size_t len)
{
    r->parts[id].text = keep(r, bytes, len);
    r->parts[id].text_len = (uint32_t)len;
}

static void XMLCALL on_start(void *data, const XML_Char *name, const XML_Char **attributes)
{
    reader *r = data;
    uint32_t id;
    if (r->status != PV_OK) return;
    if (r->depth == r->limits.max_depth) {
        stop(r, PV_ELIMIT, "elements are nested deeper than %u", r->limits.max_depth);
        return;
    }
    if ((id = add_part(r, "", name)) == 0) return;
    r->open[++r->depth] = id;
    pv_buf_reset(&r->pending[r->depth]);
    for (; *attributes != NULL; attributes += 2) {
        uint32_t attribute = add_part(r, "@", attributes[0]);
        if (attribute == 0) return;
        set_text(r, attribute, attributes[1], strlen(attributes[1]));
    }
}

static bool is_blank(const pv_buf *text)
{
    for (size_t i = 0; i < text->len; i++) {
        if (strchr(" \t\r\n", text->data[i]) == NULL) return false;
    }
    return true;
}

static void XMLCALL on_end(void *data, const XML_Char *name)
{
    reader *r = data;
    uint32_t id = r->open[r->depth];
    const pv_buf *text = &r->pending[r->depth];
    (void)name;
    if (r->status != PV_OK) return;
    if (r->parts[id].first == 0) {
        if (text->len > 0) set_text(r, id, text->data, text->len);
    } else if (!is_blank(text)) {
        uint32_t beside = add_part(r, "", "#text");
        if (beside == 0) return;
        r->parts[beside].line = r->parts[id].line;
        r->parts[beside].column = r->parts[id].column;
        set_text(r, beside, text->data, text->len);
    }
    r->depth--;
}

static void XMLCALL on_text(void *data, const XML_Char *bytes, int len)
{
    reader *r = data;
    (void)pv_buf_add(&r->pending[r->depth], bytes, (size_t)len);
}

static void XMLCALL on_doctype(void *data, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_subset)
{
    (void)name, (void)system_id, (void)public_id, (void)has_subset;
    stop(data, PV_EINVAL, "a document type (<!DOCTYPE ...>) is not accepted", 0);
}

/* Names whose elements are the items of a list however many there are. */
static bool is_item(pv_bytes name)
{
    return (name.len == 4 && memcmp(name.data, "item", 4) == 0) ||
           (name.len == 6 && memcmp(name.data, "member", 6) == 0);
}

/* Makes the node `id` what the part is: a string, or a map.  First a member for every name, so
 * that it is known which are lists; then what is in them. */
static bool fill(reader *r, uint32_t id, uint32_t from)
{
    pv_doc *doc = r->doc;
    const part *p = &r->parts[from];
    if (p->first == 0 && from != 0) {
        pv_doc_set_string(doc, id, (pv_bytes){r->text.data + p->text, p->text_len});
        return true;
    }
    doc->nodes[id].kind = PV_NODE_MAP;
    for (uint32_t c = p->first; c != 0; c = r->parts[c].next) {
        const part *child = &r->parts[c];
        pv_bytes name = {r->text.data + child->name, child->name_len};
        uint32_t member = pv_doc_find(doc, id, name);
        bool again = member != 0;
        if (!again) member = pv_doc_add_member(doc, id, name, child->line, child->column);
        if (member == 0) return false;
        if (again || is_item(name)) doc->nodes[member].kind = PV_NODE_LIST;
    }
    for (uint32_t c = p->first; c != 0; c = r->parts[c].next) {
        const part *child = &r->parts[c];
        uint32_t to = pv_doc_find(doc, id, (pv_bytes){r->text.data + child->name, child->name_len});
        if (doc->nodes[to].kind == PV_NODE_LIST)
            to = pv_doc_add(doc, to, child->line, child->column);
        if (to == 0 || !fill(r, to, c)) return false;
    }
    return true;
}

static pv_status parse(reader *r, pv_bytes text)
{
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_start, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
    if (XML_Parse(r->parser, text.len > 0 ? text.data : "", (int)text.len, 1) == XML_STATUS_OK)
        return PV_OK;
    if (r->status != PV_OK) return r->status;
    return pv_fail_at(r->err, PV_EINVAL, (int)XML_GetCurrentLineNumber(r->parser),
                      (int)XML_GetCurrentColumnNumber(r->parser) + 1, "not valid XML: %s",
                      XML_ErrorString(XML_GetErrorCode(r->parser)));
}

pv_status pv_xml_read(pv_doc *doc, pv_bytes text, const pv_xml_limits *limits, pv_err *err)
{
    reader r = {.doc = doc, .err = err, .cap = 64, .n_parts = 1};
    pv_status status;
    if (limits != NULL) r.limits = *limits;
    if (r.limits.max_bytes == 0) r.limits.max_bytes = MAX_BYTES;
    if (r.limits.max_nodes == 0) r.limits.max_nodes = MAX_NODES;
    if (r.limits.max_depth == 0) r.limits.max_depth = MAX_DEPTH;
    pv_doc_init(doc, 2 * r.limits.max_nodes + 1); /* lists are nodes of their own */
    if (text.len > r.limits.max_bytes || text.len > INT_MAX)
        return pv_fail(err, PV_ELIMIT, "the text is larger than %zu bytes", r.limits.max_bytes);
    r.parser = XML_ParserCreate(NULL);
    if (r.parser == NULL) return pv_fail(err, PV_EIO, "cannot make an XML parser: out of memory");
    r.parts = pv_alloc_array(r.cap, sizeof *r.parts);
    r.open = pv_alloc_array(r.limits.max_depth + 1, sizeof *r.open);
    r.pending = pv_alloc_array(r.limits.max_depth + 1, sizeof *r.pending);
    status = parse(&r, text);
    if (status == PV_OK &&
        (pv_doc_add(doc, 0, r.parts[1].line, r.parts[1].column) == 0 || !fill(&r, PV_DOC_ROOT, 0)))
        status = pv_fail(err, PV_ELIMIT, "the XML has too many values");
    XML_ParserFree(r.parser);
    for (uint32_t i = 0; i <= r.limits.max_depth; i++) pv_buf_deinit(&r.pending[i]);
    pv_free(r.pending);
    pv_free(r.open);
    pv_free(r.parts);
    pv_buf_wipe(&r.text); /* answers hold secrets */
    return status;
}
