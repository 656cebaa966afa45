#include <string.h>
#include <yaml.h>

#include "base/mem.h"
#include "data/yaml.h"

enum {
    MAX_BYTES = 64 << 20,
    MAX_NODES = 8 << 20,
    MAX_EXPANDED = 200000,
    MAX_DEPTH = 128,
    MAX_ANCHORS = 4096
};

typedef struct anchor {
    char *name;
    uint32_t id;
    char *text; /* of a scalar, as it was written: what an alias in place of a key means */
    size_t text_len;
    bool complete; /* false while its own value is being read */
} anchor;

typedef struct reader {
    yaml_parser_t parser;
    pv_doc *doc;
    pv_yaml_limits limits;
    pv_bytes text;
    bool ended;      /* it has the line break at its end */
    size_t fed;      /* bytes of the text that libyaml has */
    size_t at_index; /* a place in the text: characters before it ... */
    size_t at_byte;  /* ... and bytes; moves forward only */
    uint32_t depth;
    uint32_t expanded;
    anchor *anchors;
    size_t n_anchors;
    uint32_t *merges; /* stack: values of the `<<` keys of the maps being read */
    size_t n_merges;
    pv_err *err;
} reader;

static pv_status read_node(reader *r, yaml_event_t *event, uint32_t id);

static pv_status fail_mark(reader *r, pv_status status, yaml_mark_t mark, const char *what)
{
    return pv_fail_at(r->err, status, (int)mark.line + 1, (int)mark.column + 1, "%s", what);
}

static pv_status fail_full(reader *r, yaml_mark_t mark)
{
    return pv_fail_at(r->err, PV_ELIMIT, (int)mark.line + 1, (int)mark.column + 1,
                      "the document has more than %u values", (unsigned)r->limits.max_nodes);
}

/* Gives libyaml the text, and a line break where the last line has none: a block scalar ends
 * with one in YAML 1.2 all the same. */
static int feed(void *data, unsigned char *buffer, size_t size, size_t *got)
{
    reader *r = data;
    size_t left = r->text.len - r->fed;
    *got = left < size ? left : size;
    if (*got > 0) memcpy(buffer, r->text.data + r->fed, *got);
    r->fed += *got;
    if (*got == 0 && !r->ended && size > 0) {
        r->ended = true;
        buffer[0] = '\n';
        *got = 1;
    }
    return 1;
}

/* True for a text that needs no line break at its end, or is in UTF-16. */
static bool is_ended(pv_bytes text)
{
    unsigned char first = text.len > 0 ? (unsigned char)text.data[0] : 0;
    return text.len == 0 || text.data[text.len - 1] == '\n' || first >= 0xFE;
}

static pv_status next_event(reader *r, yaml_event_t *event)
{
    const yaml_parser_t *p = &r->parser;
    char since[48] = "";
    if (yaml_parser_parse(&r->parser, event)) return PV_OK;
    if (p->error == YAML_READER_ERROR) {
        int line = 1, column = 1;
        for (size_t i = 0; i < p->problem_offset && i < r->text.len; i++) {
            column = r->text.data[i] == '\n' ? 1 : column + ((r->text.data[i] & 0xC0) != 0x80);
            line += r->text.data[i] == '\n';
        }
        return pv_fail_at(r->err, PV_EINVAL, line, column, "not valid YAML: %s (byte 0x%02x)",
                          p->problem, (unsigned)p->problem_value);
    }
    if (p->context != NULL && p->context_mark.line < p->problem_mark.line)
        snprintf(since, sizeof since, " that begins on line %zu", p->context_mark.line + 1);
    return pv_fail_at(r->err, PV_EINVAL, (int)p->problem_mark.line + 1,
                      (int)p->problem_mark.column + 1, "not valid YAML: %s%s%s%s",
                      p->problem != NULL ? p->problem : "unknown problem",
                      p->context != NULL ? " " : "", p->context != NULL ? p->context : "", since);
}

/* The byte at a mark, or 0 behind the end and in UTF-16.  Marks count characters and come in
 * order, those of one event together. */
