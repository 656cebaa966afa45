#include "crypto/pkcs11.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CRYPTOKI_COMPAT 1
#include <p11-kit/pkcs11.h>

#include "base/mem.h"
#include "crypto/aead.h"
#include "crypto/digest.h"

enum { PIN_MAX = 256, SLOTS_MAX = 256, KEYS_MAX = 4096 };

/* A module is initialized once in a process, so that its users share it: the one list here. */
typedef struct module {
    struct module *next;
    char *path;
    void *handle;
    CK_FUNCTION_LIST *f;
    int users;
    pid_t pid;  /* that initialized it */
    bool owned; /* it was prov that did */
} module;

static pthread_mutex_t modules_lock = PTHREAD_MUTEX_INITIALIZER;
static module *modules;

struct pv_pkcs11 {
    atomic_int refs;
    pthread_mutex_t lock; /* for all below */
    module *mod;
    char *token, *manufacturer, *serial, *model;
    long long wanted; /* slot, or -1 */
    pv_secret *pin;
    bool refused; /* the PIN was wrong: never again */
    pid_t pid;
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session; /* 0: none */
    char name[PV_PKCS11_TEXT]; /* of the token, for errors */
};

/* ---- What modules answer ---- */

typedef struct answer {
    CK_RV rv;
    pv_status status;
    const char *text;
} answer;

static const answer answers[] = {
    {CKR_PIN_INCORRECT, PV_EAUTH, "the PIN is wrong; prov does not try it again"},
    {CKR_PIN_INVALID, PV_EAUTH, "the PIN has characters that the token refuses"},
    {CKR_PIN_LEN_RANGE, PV_EAUTH, "the PIN has another length than the token's"},
    {CKR_PIN_EXPIRED, PV_EAUTH, "the PIN has expired; set a new one with the token's own tool"},
    {CKR_PIN_LOCKED, PV_EDENIED,
     "the PIN is locked after too many wrong ones; the security officer unlocks it"},
    {CKR_USER_PIN_NOT_INITIALIZED, PV_EDENIED, "the token has no user PIN yet"},
    {CKR_USER_NOT_LOGGED_IN, PV_EAUTH, "the token wants a PIN"},
    {CKR_TOKEN_NOT_PRESENT, PV_EUNAVAILABLE, "the token is not there"},
    {CKR_TOKEN_NOT_RECOGNIZED, PV_EUNAVAILABLE, "the token is not recognized"},
    {CKR_SLOT_ID_INVALID, PV_EUNAVAILABLE, "the slot is gone"},
    {CKR_DEVICE_REMOVED, PV_EUNAVAILABLE, "the token was removed"},
    {CKR_DEVICE_ERROR, PV_EUNAVAILABLE, "the device has an error"},
    {CKR_DEVICE_MEMORY, PV_EUNAVAILABLE, "the device is out of memory"},
    {CKR_SESSION_HANDLE_INVALID, PV_EUNAVAILABLE, "the session was lost"},
    {CKR_SESSION_CLOSED, PV_EUNAVAILABLE, "the session was closed"},
    {CKR_SESSION_COUNT, PV_EUNAVAILABLE, "the token has too many sessions"},
    {CKR_CRYPTOKI_NOT_INITIALIZED, PV_EUNAVAILABLE, "the module was finalized"},
    {CKR_TOKEN_WRITE_PROTECTED, PV_EDENIED, "the token is write-protected"},
    {CKR_SESSION_READ_ONLY, PV_EDENIED, "the session is read-only"},
    {CKR_KEY_HANDLE_INVALID, PV_EDENIED, "the key is gone"},
    {CKR_OBJECT_HANDLE_INVALID, PV_EDENIED, "the key is gone"},
    {CKR_KEY_FUNCTION_NOT_PERMITTED, PV_EDENIED, "the key is not allowed to do this any more"},
    {CKR_FUNCTION_REJECTED, PV_EDENIED, "the token's policy refused"},
    {CKR_MECHANISM_INVALID, PV_EUNSUPPORTED, "the token has no such mechanism"},
    {CKR_KEY_TYPE_INCONSISTENT, PV_EUNSUPPORTED, "the key is of another type"},
    {CKR_KEY_SIZE_RANGE, PV_EUNSUPPORTED, "the key has another size"},
    {CKR_FUNCTION_NOT_SUPPORTED, PV_EUNSUPPORTED, "the module cannot"},
    {CKR_MECHANISM_PARAM_INVALID, PV_EUNSUPPORTED,
     "the token refuses the parameters of AES-GCM (nonce of 12 bytes, tag of 16)"},
    {CKR_DATA_LEN_RANGE, PV_ELIMIT, "too many bytes for the token"},
};

