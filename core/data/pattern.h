/* Patterns of Lua with a bound: the matcher counts its steps and stops when they are used up, so
 * that no pattern and no subject can hang.  Written from the definition of patterns in the manual
 * of Lua 5.4 (6.4.1); results and errors are those of string.find. */
#ifndef PV_DATA_PATTERN_H
#define PV_DATA_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

enum {
    PV_PATTERN_CAPTURES = 32,
    PV_PATTERN_DEPTH = 200, /* of the matcher's calls inside each other, as in Lua */
    PV_PATTERN_OPEN = -1,   /* lengths of captures that hold no text */
    PV_PATTERN_POSITION = -2
};

/* One match under way.  Fields are for reading, after pv_pattern_find said PV_OK. */
typedef struct pv_pattern {
    const char *text, *text_end;
    const char *pattern, *pattern_end;
    int64_t steps; /* that are left; below 0 when they were used up */
    int depth;
    int count; /* of captures */
    struct {
        const char *at;
        ptrdiff_t len;
    } capture[PV_PATTERN_CAPTURES];
    pv_status status;
    const char *problem; /* what is wrong with the pattern */
    int index;           /* of the capture that the problem is about, else -1 */
} pv_pattern;

/* Prepares to match.  Text and pattern stay the caller's and must live as long. */
void pv_pattern_init(pv_pattern *m, pv_bytes text, pv_bytes pattern, int64_t steps);

/* Looks for a match that begins at offset `from` or, when not `anchored`, after it; *from and *to
 * become its ends.  A "^" in the pattern is an ordinary character here.
 * Statuses: PV_ENOTFOUND, PV_EINVAL (m->problem says what is wrong with the pattern), PV_ELIMIT
 * (out of steps). */
pv_status pv_pattern_find(pv_pattern *m, size_t *from, size_t *to, bool anchored);

/* True when the pattern has no special characters, so that it only matches itself. */
bool pv_pattern_is_plain(pv_bytes pattern);

#endif
