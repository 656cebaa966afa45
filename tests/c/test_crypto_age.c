/* age files, judged by the CCTV suite where it is present. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/mem.h"
#include "crypto/age.h"
#include "crypto/bech32.h"
#include "crypto/digest.h"

static pv_bytes str(const char *text)
{
    return (pv_bytes){text, strlen(text)};
}

static pv_bytes view(const pv_buf *buf)
{
    return (pv_bytes){buf->data != NULL ? buf->data : "", buf->len};
}

/* ---- The suite ---- */

typedef struct vector {
    char name[64], expect[32], payload[65], identity[8][1024], passphrase[8][128];
    size_t identities, passphrases;
    bool armored, hybrid;
    pv_buf file;
} vector;

static void inflate_all(pv_buf *buf)
{
    uLongf len = 64u << 20;
    char *room = pv_alloc(len);
    assert_int_equal(uncompress((Bytef *)room, &len, (const Bytef *)buf->data, buf->len), Z_OK);
    pv_buf_reset(buf);
    pv_buf_add(buf, room, len);
    pv_free(room);
}

static void read_vector(vector *v, const char *path)
{
    FILE *file = fopen(path, "rb");
    char line[2048], *value;
    bool compressed = false;
    size_t n;
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL && line[0] != '\n') {
        line[strcspn(line, "\n")] = '\0';
        value = strstr(line, ": ");
        assert_non_null(value);
        *value = '\0';
        value += 2;
        if (strcmp(line, "expect") == 0) snprintf(v->expect, sizeof v->expect, "%s", value);
        if (strcmp(line, "payload") == 0) snprintf(v->payload, sizeof v->payload, "%s", value);
        if (strcmp(line, "identity") == 0) {
            assert_true(v->identities < 8);
            if (strstr(value, "-PQ-") != NULL) v->hybrid = true;
            snprintf(v->identity[v->identities++], sizeof v->identity[0], "%s", value);
        }
        if (strcmp(line, "passphrase") == 0) {
            assert_true(v->passphrases < 8);
            snprintf(v->passphrase[v->passphrases++], sizeof v->passphrase[0], "%s", value);
        }
        if (strcmp(line, "armored") == 0) v->armored = true;
        if (strcmp(line, "compressed") == 0) compressed = true;
    }
    while ((n = fread(line, 1, sizeof line, file)) > 0) pv_buf_add(&v->file, line, n);
    fclose(file);
    if (compressed) inflate_all(&v->file);
}

static pv_status unwrap_any(const vector *v, const pv_age_header *header, pv_secret **file_key)
{
    pv_status status = PV_ENOTFOUND;
    for (size_t i = 0; i < v->identities + v->passphrases && status == PV_ENOTFOUND; i++) {
        pv_age_key *key = NULL;
        if (i < v->identities)
            assert_int_equal(pv_age_identity(&key, str(v->identity[i]), str(""), NULL), PV_OK);
        else
            assert_int_equal(
                pv_age_passphrase(&key, str(v->passphrase[i - v->identities]), 0, NULL), PV_OK);
        status = pv_age_unwrap(key, header, file_key, NULL);
        pv_age_key_free(key);
    }
    return status;
}

/* Reads the vector's file `step` bytes at a time; says how it ended in the suite's words. */
static const char *decrypt(const vector *v, size_t step, pv_buf *plain)
{
    pv_buf file = {0};
    pv_age_header header = {0};
    pv_secret *file_key = NULL;
    pv_age_stream *stream = NULL;
    size_t used = 0;
    pv_status status = PV_OK;
    const char *result = "success";
    if (v->armored) {
        pv_age_armor *armor = NULL;
        pv_age_armor_new(&armor, false);
        for (size_t at = 0; status == PV_OK && at <= v->file.len; at += step) {
            size_t left = v->file.len - at;
            status =
                pv_age_armor_feed(armor, (pv_bytes){v->file.data + at, left < step ? left : step},
                                  left < step, &file, NULL);
        }
        pv_age_armor_free(armor);
        if (status != PV_OK) {
            pv_buf_deinit(&file);
            return "armor failure";
        }
    } else {
        pv_buf_add(&file, v->file.data, v->file.len);
    }
    status = pv_age_header_read(&header, view(&file), true, &used, NULL);
    if (status == PV_OK) status = unwrap_any(v, &header, &file_key);
    if (status == PV_EINVAL || status == PV_ELIMIT) result = "header failure";
    if (status == PV_ENOTFOUND) result = "no match";
    if (status == PV_EAUTH) result = "HMAC failure";
    if (status == PV_OK) {
        assert_int_equal(pv_age_opening(&stream, file_key, NULL), PV_OK);
        for (size_t at = used; status == PV_OK && at <= file.len; at += step) {
            size_t left = file.len - at;
            status = pv_age_feed(stream, (pv_bytes){file.data + at, left < step ? left : step},
                                 left < step, plain, NULL);
        }
        if (status == PV_EINVAL) result = "header failure"; /* no nonce */
        if (status == PV_ECORRUPT) result = "payload failure";
    }
    pv_age_stream_free(stream);
    pv_secret_free(file_key);
    pv_age_header_deinit(&header);
    pv_buf_deinit(&file);
    return result;
}