static char byte_at(reader *r, size_t index)
{
    if (r->parser.encoding != YAML_UTF8_ENCODING) return 0;
    if (index < r->at_index) r->at_index = r->at_byte = 0;
    if (r->at_byte == 0 && r->text.len >= 3 && memcmp(r->text.data, "\xEF\xBB\xBF", 3) == 0)
        r->at_byte = 3;
    for (; r->at_index < index && r->at_byte < r->text.len; r->at_index++) {
        do r->at_byte++;
        while (r->at_byte < r->text.len && (r->text.data[r->at_byte] & 0xC0) == 0x80);
    }
    return r->at_byte < r->text.len ? r->text.data[r->at_byte] : 0;
}

/* Refuses what libyaml reads as YAML 1.1 and YAML 1.2 means otherwise: `{?a: b}`, where ? is
 * part of the key, and `&a:b`, where the anchor's name goes on. */
static pv_status check_punctuation(reader *r, const yaml_event_t *event, const yaml_char_t *name)
{
    size_t from = event->start_mark.index;
    if (name != NULL && byte_at(r, from) != '\0') {
        bool alias = event->type == YAML_ALIAS_EVENT;
        char behind;
        if (r->text.data[r->at_byte] != (alias ? '*' : '&')) return PV_OK; /* a tag comes first */
        behind = byte_at(r, from + 1 + strlen((const char *)name));
        if (behind != '\0' && strchr("?:%@", behind) != NULL) {
            return pv_fail_at(r->err, PV_EINVAL, (int)event->start_mark.line + 1,
                              (int)event->start_mark.column + 1,
                              "'%c' stands right behind the name of %s '%s': put a space between",
                              behind, alias ? "the alias" : "the anchor", (const char *)name);
        }
    }
    return PV_OK;
}

/* Names the kind a standard tag asks for; false for a tag that is not one. */
static bool tag_kind(const char *tag, pv_node_kind *kind)
{
    static const struct {
        const char *tag;
        pv_node_kind kind;
    } tags[] = {
        {YAML_NULL_TAG, PV_NODE_NULL},  {YAML_BOOL_TAG, PV_NODE_BOOL},
        {YAML_INT_TAG, PV_NODE_INT},    {YAML_FLOAT_TAG, PV_NODE_FLOAT},
        {YAML_STR_TAG, PV_NODE_STRING}, {YAML_SEQ_TAG, PV_NODE_LIST},
        {YAML_MAP_TAG, PV_NODE_MAP},
    };
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        if (strcmp(tag, tags[i].tag) == 0) return *kind = tags[i].kind, true;
    }
    return false;
}

/* Checks the tag of a node that is read as `kind`; "!" is the same as no tag here. */
static pv_status check_tag(reader *r, const yaml_event_t *event, const yaml_char_t *tag,
                           pv_node_kind kind)
{
    pv_node_kind wanted;
    if (tag == NULL || strcmp((const char *)tag, "!") == 0) return PV_OK;
    if (tag_kind((const char *)tag, &wanted) && wanted == kind) return PV_OK;
    return pv_fail_at(r->err, PV_EINVAL, (int)event->start_mark.line + 1,
                      (int)event->start_mark.column + 1, "the tag '%.200s' is not known here",
                      (const char *)tag);
}

static const yaml_char_t *anchor_of(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT: return event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT: return event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT: return event->data.mapping_start.anchor;
    default: return NULL;
    }
}

static pv_status add_anchor(reader *r, const yaml_event_t *event, uint32_t id)
{
    anchor *new;
    pv_status status = check_punctuation(r, event, anchor_of(event));
    if (status != PV_OK) return status;
    if (r->n_anchors == MAX_ANCHORS)
        return fail_mark(r, PV_ELIMIT, event->start_mark, "too many anchors");
    if (r->n_anchors % 16 == 0) {
        r->anchors = pv_realloc_array(r->anchors, r->n_anchors + 16, sizeof *r->anchors);
    }
    new = &r->anchors[r->n_anchors++];
    *new = (anchor){.name = pv_strdup((const char *)anchor_of(event)), .id = id};
    if (event->type == YAML_SCALAR_EVENT) {
        new->text = pv_memdup(event->data.scalar.value, event->data.scalar.length);
        new->text_len = event->data.scalar.length;
    }
    return PV_OK;
}

