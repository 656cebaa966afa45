#include "data/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pv_number_format(char out[PV_NUMBER_CAP], double value)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, PV_NUMBER_CAP - 2, "%.*g", digits, value);
        if (strtod(out, NULL) == value) break;
    }
    if (strpbrk(out, ".eE") == NULL) strcat(out, ".0");
}
