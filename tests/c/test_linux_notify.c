/* What the service manager hears. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "linux/notify.h"

static void nobody_listens(void **state)
{
    pv_err err;
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(pv_notify("READY=1", &err), PV_OK);
    setenv("NOTIFY_SOCKET", "", 1);
    assert_int_equal(pv_notify("READY=1", &err), PV_OK);
    setenv("NOTIFY_SOCKET", "relative", 1);
    assert_int_equal(pv_notify("READY=1", &err), PV_EINVAL);
    setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
    assert_int_equal(pv_notify("READY=1", &err), PV_ENOTFOUND);
    assert_non_null(strstr(err.msg, "/nowhere/at/all"));
    {
        char lengthy[200];
        memset(lengthy, 'x', sizeof lengthy);
        lengthy[0] = '/';
        lengthy[sizeof lengthy - 1] = '\0';
        setenv("NOTIFY_SOCKET", lengthy, 1);
        assert_int_equal(pv_notify("READY=1", &err), PV_EINVAL);
    }
}

/* Binds a socket with the first `length` bytes of a name and hears what is sent to `address`. */
static void hears(const char *name, size_t length, const char *address)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char got[64] = "";
    pv_err err;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    memcpy(at.sun_path, name, length);
    assert_int_equal(bind(fd, (struct sockaddr *)&at,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
                     0);
    setenv("NOTIFY_SOCKET", address, 1);
    assert_int_equal(pv_notify("READY=1\nSTATUS=here", &err), PV_OK);
    assert_int_equal(recv(fd, got, sizeof got - 1, 0), (ssize_t)strlen("READY=1\nSTATUS=here"));
    assert_string_equal(got, "READY=1\nSTATUS=here");
    close(fd);
}

static void somebody_listens(void **state)
{
    char name[64], address[64];
    (void)state;
    snprintf(name, sizeof name, "/tmp/prov-notify-%ld", (long)getpid());
    unlink(name);
    hears(name, strlen(name), name);
    unlink(name);
    snprintf(address, sizeof address, "@prov-notify-%ld", (long)getpid());
    memcpy(name, address, strlen(address));
    name[0] = '\0';
    hears(name, strlen(address), address);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(somebody_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
