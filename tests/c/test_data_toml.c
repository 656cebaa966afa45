#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/toml.h"
#include "data/utf8.h"

static pv_bytes bytes(const char *text)
{
    return (pv_bytes){text, strlen(text)};
}

static uint32_t find(const pv_doc *doc, uint32_t map, const char *key)
{
    uint32_t id = pv_doc_find(doc, map, bytes(key));
    if (id == 0) fail_msg("there is no '%s'", key);
    return id;
}

static void read_good(pv_doc *doc, const char *text)
{
    pv_err err = {0};
    if (pv_toml_read(doc, bytes(text), NULL, NULL, &err) != PV_OK)
        fail_msg("%s: %d:%d: %s", text, err.line, err.column, err.msg);
}

/* Reads `v = <text>` and gives the value. */
static pv_node value_of(const char *text)
{
    char line[512];
    pv_doc doc;
    pv_node node;
    snprintf(line, sizeof line, "v = %s\n", text);
    read_good(&doc, line);
    node = *pv_doc_node(&doc, find(&doc, PV_DOC_ROOT, "v"));
    pv_doc_deinit(&doc);
    return node;
}

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {
        {"0", 0},
        {"-0", 0},
        {"+99", 99},
        {"1_000", 1000},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"0x7fff_ffff_ffff_ffff", INT64_MAX},
        {"0o755", 493},
        {"0b1101", 13},
        {"0xDEADbeef", 3735928559},
    };
    static const struct {
        const char *text;
        double value;
    } floats[] = {
        {"1.5", 1.5},  {"-0.01", -0.01},  {"5e+22", 5e22}, {"1_0.0_1", 10.01},
        {"1e06", 1e6}, {"6.6E-2", 0.066}, {"0.1", 0.1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pv_node node = value_of(rows[i].text);
        assert_int_equal(node.kind, PV_NODE_INT);
        assert_true(node.u.integer == rows[i].value);
    }
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
        pv_node node = value_of(floats[i].text);
        assert_int_equal(node.kind, PV_NODE_FLOAT);
        assert_true(node.u.number == floats[i].value);
    }
    assert_true(isinf(value_of("inf").u.number) && value_of("-inf").u.number < 0);
    assert_true(isnan(value_of("+nan").u.number) && signbit(value_of("-nan").u.number));
    assert_true(signbit(value_of("-0.0").u.number));
    assert_true(value_of("true").u.boolean);
    assert_false(value_of("false").u.boolean);
}

static void test_times(void **state)
{
    static const struct {
        const char *text;
        const char *canonical;
    } rows[] = {
        {"1979-05-27T07:32:00Z", NULL},
        {"1979-05-27 07:32:00z", "1979-05-27T07:32:00Z"},
        {"1979-05-27t00:32:00.999999999999-07:00", "1979-05-27T00:32:00.999999999999-07:00"},
        {"1979-05-27T07:32:00", NULL},
        {"2000-02-29", NULL},
        {"23:59:60.5", NULL},
    };
    static const char *const bad[] = {
        "1979-13-01",  "1900-02-29",
        "1979-05-27T", "1979-05-27T7:00:00",
        "24:00:00",    "07:32",
        "07:32:00Z",   "1979-05-27T07:32:00+24:00",
        "07:60:00",    "1979-05-27T07:32:00.",
        "79-05-27",    "1979-05-27T07:32:00Zx",
        "07:32:61",    "1979-05-27T07:32:00+7",
        "1979-05-00",  "text",
    };
    char canonical[64];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *want = rows[i].canonical != NULL ? rows[i].canonical : rows[i].text;
        char line[128];
        pv_doc doc;
        uint32_t id;
        snprintf(line, sizeof line, "v = %s # a comment", rows[i].text);
        read_good(&doc, line);
        id = find(&doc, PV_DOC_ROOT, "v");
        assert_int_equal(pv_doc_node(&doc, id)->kind, PV_NODE_TIME);
        assert_int_equal(pv_doc_string(&doc, id).len, strlen(want));
        assert_memory_equal(pv_doc_string(&doc, id).data, want, strlen(want));
        pv_doc_deinit(&doc);
        assert_true(pv_toml_time(bytes(rows[i].text), canonical));
        assert_memory_equal(canonical, want, strlen(want));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (pv_toml_time(bytes(bad[i]), canonical)) fail_msg("'%s' is no date or time", bad[i]);
    }
}

