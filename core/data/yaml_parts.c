#include <string.h>
#include <yaml.h>

#include "base/mem.h"
#include "data/yaml.h"

typedef struct finder {
    yaml_parser_t parser;
    pv_bytes text;
    bool is_ascii;
    size_t index; /* characters ... */
    size_t byte;  /* ... and bytes of one place */
    pv_buf *values;
    pv_yaml_part *parts;
    size_t count;
    size_t cap;
} finder;

static bool is_ascii(pv_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((text.data[i] & 0x80) != 0) return false;
    }
    return true;
}

/* The byte of a mark, which counts characters.  Marks hardly ever go back. */
static size_t byte_of(finder *f, size_t index)
{
    if (f->is_ascii) return index < f->text.len ? index : f->text.len;
    if (index < f->index) {
        f->index = f->byte = 0;
        if (f->text.len >= 3 && memcmp(f->text.data, "\xEF\xBB\xBF", 3) == 0) f->byte = 3;
    }
    for (; f->index < index && f->byte < f->text.len; f->index++) {
        do f->byte++;
        while (f->byte < f->text.len && (f->text.data[f->byte] & 0xC0) == 0x80);
    }
    return f->byte;
}

static pv_yaml_style scalar_style(const yaml_event_t *event)
{
    switch (event->data.scalar.style) {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE: return PV_YAML_SINGLE;
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE: return PV_YAML_DOUBLE;
    case YAML_LITERAL_SCALAR_STYLE: return PV_YAML_LITERAL;
    case YAML_FOLDED_SCALAR_STYLE: return PV_YAML_FOLDED;
    default: return PV_YAML_PLAIN;
    }
}

/* Fills kind and style; false for an event that is no part. */
static bool describe(const yaml_event_t *event, pv_yaml_part *part)
{
    part->style = PV_YAML_BLOCK;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        part->kind = PV_YAML_SCALAR;
        part->style = scalar_style(event);
        return true;
    case YAML_ALIAS_EVENT:
        part->kind = PV_YAML_ALIAS;
        part->style = PV_YAML_PLAIN;
        return true;
    case YAML_SEQUENCE_START_EVENT:
        part->kind = PV_YAML_LIST;
        if (event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE)
            part->style = PV_YAML_FLOW;
        return true;
    case YAML_MAPPING_START_EVENT:
        part->kind = PV_YAML_MAP;
        if (event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE) part->style = PV_YAML_FLOW;
        return true;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: part->kind = PV_YAML_END; return true;
    default: return false;
    }
}

static pv_status add(finder *f, const yaml_event_t *event, pv_yaml_part part)
{
    const char *value = "";
    size_t len = 0;
    if (event->type == YAML_SCALAR_EVENT) {
        value = (const char *)event->data.scalar.value;
        len = event->data.scalar.length;
    } else if (event->type == YAML_ALIAS_EVENT) {
        value = (const char *)event->data.alias.anchor;
        len = strlen(value);
    }
    if (f->count == f->cap) {
        f->cap = f->cap == 0 ? 64 : f->cap * 2;
        f->parts = pv_realloc_array(f->parts, f->cap, sizeof *f->parts);
    }
    part.from = (uint32_t)byte_of(f, event->start_mark.index);
    part.to = (uint32_t)byte_of(f, event->end_mark.index);
    part.value = (uint32_t)f->values->len;
    part.value_len = (uint32_t)len;
    f->parts[f->count++] = part;
    return pv_buf_add(f->values, value, len);
}

pv_status pv_yaml_parts(pv_yaml_part **out, size_t *count, pv_buf *values, pv_bytes text,
                        size_t max_parts, pv_err *err)
{
    /* An index behind every place makes the first one be looked for from the start. */
    finder f = {.text = text, .is_ascii = is_ascii(text), .index = SIZE_MAX, .values = values};
    pv_status status = PV_OK;
    bool done = false;
    *out = NULL;
    *count = 0;
    if (text.len > UINT32_MAX) return pv_fail(err, PV_ELIMIT, "the document is too large");
    if (!yaml_parser_initialize(&f.parser))
        return pv_fail(err, PV_EIO, "cannot make a YAML parser: out of memory");
    yaml_parser_set_input_string(&f.parser, (const unsigned char *)text.data, text.len);
    while (!done && status == PV_OK) {
        yaml_event_t event;
        pv_yaml_part part = {0};
        if (!yaml_parser_parse(&f.parser, &event)) {
            status = pv_fail_at(err, PV_EINVAL, (int)f.parser.problem_mark.line + 1,
                                (int)f.parser.problem_mark.column + 1, "not valid YAML: %s",
                                f.parser.problem != NULL ? f.parser.problem : "unknown problem");
            break;
        }
        done = event.type == YAML_STREAM_END_EVENT;
        if (describe(&event, &part)) {
            status = f.count < max_parts ? add(&f, &event, part) : PV_ELIMIT;
            if (status != PV_OK)
                (void)pv_fail(err, status, "the document has more than %zu values", max_parts);
        }
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&f.parser);
    if (status != PV_OK) return pv_free(f.parts), status;
    *out = f.parts;
    *count = f.count;
    return PV_OK;
}