/* "token 'x': what: why" with the status that fits. */
static pv_status answered(pv_err *err, const char *token, const char *what, CK_RV rv)
{
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        if (answers[i].rv == rv)
            return pv_fail(err, answers[i].status, "token '%s': %s: %s", token, what,
                           answers[i].text);
    }
    return pv_fail(err, PV_EPROTO, "token '%s': %s: the module answers 0x%lx", token, what, rv);
}

/* Whether a new session may help. */
static bool is_lost(CK_RV rv)
{
    return rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED ||
           rv == CKR_DEVICE_REMOVED || rv == CKR_TOKEN_NOT_PRESENT ||
           rv == CKR_USER_NOT_LOGGED_IN || rv == CKR_DEVICE_ERROR ||
           rv == CKR_CRYPTOKI_NOT_INITIALIZED;
}

/* ---- Modules ---- */

static pv_status module_start(module *m, pv_err *err)
{
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    CK_RV rv = m->f->C_Initialize(&args);
    if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED)
        return pv_fail(err, PV_EUNAVAILABLE, "module %s does not start: it answers 0x%lx", m->path,
                       rv);
    m->owned = rv == CKR_OK;
    m->pid = getpid();
    return PV_OK;
}

static void module_free(module *m)
{
    if (m->f != NULL && m->owned && m->pid == getpid()) (void)m->f->C_Finalize(NULL);
    if (m->handle != NULL) (void)dlclose(m->handle);
    pv_free(m->path);
    pv_free(m);
}

static pv_status module_load(module **out, const char *path, pv_err *err)
{
    module *m = pv_alloc(sizeof *m);
    CK_C_GetFunctionList list = NULL;
    pv_status status = PV_OK;
    m->path = pv_strdup(path);
    if ((m->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)) == NULL)
        status =
            pv_fail(err, PV_EUNAVAILABLE,
                    "cannot open the PKCS#11 module %s: %s; install the package of the token's "
                    "maker (softhsm2 for SoftHSM, ykcs11 for YubiKey, opensc for cards)",
                    path, dlerror());
    else if ((*(void **)&list = dlsym(m->handle, "C_GetFunctionList")) == NULL ||
             list(&m->f) != CKR_OK || m->f == NULL)
        status = pv_fail(err, PV_EUNAVAILABLE, "%s is not a PKCS#11 module", path);
    else status = module_start(m, err);
    if (status == PV_OK) *out = m;
    else module_free(m);
    return status;
}

static pv_status module_use(module **out, const char *path, pv_err *err)
{
    pv_status status = PV_OK;
    module *m;
    pthread_mutex_lock(&modules_lock);
    for (m = modules; m != NULL && strcmp(m->path, path) != 0; m = m->next) continue;
    if (m == NULL) {
        if ((status = module_load(&m, path, err)) == PV_OK) {
            m->next = modules;
            modules = m;
        }
    } else if (m->pid != getpid()) {
        status = module_start(m, err); /* as PKCS#11 wants of a child */
    }
    if (status == PV_OK) {
        m->users++;
        *out = m;
    }
    pthread_mutex_unlock(&modules_lock);
    return status;
}

static void module_drop(module *m)
{
    module **at = &modules;
    pthread_mutex_lock(&modules_lock);
    if (--m->users == 0) {
        while (*at != m) at = &(*at)->next;
        *at = m->next;
        module_free(m);
    }
    pthread_mutex_unlock(&modules_lock);
}

/* ---- Tokens and sessions ---- */

/* Texts of PKCS#11 are padded with blanks, without a NUL. */
static void unpad(char *to, const unsigned char *from, size_t len)
{
    while (len > 0 && (from[len - 1] == ' ' || from[len - 1] == 0)) len--;
    memcpy(to, from, len);
    to[len] = 0;
}

