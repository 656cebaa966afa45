/* Keys in a token, with SoftHSM as the token; skipped and said so when it is not installed. */
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
#include <dlfcn.h>

#define CRYPTOKI_COMPAT 1
#include <p11-kit/pkcs11.h>

#include "base/mem.h"
#include "crypto/pkcs11.h"

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"

static const pv_bytes NONE = {NULL, 0}, KEY = {"0123456789abcdef0123456789abcdef", 32},
                      AAD = {"workspace=web", 13};
static const pv_pkcs11_place PLACE = {.module = MODULE, .token = "prov", .slot = -1};

typedef struct place {
    char dir[64];
    pv_secret *pin;
    pv_pkcs11 *hsm;
} place;

static void shell(const char *fmt, const char *dir)
{
    char command[512];
    snprintf(command, sizeof command, fmt, dir);
    assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
    place *p = calloc(1, sizeof *p);
    char path[96];
    FILE *conf;
    *state = p;
    strcpy(p->dir, "/tmp/test-p11-XXXXXX");
    if (mkdtemp(p->dir) == NULL) return -1;
    snprintf(path, sizeof path, "%s/conf", p->dir);
    if ((conf = fopen(path, "w")) == NULL) return -1;
    fprintf(conf, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n",
            p->dir);
    fclose(conf);
    setenv("SOFTHSM2_CONF", path, 1);
    if (access(MODULE, R_OK) != 0) return 0;
    shell("softhsm2-util --init-token --free --label prov --so-pin 12345678 --pin 4321 >/dev/null "
          "# %s",
          p->dir);
    p->pin = pv_secret_copy((pv_bytes){"4321", 4});
    return 0;
}

static int teardown(void **state)
{
    place *p = *state;
    pv_pkcs11_unref(p->hsm);
    pv_secret_free(p->pin);
    shell("rm -rf '%s'", p->dir);
    free(p);
    return 0;
}

static pv_pkcs11 *need(place *p)
{
    pv_err err = {0};
    if (p->pin == NULL) {
        print_message("SKIP: no SoftHSM here (apt: softhsm2)\n");
        skip();
    }
    if (pv_pkcs11_open(&p->hsm, &PLACE, p->pin, &err) != PV_OK) fail_msg("%s", err.msg);
    return p->hsm;
}

static void holds(const pv_err *err, const char *part)
{
    if (strstr(err->msg, part) == NULL) fail_msg("'%s' lacks '%s'", err->msg, part);
    assert_null(strstr(err->msg, "4321"));
}

static pv_bytes id_of(const pv_pkcs11_key *key)
{
    return (pv_bytes){(const char *)key->id, key->id_len};
}

