#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "data/yaml.h"

/* A list or map that is open. */
typedef struct level {
    pv_yaml_part *branch;
    pv_yaml_part *last; /* what it ends with so far */
    pv_yaml_part *key;
} level;

static int byte_at(pv_bytes text, uint32_t at)
{
    return at < text.len ? (unsigned char)text.data[at] : -1;
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static uint32_t skip_space(pv_bytes text, uint32_t at)
{
    while (at < text.len && isspace(byte_at(text, at))) at++;
    return at;
}

static uint32_t skip_line(pv_bytes text, uint32_t at)
{
    while (at < text.len && text.data[at] != '\n') at++;
    return at;
}

/* Behind the anchor at `at`, or `at` when none stands there. */
static uint32_t skip_anchor(pv_bytes text, uint32_t at)
{
    uint32_t stop = at + 1;
    if (byte_at(text, at) != '&') return at;
    while (stop < text.len &&
           (isalnum(byte_at(text, stop)) || text.data[stop] == '-' || text.data[stop] == '_'))
        stop++;
    return stop > at + 1 ? stop : at;
}

/* Behind the tag at `at`, or `at` when none stands there. */
static uint32_t skip_tag(pv_bytes text, uint32_t at)
{
    uint32_t stop = at + 1;
    if (byte_at(text, at) != '!') return at;
    if (byte_at(text, stop) == '<') {
        while (stop < text.len && text.data[stop] != '>') stop++;
        if (stop < text.len) return stop + 1;
        stop = at + 1;
    }
    while (stop < text.len && !isspace(byte_at(text, stop)) && !is_one_of(text.data[stop], ",[]{}"))
        stop++;
    return stop;
}

/* Reads anchor and tag in front of a part. */
static void read_properties(pv_yaml_part *part, pv_bytes text)
{
    uint32_t at = part->from;
    while (at <= part->to) {
        uint32_t stop = skip_anchor(text, at);
        if (stop > at) {
            part->anchor = at;
            part->anchor_len = stop - at;
        } else if ((stop = skip_tag(text, at)) == at) {
            break;
        }
        part->properties = stop;
        at = skip_space(text, stop);
        while (byte_at(text, at) == '#') at = skip_space(text, skip_line(text, at));
    }
    if (part->to <= part->from || part->properties == 0) part->content = part->from;
    else if (part->kind == PV_YAML_SCALAR && part->to <= part->properties)
        part->content = part->to; /* nothing behind */
    else part->content = at;
}

static void finish_block(pv_yaml_part *part, pv_bytes text)
{
    uint32_t at = part->content + 1;
    while (part->to > part->content + 1 && is_one_of(text.data[part->to - 1], " \r\n")) part->to--;
    if (byte_at(text, part->content) != '|' && byte_at(text, part->content) != '>') return;
    while (isdigit(byte_at(text, at)) || byte_at(text, at) == '-') at++;
    part->keeps = byte_at(text, at) == '+';
}

static bool has_colon(pv_bytes text, const pv_yaml_part *key)
{
    uint32_t at = skip_space(text, key->to);
    while (byte_at(text, at) == '#') at = skip_space(text, skip_line(text, at));
    return byte_at(text, at) == ':';
}

/* Puts a part into the list or map that is open. */
static void enter(level *above, pv_yaml_part *part)
{
    if (above->branch->kind == PV_YAML_LIST) {
        part->role = PV_YAML_ITEM;
    } else if (above->key == NULL) {
        part->role = PV_YAML_KEY;
        above->key = part;
    } else {
        part->role = PV_YAML_VALUE;
    }
    part->in_flow = above->branch->in_flow || above->branch->style == PV_YAML_FLOW;
    if (part->role != PV_YAML_VALUE) above->branch->children++;
}

/* A part whose end is known. */
static void leave(level *above, pv_yaml_part *part, pv_bytes text)
{
    above->last = part;
    if (part->role != PV_YAML_VALUE) return;
    if (part->to <= part->from && !has_colon(text, above->key)) above->last = above->key;
    above->key = NULL;
}

static pv_yaml_part *finish_branch(const level *l, const pv_yaml_part *end)
{
    bool is_flow = l->branch->style == PV_YAML_FLOW;
    l->branch->to = is_flow ? end->to : l->last->to;
    l->branch->raw_to = is_flow ? end->to : l->last->raw_to;
    l->branch->keeps = !is_flow && l->last->keeps;
    return l->branch;
}

size_t pv_yaml_tree(pv_yaml_part *parts, size_t count, pv_bytes text)
{
    level *levels = NULL;
    size_t depth = 0, cap = 0, i = 0;
    if (count == 0) return 0;
    do {
        pv_yaml_part *part = &parts[i++];
        if (part->kind == PV_YAML_END) {
            if (levels == NULL || depth == 0) break; /* libyaml closes no more than it opens */
            part = finish_branch(&levels[--depth], part);
        } else {
            if (depth > 0) enter(&levels[depth - 1], part);
            read_properties(part, text);
            part->raw_to = part->to;
            if (part->kind == PV_YAML_LIST || part->kind == PV_YAML_MAP) {
                if (depth == cap) {
                    cap = cap == 0 ? 16 : cap * 2;
                    levels = pv_realloc_array(levels, cap, sizeof *levels);
                }
                levels[depth++] = (level){.branch = part, .last = part};
                continue;
            }
            if (part->style == PV_YAML_LITERAL || part->style == PV_YAML_FOLDED)
                finish_block(part, text);
        }
        if (depth > 0) leave(&levels[depth - 1], part, text);
    } while (depth > 0 && i < count);
    pv_free(levels);
    return i;
}
