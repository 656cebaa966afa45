#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/json.h"
#include "data/number.h"
#include "data/utf8.h"

static pv_bytes bytes(const char *text)
{
    return (pv_bytes){text, strlen(text)};
}

static void test_reads_every_kind(void **state)
{
    pv_doc doc;
    pv_err err;
    (void)state;
    pv_doc_init(&doc, 0);
    assert_int_equal(pv_json_read(&doc,
                                  bytes("{\"a\":[1,-9223372036854775808,9223372036854775807,1.0,"
                                        "\"\\u0000x\",true,null],\"b\":{},\"c\":[]}"),
                                  NULL, &err),
                     PV_OK);
    uint32_t list = pv_doc_find(&doc, PV_DOC_ROOT, bytes("a"));
    assert_int_equal(pv_doc_node(&doc, list)->u.children.count, 7);
    assert_int_equal(pv_doc_node(&doc, pv_doc_item(&doc, list, 2))->u.integer, INT64_MIN);
    assert_int_equal(pv_doc_node(&doc, pv_doc_item(&doc, list, 3))->u.integer, INT64_MAX);
    assert_int_equal(pv_doc_node(&doc, pv_doc_item(&doc, list, 4))->kind, PV_NODE_FLOAT);
    assert_int_equal(pv_doc_string(&doc, pv_doc_item(&doc, list, 5)).len, 2);
    assert_int_equal(pv_doc_node(&doc, pv_doc_item(&doc, list, 7))->kind, PV_NODE_NULL);
    assert_int_equal(pv_doc_node(&doc, pv_doc_find(&doc, PV_DOC_ROOT, bytes("b")))->kind,
                     PV_NODE_MAP);
    assert_int_equal(pv_doc_node(&doc, pv_doc_find(&doc, PV_DOC_ROOT, bytes("c")))->kind,
                     PV_NODE_LIST);
    pv_doc_deinit(&doc);
}