static pv_status read_scalar(reader *r, const yaml_event_t *event, uint32_t id)
{
    pv_bytes text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    const char *tag = (const char *)event->data.scalar.tag;
    pv_node value = {.kind = PV_NODE_STRING};
    pv_node_kind wanted = PV_NODE_STRING;
    bool plain = tag == NULL && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (tag != NULL && strcmp(tag, "!") != 0 && !tag_kind(tag, &wanted)) {
        return check_tag(r, event, event->data.scalar.tag, PV_NODE_STRING);
    }
    if (plain || wanted != PV_NODE_STRING) {
        if (pv_yaml_resolve(&value, text) != PV_OK) {
            return pv_fail_at(
                r->err, PV_EINVAL, (int)event->start_mark.line + 1,
                (int)event->start_mark.column + 1,
                "the number %.40s does not fit in 64 bits; quote it to make it a string",
                text.data);
        }
        if (!plain && wanted == PV_NODE_FLOAT && value.kind == PV_NODE_INT) {
            value.u.number = (double)value.u.integer;
            value.kind = PV_NODE_FLOAT;
        }
        if (!plain && value.kind != wanted)
            return check_tag(r, event, event->data.scalar.tag, value.kind);
    }
    if (value.kind == PV_NODE_STRING) {
        pv_doc_set_string(r->doc, id, text);
    } else {
        r->doc->nodes[id].kind = value.kind;
        r->doc->nodes[id].u = value.u;
    }
    return PV_OK;
}

static pv_status fail_deep(reader *r, yaml_mark_t mark)
{
    return pv_fail_at(r->err, PV_ELIMIT, (int)mark.line + 1, (int)mark.column + 1,
                      "values are nested deeper than %u", (unsigned)r->limits.max_depth);
}

/* How many values stand in one another, from the node down. */
static uint32_t height(const pv_doc *doc, uint32_t id)
{
    const pv_node *node = pv_doc_node(doc, id);
    uint32_t most = 0, c;
    if (node->kind != PV_NODE_LIST && node->kind != PV_NODE_MAP) return 1;
    for (c = node->u.children.first; c != 0; c = pv_doc_node(doc, c)->next) {
        uint32_t one = height(doc, c);
        if (one > most) most = one;
    }
    return most + 1;
}

/* Fills the node `to`, which has `depth` values around it. */
static pv_status copy_node(reader *r, uint32_t to, uint32_t from, uint32_t depth, yaml_mark_t mark)
{
    uint32_t before = r->doc->count, room = r->limits.max_expanded - r->expanded,
             cap = r->doc->max_nodes;
    bool copied;
    if (depth + height(r->doc, from) > r->limits.max_depth) return fail_deep(r, mark);
    if (room < cap - before) r->doc->max_nodes = before + room;
    copied = pv_doc_copy(r->doc, to, from);
    r->doc->max_nodes = cap;
    r->expanded += r->doc->count - before;
    if (copied) return PV_OK;
    return pv_fail_at(r->err, PV_ELIMIT, (int)mark.line + 1, (int)mark.column + 1,
                      "aliases expand to more than %u values", (unsigned)r->limits.max_expanded);
}

/* The anchor that an alias names. */
static pv_status find_anchor(reader *r, const yaml_event_t *event, const anchor **out)
{
    const char *name = (const char *)event->data.alias.anchor;
    pv_status status = check_punctuation(r, event, event->data.alias.anchor);
    if (status != PV_OK) return status;
    for (size_t i = r->n_anchors; i-- > 0;) {
        if (strcmp(r->anchors[i].name, name) != 0) continue;
        if (!r->anchors[i].complete)
            return fail_mark(r, PV_EINVAL, event->start_mark, "an alias inside its own anchor");
        *out = &r->anchors[i];
        return PV_OK;
    }
    return pv_fail_at(r->err, PV_EINVAL, (int)event->start_mark.line + 1,
                      (int)event->start_mark.column + 1, "no anchor '&%.200s' before this alias",
                      name);
}

