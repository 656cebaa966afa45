/* Journal, key/value spaces, locks and epochs. */
#include "store_util.h"

static void add_record(pv_store *s, const char *run, const char *data)
{
    pv_batch *b = pv_batch_new();
    assert_int_equal(pv_batch_journal(b, str(run), str(data), NULL), PV_OK);
    commit(s, b);
}

/* The records of a run as "seq:data seq:data". */
static void expect_journal(pv_store *s, const char *run, uint64_t from, const char *expected)
{
    pv_buf text = {0};
    pv_cursor *c;
    pv_row row;
    pv_buf_adds(&text, "");
    assert_int_equal(pv_store_journal(s, str(run), from, &c, NULL), PV_OK);
    while (pv_cursor_next(c, &row, NULL) == PV_OK) {
        pv_buf_addf(&text, "%s%d:%.*s", text.len != 0 ? " " : "", (int)row.number,
                    (int)row.data.len, row.data.data);
        if (run[0] != '\0') assert_memory_equal(row.id.data, run, row.id.len);
    }
    pv_cursor_close(c);
    assert_string_equal(text.data != NULL ? text.data : "", expected);
    pv_buf_deinit(&text);
}

static void test_journal(void **state)
{
    pv_store *s = open_store(*state);
    expect_journal(s, "", 0, "");
    add_record(s, "run-1", "a");
    add_record(s, "run-2", "b");
    add_record(s, "run-1", "c");
    add_record(s, "run", "");
    expect_journal(s, "run-1", 0, "1:a 3:c");
    expect_journal(s, "run-1", 2, "3:c");
    expect_journal(s, "run-1", 4, "");
    expect_journal(s, "run-2", 0, "2:b");
    expect_journal(s, "run", 0, "4:");
    expect_journal(s, "ru", 0, "");
    expect_journal(s, "", 0, "1:a 2:b 3:c 4:");
    expect_journal(s, "", 3, "3:c 4:");
    pv_store_close(s);
    s = open_store(*state);
    for (int i = 0; i < 300; i++) add_record(s, "run-2", "again");
    assert_int_equal(check_store(s).journal, 304);
    pv_store_close(s);
}

static void put(pv_store *s, const char *space, const char *key, const char *value)
{
    pv_batch *b = pv_batch_new();
    pv_batch_put(b, str(space), str(key), str(value), NULL);
    commit(s, b);
}

static int scan(pv_store *s, const char *space, const char *prefix, char *last)
{
    pv_cursor *c;
    pv_row row;
    int count = 0;
    const pv_range range = {.prefix = str(prefix)};
    assert_int_equal(pv_store_scan(s, str(space), &range, &c, NULL), PV_OK);
    while (pv_cursor_next(c, &row, NULL) == PV_OK) {
        count++;
        if (last != NULL)
            snprintf(last, 32, "%.*s=%.*s", (int)row.id.len, row.id.data, (int)row.data.len,
                     row.data.data);
    }
    pv_cursor_close(c);
    return count;
}

static void test_spaces(void **state)
{
    pv_store *s = open_store(*state);
    pv_batch *b;
    pv_buf data = {0};
    char last[32];
    put(s, "queue", "1", "one");
    put(s, "queue", "10", "ten");
    put(s, "queue", "2", "two");
    put(s, "queues", "1", "other");
    put(s, "queue", "2", "two again");
    assert_int_equal(scan(s, "queue", "", last), 3);
    assert_string_equal(last, "2=two again");
    assert_int_equal(scan(s, "queue", "1", last), 2);
    assert_string_equal(last, "10=ten");
    assert_int_equal(scan(s, "queue", "3", NULL), 0);
    assert_int_equal(scan(s, "que", "", NULL), 0);
    assert_int_equal(scan(s, "", "", NULL), 0);
    assert_int_equal(pv_store_get(s, str("queue"), str("10"), &data, NULL), PV_OK);
    assert_string_equal(data.data, "ten");
    assert_int_equal(pv_store_get(s, str("queue"), str("11"), &data, NULL), PV_ENOTFOUND);
    assert_int_equal(pv_store_get(s, str(""), str("11"), &data, NULL), PV_ENOTFOUND);
    b = pv_batch_new();
    pv_batch_del(b, str("queue"), str("1"), NULL);
    pv_batch_del(b, str("queue"), str("1"), NULL);
    commit(s, b);
    assert_int_equal(scan(s, "queue", "", NULL), 2);
    pv_buf_deinit(&data);
    assert_int_equal(check_store(s).keys, 3);
    pv_store_close(s);
}

