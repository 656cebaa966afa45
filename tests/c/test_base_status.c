/* core/base/status: names, errno, messages that do not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"

static void fills_the_error_and_returns_the_status(void **state)
{
    pv_err err = {.status = PV_EIO, .line = 9, .column = 9};
    (void)state;
    assert_int_equal(pv_fail(&err, PV_EINVAL, "no %s in %d", "x", 3), PV_EINVAL);
    assert_int_equal(err.status, PV_EINVAL);
    assert_int_equal(err.line, 0);
    assert_int_equal(err.column, 0);
    assert_string_equal(err.msg, "no x in 3");
    assert_int_equal(pv_fail_at(&err, PV_EPROTO, 4, 7, "bad"), PV_EPROTO);
    assert_int_equal(err.line, 4);
    assert_int_equal(err.column, 7);
    assert_int_equal(pv_fail(NULL, PV_EIO, "nobody listens"), PV_EIO);
    assert_int_equal(pv_fail_at(NULL, PV_EIO, 1, 1, "nobody listens"), PV_EIO);
    assert_int_equal(pv_fail_errno(NULL, ENOENT, "nobody listens"), PV_ENOTFOUND);
}

static void adds_the_text_of_errno(void **state)
{
    pv_err err;
    (void)state;
    assert_int_equal(pv_fail_errno(&err, EACCES, "open %s", "/x"), PV_EDENIED);
    assert_string_equal(err.msg, "open /x: Permission denied");
}

static void keeps_messages_on_one_line_and_text(void **state)
{
    static const char *const rows[][2] = {
        {"a\nb\r\tc\x1b[0m\x7f", "a?b??c?[0m?"},
        {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
         "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\xff \xc3 \xe2\x82 \xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80", "? ? ?? ?? ??? ????"},
        {"cut \xf0\x9f\x98", "cut ???"},
    };
    pv_err err;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pv_fail(&err, PV_EINVAL, "%s", rows[i][0]);
        assert_string_equal(err.msg, rows[i][1]);
    }
}

static void cuts_what_does_not_fit(void **state)
{
    char longer[3 * PV_ERR_MSG];
    pv_err err;
    (void)state;
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    pv_fail(&err, PV_EIO, "%s", longer);
    assert_int_equal(strlen(err.msg), PV_ERR_MSG - 1);
    for (size_t keep = PV_ERR_MSG - 30; keep < PV_ERR_MSG + 2; keep++) {
        pv_fail_errno(&err, ENOENT, "%.*s", (int)keep, longer);
        assert_true(strlen(err.msg) <= PV_ERR_MSG - 1);
    }
}

static void every_status_has_its_own_name(void **state)
{
    (void)state;
    for (int a = 0; a < PV_STATUS_COUNT; a++) {
        const char *name = pv_status_name((pv_status)a);
        assert_non_null(name);
        assert_string_not_equal(name, "bug");
        for (int b = 0; b < a; b++) assert_string_not_equal(name, pv_status_name((pv_status)b));
    }
    assert_string_equal(pv_status_name(PV_OK), "ok");
    assert_string_equal(pv_status_name(PV_ECLOSED), "closed");
    assert_string_equal(pv_status_name(PV_STATUS_COUNT), "bug");
    assert_string_equal(pv_status_name((pv_status)-1), "bug");
}

static void errno_becomes_the_status_that_fits(void **state)
{
    static const struct {
        int error;
        pv_status status;
    } rows[] = {
        {0, PV_OK},          {ENOENT, PV_ENOTFOUND},    {EEXIST, PV_EEXIST},
        {EPERM, PV_EDENIED}, {EROFS, PV_EDENIED},       {EBUSY, PV_EBUSY},
        {EINVAL, PV_EINVAL}, {ETIMEDOUT, PV_ETIMEOUT},  {ECONNREFUSED, PV_EUNAVAILABLE},
        {EFBIG, PV_ELIMIT},  {ENOSYS, PV_EUNSUPPORTED}, {ECANCELED, PV_ECANCELED},
        {EIO, PV_EIO},       {ENOSPC, PV_EIO},          {12345, PV_EIO},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(pv_status_errno(rows[i].error), rows[i].status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_the_error_and_returns_the_status),
        cmocka_unit_test(adds_the_text_of_errno),
        cmocka_unit_test(keeps_messages_on_one_line_and_text),
        cmocka_unit_test(cuts_what_does_not_fit),
        cmocka_unit_test(every_status_has_its_own_name),
        cmocka_unit_test(errno_becomes_the_status_that_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
