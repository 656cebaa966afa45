/* Key files and the sealer. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/crypto.h"

typedef struct place {
    char dir[64], path[96];
} place;

static int setup(void **state)
{
    place *p = calloc(1, sizeof *p);
    strcpy(p->dir, "/tmp/test-key-XXXXXX");
    if (mkdtemp(p->dir) == NULL) return -1;
    snprintf(p->path, sizeof p->path, "%s/key", p->dir);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    char command[128];
    int rc;
    snprintf(command, sizeof command, "rm -rf '%s'", ((place *)*state)->dir);
    rc = system(command);
    free(*state);
    return rc;
}

static void refuse(const char *path, pv_status status, const char *part)
{
    pv_secret *key = (pv_secret *)1;
    pv_err err = {0};
    assert_int_equal(pv_keyfile(path, &key, &err), status);
    assert_null(key);
    if (strstr(err.msg, part) == NULL) fail_msg("'%s' lacks '%s'", err.msg, part);
}

static void write_key(const char *path, size_t len, mode_t mode)
{
    char bytes[64] = {1};
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void test_keyfile(void **state)
{
    place *p = *state;
    pv_secret *key, *again;
    struct stat st;
    char other[128];
    mode_t mask = umask(0);
    assert_int_equal(pv_keyfile(p->path, &key, NULL), PV_OK);
    umask(mask);
    assert_int_equal(key->len, PV_KEY_LEN);
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, PV_KEY_LEN);
    assert_int_equal(pv_keyfile(p->path, &again, NULL), PV_OK);
    assert_memory_equal(key->data, again->data, PV_KEY_LEN);
    pv_secret_free(again);
    snprintf(other, sizeof other, "%s/key2", p->dir);
    assert_int_equal(pv_keyfile(other, &again, NULL), PV_OK);
    assert_memory_not_equal(key->data, again->data, PV_KEY_LEN);
    pv_secret_free(again);
    pv_secret_free(key);
}

static void test_refused_files(void **state)
{
    place *p = *state;
    char other[128];
    static const mode_t modes[] = {0640, 0604, 0660, 0666, 0610, 0644, 0777};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        char part[16];
        write_key(p->path, 32, modes[i]);
        snprintf(part, sizeof part, "mode %04o", (unsigned)modes[i]);
        refuse(p->path, PV_EDENIED, part);
        refuse(p->path, PV_EDENIED, "chmod 600");
    }
    write_key(p->path, 31, 0600);
    refuse(p->path, PV_ECORRUPT, "has 31 bytes, a key has 32");
    write_key(p->path, 33, 0600);
    refuse(p->path, PV_ECORRUPT, "has 33 bytes");
    write_key(p->path, 0, 0600);
    refuse(p->path, PV_ECORRUPT, "has 0 bytes");
    write_key(p->path, 32, 0600);
    snprintf(other, sizeof other, "%s/link", p->dir);
    assert_int_equal(symlink(p->path, other), 0);
    refuse(other, PV_EDENIED, "symbolic link");
    snprintf(other, sizeof other, "%s/pipe", p->dir);
    assert_int_equal(mkfifo(other, 0600), 0);
    refuse(other, PV_EDENIED, "not a regular file");
    refuse(p->dir, PV_EDENIED, "not a regular file");
    snprintf(other, sizeof other, "%s/no/key", p->dir);
    refuse(other, PV_ENOTFOUND, "/no/key");
    if (geteuid() == 0) {
        write_key(p->path, 32, 0600);
        assert_int_equal(chown(p->path, 12345, 12345), 0);
        refuse(p->path, PV_EDENIED, "belongs to user 12345");
    }
}

/* Children that make one key file at the same moment all get the same key. */
static void test_race(void **state)
{
    place *p = *state;
    for (int round = 0; round < 10; round++) {
        int fds[2], start[2];
        char first[PV_KEY_LEN], key[PV_KEY_LEN];
        unlink(p->path);
        assert_int_equal(pipe(fds), 0);
        assert_int_equal(pipe(start), 0);
        for (int i = 0; i < 6; i++) {
            pid_t pid = fork();
            assert_true(pid >= 0);
            if (pid == 0) {
                pv_secret *secret;
                char go;
                close(start[1]);
                if (read(start[0], &go, 1) != 0) _exit(1); /* until all are there */
                if (pv_keyfile(p->path, &secret, NULL) != PV_OK) _exit(2);
                _exit(write(fds[1], secret->data, PV_KEY_LEN) == PV_KEY_LEN ? 0 : 3);
            }
        }
        close(start[0]);
        close(start[1]);
        close(fds[1]);
        for (int i = 0; i < 6; i++) {
            int status;
            assert_true(wait(&status) > 0);
            assert_int_equal(status, 0);
            assert_int_equal(read(fds[0], key, sizeof key), sizeof key);
            if (i == 0) memcpy(first, key, sizeof key);
            assert_memory_equal(first, key, sizeof key);
        }
        close(fds[0]);
    }
}

typedef struct user {
    pv_sealer *sealer;
    int wrong;
} user;

static void *seal_much(void *arg)
{
    user *u = arg;
    for (int i = 0; i < 3000; i++) {
        char plain[100], sealed[100 + PV_SEAL_OVERHEAD], out[100];
        size_t len = (size_t)i % sizeof plain;
        pv_bytes aad = {(char *)&i, sizeof i}, all = {sealed, len + PV_SEAL_OVERHEAD};
        memset(plain, i, sizeof plain);
        if (u->sealer->seal(u->sealer, (pv_bytes){plain, len}, aad, sealed, NULL) != PV_OK)
            u->wrong++;
        if (u->sealer->open(u->sealer, all, aad, out, NULL) != PV_OK) u->wrong++;
        if (memcmp(out, plain, len) != 0) u->wrong++;
        sealed[PV_NONCE_LEN + len]++;
        if (u->sealer->open(u->sealer, all, aad, out, NULL) != PV_EAUTH) u->wrong++;
    }
    return NULL;
}

static void test_sealer(void **state)
{
    char key[PV_KEY_LEN] = {7}, sealed[3 + PV_SEAL_OVERHEAD], out[3];
    pv_sealer *sealer;
    user users[3];
    pthread_t threads[3];
    (void)state;
    assert_int_equal(pv_sealer_new(&sealer, (pv_bytes){key, 31}, NULL), PV_EINVAL);
    assert_null(sealer);
    assert_int_equal(pv_sealer_new(&sealer, (pv_bytes){key, sizeof key}, NULL), PV_OK);
    assert_int_equal(sealer->abi, PV_SEALER_ABI);
    /* The same bytes as pv_seal and pv_open. */
    assert_int_equal(pv_seal((pv_bytes){key, sizeof key}, NULL, (pv_bytes){"abc", 3},
                             (pv_bytes){"", 0}, sealed, NULL),
                     PV_OK);
    assert_int_equal(
        sealer->open(sealer, (pv_bytes){sealed, sizeof sealed}, (pv_bytes){"", 0}, out, NULL),
        PV_OK);
    assert_memory_equal(out, "abc", 3);
    assert_int_equal(sealer->open(sealer, (pv_bytes){sealed, 27}, (pv_bytes){"", 0}, out, NULL),
                     PV_EAUTH);
    for (int i = 0; i < 3; i++) {
        users[i] = (user){sealer->retain(sealer), 0};
        pthread_create(&threads[i], NULL, seal_much, &users[i]);
    }
    sealer->release(sealer);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        users[i].sealer->release(users[i].sealer);
        assert_int_equal(users[i].wrong, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keyfile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_race, setup, teardown),
        cmocka_unit_test(test_sealer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