static void opens(pv_pkcs11 *hsm, const pv_pkcs11_key *key, const pv_buf *sealed)
{
    pv_secret *plain;
    pv_err err = {0};
    if (pv_pkcs11_unwrap(hsm, "kek", id_of(key), (pv_bytes){sealed->data, sealed->len}, AAD, &plain,
                         &err) != PV_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(plain->len, KEY.len);
    assert_memory_equal(plain->data, KEY.data, KEY.len);
    pv_secret_free(plain);
}

static void refused(pv_pkcs11 *hsm, pv_bytes id, pv_bytes sealed, pv_bytes aad, pv_status status,
                    const char *part)
{
    pv_secret *plain = (pv_secret *)1;
    pv_err err = {0};
    assert_int_equal(pv_pkcs11_unwrap(hsm, "kek", id, sealed, aad, &plain, &err), status);
    assert_null(plain);
    holds(&err, part);
}

static void round_trip(void **state)
{
    pv_pkcs11 *hsm = need(*state);
    pv_pkcs11_key key, used;
    pv_pkcs11_info info;
    pv_buf sealed;
    pv_bytes bytes;
    assert_int_equal(pv_pkcs11_describe(hsm, &info, NULL), PV_OK);
    assert_string_equal(info.token, "prov");
    assert_true(info.gcm && info.generate && info.pin == PV_PIN_FINE && info.mechanisms > 10);
    assert_int_equal(pv_pkcs11_generate(hsm, "kek", &key, NULL), PV_OK);
    assert_true(key.encrypt && key.decrypt && key.sensitive && !key.extractable && key.size == 32);
    assert_int_equal(key.id_len, 4);
    assert_memory_equal(key.id, "\0\0\0\1", 4);
    pv_buf_init(&sealed, 0);
    assert_int_equal(pv_pkcs11_wrap(hsm, "kek", NONE, KEY, AAD, &sealed, &used, NULL), PV_OK);
    assert_memory_equal(used.id, key.id, 4);
    assert_int_equal(sealed.len, 12 + 32 + 16);
    opens(hsm, &key, &sealed);
    bytes = (pv_bytes){sealed.data, sealed.len};
    refused(hsm, id_of(&key), bytes, (pv_bytes){"workspace=api", 13}, PV_EAUTH, "context");
    refused(hsm, id_of(&key), bytes, (pv_bytes){"", 0}, PV_EAUTH, "context");
    refused(hsm, (pv_bytes){"\0\0\0\7", 4}, bytes, AAD, PV_EDENIED, "deleted");
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.data[i] ^= 1;
        refused(hsm, id_of(&key), bytes, AAD, PV_EAUTH, "damaged");
        sealed.data[i] ^= 1;
    }
    for (size_t len = 0; len < sealed.len; len++)
        refused(hsm, id_of(&key), (pv_bytes){sealed.data, len}, AAD, PV_EAUTH, "");
    opens(hsm, &key, &sealed);
    pv_buf_deinit(&sealed);
}

static void versions(void **state)
{
    place *p = *state;
    pv_pkcs11 *hsm = need(p);
    pv_pkcs11_key first, second, used, *keys;
    size_t count;
    pv_buf old, new;
    pv_buf_init(&old, 0);
    pv_buf_init(&new, 0);
    assert_int_equal(pv_pkcs11_generate(hsm, "kek", &first, NULL), PV_OK);
    assert_int_equal(pv_pkcs11_wrap(hsm, "kek", NONE, KEY, AAD, &old, NULL, NULL), PV_OK);
    assert_int_equal(pv_pkcs11_generate(hsm, "kek", &second, NULL), PV_OK);
    assert_int_equal(pv_pkcs11_generate(hsm, "other", &used, NULL), PV_OK);
    assert_memory_equal(used.id, "\0\0\0\1", 4);
    assert_int_equal(pv_pkcs11_wrap(hsm, "kek", NONE, KEY, AAD, &new, &used, NULL), PV_OK);
    assert_memory_equal(used.id, "\0\0\0\2", 4);
    opens(hsm, &first, &old);
    opens(hsm, &second, &new);
    refused(hsm, id_of(&first), (pv_bytes){new.data, new.len}, AAD, PV_EAUTH, "another key");
    assert_int_equal(pv_pkcs11_keys(hsm, "kek", &keys, &count, NULL), PV_OK);
    assert_int_equal(count, 2);
    assert_memory_equal(keys[0].id, first.id, 4);
    pv_free(keys);
    assert_int_equal(pv_pkcs11_keys(hsm, NULL, &keys, &count, NULL), PV_OK);
    assert_int_equal(count, 3);
    pv_free(keys);
    pv_buf_deinit(&old);
    pv_buf_deinit(&new);
}

static void cannot_open(const pv_pkcs11_place *where, const pv_secret *pin, pv_status status,
                        const char *part)
{
    pv_pkcs11 *hsm = (pv_pkcs11 *)1;
    pv_err err = {0};
    assert_int_equal(pv_pkcs11_open(&hsm, where, pin, &err), status);
    assert_null(hsm);
    holds(&err, part);
}

