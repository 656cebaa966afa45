#include "base/redact.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"

/* Lines of a secret shorter than this ("}", "-----") are ordinary text. */
enum { LINE_MIN = 8, FILTER_BITS = 1 << 16 };

typedef struct entry {
    size_t at, len;
} entry;

static struct {
    pthread_mutex_t mutex;
    pv_secret *arena; /* all secrets, one behind the other */
    size_t used;
    entry *entries; /* longest first */
    size_t count, cap;
    /* A bit per hash of the first four bytes: text without secrets costs one look-up a byte. */
    unsigned char filter[FILTER_BITS / 8];
} registry = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static uint32_t hash4(const unsigned char *p)
{
    uint32_t v = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    return v * 2654435761u >> 16;
}

static const unsigned char *entry_data(const entry *e)
{
    return registry.arena->data + e->at;
}

static bool known(pv_bytes text)
{
    for (size_t i = 0; i < registry.count; i++) {
        const entry *e = &registry.entries[i];
        if (e->len == text.len && memcmp(entry_data(e), text.data, text.len) == 0) return true;
    }
    return false;
}

static void reserve(size_t len)
{
    size_t have = registry.arena != NULL ? registry.arena->len : 0;
    pv_secret *larger;
    if (registry.used + len <= have) return;
    larger = pv_secret_new((registry.used + len) * 2 + 4096);
    if (registry.used != 0) memcpy(larger->data, registry.arena->data, registry.used);
    pv_secret_free(registry.arena);
    registry.arena = larger;
}

/* With the mutex held. */
static void add(pv_bytes text)
{
    size_t at;
    uint32_t hash;
    if (text.len < PV_REDACT_MIN || known(text)) return;
    reserve(text.len);
    memcpy(registry.arena->data + registry.used, text.data, text.len);
    if (registry.count == registry.cap) {
        registry.cap = registry.cap == 0 ? 16 : registry.cap * 2;
        registry.entries =
            pv_realloc_array(registry.entries, registry.cap, sizeof *registry.entries);
    }
    for (at = registry.count; at > 0 && registry.entries[at - 1].len < text.len; at--) {
        registry.entries[at] = registry.entries[at - 1];
    }
    registry.entries[at] = (entry){registry.used, text.len};
    registry.count++;
    registry.used += text.len;
    hash = hash4((const unsigned char *)text.data);
    registry.filter[hash >> 3] = (unsigned char)(registry.filter[hash >> 3] | 1 << (hash & 7));
}

static void add_buf(pv_buf *buf)
{
    add((pv_bytes){buf->data, buf->len});
    pv_buf_wipe(buf);
}

static void add_json(pv_bytes text)
{
    pv_buf out = {0};
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        const char *special = c == 0 ? NULL : strchr("\"\"\\\\\nn\rr\tt\bb\ff", c);
        if (special != NULL && (c < 0x20 || c == '"' || c == '\\')) {
            pv_buf_addc(&out, '\\');
            pv_buf_addc(&out, special[1]);
        } else if (c < 0x20) {
            pv_buf_addf(&out, "\\u%04x", c);
        } else {
            pv_buf_addc(&out, (char)c);
        }
    }
    add_buf(&out);
}

static void add_percent(pv_bytes text, const char *digits)
{
    pv_buf out = {0};
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     (c != 0 && strchr("-._~", c) != NULL);
        if (plain) {
            pv_buf_addc(&out, (char)c);
        } else {
            pv_buf_addc(&out, '%');
            pv_buf_addc(&out, digits[c >> 4]);
            pv_buf_addc(&out, digits[c & 15]);
        }
    }
    add_buf(&out);
}

static void add_hex(pv_bytes text, const char *digits)
{
    pv_buf out = {0};
    for (size_t i = 0; i < text.len; i++) {
        pv_buf_addc(&out, digits[(unsigned char)text.data[i] >> 4]);
        pv_buf_addc(&out, digits[text.data[i] & 15]);
    }
    add_buf(&out);
}

/* The base64 text that stands for the whole bytes of `text`, wherever in a longer text they
 * start: `skip` bytes in front of it share its first digits, so those are left out. */
