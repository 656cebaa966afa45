/* Reading the vectors of the Wycheproof suite; include after cmocka.h. */
#ifndef PV_TEST_WYCHEPROOF_H
#define PV_TEST_WYCHEPROOF_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static inline pv_bytes str(const char *text)
{
    return (pv_bytes){text, strlen(text)};
}

/* The suite's file, or NULL: PROV_SHARED, or the folder "shared" beside the source tree. */
static inline json_t *load_vectors(const char *name)
{
    const char *shared = getenv("PROV_SHARED"), *source = getenv("PROV_SOURCE");
    char path[4096];
    json_t *vectors;
    snprintf(path, sizeof path, "%s%s/suites/wycheproof/testvectors_v1/%s",
             shared != NULL   ? shared
             : source != NULL ? source
                              : ".",
             shared != NULL ? "" : "/../shared", name);
    vectors = json_load_file(path, 0, NULL);
    if (vectors == NULL) print_message("SKIP: no %s\n", name);
    return vectors;
}

static inline void hex_field(pv_buf *out, const json_t *test, const char *name)
{
    const char *hex = json_string_value(json_object_get(test, name));
    unsigned byte;
    assert_non_null(hex);
    pv_buf_add(out, "", 0);
    for (; hex[0] != '\0' && sscanf(hex, "%2x", &byte) == 1; hex += 2) pv_buf_addc(out, (char)byte);
}

static inline pv_bytes view(const pv_buf *buf)
{
    return (pv_bytes){buf->data, buf->len};
}

/* Whether the vector's result is the word. */
static inline bool result_is(const json_t *test, const char *word)
{
    return strcmp(json_string_value(json_object_get(test, "result")), word) == 0;
}

/* Calls one for each vector (under valgrind for each tenth) of the file whose group is wanted
 * (NULL: all); counts by result. */
typedef struct vector_count {
    int valid, invalid, acceptable;
} vector_count;

static inline vector_count each_vector(const char *name, bool (*wanted)(const json_t *group),
                                       void (*one)(const json_t *group, const json_t *test))
{
    json_t *vectors = load_vectors(name), *group, *test;
    vector_count count = {0, 0, 0};
    size_t i, j, each = getenv("PROV_VALGRIND") != NULL ? 40 : 1;
    if (vectors == NULL) skip();
    json_array_foreach(json_object_get(vectors, "testGroups"), i, group)
    {
        if (wanted != NULL && !wanted(group)) continue;
        json_array_foreach(json_object_get(group, "tests"), j, test)
        {
            if (j % each == 0) one(group, test);
            count.valid += result_is(test, "valid");
            count.invalid += result_is(test, "invalid");
            count.acceptable += result_is(test, "acceptable");
        }
    }
    json_decref(vectors);
    print_message("%s: %d valid, %d invalid, %d acceptable\n", name, count.valid, count.invalid,
                  count.acceptable);
    return count;
}

#endif
