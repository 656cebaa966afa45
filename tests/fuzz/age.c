/* libFuzzer: age files, armor, keys of age and of SSH from anybody do no harm; a header that is
 * accepted is written again as it was, and what comes out of a payload in pieces is what comes out
 * of it at once. */
#include <stdlib.h>
#include <string.h>

#include "crypto/age.h"

static pv_bytes part(const unsigned char *data, size_t size)
{
    return (pv_bytes){(const char *)data, size};
}

/* A header without its MAC line says all there is in it. */
static void headers(pv_bytes bytes, const pv_secret *file_key)
{
    pv_age_header header = {0};
    pv_buf again = {0};
    size_t used = 0;
    pv_err err = {0};
    pv_status status = pv_age_header_read(&header, bytes, true, &used, &err);
    if (status == PV_OK) {
        if (used == 0 || used > bytes.len || header.count == 0) abort();
        if (pv_age_header_write(&header, file_key, &again, NULL) != PV_OK) abort();
        if (again.len != used || memcmp(again.data, bytes.data, header.text.len) != 0) abort();
    } else if (status != PV_EINVAL || err.msg[0] == '\0') {
        abort();
    }
    pv_buf_deinit(&again);
    pv_age_header_deinit(&header);
}

static void payloads(pv_bytes bytes, const pv_secret *file_key, size_t step)
{
    pv_age_stream *whole = NULL, *pieces = NULL;
    pv_buf a = {0}, b = {0};
    pv_status first, second = PV_OK;
    (void)pv_age_opening(&whole, file_key, NULL);
    (void)pv_age_opening(&pieces, file_key, NULL);
    first = pv_age_feed(whole, bytes, true, &a, NULL);
    for (size_t at = 0; second == PV_OK && at <= bytes.len; at += step) {
        size_t left = bytes.len - at;
        second = pv_age_feed(pieces, (pv_bytes){bytes.data + at, left < step ? left : step},
                             left < step, &b, NULL);
    }
    if (first != second || a.len != b.len || (a.len != 0 && memcmp(a.data, b.data, a.len) != 0))
        abort();
    pv_age_stream_free(whole);
    pv_age_stream_free(pieces);
    pv_buf_deinit(&a);
    pv_buf_deinit(&b);
}

/* Armor that is accepted is written again in one way. */
static void armors(pv_bytes text)
{
    pv_age_armor *reader = NULL, *writer = NULL, *once_more = NULL;
    pv_buf bytes = {0}, again = {0}, back = {0};
    (void)pv_age_armor_new(&reader, false);
    (void)pv_age_armor_new(&writer, true);
    (void)pv_age_armor_new(&once_more, false);
    if (pv_age_armor_feed(reader, text, true, &bytes, NULL) == PV_OK && bytes.len != 0) {
        if (!pv_age_is_armor(text)) abort();
        if (pv_age_armor_feed(writer, (pv_bytes){bytes.data, bytes.len}, true, &again, NULL) !=
            PV_OK)
            abort();
        if (pv_age_armor_feed(once_more, (pv_bytes){again.data, again.len}, true, &back, NULL) !=
            PV_OK)
            abort();
        if (back.len != bytes.len || memcmp(back.data, bytes.data, back.len) != 0) abort();
    }
    pv_age_armor_free(reader);
    pv_age_armor_free(writer);
    pv_age_armor_free(once_more);
    pv_buf_deinit(&bytes);
    pv_buf_deinit(&again);
    pv_buf_deinit(&back);
}

/* A recipient that is accepted is the same one when it is written and read. */
static void keys(pv_bytes text)
{
    pv_age_key *recipient = NULL, *again = NULL, *identity = NULL;
    pv_buf written = {0};
    if (pv_age_recipient(&recipient, text, NULL) == PV_OK) {
        if (pv_age_public(recipient, &written, NULL) != PV_OK) abort();
        if (pv_age_recipient(&again, (pv_bytes){written.data, written.len}, NULL) != PV_OK) abort();
    }
    (void)pv_age_identity(&identity, text, (pv_bytes){"", 0}, NULL);
    pv_age_key_free(recipient);
    pv_age_key_free(again);
    pv_age_key_free(identity);
    pv_buf_deinit(&written);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    pv_secret *file_key;
    if (size == 0) return 0;
    file_key = pv_secret_copy((pv_bytes){"YELLOW SUBMARINE", PV_AGE_KEY_LEN});
    switch (data[0]) {
    case 'h': headers(part(data + 1, size - 1), file_key); break;
    case 'p':
        if (size > 1) payloads(part(data + 2, size - 2), file_key, (size_t)data[1] * 300 + 1);
        break;
    case 'a': armors(part(data + 1, size - 1)); break;
    default: keys(part(data + 1, size - 1)); break;
    }
    pv_secret_free(file_key);
    return 0;
}
