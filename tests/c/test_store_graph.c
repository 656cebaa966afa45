/* Nodes, edges and past revisions, by hand and against a naive model. */
#include "store_util.h"

enum { IDS = 12, TYPES = 2, REVISIONS = 120 };

static uint64_t seed = 88172645463325252ULL;

static uint32_t rnd(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 11) % below);
}

static void expect_node(pv_store *s, const char *id, uint64_t revision, const char *type,
                        const char *data)
{
    pv_buf t = {0}, d = {0};
    pv_err err = {0};
    pv_status status = pv_store_node(s, str(id), revision, &t, &d, &err);
    if (type == NULL) {
        assert_int_equal(status, PV_ENOTFOUND);
    } else {
        assert_int_equal(status, PV_OK);
        assert_string_equal(t.data, type);
        assert_string_equal(d.data, data);
    }
    pv_buf_deinit(&t);
    pv_buf_deinit(&d);
}

static void test_past_revisions(void **state)
{
    pv_store *s = open_store(*state);
    pv_batch *b = pv_batch_new();
    uint64_t head = 7;
    pv_cursor *c;
    pv_row row;
    assert_int_equal(pv_store_head(s, &head, NULL), PV_OK);
    assert_int_equal(head, 0);
    pv_batch_node(b, str("server.a"), str("server"), str("one"), NULL);
    pv_batch_message(b, str("first"), NULL);
    assert_int_equal(commit(s, b), 1);
    b = pv_batch_new();
    pv_batch_node(b, str("server.a"), str("server"), str("two"), NULL);
    assert_int_equal(commit(s, b), 2);
    b = pv_batch_new();
    pv_batch_del_node(b, str("server.a"), NULL);
    assert_int_equal(commit(s, b), 3);
    b = pv_batch_new();
    pv_batch_node(b, str("server.a"), str("vm"), str("again"), NULL);
    pv_batch_node(b, str("server.a"), str("vm"), str("again, later in the batch"), NULL);
    assert_int_equal(commit(s, b), 4);
    expect_node(s, "server.a", 0, NULL, NULL);
    expect_node(s, "server.a", 1, "server", "one");
    expect_node(s, "server.a", 2, "server", "two");
    expect_node(s, "server.a", 3, NULL, NULL);
    expect_node(s, "server.a", 4, "vm", "again, later in the batch");
    expect_node(s, "server.a", PV_STORE_HEAD, "vm", "again, later in the batch");
    expect_node(s, "server.b", PV_STORE_HEAD, NULL, NULL);
    expect_node(s, "", PV_STORE_HEAD, NULL, NULL);

    assert_int_equal(pv_store_revisions(s, &c, NULL), PV_OK);
    for (uint64_t r = 4; r >= 1; r--) {
        assert_int_equal(pv_cursor_next(c, &row, NULL), PV_OK);
        assert_int_equal(row.number, r);
        assert_true(row.time > 1000000000000);
        assert_int_equal(row.data.len, r == 1 ? 5 : 0);
    }
    assert_int_equal(pv_cursor_next(c, &row, NULL), PV_ENOTFOUND);
    pv_cursor_close(c);
    check_store(s);
    pv_store_close(s);
}

static void test_unchanged_revision(void **state)
{
    pv_store *s = open_store(*state);
    pv_batch *b = pv_batch_new();
    pv_batch_node(b, str("a"), str("t"), str(""), NULL);
    commit(s, b);
    b = pv_batch_new(); /* nothing of this changes the graph */
    pv_batch_journal(b, str("run"), str("x"), NULL);
    pv_batch_put(b, str("space"), str("key"), str("v"), NULL);
    pv_batch_del_node(b, str("nobody"), NULL);
    pv_batch_del_edge(b, str("a"), str("t"), str("nobody"), NULL);
    assert_int_equal(commit(s, b), 1);
    assert_int_equal(commit(s, pv_batch_new()), 1);
    expect_node(s, "a", 1, "t", "");
    pv_store_close(s);
}