/* The keys of a scan as "a b c", in its order; at most limit. */
static void expect_keys(pv_store *s, const char *prefix, const char *after, bool reverse, int limit,
                        const char *expected)
{
    const pv_range range = {str(prefix), str(after), reverse};
    pv_buf text = {0};
    pv_cursor *c;
    pv_row row;
    pv_buf_adds(&text, "");
    assert_int_equal(pv_store_scan(s, str("q"), &range, &c, NULL), PV_OK);
    while (limit-- > 0 && pv_cursor_next(c, &row, NULL) == PV_OK) {
        pv_buf_addf(&text, "%s%.*s", text.len != 0 ? " " : "", (int)row.id.len, row.id.data);
        assert_memory_equal(row.data.data, row.id.data, row.id.len);
    }
    pv_cursor_close(c);
    assert_string_equal(text.data != NULL ? text.data : "", expected);
    pv_buf_deinit(&text);
}

static void test_ranges(void **state)
{
    static const char *const keys[] = {"a", "a1", "a2", "a2x", "b", "\xff", "\xff\xff"};
    char longest[PV_STORE_ID_MAX + 9];
    pv_store *s = open_store(*state);
    put(s, "p", "z", "before");
    put(s, "r", "0", "behind");
    expect_keys(s, "", "", false, 9, "");
    expect_keys(s, "", "", true, 9, "");
    for (int i = 0; i < 7; i++) put(s, "q", keys[i], keys[i]);
    expect_keys(s, "", "", false, 9, "a a1 a2 a2x b \xff \xff\xff");
    expect_keys(s, "", "", true, 9, "\xff\xff \xff b a2x a2 a1 a");
    expect_keys(s, "", "", true, 2, "\xff\xff \xff");
    expect_keys(s, "", "a2", false, 2, "a2x b");
    expect_keys(s, "", "a2", true, 9, "a1 a");
    expect_keys(s, "", "a", true, 9, "");
    expect_keys(s, "", "a1z", false, 1, "a2"); /* a key that is not there */
    expect_keys(s, "", "a1z", true, 1, "a1");
    expect_keys(s, "", "\xff\xff", false, 9, "");
    expect_keys(s, "a", "", false, 9, "a a1 a2 a2x");
    expect_keys(s, "a", "", true, 9, "a2x a2 a1 a");
    expect_keys(s, "a", "a1", false, 9, "a2 a2x");
    expect_keys(s, "a2", "a", false, 9, "a2 a2x"); /* after is before the prefix, or behind it */
    expect_keys(s, "a2", "b", false, 9, "");
    expect_keys(s, "a2", "b", true, 9, "a2x a2");
    expect_keys(s, "a2", "a", true, 9, "");
    expect_keys(s, "\xff", "", true, 9, "\xff\xff \xff");
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    expect_keys(s, "", longest, false, 1, "b");
    expect_keys(s, "", longest, true, 1, "a2x");
    expect_keys(s, longest, "", true, 1, "");
    pv_store_close(s);
}

/* A sealer that counts what it opens, around the one of the test. */
static int opened;
static pv_status (*real_open)(pv_sealer *, pv_bytes, pv_bytes, char *, pv_err *);
static pv_status count_open(pv_sealer *self, pv_bytes sealed, pv_bytes aad, char *out, pv_err *err)
{
    opened++;
    return real_open(self, sealed, aad, out, err);
}

static void test_scan_reads_no_more(void **state)
{
    temp *t = *state;
    pv_store *s;
    pv_batch *b = pv_batch_new();
    real_open = t->sealer->open;
    t->sealer->open = count_open;
    s = open_store(t);
    for (int i = 0; i < 5000; i++) {
        char key[8];
        snprintf(key, sizeof key, "%04d", i);
        pv_batch_put(b, str("q"), str(key), str(key), NULL);
    }
    commit(s, b);
    opened = 0;
    expect_keys(s, "", "", true, 3, "4999 4998 4997");
    expect_keys(s, "", "2500", false, 2, "2501 2502");
    assert_int_equal(opened, 5);
    pv_store_close(s);
}