static void test_strings(void **state)
{
    static const struct {
        const char *text;
        const char *value;
    } rows[] = {
        {"\"a\\tb\\u00e9\\U0001F600\\\\\\\"\"", "a\tb\xc3\xa9\xf0\x9f\x98\x80\\\""},
        {"'C:\\new \"x\"'", "C:\\new \"x\""},
        {"\"\"\"\none\r\ntwo \\\n   \n  three\"\"\"", "one\ntwo three"},
        {"'''\n''it's''\n'''", "''it's''\n"},
        {"\"\"\"\"\"two quotes\"\"\"\"\"", "\"\"two quotes\"\""},
        {"\"\"", ""},
        {"\"\"\"\"\"\"", ""},
        {"''", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[256];
        pv_doc doc;
        pv_bytes got;
        snprintf(line, sizeof line, "v = %s", rows[i].text);
        read_good(&doc, line);
        got = pv_doc_string(&doc, find(&doc, PV_DOC_ROOT, "v"));
        assert_int_equal(got.len, strlen(rows[i].value));
        assert_memory_equal(got.data, rows[i].value, got.len);
        pv_doc_deinit(&doc);
    }
}

static void test_tables_and_places(void **state)
{
    pv_doc doc;
    uint32_t id;
    (void)state;
    read_good(&doc, "\xEF\xBB\xBFtop = 1\n[a.b]\n\"\xc3\xa9\" = 'x' # y\nc.d = [1,\n  {e = 2}]\n"
                    "[[l]]\nx = 1\n[[l]]\n[l.sub]\ny = 2\n[a]\n");
    assert_int_equal(pv_doc_node(&doc, find(&doc, PV_DOC_ROOT, "top"))->line, 1);
    assert_int_equal(pv_doc_node(&doc, find(&doc, PV_DOC_ROOT, "top"))->column, 1);
    id = find(&doc, PV_DOC_ROOT, "a"); /* its own header, behind its first mention */
    assert_int_equal(pv_doc_node(&doc, id)->line, 11);
    id = find(&doc, id, "b");
    assert_int_equal(pv_doc_node(&doc, id)->column, 4);
    id = find(&doc, find(&doc, id, "c"), "d");
    assert_int_equal(pv_doc_node(&doc, id)->line, 4);
    assert_int_equal(pv_doc_node(&doc, id)->column, 3);
    id = find(&doc, pv_doc_item(&doc, id, 2), "e");
    assert_int_equal(pv_doc_node(&doc, id)->line, 5);
    assert_int_equal(pv_doc_node(&doc, id)->column, 4);
    id = find(&doc, PV_DOC_ROOT, "l");
    assert_int_equal(pv_doc_node(&doc, id)->u.children.count, 2);
    assert_int_equal(pv_doc_node(&doc, pv_doc_item(&doc, id, 2))->line, 8);
    assert_true(pv_doc_find(&doc, pv_doc_item(&doc, id, 1), bytes("sub")) == 0);
    pv_doc_deinit(&doc);
}

static void test_refuses(void **state)
{
    static const struct {
        const char *text;
        int line;
        int column;
        const char *part;
    } rows[] = {
        {"a = 1\nb = debian\n", 2, 5, "'debian' is no value: text needs quotes"},
        {"a = yes\n", 1, 5, "write true or false"},
        {"a = null\n", 1, 5, "TOML has no null"},
        {"a =\n", 1, 4, "found the end of the line"},
        {"a = 9223372036854775808\n", 1, 5, "does not fit in 64 bits"},
        {"a = 1e400\n", 1, 5, "does not fit in a float"},
        {"a = 012\n", 1, 5, "no zeros in front"},
        {"a = 1__0\n", 1, 5, "an underscore"},
        {"a = 1.\n", 1, 5, "a point"},
        {"a = -0x1\n", 1, 5, "only decimal numbers have a sign"},
        {"\xc3\xa9\xc3\xa9 = 1\n", 1, 1, "expected a key"},
        {"'\xc3\xa9' = \"\xc3\xa9\" x\n", 1, 11, "expected the end of the line, found 'x'"},
        {"a = \"x\ny\"\n", 1, 5, "has no \" at its end"},
        {"a = '''x\n\n", 1, 5, "has no ''' at its end"},
        {"a = \"\\q\"\n", 1, 6, "a backslash is followed by"},
        {"a = \"\\ud800\"\n", 1, 12, "no character U+D800"},
        {"a = \"\x01\"\n", 1, 6, "\\u0001"},
        {"a = 1 # \x7f\n", 1, 9, "no control characters"},
        {"a = [1 2]\n", 1, 8, "expected ',' or ']'"},
        {"a = {b = 1,}\n", 1, 12, "no ',' stands before '}'"},
        {"a = {b = 1\n}\n", 1, 11, "stands on one line"},
        {"a = 1\na = 2\n", 2, 1, "'a' was given before (it is on line 1)"},
        {"[a]\n[b]\n[a]\n", 3, 2, "'a' was given before (it is on line 1)"},
        {"a = {}\n[a.b]\n", 2, 2, "a header cannot add to it"},
        {"a = {}\na.b = 1\n", 2, 1, "a dotted key cannot add to it"},
        {"[a.b]\nx = 1\n[a]\nb.y = 1\n", 4, 1, "a dotted key cannot add to it"},
        {"a.b = 1\n[a]\n", 2, 2, "was given before"},
        {"a = []\n[[a]]\n", 2, 3, "not as [[...]]"},
        {"a = 1\na.b = 2\n", 2, 1, "is no table"},
        {"[a\n", 1, 3, "expected ']'"},
        {"[[a]\n", 1, 5, "expected ']]'"},
        {"x = 1\ny = \"\xff\"\n", 2, 6, "not UTF-8 (byte 0xff)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pv_doc doc;
        pv_err err = {0};
        assert_int_equal(pv_toml_read(&doc, bytes(rows[i].text), NULL, NULL, &err), PV_EINVAL);
        if (strstr(err.msg, rows[i].part) == NULL || err.line != rows[i].line ||
            err.column != rows[i].column)
            fail_msg("%s: %d:%d: %s", rows[i].text, err.line, err.column, err.msg);
        pv_doc_deinit(&doc);
    }
}

static void test_version_1_1(void **state)
{
    static const char text[] =
        "a = {\n  b = \"\\e\\x41\", # one\n  t = 07:32,\n  d = 1979-05-27 07:32-07:00,\n}\n";
    pv_toml_limits limits = {.version_1_1 = true};
    pv_doc doc;
    pv_err err;
    uint32_t id;
    (void)state;
    assert_int_equal(pv_toml_read(&doc, bytes(text), NULL, NULL, &err), PV_EINVAL);
    pv_doc_deinit(&doc);
    assert_int_equal(pv_toml_read(&doc, bytes(text), &limits, NULL, &err), PV_OK);
    id = find(&doc, PV_DOC_ROOT, "a");
    assert_memory_equal(pv_doc_string(&doc, find(&doc, id, "b")).data,
                        "\x1b"
                        "A",
                        2);
    assert_memory_equal(pv_doc_string(&doc, find(&doc, id, "t")).data, "07:32:00", 8);
    assert_memory_equal(pv_doc_string(&doc, find(&doc, id, "d")).data, "1979-05-27T07:32:00-07:00",
                        25);
    pv_doc_deinit(&doc);
}

static void test_limits(void **state)
{
    char text[2048] = "a = ";
    pv_toml_limits limits = {.max_nodes = 4};
    pv_doc doc;
    pv_err err;
    (void)state;
    assert_int_equal(pv_toml_read(&doc, bytes("a = [1, 2]"), &limits, NULL, &err), PV_OK);
    pv_doc_deinit(&doc);
    assert_int_equal(pv_toml_read(&doc, bytes("a = [1, 2, 3]"), &limits, NULL, &err), PV_ELIMIT);
    pv_doc_deinit(&doc);
    limits = (pv_toml_limits){.max_bytes = 3};
    assert_int_equal(pv_toml_read(&doc, bytes("a = 1"), &limits, NULL, &err), PV_ELIMIT);
    pv_doc_deinit(&doc);
    for (int shape = 0; shape < 4; shape++) { /* each of them nests without end */
        static const char *const parts[] = {"[", "{a=", "a.", "a."};
        text[0] = '\0';
        if (shape < 2) strcpy(text, "a = ");
        if (shape == 2) strcpy(text, "[");
        for (int i = 0; i < 400; i++) strcat(text, parts[shape]);
        assert_int_equal(pv_toml_read(&doc, bytes(text), NULL, NULL, &err), PV_ELIMIT);
        assert_non_null(strstr(err.msg, "nested deeper than 128"));
        pv_doc_deinit(&doc);
    }
}

static void test_layout(void **state)
{
    static const char text[] = "# one\na.b = [ 1 ] # two\n[t]\nx = { y = 2 }\n[[l]]\n";
    static const struct {
        pv_toml_span_kind kind;
        const char *source;
        const char *value;
    } rows[] = {
        {PV_TOML_COMMENT, "# one", NULL}, {PV_TOML_MEMBER, "a.b = [ 1 ]", "[ 1 ]"},
        {PV_TOML_ITEM, "1", "1"},         {PV_TOML_COMMENT, "# two", NULL},
        {PV_TOML_TABLE, "[t]", NULL},     {PV_TOML_MEMBER, "x = { y = 2 }", "{ y = 2 }"},
        {PV_TOML_MEMBER, "y = 2", "2"},   {PV_TOML_ELEMENT, "[[l]]", NULL},
    };
    pv_toml_layout layout = {0};
    pv_doc doc;
    pv_err err;
    (void)state;
    assert_int_equal(pv_toml_read(&doc, bytes(text), NULL, &layout, &err), PV_OK);
    assert_int_equal(layout.count, sizeof rows / sizeof *rows);
    for (size_t i = 0; i < layout.count; i++) {
        const pv_toml_span *span = &layout.spans[i];
        assert_int_equal(span->kind, rows[i].kind);
        assert_int_equal(span->to - span->from, strlen(rows[i].source));
        assert_memory_equal(text + span->from, rows[i].source, span->to - span->from);
        if (rows[i].value == NULL) continue;
        assert_memory_equal(text + span->value, rows[i].value, span->to - span->value);
    }
    assert_int_equal(layout.spans[1].owner, PV_DOC_ROOT);
    assert_int_equal(layout.spans[1].node, find(&doc, find(&doc, PV_DOC_ROOT, "a"), "b"));
    assert_int_equal(layout.spans[5].owner, find(&doc, PV_DOC_ROOT, "t"));
    assert_int_equal(layout.spans[6].owner, find(&doc, find(&doc, PV_DOC_ROOT, "t"), "x"));
    pv_toml_layout_deinit(&layout);
    pv_toml_layout_deinit(NULL);
    pv_doc_deinit(&doc);
}

static void test_writes(void **state)
{
    static const char in[] = "a = {b = {c = 1, d = {}}, e = [{f = 1}, {g = [{}]}]}\n\"x y\" = "
                             "1e3\nmixed = [1, {a = 'b'}]\n"
                             "s = \"a\\nb\\\"\\n\"\nl = 'q\"\\'\nt = 1979-05-27\nlong = ['"
                             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', "
                             "'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb']\n";
    static const char want[] =
        "\"x y\" = 1000.0\nmixed = [1, { a = \"b\" }]\ns = \"\"\"\na\nb\"\n\"\"\"\nl = 'q\"\\'\n"
        "t = 1979-05-27\nlong = [\n  \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\n"
        "  \"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\",\n]\n"
        "\n[a.b]\nc = 1\n\n[a.b.d]\n\n[[a.e]]\nf = 1\n\n[[a.e]]\n\n[[a.e.g]]\n";
    pv_doc doc;
    pv_err err;
    pv_buf out = {0};
    (void)state;
    read_good(&doc, in);
    assert_int_equal(pv_toml_write(&out, &doc, &err), PV_OK);
    assert_string_equal(out.data, want);
    pv_buf_reset(&out);
    assert_int_equal(pv_toml_write_value(&out, &doc, find(&doc, PV_DOC_ROOT, "a"), &err), PV_OK);
    assert_string_equal(out.data, "{ b = { c = 1, d = {} }, e = [{ f = 1 }, { g = [{}] }] }");
    pv_buf_deinit(&out);
    pv_buf_init(&out, 40);
    assert_int_equal(pv_toml_write(&out, &doc, &err), PV_ELIMIT);
    pv_buf_deinit(&out);
    pv_doc_deinit(&doc);
}

static void test_refuses_to_write(void **state)
{
    pv_doc doc;
    pv_err err;
    pv_buf out = {0};
    uint32_t id;
    (void)state;
    pv_doc_init(&doc, 100);
    assert_int_equal(pv_doc_add(&doc, 0, 0, 0), PV_DOC_ROOT);
    doc.nodes[PV_DOC_ROOT].kind = PV_NODE_LIST;
    assert_int_equal(pv_toml_write(&out, &doc, &err), PV_EINVAL);
    doc.nodes[PV_DOC_ROOT].kind = PV_NODE_MAP;
    id = pv_doc_add_member(&doc, PV_DOC_ROOT, bytes("a"), 0, 0);
    doc.nodes[id].kind = PV_NODE_LIST;
    id = pv_doc_add(&doc, id, 0, 0);
    assert_int_equal(pv_toml_write(&out, &doc, &err), PV_EINVAL);
    assert_string_equal(err.msg,
                        "cannot write as TOML: a[1] is null, which TOML has not; leave it out");
    pv_doc_set_string(&doc, id, bytes("\xff"));
    assert_int_equal(pv_toml_write(&out, &doc, &err), PV_EINVAL);
    assert_non_null(strstr(err.msg, "a[1] is not valid UTF-8"));
    pv_doc_set_time(&doc, id, bytes("07:32:00"));
    pv_buf_reset(&out);
    assert_int_equal(pv_toml_write(&out, &doc, &err), PV_OK);
    assert_string_equal(out.data, "a = [07:32:00]\n");
    pv_buf_deinit(&out);
    pv_doc_deinit(&doc);
}

/* Builds a.a.a... of n tables around an integer, without a reader. */
static pv_status write_deep(int n, pv_node_kind kind)
{
    pv_doc doc;
    pv_err err;
    pv_buf out = {0};
    uint32_t id;
    pv_status status;
    pv_doc_init(&doc, 1000);
    id = pv_doc_add(&doc, 0, 0, 0);
    doc.nodes[id].kind = PV_NODE_MAP;
    for (int i = 0; i < n; i++) {
        bool below_list = doc.nodes[id].kind == PV_NODE_LIST;
        id =
            below_list ? pv_doc_add(&doc, id, 0, 0) : pv_doc_add_member(&doc, id, bytes("a"), 0, 0);
        doc.nodes[id].kind = i == n - 1 ? PV_NODE_INT : kind;
    }
    status = pv_toml_write(&out, &doc, &err);
    if (status == PV_OK) {
        pv_doc again;
        assert_int_equal(pv_toml_read(&again, (pv_bytes){out.data, out.len}, NULL, NULL, &err),
                         PV_OK);
        pv_doc_deinit(&again);
    }
    pv_buf_deinit(&out);
    pv_doc_deinit(&doc);
    return status;
}

static void test_depth_is_that_of_the_reader(void **state)
{
    (void)state;
    assert_int_equal(write_deep(PV_TOML_DEPTH - 1, PV_NODE_MAP), PV_OK);
    assert_int_equal(write_deep(PV_TOML_DEPTH, PV_NODE_MAP), PV_ELIMIT);
    assert_int_equal(write_deep(PV_TOML_DEPTH - 1, PV_NODE_LIST), PV_OK);
    assert_int_equal(write_deep(PV_TOML_DEPTH, PV_NODE_LIST), PV_ELIMIT);
}

static void test_utf8_prefix(void **state)
{
    (void)state;
    assert_int_equal(pv_utf8_prefix(bytes("ab\xc3\xa9")), 4);
    assert_int_equal(pv_utf8_prefix(bytes("ab\xc3(")), 2);
    assert_int_equal(pv_utf8_prefix(bytes("")), 0);
    assert_true(pv_utf8_valid(bytes("\xf0\x9f\x98\x80")));
    assert_false(pv_utf8_valid(bytes("\xed\xa0\x80")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_tables_and_places),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_version_1_1),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_writes),
        cmocka_unit_test(test_refuses_to_write),
        cmocka_unit_test(test_depth_is_that_of_the_reader),
        cmocka_unit_test(test_utf8_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
