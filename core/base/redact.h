/* The secrets that must never be shown.  Whatever prov prints or stores in clear passes
 * through here; a registered value comes out as "***", also in the forms it usually takes in
 * other texts (JSON escapes, percent encoding, base64, hex) and, when it has several lines,
 * line by line.  One registry per process; every function may be called from any thread. */
#ifndef PV_BASE_REDACT_H
#define PV_BASE_REDACT_H

#include "base/buf.h"
#include "base/status.h"

enum { PV_REDACT_MIN = 4 };

/* Registers a secret; one that is known already changes nothing.  PV_EINVAL when it is
 * shorter than PV_REDACT_MIN bytes: hiding it would hide everything. */
pv_status pv_redact_add(pv_bytes secret, pv_err *err);

/* Forgets all secrets and wipes them. */
void pv_redact_clear(void);

/* Sets hidden[i] to 1 for each byte of text that is part of a secret, else 0.  Returns how
 * many are. */
size_t pv_redact_mark(pv_bytes text, char *hidden);

/* Appends text with every secret replaced by "***". */
pv_status pv_redact(pv_buf *out, pv_bytes text);

#endif