static bool matches(const char *want, const unsigned char *from, size_t len)
{
    char text[PV_PKCS11_TEXT];
    unpad(text, from, len);
    return want == NULL || strcmp(want, text) == 0;
}

static bool is_token(const pv_pkcs11 *h, const CK_TOKEN_INFO *info)
{
    return (info->flags & CKF_TOKEN_INITIALIZED) != 0 &&
           matches(h->token, info->label, sizeof info->label) &&
           matches(h->manufacturer, info->manufacturerID, sizeof info->manufacturerID) &&
           matches(h->serial, info->serialNumber, sizeof info->serialNumber) &&
           matches(h->model, info->model, sizeof info->model);
}

static pv_status find_token(pv_pkcs11 *h, CK_TOKEN_INFO *info, pv_err *err)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    int found = 0;
    CK_RV rv = h->mod->f->C_GetSlotList(CK_TRUE, slots, &count);
    if (rv != CKR_OK) return answered(err, h->name, "list slots", rv);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO each;
        if (h->wanted >= 0 && slots[i] != (CK_SLOT_ID)h->wanted) continue;
        if (h->mod->f->C_GetTokenInfo(slots[i], &each) != CKR_OK || !is_token(h, &each)) continue;
        h->slot = slots[i];
        *info = each;
        found++;
    }
    if (found > 1)
        return pv_fail(err, PV_EINVAL,
                       "%d tokens of %s match '%s'; name one by serial= or slot-id=", found,
                       h->mod->path, h->name);
    if (found == 0)
        return pv_fail(err, PV_EUNAVAILABLE,
                       "no token of %s matches '%s' (%lu with a token in them); is it plugged in?",
                       h->mod->path, h->name, count);
    unpad(h->name, info->label, sizeof info->label);
    return PV_OK;
}

static pv_pin_state pin_state(const CK_TOKEN_INFO *info)
{
    if ((info->flags & CKF_USER_PIN_LOCKED) != 0) return PV_PIN_LOCKED;
    if ((info->flags & CKF_USER_PIN_FINAL_TRY) != 0) return PV_PIN_FINAL;
    return (info->flags & CKF_USER_PIN_COUNT_LOW) != 0 ? PV_PIN_LOW : PV_PIN_FINE;
}

static pv_status login(pv_pkcs11 *h, const CK_TOKEN_INFO *info, pv_err *err)
{
    bool asks_itself = (info->flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
    pv_bytes pin = h->pin != NULL ? pv_secret_bytes(h->pin) : (pv_bytes){NULL, 0};
    CK_RV rv;
    if ((info->flags & CKF_LOGIN_REQUIRED) == 0) return PV_OK;
    if (h->refused) return answered(err, h->name, "log in", CKR_PIN_INCORRECT);
    if (h->pin == NULL && !asks_itself)
        return answered(err, h->name, "log in", CKR_USER_NOT_LOGGED_IN);
    if (pin_state(info) == PV_PIN_LOCKED) return answered(err, h->name, "log in", CKR_PIN_LOCKED);
    if (pin_state(info) == PV_PIN_FINAL)
        return pv_fail(
            err, PV_EAUTH,
            "token '%s': one try is left before its PIN is locked, and prov does not use "
            "it; log in once with the token's own tool",
            h->name);
    rv = h->mod->f->C_Login(h->session, CKU_USER, (unsigned char *)pin.data, pin.len);
    if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN) return PV_OK;
    h->refused = rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_INVALID;
    return answered(err, h->name, "log in", rv);
}

static void end_session(pv_pkcs11 *h)
{
    if (h->session != 0) (void)h->mod->f->C_CloseSession(h->session);
    h->session = 0;
}

static pv_status begin_session(pv_pkcs11 *h, pv_err *err)
{
    CK_TOKEN_INFO info = {0};
    pv_status status = find_token(h, &info, err);
    CK_RV rv;
    if (status != PV_OK) return status;
    rv = h->mod->f->C_OpenSession(h->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                  &h->session);
    if (rv == CKR_TOKEN_WRITE_PROTECTED)
        rv = h->mod->f->C_OpenSession(h->slot, CKF_SERIAL_SESSION, NULL, NULL, &h->session);
    if (rv != CKR_OK) {
        h->session = 0;
        return answered(err, h->name, "open a session", rv);
    }
    if ((status = login(h, &info, err)) != PV_OK) end_session(h);
    return status;
}

