/* SHA-256 against known answers (FIPS 180-2) and of files on worker threads. */
#include "net_util.h"

#include <fcntl.h>

#include "net/digest.h"

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define MILLION_A "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

typedef struct outcome {
    int calls;
    char hex[PV_DIGEST_HEX + 1];
    uint64_t size;
    pv_err err;
} outcome;

static void on_digest(void *arg, const char *hex, uint64_t size, const pv_err *err)
{
    outcome *o = arg;
    o->calls++;
    if (err != NULL) {
        o->err = *err;
        return;
    }
    memcpy(o->hex, hex, PV_DIGEST_HEX);
    o->size = size;
}

static void knows_the_answers(void **state)
{
    char hex[PV_DIGEST_HEX + 1] = "";
    (void)state;
    hex[PV_DIGEST_HEX] = '!'; /* no NUL is written behind the digits */
    pv_digest_bytes(hex, "abc", 3);
    assert_int_equal(hex[PV_DIGEST_HEX], '!');
    assert_memory_equal(hex, ABC, PV_DIGEST_HEX);
    pv_digest_bytes(hex, "", 0);
    assert_memory_equal(hex, NOTHING, PV_DIGEST_HEX);
}

static void digest_file(fixture *f, const char *path, outcome *o)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char byte;
    assert_true(fd >= 0);
    (void)!read(fd, &byte, 1);
    *o = (outcome){0};
    pv_digest_file(&f->loop, fd, on_digest, o);
    assert_int_equal(o->calls, 0);
    run_until(&f->loop, &o->calls);
    if (o->err.status == PV_OK) /* it did not move the offset */
        assert_int_equal(lseek(fd, 0, SEEK_CUR), o->size > 0);
    close(fd);
}

static void digests_files(void **state)
{
    fixture *f = *state;
    char path[128], *many = malloc(1000001);
    outcome o;
    assert_non_null(many);
    memset(many, 'a', 1000000);
    many[1000000] = '\0';
    put_file(f, path, "million", many);
    free(many);
    digest_file(f, path, &o);
    assert_int_equal(o.size, 1000000);
    assert_string_equal(o.hex, MILLION_A);
    put_file(f, path, "empty", "");
    digest_file(f, path, &o);
    assert_int_equal(o.size, 0);
    assert_string_equal(o.hex, NOTHING);
    digest_file(f, f->dir, &o); /* a folder cannot be read */
    assert_says(&o.err, PV_EIO, "cannot read the file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_answers),
        cmocka_unit_test_setup_teardown(digests_files, net_setup, net_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
