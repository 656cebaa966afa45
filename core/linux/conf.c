#include "linux/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "linux/file.h"

enum { LARGEST_CONF = 256 * 1024 };

struct pv_conf {
    char *path;
    pv_buf text; /* line ends and '=' replaced by NUL */
    struct line {
        const char *key, *value;
    } * lines;
    size_t count;
};

static pv_status parse(pv_conf *conf, pv_err *err)
{
    char *at = conf->text.data, *end = at + conf->text.len;
    int number = 0;
    while (at < end) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        char *equals;
        number++;
        if (stop == NULL) stop = end; /* the buffer has a NUL there */
        *stop = '\0';
        equals = strchr(at, '=');
        if (equals == NULL && *at != '\0') {
            return pv_fail_at(err, PV_ECORRUPT, number, 1, "%s:%d: a line without '='", conf->path,
                              number);
        }
        if (equals != NULL) {
            *equals = '\0';
            conf->lines = pv_realloc_array(conf->lines, conf->count + 1, sizeof *conf->lines);
            conf->lines[conf->count].key = at;
            conf->lines[conf->count].value = equals + 1;
            conf->count++;
        }
        at = stop + 1;
    }
    return PV_OK;
}

pv_status pv_conf_open(pv_conf **out, const char *path, pv_err *err)
{
    pv_conf *conf = pv_alloc(sizeof *conf);
    pv_status status;
    *out = NULL;
    conf->path = pv_strdup(path);
    pv_buf_init(&conf->text, LARGEST_CONF);
    status = pv_file_read(&conf->text, path, err);
    if (status == PV_OK && conf->text.len == 0)
        status = pv_fail(err, PV_ECORRUPT, "%s is empty", path);
    if (status == PV_OK) status = parse(conf, err);
    if (status != PV_OK) {
        pv_conf_close(conf);
        return status;
    }
    *out = conf;
    return PV_OK;
}

void pv_conf_close(pv_conf *conf)
{
    if (conf == NULL) return;
    pv_buf_deinit(&conf->text);
    pv_free(conf->lines);
    pv_free(conf->path);
    pv_free(conf);
}

const char *pv_conf_get(const pv_conf *conf, const char *key, int n)
{
    for (size_t i = 0; i < conf->count; i++) {
        if (strcmp(conf->lines[i].key, key) == 0 && n-- == 0) return conf->lines[i].value;
    }
    return NULL;
}

pv_status pv_conf_need(const pv_conf *conf, const char *key, const char **out, pv_err *err)
{
    *out = pv_conf_get(conf, key, 0);
    if (*out == NULL || **out == '\0')
        return pv_fail(err, PV_ECORRUPT, "%s has no '%s'", conf->path, key);
    return PV_OK;
}

long long pv_conf_int(const pv_conf *conf, const char *key, long long fallback)
{
    const char *text = pv_conf_get(conf, key, 0);
    char *end;
    long long value;
    if (text == NULL || *text == '\0') return fallback;
    errno = 0;
    value = strtoll(text, &end, 10);
    return *end != '\0' || errno != 0 ? fallback : value;
}