/* ---- Opening and closing ---- */

static pv_status read_pin(int fd, const char *path, pv_secret **out, pv_err *err)
{
    char text[PIN_MAX + 2];
    struct stat st;
    ssize_t n;
    size_t len;
    pv_status status = PV_OK;
    if (fstat(fd, &st) != 0) return pv_fail_errno(err, errno, "read the PIN in %s", path);
    if (!S_ISREG(st.st_mode)) return pv_fail(err, PV_EINVAL, "%s is not a file with a PIN", path);
    if ((st.st_mode & 077) != 0 || (st.st_uid != geteuid() && st.st_uid != 0))
        return pv_fail(err, PV_EDENIED,
                       "others may read the PIN in %s (mode %04o): chown it to yourself and "
                       "chmod 600 it",
                       path, (unsigned)st.st_mode & 07777);
    n = read(fd, text, sizeof text);
    if (n < 0) return pv_fail_errno(err, errno, "read the PIN in %s", path);
    len = (size_t)n;
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\n' || text[i] == '\r') len = i;
    if (len == 0 || len > PIN_MAX)
        status = pv_fail(err, PV_EINVAL, "the first line of %s is no PIN: it has 1 to %d bytes",
                         path, PIN_MAX);
    else *out = pv_secret_copy((pv_bytes){text, len});
    pv_wipe(text, sizeof text);
    return status;
}

pv_status pv_pkcs11_pin_file(const char *path, pv_secret **out, pv_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    pv_status status;
    *out = NULL;
    if (fd < 0) return pv_fail_errno(err, errno, "read the PIN in %s", path);
    status = read_pin(fd, path, out, err);
    (void)close(fd);
    return status;
}

pv_status pv_pkcs11_open(pv_pkcs11 **out, const pv_pkcs11_place *place, const pv_secret *pin,
                         pv_err *err)
{
    pv_pkcs11 *h = pv_alloc(sizeof *h);
    const char *name = place->token != NULL ? place->token : place->serial;
    pv_status status;
    *out = NULL;
    atomic_init(&h->refs, 1);
    (void)pthread_mutex_init(&h->lock, NULL);
    h->pid = getpid();
    h->token = pv_strdup(place->token);
    h->manufacturer = pv_strdup(place->manufacturer);
    h->serial = pv_strdup(place->serial);
    h->model = pv_strdup(place->model);
    h->wanted = place->slot;
    name = name != NULL ? name : "any";
    memcpy(h->name, name, strnlen(name, sizeof h->name - 1));
    if (pin != NULL) h->pin = pv_secret_copy(pv_secret_bytes(pin));
    status = module_use(&h->mod, place->module, err);
    if (status == PV_OK) status = begin_session(h, err);
    if (status == PV_OK) *out = h;
    else pv_pkcs11_unref(h);
    return status;
}

pv_pkcs11 *pv_pkcs11_ref(pv_pkcs11 *hsm)
{
    atomic_fetch_add(&hsm->refs, 1);
    return hsm;
}

void pv_pkcs11_unref(pv_pkcs11 *h)
{
    if (h == NULL || atomic_fetch_sub(&h->refs, 1) != 1) return;
    if (h->pid == getpid()) { /* in a child the session is the parent's and the PIN is not there */
        if (h->mod != NULL) end_session(h);
        pv_secret_free(h->pin);
    }
    if (h->mod != NULL) module_drop(h->mod);
    (void)pthread_mutex_destroy(&h->lock);
    pv_free(h->token);
    pv_free(h->manufacturer);
    pv_free(h->serial);
    pv_free(h->model);
    pv_free(h);
}

/* ---- Calls ---- */

/* What one call on a token does; *rv is the module's last answer, for `what`. */
typedef struct call {
    const char *label;
    pv_bytes id, in, aad;
    pv_buf *out;
    pv_pkcs11_key *key;   /* the key of the call */
    pv_pkcs11_key **keys; /* a list to fill */
    size_t *count;
    pv_pkcs11_info *info;
    pv_secret **secret;
    CK_RV rv;
} call;

typedef pv_status (*step)(pv_pkcs11 *h, call *c, pv_err *err);