static void bad_places(void **state)
{
    place *p = *state;
    pv_pkcs11_place where = PLACE;
    pv_secret *wrong = pv_secret_copy((pv_bytes){"9999", 4});
    if (p->pin == NULL) {
        pv_secret_free(wrong);
        print_message("SKIP: no SoftHSM here (apt: softhsm2)\n");
        skip();
    }
    cannot_open(&where, wrong, PV_EAUTH, "the PIN is wrong");
    pv_secret_free(wrong);
    cannot_open(&where, NULL, PV_EAUTH, "wants a PIN");
    where.token = "nobody";
    cannot_open(&where, p->pin, PV_EUNAVAILABLE, "no token");
    where.module = "/nowhere/module.so";
    cannot_open(&where, p->pin, PV_EUNAVAILABLE, "install the package");
    where.module = "/usr/lib/x86_64-linux-gnu/libuv.so.1";
    if (access(where.module, R_OK) == 0) cannot_open(&where, p->pin, PV_EUNAVAILABLE, "PKCS#11");
    shell("softhsm2-util --init-token --free --label prov --so-pin 12345678 --pin 4321 >/dev/null "
          "# %s",
          p->dir);
    cannot_open(&PLACE, p->pin, PV_EINVAL, "2 tokens");
}

static void pin_files(void **state)
{
    place *p = *state;
    char path[96];
    pv_secret *pin;
    pv_err err = {0};
    FILE *file;
    snprintf(path, sizeof path, "%s/pin", p->dir);
    assert_int_equal(pv_pkcs11_pin_file(path, &pin, &err), PV_ENOTFOUND);
    file = fopen(path, "w");
    fputs("4321\nrest\n", file);
    fclose(file);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(pv_pkcs11_pin_file(path, &pin, &err), PV_EDENIED);
    holds(&err, "chmod 600");
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(pv_pkcs11_pin_file(path, &pin, &err), PV_OK);
    assert_int_equal(pin->len, 4);
    assert_memory_equal(pin->data, "4321", 4);
    pv_secret_free(pin);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(pv_pkcs11_pin_file(path, &pin, &err), PV_EINVAL);
    assert_int_equal(pv_pkcs11_pin_file(p->dir, &pin, &err), PV_EINVAL);
}

