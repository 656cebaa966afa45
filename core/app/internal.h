/* Helper processes of prov that are the same binary: `prov internal NAME ...`.
 * They run before any Lua state exists, so that they may fork, unshare and setns
 * in a process with one thread. */
#ifndef PV_APP_INTERNAL_H
#define PV_APP_INTERNAL_H

typedef struct pv_internal {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the name; returns the exit code */
} pv_internal;

/* Ended by a NULL name. */
extern const pv_internal pv_internals[];

#endif