static void one_vector(const char *folder, const char *name, int *run, int *left_out)
{
    static const size_t steps[] = {1u << 30, 1000, 65552, 7};
    char path[4400];
    vector *v = pv_alloc(sizeof *v);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    read_vector(v, path);
    if (v->hybrid) {
        ++*left_out;
    } else {
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            pv_buf plain = {0};
            unsigned char hash[PV_SHA256_LEN];
            char hex[2 * PV_SHA256_LEN + 1] = "";
            const char *result;
            if (i > 0 && (v->passphrases > 0 || (steps[i] < 100 && v->file.len > 100000))) continue;
            result = decrypt(v, steps[i], &plain);
            if (strcmp(result, v->expect) != 0)
                fail_msg("%s by %zu: %s, not %s", name, steps[i], result, v->expect);
            if (v->payload[0] != '\0') {
                assert_int_equal(pv_digest(PV_SHA256, view(&plain), hash, NULL), PV_OK);
                pv_hex(hash, sizeof hash, hex);
                if (strcmp(hex, v->payload) != 0) fail_msg("%s: another payload", name);
            }
            pv_buf_deinit(&plain);
        }
        ++*run;
    }
    pv_buf_deinit(&v->file);
    pv_free(v);
}

static void test_cctv(void **state)
{
    const char *shared = getenv("PROV_SHARED"), *source = getenv("PROV_SOURCE");
    char folder[4096];
    int run = 0, left_out = 0;
    struct dirent *entry;
    DIR *dir;
    (void)state;
    snprintf(folder, sizeof folder, "%s%s/suites/age-cctv/testdata",
             shared != NULL   ? shared
             : source != NULL ? source
                              : ".",
             shared != NULL ? "" : "/../shared");
    if ((dir = opendir(folder)) == NULL) {
        print_message("SKIP: no age-cctv\n");
        skip();
    }
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.') one_vector(folder, entry->d_name, &run, &left_out);
    closedir(dir);
    print_message("%d vectors, %d of hybrid keys left out\n", run, left_out);
    assert_true(run >= 120);
}

/* ---- Round trips ---- */

static void fill(pv_buf *buf, size_t len)
{
    char *to = pv_buf_reserve(buf, len);
    for (size_t i = 0; i < len; i++) to[i] = (char)(i * 7 + i / 251);
    buf->len += len;
}

static pv_secret *file_key_new(void)
{
    pv_secret *key = pv_secret_new(PV_AGE_KEY_LEN);
    assert_int_equal(pv_random(key->data, key->len, NULL), PV_OK);
    return key;
}

static void comes_back(const pv_age_key *recipient, const pv_age_key *identity)
{
    pv_secret *file_key = file_key_new(), *got = NULL;
    pv_age_header header = {0}, read = {0};
    pv_buf text = {0};
    size_t used;
    assert_int_equal(pv_age_wrap(recipient, file_key, &header, NULL), PV_OK);
    assert_int_equal(pv_age_header_write(&header, file_key, &text, NULL), PV_OK);
    for (size_t len = 0; len < text.len; len++) { /* whole, or not yet */
        pv_status status =
            pv_age_header_read(&read, (pv_bytes){text.data, len}, false, &used, NULL);
        assert_int_equal(status, PV_OK);
        assert_int_equal(used, 0);
        pv_age_header_deinit(&read);
        status = pv_age_header_read(&read, (pv_bytes){text.data, len}, true, &used, NULL);
        assert_int_equal(status, PV_EINVAL);
        pv_age_header_deinit(&read);
    }
    assert_int_equal(pv_age_header_read(&read, view(&text), true, &used, NULL), PV_OK);
    assert_int_equal(used, text.len);
    assert_int_equal(pv_age_unwrap(identity, &read, &got, NULL), PV_OK);
    assert_memory_equal(got->data, file_key->data, PV_AGE_KEY_LEN);
    pv_secret_free(got);
    read.text.data[read.text.len - 5] ^= 1;
    assert_int_not_equal(pv_age_unwrap(identity, &read, &got, NULL), PV_OK);
    assert_null(got);
    pv_age_header_deinit(&header);
    pv_age_header_deinit(&read);
    pv_buf_deinit(&text);
    pv_secret_free(file_key);
}