static void del_range(pv_store *s, const char *prefix, const char *before)
{
    pv_batch *b = pv_batch_new();
    assert_int_equal(pv_batch_del_range(b, str("q"), str(prefix), str(before), NULL), PV_OK);
    commit(s, b);
}

static void test_del_range(void **state)
{
    pv_store *s = open_store(*state);
    pv_batch *b = pv_batch_new();
    pv_err err;
    put(s, "p", "z", "before");
    put(s, "r", "0", "behind");
    for (int i = 0; i < 3000; i++) {
        char key[8];
        snprintf(key, sizeof key, "%c%04d", i < 1500 ? 'a' : 'b', i);
        pv_batch_put(b, str("q"), str(key), str(key), NULL);
    }
    commit(s, b);
    del_range(s, "a", "a1497");
    expect_keys(s, "a", "", false, 9, "a1497 a1498 a1499");
    del_range(s, "a", "a0000");
    del_range(s, "c", "");
    del_range(s, "b", "a9");
    assert_int_equal(check_store(s).keys, 1505);
    del_range(s, "b", "");
    expect_keys(s, "", "", false, 9, "a1497 a1498 a1499");
    del_range(s, "", "a1499");
    expect_keys(s, "", "", false, 9, "a1499");
    del_range(s, "", "");
    assert_int_equal(check_store(s).keys, 2);
    b = pv_batch_new(); /* what the batch put before goes too */
    pv_batch_put(b, str("q"), str("1"), str("1"), NULL);
    pv_batch_del_range(b, str("q"), str(""), str(""), NULL);
    pv_batch_put(b, str("q"), str("2"), str("2"), NULL);
    assert_int_equal(pv_batch_del_range(b, str(""), str(""), str(""), &err), PV_EINVAL);
    commit(s, b);
    expect_keys(s, "", "", false, 9, "2");
    pv_store_close(s);
}

static void test_del_journal(void **state)
{
    pv_store *s = open_store(*state);
    pv_batch *b = pv_batch_new();
    pv_err err;
    for (int i = 0; i < 2000; i++)
        pv_batch_journal(b, str(i % 2 == 0 ? "gone" : "kept"), str("x"), NULL);
    commit(s, b);
    b = pv_batch_new();
    assert_int_equal(pv_batch_del_journal(b, str("gone"), NULL), PV_OK);
    assert_int_equal(pv_batch_del_journal(b, str("never"), NULL), PV_OK);
    assert_int_equal(pv_batch_del_journal(b, str(""), &err), PV_EINVAL);
    pv_batch_journal(b, str("gone"), str("again"), NULL);
    commit(s, b);
    assert_int_equal(check_store(s).journal, 1001);
    expect_journal(s, "gone", 0, "2001:again");
    expect_journal(s, "kept", 1999, "2000:x");
    b = pv_batch_new(); /* the last record too: its number is not given again */
    pv_batch_del_journal(b, str("gone"), NULL);
    commit(s, b);
    add_record(s, "new", "y");
    expect_journal(s, "", 2000, "2000:x 2002:y");
    assert_int_equal(check_store(s).journal, 1001);
    pv_store_close(s);
}

