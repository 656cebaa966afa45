/* The log: one line per event on stderr, as text or JSON, with every registered secret
 * (base/redact.h) hidden, also one whose parts stand in neighbouring fields.  Nothing in a
 * value can start a new line or drive a terminal.  May be called from any thread; each line
 * is one write. */
#ifndef PV_BASE_LOG_H
#define PV_BASE_LOG_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/status.h"

typedef enum { PV_LOG_DEBUG, PV_LOG_INFO, PV_LOG_WARN, PV_LOG_ERROR, PV_LOG_OFF } pv_log_level;
typedef enum { PV_LOG_TEXT, PV_LOG_JSON } pv_log_form;

enum { PV_LOG_VALUE_MAX = 8192 }; /* bytes shown of a message or value */

/* A value beside the message; bare ones (numbers, booleans) have no quotes in JSON. */
typedef struct pv_log_field {
    pv_bytes key;
    pv_bytes value;
    bool bare;
} pv_log_field;

/* Lines below `level` are dropped; lines go to fd (2 is stderr).  At start: warn, text, 2. */
void pv_log_configure(pv_log_level level, pv_log_form form, int fd);

/* Takes level and form from PROV_LOG (debug info warn error off) and PROV_LOG_FORMAT (text
 * json).  PV_EINVAL names a value that is none of these; what is right still counts. */
pv_status pv_log_from_env(pv_err *err);

pv_log_level pv_log_get_level(void);

/* Writes a line; an error of the write is ignored. */
void pv_log(pv_log_level level, pv_bytes message, const pv_log_field *fields, size_t count);

/* Appends the line pv_log would write at `ms` since 1970, with its newline. */
void pv_log_render(pv_buf *out, pv_log_form form, long long ms, pv_log_level level,
                   pv_bytes message, const pv_log_field *fields, size_t count);

/* The level called `name`; false when there is none. */
bool pv_log_level_of(const char *name, pv_log_level *level);

#endif
