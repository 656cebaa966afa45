#include "data/toml_scalar.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/toml.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int digit_value(char c)
{
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 99;
}

/* Reads n digits at *p; false when there are fewer. */
static bool take_digits(const char **p, const char *end, int n, int *out)
{
    *out = 0;
    for (int i = 0; i < n; i++, (*p)++) {
        if (*p == end || !is_digit(**p)) return false;
        *out = *out * 10 + (**p - '0');
    }
    return true;
}

static bool take_char(const char **p, const char *end, char c)
{
    if (*p == end || **p != c) return false;
    (*p)++;
    return true;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static bool is_date_at(const char *p, const char *end)
{
    return end - p >= 5 && is_digit(p[0]) && is_digit(p[1]) && is_digit(p[2]) && is_digit(p[3]) &&
           p[4] == '-';
}

static bool is_time_at(const char *p, const char *end)
{
    return end - p >= 3 && is_digit(p[0]) && is_digit(p[1]) && p[2] == ':';
}

static const char *take_date(const char **p, const char *end)
{
    int year, month, day;
    if (!take_digits(p, end, 4, &year) || !take_char(p, end, '-') ||
        !take_digits(p, end, 2, &month) || !take_char(p, end, '-') ||
        !take_digits(p, end, 2, &day)) {
        return "a date is written as 1979-05-27";
    }
    if (month < 1 || month > 12) return "a month is from 01 to 12";
    if (day < 1 || day > days_of(year, month)) return "the month has no such day";
    return NULL;
}

/* Hours and minutes, then seconds when they are there or have to be. */
static const char *take_time(const char **p, const char *end, bool short_form)
{
    int hour, minute, second = 0;
    if (!take_digits(p, end, 2, &hour) || !take_char(p, end, ':') ||
        !take_digits(p, end, 2, &minute)) {
        return "a time is written as 07:32:00";
    }
    if (take_char(p, end, ':')) {
        if (!take_digits(p, end, 2, &second)) return "a time is written as 07:32:00";
        if (take_char(p, end, '.')) {
            if (*p == end || !is_digit(**p)) return "a point in a time needs digits behind it";
            while (*p != end && is_digit(**p)) (*p)++;
        }
    } else if (!short_form) {
        return "a time needs its seconds, as in 07:32:00";
    }
    if (hour > 23 || minute > 59 || second > 60) return "there is no such time";
    return NULL;
}

static const char *take_offset(const char **p, const char *end)
{
    int hour, minute;
    if (*p == end || take_char(p, end, 'Z') || take_char(p, end, 'z')) return NULL;
    if (**p != '+' && **p != '-') return "a date or time ends before this";
    (*p)++;
    if (!take_digits(p, end, 2, &hour) || !take_char(p, end, ':') ||
        !take_digits(p, end, 2, &minute))
        return "an offset is written as Z, +02:00 or -07:00";
    return hour > 23 || minute > 59 ? "there is no such offset" : NULL;
}

/* Checks a date, a time or both; returns what is wrong with it, or NULL. */
static const char *check_time(pv_bytes token, bool short_form)
{
    const char *p = token.data, *end = p + token.len, *why;
    if (is_time_at(p, end)) {
        if ((why = take_time(&p, end, short_form)) != NULL) return why;
        return p == end ? NULL : "a time ends before this; an offset needs a date";
    }
    if ((why = take_date(&p, end)) != NULL || p == end) return why;
    if (*p != 'T' && *p != 't' && *p != ' ')
        return "between a date and a time stands a T or a blank";
    p++;
    if ((why = take_time(&p, end, short_form)) != NULL) return why;
    if ((why = take_offset(&p, end)) != NULL) return why;
    return p == end ? NULL : "a date or time ends before this";
}

/* Copies a checked date or time: T and Z in capitals, seconds where they were left out. */
static size_t canonical_time(pv_bytes token, char *out)
{
    size_t len = 0, colons = 0;
    for (size_t i = 0; i < token.len; i++) {
        char c = token.data[i];
        bool offset = i > 10 && (c == '+' || c == '-' || c == 'z' || c == 'Z');
        if (offset && colons == 1) {
            for (const char *p = ":00"; *p != '\0'; p++) out[len++] = *p;
            colons++;
        }
        colons += c == ':';
        out[len++] = c == ' ' || c == 't' ? 'T' : c == 'z' ? 'Z' : c;
    }
    if (colons == 1) {
        for (const char *p = ":00"; *p != '\0'; p++) out[len++] = *p;
    }
    return len;
}

bool pv_toml_time(pv_bytes text, char *canonical)
{
    if (text.len < 8 || check_time(text, false) != NULL) return false;
    canonical_time(text, canonical);
    return true;
}

/* Digits with single underscores between them; stops at anything else. */
static const char *skip_digits(const char *p, const char *end, int base, const char **why)
{
    const char *start = p;
    while (p != end && (digit_value(*p) < base || *p == '_')) {
        bool between = p != start && p + 1 != end && p[-1] != '_' && digit_value(p[1]) < base;
        if (*p == '_' && !between) return *why = "an underscore must stand between two digits", p;
        p++;
    }
    if (p == start) *why = "a digit is missing";
    return p;
}

static pv_status parse_int(pv_node *out, const char *p, const char *end, int base, bool negative,
                           const char **why)
{
    uint64_t value = 0, limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    for (; p != end; p++) {
        uint64_t digit = (uint64_t)digit_value(*p);
        if (*p == '_') continue;
        if (value > (limit - digit) / (uint64_t)base) {
            *why = "it does not fit in 64 bits; quote it to make it a string";
            return PV_EINVAL;
        }
        value = value * (uint64_t)base + digit;
    }
    out->kind = PV_NODE_INT;
    out->u.integer = negative ? (int64_t)(0 - value) : (int64_t)value;
    return PV_OK;
}

static pv_status parse_float(pv_node *out, pv_bytes token, const char **why)
{
    char few[64];
    char *text = token.len < sizeof few ? few : pv_alloc(token.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < token.len; i++) {
        if (token.data[i] != '_') text[len++] = token.data[i];
    }
    text[len] = '\0';
    out->kind = PV_NODE_FLOAT;
    out->u.number = strtod(text, NULL);
    if (text != few) pv_free(text);
    if (!isinf(out->u.number)) return PV_OK;
    *why = "it does not fit in a float; write inf when that is meant";
    return PV_EINVAL;
}

static pv_status parse_decimal(pv_node *out, pv_bytes token, const char *p, const char *end,
                               const char **why)
{
    const char *digits = p;
    bool is_float = false, negative = token.data[0] == '-';
    if (p != end && *p == '.') *why = "a point must stand between two digits";
    else p = skip_digits(p, end, 10, why);
    if (*why == NULL && *digits == '0' && p - digits > 1)
        *why = "a number has no zeros in front; quote it to make it a string";
    if (*why == NULL && p != end && *p == '.') {
        is_float = true;
        p = skip_digits(p + 1, end, 10, why);
        if (*why != NULL) *why = "a point must stand between two digits";
    }
    if (*why == NULL && p != end && (*p == 'e' || *p == 'E')) {
        is_float = true;
        p++;
        if (p != end && (*p == '+' || *p == '-')) p++;
        p = skip_digits(p, end, 10, why);
    }
    if (*why == NULL && p != end) *why = "text needs quotes";
    if (*why != NULL) return PV_EINVAL;
    return is_float ? parse_float(out, token, why) : parse_int(out, digits, end, 10, negative, why);
}

static pv_status parse_number(pv_node *out, pv_bytes token, const char **why)
{
    static const struct {
        char letter;
        int base;
    } bases[] = {{'x', 16}, {'o', 8}, {'b', 2}};
    const char *p = token.data, *end = p + token.len;
    bool is_signed = p != end && (*p == '+' || *p == '-');
    if (is_signed) p++;
    if (end - p == 3 && (memcmp(p, "inf", 3) == 0 || memcmp(p, "nan", 3) == 0)) {
        out->kind = PV_NODE_FLOAT;
        out->u.number =
            copysign(*p == 'i' ? (double)INFINITY : (double)NAN, *token.data == '-' ? -1.0 : 1.0);
        return PV_OK;
    }
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        if (end - p < 2 || p[0] != '0' || p[1] != bases[i].letter) continue;
        if (is_signed) *why = "only decimal numbers have a sign";
        else if (skip_digits(p + 2, end, bases[i].base, why) != end && *why == NULL)
            *why = "that is no digit of its base";
        return *why != NULL ? PV_EINVAL : parse_int(out, p + 2, end, bases[i].base, false, why);
    }
    return parse_decimal(out, token, p, end, why);
}

size_t pv_toml_scalar_len(pv_bytes text)
{
    size_t len = 0;
    for (; len < text.len; len++) {
        char c = text.data[len];
        bool in_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
        bool time_follows = c == ' ' && len == 10 && is_date_at(text.data, text.data + len) &&
                            is_time_at(text.data + len + 1, text.data + text.len);
        if (!in_word && !time_follows && (c == '\0' || strchr("+-_.:", c) == NULL)) break;
    }
    return len;
}

pv_status pv_toml_scalar(pv_node *out, pv_bytes token, bool version_1_1, char *text, size_t *len,
                         const char **why)
{
    const char *end = token.data + token.len;
    *why = NULL;
    if (!is_date_at(token.data, end) && !is_time_at(token.data, end))
        return parse_number(out, token, why);
    out->kind = PV_NODE_TIME;
    if ((*why = check_time(token, version_1_1)) != NULL) return PV_EINVAL;
    *len = canonical_time(token, text);
    return PV_OK;
}