static void test_x25519(void **state)
{
    pv_age_key *key = NULL, *again = NULL, *to = NULL, *other = NULL;
    pv_secret *secret = NULL, *file_key = file_key_new(), *got = NULL;
    pv_age_header header = {0};
    pv_buf text = {0};
    pv_err err;
    (void)state;
    assert_int_equal(pv_age_keygen(&key, NULL), PV_OK);
    assert_int_equal(pv_age_keygen(&other, NULL), PV_OK);
    assert_int_equal(pv_age_secret(key, &secret, NULL), PV_OK);
    assert_int_equal(secret->len, 74);
    assert_int_equal(pv_age_identity(&again, pv_secret_bytes(secret), str(""), NULL), PV_OK);
    assert_int_equal(pv_age_public(again, &text, NULL), PV_OK);
    assert_int_equal(text.len, 62);
    assert_int_equal(pv_age_recipient(&to, view(&text), NULL), PV_OK);
    comes_back(to, again);
    assert_int_equal(pv_age_key_type(to), PV_AGE_X25519);
    assert_int_equal(pv_age_wrap(to, file_key, &header, NULL), PV_OK);
    assert_int_equal(pv_age_unwrap(other, &header, &got, &err), PV_ENOTFOUND);
    pv_age_key_free(to);
    text.data[20] = text.data[20] == 'q' ? 'p' : 'q';
    assert_int_equal(pv_age_recipient(&to, view(&text), &err), PV_EINVAL);
    assert_int_equal(pv_age_recipient(&to, pv_secret_bytes(secret), &err), PV_EINVAL);
    assert_null(strstr(err.msg, "AGE-SECRET-KEY-1"));
    assert_int_equal(pv_age_recipient(&to, str("age1yubikey1qqqq"), &err), PV_EUNSUPPORTED);
    assert_int_equal(pv_age_recipient(&to, str("nonsense"), &err), PV_EINVAL);
    assert_int_equal(pv_age_recipient(&to, str("age1foo"), &err), PV_EINVAL);
    assert_string_equal(err.msg, "not an age recipient: it is too short");
    assert_int_equal(pv_age_identity(&to, str("AGE-PLUGIN-X-1QQ"), str(""), &err), PV_EUNSUPPORTED);
    assert_int_equal(pv_age_recipient_of(&to, str("AGE-SECRET-KEY-1"), &err), PV_EINVAL);
    assert_null(to);
    pv_age_header_deinit(&header);
    pv_secret_free(secret);
    pv_secret_free(file_key);
    pv_age_key_free(key);
    pv_age_key_free(again);
    pv_age_key_free(other);
    pv_buf_deinit(&text);
}

static void test_passphrase(void **state)
{
    pv_age_key *key = NULL, *wrong = NULL;
    pv_secret *file_key = file_key_new(), *got = NULL;
    pv_age_header header = {0};
    (void)state;
    assert_int_equal(pv_age_passphrase(&key, str("a b c"), 10, NULL), PV_OK);
    assert_int_equal(pv_age_passphrase(&wrong, str("a b"), 10, NULL), PV_OK);
    comes_back(key, key);
    assert_int_equal(pv_age_wrap(key, file_key, &header, NULL), PV_OK);
    assert_int_equal(pv_age_unwrap(wrong, &header, &got, NULL), PV_ENOTFOUND);
    assert_int_equal(pv_age_wrap(key, file_key, &header, NULL), PV_EINVAL); /* alone */
    pv_age_key_free(wrong);
    assert_int_equal(pv_age_passphrase(&wrong, str("a"), 23, NULL), PV_EINVAL);
    assert_null(wrong);
    pv_age_header_deinit(&header);
    pv_secret_free(file_key);
    pv_age_key_free(key);
}