static pv_status read_alias(reader *r, const yaml_event_t *event, uint32_t id)
{
    const anchor *named = NULL;
    pv_status status = find_anchor(r, event, &named);
    return named != NULL ? copy_node(r, id, named->id, r->depth - 1, event->start_mark) : status;
}

static pv_status read_list(reader *r, const yaml_event_t *start, uint32_t id)
{
    pv_status status = check_tag(r, start, start->data.sequence_start.tag, PV_NODE_LIST);
    if (status != PV_OK) return status;
    r->doc->nodes[id].kind = PV_NODE_LIST;
    for (;;) {
        yaml_event_t event;
        uint32_t item;
        if ((status = next_event(r, &event)) != PV_OK) return status;
        if (event.type == YAML_SEQUENCE_END_EVENT) return yaml_event_delete(&event), PV_OK;
        item = pv_doc_add(r->doc, id, (uint32_t)event.start_mark.line + 1,
                          (uint32_t)event.start_mark.column + 1);
        status = item == 0 ? fail_full(r, event.start_mark) : read_node(r, &event, item);
        yaml_event_delete(&event);
        if (status != PV_OK) return status;
    }
}

/* Adds the members of `source` that the map has not got. */
static pv_status merge_map(reader *r, uint32_t map, uint32_t source, yaml_mark_t mark)
{
    pv_status status;
    if (r->doc->nodes[source].kind != PV_NODE_MAP) {
        return fail_mark(r, PV_EINVAL, mark, "the merge key '<<' needs a map or a list of maps");
    }
    for (uint32_t c = r->doc->nodes[source].u.children.first; c != 0; c = r->doc->nodes[c].next) {
        pv_bytes key = pv_doc_key(r->doc, c);
        char *copy;
        uint32_t id;
        if (pv_doc_find(r->doc, map, key) != 0) continue;
        if (r->expanded++ >= r->limits.max_expanded)
            return fail_mark(r, PV_ELIMIT, mark, "merge keys expand to too many values");
        copy = pv_memdup(key.data, key.len);
        id = pv_doc_add_member(r->doc, map, (pv_bytes){copy, key.len}, r->doc->nodes[c].line,
                               r->doc->nodes[c].column);
        pv_free(copy);
        if (id == 0) return fail_full(r, mark);
        if ((status = copy_node(r, id, c, r->depth, mark)) != PV_OK) return status;
    }
    return PV_OK;
}

/* Applies the `<<` values put on the stack since `base`, the first one first. */
static pv_status merge_all(reader *r, uint32_t map, size_t base, yaml_mark_t mark)
{
    pv_status status = PV_OK;
    for (size_t i = base; i < r->n_merges && status == PV_OK; i++) {
        uint32_t source = r->merges[i];
        if (r->doc->nodes[source].kind != PV_NODE_LIST) {
            status = merge_map(r, map, source, mark);
            continue;
        }
        for (uint32_t c = r->doc->nodes[source].u.children.first; c != 0 && status == PV_OK;
             c = r->doc->nodes[c].next) {
            status = merge_map(r, map, c, mark);
        }
    }
    r->n_merges = base;
    return status;
}

/* The text of a key: that of a scalar, or of the scalar an alias names. */
static pv_status key_text(reader *r, const yaml_event_t *event, pv_bytes *key)
{
    const anchor *named = NULL;
    pv_node_kind wanted;
    pv_status status;
    if (event->type == YAML_ALIAS_EVENT) {
        if ((status = find_anchor(r, event, &named)) != PV_OK) return status;
        if (named != NULL && named->text != NULL)
            return *key = (pv_bytes){named->text, named->text_len}, PV_OK;
    } else if (event->type == YAML_SCALAR_EVENT) {
        const char *tag = (const char *)event->data.scalar.tag;
        *key = (pv_bytes){(const char *)event->data.scalar.value, event->data.scalar.length};
        if (tag == NULL || (tag_kind(tag, &wanted) && wanted < PV_NODE_LIST)) return PV_OK;
        return check_tag(r, event, event->data.scalar.tag, PV_NODE_STRING);
    }
    return fail_mark(r, PV_EINVAL, event->start_mark,
                     "a key must be plain text, not a list or map");
}

