/* Entry: version without a Lua state, helper processes, everything else in Lua. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/internal.h"
#include "app/runtime.h"
#include "base/log.h"

static int run_internal(int argc, char **argv)
{
    for (const pv_internal *i = pv_internals; argc > 0 && i->name != NULL; i++) {
        if (strcmp(i->name, argv[0]) == 0) return i->run(argc, argv);
    }
    fprintf(stderr, "prov: no internal helper '%s'\n", argc > 0 ? argv[0] : "");
    return 2;
}

/* With a standard stream closed, the next file that is opened would take its place. */
static void open_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF && open("/dev/null", O_RDWR) < 0) return;
    }
}

int main(int argc, char **argv)
{
    lua_State *L = NULL;
    pv_err err;
    int code;

    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("prov " PROV_VERSION);
        return fflush(stdout) == 0 ? 0 : 1;
    }
    open_standard_streams();
    signal(SIGPIPE, SIG_IGN);
    if (argc >= 2 && strcmp(argv[1], "internal") == 0 &&
        !(argc >= 3 && strcmp(argv[2], "lua") == 0)) {
        return run_internal(argc - 2, argv + 2);
    }
    if (pv_log_from_env(&err) != PV_OK) fprintf(stderr, "prov: %s\n", err.msg);
    if (pv_runtime_open(&L, &err) != PV_OK) {
        fprintf(stderr, "prov: %s\n", err.msg);
        return 1;
    }
    if (argc >= 3 && strcmp(argv[1], "internal") == 0) {
        code = pv_runtime_run(L, "prov.script", argc - 3, argv + 3);
    } else {
        code = pv_runtime_run(L, "prov.main", argc - 1, argv + 1);
    }
    pv_runtime_close(L);
    return code;
}