/* Runs a step, once more with a new session when the old one was lost. */
static pv_status run(pv_pkcs11 *h, step run_step, call *c, pv_err *err)
{
    pv_status status = PV_OK;
    if (h->pid != getpid())
        return pv_fail(err, PV_ECLOSED, "the token was opened before a fork; open it again");
    pthread_mutex_lock(&h->lock);
    for (int round = 0; round < 2; round++) {
        if (h->session == 0 && (status = begin_session(h, err)) != PV_OK) break;
        c->rv = CKR_OK;
        status = run_step(h, c, err);
        if (!is_lost(c->rv)) break;
        if (c->rv == CKR_CRYPTOKI_NOT_INITIALIZED) (void)module_start(h->mod, NULL);
        end_session(h);
    }
    pthread_mutex_unlock(&h->lock);
    return status;
}

static pv_status fail(pv_pkcs11 *h, call *c, pv_err *err, const char *what, CK_RV rv)
{
    c->rv = rv;
    return answered(err, h->name, what, rv);
}

static pv_status describe(pv_pkcs11 *h, call *c, pv_err *err)
{
    CK_TOKEN_INFO info;
    CK_SESSION_INFO session;
    CK_MECHANISM_INFO mechanism;
    CK_RV rv = h->mod->f->C_GetSessionInfo(h->session, &session);
    if (rv == CKR_OK) rv = h->mod->f->C_GetTokenInfo(h->slot, &info);
    if (rv == CKR_OK) rv = h->mod->f->C_GetMechanismList(h->slot, NULL, &c->info->mechanisms);
    if (rv != CKR_OK) return fail(h, c, err, "describe it", rv);
    unpad(c->info->token, info.label, sizeof info.label);
    unpad(c->info->manufacturer, info.manufacturerID, sizeof info.manufacturerID);
    unpad(c->info->model, info.model, sizeof info.model);
    unpad(c->info->serial, info.serialNumber, sizeof info.serialNumber);
    c->info->slot = h->slot;
    c->info->pin = pin_state(&info);
    c->info->gcm = h->mod->f->C_GetMechanismInfo(h->slot, CKM_AES_GCM, &mechanism) == CKR_OK;
    c->info->generate =
        h->mod->f->C_GetMechanismInfo(h->slot, CKM_AES_KEY_GEN, &mechanism) == CKR_OK;
    return PV_OK;
}

pv_status pv_pkcs11_describe(pv_pkcs11 *hsm, pv_pkcs11_info *out, pv_err *err)
{
    call c = {.info = out};
    memset(out, 0, sizeof *out);
    return run(hsm, describe, &c, err);
}

/* ---- Keys ---- */

/* An id as a big-endian number. */
static int compare_ids(const unsigned char *a, size_t a_len, const unsigned char *b, size_t b_len)
{
    for (; a_len > 0 && *a == 0; a_len--) a++;
    for (; b_len > 0 && *b == 0; b_len--) b++;
    if (a_len != b_len) return a_len < b_len ? -1 : 1;
    return memcmp(a, b, a_len);
}

static int compare_keys(const void *left, const void *right)
{
    const pv_pkcs11_key *a = left, *b = right;
    int label = strcmp(a->label, b->label);
    return label != 0 ? label : compare_ids(a->id, a->id_len, b->id, b->id_len);
}

static bool flag(pv_pkcs11 *h, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE want = {type, &value, sizeof value};
    return h->mod->f->C_GetAttributeValue(h->session, object, &want, 1) == CKR_OK &&
           value == CK_TRUE;
}

/* Reads a key; false for one with a label or an id that is too long. */
static bool read_key(pv_pkcs11 *h, CK_OBJECT_HANDLE object, pv_pkcs11_key *key)
{
    CK_ATTRIBUTE want[] = {{CKA_LABEL, key->label, PV_PKCS11_LABEL_MAX},
                           {CKA_ID, key->id, PV_PKCS11_ID_MAX}};
    CK_ATTRIBUTE size = {CKA_VALUE_LEN, &key->size, sizeof key->size};
    memset(key, 0, sizeof *key);
    if (h->mod->f->C_GetAttributeValue(h->session, object, want, 2) != CKR_OK) return false;
    key->label[want[0].ulValueLen] = 0;
    key->id_len = want[1].ulValueLen;
    if (h->mod->f->C_GetAttributeValue(h->session, object, &size, 1) != CKR_OK) key->size = 0;
    key->encrypt = flag(h, object, CKA_ENCRYPT);
    key->decrypt = flag(h, object, CKA_DECRYPT);
    key->sensitive = flag(h, object, CKA_SENSITIVE);
    key->extractable = flag(h, object, CKA_EXTRACTABLE);
    return true;
}

