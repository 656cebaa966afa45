#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/mem.h"
#include "data/number.h"
#include "data/yaml.h"

struct pv_yaml_writer {
    yaml_emitter_t emitter;
    pv_buf *out;
    bool full;
};

static int write_bytes(void *data, unsigned char *bytes, size_t size)
{
    pv_yaml_writer *w = data;
    if (pv_buf_add(w->out, bytes, size) == PV_OK) return 1;
    w->full = true;
    return 0;
}

/* Hands the event over to libyaml, which frees it whatever happens. */
static pv_status emit(pv_yaml_writer *w, yaml_event_t *event, pv_err *err)
{
    if (yaml_emitter_emit(&w->emitter, event)) return PV_OK;
    if (w->full)
        return pv_fail(err, PV_ELIMIT, "the YAML text is larger than %zu bytes", w->out->max);
    return pv_fail(err, PV_EINVAL, "cannot write YAML: %s",
                   w->emitter.problem != NULL ? w->emitter.problem : "out of memory");
}

pv_yaml_writer *pv_yaml_writer_new(pv_buf *out)
{
    pv_yaml_writer *w = pv_alloc(sizeof *w);
    yaml_event_t event;
    w->out = out;
    if (!yaml_emitter_initialize(&w->emitter)) abort(); /* out of memory, as pv_alloc does */
    yaml_emitter_set_output(&w->emitter, write_bytes, w);
    yaml_emitter_set_unicode(&w->emitter, 1);
    yaml_emitter_set_width(&w->emitter, -1);
    yaml_emitter_set_indent(&w->emitter, 2);
    yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
    (void)emit(w, &event, NULL);
    yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1);
    (void)emit(w, &event, NULL);
    return w;
}

void pv_yaml_writer_free(pv_yaml_writer *w)
{
    if (w == NULL) return;
    yaml_emitter_delete(&w->emitter);
    pv_free(w);
}

static pv_status put_scalar(pv_yaml_writer *w, pv_bytes text, yaml_scalar_style_t style,
                            pv_err *err)
{
    yaml_event_t event;
    if (text.len > INT32_MAX ||
        !yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text.data,
                                      (int)text.len, 1, 1, style)) {
        return pv_fail(err, PV_EINVAL, "cannot write as YAML: a string is not valid UTF-8");
    }
    return emit(w, &event, err);
}

static pv_status put_plain(pv_yaml_writer *w, const char *text, pv_err *err)
{
    return put_scalar(w, (pv_bytes){text, strlen(text)}, YAML_PLAIN_SCALAR_STYLE, err);
}

pv_status pv_yaml_put_null(pv_yaml_writer *w, pv_err *err)
{
    return put_plain(w, "null", err);
}

pv_status pv_yaml_put_bool(pv_yaml_writer *w, bool value, pv_err *err)
{
    return put_plain(w, value ? "true" : "false", err);
}

pv_status pv_yaml_put_int(pv_yaml_writer *w, int64_t value, pv_err *err)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return put_plain(w, text, err);
}

pv_status pv_yaml_put_float(pv_yaml_writer *w, double value, pv_err *err)
{
    char text[PV_NUMBER_CAP], *exponent;
    if (isnan(value)) return put_plain(w, ".nan", err);
    if (isinf(value)) return put_plain(w, value < 0 ? "-.inf" : ".inf", err);
    pv_number_format(text, value);
    exponent = strchr(text, 'e');
    if (exponent != NULL && strchr(text, '.') == NULL) { /* YAML 1.1: without a point it is text */
        memmove(exponent + 2, exponent, strlen(exponent) + 1);
        memcpy(exponent, ".0", 2);
    }
    return put_plain(w, text, err);
}

/* True for what YAML 1.1 readers take for a bool, a merge key or a number. */
static bool is_legacy(pv_bytes text)
{
    static const char *const words[] = {"y", "n", "yes", "no", "on", "off", "<<", "=", NULL};
    char first = text.len > 0 ? text.data[0] : 'a';
    for (size_t i = 0; words[i] != NULL; i++) {
        if (text.len == strlen(words[i]) && strncasecmp(text.data, words[i], text.len) == 0)
            return true;
    }
    if (first != '+' && first != '-' && first != '.' && (first < '0' || first > '9')) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (strchr("0123456789abcdefABCDEFxob_:+-.TZ ", text.data[i]) == NULL ||
            text.data[i] == '\0')
            return false;
    }
    return true;
}

pv_status pv_yaml_put_string(pv_yaml_writer *w, pv_bytes text, pv_err *err)
{
    pv_node meaning = {.kind = PV_NODE_STRING};
    yaml_scalar_style_t style = YAML_PLAIN_SCALAR_STYLE;
    bool plain = pv_yaml_resolve(&meaning, text) == PV_OK && meaning.kind == PV_NODE_STRING;
    if (!plain || is_legacy(text)) style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    else if (memchr(text.data, '\n', text.len) != NULL) style = YAML_LITERAL_SCALAR_STYLE;
    return put_scalar(w, text, style, err);
}

pv_status pv_yaml_begin_list(pv_yaml_writer *w, bool empty, pv_err *err)
{
    yaml_event_t event;
    yaml_sequence_start_event_initialize(
        &event, NULL, NULL, 1, empty ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE);
    return emit(w, &event, err);
}

pv_status pv_yaml_end_list(pv_yaml_writer *w, pv_err *err)
{
    yaml_event_t event;
    yaml_sequence_end_event_initialize(&event);
    return emit(w, &event, err);
}

pv_status pv_yaml_begin_map(pv_yaml_writer *w, bool empty, pv_err *err)
{
    yaml_event_t event;
    yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
                                        empty ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE);
    return emit(w, &event, err);
}

pv_status pv_yaml_end_map(pv_yaml_writer *w, pv_err *err)
{
    yaml_event_t event;
    yaml_mapping_end_event_initialize(&event);
    return emit(w, &event, err);
}

pv_status pv_yaml_finish(pv_yaml_writer *w, pv_err *err)
{
    yaml_event_t event;
    pv_status status;
    yaml_document_end_event_initialize(&event, 1);
    if ((status = emit(w, &event, err)) != PV_OK) return status;
    yaml_stream_end_event_initialize(&event);
    if ((status = emit(w, &event, err)) != PV_OK) return status;
    return yaml_emitter_flush(&w->emitter) ? PV_OK
                                           : pv_fail(err, PV_ELIMIT, "the YAML text is too large");
}
