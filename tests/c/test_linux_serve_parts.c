/* Of the process of a lab what needs no process: HTTP heads, names, what may be cached. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "linux/fetch.h"
#include "linux/serve_parts.h"

static pv_bytes str(const char *text)
{
    return (pv_bytes){text, strlen(text)};
}

static void count_line(void *arg, pv_bytes line)
{
    assert_true(line.len > 0);
    ++*(int *)arg;
}

static void reads_heads(void **state)
{
    const char *text = "GET / HTTP/1.1\r\nHost:  a.b \r\nRange: x\r\n\r\nbody";
    pv_http_head head = {text, pv_http_head_size(str(text))};
    int lines = 0;
    (void)state;
    assert_int_equal(head.len, strlen(text) - 4);
    assert_int_equal(pv_http_head_size(str("GET / HTTP/1.1\r\nHost: x\r\n")), 0);
    assert_int_equal(pv_http_head_size(str("")), 0);
    assert_int_equal(pv_http_field(head, "host").len, 3);
    assert_memory_equal(pv_http_field(head, "host").data, "a.b", 3);
    assert_null(pv_http_field(head, "hos").data);
    assert_null(pv_http_field(head, "Connection").data);
    assert_true(pv_http_is(str("Range: x"), "range"));
    assert_false(pv_http_is(str("Ranges: x"), "range"));
    pv_http_each(head, count_line, &lines);
    assert_int_equal(lines, 2);
}

static void knows_what_never_changes(void **state)
{
    (void)state;
    assert_true(pv_fetch_cacheable("/debian/pool/a_1.deb"));
    assert_true(pv_fetch_cacheable("/debian/dists/x/by-hash/SHA256/abc"));
    assert_false(pv_fetch_cacheable("/debian/dists/x/InRelease"));
    assert_false(pv_fetch_cacheable(".deb"));
}

static int ask_name(const char *name, int type, const char *from, unsigned char *out, size_t *len)
{
    static pv_serve_name names[2];
    pv_serve serve = {.names = names, .name_count = 2};
    unsigned char q[300] = {0x12, 0x34, 0x01, 0, 0, 1};
    struct in_addr asker;
    pv_buf answer;
    size_t at = 12, n = strlen(name);
    int ok;
    for (int i = 0; i < 2; i++) {
        names[i].hostname = i == 0 ? "web" : "db";
        inet_pton(AF_INET, i == 0 ? "10.1.0.2" : "10.2.0.2", &names[i].ip);
        names[i].mask.s_addr = htonl(0xffffff00);
        names[i].net.s_addr = names[i].ip.s_addr & names[i].mask.s_addr;
    }
    q[at++] = (unsigned char)n;
    memcpy(q + at, name, n);
    at += n;
    q[at++] = 0;
    q[at + 1] = (unsigned char)type;
    q[at + 3] = 1;
    at += 4;
    inet_pton(AF_INET, from, &asker);
    pv_buf_init(&answer, 1500);
    ok = pv_names_answer(&serve, asker, q, at, &answer);
    *len = answer.len;
    if (answer.len > 0) memcpy(out, answer.data, answer.len);
    /* Every shorter packet is refused or answered, never read beyond. */
    for (size_t cut = 0; cut < at; cut++) {
        unsigned char *exact = malloc(cut != 0 ? cut : 1);
        assert_non_null(exact);
        memcpy(exact, q, cut);
        pv_buf_reset(&answer);
        pv_names_answer(&serve, asker, exact, cut, &answer);
        free(exact);
    }
    pv_buf_deinit(&answer);
    return ok;
}

static void answers_names_of_the_askers_network(void **state)
{
    unsigned char out[1500];
    size_t len;
    (void)state;
    assert_true(ask_name("WEB", 1, "10.1.0.9", out, &len));
    assert_int_equal(out[3] & 15, 0);
    assert_int_equal(out[7], 1);
    assert_memory_equal(out + len - 4, "\x0a\x01\x00\x02", 4);
    assert_true(ask_name("web", 28, "10.1.0.9", out, &len)); /* AAAA: there, but none */
    assert_int_equal(out[3] & 15, 0);
    assert_int_equal(out[7], 0);
    assert_true(ask_name("db", 1, "10.1.0.9", out, &len)); /* on the other network */
    assert_int_equal(out[3] & 15, 3);
    assert_true(ask_name("nobody", 1, "10.1.0.9", out, &len));
    assert_int_equal(out[3] & 15, 3);
}

static void ignores_what_is_no_question(void **state)
{
    static const unsigned char response[] = {0, 0, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1};
    static const unsigned char pointer[] = {0, 0, 0, 0,    0,  1, 0, 0, 0,
                                            0, 0, 0, 0xc0, 12, 0, 1, 0, 1};
    pv_serve serve = {.names = NULL};
    pv_buf answer;
    (void)state;
    pv_buf_init(&answer, 1500);
    assert_false(pv_names_answer(&serve, (struct in_addr){0}, response, sizeof response, &answer));
    assert_false(pv_names_answer(&serve, (struct in_addr){0}, pointer, sizeof pointer, &answer));
    assert_false(pv_names_answer(&serve, (struct in_addr){0}, response, 3, &answer));
    pv_buf_deinit(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_heads),
        cmocka_unit_test(knows_what_never_changes),
        cmocka_unit_test(answers_names_of_the_askers_network),
        cmocka_unit_test(ignores_what_is_no_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
