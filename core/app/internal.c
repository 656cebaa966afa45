#include "app/internal.h"

#include <stddef.h>

const pv_internal pv_internals[] = {
    {NULL, NULL},
};
