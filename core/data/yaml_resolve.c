/* Plain scalars of the YAML 1.2 core schema (chapter 10.3.2). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/yaml.h"

static bool is_one_of(pv_bytes text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (text.len == strlen(*words) && memcmp(text.data, *words, text.len) == 0) return true;
    }
    return false;
}

static bool is_digits(const char *p, const char *end)
{
    if (p == end) return false;
    for (; p != end; p++) {
        if (*p < '0' || *p > '9') return false;
    }
    return true;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 99;
}

static pv_status parse_int(pv_node *out, const char *p, const char *end, int base, bool negative)
{
    uint64_t value = 0;
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    for (; p != end; p++) {
        uint64_t digit = (uint64_t)digit_value(*p);
        if (value > (limit - digit) / (uint64_t)base) return PV_EINVAL;
        value = value * (uint64_t)base + digit;
    }
    out->kind = PV_NODE_INT;
    out->u.integer = negative ? (int64_t)(0 - value) : (int64_t)value;
    return PV_OK;
}

/* True when the text is a number without sign in the given base. */
static bool is_based(const char *p, const char *end, int base)
{
    if (p == end) return false;
    for (; p != end; p++) {
        if (digit_value(*p) >= base) return false;
    }
    return true;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_float(const char *p, const char *end)
{
    const char *start;
    if (p != end && (*p == '-' || *p == '+')) p++;
    start = p;
    while (p != end && *p >= '0' && *p <= '9') p++;
    if (p != end && *p == '.') {
        const char *fraction = ++p;
        while (p != end && *p >= '0' && *p <= '9') p++;
        if (p == fraction && fraction - 1 == start) return false;
    } else if (p == start) {
        return false;
    }
    if (p == end) return true;
    if (*p != 'e' && *p != 'E') return false;
    p++;
    if (p != end && (*p == '-' || *p == '+')) p++;
    return is_digits(p, end);
}

static void set_float(pv_node *out, double value)
{
    out->kind = PV_NODE_FLOAT;
    out->u.number = value;
}

static pv_status parse_float(pv_node *out, pv_bytes text)
{
    char *number = pv_alloc(text.len + 1);
    memcpy(number, text.data, text.len);
    set_float(out, strtod(number, NULL));
    pv_free(number);
    return isinf(out->u.number) ? PV_EINVAL : PV_OK;
}

pv_status pv_yaml_resolve(pv_node *out, pv_bytes text)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    static const char *const nans[] = {".nan", ".NaN", ".NAN", NULL};
    static const char *const infs[] = {".inf", ".Inf", ".INF", NULL};
    const char *p = text.data, *end = p + text.len;
    bool negative;
    out->kind = PV_NODE_STRING;
    if (text.len <= 5) {
        if (is_one_of(text, nulls)) return out->kind = PV_NODE_NULL, PV_OK;
        out->u.boolean = is_one_of(text, trues);
        if (out->u.boolean || is_one_of(text, falses)) return out->kind = PV_NODE_BOOL, PV_OK;
        if (is_one_of(text, nans)) return set_float(out, (double)NAN), PV_OK;
    }
    if (strchr("0123456789+-.", *p) == NULL) return PV_OK;
    negative = *p == '-';
    if (text.len > 2 && p[0] == '0' && p[1] == 'o' && is_based(p + 2, end, 8))
        return parse_int(out, p + 2, end, 8, false);
    if (text.len > 2 && p[0] == '0' && p[1] == 'x' && is_based(p + 2, end, 16))
        return parse_int(out, p + 2, end, 16, false);
    if (*p == '-' || *p == '+') p++;
    if (is_digits(p, end)) return parse_int(out, p, end, 10, negative);
    if (is_one_of((pv_bytes){p, (size_t)(end - p)}, infs))
        return set_float(out, negative ? -(double)INFINITY : (double)INFINITY), PV_OK;
    return is_float(text.data, end) ? parse_float(out, text) : PV_OK;
}
