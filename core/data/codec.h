/* The canonical encoding: one byte sequence per value, for hashing, sealing and storing.
 *
 * A value is a tag byte and its contents.  Maps are sorted by key, counts and integers have
 * their shortest form, so equal values have equal bytes.  The first byte of a whole
 * encoding is its version.
 *
 *   n null   f false   t true   i zigzag varint   d 8 bytes big endian IEEE 754
 *   s length bytes (UTF-8)   b length bytes (any other)
 *   l count value...   m count (key value)...     keys are integers, then strings by byte
 *   S value (secret)   U type-or-null list-of-origins (unknown)
 *   R address list-of-keys (reference)   T count part... (text with references)
 *   C count name argument... (call of a function, made when its arguments are known) */
#ifndef PV_DATA_CODEC_H
#define PV_DATA_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { PV_CODEC_VERSION = 1, PV_CODEC_DEPTH = 512 };

typedef enum {
    PV_CODE_NULL = 'n',
    PV_CODE_FALSE = 'f',
    PV_CODE_TRUE = 't',
    PV_CODE_INT = 'i',
    PV_CODE_FLOAT = 'd',
    PV_CODE_STRING = 's',
    PV_CODE_BYTES = 'b',
    PV_CODE_LIST = 'l',
    PV_CODE_MAP = 'm',
    PV_CODE_SECRET = 'S',
    PV_CODE_UNKNOWN = 'U',
    PV_CODE_REF = 'R',
    PV_CODE_TEXT = 'T',
    PV_CODE_CALL = 'C',
} pv_code;

/* Append one token; containers are followed by their parts.  PV_ELIMIT when the buffer is
 * full.  The caller writes the keys of a map in order. */
pv_status pv_codec_begin(pv_buf *out);
pv_status pv_codec_put(pv_buf *out, pv_code code); /* null, bool, secret, unknown, ref */
pv_status pv_codec_put_int(pv_buf *out, int64_t value);
pv_status pv_codec_put_float(pv_buf *out, double value);
pv_status pv_codec_put_string(pv_buf *out, pv_bytes bytes); /* s or b, by what the bytes are */
pv_status pv_codec_put_count(pv_buf *out, pv_code code, uint64_t count); /* list, map, text, call */

typedef struct pv_codec_token {
    pv_code code;
    int64_t integer;
    double number;
    pv_bytes bytes; /* borrowed from the input */
    uint64_t count; /* parts that follow; of a map, pairs */
} pv_codec_token;

typedef struct pv_codec_reader {
    const unsigned char *at;
    const unsigned char *end;
} pv_codec_reader;

/* Starts reading; checks the version byte. PV_ECORRUPT. */
pv_status pv_codec_open(pv_codec_reader *r, pv_bytes bytes, pv_err *err);

/* Reads the next token.  A count is never larger than the bytes that are left, so it may
 * be used to size memory.  PV_ECORRUPT for anything that is not canonical. */
pv_status pv_codec_next(pv_codec_reader *r, pv_codec_token *token, pv_err *err);

/* True when `a` must stand before `b` as a key of a map. */
bool pv_codec_key_less(const pv_codec_token *a, const pv_codec_token *b);

/* Walks a whole encoding: PV_OK when it is canonical and complete, PV_ECORRUPT if not. */
pv_status pv_codec_check(pv_bytes bytes, pv_err *err);

#endif