/* Keeps the anchor of a key for aliases. */
static pv_status add_key_anchor(reader *r, const yaml_event_t *event)
{
    uint32_t id = pv_doc_add(r->doc, 0, (uint32_t)event->start_mark.line + 1,
                             (uint32_t)event->start_mark.column + 1);
    pv_status status = id != 0 ? read_scalar(r, event, id) : fail_full(r, event->start_mark);
    if (status == PV_OK) status = add_anchor(r, event, id);
    if (status == PV_OK) r->anchors[r->n_anchors - 1].complete = true;
    return status;
}

/* Makes the node for the value of the key event: a member, or for `<<` a node of its own. */
static pv_status add_key(reader *r, uint32_t map, const yaml_event_t *event, bool flow,
                         uint32_t *out)
{
    yaml_mark_t mark = event->start_mark;
    uint32_t line = (uint32_t)mark.line + 1, column = (uint32_t)mark.column + 1;
    pv_bytes key = {"", 0};
    pv_status status = key_text(r, event, &key);
    *out = 0;
    if (status != PV_OK) return status;
    if (flow && mark.index > 0 && byte_at(r, mark.index - 1) == '?')
        return fail_mark(r, PV_EINVAL, mark, "'?' stands right before a key: put a space between");
    if (event->type == YAML_SCALAR_EVENT && anchor_of(event) != NULL &&
        (status = add_key_anchor(r, event)) != PV_OK)
        return status;
    if (key.len == 2 && memcmp(key.data, "<<", 2) == 0 && event->type == YAML_SCALAR_EVENT &&
        event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        *out = pv_doc_add(r->doc, 0, line, column);
        if (*out == 0) return fail_full(r, mark);
        r->merges = pv_realloc_array(r->merges, r->n_merges + 1, sizeof *r->merges);
        r->merges[r->n_merges++] = *out;
        return PV_OK;
    }
    *out = pv_doc_add_member(r->doc, map, key, line, column);
    if (*out != 0) return PV_OK;
    *out = pv_doc_find(r->doc, map, key);
    if (*out == 0) return fail_full(r, mark);
    return pv_fail_at(r->err, PV_EINVAL, (int)line, (int)column,
                      "the key '%.200s' was given before, on line %u", key.data,
                      (unsigned)r->doc->nodes[*out].line);
}

static pv_status read_map(reader *r, const yaml_event_t *start, uint32_t id)
{
    size_t base = r->n_merges;
    bool flow = start->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
    pv_status status = check_tag(r, start, start->data.mapping_start.tag, PV_NODE_MAP);
    if (status != PV_OK) return status;
    r->doc->nodes[id].kind = PV_NODE_MAP;
    for (;;) {
        yaml_event_t event;
        uint32_t member;
        if ((status = next_event(r, &event)) != PV_OK) return status;
        if (event.type == YAML_MAPPING_END_EVENT) break;
        status = add_key(r, id, &event, flow, &member);
        yaml_event_delete(&event);
        if (status != PV_OK) return status;
        if ((status = next_event(r, &event)) != PV_OK) return status;
        status = read_node(r, &event, member);
        yaml_event_delete(&event);
        if (status != PV_OK) return status;
    }
    return merge_all(r, id, base, start->start_mark);
}

