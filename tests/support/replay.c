/* Gives a fuzz target every input of its kept corpus: what a fuzzer once found stays looked at in every build.  The
 * corpus is a text, one input in base64 a line; tests/support/corpus.py makes it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
    char *line = NULL;
    size_t cap = 0;
    unsigned count = 0;
    if (file == NULL) {
        fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    while (getline(&line, &cap, file) >= 0) {
        pv_buf input = {0};
        pv_err err = {0};
        unsigned char *exact; /* with nothing behind it, for what looks for reads past the end */
        if (pv_base64_decode(&input, (pv_bytes){line, strcspn(line, "\n")}, &err) != PV_OK) {
            fprintf(stderr, "%s:%u: %s\n", argv[1], count + 1, err.msg);
            return 1;
        }
        exact = malloc(input.len > 0 ? input.len : 1);
        if (input.len > 0) memcpy(exact, input.data, input.len);
        (void)LLVMFuzzerTestOneInput(exact, input.len);
        free(exact);
        pv_buf_deinit(&input);
        count++;
    }
    free(line);
    fclose(file);
    printf("%u inputs\n", count);
    return count > 0 ? 0 : 1;
}
