/* libFuzzer: what the canonical decoder accepts is what the encoder would write: token by token
 * the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "data/codec.h"

static pv_status write_again(pv_buf *out, const pv_codec_token *token)
{
    switch (token->code) {
    case PV_CODE_INT: return pv_codec_put_int(out, token->integer);
    case PV_CODE_FLOAT: return pv_codec_put_float(out, token->number);
    case PV_CODE_STRING:
    case PV_CODE_BYTES: return pv_codec_put_string(out, token->bytes);
    case PV_CODE_LIST:
    case PV_CODE_MAP:
    case PV_CODE_TEXT:
    case PV_CODE_CALL: return pv_codec_put_count(out, token->code, token->count);
    default: return pv_codec_put(out, token->code);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    pv_bytes bytes = {(const char *)data, size};
    pv_codec_reader r;
    pv_codec_token token;
    pv_buf out = {0};
    if (pv_codec_check(bytes, NULL) != PV_OK) return 0;
    if (pv_codec_open(&r, bytes, NULL) != PV_OK) abort();
    (void)pv_codec_begin(&out);
    while (r.at != r.end) {
        if (pv_codec_next(&r, &token, NULL) != PV_OK) abort();
        if (write_again(&out, &token) != PV_OK) abort();
    }
    if (out.len != size || memcmp(out.data, data, size) != 0) abort();
    pv_buf_deinit(&out);
    return 0;
}
