#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "crypto/age.h"
#include "crypto/kdf.h"

enum { LINE = 64, MAC_TEXT = 43 };

static const char VERSION[] = "age-encryption.org/v1";
static const char END[] = "---";

/* The next line without its LF; false when there is no whole one. */
static bool next_line(pv_bytes *rest, pv_bytes *line)
{
    const char *lf = rest->len != 0 ? memchr(rest->data, '\n', rest->len) : NULL;
    if (lf == NULL) return false;
    *line = (pv_bytes){rest->data, (size_t)(lf - rest->data)};
    rest->len -= line->len + 1;
    rest->data = lf + 1;
    return true;
}

static bool starts(pv_bytes line, const char *with)
{
    size_t len = strlen(with);
    return line.len >= len && memcmp(line.data, with, len) == 0;
}

static pv_age_stanza *push(pv_age_header *h)
{
    h->stanzas = pv_realloc_array(h->stanzas, h->count + 1, sizeof *h->stanzas);
    memset(&h->stanzas[h->count], 0, sizeof *h->stanzas);
    pv_buf_init(&h->stanzas[h->count].body, PV_AGE_HEADER_MAX);
    return &h->stanzas[h->count++];
}

/* Adds an argument; false when it is empty or has anything but visible ASCII. */
static bool add_arg(pv_age_stanza *stanza, const char *arg, size_t len)
{
    char *copy;
    if (len == 0) return false;
    for (size_t i = 0; i < len; i++)
        if (arg[i] < 33 || arg[i] > 126) return false;
    copy = pv_alloc(len + 1);
    memcpy(copy, arg, len);
    stanza->args = pv_realloc_array(stanza->args, stanza->count + 1, sizeof *stanza->args);
    stanza->args[stanza->count++] = copy;
    return true;
}

/* Cuts the line behind "-> " into arguments. */
static bool read_args(pv_age_stanza *stanza, pv_bytes line)
{
    const char *at = line.data + 3, *end = line.data + line.len;
    for (;;) {
        const char *space = at < end ? memchr(at, ' ', (size_t)(end - at)) : NULL;
        const char *stop = space != NULL ? space : end;
        if (!add_arg(stanza, at, (size_t)(stop - at))) return false;
        if (space == NULL) return true;
        at = space + 1;
    }
}

/* Reads one stanza whose first line is given; *whole is false when lines are missing. */
static pv_status read_stanza(pv_age_header *h, pv_bytes line, pv_bytes *rest, bool *whole,
                             pv_err *err)
{
    pv_age_stanza *stanza = push(h);
    if (!starts(line, "-> ") || !read_args(stanza, line))
        return pv_fail(err, PV_EINVAL, "not an age file: stanza %zu is malformed", h->count);
    do {
        if (!next_line(rest, &line)) {
            *whole = false;
            return PV_OK;
        }
        if (line.len > LINE || pv_base64_decode_exact(&stanza->body, line, false, NULL) != PV_OK)
            return pv_fail(err, PV_EINVAL, "not an age file: the body of stanza %zu is malformed",
                           h->count);
    } while (line.len == LINE);
    return PV_OK;
}

static pv_status read_mac(pv_age_header *h, pv_bytes line, pv_err *err)
{
    pv_buf mac;
    pv_status status = PV_EINVAL;
    pv_buf_init(&mac, sizeof h->mac);
    if (line.len == 4 + MAC_TEXT && starts(line, "--- "))
        status = pv_base64_decode_exact(&mac, (pv_bytes){line.data + 4, MAC_TEXT}, false, NULL);
    if (status == PV_OK && mac.len == sizeof h->mac) memcpy(h->mac, mac.data, sizeof h->mac);
    else status = pv_fail(err, PV_EINVAL, "not an age file: the MAC of its header is malformed");
    pv_buf_deinit(&mac);
    return status;
}

pv_status pv_age_header_read(pv_age_header *h, pv_bytes bytes, bool last, size_t *used, pv_err *err)
{
    pv_bytes rest = bytes, line;
    bool whole = true;
    pv_status status;
    memset(h, 0, sizeof *h);
    *used = 0;
    if (bytes.len < sizeof VERSION
            ? last || memcmp(bytes.data, VERSION, bytes.len) != 0
            : !starts(bytes, VERSION) || bytes.data[sizeof VERSION - 1] != '\n')
        return pv_fail(err, PV_EINVAL,
                       starts(bytes, "age-encryption.org/")
                           ? "an age file of a version that prov does not know"
                           : "not an age file");
    if (!next_line(&rest, &line)) return PV_OK;
    for (;;) {
        if (!next_line(&rest, &line)) break;
        if (starts(line, END)) {
            status = read_mac(h, line, err);
            if (status == PV_OK && h->count == 0)
                status = pv_fail(err, PV_EINVAL, "not an age file: it has no stanza");
            if (status != PV_OK) return status;
            (void)pv_buf_add(&h->text, bytes.data,
                             (size_t)(line.data - bytes.data) + sizeof END - 1);
            *used = (size_t)(rest.data - bytes.data);
            return PV_OK;
        }
        if ((status = read_stanza(h, line, &rest, &whole, err)) != PV_OK) return status;
        if (!whole) break;
    }
    if (last) return pv_fail(err, PV_EINVAL, "not an age file: its header ends in the middle");
    if (bytes.len > PV_AGE_HEADER_MAX)
        return pv_fail(err, PV_EINVAL, "an age file whose header is over %d bytes",
                       PV_AGE_HEADER_MAX);
    return PV_OK;
}