static void test_refuses_with_a_place(void **state)
{
    static const struct {
        const char *text;
        int line;
    } rows[] = {
        {"", 1},
        {"[1,\n2,]", 2},
        {"{\"a\":1,\n\n\"a\":2}", 3},
        {"[99999999999999999999]", 1},
        {"[1e999]", 1},
        {"\"\x01\"", 1},
        {"\"\xff\"", 1},
        {"\n[1] x", 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pv_doc doc;
        pv_err err = {0};
        pv_doc_init(&doc, 0);
        assert_int_equal(pv_json_read(&doc, bytes(rows[i].text), NULL, &err), PV_EINVAL);
        assert_int_equal(err.line, rows[i].line);
        assert_true(err.column >= 1);
        pv_doc_deinit(&doc);
    }
}

static void test_places(void **state)
{
    static const char text[] = "\n {\"a\" :\t[1, \"\\\"]\\u00e9\", {\"gr\xc3\xbc\xc3\x9f\": -1.5e3,"
                               "\"d\":[]} ,\n  true],\n\"e\":{} , \"f\":null}";
    static const struct {
        const char *path[3];
        uint32_t line;
        uint32_t column;
    } rows[] = {
        {{NULL}, 2, 2},
        {{"a", NULL}, 2, 3},
        {{"a", "1", NULL}, 2, 10},
        {{"a", "2", NULL}, 2, 13},
        {{"a", "3", NULL}, 2, 26},
        {{"a", "4", NULL}, 3, 3},
        {{"e", NULL}, 4, 1},
        {{"f", NULL}, 4, 10},
    };
    pv_doc doc;
    pv_err err;
    uint32_t id;
    (void)state;
    assert_int_equal(pv_json_read(&doc, bytes(text), NULL, &err), PV_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        id = PV_DOC_ROOT;
        for (size_t k = 0; k < 3 && rows[i].path[k] != NULL; k++) {
            const char *key = rows[i].path[k];
            id = *key >= '0' && *key <= '9' ? pv_doc_item(&doc, id, *key - '0')
                                            : pv_doc_find(&doc, id, bytes(key));
        }
        assert_int_not_equal(id, 0);
        if (pv_doc_node(&doc, id)->line != rows[i].line ||
            pv_doc_node(&doc, id)->column != rows[i].column)
            fail_msg("row %zu stands at %u:%u", i, (unsigned)pv_doc_node(&doc, id)->line,
                     (unsigned)pv_doc_node(&doc, id)->column);
    }
    id = pv_doc_find(&doc, pv_doc_item(&doc, pv_doc_find(&doc, PV_DOC_ROOT, bytes("a")), 3),
                     bytes("d"));
    assert_int_equal(pv_doc_node(&doc, id)->column, 42); /* characters, not bytes */
    pv_doc_deinit(&doc);
    assert_int_equal(pv_json_read(&doc, bytes(text), &(pv_json_limits){.no_places = true}, &err),
                     PV_OK);
    id = pv_doc_find(&doc, PV_DOC_ROOT, bytes("e"));
    assert_int_equal(pv_doc_node(&doc, id)->line, 1);
    assert_int_equal(pv_doc_node(&doc, id)->column, 1);
    pv_doc_deinit(&doc);
}

static void test_refuses_nul_anywhere(void **state)
{
    pv_doc doc;
    pv_err err = {0};
    (void)state;
    pv_doc_init(&doc, 0);
    assert_int_equal(pv_json_read(&doc, (pv_bytes){"123\0", 4}, NULL, &err), PV_EINVAL);
    assert_int_equal(err.column, 4);
    pv_doc_deinit(&doc);
    assert_int_equal(pv_json_read(&doc, (pv_bytes){"[1,\n\0]", 6}, NULL, &err), PV_EINVAL);
    assert_int_equal(err.line, 2);
    pv_doc_deinit(&doc);
}

static void test_limits(void **state)
{
    pv_json_limits limits = {.max_bytes = 100, .max_nodes = 5, .max_depth = 3};
    char deep[5000];
    pv_doc doc;
    pv_err err;
    (void)state;
    pv_doc_init(&doc, 0);
    assert_int_equal(pv_json_read(&doc, bytes("[1,2,3,4]"), &limits, &err), PV_OK);
    pv_doc_deinit(&doc);
    assert_int_equal(pv_json_read(&doc, bytes("[1,2,3,4,5]"), &limits, &err), PV_ELIMIT);
    pv_doc_deinit(&doc);
    assert_int_equal(pv_json_read(&doc, bytes("[[[]]]"), &limits, &err), PV_OK);
    pv_doc_deinit(&doc);
    assert_int_equal(pv_json_read(&doc, bytes("[[[[]]]]"), &limits, &err), PV_ELIMIT);
    pv_doc_deinit(&doc);
    memset(deep, ' ', sizeof deep);
    assert_int_equal(pv_json_read(&doc, (pv_bytes){deep, 101}, &limits, &err), PV_ELIMIT);
    pv_doc_deinit(&doc);
    memset(deep, '[', sizeof deep);
    assert_int_equal(pv_json_read(&doc, (pv_bytes){deep, sizeof deep}, NULL, &err), PV_ELIMIT);
    pv_doc_deinit(&doc);
}

static void test_writes_what_it_reads(void **state)
{
    static const double numbers[] = {
        0.0, -0.0, 0.1, 1.0, 1e100, 5e-324, 1.7976931348623157e308, 123456789.125, 2.0 / 3};
    pv_buf out = {0};
    char text[PV_NUMBER_CAP];
    (void)state;
    assert_int_equal(pv_json_put_string(&out, (pv_bytes){"a\"\\\n\t\x01\0\x7f\xc3\xa9", 10}, NULL),
                     PV_OK);
    assert_string_equal(out.data, "\"a\\\"\\\\\\n\\t\\u0001\\u0000\\u007f\xc3\xa9\"");
    pv_buf_reset(&out);
    assert_int_equal(pv_json_put_int(&out, INT64_MIN, NULL), PV_OK);
    assert_string_equal(out.data, "-9223372036854775808");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        pv_number_format(text, numbers[i]);
        assert_true(strtod(text, NULL) == numbers[i]);
        assert_non_null(strpbrk(text, ".e"));
        pv_buf_reset(&out);
        assert_int_equal(pv_json_put_float(&out, numbers[i], NULL), PV_OK);
        assert_string_equal(out.data, text);
    }
    assert_int_equal(pv_json_put_float(&out, (double)NAN, NULL), PV_EINVAL);
    assert_int_equal(pv_json_put_float(&out, (double)INFINITY, NULL), PV_EINVAL);
    assert_int_equal(pv_json_put_string(&out, bytes("\xed\xa0\x80"), NULL), PV_EINVAL);
    pv_buf_deinit(&out);
}

static void test_full_buffer_is_said(void **state)
{
    pv_buf out;
    (void)state;
    pv_buf_init(&out, 4);
    assert_int_equal(pv_json_put_string(&out, bytes("abcdef"), NULL), PV_ELIMIT);
    pv_buf_deinit(&out);
}

static void test_utf8(void **state)
{
    static const char *const good[] = {
        "", "a", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xe2\x82",
                                      "\xc3(",
                                      "a\xff"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(pv_utf8_valid(bytes(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(pv_utf8_valid(bytes(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_every_kind),
        cmocka_unit_test(test_refuses_with_a_place),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_refuses_nul_anywhere),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_writes_what_it_reads),
        cmocka_unit_test(test_full_buffer_is_said),
        cmocka_unit_test(test_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
