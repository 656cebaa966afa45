#include "data/codec.h"

#include <string.h>

#include "data/utf8.h"

static pv_status put_varint(pv_buf *out, uint64_t value)
{
    unsigned char bytes[10];
    size_t len = 0;
    while (value >= 0x80) {
        bytes[len++] = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    bytes[len++] = (unsigned char)value;
    return pv_buf_add(out, bytes, len);
}

pv_status pv_codec_begin(pv_buf *out)
{
    return pv_buf_addc(out, PV_CODEC_VERSION);
}

pv_status pv_codec_put(pv_buf *out, pv_code code)
{
    return pv_buf_addc(out, (char)code);
}

pv_status pv_codec_put_count(pv_buf *out, pv_code code, uint64_t count)
{
    pv_status status = pv_buf_addc(out, (char)code);
    return status != PV_OK ? status : put_varint(out, count);
}

pv_status pv_codec_put_int(pv_buf *out, int64_t value)
{
    uint64_t bits = (uint64_t)value;
    return pv_codec_put_count(out, PV_CODE_INT, value < 0 ? ~(bits << 1) : bits << 1);
}

pv_status pv_codec_put_float(pv_buf *out, double value)
{
    unsigned char bytes[9] = {PV_CODE_FLOAT};
    uint64_t bits;
    if (value != value) bits = 0x7FF8000000000000u; /* one NaN */
    else memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 8; i++) bytes[i + 1] = (unsigned char)(bits >> (56 - 8 * i));
    return pv_buf_add(out, bytes, sizeof bytes);
}

pv_status pv_codec_put_string(pv_buf *out, pv_bytes bytes)
{
    pv_status status =
        pv_codec_put_count(out, pv_utf8_valid(bytes) ? PV_CODE_STRING : PV_CODE_BYTES, bytes.len);
    return status != PV_OK ? status : pv_buf_add(out, bytes.data, bytes.len);
}

static pv_status corrupt(pv_err *err, const char *why)
{
    return pv_fail(err, PV_ECORRUPT, "not a canonical value: %s", why);
}

pv_status pv_codec_open(pv_codec_reader *r, pv_bytes bytes, pv_err *err)
{
    r->at = (const unsigned char *)bytes.data;
    r->end = r->at + bytes.len;
    if (bytes.len == 0) return corrupt(err, "it is empty");
    if (*r->at++ != PV_CODEC_VERSION) return corrupt(err, "unknown version");
    return PV_OK;
}

static bool next_varint(pv_codec_reader *r, uint64_t *out)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && r->at != r->end; shift += 7) {
        unsigned char byte = *r->at++;
        if (shift == 63 && byte > 1) return false;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *out = value;
            return byte != 0 || shift == 0; /* shortest form only */
        }
    }
    return false;
}

static pv_status next_float(pv_codec_reader *r, pv_codec_token *token, pv_err *err)
{
    uint64_t bits = 0;
    if (r->end - r->at < 8) return corrupt(err, "it ends inside a float");
    for (int i = 0; i < 8; i++) bits = bits << 8 | *r->at++;
    memcpy(&token->number, &bits, sizeof bits);
    if (token->number != token->number && bits != 0x7FF8000000000000u)
        return corrupt(err, "a second form of NaN");
    return PV_OK;
}

static pv_status next_bytes(pv_codec_reader *r, pv_codec_token *token, pv_err *err)
{
    uint64_t len;
    if (!next_varint(r, &len) || len > (uint64_t)(r->end - r->at))
        return corrupt(err, "a string is longer than the input");
    token->bytes = (pv_bytes){(const char *)r->at, (size_t)len};
    r->at += len;
    if (pv_utf8_valid(token->bytes) != (token->code == PV_CODE_STRING))
        return corrupt(err, "a string has the wrong kind");
    return PV_OK;
}

pv_status pv_codec_next(pv_codec_reader *r, pv_codec_token *token, pv_err *err)
{
    uint64_t bits;
    *token = (pv_codec_token){0};
    if (r->at == r->end) return corrupt(err, "it ends too early");
    token->code = (pv_code)*r->at++;
    switch (token->code) {
    case PV_CODE_NULL:
    case PV_CODE_FALSE:
    case PV_CODE_TRUE: return PV_OK;
    case PV_CODE_SECRET: token->count = 1; return PV_OK;
    case PV_CODE_UNKNOWN:
    case PV_CODE_REF: token->count = 2; return PV_OK;
    case PV_CODE_FLOAT: return next_float(r, token, err);
    case PV_CODE_STRING:
    case PV_CODE_BYTES: return next_bytes(r, token, err);
    case PV_CODE_INT:
        if (!next_varint(r, &bits)) return corrupt(err, "a malformed integer");
        token->integer = (int64_t)(bits >> 1 ^ (0 - (bits & 1)));
        return PV_OK;
    case PV_CODE_LIST:
    case PV_CODE_MAP:
    case PV_CODE_TEXT:
    case PV_CODE_CALL:
        if (!next_varint(r, &token->count) ||
            token->count > (uint64_t)(r->end - r->at) / (token->code == PV_CODE_MAP ? 2 : 1)) {
            return corrupt(err, "more parts than bytes");
        }
        return PV_OK;
    }
    return corrupt(err, "unknown tag");
}

bool pv_codec_key_less(const pv_codec_token *a, const pv_codec_token *b)
{
    size_t len = a->bytes.len < b->bytes.len ? a->bytes.len : b->bytes.len;
    int order;
    if ((a->code == PV_CODE_INT) != (b->code == PV_CODE_INT)) return a->code == PV_CODE_INT;
    if (a->code == PV_CODE_INT) return a->integer < b->integer;
    order = len == 0 ? 0 : memcmp(a->bytes.data, b->bytes.data, len);
    return order != 0 ? order < 0 : a->bytes.len < b->bytes.len;
}

static pv_status check_value(pv_codec_reader *r, int depth, pv_err *err)
{
    pv_codec_token token, key, last = {0};
    pv_status status = pv_codec_next(r, &token, err);
    if (status != PV_OK) return status;
    if (depth > PV_CODEC_DEPTH) return corrupt(err, "nested too deep");
    for (uint64_t i = 0; i < token.count; i++) {
        if (token.code == PV_CODE_MAP) {
            if ((status = pv_codec_next(r, &key, err)) != PV_OK) return status;
            if (key.code != PV_CODE_INT && key.code != PV_CODE_STRING &&
                key.code != PV_CODE_BYTES) {
                return corrupt(err, "a key is neither string nor integer");
            }
            if (i > 0 && !pv_codec_key_less(&last, &key)) return corrupt(err, "keys out of order");
            last = key;
        }
        if ((status = check_value(r, depth + 1, err)) != PV_OK) return status;
    }
    return PV_OK;
}

pv_status pv_codec_check(pv_bytes bytes, pv_err *err)
{
    pv_codec_reader r;
    pv_status status = pv_codec_open(&r, bytes, err);
    if (status == PV_OK) status = check_value(&r, 0, err);
    if (status == PV_OK && r.at != r.end) return corrupt(err, "bytes after the end");
    return status;
}
