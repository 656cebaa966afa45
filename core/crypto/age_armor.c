#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "crypto/age.h"

enum { LINE = 64, BYTES = LINE / 4 * 3, LINE_MAX_LEN = 128 };

static const char BEGIN[] = "-----BEGIN AGE ENCRYPTED FILE-----",
                  END[] = "-----END AGE ENCRYPTED FILE-----";

struct pv_age_armor {
    bool writing;
    enum { BEFORE, INSIDE, SHORT_LINE, AFTER } at; /* SHORT_LINE: only the end may follow */
    pv_buf rest;                                   /* of a line */
};

pv_status pv_age_armor_new(pv_age_armor **out, bool writing)
{
    *out = pv_alloc(sizeof **out);
    (*out)->writing = writing;
    return PV_OK;
}

static bool white(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool pv_age_is_armor(pv_bytes beginning)
{
    while (beginning.len > 0 && white(*beginning.data)) {
        beginning.data++;
        beginning.len--;
    }
    return beginning.len >= sizeof BEGIN - 1 &&
           memcmp(beginning.data, BEGIN, sizeof BEGIN - 1) == 0;
}

static pv_status write_armor(pv_age_armor *a, pv_bytes bytes, bool last, pv_buf *to)
{
    pv_status status = PV_OK;
    if (a->at == BEFORE) {
        (void)pv_buf_addf(to, "%s\n", BEGIN);
        a->at = INSIDE;
    }
    while (status == PV_OK &&
           (a->rest.len + bytes.len >= BYTES || (last && a->rest.len + bytes.len > 0))) {
        size_t part = BYTES - a->rest.len;
        pv_bytes line;
        if (part > bytes.len) part = bytes.len;
        line = (pv_bytes){bytes.data, part};
        if (a->rest.len > 0) {
            (void)pv_buf_add(&a->rest, bytes.data, part);
            line = (pv_bytes){a->rest.data, a->rest.len};
        }
        bytes.data += part;
        bytes.len -= part;
        status = pv_base64_encode(to, line);
        if (status == PV_OK) status = pv_buf_addc(to, '\n');
        pv_buf_reset(&a->rest);
    }
    if (status == PV_OK) status = pv_buf_add(&a->rest, bytes.data, bytes.len);
    if (status == PV_OK && last) status = pv_buf_addf(to, "%s\n", END);
    return status;
}

static bool is(pv_bytes line, const char *text)
{
    return line.len == strlen(text) && memcmp(line.data, text, line.len) == 0;
}

static bool blank(pv_bytes line)
{
    for (size_t i = 0; i < line.len; i++)
        if (!white(line.data[i])) return false;
    return true;
}

static pv_status read_line(pv_age_armor *a, pv_bytes line, pv_buf *to, pv_err *err)
{
    if (line.len > 0 && line.data[line.len - 1] == '\r') line.len--;
    switch (a->at) {
    case BEFORE:
        while (line.len > 0 && white(*line.data)) {
            line.data++;
            line.len--;
        }
        if (is(line, BEGIN)) a->at = INSIDE;
        else if (line.len != 0) return pv_fail(err, PV_EINVAL, "not an armored age file");
        return PV_OK;
    case AFTER:
        if (blank(line)) return PV_OK;
        return pv_fail(err, PV_EINVAL, "something follows the end of the armored age file");
    default: break;
    }
    if (is(line, END)) {
        a->at = AFTER;
        return PV_OK;
    }
    if (a->at == SHORT_LINE || line.len == 0 || line.len > LINE)
        return pv_fail(err, PV_EINVAL, "the lines of the armored age file are not %d letters long",
                       LINE);
    if (line.len < LINE || line.data[line.len - 1] == '=') a->at = SHORT_LINE;
    return pv_base64_decode_exact(to, line, true, err);
}

static pv_status read_armor(pv_age_armor *a, pv_bytes bytes, bool last, pv_buf *to, pv_err *err)
{
    pv_status status = PV_OK;
    while (status == PV_OK && bytes.len > 0) {
        const char *lf = memchr(bytes.data, '\n', bytes.len);
        size_t part = lf != NULL ? (size_t)(lf - bytes.data) + 1 : bytes.len;
        pv_bytes line = {bytes.data, part};
        bool whole = lf != NULL && a->rest.len == 0 && part <= a->rest.max;
        if (!whole && pv_buf_add(&a->rest, bytes.data, part) != PV_OK)
            return pv_fail(err, PV_EINVAL, "the armored age file has a long line");
        bytes.data += part;
        bytes.len -= part;
        if (lf == NULL) break;
        if (!whole) line = (pv_bytes){a->rest.data, a->rest.len};
        line.len--;
        status = read_line(a, line, to, err);
        pv_buf_reset(&a->rest);
    }
    if (status != PV_OK || !last) return status;
    if (a->rest.len > 0) status = read_line(a, (pv_bytes){a->rest.data, a->rest.len}, to, err);
    if (status == PV_OK && a->at != AFTER)
        status = pv_fail(err, PV_EINVAL, "the armored age file ends in the middle");
    return status;
}

pv_status pv_age_armor_feed(pv_age_armor *a, pv_bytes bytes, bool last, pv_buf *to, pv_err *err)
{
    pv_status status;
    if (!a->writing) {
        a->rest.max = LINE_MAX_LEN * 8; /* white space may stand before and after */
        return read_armor(a, bytes, last, to, err);
    }
    status = write_armor(a, bytes, last, to);
    return status == PV_OK ? PV_OK : pv_fail(err, status, "the armored age file is too long");
}

void pv_age_armor_free(pv_age_armor *a)
{
    if (a == NULL) return;
    pv_buf_wipe(&a->rest);
    pv_free(a);
}
