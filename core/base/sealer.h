/* What seals bytes at rest, as a table of functions: core/store encrypts its records
 * through it without linking a crypto library.  core/crypto makes the real one. */
#ifndef PV_BASE_SEALER_H
#define PV_BASE_SEALER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

/* Grows with every change of the struct: the maker may be another shared object. */
enum { PV_SEALER_ABI = 1 };

typedef struct pv_sealer pv_sealer;

/* seal and open may be called from several threads at once. */
struct pv_sealer {
    uint32_t abi;      /* PV_SEALER_ABI of the maker */
    uint32_t overhead; /* a sealed text is this much longer than the plain one */

    /* Writes plain.len + overhead bytes to out. */
    pv_status (*seal)(pv_sealer *self, pv_bytes plain, pv_bytes aad, char *out, pv_err *err);

    /* Writes sealed.len - overhead bytes to out.  PV_EAUTH when the key, the bytes or
     * the aad are not those of seal; out is wiped then. */
    pv_status (*open)(pv_sealer *self, pv_bytes sealed, pv_bytes aad, char *out, pv_err *err);

    /* Counts users; the last release wipes the key and frees the sealer. */
    pv_sealer *(*retain)(pv_sealer *self);
    void (*release)(pv_sealer *self);
};

#endif