static int edges(pv_store *s, const char *id, pv_edge_dir dir, const char *type, uint64_t revision)
{
    pv_cursor *c;
    assert_int_equal(pv_store_edges(s, str(id), dir, str(type), revision, &c, NULL), PV_OK);
    return count_rows(c);
}

static void test_edges(void **state)
{
    pv_store *s = open_store(*state);
    pv_batch *b = pv_batch_new();
    pv_cursor *c;
    pv_row row;
    pv_batch_node(b, str("web"), str("server"), str(""), NULL);
    pv_batch_edge(b, str("web"), str("depends_on"), str("lan"), str("why"), NULL);
    pv_batch_edge(b, str("web"), str("mounts"), str("disk"), str(""), NULL);
    pv_batch_edge(b, str("web"), str("knows"), str("web"), str(""), NULL);
    pv_batch_node(b, str("lan"), str("network"), str(""), NULL);
    assert_int_equal(commit(s, b), 1);
    assert_int_equal(edges(s, "web", PV_EDGE_OUT, "", PV_STORE_HEAD), 3);
    assert_int_equal(edges(s, "web", PV_EDGE_IN, "", PV_STORE_HEAD), 1);
    assert_int_equal(edges(s, "web", PV_EDGE_BOTH, "", PV_STORE_HEAD), 3); /* the loop once */
    assert_int_equal(edges(s, "web", PV_EDGE_OUT, "mounts", PV_STORE_HEAD), 1);
    assert_int_equal(edges(s, "web", PV_EDGE_OUT, "mount", PV_STORE_HEAD), 0);
    assert_int_equal(edges(s, "disk", PV_EDGE_IN, "", PV_STORE_HEAD), 1); /* not a node */
    expect_node(s, "disk", PV_STORE_HEAD, NULL, NULL);
    assert_int_equal(check_store(s).dangling, 1);

    assert_int_equal(pv_store_edges(s, str("lan"), PV_EDGE_BOTH, str(""), PV_STORE_HEAD, &c, NULL),
                     PV_OK);
    assert_int_equal(pv_cursor_next(c, &row, NULL), PV_OK);
    assert_memory_equal(row.id.data, "web", row.id.len);
    assert_memory_equal(row.to.data, "lan", row.to.len);
    assert_memory_equal(row.type.data, "depends_on", row.type.len);
    assert_memory_equal(row.data.data, "why", row.data.len);
    assert_int_equal(pv_cursor_next(c, &row, NULL), PV_ENOTFOUND);
    pv_cursor_close(c);

    b = pv_batch_new();
    pv_batch_del_node(b, str("lan"), NULL); /* what arrives stays */
    assert_int_equal(commit(s, b), 2);
    assert_int_equal(edges(s, "web", PV_EDGE_OUT, "", PV_STORE_HEAD), 3);
    b = pv_batch_new();
    pv_batch_del_node(b, str("web"), NULL); /* what leaves goes */
    assert_int_equal(commit(s, b), 3);
    assert_int_equal(edges(s, "lan", PV_EDGE_BOTH, "", PV_STORE_HEAD), 0);
    assert_int_equal(edges(s, "lan", PV_EDGE_BOTH, "", 2), 1);
    assert_int_equal(edges(s, "web", PV_EDGE_OUT, "", 1), 3);
    assert_int_equal(edges(s, "web", PV_EDGE_OUT, "", 0), 0);
    assert_int_equal(check_store(s).edges, 0);
    pv_store_close(s);
}