static void test_stream_sizes(void **state)
{
    static const size_t sizes[] = {0,      1,      65535,  65536,   65537,   131071,
                                   131072, 131073, 200000, 1048575, 1048576, 1048577};
    pv_secret *key = file_key_new();
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        pv_buf plain = {0}, sealed = {0}, back = {0};
        pv_age_stream *stream = NULL;
        fill(&plain, sizes[i]);
        assert_int_equal(pv_age_sealing(&stream, key, &sealed, NULL), PV_OK);
        for (size_t at = 0; at < plain.len; at += 9999) {
            size_t left = plain.len - at;
            assert_int_equal(pv_age_feed(stream,
                                         (pv_bytes){plain.data + at, left < 9999 ? left : 9999},
                                         false, &sealed, NULL),
                             PV_OK);
        }
        assert_int_equal(pv_age_feed(stream, str(""), true, &sealed, NULL), PV_OK);
        assert_int_equal(pv_age_feed(stream, str(""), true, &sealed, NULL), PV_ECLOSED);
        pv_age_stream_free(stream);
        assert_int_equal(sealed.len,
                         16 + plain.len + 16 * (plain.len == 0 ? 1 : (plain.len + 65535) / 65536));
        assert_int_equal(pv_age_opening(&stream, key, NULL), PV_OK);
        assert_int_equal(pv_age_feed(stream, view(&sealed), true, &back, NULL), PV_OK);
        pv_age_stream_free(stream);
        assert_int_equal(back.len, plain.len);
        if (plain.len != 0) assert_memory_equal(back.data, plain.data, plain.len);
        /* The pump gives and takes the same, part of it read ahead. */
        {
            FILE *in = tmpfile(), *mid = tmpfile(), *out = tmpfile();
            unsigned long long done = 0;
            size_t ahead = plain.len < 100 ? plain.len : 100;
            char *got = pv_alloc(plain.len + 1);
            assert_true(in != NULL && mid != NULL && out != NULL);
            assert_int_equal(fwrite(view(&plain).data + ahead, 1, plain.len - ahead, in),
                             plain.len - ahead);
            fflush(in);
            lseek(fileno(in), 0, SEEK_SET);
            assert_int_equal(pv_age_pump(true, key, (pv_bytes){view(&plain).data, ahead},
                                         fileno(in), fileno(mid), &done, NULL),
                             PV_OK);
            assert_int_equal(done, sealed.len);
            lseek(fileno(mid), 0, SEEK_SET);
            assert_int_equal(
                pv_age_pump(false, key, (pv_bytes){"", 0}, fileno(mid), fileno(out), &done, NULL),
                PV_OK);
            assert_int_equal(done, plain.len);
            lseek(fileno(out), 0, SEEK_SET);
            assert_int_equal(read(fileno(out), got, plain.len + 1), plain.len);
            if (plain.len != 0) assert_memory_equal(got, plain.data, plain.len);
            /* and cut off by a byte it fails, with what was whole written */
            lseek(fileno(mid), 0, SEEK_SET);
            assert_int_equal(ftruncate(fileno(mid), (off_t)sealed.len - 1), 0);
            assert_int_equal(ftruncate(fileno(out), 0), 0);
            assert_int_equal(
                pv_age_pump(false, key, (pv_bytes){"", 0}, fileno(mid), fileno(out), &done, NULL),
                PV_ECORRUPT);
            assert_true(done <= plain.len && done % 65536 == 0);
            fclose(in);
            fclose(mid);
            fclose(out);
            pv_free(got);
        }
        pv_buf_deinit(&plain);
        pv_buf_deinit(&sealed);
        pv_buf_deinit(&back);
    }
    pv_secret_free(key);
}

static void test_pump_fails(void **state)
{
    pv_secret *key = file_key_new();
    unsigned long long done = 0;
    pv_err err = {0};
    int pipes[2];
    (void)state;
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(pv_age_pump(true, key, str("x"), pipes[1], pipes[1], &done, &err), PV_EIO);
    assert_int_equal(pv_age_pump(true, key, str("x"), pipes[0], pipes[0], &done, &err), PV_EIO);
    close(pipes[0]);
    close(pipes[1]);
    pv_secret_free(key);
}

