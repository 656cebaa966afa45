/* Text of floating point numbers, the same in JSON and YAML. */
#ifndef PV_DATA_NUMBER_H
#define PV_DATA_NUMBER_H

enum { PV_NUMBER_CAP = 40 };

/* Writes the shortest decimal text that reads back as the same finite double.  It always
 * has a point or an exponent, so that it stays a float. */
void pv_number_format(char out[PV_NUMBER_CAP], double value);

#endif