static void test_refusals(void **state)
{
    pv_store *s = open_store(*state);
    char longer[PV_STORE_ID_MAX + 2];
    pv_batch *b = pv_batch_new();
    pv_err err = {0};
    memset(longer, 'x', sizeof longer);
    assert_int_equal(pv_batch_node(b, str(""), str("t"), str(""), &err), PV_EINVAL);
    assert_int_equal(pv_batch_node(b, str("a"), str(""), str(""), &err), PV_EINVAL);
    assert_int_equal(
        pv_batch_node(b, (pv_bytes){longer, PV_STORE_ID_MAX + 1}, str("t"), str(""), &err),
        PV_ELIMIT);
    assert_int_equal(pv_batch_node(b, str("a"), (pv_bytes){"t\0u", 3}, str(""), &err), PV_EINVAL);
    assert_int_equal(pv_batch_edge(b, str("a"), (pv_bytes){longer, 65}, str("b"), str(""), &err),
                     PV_ELIMIT);
    assert_int_equal(pv_batch_put(b, str(""), str("k"), str(""), &err), PV_EINVAL);
    assert_int_equal(pv_batch_del(b, str("s"), str(""), &err), PV_EINVAL);
    assert_int_equal(pv_batch_journal(b, str(""), str("x"), &err), PV_EINVAL);
    assert_int_equal(pv_batch_put(b, str("s"), str("k"),
                                  (pv_bytes){longer, (size_t)PV_STORE_VALUE_MAX + 1}, &err),
                     PV_ELIMIT);
    assert_int_equal(commit(s, b), 0); /* nothing was added */

    b = pv_batch_new();
    pv_batch_edge(b, str("ghost"), str("t"), str("a"), str(""), NULL);
    pv_batch_node(b, str("ghost"), str("t"), str(""), NULL);
    refused(s, b, PV_ENOTFOUND, "'ghost'"); /* its node comes too late */
    b = pv_batch_new();
    pv_batch_node(b, str("a"), str("t"), str(""), NULL);
    pv_batch_del_node(b, str("a"), NULL);
    pv_batch_edge(b, str("a"), str("t"), str("b"), str(""), NULL);
    refused(s, b, PV_ENOTFOUND, "'a'");
    b = pv_batch_new();
    pv_batch_expect(b, 3);
    pv_batch_node(b, str("a"), str("t"), str(""), NULL);
    refused(s, b, PV_ECONFLICT, "revision 0, not 3");
    assert_int_equal(check_store(s).nodes, 0);

    /* The longest names there may be, with bytes of every kind. */
    b = pv_batch_new();
    longer[7] = '\0';
    longer[9] = '\xff';
    pv_batch_node(b, (pv_bytes){longer, PV_STORE_ID_MAX},
                  (pv_bytes){longer + 10, PV_STORE_TYPE_MAX}, str("v"), NULL);
    pv_batch_edge(b, (pv_bytes){longer, PV_STORE_ID_MAX},
                  (pv_bytes){longer + 10, PV_STORE_TYPE_MAX}, (pv_bytes){longer, PV_STORE_ID_MAX},
                  str("v"), NULL);
    pv_batch_expect(b, 0);
    assert_int_equal(commit(s, b), 1);
    b = pv_batch_new();
    pv_batch_del_node(b, (pv_bytes){longer, PV_STORE_ID_MAX}, NULL);
    pv_batch_expect(b, 1);
    assert_int_equal(commit(s, b), 2);
    assert_int_equal(check_store(s).old_versions, 2);
    pv_store_close(s);
}

/* The model: every revision whole. */
typedef struct model {
    int node[IDS]; /* 0: absent, else number of the value; type is value % TYPES */
    int edge[IDS][IDS][TYPES];
} model;

static model history[REVISIONS + 1];

static const char *id_of(int i)
{
    static const char *const names[IDS] = {
        "a", "ab",       "abc", "b", "ba", "server.web[1]", "server.web[10]", "server.web[2]",
        "z", "\xc3\xa4", "x y", "-"};
    return names[i];
}

static const char *type_of(int t)
{
    return t == 0 ? "t" : "tt";
}

