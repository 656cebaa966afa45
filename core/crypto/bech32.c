#include "crypto/bech32.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { CHECK = 6 };

static const char ALPHABET[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static uint32_t step(uint32_t sum, unsigned value)
{
    static const uint32_t generator[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                          0x2a1462b3};
    uint32_t top = sum >> 25;
    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (int i = 0; i < 5; i++)
        if ((top >> i & 1) != 0) sum ^= generator[i];
    return sum;
}

static uint32_t begin(const char *prefix)
{
    uint32_t sum = 1;
    for (const char *c = prefix; *c != '\0'; c++) sum = step(sum, (unsigned)tolower(*c) >> 5);
    sum = step(sum, 0);
    for (const char *c = prefix; *c != '\0'; c++) sum = step(sum, (unsigned)tolower(*c) & 31);
    return sum;
}

static uint32_t put(pv_buf *out, uint32_t sum, unsigned value)
{
    (void)pv_buf_addc(out, ALPHABET[value]);
    return step(sum, value);
}

void pv_bech32_write(pv_buf *out, const char *prefix, pv_bytes bytes)
{
    uint32_t sum = begin(prefix), group = 0;
    int bits = 0;
    (void)pv_buf_adds(out, prefix);
    (void)pv_buf_addc(out, '1');
    for (size_t i = 0; i < bytes.len; i++) {
        group = (group << 8 | (unsigned char)bytes.data[i]) & 0xfff;
        for (bits += 8; bits >= 5; bits -= 5) sum = put(out, sum, group >> (bits - 5) & 31);
    }
    if (bits > 0) sum = put(out, sum, group << (5 - bits) & 31);
    for (int i = 0; i < CHECK; i++) sum = step(sum, 0);
    sum ^= 1;
    for (int i = 0; i < CHECK; i++)
        (void)pv_buf_addc(out, ALPHABET[sum >> 5 * (CHECK - 1 - i) & 31]);
}

pv_status pv_bech32_read(pv_buf *out, const char *prefix, pv_bytes text, pv_err *err)
{
    size_t skip = strlen(prefix) + 1;
    bool upper = isupper((unsigned char)prefix[0]) != 0;
    uint32_t sum = begin(prefix), group = 0;
    int bits = 0;
    if (text.len < skip || memcmp(text.data, prefix, skip - 1) != 0 || text.data[skip - 1] != '1')
        return pv_fail(err, PV_EINVAL, "it does not begin with %s1", prefix);
    if (text.len < skip + CHECK) return pv_fail(err, PV_EINVAL, "it is too short");
    for (size_t i = skip; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        const char *at = NULL;
        if (upper ? !islower(c) : !isupper(c)) at = c != 0 ? strchr(ALPHABET, tolower(c)) : NULL;
        if (at == NULL) return pv_fail(err, PV_EINVAL, "letter %zu is none of Bech32", i + 1);
        sum = step(sum, (unsigned)(at - ALPHABET));
        if (i + CHECK >= text.len) continue;
        group = (group << 5 | (uint32_t)(at - ALPHABET)) & 0xfff;
        if ((bits += 5) < 8) continue;
        bits -= 8;
        if (pv_buf_addc(out, (char)(group >> bits)) != PV_OK)
            return pv_fail(err, PV_EINVAL, "it is too long");
    }
    if (sum != 1)
        return pv_fail(err, PV_EINVAL, "its check is wrong: a letter was changed or lost");
    if (bits >= 5 || (group & ((1u << bits) - 1)) != 0)
        return pv_fail(err, PV_EINVAL, "there are bits too many at its end");
    return PV_OK;
}
