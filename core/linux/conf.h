/* Descriptions of servers and networks: files of `key=value` lines, keys may repeat. */
#ifndef PV_LINUX_CONF_H
#define PV_LINUX_CONF_H

#include "base/status.h"

typedef struct pv_conf pv_conf;

/* Reads the file.  PV_ENOTFOUND when absent, PV_ECORRUPT for a line without '='. */
pv_status pv_conf_open(pv_conf **out, const char *path, pv_err *err);

/* NULL is fine. */
void pv_conf_close(pv_conf *conf);

/* The value of the n-th line (from 0) with that key, NULL when there is none; valid until close. */
const char *pv_conf_get(const pv_conf *conf, const char *key, int n);

/* The value, or PV_ECORRUPT that names file and key. */
pv_status pv_conf_need(const pv_conf *conf, const char *key, const char **out, pv_err *err);

/* The value as a whole number, fallback when the key is absent or no number. */
long long pv_conf_int(const pv_conf *conf, const char *key, long long fallback);

#endif
