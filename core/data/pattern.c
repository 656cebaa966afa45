#include "data/pattern.h"

#include <ctype.h>
#include <string.h>

/* One item of a pattern, such as "a", "%d" or "[^x]": where it ends, and what one test costs. */
typedef struct item {
    const char *at, *end;
    int64_t cost;
} item;

static const char *match(pv_pattern *m, const char *s, const char *p);

/* Always NULL, so that a failing function ends in `return bad(...)`. */
static const char *bad(pv_pattern *m, const char *problem)
{
    m->status = PV_EINVAL;
    m->problem = problem;
    return NULL;
}

static bool spend(pv_pattern *m, int64_t steps)
{
    m->steps -= steps;
    if (m->steps >= 0) return true;
    m->status = PV_ELIMIT;
    return false;
}

static bool in_class(int c, int class)
{
    bool is;
    switch (tolower(class)) {
    case 'a': is = isalpha(c) != 0; break;
    case 'c': is = iscntrl(c) != 0; break;
    case 'd': is = isdigit(c) != 0; break;
    case 'g': is = isgraph(c) != 0; break;
    case 'l': is = islower(c) != 0; break;
    case 'p': is = ispunct(c) != 0; break;
    case 's': is = isspace(c) != 0; break;
    case 'u': is = isupper(c) != 0; break;
    case 'w': is = isalnum(c) != 0; break;
    case 'x': is = isxdigit(c) != 0; break;
    case 'z': is = c == 0; break; /* not in the manual any more, but there */
    default: return c == class;
    }
    return isupper(class) ? !is : is;
}

/* Sets *it to the item at p; false when it has no end. */
static bool read_item(pv_pattern *m, const char *p, item *it)
{
    const char *end = m->pattern_end;
    it->at = p;
    it->end = p + 1;
    it->cost = 1;
    if (*p == '%') {
        if (it->end == end) return bad(m, "malformed pattern (ends with '%')");
        it->end++;
        return true;
    }
    if (*p != '[') return true;
    p++;
    if (p < end && *p == '^') p++;
    do { /* a "]" that comes first is one of the set */
        if (p == end) return bad(m, "malformed pattern (missing ']')");
        if (*p++ == '%' && p < end) p++;
    } while (p == end || *p != ']');
    it->end = p + 1;
    it->cost += (p - it->at) / 4;
    return spend(m, it->cost);
}

static bool in_set(int c, const item *it)
{
    const char *p = it->at + 1, *end = it->end - 1;
    bool inside = true;
    if (*p == '^') {
        inside = false;
        p++;
    }
    for (; p < end; p++) {
        if (*p == '%') {
            p++;
            if (in_class(c, (unsigned char)*p)) return inside;
        } else if (p[1] == '-' && p + 2 < end) {
            if ((unsigned char)p[0] <= c && c <= (unsigned char)p[2]) return inside;
            p += 2;
        } else if ((unsigned char)*p == c) {
            return inside;
        }
    }
    return !inside;
}

static inline bool one(const pv_pattern *m, const char *s, const item *it)
{
    int c;
    if (s == m->text_end) return false;
    c = (unsigned char)*s;
    switch (*it->at) {
    case '.': return true;
    case '%': return in_class(c, (unsigned char)it->at[1]);
    case '[': return in_set(c, it);
    default: return (unsigned char)*it->at == c;
    }
}

/* "x*": as many as there are, then fewer. */
static const char *longest(pv_pattern *m, const char *s, const item *it)
{
    const char *last = s;
    while (one(m, last, it)) last++;
    if (!spend(m, (last - s) * it->cost)) return NULL;
    for (; last >= s; last--) {
        const char *end = match(m, last, it->end + 1);
        if (end != NULL || m->status != PV_OK) return end;
    }
    return NULL;
}

/* "x-": as few as will do. */
static const char *shortest(pv_pattern *m, const char *s, const item *it)
{
    for (;; s++) {
        const char *end = match(m, s, it->end + 1);
        if (end != NULL || m->status != PV_OK) return end;
        if (!spend(m, it->cost) || !one(m, s, it)) return NULL;
    }
}

static const char *open_capture(pv_pattern *m, const char *s, const char *p)
{
    bool position = p + 1 < m->pattern_end && p[1] == ')';
    const char *end;
    if (m->count == PV_PATTERN_CAPTURES) return bad(m, "too many captures");
    m->capture[m->count].at = s;
    m->capture[m->count].len = position ? PV_PATTERN_POSITION : PV_PATTERN_OPEN;
    m->count++;
    end = match(m, s, p + (position ? 2 : 1));
    if (end == NULL) m->count--;
    return end;
}

static const char *close_capture(pv_pattern *m, const char *s, const char *p)
{
    int i = m->count - 1;
    const char *end;
    while (i >= 0 && m->capture[i].len != PV_PATTERN_OPEN) i--;
    if (i < 0) return bad(m, "invalid pattern capture");
    m->capture[i].len = s - m->capture[i].at;
    end = match(m, s, p + 1);
    if (end == NULL) m->capture[i].len = PV_PATTERN_OPEN;
    return end;
}