static void test_locks(void **state)
{
    pv_store *s = open_store(*state);
    uint64_t first, second, token = 9;
    int64_t expires = 0;
    pv_buf holder = {0};
    pv_cursor *c;
    pv_row row;
    pv_err err = {0};
    assert_int_equal(
        pv_store_claim(s, str("ws"), str("alice"), 1000, 5000, &first, &expires, &holder, &err),
        PV_OK);
    assert_int_equal(
        pv_store_claim(s, str("ws"), str("bob"), 1000, 5999, &token, &expires, &holder, &err),
        PV_EBUSY);
    assert_int_equal(token, first); /* who knows that alice is dead may release it */
    assert_int_equal(expires, 6000);
    assert_string_equal(holder.data, "alice");
    assert_string_equal(err.msg, "'ws' is locked by alice");
    /* The owner's name gives nothing: two processes may share it. */
    assert_int_equal(
        pv_store_claim(s, str("ws"), str("alice"), 1000, 5999, &token, NULL, NULL, NULL), PV_EBUSY);
    assert_int_equal(
        pv_store_claim(s, str("other"), str("bob"), 1000, 5999, &token, NULL, NULL, NULL), PV_OK);
    assert_int_equal(pv_store_renew(s, str("ws"), first, 1000, 5900, NULL), PV_OK);
    assert_int_equal(pv_store_claim(s, str("ws"), str("bob"), 1000, 6500, &token, NULL, NULL, NULL),
                     PV_EBUSY);
    assert_int_equal(pv_store_renew(s, str("ws"), first + 100, 1000, 5900, NULL), PV_ECONFLICT);

    assert_int_equal(
        pv_store_claim(s, str("ws"), str("bob"), 1000, 6900, &second, NULL, NULL, NULL), PV_OK);
    assert_true(second > first);
    assert_int_equal(pv_store_renew(s, str("ws"), first, 1000, 6950, NULL), PV_ECONFLICT);
    assert_int_equal(pv_store_release(s, str("ws"), first, &err), PV_ECONFLICT);
    assert_int_equal(pv_store_release(s, str("ws"), second, NULL), PV_OK);
    assert_int_equal(pv_store_release(s, str("ws"), second, NULL), PV_ECONFLICT);
    pv_store_close(s);
    s = open_store(*state);
    assert_int_equal(pv_store_claim(s, str("ws"), str("carl"), 1, 0, &token, NULL, NULL, NULL),
                     PV_OK);
    assert_true(token > second); /* tokens never come again */
    assert_int_equal(pv_store_claim(s, str("ws"), str("carl"), 0, 5, &token, NULL, NULL, NULL),
                     PV_EINVAL);
    assert_int_equal(pv_store_claim(s, str(""), str("carl"), 5, 5, &token, NULL, NULL, NULL),
                     PV_EINVAL);
    assert_int_equal(
        pv_store_claim(s, str("ws"), str("carl"), INT64_MAX, 5, &token, NULL, NULL, NULL), PV_OK);
    assert_int_equal(pv_store_locks(s, &c, NULL), PV_OK);
    assert_int_equal(pv_cursor_next(c, &row, NULL), PV_OK); /* "other" comes first */
    assert_int_equal(pv_cursor_next(c, &row, NULL), PV_OK);
    assert_memory_equal(row.id.data, "ws", 2);
    assert_memory_equal(row.data.data, "carl", 4);
    assert_int_equal(row.number, token);
    assert_true(row.time == INT64_MAX);
    assert_int_equal(pv_cursor_next(c, &row, NULL), PV_ENOTFOUND);
    pv_cursor_close(c);
    pv_buf_deinit(&holder);
    pv_store_close(s);
}

static pv_batch *with_epoch(uint64_t token)
{
    pv_batch *b = pv_batch_new();
    pv_batch_epoch(b, token);
    pv_batch_node(b, str("a"), str("t"), str("v"), NULL);
    return b;
}

static void test_epoch(void **state)
{
    pv_store *s = open_store(*state);
    uint64_t first, second;
    refused(s, with_epoch(1), PV_ECONFLICT, "token 1");
    assert_int_equal(pv_store_claim(s, str("ws"), str("alice"), 10, 0, &first, NULL, NULL, NULL),
                     PV_OK);
    commit(s, with_epoch(first));
    commit(s, with_epoch(first)); /* expired, but nobody took over: still the only writer */
    assert_int_equal(pv_store_claim(s, str("ws"), str("bob"), 10, 20, &second, NULL, NULL, NULL),
                     PV_OK);
    refused(s, with_epoch(first), PV_ECONFLICT, "no longer held");
    refused(s, with_epoch(0), PV_ECONFLICT, "no longer held");
    commit(s, with_epoch(second));
    assert_int_equal(pv_store_release(s, str("ws"), second, NULL), PV_OK);
    refused(s, with_epoch(second), PV_ECONFLICT, "no longer held");
    pv_store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_journal, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_spaces, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_ranges, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_scan_reads_no_more, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_del_range, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_del_journal, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_locks, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(test_epoch, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
