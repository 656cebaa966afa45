/* Shared by the tests of core/store: temporary folders, keys, short forms. */
#ifndef PV_TESTS_STORE_UTIL_H
#define PV_TESTS_STORE_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "store/store.h"

typedef struct temp {
    char dir[64];
    char path[96];
    pv_sealer *sealer; /* over a fixed key */
} temp;

static inline pv_bytes str(const char *text)
{
    return (pv_bytes){text, strlen(text)};
}

static inline pv_sealer *make_sealer(char fill)
{
    char key[PV_KEY_LEN];
    pv_sealer *sealer;
    memset(key, fill, sizeof key);
    assert_int_equal(pv_sealer_new(&sealer, (pv_bytes){key, sizeof key}, NULL), PV_OK);
    return sealer;
}

static inline int temp_setup(void **state)
{
    temp *t = calloc(1, sizeof *t);
    strcpy(t->dir, "/tmp/test-store-XXXXXX");
    if (mkdtemp(t->dir) == NULL) return -1;
    snprintf(t->path, sizeof t->path, "%s/state.db", t->dir);
    t->sealer = make_sealer('k');
    *state = t;
    return 0;
}

static inline int temp_teardown(void **state)
{
    temp *t = *state;
    char command[128];
    t->sealer->release(t->sealer);
    snprintf(command, sizeof command, "rm -rf '%s'", t->dir);
    int rc = system(command);
    free(t);
    return rc;
}

/* Opens the store of t, sealed; fails the test when that fails. */
static inline pv_store *open_store(const temp *t)
{
    pv_store_options options = {.sealer = t->sealer};
    pv_store *s = NULL;
    pv_err err = {0};
    if (pv_store_open(&s, t->path, &options, &err) != PV_OK) fail_msg("%s", err.msg);
    return s;
}

/* Commits and frees the batch; returns the revision. */
static inline uint64_t commit(pv_store *s, pv_batch *b)
{
    uint64_t revision = 0;
    pv_err err = {0};
    if (pv_store_commit(s, b, &revision, &err) != PV_OK) fail_msg("%s", err.msg);
    pv_batch_free(b);
    return revision;
}

/* Commits and frees a batch that must be refused with `status`. */
static inline void refused(pv_store *s, pv_batch *b, pv_status status, const char *part)
{
    uint64_t revision = 99;
    pv_err err = {0};
    assert_int_equal(pv_store_commit(s, b, &revision, &err), status);
    assert_int_equal(revision, 0);
    if (strstr(err.msg, part) == NULL) fail_msg("'%s' lacks '%s'", err.msg, part);
    pv_batch_free(b);
}

/* Checks the store for damage. */
static inline pv_store_report check_store(pv_store *s)
{
    pv_store_report report;
    pv_err err = {0};
    if (pv_store_check(s, &report, &err) != PV_OK) fail_msg("%s", err.msg);
    if (report.errors != 0) fail_msg("%s", report.first);
    return report;
}

/* Number of rows; closes the cursor. */
static inline int count_rows(pv_cursor *c)
{
    pv_row row;
    pv_err err = {0};
    int count = 0;
    pv_status status;
    while ((status = pv_cursor_next(c, &row, &err)) == PV_OK) count++;
    if (status != PV_ENOTFOUND) fail_msg("%s", err.msg);
    pv_cursor_close(c);
    return count;
}

#endif