/* The handles of the AES keys of a label (NULL: all) and an id (data NULL: all). */
static CK_RV find_objects(pv_pkcs11 *h, const char *label, pv_bytes id, CK_OBJECT_HANDLE *out,
                          CK_ULONG *count)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_ATTRIBUTE want[4] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}};
    CK_ULONG wants = 2, got = 1;
    CK_RV rv;
    *count = 0;
    if (label != NULL) want[wants++] = (CK_ATTRIBUTE){CKA_LABEL, (void *)label, strlen(label)};
    if (id.data != NULL) want[wants++] = (CK_ATTRIBUTE){CKA_ID, (void *)id.data, id.len};
    rv = h->mod->f->C_FindObjectsInit(h->session, want, wants);
    if (rv != CKR_OK) return rv;
    while (rv == CKR_OK && got != 0 && *count < KEYS_MAX) {
        rv = h->mod->f->C_FindObjects(h->session, out + *count, KEYS_MAX - *count, &got);
        if (rv == CKR_OK) *count += got;
    }
    (void)h->mod->f->C_FindObjectsFinal(h->session);
    return rv;
}

static pv_status list_keys(pv_pkcs11 *h, call *c, pv_err *err)
{
    CK_OBJECT_HANDLE *objects = pv_alloc_array(KEYS_MAX, sizeof *objects);
    CK_ULONG found;
    CK_RV rv = find_objects(h, c->label, c->id, objects, &found);
    pv_free(*c->keys);
    *c->count = 0;
    *c->keys = pv_alloc_array(found + 1, sizeof **c->keys);
    for (CK_ULONG i = 0; rv == CKR_OK && i < found; i++)
        if (read_key(h, objects[i], *c->keys + *c->count)) (*c->count)++;
    pv_free(objects);
    if (rv != CKR_OK) return fail(h, c, err, "list its keys", rv);
    qsort(*c->keys, *c->count, sizeof **c->keys, compare_keys);
    return PV_OK;
}

pv_status pv_pkcs11_keys(pv_pkcs11 *hsm, const char *label, pv_pkcs11_key **out, size_t *count,
                         pv_err *err)
{
    call c = {.label = label, .keys = out, .count = count};
    pv_status status;
    *out = NULL;
    *count = 0;
    status = run(hsm, list_keys, &c, err);
    if (status == PV_OK) return PV_OK;
    pv_free(*out);
    *out = NULL;
    *count = 0;
    return status;
}

/* The handle of one key: of this id, or the newest of the label. */
static pv_status find_key(pv_pkcs11 *h, call *c, CK_OBJECT_HANDLE *out, pv_pkcs11_key *key,
                          pv_err *err)
{
    CK_OBJECT_HANDLE *objects = pv_alloc_array(KEYS_MAX, sizeof *objects);
    CK_ULONG count;
    CK_RV rv = find_objects(h, c->label, c->id, objects, &count);
    bool any = false;
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
        pv_pkcs11_key each;
        if (!read_key(h, objects[i], &each) || (any && compare_keys(&each, key) <= 0)) continue;
        any = true;
        *key = each;
        *out = objects[i];
    }
    pv_free(objects);
    if (rv != CKR_OK) return fail(h, c, err, "find the key", rv);
    if (any) return PV_OK;
    return pv_fail(err, PV_EDENIED,
                   "token '%s' has no AES key '%s'%s: it was deleted, or never was here", h->name,
                   c->label, c->id.data != NULL ? " of this version" : "");
}

/* The id that is one more, of 4 bytes at least. */
static void next_id(pv_pkcs11_key *key)
{
    size_t i;
    while (key->id_len < 4) {
        memmove(key->id + 1, key->id, key->id_len++);
        key->id[0] = 0;
    }
    for (i = key->id_len; i > 0 && ++key->id[i - 1] == 0; i--) continue;
    if (i > 0 || key->id_len == PV_PKCS11_ID_MAX) return;
    memmove(key->id + 1, key->id, key->id_len++);
    key->id[0] = 1;
}