static void test_armor(void **state)
{
    (void)state;
    for (size_t len = 0; len < 200; len++) {
        pv_buf plain = {0}, text = {0}, back = {0};
        pv_age_armor *armor = NULL;
        fill(&plain, len);
        pv_age_armor_new(&armor, true);
        for (size_t i = 0; i < len; i++)
            assert_int_equal(
                pv_age_armor_feed(armor, (pv_bytes){plain.data + i, 1}, false, &text, NULL), PV_OK);
        assert_int_equal(pv_age_armor_feed(armor, str(""), true, &text, NULL), PV_OK);
        pv_age_armor_free(armor);
        assert_true(pv_age_is_armor(view(&text)));
        if (len > 0) {
            pv_age_armor_new(&armor, false);
            assert_int_equal(pv_age_armor_feed(armor, view(&text), true, &back, NULL), PV_OK);
            assert_int_equal(back.len, len);
            assert_memory_equal(back.data, plain.data, len);
            pv_age_armor_free(armor);
        }
        pv_buf_deinit(&plain);
        pv_buf_deinit(&text);
        pv_buf_deinit(&back);
    }
    assert_false(pv_age_is_armor(str("age-encryption.org/v1\n")));
    assert_true(pv_age_is_armor(str(" \n\t-----BEGIN AGE ENCRYPTED FILE-----\n")));
}

/* BIP 173's own examples: what they hold, in groups of five, is no whole number of bytes in some.
 */
static void test_bech32(void **state)
{
    static const char *const bad[] = {"a12uel5x", "A12uel5l", "a1lqfn3", "pzry9x0s0muk",
                                      "a1",       "",         "a12uel5"};
    pv_buf out = {0}, text = {0};
    (void)state;
    assert_int_equal(pv_bech32_read(&out, "a", str("a12uel5l"), NULL), PV_OK);
    assert_int_equal(out.len, 0);
    assert_int_equal(pv_bech32_read(&out, "A", str("A12UEL5L"), NULL), PV_OK);
    assert_int_equal(
        pv_bech32_read(&out, "split",
                       str("split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w"), NULL),
        PV_OK);
    assert_int_equal(out.len, 30);
    pv_bech32_write(&text, "split", view(&out));
    assert_string_equal(text.data, "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(pv_bech32_read(&out, "a", str(bad[i]), NULL), PV_EINVAL);
    pv_buf_deinit(&out);
    pv_buf_deinit(&text);
}

/* Stanzas that somebody else made, as plugins do. */
static void test_foreign_stanzas(void **state)
{
    const char *args[] = {"mine", "a", "b"}, *empty[] = {"mine", ""}, *white[] = {"a b"};
    pv_secret *key = file_key_new(), *other = file_key_new();
    (void)state;
    for (size_t len = 0; len <= 150; len++) {
        pv_age_header header = {0}, read = {0};
        pv_buf body = {0}, text = {0};
        size_t used;
        fill(&body, len);
        assert_int_equal(pv_age_header_add(&header, args, 3, view(&body), NULL), PV_OK);
        assert_int_equal(pv_age_header_write(&header, key, &text, NULL), PV_OK);
        assert_int_equal(pv_age_header_read(&read, view(&text), true, &used, NULL), PV_OK);
        assert_int_equal(read.count, 1);
        assert_int_equal(read.stanzas[0].count, 3);
        assert_string_equal(read.stanzas[0].args[2], "b");
        assert_int_equal(read.stanzas[0].body.len, len);
        assert_int_equal(pv_age_header_check(&read, key, NULL), PV_OK);
        assert_int_equal(pv_age_header_check(&read, other, NULL), PV_EAUTH);
        pv_age_header_deinit(&header);
        pv_age_header_deinit(&read);
        pv_buf_deinit(&body);
        pv_buf_deinit(&text);
    }
    {
        pv_age_header header = {0};
        pv_buf text = {0};
        assert_int_equal(pv_age_header_write(&header, key, &text, NULL), PV_EINVAL);
        assert_int_equal(pv_age_header_add(&header, empty, 2, str(""), NULL), PV_EINVAL);
        assert_int_equal(pv_age_header_add(&header, white, 1, str(""), NULL), PV_EINVAL);
        assert_int_equal(pv_age_header_add(&header, args, 0, str(""), NULL), PV_EINVAL);
        pv_age_header_deinit(&header);
    }
    pv_secret_free(key);
    pv_secret_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bech32),     cmocka_unit_test(test_foreign_stanzas),
        cmocka_unit_test(test_cctv),       cmocka_unit_test(test_x25519),
        cmocka_unit_test(test_passphrase), cmocka_unit_test(test_stream_sizes),
        cmocka_unit_test(test_pump_fails), cmocka_unit_test(test_armor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
