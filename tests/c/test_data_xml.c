#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "data/xml.h"

static pv_bytes bytes(const char *text)
{
    return (pv_bytes){text, strlen(text)};
}

/* The node at a path such as "a.b.1": numbers are items. */
static uint32_t at(const pv_doc *doc, const char *path)
{
    uint32_t id = PV_DOC_ROOT;
    while (*path != '\0') {
        size_t len = strcspn(path, ".");
        id = *path >= '0' && *path <= '9' ? pv_doc_item(doc, id, atoi(path))
                                          : pv_doc_find(doc, id, (pv_bytes){path, len});
        path += len + (path[len] == '.');
    }
    return id;
}

static void assert_text(const pv_doc *doc, const char *path, const char *want)
{
    uint32_t id = at(doc, path);
    pv_bytes text;
    if (id == 0) fail_msg("there is no %s", path);
    assert_int_equal(pv_doc_node(doc, id)->kind, PV_NODE_STRING);
    text = pv_doc_string(doc, id);
    if (text.len != strlen(want) || memcmp(text.data, want, text.len) != 0)
        fail_msg("%s is '%.*s', not '%s'", path, (int)text.len, text.data, want);
}

static void test_reads_an_answer(void **state)
{
    pv_doc doc;
    pv_err err;
    (void)state;
    assert_int_equal(pv_xml_read(&doc,
                                 bytes("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                       "<Answer xmlns=\"http://x/\">\n"
                                       "  <requestId>1&amp;2</requestId>\n"
                                       "  <set>\n"
                                       "    <item><id>i-1</id><tags/></item>\n"
                                       "  </set>\n"
                                       "  <Contents><Key>a</Key></Contents>\n"
                                       "  <Contents><Key>b</Key></Contents>\n"
                                       "  <!-- a comment --><empty></empty>\n"
                                       "  <note lang=\"de\">gr&#xFC;n<![CDATA[<b>]]></note>\n"
                                       "  <members><member>x</member><member>y</member></members>\n"
                                       "</Answer>\n"),
                                 NULL, &err),
                     PV_OK);
    assert_text(&doc, "Answer.@xmlns", "http://x/");
    assert_text(&doc, "Answer.requestId", "1&2");
    assert_int_equal(pv_doc_node(&doc, at(&doc, "Answer.set.item"))->kind, PV_NODE_LIST);
    assert_text(&doc, "Answer.set.item.1.id", "i-1");
    assert_text(&doc, "Answer.set.item.1.tags", "");
    assert_text(&doc, "Answer.Contents.2.Key", "b");
    assert_text(&doc, "Answer.empty", "");
    assert_text(&doc, "Answer.note.@lang", "de");
    assert_text(&doc, "Answer.note.#text", "gr\xc3\xbcn<b>");
    assert_text(&doc, "Answer.members.member.2", "y");
    assert_int_equal(pv_doc_node(&doc, at(&doc, "Answer.Contents.2.Key"))->line, 8);
    assert_int_equal(pv_doc_node(&doc, at(&doc, "Answer.Contents.2.Key"))->column, 13);
    assert_int_equal(pv_doc_node(&doc, at(&doc, "Answer"))->line, 2);
    pv_doc_deinit(&doc);
}

static void test_refuses(void **state)
{
    static const struct {
        const char *text;
        int line;
        const char *part;
    } rows[] = {
        {"", 1, "no element found"},
        {"<a>\n<b></a>", 2, "mismatched tag"},
        {"<a>&nbsp;</a>", 1, "undefined entity"},
        {"<a/><b/>", 1, "junk after document element"},
        {"<a x='1' x='2'/>", 1, "duplicate attribute"},
        {"<a>\xff</a>", 1, "not well-formed"},
        {"<a>\x01</a>", 1, "not well-formed"},
        {"\n<!DOCTYPE a><a/>", 2, "document type"},
        {"<!DOCTYPE l [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><l>&b;</l>", 1,
         "document type"},
        {"<!DOCTYPE l SYSTEM \"file:///etc/passwd\"><l/>", 1, "document type"},
        {"<!DOCTYPE l [<!ENTITY % p SYSTEM \"file:///etc/passwd\">%p;]><l/>", 1, "document type"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pv_doc doc;
        pv_err err = {0};
        assert_int_equal(pv_xml_read(&doc, bytes(rows[i].text), NULL, &err), PV_EINVAL);
        assert_int_equal(err.line, rows[i].line);
        assert_true(err.column >= 1);
        if (strstr(err.msg, rows[i].part) == NULL) fail_msg("%s: %s", rows[i].text, err.msg);
        pv_doc_deinit(&doc);
    }
}

static void test_limits(void **state)
{
    pv_xml_limits limits = {.max_bytes = 1000, .max_nodes = 10, .max_depth = 4};
    pv_doc doc;
    pv_err err;
    char *large = pv_alloc(1002);
    (void)state;
    memset(large, ' ', 1001);
    assert_int_equal(pv_xml_read(&doc, bytes(large), &limits, &err), PV_ELIMIT);
    pv_free(large);
    pv_doc_deinit(&doc);
    assert_int_equal(pv_xml_read(&doc, bytes("<a><a><a><a/></a></a></a>"), &limits, &err), PV_OK);
    pv_doc_deinit(&doc);
    assert_int_equal(pv_xml_read(&doc, bytes("<a><a><a><a><a/></a></a></a></a>"), &limits, &err),
                     PV_ELIMIT);
    pv_doc_deinit(&doc);
    assert_int_equal(
        pv_xml_read(&doc, bytes("<a><b/><b/><b/><b/><b/><b/><b/><b/><b/></a>"), &limits, &err),
        PV_OK);
    pv_doc_deinit(&doc);
    assert_int_equal(
        pv_xml_read(&doc, bytes("<a><b/><b/><b/><b/><b/><b/><b/><b/><b c=''/></a>"), &limits, &err),
        PV_ELIMIT);
    pv_doc_deinit(&doc);
}

/* Many elements of one name cost time in proportion. */
static void test_long_list(void **state)
{
    enum { COUNT = 100000 };
    pv_buf text = {0};
    pv_doc doc;
    pv_err err;
    (void)state;
    pv_buf_adds(&text, "<r>");
    for (int i = 0; i < COUNT; i++) pv_buf_addf(&text, "<item><id>%d</id></item>", i);
    pv_buf_adds(&text, "</r>");
    assert_int_equal(pv_xml_read(&doc, (pv_bytes){text.data, text.len}, NULL, &err), PV_OK);
    assert_int_equal(pv_doc_node(&doc, at(&doc, "r.item"))->u.children.count, COUNT);
    pv_doc_deinit(&doc);
    pv_buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_an_answer),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_long_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
