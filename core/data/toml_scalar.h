/* Numbers, dates and times of TOML; shared by the sources toml_*.c. */
#ifndef PV_DATA_TOML_SCALAR_H
#define PV_DATA_TOML_SCALAR_H

#include "data/doc.h"

/* Length of the date, time or number at the begin of text, as far as its characters go. */
size_t pv_toml_scalar_len(pv_bytes text);

/* Reads a whole number, date or time.  On PV_OK *out has its kind; that of a time also means that
 * text (of at least token.len + 3 bytes) has its canonical form.  On PV_EINVAL *why says what is
 * wrong with it. */
pv_status pv_toml_scalar(pv_node *out, pv_bytes token, bool version_1_1, char *text, size_t *len,
                         const char **why);

#endif