static pv_status generate(pv_pkcs11 *h, call *c, pv_err *err)
{
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ULONG size = PV_KEY_LEN;
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_OBJECT_HANDLE object;
    pv_pkcs11_key *keys = NULL, *key = c->key;
    size_t count = 0;
    CK_RV rv;
    pv_status status;
    c->keys = &keys;
    c->count = &count;
    memset(key, 0, sizeof *key);
    if ((status = list_keys(h, c, err)) == PV_OK && count != 0) *key = keys[count - 1];
    pv_free(keys);
    c->keys = NULL;
    c->count = NULL;
    if (status != PV_OK) return status;
    next_id(key);
    CK_ATTRIBUTE want[] = {
        {CKA_TOKEN, &yes, sizeof yes},       {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},   {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_ENCRYPT, &yes, sizeof yes},     {CKA_DECRYPT, &yes, sizeof yes},
        {CKA_VALUE_LEN, &size, sizeof size}, {CKA_LABEL, (void *)c->label, strlen(c->label)},
        {CKA_ID, key->id, key->id_len},
    };
    rv =
        h->mod->f->C_GenerateKey(h->session, &mechanism, want, sizeof want / sizeof *want, &object);
    if (rv != CKR_OK) return fail(h, c, err, "generate a key", rv);
    if (read_key(h, object, key)) return PV_OK;
    return pv_fail(err, PV_EPROTO, "token '%s' does not show the key it just made", h->name);
}

static pv_status check_label(const char *label, pv_err *err)
{
    if (label[0] != 0 && strlen(label) <= PV_PKCS11_LABEL_MAX) return PV_OK;
    return pv_fail(err, PV_EINVAL, "the label of a key has 1 to %d bytes", PV_PKCS11_LABEL_MAX);
}

pv_status pv_pkcs11_generate(pv_pkcs11 *hsm, const char *label, pv_pkcs11_key *out, pv_err *err)
{
    call c = {.label = label, .key = out};
    pv_status status = check_label(label, err);
    return status == PV_OK ? run(hsm, generate, &c, err) : status;
}

/* ---- Sealing ---- */

static CK_GCM_PARAMS gcm_params(unsigned char *nonce, pv_bytes aad)
{
    return (CK_GCM_PARAMS){.iv_ptr = nonce,
                           .iv_len = PV_NONCE_LEN,
                           .iv_bits = PV_NONCE_LEN * 8,
                           .aad_ptr = (unsigned char *)aad.data,
                           .aad_len = aad.len,
                           .tag_bits = PV_TAG_LEN * 8};
}

/* Seals into sealed; the token may change the nonce. */
static CK_RV encrypt(pv_pkcs11 *h, CK_OBJECT_HANDLE key, unsigned char *nonce, const call *c,
                     unsigned char *sealed, CK_ULONG *len)
{
    CK_GCM_PARAMS params = gcm_params(nonce, c->aad);
    CK_MECHANISM mechanism = {CKM_AES_GCM, &params, sizeof params};
    CK_RV rv = h->mod->f->C_EncryptInit(h->session, &mechanism, key);
    if (rv != CKR_OK) return rv;
    return h->mod->f->C_Encrypt(h->session, (unsigned char *)c->in.data, c->in.len, sealed, len);
}

