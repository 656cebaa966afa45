/* known_hosts: names, patterns, hashes, marks, and lines that are none. */
#include "net_util.h"

#include <sys/stat.h>

#include "net/knownhosts.h"

#define ED "ssh-ed25519"
/* "|1|" with the HMAC-SHA1 of "hashed.example", which ssh-keygen -F finds. */
#define HASHED "|1|AAECAwQFBgcICQoLDA0ODxAREhM=|fdLE3hXPaTAOXV+bPV77OkdsKnU="

static void expect(const char *path, const char *host, int port, const char *base64,
                   pv_host_verdict verdict, int line)
{
    pv_knownhost found = {.verdict = (pv_host_verdict)99, .line = 99};
    pv_err err = {0};
    if (pv_knownhosts_find(&found, path, host, port, ED, base64, &err) != PV_OK)
        fail_msg("%s", err.msg);
    if (found.verdict != verdict || found.line != line)
        fail_msg("%s %d %s: verdict %d line %d, not %d and %d", host, port, base64, found.verdict,
                 found.line, verdict, line);
}

static void finds_names(void **state)
{
    char path[128];
    put_file(*state, path, "known",
             "# a comment\n"
             "\n"
             "one.example,two.example ssh-ed25519 AAAA comment\n"
             "[one.example]:2222 ssh-ed25519 BBBB\r\n"
             "*.net,!bad.net,1?.0.0.1 ssh-ed25519 CCCC\n"
             "broken\n"
             "one.example ssh-rsa DDDD\n"
             "last ssh-ed25519 EEEE");
    expect(path, "one.example", 22, "AAAA", PV_HOST_KNOWN, 3);
    expect(path, "TWO.example", 22, "AAAA", PV_HOST_KNOWN, 3);
    expect(path, "two.example", 22, "BBBB", PV_HOST_CHANGED, 3);
    expect(path, "one.example", 2222, "BBBB", PV_HOST_KNOWN, 4);
    expect(path, "two.example", 2222, "AAAA", PV_HOST_UNKNOWN, 0);
    expect(path, "a.b.net", 22, "CCCC", PV_HOST_KNOWN, 5);
    expect(path, "bad.net", 22, "CCCC", PV_HOST_UNKNOWN, 0);
    expect(path, "10.0.0.1", 22, "CCCC", PV_HOST_KNOWN, 5);
    expect(path, "1.0.0.1", 22, "CCCC", PV_HOST_UNKNOWN, 0);
    expect(path, "broken", 22, "AAAA", PV_HOST_UNKNOWN, 0);
    expect(path, "last", 22, "EEEE", PV_HOST_KNOWN, 8);
    expect(path, "last", 22, "EEE", PV_HOST_CHANGED, 8);
}

static void knows_hashed_names(void **state)
{
    char path[128];
    put_file(*state, path, "known",
             "|1|short|hash ssh-ed25519 AAAA\n" HASHED " ssh-ed25519 AAAA\n");
    expect(path, "hashed.example", 22, "AAAA", PV_HOST_KNOWN, 2);
    expect(path, "hashed.example", 22, "BBBB", PV_HOST_CHANGED, 2);
    expect(path, "other.example", 22, "AAAA", PV_HOST_UNKNOWN, 0);
}

static void obeys_marks(void **state)
{
    char path[128];
    put_file(*state, path, "known",
             "h ssh-ed25519 AAAA\n"
             "@revoked * ssh-ed25519 AAAA\n"
             "@cert-authority * ssh-ed25519 CCCC\n"
             "h ssh-ed25519 BBBB\n");
    expect(path, "h", 22, "AAAA", PV_HOST_REVOKED, 2);
    expect(path, "h", 22, "BBBB", PV_HOST_KNOWN, 4);   /* after another key of the host */
    expect(path, "h", 22, "CCCC", PV_HOST_CHANGED, 1); /* an authority is no host key */
    expect(path, "other", 22, "CCCC", PV_HOST_UNKNOWN, 0);
}

static void refuses_files_it_cannot_read(void **state)
{
    fixture *f = *state;
    char path[128];
    pv_knownhost found;
    pv_err err;
    FILE *file;
    put_file(f, path, "missing", NULL);
    expect(path, "h", 22, "AAAA", PV_HOST_UNKNOWN, 0);
    assert_int_equal(pv_knownhosts_find(&found, f->dir, "h", 22, ED, "AAAA", &err), PV_EIO);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(ftruncate(fileno(file), (16 << 20) + 1), 0);
    fclose(file);
    assert_int_equal(pv_knownhosts_find(&found, path, "h", 22, ED, "AAAA", &err), PV_ELIMIT);
    assert_says(&err, PV_ELIMIT, "is larger than");
}

static void lists_types(void **state)
{
    char path[128];
    pv_buf out;
    put_file(*state, path, "known",
             "h ssh-rsa AAAA\n"
             "h ssh-ed25519 AAAA\n"
             "h ssh-ed25519 BBBB\n"
             "@revoked h ecdsa-sha2-nistp256 AAAA\n"
             "other ecdsa-sha2-nistp256 AAAA\n");
    pv_buf_init(&out, 1024);
    assert_int_equal(pv_knownhosts_types(&out, path, "nobody", 22, NULL), PV_OK);
    assert_int_equal(out.len, 0);
    assert_int_equal(pv_knownhosts_types(&out, path, "h", 22, NULL), PV_OK);
    assert_string_equal(out.data, "rsa-sha2-512,rsa-sha2-256,ssh-ed25519");
    pv_buf_deinit(&out);
}

static void adds_lines(void **state)
{
    fixture *f = *state;
    char path[128], text[256] = "";
    struct stat st;
    FILE *file;
    put_file(f, path, "known", NULL);
    assert_int_equal(pv_knownhosts_add(path, "New.example", 22, ED, "AAAA", NULL), PV_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    expect(path, "new.example", 22, "AAAA", PV_HOST_KNOWN, 1);
    put_file(f, path, "known", "a ssh-ed25519 AAAA"); /* no newline at its end */
    assert_int_equal(pv_knownhosts_add(path, "b", 2222, ED, "BBBB", NULL), PV_OK);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_string_equal(text, "a ssh-ed25519 AAAA\n[b]:2222 ssh-ed25519 BBBB\n");
    assert_int_not_equal(pv_knownhosts_add("/nonexistent/x", "b", 22, ED, "AAAA", NULL), PV_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_names, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(knows_hashed_names, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(obeys_marks, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(refuses_files_it_cannot_read, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(lists_types, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(adds_lines, net_setup, net_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
