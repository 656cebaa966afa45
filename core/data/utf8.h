#ifndef PV_DATA_UTF8_H
#define PV_DATA_UTF8_H

#include <stdbool.h>

#include "base/buf.h"

/* True for well-formed UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF. */
bool pv_utf8_valid(pv_bytes text);

/* Length of the part of the text before the first byte that is not well-formed UTF-8. */
size_t pv_utf8_prefix(pv_bytes text);

#endif