static pv_batch *random_batch(model *m)
{
    pv_batch *b = pv_batch_new();
    char value[16];
    for (uint32_t ops = 1 + rnd(6); ops > 0; ops--) {
        int i = (int)rnd(IDS), j = (int)rnd(IDS), t = (int)rnd(TYPES), v = 1 + (int)rnd(1000);
        snprintf(value, sizeof value, "%d", v);
        switch (rnd(4)) {
        case 0:
            pv_batch_node(b, str(id_of(i)), str(type_of(v % TYPES)), str(value), NULL);
            m->node[i] = v;
            break;
        case 1:
            pv_batch_del_node(b, str(id_of(i)), NULL);
            if (m->node[i] != 0) memset(m->edge[i], 0, sizeof m->edge[i]);
            m->node[i] = 0;
            break;
        case 2:
            if (m->node[i] == 0) break;
            pv_batch_edge(b, str(id_of(i)), str(type_of(t)), str(id_of(j)), str(value), NULL);
            m->edge[i][j][t] = v;
            break;
        default:
            pv_batch_del_edge(b, str(id_of(i)), str(type_of(t)), str(id_of(j)), NULL);
            m->edge[i][j][t] = 0;
        }
    }
    return b;
}

static int index_of(pv_bytes id)
{
    for (int i = 0; i < IDS; i++) {
        if (strlen(id_of(i)) == id.len && memcmp(id_of(i), id.data, id.len) == 0) return i;
    }
    return -1;
}

static int number_in(pv_bytes data)
{
    char text[16] = {0};
    memcpy(text, data.data, data.len < 15 ? data.len : 15);
    return atoi(text);
}

static void compare(pv_store *s, const model *m, uint64_t revision)
{
    model got = {0};
    pv_cursor *c;
    pv_row row;
    char last[32] = "";
    int of_type = 0;
    assert_int_equal(pv_store_nodes(s, str(""), revision, &c, NULL), PV_OK);
    while (pv_cursor_next(c, &row, NULL) == PV_OK) {
        int i = index_of(row.id);
        assert_true(i >= 0 && strcmp(last, id_of(i)) < 0); /* in order, none twice */
        strcpy(last, id_of(i));
        got.node[i] = number_in(row.data);
        of_type += m->node[i] % TYPES == 1;
    }
    pv_cursor_close(c);
    assert_memory_equal(got.node, m->node, sizeof got.node);
    assert_int_equal(pv_store_nodes(s, str(type_of(1)), revision, &c, NULL), PV_OK);
    assert_int_equal(count_rows(c), of_type);
    for (int pass = 0; pass < 2; pass++) { /* by the starts, then by the ends */
        memset(got.edge, 0, sizeof got.edge);
        for (int i = 0; i < IDS; i++) {
            assert_int_equal(pv_store_edges(s, str(id_of(i)), pass == 0 ? PV_EDGE_OUT : PV_EDGE_IN,
                                            str(""), revision, &c, NULL),
                             PV_OK);
            while (pv_cursor_next(c, &row, NULL) == PV_OK) {
                int from = index_of(row.id), to = index_of(row.to), t = (int)row.type.len - 1;
                assert_int_equal(pass == 0 ? from : to, i);
                assert_int_equal(got.edge[from][to][t], 0);
                got.edge[from][to][t] = number_in(row.data);
            }
            pv_cursor_close(c);
        }
        assert_memory_equal(got.edge, m->edge, sizeof got.edge);
    }
}

static void test_model(void **state)
{
    pv_store *s = open_store(*state);
    uint64_t head = 0;
    model now = {0};
    for (int i = 0; i < 3 * REVISIONS && head < REVISIONS; i++) {
        head = commit(s, random_batch(&now));
        history[head] = now;
        if (i % 50 == 49) {
            pv_store_close(s);
            s = open_store(*state);
        }
    }
    for (uint64_t r = 0; r <= head; r++) compare(s, &history[r], r);
    compare(s, &now, PV_STORE_HEAD);
    check_store(s);
    pv_store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_past_revisions, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_unchanged_revision, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_edges, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_refusals, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_model, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
