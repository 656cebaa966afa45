#include "net/knownhosts.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 16 << 20, NAME_MAX_LEN = 320, DIGEST = 20 };

/* One line, split in place. */
typedef struct entry {
    const char *marker; /* "@revoked" or NULL */
    char *names;
    const char *type;
    const char *base64;
} entry;

static pv_status read_file(pv_buf *out, const char *path, pv_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    pv_status status = PV_OK;
    ssize_t got = 1;
    if (fd < 0 && errno == ENOENT) return PV_OK;
    if (fd < 0) return pv_fail_errno(err, errno, "cannot read %s", path);
    while (got > 0 && status == PV_OK) {
        char *room = pv_buf_reserve(out, 65536);
        if (room == NULL)
            status = pv_fail(err, PV_ELIMIT, "%s is larger than %d bytes", path, FILE_MAX);
        else if ((got = read(fd, room, 65536)) < 0)
            status = pv_fail_errno(err, errno, "cannot read %s", path);
        else out->len += (size_t)got;
    }
    close(fd);
    return status == PV_OK ? pv_buf_addc(out, '\0') : status;
}

static int split(entry *e, char *line)
{
    char *save = NULL, *word = strtok_r(line, " \t\r", &save);
    if (word == NULL || word[0] == '#') return 0;
    e->marker = NULL;
    if (word[0] == '@') {
        e->marker = word;
        word = strtok_r(NULL, " \t\r", &save);
    }
    e->names = word;
    e->type = strtok_r(NULL, " \t\r", &save);
    e->base64 = strtok_r(NULL, " \t\r", &save);
    return e->names != NULL && e->type != NULL && e->base64 != NULL;
}

/* "|1|salt|hash" holds the HMAC-SHA1 of the name. */
static int matches_hash(const char *names, const char *name)
{
    unsigned char salt[32], hash[32], mine[EVP_MAX_MD_SIZE];
    char salt64[64], hash64[64];
    unsigned len = 0;
    if (sscanf(names, "|1|%40[^|]|%40s", salt64, hash64) != 2) return 0;
    if (strlen(salt64) != 28 || strlen(hash64) != 28) return 0;
    if (EVP_DecodeBlock(salt, (unsigned char *)salt64, 28) < DIGEST) return 0;
    if (EVP_DecodeBlock(hash, (unsigned char *)hash64, 28) < DIGEST) return 0;
    if (HMAC(EVP_sha1(), salt, DIGEST, (const unsigned char *)name, strlen(name), mine, &len) ==
        NULL)
        return 0;
    return len == DIGEST && memcmp(mine, hash, DIGEST) == 0;
}

/* '*' and '?' as in OpenSSH; brackets are part of "[host]:port", not of a pattern. */
static int matches_pattern(const char *pattern, const char *name)
{
    for (; *pattern != '\0'; pattern++, name++) {
        if (*pattern == '*') {
            while (*pattern == '*') pattern++;
            if (*pattern == '\0') return 1;
            for (; *name != '\0'; name++) {
                if (matches_pattern(pattern, name)) return 1;
            }
            return 0;
        }
        if (*name == '\0') return 0;
        if (*pattern != '?' && strncasecmp(pattern, name, 1) != 0) return 0;
    }
    return *name == '\0';
}

static int matches(char *names, const char *name)
{
    char *save = NULL;
    int found = 0;
    if (names[0] == '|') return matches_hash(names, name);
    for (char *one = strtok_r(names, ",", &save); one != NULL; one = strtok_r(NULL, ",", &save)) {
        if (one[0] == '!' && matches_pattern(one + 1, name)) return 0;
        if (one[0] != '!' && matches_pattern(one, name)) found = 1;
    }
    return found;
}

static void host_name(char *out, size_t size, const char *host, int port)
{
    if (port == 22) snprintf(out, size, "%s", host);
    else snprintf(out, size, "[%s]:%d", host, port);
    for (char *c = out; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
    }
}

/* Calls each(arg, entry, line number) for every line that names the host. */
static pv_status walk(const char *path, const char *host, int port,
                      void (*each)(void *arg, const entry *e, int line), void *arg, pv_err *err)
{
    char name[NAME_MAX_LEN];
    pv_buf text;
    pv_status status;
    int number = 0;
    host_name(name, sizeof name, host, port);
    pv_buf_init(&text, FILE_MAX);
    status = read_file(&text, path, err);
    for (char *line = text.data, *next; status == PV_OK && line != NULL; line = next) {
        entry e;
        next = strchr(line, '\n');
        if (next != NULL) *next++ = '\0';
        number++;
        if (split(&e, line) && matches(e.names, name)) each(arg, &e, number);
    }
    pv_buf_deinit(&text);
    return status;
}

typedef struct search {
    const char *type, *base64;
    pv_knownhost *out;
} search;

static void judge(void *arg, const entry *e, int line)
{
    search *want = arg;
    int same = strcmp(e->type, want->type) == 0 && strcmp(e->base64, want->base64) == 0;
    pv_host_verdict verdict = same ? PV_HOST_KNOWN : PV_HOST_CHANGED;
    if (e->marker != NULL) {
        if (strcmp(e->marker, "@revoked") != 0 || !same) return;
        verdict = PV_HOST_REVOKED;
    }
    if (want->out->verdict == PV_HOST_REVOKED) return;
    if (want->out->verdict == PV_HOST_KNOWN && verdict == PV_HOST_CHANGED) return;
    if (want->out->verdict == PV_HOST_CHANGED && verdict == PV_HOST_CHANGED) return;
    want->out->verdict = verdict;
    want->out->line = line;
}

pv_status pv_knownhosts_find(pv_knownhost *out, const char *path, const char *host, int port,
                             const char *type, const char *base64, pv_err *err)
{
    search want = {type, base64, out};
    out->verdict = PV_HOST_UNKNOWN;
    out->line = 0;
    return walk(path, host, port, judge, &want, err);
}

static void collect(void *arg, const entry *e, int line)
{
    pv_buf *out = arg;
    const char *type = strcmp(e->type, "ssh-rsa") == 0 ? "rsa-sha2-512,rsa-sha2-256" : e->type;
    (void)line;
    if (e->marker != NULL) return;
    if (out->len > 0 && strstr(out->data, type) != NULL) return;
    if (out->len > 0) pv_buf_addc(out, ',');
    pv_buf_adds(out, type); /* a list too long for the buffer is only a preference cut short */
}

pv_status pv_knownhosts_types(pv_buf *out, const char *path, const char *host, int port,
                              pv_err *err)
{
    return walk(path, host, port, collect, out, err);
}

pv_status pv_knownhosts_add(const char *path, const char *host, int port, const char *type,
                            const char *base64, pv_err *err)
{
    char name[NAME_MAX_LEN];
    pv_buf line;
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    char last = '\n';
    struct stat st;
    pv_status status = PV_OK;
    if (fd < 0) return pv_fail_errno(err, errno, "cannot write %s", path);
    host_name(name, sizeof name, host, port);
    pv_buf_init(&line, 65536);
    if (fstat(fd, &st) == 0 && st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 &&
        last != '\n') {
        pv_buf_addc(&line, '\n');
    }
    status = pv_buf_addf(&line, "%s %s %s\n", name, type, base64);
    /* One write, so that two processes never mix their lines. */
    if (status == PV_OK && write(fd, line.data, line.len) != (ssize_t)line.len) {
        status = pv_fail_errno(err, errno, "cannot write %s", path);
    }
    pv_buf_deinit(&line);
    close(fd);
    return status;
}
