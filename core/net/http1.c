#include "net/http1.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { METHOD_MAX = 32, LENGTH_DIGITS = 18, CHUNK_DIGITS = 15, CHUNK_OVERHEAD = 8192 };

/* Bytes of tokens (RFC 9110 5.6.2). */
static int is_token_byte(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

int pv_http1_is_token(pv_bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_token_byte((unsigned char)text.data[i])) return 0;
    return text.len > 0;
}

int pv_http1_is_value(pv_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) return 0;
    }
    return 1;
}

const char *pv_http1_reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status) return reasons[i].text;
    return "Unknown";
}

int pv_http1_find_end(pv_http1_scan *scan, pv_bytes data, size_t *len)
{
    *len = 0;
    while (scan->at < data.len) {
        const char *lf = memchr(data.data + scan->at, '\n', data.len - scan->at);
        size_t at;
        if (lf == NULL) {
            scan->at = data.len;
            return 0;
        }
        at = (size_t)(lf - data.data);
        if (at == scan->line || lf[-1] != '\r') return -1;
        if (at == scan->line + 1) {
            *len = at + 1;
            return 1;
        }
        scan->line = scan->at = at + 1;
    }
    return 0;
}

static int is(pv_bytes text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

static pv_bytes slice(const char *from, const char *to)
{
    pv_bytes bytes = {from, (size_t)(to - from)};
    return bytes;
}

static pv_bytes trim(const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t')) from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t')) to--;
    return slice(from, to);
}

/* Whether the comma separated list has the word. */
static int has_word(pv_bytes list, const char *word)
{
    const char *at = list.data, *end = list.data + list.len;
    while (at <= end) {
        const char *comma = at < end ? memchr(at, ',', (size_t)(end - at)) : NULL;
        if (comma == NULL) comma = end;
        if (is(trim(at, comma), word)) return 1;
        at = comma + 1;
    }
    return 0;
}

static int is_host(pv_bytes host)
{
    for (size_t i = 0; i < host.len; i++) {
        unsigned char c = (unsigned char)host.data[i];
        if (c <= 0x20 || c >= 0x7f || strchr("/?#@\\,\"<>^`{|}", c) != NULL) return 0;
    }
    return 1;
}

/* http://host/path becomes its host and its path. */
static int split_absolute(pv_http1_head *head, pv_bytes *rest)
{
    size_t scheme = 0;
    const char *from, *end = rest->data + rest->len, *to;
    if (rest->len > 7 && strncasecmp(rest->data, "http://", 7) == 0) scheme = 7;
    else if (rest->len > 8 && strncasecmp(rest->data, "https://", 8) == 0) scheme = 8;
    if (scheme == 0) return 0;
    from = rest->data + scheme;
    for (to = from; to < end && *to != '/' && *to != '?'; to++) continue;
    head->host = slice(from, to);
    *rest = slice(to, end);
    return head->host.len > 0 && is_host(head->host);
}

static int parse_target(pv_http1_head *head, const char **why)
{
    pv_bytes rest = head->target;
    const char *mark;
    *why = "the target of the request is malformed";
    if (rest.len == 0) return 400;
    for (size_t i = 0; i < rest.len; i++) {
        unsigned char c = (unsigned char)rest.data[i];
        if (c <= 0x20 || c >= 0x7f || c == '#') return 400;
    }
    if (is(head->method, "CONNECT")) {
        *why = "this is no proxy";
        return 501;
    }
    if (rest.data[0] == '*') {
        if (rest.len > 1 || !is(head->method, "OPTIONS")) return 400;
    } else if (rest.data[0] != '/') {
        if (!split_absolute(head, &rest)) return 400;
    }
    mark = rest.len > 0 ? memchr(rest.data, '?', rest.len) : NULL;
    head->path = slice(rest.data, mark != NULL ? mark : rest.data + rest.len);
    if (head->path.len == 0) head->path = (pv_bytes){"/", 1};
    head->query = mark != NULL ? slice(mark + 1, rest.data + rest.len) : (pv_bytes){"", 0};
    return 0;
}

