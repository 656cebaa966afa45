#include "base/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/redact.h"

static const char *const level_names[] = {"debug", "info", "warn", "error", "off"};

static struct {
    atomic_int level, form, fd;
} sink = {PV_LOG_WARN, PV_LOG_TEXT, 2};

void pv_log_configure(pv_log_level level, pv_log_form form, int fd)
{
    atomic_store(&sink.level, (int)level);
    atomic_store(&sink.form, (int)form);
    atomic_store(&sink.fd, fd);
}

pv_log_level pv_log_get_level(void)
{
    return (pv_log_level)atomic_load(&sink.level);
}

bool pv_log_level_of(const char *name, pv_log_level *level)
{
    for (int i = PV_LOG_DEBUG; i <= PV_LOG_OFF; i++) {
        if (strcmp(level_names[i], name) != 0) continue;
        *level = (pv_log_level)i;
        return true;
    }
    return false;
}

pv_status pv_log_from_env(pv_err *err)
{
    const char *name = getenv("PROV_LOG"), *form = getenv("PROV_LOG_FORMAT");
    pv_log_level level;
    pv_status status = PV_OK;
    if (name != NULL && name[0] != '\0') {
        if (pv_log_level_of(name, &level)) atomic_store(&sink.level, (int)level);
        else
            status = pv_fail(err, PV_EINVAL,
                             "PROV_LOG is '%.40s', not one of debug info warn error off", name);
    }
    if (form != NULL && form[0] != '\0') {
        if (strcmp(form, "json") == 0) atomic_store(&sink.form, PV_LOG_JSON);
        else if (strcmp(form, "text") == 0) atomic_store(&sink.form, PV_LOG_TEXT);
        else status = pv_fail(err, PV_EINVAL, "PROV_LOG_FORMAT is '%.40s', not text or json", form);
    }
    return status;
}

/* Length of the UTF-8 sequence at p, 0 when it is none or encodes a control character. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
    size_t len = p[0] < 0x80                   ? 1
                 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
                 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
                 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                               : 0;
    if (len == 0 || len > left) return 0;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0;
    }
    if (len == 1) return p[0] >= 0x20 && p[0] != 0x7f;
    if (len == 2 && p[0] == 0xc2 && p[1] < 0xa0) return 0; /* C1 controls */
    if (len == 3 && ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))) return 0;
    if (len == 3 && p[0] == 0xe2 &&
        ((p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9)) ||
         (p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae) ||
         (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9))) {
        return 0; /* line separators and changes of direction */
    }
    if (len == 4 && ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))) return 0;
    return len;
}

static void add_escape(pv_buf *out, pv_log_form form, unsigned char c)
{
    const char *special = c == 0 ? NULL : strchr("\nn\tt\rr", c);
    if (special != NULL) pv_buf_addf(out, "\\%c", special[1]);
    else if (form == PV_LOG_TEXT) pv_buf_addf(out, "\\x%02x", c);
    else if (c != 0 && c < 0x80) pv_buf_addf(out, "\\u%04x", c); /* few readers take a zero */
    else pv_buf_adds(out, "\\ufffd");
}

/* Appends text with hidden bytes as *** and nothing but printable characters. */
static void add_clean(pv_buf *out, pv_log_form form, pv_bytes text, const char *hidden)
{
    size_t i = 0, shown = 0;
    while (i < text.len) {
        const unsigned char *p = (const unsigned char *)text.data + i;
        size_t len;
        if (hidden[i]) {
            if (i == 0 || !hidden[i - 1]) pv_buf_adds(out, "***");
            i++;
            continue;
        }
        if (++shown > PV_LOG_VALUE_MAX) {
            pv_buf_addf(out, "... (%zu bytes)", text.len);
            return;
        }
        len = utf8_len(p, text.len - i);
        if (len == 0) {
            add_escape(out, form, *p);
            i++;
            continue;
        }
        if (*p == '"' || *p == '\\') pv_buf_addc(out, '\\');
        pv_buf_add(out, p, len);
        i += len;
    }
}

static bool needs_quotes(pv_bytes text)
{
    if (text.len == 0) return true;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c >= 0x7f) return true;
    }
    return false;
}

static void add_time(pv_buf *out, long long ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc = {0};
    gmtime_r(&seconds, &utc);
    pv_buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, (int)(ms % 1000));
}

