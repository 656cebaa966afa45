#include "linux/labcmd.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "linux/contain.h"
#include "linux/lab.h"
#include "linux/serve.h"

static pv_status cmd_network_up(char **args, pv_err *err)
{
    return pv_network_up(args[0], err);
}

static pv_status cmd_network_down(char **args, pv_err *err)
{
    return pv_network_down(args[0], err);
}

static pv_status cmd_down(char **args, pv_err *err)
{
    return pv_lab_down(args[0], err);
}

static pv_status cmd_purge(char **args, pv_err *err)
{
    return pv_lab_purge(args[0], err);
}

static pv_status cmd_start(char **args, pv_err *err)
{
    pid_t parent = getppid();
    char **program = args[2] != NULL ? args + 2 : NULL;
    pv_status status = pv_server_start_by(args[0], program, err);
    int ms = atoi(args[1]);
    /* Starting is done whatever happens to who asked; waiting is only for them. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) return status;
    return status == PV_OK && ms > 0 ? pv_server_wait_ssh(args[0], ms, err) : status;
}

static pv_status cmd_stop(char **args, pv_err *err)
{
    return pv_server_stop(args[0], atoi(args[1]), err);
}

static pv_status cmd_destroy(char **args, pv_err *err)
{
    return pv_server_destroy(args[0], err);
}

static pv_status cmd_limit(char **args, pv_err *err)
{
    return pv_server_limit(args[0], err);
}

static pv_status cmd_serve(char **args, pv_err *err)
{
    return pv_serve_run(args[0], err);
}

static pv_status cmd_reload(char **args, pv_err *err)
{
    return pv_serve_reload(args[0], NULL, err);
}

static const struct {
    const char *name;
    int args;
    pv_status (*run)(char **args, pv_err *err);
    const char *usage;
    int more; /* further arguments are fine */
} commands[] = {
    {"network-up", 1, cmd_network_up, "NETWORK-FOLDER", 0},
    {"network-down", 1, cmd_network_down, "NETWORK-FOLDER", 0},
    {"down", 1, cmd_down, "LAB-FOLDER", 0},
    {"purge", 1, cmd_purge, "NETNS-PATH", 0},
    {"start", 2, cmd_start, "SERVER-FOLDER WAIT-MS [PROGRAM ARGUMENT...]", 1},
    {"stop", 2, cmd_stop, "SERVER-FOLDER GRACE-MS", 0},
    {"destroy", 1, cmd_destroy, "SERVER-FOLDER", 0},
    {"limit", 1, cmd_limit, "SERVER-FOLDER", 0},
    {"serve", 1, cmd_serve, "LAB-FOLDER", 0},
    {"reload", 1, cmd_reload, "LAB-FOLDER", 0},
};

int pv_lab_main(int argc, char **argv)
{
    pv_err err;
    pv_status status;
    /* Its pid namespace is dead by then: nothing that runs at exit could start a thread. */
    if (argc > 2 && strcmp(argv[1], "contain") == 0) _exit(pv_contain(argv + 2));
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, argv[1]) != 0) continue;
        if (argc - 2 < commands[i].args || (argc - 2 > commands[i].args && !commands[i].more)) {
            fprintf(stderr, "usage: prov internal lab %s %s\n", argv[1], commands[i].usage);
            return 2;
        }
        status = commands[i].run(argv + 2, &err);
        if (status == PV_OK) return 0;
        fprintf(stderr, "%s: %s\n", pv_status_name(status), err.msg);
        return 1;
    }
    fprintf(stderr, "usage: prov internal lab COMMAND ...\n");
    return 2;
}