static int parse_version(pv_http1_head *head, pv_bytes text, const char **why)
{
    *why = "the request line is malformed";
    if (text.len != 8 || memcmp(text.data, "HTTP/", 5) != 0 || text.data[6] != '.') return 400;
    if (text.data[5] < '0' || text.data[5] > '9' || text.data[7] < '0' || text.data[7] > '9')
        return 400;
    *why = "only HTTP/1.1 and HTTP/1.0 are spoken here";
    if (text.data[5] != '1' || text.data[7] > '1') return 505;
    head->minor = text.data[7] - '0';
    return 0;
}

static int parse_line(pv_http1_head *head, pv_bytes line, const char **why)
{
    const char *end = line.data + line.len;
    const char *first = memchr(line.data, ' ', line.len);
    const char *second = first != NULL ? memchr(first + 1, ' ', (size_t)(end - first - 1)) : NULL;
    int status;
    *why = "the request line is malformed";
    if (second == NULL) return 400;
    head->method = slice(line.data, first);
    head->target = slice(first + 1, second);
    if (!pv_http1_is_token(head->method) || head->method.len > METHOD_MAX) return 400;
    if ((status = parse_version(head, slice(second + 1, end), why)) != 0) return status;
    return parse_target(head, why);
}

static int parse_length(pv_http1_head *head, pv_bytes value)
{
    uint64_t length = 0;
    if (value.len == 0 || value.len > LENGTH_DIGITS) return 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') return 0;
        length = length * 10 + (uint64_t)(value.data[i] - '0');
    }
    head->length = length;
    return 1;
}

/* What was seen of the fields that decide where the request ends. */
typedef struct framing {
    int hosts, lengths, encodings;
    pv_bytes host;
} framing;

static int parse_known(pv_http1_head *head, framing *f, const pv_http1_field *field,
                       const char **why)
{
    if (is(field->name, "content-length")) {
        *why = "Content-Length is repeated or no number";
        if (f->lengths++ > 0 || !parse_length(head, field->value)) return 400;
    } else if (is(field->name, "transfer-encoding")) {
        *why = "Transfer-Encoding other than chunked is not understood";
        if (f->encodings++ > 0) return 400;
        if (!is(field->value, "chunked")) return has_word(field->value, "chunked") ? 400 : 501;
        head->chunked = 1;
    } else if (is(field->name, "host")) {
        *why = "Host is repeated or malformed";
        if (f->hosts++ > 0 || !is_host(field->value)) return 400;
        f->host = field->value;
    } else if (is(field->name, "connection")) {
        if (has_word(field->value, "close")) head->keep_alive = -1;
        else if (has_word(field->value, "keep-alive") && head->keep_alive == 0)
            head->keep_alive = 1;
    } else if (is(field->name, "expect")) {
        *why = "the only expectation understood is 100-continue";
        if (!is(field->value, "100-continue")) return 417;
        head->expect_continue = head->minor > 0;
    }
    return 0;
}

static int parse_field(pv_http1_head *head, pv_bytes line, const char **why)
{
    pv_http1_field *field = &head->fields[head->field_count];
    const char *colon = memchr(line.data, ':', line.len);
    *why = "a header line is malformed";
    if (line.data[0] == ' ' || line.data[0] == '\t') *why = "a header line is folded";
    if (colon == NULL) return 400;
    field->name = slice(line.data, colon);
    field->value = trim(colon + 1, line.data + line.len);
    if (!pv_http1_is_token(field->name) || !pv_http1_is_value(field->value)) return 400;
    head->field_count++;
    return 0;
}

/* What the fields say together. */
static int check_framing(pv_http1_head *head, const framing *f, const char **why)
{
    *why = "Host is missing";
    if (head->minor > 0 && f->hosts == 0) return 400;
    *why = "both Content-Length and Transfer-Encoding";
    if (f->lengths > 0 && f->encodings > 0) return 400;
    *why = "Transfer-Encoding in HTTP/1.0";
    if (head->minor == 0 && f->encodings > 0) return 400;
    if (head->host.len == 0) head->host = f->hosts > 0 ? f->host : (pv_bytes){"", 0};
    head->keep_alive = head->minor > 0 ? head->keep_alive >= 0 : head->keep_alive > 0;
    *why = NULL;
    return 0;
}

