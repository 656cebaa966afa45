/* The log: no input makes a second line, a control character, broken JSON or a shown secret.
 * The first byte says how long the secret is; then the secret, then values cut at '|'. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/redact.h"

static void check_line(const pv_buf *line, pv_log_form form, pv_bytes secret)
{
    for (size_t i = 0; i + 1 < line->len; i++) {
        if ((unsigned char)line->data[i] < 0x20 || line->data[i] == 0x7f) abort();
    }
    if (line->data[line->len - 1] != '\n') abort();
    if (secret.len >= PV_REDACT_MIN &&
        memmem(line->data, line->len, secret.data, secret.len) != NULL &&
        strstr(line->data, "(a line that held a secret)") == NULL) {
        abort();
    }
    if (form == PV_LOG_JSON) {
        json_t *value = json_loadb(line->data, line->len, 0, NULL);
        if (value == NULL) abort();
        json_decref(value);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size)
{
    const char *data = (const char *)input;
    pv_log_field fields[4] = {0};
    pv_bytes secret, parts[9];
    size_t count = 0, start;
    if (size == 0) return 0;
    secret = (pv_bytes){data + 1, input[0] < size ? input[0] : size - 1};
    pv_redact_clear();
    pv_redact_add(secret, NULL);
    start = 1 + secret.len;
    for (size_t i = start; i <= size && count < 9; i++) {
        if (i != size && data[i] != '|') continue;
        parts[count++] = (pv_bytes){data + start, i - start};
        start = i + 1;
    }
    for (size_t i = 1; i + 1 < count; i += 2)
        fields[i / 2] = (pv_log_field){parts[i], parts[i + 1], false};
    for (int form = PV_LOG_TEXT; form <= PV_LOG_JSON; form++) {
        pv_buf line = {0};
        pv_log_render(&line, (pv_log_form)form, 0, PV_LOG_INFO, parts[0], fields,
                      count > 1 ? (count - 1) / 2 : 0);
        check_line(&line, (pv_log_form)form, secret);
        pv_buf_deinit(&line);
    }
    return 0;
}
