/* core/base/mem: zeroed blocks, copies, and the abort on sizes nobody has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

static void blocks_are_zeroed_and_never_null(void **state)
{
    char *a = pv_alloc(1000), *empty = pv_alloc(0), *none = pv_alloc_array(0, 8);
    (void)state;
    for (int i = 0; i < 1000; i++) assert_int_equal(a[i], 0);
    assert_non_null(empty);
    assert_non_null(none);
    pv_free(a);
    pv_free(empty);
    pv_free(none);
    pv_free(NULL);
}

static void realloc_keeps_what_was_there(void **state)
{
    uint32_t *list = NULL;
    (void)state;
    for (uint32_t n = 1; n < 2000; n += 13) {
        list = pv_realloc_array(list, n, sizeof *list);
        list[n - 1] = n;
        for (uint32_t i = 1; i < n; i += 13) assert_int_equal(list[i - 1], i);
    }
    list = pv_realloc_array(list, 0, sizeof *list);
    assert_non_null(list);
    pv_free(list);
}

static void copies_end_with_nul(void **state)
{
    char *text = pv_strdup("text"), *bytes = pv_memdup("a\0b", 3), *nothing = pv_memdup(NULL, 0);
    (void)state;
    assert_string_equal(text, "text");
    assert_memory_equal(bytes, "a\0b", 4);
    assert_string_equal(nothing, "");
    assert_null(pv_strdup(NULL));
    pv_free(text);
    pv_free(bytes);
    pv_free(nothing);
}

static void wipe_overwrites(void **state)
{
    char secret[] = "secret";
    (void)state;
    pv_wipe(secret, sizeof secret);
    for (size_t i = 0; i < sizeof secret; i++) assert_int_equal(secret[i], 0);
    pv_wipe(NULL, 0);
    pv_wipe(NULL, 5);
}

static void ask_product(void)
{
    pv_realloc_array(NULL, SIZE_MAX / 2, 16);
}

static void ask_copy(void)
{
    pv_memdup("", SIZE_MAX);
}

/* Calls fn in a child; true when it ends by SIGABRT. */
static int aborts(void (*fn)(void))
{
    const struct rlimit none = {0, 0};
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL);
        setrlimit(RLIMIT_CORE, &none);
        close(STDERR_FILENO);
        fn();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void sizes_that_overflow_abort(void **state)
{
    (void)state;
    assert_true(aborts(ask_product));
    assert_true(aborts(ask_copy));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zeroed_and_never_null),
        cmocka_unit_test(realloc_keeps_what_was_there),
        cmocka_unit_test(copies_end_with_nul),
        cmocka_unit_test(wipe_overwrites),
        cmocka_unit_test(sizes_that_overflow_abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
