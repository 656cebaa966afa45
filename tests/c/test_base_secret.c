/* Secret memory: where it is not, and that it goes. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/secret.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANITIZED
#endif
#endif

static void test_copy(void **state)
{
    pv_secret *s = pv_secret_copy((pv_bytes){"hunter2", 7}),
              *empty = pv_secret_copy((pv_bytes){NULL, 0});
    pv_secret *large = pv_secret_new(10000);
    (void)state;
    assert_int_equal(pv_secret_bytes(s).len, 7);
    assert_memory_equal(pv_secret_bytes(s).data, "hunter2", 7);
    assert_int_equal(empty->len, 0);
    for (size_t i = 0; i < large->len; i++) assert_int_equal(large->data[i], 0);
    large->data[9999] = 1;
    pv_secret_free(s);
    pv_secret_free(empty);
    pv_secret_free(large);
    pv_secret_free(NULL);
}

static void test_equal(void **state)
{
    (void)state;
    assert_true(pv_secret_equal((pv_bytes){"abc", 3}, (pv_bytes){"abc", 3}));
    assert_true(pv_secret_equal((pv_bytes){NULL, 0}, (pv_bytes){"", 0}));
    assert_false(pv_secret_equal((pv_bytes){"abc", 3}, (pv_bytes){"abd", 3}));
    assert_false(pv_secret_equal((pv_bytes){"xbc", 3}, (pv_bytes){"abc", 3}));
    assert_false(pv_secret_equal((pv_bytes){"abc", 3}, (pv_bytes){"abcd", 4}));
    assert_false(pv_secret_equal((pv_bytes){"", 0}, (pv_bytes){"a", 1}));
}

/* The flags of the mapping that holds `at`, from /proc/self/smaps: "dd" do not dump, "dc" do
 * not copy on fork, "lo" locked. */
static int flags_of(const void *at, char *flags, size_t size)
{
    FILE *f = fopen("/proc/self/smaps", "r");
    char line[512];
    unsigned long begin, end;
    int inside = 0, found = 0;
    if (f == NULL) return 0;
    while (!found && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
            inside = (unsigned long)at >= begin && (unsigned long)at < end;
        if (inside && strncmp(line, "VmFlags:", 8) == 0) {
            snprintf(flags, size, "%s", line);
            found = 1;
        }
    }
    fclose(f);
    return found;
}

static void test_mapping(void **state)
{
    pv_secret *s = pv_secret_copy((pv_bytes){"hunter2", 7});
    char flags[512] = "";
    (void)state;
    if (!flags_of(s->data, flags, sizeof flags)) {
        pv_secret_free(s);
        print_message("SKIP: no VmFlags in /proc/self/smaps\n");
        skip();
    }
    assert_non_null(strstr(flags, " dd"));
    assert_non_null(strstr(flags, " dc"));
#ifndef SANITIZED /* they make mlock() do nothing */
    if (s->locked) assert_non_null(strstr(flags, " lo"));
#endif
    pv_secret_free(s);
}

/* A forked child has no such page: a key of zeroes would be worse than a crash. */
static void test_fork(void **state)
{
    pv_secret *s = pv_secret_copy((pv_bytes){"hunter2", 7});
    int status;
    pid_t pid = fork();
    (void)state;
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL);
        _exit(*(volatile unsigned char *)s->data == 'h' ? 1 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) > 2); /* the latter under sanitizers */
    pv_secret_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_mapping),
        cmocka_unit_test(test_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