static bool is_reserved(pv_bytes key)
{
    return (key.len == 4 && memcmp(key.data, "time", 4) == 0) ||
           (key.len == 3 && memcmp(key.data, "msg", 3) == 0) ||
           (key.len == 5 && memcmp(key.data, "level", 5) == 0);
}

static bool any_hidden(const char *hidden, size_t len)
{
    return memchr(hidden, 1, len) != NULL;
}

static void add_field(pv_buf *out, pv_log_form form, const pv_log_field *field,
                      const char *key_hidden, const char *hidden)
{
    bool masked = any_hidden(hidden, field->value.len);
    bool quotes =
        form == PV_LOG_JSON ? !field->bare || masked : needs_quotes(field->value) && !field->bare;
    pv_buf_adds(out, form == PV_LOG_JSON ? ",\"" : " ");
    add_clean(out, form, field->key, key_hidden);
    if (is_reserved(field->key)) pv_buf_addc(out, '_');
    pv_buf_adds(out, form == PV_LOG_JSON ? "\":" : "=");
    if (quotes) pv_buf_addc(out, '"');
    add_clean(out, form, field->value, hidden);
    if (quotes) pv_buf_addc(out, '"');
}

/* Marks the secrets in message and values as one text, so that a secret cut at the border of
 * two fields is found too.  The marks of the values follow those of the message. */
static char *mark_values(pv_bytes message, const pv_log_field *fields, size_t count, size_t total)
{
    char *joined = pv_alloc(total + 1), *hidden = pv_alloc(total + 1);
    size_t at = message.len;
    if (message.len != 0) memcpy(joined, message.data, message.len);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].value.len != 0)
            memcpy(joined + at, fields[i].value.data, fields[i].value.len);
        at += fields[i].value.len;
    }
    pv_redact_mark((pv_bytes){joined, total}, hidden);
    pv_wipe(joined, total);
    pv_free(joined);
    return hidden;
}

static void render(pv_buf *out, pv_log_form form, long long ms, pv_log_level level,
                   pv_bytes message, const pv_log_field *fields, size_t count)
{
    size_t total = message.len, at = message.len;
    char *hidden;
    for (size_t i = 0; i < count; i++) total += fields[i].value.len;
    hidden = mark_values(message, fields, count, total);
    if (form == PV_LOG_JSON) pv_buf_adds(out, "{\"time\":\"");
    add_time(out, ms);
    if (form == PV_LOG_JSON) pv_buf_addf(out, "\",\"level\":\"%s\",\"msg\":\"", level_names[level]);
    else pv_buf_addf(out, " %-5s ", level_names[level]);
    add_clean(out, form, message, hidden);
    if (form == PV_LOG_JSON) pv_buf_addc(out, '"');
    for (size_t i = 0; i < count; i++) {
        char *key_hidden = pv_alloc(fields[i].key.len + 1);
        pv_redact_mark(fields[i].key, key_hidden);
        add_field(out, form, &fields[i], key_hidden, hidden + at);
        at += fields[i].value.len;
        pv_free(key_hidden);
    }
    if (form == PV_LOG_JSON) pv_buf_addc(out, '}');
    pv_free(hidden);
}

void pv_log_render(pv_buf *out, pv_log_form form, long long ms, pv_log_level level,
                   pv_bytes message, const pv_log_field *fields, size_t count)
{
    size_t start = out->len, len;
    char *hidden;
    render(out, form, ms, level, message, fields, count);
    pv_buf_addc(out, '\n');
    /* A secret may also come about by what stands between the values. */
    len = out->len - start;
    hidden = pv_alloc(len + 1);
    if (pv_redact_mark((pv_bytes){out->data + start, len}, hidden) != 0) {
        out->len = start;
        render(out, form, ms, level, (pv_bytes){"(a line that held a secret)", 27}, NULL, 0);
        pv_buf_addc(out, '\n');
    }
    pv_free(hidden);
}

void pv_log(pv_log_level level, pv_bytes message, const pv_log_field *fields, size_t count)
{
    pv_buf line = {0};
    struct timespec now;
    if (level < pv_log_get_level() || level >= PV_LOG_OFF) return;
    clock_gettime(CLOCK_REALTIME, &now);
    pv_log_render(&line, (pv_log_form)atomic_load(&sink.form),
                  (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000, level, message, fields,
                  count);
    if (write(atomic_load(&sink.fd), line.data, line.len) < 0) {
        /* Nowhere to tell. */
    }
    pv_buf_deinit(&line);
}