static void forked(void **state)
{
    place *p = *state;
    pv_pkcs11 *hsm = need(p);
    pv_pkcs11_key key;
    int status;
    pid_t child;
    assert_int_equal(pv_pkcs11_generate(hsm, "kek", &key, NULL), PV_OK);
    if ((child = fork()) == 0) {
        pv_pkcs11_info info;
        pv_secret *pin = pv_secret_copy((pv_bytes){"4321", 4});
        pv_pkcs11 *own = NULL;
        int wrong = pv_pkcs11_describe(hsm, &info, NULL) != PV_ECLOSED;
        wrong += 2 * (pv_pkcs11_open(&own, &PLACE, pin, NULL) != PV_OK);
        wrong += 4 * (own == NULL || pv_pkcs11_describe(own, &info, NULL) != PV_OK);
        pv_pkcs11_unref(own);
        pv_secret_free(pin);
        _exit(wrong);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(pv_pkcs11_generate(hsm, "kek", &key, NULL), PV_OK);
}

/* What happens to the session and the key behind prov's back, through the module itself. */
static CK_FUNCTION_LIST *behind(void)
{
    CK_C_GetFunctionList list = NULL;
    CK_FUNCTION_LIST *f = NULL;
    void *module = dlopen(MODULE, RTLD_NOW | RTLD_NOLOAD);
    *(void **)&list = dlsym(module, "C_GetFunctionList");
    assert_int_equal(list(&f), CKR_OK);
    dlclose(module);
    return f;
}

static void lost_session(void **state)
{
    pv_pkcs11 *hsm = need(*state);
    pv_pkcs11_info info;
    pv_pkcs11_key key;
    assert_int_equal(pv_pkcs11_describe(hsm, &info, NULL), PV_OK);
    assert_int_equal(behind()->C_CloseAllSessions(info.slot), CKR_OK);
    assert_int_equal(pv_pkcs11_generate(hsm, "kek", &key, NULL), PV_OK);
    assert_int_equal(behind()->C_Finalize(NULL), CKR_OK);
    assert_int_equal(pv_pkcs11_generate(hsm, "kek", &key, NULL), PV_OK);
}

static void revoked(void **state)
{
    pv_pkcs11 *hsm = need(*state);
    CK_FUNCTION_LIST *f = behind();
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE want = {CKA_LABEL, "kek", 3}, off[] = {{CKA_DECRYPT, &no, 1}};
    CK_OBJECT_HANDLE object;
    CK_SESSION_HANDLE session;
    CK_ULONG count = 0;
    pv_pkcs11_info info;
    pv_pkcs11_key key;
    pv_buf sealed;
    pv_buf_init(&sealed, 0);
    assert_int_equal(pv_pkcs11_describe(hsm, &info, NULL), PV_OK);
    assert_int_equal(pv_pkcs11_generate(hsm, "kek", &key, NULL), PV_OK);
    assert_int_equal(pv_pkcs11_wrap(hsm, "kek", NONE, KEY, AAD, &sealed, NULL, NULL), PV_OK);
    assert_int_equal(
        f->C_OpenSession(info.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
        CKR_OK);
    assert_int_equal(f->C_FindObjectsInit(session, &want, 1), CKR_OK);
    assert_int_equal(f->C_FindObjects(session, &object, 1, &count), CKR_OK);
    assert_int_equal(f->C_FindObjectsFinal(session), CKR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(f->C_SetAttributeValue(session, object, off, 1), CKR_OK);
    refused(hsm, id_of(&key), (pv_bytes){sealed.data, sealed.len}, AAD, PV_EDENIED, "not allowed");
    assert_int_equal(f->C_DestroyObject(session, object), CKR_OK);
    refused(hsm, id_of(&key), (pv_bytes){sealed.data, sealed.len}, AAD, PV_EDENIED, "deleted");
    assert_int_equal(f->C_CloseSession(session), CKR_OK);
    pv_buf_deinit(&sealed);
}

static void *work(void *arg)
{
    pv_pkcs11 *hsm = pv_pkcs11_ref(arg);
    intptr_t bad = 0;
    for (int i = 0; i < 50; i++) {
        pv_pkcs11_key key;
        pv_secret *plain = NULL;
        pv_buf sealed;
        pv_buf_init(&sealed, 0);
        bad += pv_pkcs11_wrap(hsm, "kek", NONE, KEY, AAD, &sealed, &key, NULL) != PV_OK ||
               pv_pkcs11_unwrap(hsm, "kek", id_of(&key), (pv_bytes){sealed.data, sealed.len}, AAD,
                                &plain, NULL) != PV_OK ||
               !pv_secret_equal(pv_secret_bytes(plain), KEY);
        pv_secret_free(plain);
        pv_buf_deinit(&sealed);
    }
    pv_pkcs11_unref(hsm);
    return (void *)bad;
}

static void threads(void **state)
{
    pv_pkcs11 *hsm = need(*state);
    pthread_t thread[4];
    pv_pkcs11_key key;
    assert_int_equal(pv_pkcs11_generate(hsm, "kek", &key, NULL), PV_OK);
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&thread[i], NULL, work, hsm), 0);
    for (int i = 0; i < 4; i++) {
        void *bad = NULL;
        assert_int_equal(pthread_join(thread[i], &bad), 0);
        assert_null(bad);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(round_trip), TEST(versions), TEST(bad_places),   TEST(pin_files),
        TEST(forked),     TEST(threads),  TEST(lost_session), TEST(revoked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
