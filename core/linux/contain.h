/* Runs a program so that nothing of it outlives the caller: neither processes nor mounts. */
#ifndef PV_LINUX_CONTAIN_H
#define PV_LINUX_CONTAIN_H

/* Runs argv (found by PATH, ended by NULL) in own mount and pid namespaces, killed with the
 * calling process, which itself is killed with its parent.  Returns the exit code, 127 when there
 * is no such program, 128 + n when signal n ended it. */
int pv_contain(char **argv);

#endif
