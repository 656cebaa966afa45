/* `prov internal lab COMMAND ...`: the commands that lua/prov/machine runs as helper
 * processes, because they change namespaces or block. Errors go to stderr as
 * "<status name>: message", results to stdout as key=value lines. */
#ifndef PV_LINUX_LABCMD_H
#define PV_LINUX_LABCMD_H

/* argv[0] is "lab"; returns the exit code. */
int pv_lab_main(int argc, char **argv);

#endif
