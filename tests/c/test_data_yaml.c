#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "data/yaml.h"

static pv_bytes bytes(const char *text)
{
    return (pv_bytes){text, strlen(text)};
}

static void test_core_schema(void **state)
{
    static const struct {
        const char *text;
        pv_node_kind kind;
    } rows[] = {
        {"", PV_NODE_NULL},        {"~", PV_NODE_NULL},          {"null", PV_NODE_NULL},
        {"nULL", PV_NODE_STRING},  {"true", PV_NODE_BOOL},       {"False", PV_NODE_BOOL},
        {"yes", PV_NODE_STRING},   {"on", PV_NODE_STRING},       {"n", PV_NODE_STRING},
        {"0", PV_NODE_INT},        {"-12", PV_NODE_INT},         {"+5", PV_NODE_INT},
        {"0x1F", PV_NODE_INT},     {"0o17", PV_NODE_INT},        {"0b1", PV_NODE_STRING},
        {"010", PV_NODE_INT},      {"1_000", PV_NODE_STRING},    {"1:30", PV_NODE_STRING},
        {"1.", PV_NODE_FLOAT},     {".5", PV_NODE_FLOAT},        {".", PV_NODE_STRING},
        {"1e3", PV_NODE_FLOAT},    {"1e", PV_NODE_STRING},       {"-.inf", PV_NODE_FLOAT},
        {".nan", PV_NODE_FLOAT},   {"-", PV_NODE_STRING},        {"0x", PV_NODE_STRING},
        {"1.2.3", PV_NODE_STRING}, {"+", PV_NODE_STRING},        {"--1", PV_NODE_STRING},
        {"0o8", PV_NODE_STRING},   {"infinity", PV_NODE_STRING}, {"1 2", PV_NODE_STRING},
        {"-.5e-3", PV_NODE_FLOAT}, {"-0x1", PV_NODE_STRING},     {"12e03", PV_NODE_FLOAT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pv_node node = {0};
        assert_int_equal(pv_yaml_resolve(&node, bytes(rows[i].text)), PV_OK);
        if (node.kind != rows[i].kind)
            fail_msg("'%s' is %d, not %d", rows[i].text, (int)node.kind, (int)rows[i].kind);
    }
}

static void test_integers_are_exact(void **state)
{
    pv_node node = {0};
    (void)state;
    assert_int_equal(pv_yaml_resolve(&node, bytes("9223372036854775807")), PV_OK);
    assert_true(node.u.integer == INT64_MAX);
    assert_int_equal(pv_yaml_resolve(&node, bytes("-9223372036854775808")), PV_OK);
    assert_true(node.u.integer == INT64_MIN);
    assert_int_equal(pv_yaml_resolve(&node, bytes("0x7fffffffffffffff")), PV_OK);
    assert_true(node.u.integer == INT64_MAX);
    assert_int_equal(pv_yaml_resolve(&node, bytes("9223372036854775808")), PV_EINVAL);
    assert_int_equal(pv_yaml_resolve(&node, bytes("-9223372036854775809")), PV_EINVAL);
    assert_int_equal(pv_yaml_resolve(&node, bytes("0xffffffffffffffff")), PV_EINVAL);
}

static void test_places(void **state)
{
    pv_doc doc;
    pv_err err;
    uint32_t id;
    (void)state;
    assert_int_equal(pv_yaml_read(&doc, bytes("a:\n  b: [1,\n    x]\nc: {d: e}\n"), NULL, &err),
                     PV_OK);
    id = pv_doc_find(&doc, pv_doc_find(&doc, PV_DOC_ROOT, bytes("a")), bytes("b"));
    assert_int_equal(pv_doc_node(&doc, id)->line, 2);
    assert_int_equal(pv_doc_node(&doc, id)->column, 3);
    id = pv_doc_item(&doc, id, 2);
    assert_int_equal(pv_doc_node(&doc, id)->line, 3);
    assert_int_equal(pv_doc_node(&doc, id)->column, 5);
    pv_doc_deinit(&doc);
}

static void test_refuses(void **state)
{
    static const struct {
        const char *text;
        int line;
        const char *part;
    } rows[] = {
        {"a: 1\nb: 2\na: 3\n", 3, "was given before, on line 1"},
        {"a: !mine 1\n", 1, "the tag '!mine'"},
        {"a: !!int x\n", 1, "the tag"},
        {"a: !!binary aGk=\n", 1, "the tag"},
        {"a: *b\n", 1, "no anchor"},
        {"a: &a [*a]\n", 1, "inside its own anchor"},
        {"a: 1\n---\nb: 1\n", 2, "more than one document"},
        {"? [a]\n: 1\n", 1, "a key must be plain text"},
        {"x:\n  - a\n b\n", 3, "not valid YAML"},
        {"a: \"\xff\"\n", 1, "not valid YAML"},
        {"a: 99999999999999999999\n", 1, "does not fit"},
        {"<<: 1\n", 1, "merge key"},
        {"a: {?b: 1}\n", 1, "'?' stands right before a key"},
        {"\xef\xbb\xbf# gr\xc3\xbc\xc3\x9f\na: {?b: 1}\n", 2, "'?' stands right before a key"},
        {"a: &b:c 1\n", 1, "':' stands right behind the name of the anchor 'b'"},
        {"a: &b 1\nc: *b:d\n", 2, "':' stands right behind the name of the alias 'b'"},
        {"a: &b [1]\n*b : 2\n", 2, "a key must be plain text"},
        {"*b : 2\n", 1, "no anchor"},
        {"{!!seq a: 1}\n", 1, "the tag"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pv_doc doc;
        pv_err err = {0};
        assert_int_equal(pv_yaml_read(&doc, bytes(rows[i].text), NULL, &err), PV_EINVAL);
        assert_int_equal(err.line, rows[i].line);
        if (strstr(err.msg, rows[i].part) == NULL) fail_msg("%s: %s", rows[i].text, err.msg);
        pv_doc_deinit(&doc);
    }
}

static void test_all_documents(void **state)
{
    pv_yaml_limits limits = {.all = true};
    pv_doc doc;
    pv_err err;
    uint32_t id;
    (void)state;
    assert_int_equal(pv_yaml_read(&doc, bytes("a: 1\n---\n- b\n...\n---\n"), &limits, &err), PV_OK);
    assert_int_equal(pv_doc_node(&doc, PV_DOC_ROOT)->u.children.count, 3);
    id = pv_doc_item(&doc, PV_DOC_ROOT, 2);
    assert_int_equal(pv_doc_node(&doc, id)->kind, PV_NODE_LIST);
    assert_int_equal(pv_doc_node(&doc, id)->line, 3);
    assert_int_equal(pv_doc_node(&doc, pv_doc_item(&doc, PV_DOC_ROOT, 3))->kind, PV_NODE_NULL);
    pv_doc_deinit(&doc);
    assert_int_equal(pv_yaml_read(&doc, bytes(""), &limits, &err), PV_OK);
    assert_int_equal(pv_doc_node(&doc, PV_DOC_ROOT)->kind, PV_NODE_LIST);
    assert_int_equal(pv_doc_node(&doc, PV_DOC_ROOT)->u.children.count, 0);
    pv_doc_deinit(&doc);
    /* An anchor ends with its document. */
    assert_int_equal(pv_yaml_read(&doc, bytes("a: &x 1\n---\nb: *x\n"), &limits, &err), PV_EINVAL);
    assert_int_equal(err.line, 3);
    pv_doc_deinit(&doc);
}

static void test_keys_with_anchors(void **state)
{
    pv_doc doc;
    pv_err err;
    (void)state;
    assert_int_equal(pv_yaml_read(&doc,
                                  bytes("&a key: &b 0x10\n*b : 1\n\"*b\": 2\nc: *a\n!!str d: 3\n"
                                        "!!null : 4\n"),
                                  NULL, &err),
                     PV_OK);
    assert_int_equal(pv_doc_node(&doc, pv_doc_find(&doc, PV_DOC_ROOT, bytes("key")))->u.integer,
                     16);
    assert_int_equal(pv_doc_node(&doc, pv_doc_find(&doc, PV_DOC_ROOT, bytes("0x10")))->u.integer,
                     1);
    assert_int_equal(pv_doc_node(&doc, pv_doc_find(&doc, PV_DOC_ROOT, bytes("*b")))->u.integer, 2);
    assert_memory_equal(pv_doc_string(&doc, pv_doc_find(&doc, PV_DOC_ROOT, bytes("c"))).data, "key",
                        3);
    assert_int_equal(pv_doc_node(&doc, pv_doc_find(&doc, PV_DOC_ROOT, bytes("")))->u.integer, 4);
    pv_doc_deinit(&doc);
}

static void test_ends_without_a_line_break(void **state)
{
    static const char *const rows[][2] = {
        {"|\n  x", "x\n"},         {"|-\n  x", "x"}, {"|+\n  x\n\n", "x\n\n"},
        {">\n  x\n   ", "x\n \n"}, {"x", "x"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pv_doc doc;
        pv_err err;
        pv_bytes text;
        assert_int_equal(pv_yaml_read(&doc, bytes(rows[i][0]), NULL, &err), PV_OK);
        text = pv_doc_string(&doc, PV_DOC_ROOT);
        if (text.len != strlen(rows[i][1]) || memcmp(text.data, rows[i][1], text.len) != 0)
            fail_msg("row %zu is '%.*s'", i, (int)text.len, text.data);
        pv_doc_deinit(&doc);
    }
}

static void test_parts(void **state)
{
    static const char text[] = "\xef\xbb\xbf# \xc3\xbc\na: &x 'b'\nc: [d, *x]\ne:\n  - |\n    f\n";
    static const struct {
        pv_yaml_part_kind kind;
        pv_yaml_style style;
        const char *text;
        const char *value;
    } rows[] = {
        {PV_YAML_MAP, PV_YAML_BLOCK, "", ""},
        {PV_YAML_SCALAR, PV_YAML_PLAIN, "a", "a"},
        {PV_YAML_SCALAR, PV_YAML_SINGLE, "&x 'b'", "b"},
        {PV_YAML_SCALAR, PV_YAML_PLAIN, "c", "c"},
        {PV_YAML_LIST, PV_YAML_FLOW, "[", ""},
        {PV_YAML_SCALAR, PV_YAML_PLAIN, "d", "d"},
        {PV_YAML_ALIAS, PV_YAML_PLAIN, "*x", "x"},
        {PV_YAML_END, PV_YAML_BLOCK, "]", ""},
        {PV_YAML_SCALAR, PV_YAML_PLAIN, "e", "e"},
        {PV_YAML_LIST, PV_YAML_BLOCK, "-", ""},
        {PV_YAML_SCALAR, PV_YAML_LITERAL, "|\n    f\n", "f\n"},
        {PV_YAML_END, PV_YAML_BLOCK, "", ""},
        {PV_YAML_END, PV_YAML_BLOCK, "", ""},
    };
    pv_yaml_part *parts;
    pv_buf values = {0};
    size_t count;
    pv_err err;
    (void)state;
    assert_int_equal(pv_yaml_parts(&parts, &count, &values, bytes(text), 100, &err), PV_OK);
    assert_int_equal(count, sizeof rows / sizeof *rows);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(parts[i].kind, rows[i].kind);
        assert_int_equal(parts[i].style, rows[i].style);
        if (rows[i].text[0] != '\0')
            assert_memory_equal(text + parts[i].from, rows[i].text, strlen(rows[i].text));
        if (parts[i].kind == PV_YAML_SCALAR || parts[i].kind == PV_YAML_ALIAS) {
            assert_int_equal(parts[i].to - parts[i].from, strlen(rows[i].text));
            assert_int_equal(parts[i].value_len, strlen(rows[i].value));
            assert_memory_equal(values.data + parts[i].value, rows[i].value, parts[i].value_len);
        }
    }
    pv_free(parts);
    pv_buf_deinit(&values);
    assert_int_equal(pv_yaml_parts(&parts, &count, &values, bytes(text), 5, &err), PV_ELIMIT);
    assert_null(parts);
    assert_int_equal(pv_yaml_parts(&parts, &count, &values, bytes("[a"), 5, &err), PV_EINVAL);
    assert_int_equal(pv_yaml_parts(&parts, &count, &values, bytes(""), 5, &err), PV_OK);
    assert_int_equal(count, 0);
    pv_free(parts);
    pv_buf_deinit(&values);
}

static void test_tree(void **state)
{
    static const char text[] =
        "a: &x !t # c\n  'b'\nk: !e\nl: [d, {e: f}]\nm:\n- |+\n  g\n\n- *x\nn: >\n  h\n\n"
        "? o\n---\nsecond: 1\n";
    static const struct {
        pv_yaml_part_kind kind;
        pv_yaml_role role;
        const char *content;  /* the text from there to the end */
        const char *raw_more; /* what stands between `to` and `raw_to` */
        size_t properties, anchor_len, children;
        bool in_flow, keeps;
    } rows[] = {
        {PV_YAML_MAP, PV_YAML_ROOT, "", "", 0, 0, 6, false, false},
        {PV_YAML_SCALAR, PV_YAML_KEY, "a", "", 0, 0, 0, false, false},
        {PV_YAML_SCALAR, PV_YAML_VALUE, "'b'", "", 8, 2, 0, false, false},
        {PV_YAML_SCALAR, PV_YAML_KEY, "k", "", 0, 0, 0, false, false},
        {PV_YAML_SCALAR, PV_YAML_VALUE, "", "", 24, 0, 0, false, false},
        {PV_YAML_SCALAR, PV_YAML_KEY, "l", "", 0, 0, 0, false, false},
        {PV_YAML_LIST, PV_YAML_VALUE, "[d, {e: f}]", "", 0, 0, 2, false, false},
        {PV_YAML_SCALAR, PV_YAML_ITEM, "d", "", 0, 0, 0, true, false},
        {PV_YAML_MAP, PV_YAML_ITEM, "{e: f}", "", 0, 0, 1, true, false},
        {PV_YAML_SCALAR, PV_YAML_KEY, "e", "", 0, 0, 0, true, false},
        {PV_YAML_SCALAR, PV_YAML_VALUE, "f", "", 0, 0, 0, true, false},
        {PV_YAML_END, PV_YAML_ROOT, "", "", 0, 0, 0, false, false},
        {PV_YAML_END, PV_YAML_ROOT, "", "", 0, 0, 0, false, false},
        {PV_YAML_SCALAR, PV_YAML_KEY, "m", "", 0, 0, 0, false, false},
        {PV_YAML_LIST, PV_YAML_VALUE, "- |+\n  g\n\n- *x", "", 0, 0, 2, false, false},
        {PV_YAML_SCALAR, PV_YAML_ITEM, "|+\n  g", "\n\n", 0, 0, 0, false, true},
        {PV_YAML_ALIAS, PV_YAML_ITEM, "*x", "", 0, 0, 0, false, false},
        {PV_YAML_END, PV_YAML_ROOT, "", "", 0, 0, 0, false, false},
        {PV_YAML_SCALAR, PV_YAML_KEY, "n", "", 0, 0, 0, false, false},
        {PV_YAML_SCALAR, PV_YAML_VALUE, ">\n  h", "\n\n", 0, 0, 0, false, false},
        {PV_YAML_SCALAR, PV_YAML_KEY, "o", "", 0, 0, 0, false, false},
        {PV_YAML_SCALAR, PV_YAML_VALUE, "", "", 0, 0, 0, false, false},
        {PV_YAML_END, PV_YAML_ROOT, "", "", 0, 0, 0, false, false},
    };
    size_t key_o = (size_t)(strstr(text, "o\n---") - text);
    pv_yaml_part *parts;
    pv_buf values = {0};
    size_t count;
    pv_err err;
    (void)state;
    assert_int_equal(pv_yaml_parts(&parts, &count, &values, bytes(text), 100, &err), PV_OK);
    assert_int_equal(pv_yaml_tree(parts, count, bytes(text)), sizeof rows / sizeof *rows);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const pv_yaml_part *part = &parts[i];
        size_t more = strlen(rows[i].raw_more);
        if (part->kind != rows[i].kind) fail_msg("row %zu is a %d", i, (int)part->kind);
        if (part->kind == PV_YAML_END) continue;
        if (part->role != rows[i].role) fail_msg("row %zu has role %d", i, (int)part->role);
        if (i > 0 &&
            (part->to < part->content || part->to - part->content != strlen(rows[i].content) ||
             memcmp(text + part->content, rows[i].content, part->to - part->content) != 0))
            fail_msg("row %zu is %u to %u", i, part->content, part->to);
        if (part->raw_to - part->to != more || memcmp(text + part->to, rows[i].raw_more, more) != 0)
            fail_msg("row %zu ends at %u", i, part->raw_to);
        assert_int_equal(part->properties, rows[i].properties);
        assert_int_equal(part->anchor_len, rows[i].anchor_len);
        assert_int_equal(part->children, rows[i].children);
        assert_int_equal(part->in_flow, rows[i].in_flow);
        assert_int_equal(part->keeps, rows[i].keeps);
    }
    assert_int_equal(parts[0].to, key_o + 1); /* a key without a colon: the map ends with it */
    assert_int_equal(pv_yaml_tree(parts, 0, bytes("")), 0);
    pv_free(parts);
    pv_buf_deinit(&values);
}

static void test_merge_keys_and_anchors(void **state)
{
    pv_doc doc;
    pv_err err;
    uint32_t map;
    (void)state;
    assert_int_equal(pv_yaml_read(&doc,
                                  bytes("one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\n"
                                        "all:\n  c: 3\n  <<: [*one, *two]\nquoted: {\"<<\": x}\n"),
                                  NULL, &err),
                     PV_OK);
    map = pv_doc_find(&doc, PV_DOC_ROOT, bytes("all"));
    assert_int_equal(pv_doc_node(&doc, map)->u.children.count, 3);
    assert_int_equal(pv_doc_node(&doc, pv_doc_find(&doc, map, bytes("a")))->u.integer, 1);
    assert_int_equal(pv_doc_node(&doc, pv_doc_find(&doc, map, bytes("b")))->u.integer, 1);
    assert_int_equal(pv_doc_node(&doc, pv_doc_find(&doc, map, bytes("c")))->u.integer, 3);
    map = pv_doc_find(&doc, PV_DOC_ROOT, bytes("quoted"));
    assert_int_not_equal(pv_doc_find(&doc, map, bytes("<<")), 0);
    pv_doc_deinit(&doc);
}

static void test_limits(void **state)
{
    char text[4096] = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
    pv_yaml_limits limits = {.max_nodes = 10};
    pv_doc doc;
    pv_err err;
    (void)state;
    for (char c = 'b'; c < 'j'; c++) { /* 10^9 values when expanded */
        char line[128];
        snprintf(line, sizeof line, "%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c,
                 c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1);
        strcat(text, line);
    }
    assert_int_equal(pv_yaml_read(&doc, bytes(text), NULL, &err), PV_ELIMIT);
    assert_true(doc.count < 300000);
    pv_doc_deinit(&doc);
    assert_int_equal(pv_yaml_read(&doc, bytes("[1,2,3,4,5,6,7,8,9]"), &limits, &err), PV_OK);
    pv_doc_deinit(&doc);
    assert_int_equal(pv_yaml_read(&doc, bytes("[1,2,3,4,5,6,7,8,9,10]"), &limits, &err), PV_ELIMIT);
    pv_doc_deinit(&doc);
    memset(text, '[', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(pv_yaml_read(&doc, bytes(text), NULL, &err), PV_ELIMIT);
    pv_doc_deinit(&doc);
    limits = (pv_yaml_limits){.max_bytes = 3};
    assert_int_equal(pv_yaml_read(&doc, bytes("[1,2]"), &limits, &err), PV_ELIMIT);
    pv_doc_deinit(&doc);
}

/* A string written in a document comes back as the same string. */
static void test_strings_come_back(void **state)
{
    static const char *const texts[] = {
        "",       "plain",
        "true",   "no",
        "y",      "1",
        "0x1",    "1.5",
        "~",      "null",
        "a: b",   "# c",
        "- d",    "[e]",
        "{f}",    "*g",
        "&h",     "!i",
        "|",      ">",
        "'",      "\"",
        "a\nb",   "a\n",
        "\n",     " lead",
        "trail ", "1:30",
        "1_000",  "@at",
        "`tick",  "%dir",
        "---",    "...",
        "a #b",   "\t",
        "é",      "x\\y",
        "key: |", "2020-01-01",
        "0o7",    "<<",
        "=",      "a\r\nb",
        "\x7f",   "\xf0\x9f\x98\x80",
        "a,b",    "?",
        "? x",    ":",
        "a:",     "-",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        pv_buf out = {0};
        pv_err err;
        pv_doc doc;
        pv_yaml_writer *w = pv_yaml_writer_new(&out);
        assert_int_equal(pv_yaml_begin_map(w, false, &err), PV_OK);
        assert_int_equal(pv_yaml_put_string(w, bytes(texts[i]), &err), PV_OK);
        assert_int_equal(pv_yaml_begin_list(w, false, &err), PV_OK);
        assert_int_equal(pv_yaml_put_string(w, bytes(texts[i]), &err), PV_OK);
        assert_int_equal(pv_yaml_end_list(w, &err), PV_OK);
        assert_int_equal(pv_yaml_end_map(w, &err), PV_OK);
        assert_int_equal(pv_yaml_finish(w, &err), PV_OK);
        pv_yaml_writer_free(w);
        if (pv_yaml_read(&doc, (pv_bytes){out.data, out.len}, NULL, &err) != PV_OK)
            fail_msg("%s: %s", out.data, err.msg);
        uint32_t list = pv_doc_find(&doc, PV_DOC_ROOT, bytes(texts[i]));
        if (list == 0) fail_msg("key '%s' was written as %s", texts[i], out.data);
        uint32_t item = pv_doc_item(&doc, list, 1);
        pv_bytes back = pv_doc_string(&doc, item);
        if (pv_doc_node(&doc, item)->kind != PV_NODE_STRING || back.len != strlen(texts[i]) ||
            memcmp(back.data, texts[i], back.len) != 0) {
            fail_msg("'%s' was written as %s", texts[i], out.data);
        }
        pv_doc_deinit(&doc);
        pv_buf_deinit(&out);
    }
}

static void test_writes_scalars(void **state)
{
    pv_buf out = {0};
    pv_err err;
    pv_yaml_writer *w = pv_yaml_writer_new(&out);
    (void)state;
    assert_int_equal(pv_yaml_begin_list(w, false, &err), PV_OK);
    assert_int_equal(pv_yaml_put_null(w, &err), PV_OK);
    assert_int_equal(pv_yaml_put_bool(w, true, &err), PV_OK);
    assert_int_equal(pv_yaml_put_int(w, -5, &err), PV_OK);
    assert_int_equal(pv_yaml_put_float(w, 1, &err), PV_OK);
    assert_int_equal(pv_yaml_put_float(w, -(double)INFINITY, &err), PV_OK);
    assert_int_equal(pv_yaml_put_float(w, (double)NAN, &err), PV_OK);
    assert_int_equal(pv_yaml_end_list(w, &err), PV_OK);
    assert_int_equal(pv_yaml_finish(w, &err), PV_OK);
    pv_yaml_writer_free(w);
    assert_string_equal(out.data, "- null\n- true\n- -5\n- 1.0\n- -.inf\n- .nan\n");
    pv_buf_deinit(&out);
}

static void test_writer_refuses(void **state)
{
    pv_buf out;
    pv_err err;
    pv_yaml_writer *w;
    (void)state;
    pv_buf_init(&out, 0);
    w = pv_yaml_writer_new(&out);
    assert_int_equal(pv_yaml_put_string(w, bytes("\xff"), &err), PV_EINVAL);
    pv_yaml_writer_free(w);
    w = pv_yaml_writer_new(&out);
    assert_int_equal(pv_yaml_end_list(w, &err), PV_EINVAL);
    pv_yaml_writer_free(w); /* unfinished */
    pv_yaml_writer_free(NULL);
    pv_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_core_schema),
        cmocka_unit_test(test_integers_are_exact),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_all_documents),
        cmocka_unit_test(test_keys_with_anchors),
        cmocka_unit_test(test_ends_without_a_line_break),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_merge_keys_and_anchors),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_strings_come_back),
        cmocka_unit_test(test_writes_scalars),
        cmocka_unit_test(test_writer_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
