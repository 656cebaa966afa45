#include "app/internal.h"

#include <stddef.h>

#include "linux/labcmd.h"

const pv_internal pv_internals[] = {
    {"lab", pv_lab_main},
    {NULL, NULL},
};