int pv_http1_parse(pv_http1_head *head, pv_bytes data, const char **why)
{
    const char *at = data.data, *end = data.data + data.len - 2; /* at the empty line */
    framing f = {0, 0, 0, {"", 0}};
    int status, first = 1;
    memset(head, 0, offsetof(pv_http1_head, fields));
    head->field_count = 0;
    while (at < end) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        pv_bytes line = slice(at, lf - 1);
        if (first) {
            status = parse_line(head, line, why);
        } else if (head->field_count == PV_HTTP1_FIELDS) {
            *why = "too many header lines";
            return 431;
        } else if ((status = parse_field(head, line, why)) == 0) {
            status = parse_known(head, &f, &head->fields[head->field_count - 1], why);
        }
        if (status != 0) return status;
        first = 0;
        at = lf + 1;
    }
    *why = "the request line is missing";
    if (first) return 400;
    return check_framing(head, &f, why);
}

enum {
    SIZE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER,
    TRAILER_LINE,
    TRAILER_LF,
    END_LF
};

static int hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Where the byte leads, or -1. */
static int next_state(pv_http1_chunks *k, char c)
{
    int digit;
    switch (k->state) {
    case SIZE:
        if ((digit = hex(c)) >= 0 && k->digits < CHUNK_DIGITS) {
            k->left = k->left * 16 + (uint64_t)digit;
            k->digits++;
            return SIZE;
        }
        if (k->digits == 0) return -1;
        return c == '\r' ? SIZE_LF : c == ';' ? EXTENSION : -1;
    case EXTENSION:
        if (c == '\r') return SIZE_LF;
        return ((unsigned char)c >= 0x20 && c != 0x7f) || c == '\t' ? EXTENSION : -1;
    case SIZE_LF: return c != '\n' ? -1 : k->left > 0 ? DATA : TRAILER;
    case DATA_CR: return c == '\r' ? DATA_LF : -1;
    case DATA_LF: k->digits = 0; return c == '\n' ? SIZE : -1;
    case TRAILER:
        if (c == '\r') return END_LF;
        return is_token_byte((unsigned char)c) ? TRAILER_LINE : -1;
    case TRAILER_LINE:
        if (c == '\r') return TRAILER_LF;
        return ((unsigned char)c >= 0x20 && c != 0x7f) || c == '\t' ? TRAILER_LINE : -1;
    case TRAILER_LF: return c == '\n' ? TRAILER : -1;
    default: /* END_LF */ k->done = c == '\n'; return k->done ? END_LF : -1;
    }
}

int pv_http1_chunks_feed(pv_http1_chunks *k, pv_bytes data, size_t *used, pv_buf *body,
                         const char **why)
{
    size_t at = 0;
    int status = 0;
    *why = "the chunked body is malformed";
    while (at < data.len && !k->done && status == 0) {
        if (k->state == DATA) {
            size_t take = data.len - at;
            if (take > k->left) take = (size_t)k->left;
            if (pv_buf_add(body, data.data + at, take) != PV_OK) status = 413;
            at += take;
            k->left -= take;
            if (k->left == 0) k->state = DATA_CR;
            continue;
        }
        if (k->state == EXTENSION || k->state >= TRAILER) k->overhead++;
        k->state = next_state(k, data.data[at++]);
        if (k->state < 0 || k->overhead > CHUNK_OVERHEAD) status = 400;
        /* Not only what came: a chunk that says it is too large is refused at once. */
        if (status == 0 && k->state == DATA && body->max > 0 && k->left > body->max - body->len)
            status = 413;
    }
    if (status == 413) *why = "the body is too large";
    *used = at;
    return status;
}