/* Fills the node from the event, which stays the caller's. */
static pv_status read_node(reader *r, yaml_event_t *event, uint32_t id)
{
    pv_status status = PV_OK;
    bool anchored = anchor_of(event) != NULL;
    size_t at = r->n_anchors;
    if (anchored && (status = add_anchor(r, event, id)) != PV_OK) return status;
    if (++r->depth > r->limits.max_depth) return fail_deep(r, event->start_mark);
    switch (event->type) {
    case YAML_SCALAR_EVENT: status = read_scalar(r, event, id); break;
    case YAML_SEQUENCE_START_EVENT: status = read_list(r, event, id); break;
    case YAML_MAPPING_START_EVENT: status = read_map(r, event, id); break;
    case YAML_ALIAS_EVENT: status = read_alias(r, event, id); break;
    default:
        status = fail_mark(r, PV_EINVAL, event->start_mark, "not valid YAML: a value was expected");
        break;
    }
    r->depth--;
    if (anchored) r->anchors[at].complete = true;
    return status;
}

static void forget_anchors(reader *r)
{
    for (size_t i = 0; i < r->n_anchors; i++) {
        pv_free(r->anchors[i].name);
        pv_free(r->anchors[i].text);
    }
    r->n_anchors = 0;
}

/* Reads the value of a document: the root, or with `all` one more item of it. */
static pv_status read_document(reader *r, yaml_event_t *event)
{
    uint32_t line = (uint32_t)event->start_mark.line + 1,
             column = (uint32_t)event->start_mark.column + 1, id = PV_DOC_ROOT;
    if (r->limits.all) {
        if ((id = pv_doc_add(r->doc, PV_DOC_ROOT, line, column)) == 0)
            return fail_full(r, event->start_mark);
    } else {
        r->doc->nodes[id].line = line;
        r->doc->nodes[id].column = column;
    }
    return read_node(r, event, id);
}

static pv_status read_stream(reader *r)
{
    bool seen = false;
    if (r->limits.all) r->doc->nodes[PV_DOC_ROOT].kind = PV_NODE_LIST;
    for (;;) {
        yaml_event_t event;
        yaml_event_type_t type;
        pv_status status = next_event(r, &event);
        if (status != PV_OK) return status;
        type = event.type;
        if (type == YAML_DOCUMENT_START_EVENT) {
            if (seen && !r->limits.all)
                status =
                    fail_mark(r, PV_EINVAL, event.start_mark, "more than one document in a file");
            seen = true;
            forget_anchors(r);
        } else if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT &&
                   type != YAML_DOCUMENT_END_EVENT) {
            status = read_document(r, &event);
        }
        yaml_event_delete(&event);
        if (status != PV_OK || type == YAML_STREAM_END_EVENT) return status;
    }
}

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value != 0 ? value : fallback;
}

pv_status pv_yaml_read(pv_doc *doc, pv_bytes text, const pv_yaml_limits *limits, pv_err *err)
{
    reader r = {.doc = doc, .text = text, .err = err};
    pv_status status;
    if (limits != NULL) r.limits = *limits;
    if (r.limits.max_bytes == 0) r.limits.max_bytes = MAX_BYTES;
    r.limits.max_nodes = or_default(r.limits.max_nodes, MAX_NODES);
    r.limits.max_expanded = or_default(r.limits.max_expanded, MAX_EXPANDED);
    r.limits.max_depth = or_default(r.limits.max_depth, MAX_DEPTH);
    pv_doc_init(doc, r.limits.max_nodes);
    if (text.len > r.limits.max_bytes)
        return pv_fail(err, PV_ELIMIT, "the text is larger than %zu bytes", r.limits.max_bytes);
    if (pv_doc_add(doc, 0, 1, 1) != PV_DOC_ROOT)
        return pv_fail(err, PV_ELIMIT, "the document may hold no value");
    if (!yaml_parser_initialize(&r.parser))
        return pv_fail(err, PV_EIO, "cannot make a YAML parser: out of memory");
    r.ended = is_ended(text);
    yaml_parser_set_input(&r.parser, feed, &r);
    status = read_stream(&r);
    yaml_parser_delete(&r.parser);
    forget_anchors(&r);
    pv_free(r.anchors);
    pv_free(r.merges);
    return status;
}