/* "%bxy" */
static const char *balanced(pv_pattern *m, const char *s, const char *p)
{
    const char *start = s;
    size_t depth = 1;
    if (m->pattern_end - p < 4) return bad(m, "malformed pattern (missing arguments to '%b')");
    if (s == m->text_end || *s != p[2]) return NULL;
    while (++s < m->text_end) {
        if (*s == p[3]) {
            if (--depth == 0) break;
        } else if (*s == p[2]) {
            depth++;
        }
    }
    if (!spend(m, s - start)) return NULL;
    return s < m->text_end ? s + 1 : NULL;
}

/* "%f[set]": sets *p behind it; false when there is no frontier at s. */
static bool frontier(pv_pattern *m, const char *s, const char **p)
{
    int before = s == m->text ? 0 : (unsigned char)s[-1];
    int after = s == m->text_end ? 0 : (unsigned char)*s;
    item it;
    *p += 2;
    if (*p == m->pattern_end || **p != '[') return bad(m, "missing '[' after '%f' in pattern");
    if (!read_item(m, *p, &it) || in_set(before, &it) || !in_set(after, &it)) return false;
    *p = it.end;
    return true;
}

/* "%1" to "%9": the text of a capture again. */
static const char *again(pv_pattern *m, const char *s, int number)
{
    int i = number - 1;
    ptrdiff_t len;
    if (i < 0 || i >= m->count || m->capture[i].len == PV_PATTERN_OPEN) {
        m->index = number;
        return bad(m, "invalid capture index");
    }
    len = m->capture[i].len;
    if (len < 0 || m->text_end - s < len || !spend(m, len / 8)) return NULL;
    return memcmp(s, m->capture[i].at, (size_t)len) == 0 ? s + len : NULL;
}

/* The part of match() for one item and what follows it.  True when matching goes on at *s and *p;
 * else *end is the result. */
static bool step(pv_pattern *m, const char **s, const char **p, const char **end)
{
    item it;
    char suffix;
    *end = NULL;
    if (!read_item(m, *p, &it)) return false;
    suffix = it.end < m->pattern_end ? *it.end : '\0';
    if (!one(m, *s, &it)) { /* none of it will do when the suffix says so */
        *p = it.end + 1;
        return suffix == '*' || suffix == '?' || suffix == '-';
    }
    switch (suffix) {
    case '?':
        *end = match(m, *s + 1, it.end + 1);
        *p = it.end + 1;
        return *end == NULL && m->status == PV_OK;
    case '+': *end = longest(m, *s + 1, &it); return false;
    case '*': *end = longest(m, *s, &it); return false;
    case '-': *end = shortest(m, *s, &it); return false;
    default:
        ++*s;
        *p = it.end;
        return true;
    }
}

/* The loop of match(): the end of the match of the pattern from p on with the text at s. */
static const char *run(pv_pattern *m, const char *s, const char *p)
{
    const char *end;
    while (p != m->pattern_end) {
        if (!spend(m, 1)) return NULL;
        switch (*p) {
        case '(': return open_capture(m, s, p);
        case ')': return close_capture(m, s, p);
        case '$':
            if (p + 1 == m->pattern_end) return s == m->text_end ? s : NULL;
            break;
        case '%':
            if (p + 1 == m->pattern_end) break;
            if (p[1] == 'b') {
                if ((s = balanced(m, s, p)) == NULL) return NULL;
                p += 4;
                continue;
            } else if (p[1] == 'f') {
                if (!frontier(m, s, &p)) return NULL;
                continue;
            } else if (isdigit((unsigned char)p[1])) {
                if ((s = again(m, s, p[1] - '0')) == NULL) return NULL;
                p += 2;
                continue;
            }
            break;
        default: break;
        }
        if (!step(m, &s, &p, &end)) return end;
    }
    return s;
}

static const char *match(pv_pattern *m, const char *s, const char *p)
{
    const char *end;
    if (m->depth == PV_PATTERN_DEPTH) return bad(m, "pattern too complex");
    m->depth++;
    end = run(m, s, p);
    m->depth--;
    return end;
}

void pv_pattern_init(pv_pattern *m, pv_bytes text, pv_bytes pattern, int64_t steps)
{
    m->text = text.data;
    m->text_end = text.data + text.len;
    m->pattern = pattern.data;
    m->pattern_end = pattern.data + pattern.len;
    m->steps = steps;
    m->problem = NULL;
    m->index = -1;
}

pv_status pv_pattern_find(pv_pattern *m, size_t *from, size_t *to, bool anchored)
{
    const char *s = m->text + *from;
    m->status = PV_OK;
    for (;; s++) {
        const char *end;
        m->depth = m->count = 0;
        if (!spend(m, 1)) return m->status;
        end = match(m, s, m->pattern);
        if (end != NULL) {
            *from = (size_t)(s - m->text);
            *to = (size_t)(end - m->text);
            return PV_OK;
        }
        if (m->status != PV_OK) return m->status;
        if (anchored || s == m->text_end) return PV_ENOTFOUND;
    }
}

bool pv_pattern_is_plain(pv_bytes pattern)
{
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.data[i] != '\0' && strchr("^$*+?.([%-", pattern.data[i]) != NULL) return false;
    }
    return true;
}
