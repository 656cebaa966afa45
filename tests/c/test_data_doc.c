#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/doc.h"

static pv_bytes bytes(const char *text)
{
    return (pv_bytes){text, strlen(text)};
}

static void test_members_are_found_and_not_repeated(void **state)
{
    pv_doc doc;
    char key[32];
    (void)state;
    pv_doc_init(&doc, 100000);
    assert_int_equal(pv_doc_add(&doc, 0, 1, 1), PV_DOC_ROOT);
    doc.nodes[PV_DOC_ROOT].kind = PV_NODE_MAP;
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "key%d", i);
        uint32_t id = pv_doc_add_member(&doc, PV_DOC_ROOT, bytes(key), (uint32_t)i + 2, 3);
        assert_int_not_equal(id, 0);
        pv_doc_set_string(&doc, id, bytes(key));
    }
    assert_int_equal(pv_doc_node(&doc, PV_DOC_ROOT)->u.children.count, 5000);
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "key%d", i);
        uint32_t id = pv_doc_find(&doc, PV_DOC_ROOT, bytes(key));
        assert_int_not_equal(id, 0);
        assert_int_equal(pv_doc_node(&doc, id)->line, i + 2);
        pv_bytes text = pv_doc_string(&doc, id);
        assert_int_equal(text.len, strlen(key));
        assert_memory_equal(text.data, key, text.len);
        assert_int_equal(pv_doc_add_member(&doc, PV_DOC_ROOT, bytes(key), 1, 1), 0);
    }
    assert_int_equal(pv_doc_find(&doc, PV_DOC_ROOT, bytes("key5000")), 0);
    assert_int_equal(doc.count, 5001);
    pv_doc_deinit(&doc);
    pv_doc_deinit(NULL);
}

static void test_keys_with_nul_and_empty_keys_differ(void **state)
{
    pv_doc doc;
    (void)state;
    pv_doc_init(&doc, 10);
    pv_doc_add(&doc, 0, 1, 1);
    doc.nodes[PV_DOC_ROOT].kind = PV_NODE_MAP;
    uint32_t a = pv_doc_add_member(&doc, PV_DOC_ROOT, (pv_bytes){"a\0b", 3}, 1, 1);
    uint32_t b = pv_doc_add_member(&doc, PV_DOC_ROOT, (pv_bytes){"a\0c", 3}, 1, 1);
    uint32_t c = pv_doc_add_member(&doc, PV_DOC_ROOT, (pv_bytes){"", 0}, 1, 1);
    assert_true(a != 0 && b != 0 && c != 0);
    assert_int_equal(pv_doc_find(&doc, PV_DOC_ROOT, (pv_bytes){"a\0c", 3}), b);
    assert_int_equal(pv_doc_find(&doc, PV_DOC_ROOT, (pv_bytes){"", 0}), c);
    assert_int_equal(pv_doc_find(&doc, PV_DOC_ROOT, (pv_bytes){"a", 1}), 0);
    assert_int_equal(pv_doc_key(&doc, b).len, 3);
    pv_doc_deinit(&doc);
}

static void test_copies_are_deep_and_bounded(void **state)
{
    pv_doc doc;
    (void)state;
    pv_doc_init(&doc, 8);
    pv_doc_add(&doc, 0, 1, 1);
    doc.nodes[PV_DOC_ROOT].kind = PV_NODE_LIST;
    uint32_t map = pv_doc_add(&doc, PV_DOC_ROOT, 2, 3);
    doc.nodes[map].kind = PV_NODE_MAP;
    uint32_t member = pv_doc_add_member(&doc, map, bytes("k"), 4, 5);
    pv_doc_set_string(&doc, member, bytes("v"));
    uint32_t copy = pv_doc_add(&doc, PV_DOC_ROOT, 9, 9);
    assert_true(pv_doc_copy(&doc, copy, map));
    uint32_t found = pv_doc_find(&doc, copy, bytes("k"));
    assert_int_not_equal(found, 0);
    assert_int_not_equal(found, member);
    assert_int_equal(pv_doc_node(&doc, found)->line, 4);
    assert_int_equal(pv_doc_item(&doc, PV_DOC_ROOT, 2), copy);
    assert_int_equal(pv_doc_item(&doc, PV_DOC_ROOT, 3), 0);
    assert_int_equal(pv_doc_item(&doc, PV_DOC_ROOT, 0), 0);
    assert_int_equal(pv_doc_item(&doc, PV_DOC_ROOT, INT64_MAX), 0);
    uint32_t more = pv_doc_add(&doc, PV_DOC_ROOT, 9, 9);
    assert_true(pv_doc_copy(&doc, more, map)); /* fills it up: 7 nodes */
    uint32_t last = pv_doc_add(&doc, PV_DOC_ROOT, 9, 9);
    assert_int_not_equal(last, 0);
    assert_false(pv_doc_copy(&doc, last, map));
    assert_int_equal(pv_doc_add(&doc, PV_DOC_ROOT, 9, 9), 0);
    pv_doc_deinit(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_are_found_and_not_repeated),
        cmocka_unit_test(test_keys_with_nul_and_empty_keys_differ),
        cmocka_unit_test(test_copies_are_deep_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