static pv_status wrap(pv_pkcs11 *h, call *c, pv_err *err)
{
    static const unsigned char zeroes[PV_NONCE_LEN];
    unsigned char nonce[PV_NONCE_LEN], sealed[PV_PKCS11_PLAIN_MAX + 64];
    CK_ULONG len = sizeof sealed;
    CK_OBJECT_HANDLE object = 0;
    CK_RV rv;
    pv_status status = find_key(h, c, &object, c->key, err);
    if (status == PV_OK) status = pv_random(nonce, sizeof nonce, err);
    if (status != PV_OK) return status;
    rv = encrypt(h, object, nonce, c, sealed, &len);
    if (rv == CKR_MECHANISM_PARAM_INVALID || rv == CKR_ARGUMENTS_BAD) {
        memset(nonce, 0, sizeof nonce); /* tokens that make the nonce want room for it */
        len = sizeof sealed;
        rv = encrypt(h, object, nonce, c, sealed, &len);
        if (rv == CKR_OK && memcmp(nonce, zeroes, sizeof nonce) == 0)
            return pv_fail(err, PV_EUNSUPPORTED,
                           "token '%s' makes a nonce for AES-GCM and does not tell it", h->name);
    }
    if (rv != CKR_OK) return fail(h, c, err, "wrap", rv);
    if (len != c->in.len + PV_TAG_LEN)
        return pv_fail(err, PV_EPROTO, "token '%s': AES-GCM made %lu bytes of %zu", h->name, len,
                       c->in.len);
    (void)pv_buf_add(c->out, nonce, sizeof nonce);
    return pv_buf_add(c->out, sealed, len) == PV_OK
               ? PV_OK
               : pv_fail(err, PV_ELIMIT, "the wrapped bytes are larger than the buffer");
}

pv_status pv_pkcs11_wrap(pv_pkcs11 *hsm, const char *label, pv_bytes id, pv_bytes plain,
                         pv_bytes aad, pv_buf *out, pv_pkcs11_key *used, pv_err *err)
{
    pv_pkcs11_key key;
    call c = {.label = label, .id = id, .in = plain, .aad = aad, .out = out};
    pv_status status = check_label(label, err);
    c.key = used != NULL ? used : &key;
    if (status != PV_OK) return status;
    if (plain.len > PV_PKCS11_PLAIN_MAX)
        return pv_fail(err, PV_ELIMIT, "a token wraps up to %d bytes, not %zu", PV_PKCS11_PLAIN_MAX,
                       plain.len);
    return run(hsm, wrap, &c, err);
}

static pv_status unwrap(pv_pkcs11 *h, call *c, pv_err *err)
{
    unsigned char nonce[PV_NONCE_LEN], plain[PV_PKCS11_PLAIN_MAX + 64];
    CK_GCM_PARAMS params = gcm_params(nonce, c->aad);
    CK_MECHANISM mechanism = {CKM_AES_GCM, &params, sizeof params};
    CK_ULONG len = sizeof plain;
    CK_OBJECT_HANDLE object = 0;
    pv_pkcs11_key key;
    CK_RV rv;
    pv_status status = find_key(h, c, &object, &key, err);
    if (status != PV_OK) return status;
    memcpy(nonce, c->in.data, sizeof nonce);
    rv = h->mod->f->C_DecryptInit(h->session, &mechanism, object);
    if (rv != CKR_OK) return fail(h, c, err, "unwrap", rv);
    rv = h->mod->f->C_Decrypt(h->session, (unsigned char *)c->in.data + PV_NONCE_LEN,
                              c->in.len - PV_NONCE_LEN, plain, &len);
    /* PKCS#11 has no answer for a wrong tag, so that modules give one of these. */
    if (rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_ENCRYPTED_DATA_LEN_RANGE ||
        rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED || rv == CKR_SIGNATURE_INVALID)
        status =
            pv_fail(err, PV_EAUTH,
                    "token '%s': not what key '%s' wrapped in this context: another key, another "
                    "context or damaged bytes",
                    h->name, c->label);
    else if (rv != CKR_OK) status = fail(h, c, err, "unwrap", rv);
    else *c->secret = pv_secret_copy((pv_bytes){(char *)plain, len});
    pv_wipe(plain, sizeof plain);
    return status;
}

pv_status pv_pkcs11_unwrap(pv_pkcs11 *hsm, const char *label, pv_bytes id, pv_bytes sealed,
                           pv_bytes aad, pv_secret **out, pv_err *err)
{
    call c = {.label = label, .id = id, .in = sealed, .aad = aad, .secret = out};
    pv_status status = check_label(label, err);
    *out = NULL;
    if (status != PV_OK) return status;
    if (sealed.len < PV_NONCE_LEN + PV_TAG_LEN ||
        sealed.len > PV_PKCS11_PLAIN_MAX + PV_NONCE_LEN + PV_TAG_LEN)
        return pv_fail(err, PV_EAUTH, "%zu bytes are not what a token wrapped", sealed.len);
    return run(hsm, unwrap, &c, err);
}