static void add_base64(pv_bytes text, size_t skip, const char *digits)
{
    pv_buf out = {0};
    size_t first = (skip * 8 + 5) / 6, last = (skip + text.len) * 8 / 6; /* digits only ours */
    for (size_t d = first; d < last; d++) {
        unsigned value = 0;
        for (size_t bit = d * 6; bit < d * 6 + 6; bit++) {
            size_t byte = bit / 8 - skip;
            value = value << 1 | ((unsigned char)text.data[byte] >> (7 - bit % 8) & 1);
        }
        pv_buf_addc(&out, digits[value]);
    }
    add_buf(&out);
}

static void add_forms(pv_bytes secret)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char base64url[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
    add(secret);
    add_json(secret);
    add_percent(secret, lower);
    add_percent(secret, upper);
    add_hex(secret, lower);
    add_hex(secret, upper);
    for (size_t skip = 0; skip < 3; skip++) {
        add_base64(secret, skip, base64);
        add_base64(secret, skip, base64url);
    }
}

pv_status pv_redact_add(pv_bytes secret, pv_err *err)
{
    pv_bytes bare = secret; /* a password file ends in a new line, its other users do not */
    while (bare.len > 0 && (bare.data[bare.len - 1] == '\n' || bare.data[bare.len - 1] == '\r'))
        bare.len--;
    if (secret.len < PV_REDACT_MIN) {
        return pv_fail(err, PV_EINVAL, "a secret shorter than %d bytes cannot be hidden",
                       PV_REDACT_MIN);
    }
    pthread_mutex_lock(&registry.mutex);
    if (!known(secret)) {
        add_forms(secret);
        if (bare.len != secret.len) add_forms(bare);
        for (size_t at = 0; at < secret.len;) {
            const char *start = secret.data + at, *end = memchr(start, '\n', secret.len - at);
            size_t len = end != NULL ? (size_t)(end - start) : secret.len - at;
            at += len + 1;
            if (len > 0 && start[len - 1] == '\r') len--;
            if (len >= LINE_MIN && len < secret.len) add((pv_bytes){start, len});
        }
    }
    pthread_mutex_unlock(&registry.mutex);
    return PV_OK;
}

void pv_redact_clear(void)
{
    pthread_mutex_lock(&registry.mutex);
    pv_secret_free(registry.arena);
    pv_free(registry.entries);
    registry.arena = NULL;
    registry.entries = NULL;
    registry.used = registry.count = registry.cap = 0;
    memset(registry.filter, 0, sizeof registry.filter);
    pthread_mutex_unlock(&registry.mutex);
}

/* The longest secret that starts at the first byte of text; 0 when none does. */
static size_t match(const unsigned char *text, size_t len)
{
    uint32_t hash;
    if (len < PV_REDACT_MIN) return 0;
    hash = hash4(text);
    if (!(registry.filter[hash >> 3] & 1 << (hash & 7))) return 0;
    for (size_t i = 0; i < registry.count; i++) {
        const entry *e = &registry.entries[i];
        if (e->len <= len && memcmp(entry_data(e), text, e->len) == 0) return e->len;
    }
    return 0;
}

size_t pv_redact_mark(pv_bytes text, char *hidden)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    size_t end = 0, total = 0;
    pthread_mutex_lock(&registry.mutex);
    for (size_t i = 0; i < text.len; i++) {
        size_t len = registry.count != 0 ? match(bytes + i, text.len - i) : 0;
        if (i + len > end) end = i + len;
        hidden[i] = i < end;
        total += i < end;
    }
    pthread_mutex_unlock(&registry.mutex);
    return total;
}

pv_status pv_redact(pv_buf *out, pv_bytes text)
{
    char *hidden = pv_alloc(text.len + 1);
    pv_status status = PV_OK;
    if (pv_redact_mark(text, hidden) == 0) {
        status = pv_buf_add(out, text.data, text.len);
    } else {
        for (size_t i = 0; i < text.len && status == PV_OK; i++) {
            if (!hidden[i]) status = pv_buf_addc(out, text.data[i]);
            else if (i == 0 || !hidden[i - 1]) status = pv_buf_adds(out, "***");
        }
    }
    pv_free(hidden);
    return status;
}
