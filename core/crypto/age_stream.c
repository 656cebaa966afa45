#include "crypto/age_stream.h"

#include <string.h>

#include "base/mem.h"
#include "crypto/kdf.h"

struct pv_age_stream {
    pv_aead *aead;
    pv_secret *file_key; /* of an opening stream, until its nonce is there */
    bool sealing, ended;
    uint64_t count; /* of chunks that are done */
    pv_buf rest;    /* of the chunk that is not whole, or may be the last one */
};

/* 11 bytes of a count, big end first, and one that says whether it is the last chunk. */
static void nonce_of(uint64_t count, bool last, char nonce[PV_NONCE_LEN])
{
    memset(nonce, 0, PV_NONCE_LEN);
    for (int i = 0; i < 8; i++) nonce[10 - i] = (char)(count >> 8 * i);
    nonce[11] = last ? 1 : 0;
}

pv_status pv_age_seal_chunk(pv_aead *aead, uint64_t count, bool last, pv_bytes plain, char *out,
                            pv_err *err)
{
    char nonce[PV_NONCE_LEN];
    nonce_of(count, last, nonce);
    return pv_aead_seal(aead, (pv_bytes){nonce, sizeof nonce}, plain, (pv_bytes){"", 0}, out, err);
}

pv_status pv_age_open_chunk(pv_aead *aead, uint64_t count, bool last, pv_bytes sealed, char *out,
                            size_t *len, pv_err *err)
{
    char nonce[PV_NONCE_LEN];
    pv_bytes aad = {"", 0};
    pv_status status;
    *len = 0;
    if (sealed.len < PV_TAG_LEN || (last && sealed.len == PV_TAG_LEN && count != 0))
        return pv_fail(err, PV_ECORRUPT, "the age file is cut off");
    nonce_of(count, last, nonce);
    status = pv_aead_open(aead, (pv_bytes){nonce, sizeof nonce}, sealed, aad, out, err);
    if (status == PV_EAUTH && (!last || sealed.len == PV_AGE_CHUNK + PV_TAG_LEN)) {
        nonce_of(count, !last, nonce); /* genuine, but not at its place? */
        status = pv_aead_open(aead, (pv_bytes){nonce, sizeof nonce}, sealed, aad, out, err);
        if (status == PV_OK) {
            *len = sealed.len - PV_TAG_LEN;
            return pv_fail(err, PV_ECORRUPT,
                           last ? "the age file is cut off" : "the age file goes on after its end");
        }
    }
    if (status == PV_EAUTH)
        return pv_fail(err, PV_ECORRUPT, "the age file was changed or is cut off");
    if (status == PV_OK) *len = sealed.len - PV_TAG_LEN;
    return status;
}

pv_status pv_age_payload_key(const pv_secret *file_key, pv_bytes nonce,
                             unsigned char out[PV_KEY_LEN], pv_err *err)
{
    return pv_hkdf(PV_SHA256, pv_secret_bytes(file_key), nonce, (pv_bytes){"payload", 7}, out,
                   PV_KEY_LEN, err);
}

static pv_status set_key(pv_age_stream *s, const pv_secret *file_key, pv_bytes nonce, pv_err *err)
{
    unsigned char key[PV_KEY_LEN];
    pv_status status = pv_age_payload_key(file_key, nonce, key, err);
    if (status == PV_OK)
        status =
            pv_aead_new(&s->aead, PV_CHACHA20_POLY1305, (pv_bytes){(char *)key, sizeof key}, err);
    pv_wipe(key, sizeof key);
    return status;
}

pv_status pv_age_sealing(pv_age_stream **out, const pv_secret *file_key, pv_buf *to, pv_err *err)
{
    char nonce[PV_AGE_NONCE_LEN];
    pv_age_stream *s = pv_alloc(sizeof *s);
    pv_status status = pv_random(nonce, sizeof nonce, err);
    *out = NULL;
    s->sealing = true;
    if (status == PV_OK) status = set_key(s, file_key, (pv_bytes){nonce, sizeof nonce}, err);
    if (status == PV_OK && pv_buf_add(to, nonce, sizeof nonce) != PV_OK)
        status = pv_fail(err, PV_ELIMIT, "the age file is too long");
    if (status == PV_OK) *out = s;
    else pv_age_stream_free(s);
    return status;
}

pv_status pv_age_opening(pv_age_stream **out, const pv_secret *file_key, pv_err *err)
{
    (void)err;
    *out = pv_alloc(sizeof **out);
    (*out)->file_key = pv_secret_copy(pv_secret_bytes(file_key));
    return PV_OK;
}

static pv_status one_chunk(pv_age_stream *s, pv_bytes chunk, bool last, pv_buf *to, pv_err *err)
{
    size_t len = chunk.len + PV_TAG_LEN;
    char *room = pv_buf_reserve(to, len);
    pv_status status;
    if (room == NULL) return pv_fail(err, PV_ELIMIT, "the age file is too long");
    if (s->sealing) status = pv_age_seal_chunk(s->aead, s->count, last, chunk, room, err);
    else status = pv_age_open_chunk(s->aead, s->count, last, chunk, room, &len, err);
    if (status == PV_OK || !s->sealing) to->len += len;
    s->count++;
    return status;
}

static pv_status feed(pv_age_stream *s, pv_bytes bytes, bool last, pv_buf *to, pv_err *err)
{
    size_t size = s->sealing ? PV_AGE_CHUNK : PV_AGE_CHUNK + PV_TAG_LEN;
    pv_status status = PV_OK;
    while (status == PV_OK &&
           s->rest.len + bytes.len > size) { /* not the last one, for more follows */
        size_t part = size - s->rest.len;
        if (s->rest.len == 0) {
            status = one_chunk(s, (pv_bytes){bytes.data, size}, false, to, err);
        } else {
            (void)pv_buf_add(&s->rest, bytes.data, part);
            status = one_chunk(s, (pv_bytes){s->rest.data, size}, false, to, err);
            pv_buf_reset(&s->rest);
        }
        bytes.data += part;
        bytes.len -= part;
    }
    if (status == PV_OK) (void)pv_buf_add(&s->rest, bytes.data, bytes.len);
    if (status == PV_OK && last)
        status = one_chunk(s, (pv_bytes){s->rest.data, s->rest.len}, true, to, err);
    return status;
}

pv_status pv_age_feed(pv_age_stream *s, pv_bytes bytes, bool last, pv_buf *to, pv_err *err)
{
    pv_status status = PV_OK;
    if (s->ended) return pv_fail(err, PV_ECLOSED, "the age file has ended");
    if (s->aead == NULL) {
        size_t part = PV_AGE_NONCE_LEN - s->rest.len;
        part = bytes.len < part ? bytes.len : part;
        (void)pv_buf_add(&s->rest, bytes.data, part);
        bytes.data += part;
        bytes.len -= part;
        if (s->rest.len < PV_AGE_NONCE_LEN) {
            s->ended = last;
            return last ? pv_fail(err, PV_EINVAL, "not an age file: it ends after its header")
                        : PV_OK;
        }
        status = set_key(s, s->file_key, (pv_bytes){s->rest.data, s->rest.len}, err);
        pv_buf_reset(&s->rest);
    }
    if (status == PV_OK) status = feed(s, bytes, last, to, err);
    s->ended = last || status != PV_OK;
    return status;
}

void pv_age_stream_free(pv_age_stream *s)
{
    if (s == NULL) return;
    pv_aead_free(s->aead);
    pv_secret_free(s->file_key);
    pv_buf_wipe(&s->rest);
    pv_free(s);
}