pv_status pv_age_header_add(pv_age_header *h, const char *const *args, size_t count, pv_bytes body,
                            pv_err *err)
{
    pv_age_stanza *stanza = push(h);
    bool ok = count > 0;
    for (size_t i = 0; ok && i < count; i++) ok = add_arg(stanza, args[i], strlen(args[i]));
    if (ok) return pv_buf_add(&stanza->body, body.data, body.len);
    return pv_fail(err, PV_EINVAL, "a stanza of age has arguments of visible letters only");
}

static pv_status mac_of(pv_bytes text, const pv_secret *file_key, unsigned char *mac, pv_err *err)
{
    unsigned char key[32];
    pv_status status = pv_hkdf(PV_SHA256, pv_secret_bytes(file_key), (pv_bytes){"", 0},
                               (pv_bytes){"header", 6}, key, sizeof key, err);
    if (status == PV_OK)
        status = pv_hmac(PV_SHA256, (pv_bytes){(char *)key, sizeof key}, text, mac, err);
    pv_wipe(key, sizeof key);
    return status;
}

static void write_body(pv_buf *out, const pv_buf *body)
{
    const size_t bytes = LINE / 4 * 3;
    for (size_t at = 0;; at += bytes) {
        size_t left = body->len - at;
        (void)pv_buf_addc(out, '\n');
        if (left > 0)
            (void)pv_base64_encode_raw(out,
                                       (pv_bytes){body->data + at, left < bytes ? left : bytes});
        if (left < bytes) break;
    }
    (void)pv_buf_addc(out, '\n');
}

pv_status pv_age_header_write(const pv_age_header *h, const pv_secret *file_key, pv_buf *out,
                              pv_err *err)
{
    unsigned char mac[32];
    pv_buf text;
    pv_status status;
    if (h->count == 0)
        return pv_fail(err, PV_EINVAL, "an age file is for somebody: there is no recipient");
    pv_buf_init(&text, 0);
    (void)pv_buf_addf(&text, "%s\n", VERSION);
    for (size_t i = 0; i < h->count; i++) {
        const pv_age_stanza *stanza = &h->stanzas[i];
        (void)pv_buf_adds(&text, "->");
        for (size_t j = 0; j < stanza->count; j++) (void)pv_buf_addf(&text, " %s", stanza->args[j]);
        write_body(&text, &stanza->body);
    }
    (void)pv_buf_adds(&text, END);
    status = mac_of((pv_bytes){text.data, text.len}, file_key, mac, err);
    if (status == PV_OK) {
        (void)pv_buf_addc(&text, ' ');
        (void)pv_base64_encode_raw(&text, (pv_bytes){(char *)mac, sizeof mac});
        (void)pv_buf_addc(&text, '\n');
        status = pv_buf_add(out, text.data, text.len);
    }
    pv_buf_deinit(&text);
    return status;
}

pv_status pv_age_header_check(const pv_age_header *h, const pv_secret *file_key, pv_err *err)
{
    unsigned char mac[32];
    pv_status status = mac_of((pv_bytes){h->text.data, h->text.len}, file_key, mac, err);
    if (status == PV_OK && !pv_secret_equal((pv_bytes){(char *)mac, sizeof mac},
                                            (pv_bytes){(const char *)h->mac, sizeof h->mac}))
        status = pv_fail(err, PV_EAUTH, "the header of the age file was changed");
    return status;
}

void pv_age_header_deinit(pv_age_header *h)
{
    if (h == NULL) return;
    for (size_t i = 0; i < h->count; i++) {
        for (size_t j = 0; j < h->stanzas[i].count; j++) pv_free(h->stanzas[i].args[j]);
        pv_free(h->stanzas[i].args);
        pv_buf_deinit(&h->stanzas[i].body);
    }
    pv_free(h->stanzas);
    pv_buf_deinit(&h->text);
    memset(h, 0, sizeof *h);
}
