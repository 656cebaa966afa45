#include "linux/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "linux/file.h"

enum { MOST_HIERARCHIES = 32, LARGEST_MOUNTINFO = 16 * 1024 * 1024, MAKE_ATTEMPTS = 20 };

typedef struct hierarchy {
    char *path;        /* where it is mounted */
    char *controllers; /* of version 1: "cpu,cpuacct" or "name=systemd"; NULL for version 2 */
} hierarchy;

struct pv_cgroups {
    hierarchy list[MOST_HIERARCHIES];
    int count;
};

/* Keeps what names controllers in the options of a version 1 mount ("rw,cpu,cpuacct"). */
static char *v1_controllers(char *options)
{
    static const char *const other[] = {
        "rw", "ro", "relatime", "xattr", "noprefix", "clone_children", "seclabel"};
    char kept[256] = "", *save = NULL;
    for (char *word = strtok_r(options, ",", &save); word != NULL;
         word = strtok_r(NULL, ",", &save)) {
        int known = strncmp(word, "release_agent", 13) == 0;
        size_t used = strlen(kept);
        for (size_t i = 0; i < sizeof other / sizeof *other; i++)
            known |= strcmp(word, other[i]) == 0;
        if (known || used + strlen(word) + 2 > sizeof kept) continue;
        snprintf(kept + used, sizeof kept - used, "%s%s", used != 0 ? "," : "", word);
    }
    return pv_strdup(kept);
}

/* One line of mountinfo: id parent dev root path options [tags] - type source superoptions. */
static void add_line(pv_cgroups *g, char *line)
{
    char root[PV_PATH_CAP], path[PV_PATH_CAP], type[32], options[1024];
    char *dash = strstr(line, " - ");
    hierarchy h = {NULL, NULL};
    if (dash == NULL || sscanf(line, "%*d %*d %*s %4095s %4095s", root, path) != 2) return;
    if (sscanf(dash, " - %31s %*s %1023s", type, options) != 2) return;
    if (strcmp(root, "/") != 0 || g->count == MOST_HIERARCHIES) return;
    if (strcmp(type, "cgroup") == 0) h.controllers = v1_controllers(options);
    else if (strcmp(type, "cgroup2") != 0) return;
    for (int i = 0; i < g->count; i++) { /* mounted a second time somewhere else */
        const char *have = g->list[i].controllers;
        if (have == h.controllers ||
            (have != NULL && h.controllers != NULL && strcmp(have, h.controllers) == 0)) {
            pv_free(h.controllers);
            return;
        }
    }
    h.path = pv_strdup(path);
    g->list[g->count++] = h;
}

pv_status pv_cgroups_open(pv_cgroups **out, pv_err *err)
{
    pv_cgroups *g = pv_alloc(sizeof *g);
    pv_buf text;
    pv_status status;
    char *save = NULL;
    *out = NULL;
    pv_buf_init(&text, LARGEST_MOUNTINFO);
    status = pv_file_read(&text, "/proc/self/mountinfo", err);
    if (status == PV_OK) {
        for (char *line = strtok_r(text.data, "\n", &save); line != NULL;
             line = strtok_r(NULL, "\n", &save))
            add_line(g, line);
        if (g->count == 0)
            status =
                pv_fail(err, PV_EUNSUPPORTED, "no cgroup hierarchy is mounted on this machine");
    }
    pv_buf_deinit(&text);
    if (status != PV_OK) {
        pv_cgroups_close(g);
        return status;
    }
    *out = g;
    return PV_OK;
}

void pv_cgroups_close(pv_cgroups *g)
{
    if (g == NULL) return;
    for (int i = 0; i < g->count; i++) {
        pv_free(g->list[i].path);
        pv_free(g->list[i].controllers);
    }
    pv_free(g);
}

const char *pv_cgroups_mode(const pv_cgroups *g)
{
    int v1 = 0, v2 = 0;
    for (int i = 0; i < g->count; i++) {
        if (g->list[i].controllers != NULL) v1 = 1;
        else v2 = 1;
    }
    return v1 && v2 ? "hybrid" : v1 ? "v1" : "v2";
}

void pv_cgroups_each_v1(const pv_cgroups *g, void (*fn)(const char *controllers, void *arg),
                        void *arg)
{
    for (int i = 0; i < g->count; i++) {
        if (g->list[i].controllers != NULL) fn(g->list[i].controllers, arg);
    }
}

static int has_controller(const char *list, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        if (*at == ',') at++;
        if (strncmp(at, name, len) == 0 && (at[len] == '\0' || at[len] == ',')) return 1;
    }
    return 0;
}

/* A new cpuset group is unusable until it has processors and memory nodes. */
static void inherit_cpuset(const char *parent, const char *path)
{
    static const char *const names[] = {"cpuset.cpus", "cpuset.mems"};
    char from[PV_PATH_CAP], to[PV_PATH_CAP];
    for (int i = 0; i < 2; i++) {
        pv_buf value;
        pv_buf_init(&value, 65536);
        if (pv_path_format(from, NULL, "%s/%s", parent, names[i]) == PV_OK &&
            pv_path_format(to, NULL, "%s/%s", path, names[i]) == PV_OK &&
            pv_file_read(&value, from, NULL) == PV_OK && value.len > 1) {
            pv_file_put(to, value.data, NULL);
        }
        pv_buf_deinit(&value);
    }
}

/* Version 2: lets the groups below `parent` have controllers; those that are not there stay out. */
static void delegate(const char *parent)
{
    static const char *const wanted[] = {"+cpu", "+memory", "+pids", "+io", "+cpuset"};
    char path[PV_PATH_CAP];
    if (pv_path_format(path, NULL, "%s/cgroup.subtree_control", parent) != PV_OK) return;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) pv_file_put(path, wanted[i], NULL);
}

static pv_status make_in(const hierarchy *h, const char *name, pv_err *err)
{
    char path[PV_PATH_CAP], parent[PV_PATH_CAP];
    size_t start = strlen(h->path) + 1;
    pv_status status = pv_path_format(path, err, "%s/%s", h->path, name);
    if (status != PV_OK) return status;
    strcpy(parent, h->path);
    for (size_t i = start;; i++) {
        char saved = path[i];
        if (saved != '/' && saved != '\0') continue;
        path[i] = '\0';
        if (h->controllers == NULL) delegate(parent);
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return pv_fail_errno(err, errno, "cannot make the cgroup %s", path);
        if (h->controllers != NULL && has_controller(h->controllers, "cpuset"))
            inherit_cpuset(parent, path);
        if (saved == '\0') return PV_OK;
        strcpy(parent, path);
        path[i] = saved;
    }
}

pv_status pv_cgroup_make(const pv_cgroups *g, const char *name, pv_err *err)
{
    for (int i = 0; i < g->count; i++) {
        pv_status status = PV_ENOTFOUND;
        /* The removal of another server may take the empty parent away in between. */
        for (int attempt = 0; status == PV_ENOTFOUND && attempt < MAKE_ATTEMPTS; attempt++)
            status = make_in(&g->list[i], name, err);
        if (status != PV_OK) return status;
    }
    return PV_OK;
}

pv_status pv_cgroup_join(const pv_cgroups *g, const char *name, pv_err *err)
{
    char path[PV_PATH_CAP];
    for (int i = 0; i < g->count; i++) {
        pv_status status = pv_path_format(path, err, "%s/%s/cgroup.procs", g->list[i].path, name);
        if (status == PV_OK) status = pv_file_put(path, "0", err);
        if (status != PV_OK) return status;
    }
    return PV_OK;
}

/* Writes a number into the file `v2` of the version 2 group or `v1` of the hierarchy that has
 * the controller, whichever takes it. */
static pv_status put_limit(const pv_cgroups *g, const char *name, const char *controller,
                           const char *v1, const char *v2, const char *text1, const char *text2,
                           pv_err *err)
{
    char path[PV_PATH_CAP];
    pv_status status = PV_EUNSUPPORTED;
    for (int i = 0; i < g->count; i++) {
        const hierarchy *h = &g->list[i];
        if (h->controllers != NULL && !has_controller(h->controllers, controller)) continue;
        if (pv_path_format(path, err, "%s/%s/%s", h->path, name,
                           h->controllers != NULL ? v1 : v2) != PV_OK)
            return PV_ELIMIT;
        if (access(path, F_OK) != 0) continue;
        status = pv_file_put(path, h->controllers != NULL ? text1 : text2, err);
        if (status == PV_OK) return PV_OK;
    }
    if (status == PV_EUNSUPPORTED)
        pv_fail(err, status,
                "this machine has no cgroup controller '%s', so that limit cannot be set",
                controller);
    return status;
}

pv_status pv_cgroup_limit(const pv_cgroups *g, const char *name, const pv_cgroup_limits *limits,
                          pv_err *err)
{
    char one[64], two[64];
    pv_err ignored;
    pv_status status;
    if (limits->memory > 0) snprintf(one, sizeof one, "%lld", limits->memory);
    else strcpy(one, "-1");
    snprintf(two, sizeof two, "%s", limits->memory > 0 ? one : "max");
    status = put_limit(g, name, "memory", "memory.limit_in_bytes", "memory.max", one, two,
                       limits->memory > 0 ? err : &ignored);
    if (status != PV_OK && limits->memory > 0) return status;

    snprintf(one, sizeof one, "%lld", limits->milli_cpus > 0 ? limits->milli_cpus * 100 : -1);
    if (limits->milli_cpus > 0) snprintf(two, sizeof two, "%lld 100000", limits->milli_cpus * 100);
    else strcpy(two, "max 100000");
    status = put_limit(g, name, "cpu", "cpu.cfs_quota_us", "cpu.max", one, two,
                       limits->milli_cpus > 0 ? err : &ignored);
    if (status != PV_OK && limits->milli_cpus > 0) return status;

    if (limits->pids > 0) snprintf(one, sizeof one, "%lld", limits->pids);
    else strcpy(one, "max");
    status = put_limit(g, name, "pids", "pids.max", "pids.max", one, one,
                       limits->pids > 0 ? err : &ignored);
    return limits->pids > 0 ? status : PV_OK;
}

/* Kills what is in the group at path and below; returns how many processes it found. */
static int kill_below(const char *path)
{
    char below[PV_PATH_CAP];
    int found = 0;
    pv_buf text;
    DIR *dir = opendir(path);
    struct dirent *entry;
    if (dir == NULL) return 0;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
        if (pv_path_format(below, NULL, "%s/%s", path, entry->d_name) == PV_OK)
            found += kill_below(below);
    }
    closedir(dir);
    pv_buf_init(&text, LARGEST_MOUNTINFO);
    if (pv_path_format(below, NULL, "%s/cgroup.procs", path) == PV_OK &&
        pv_file_read(&text, below, NULL) == PV_OK && text.len > 0) {
        for (char *at = text.data, *end; *at != '\0'; at = end) {
            long pid = strtol(at, &end, 10);
            if (end == at) break;
            if (pid > 1 && pid != getpid()) {
                kill((pid_t)pid, SIGKILL);
                found++;
            }
            while (*end == '\n') end++;
        }
    }
    pv_buf_deinit(&text);
    return found;
}

pv_status pv_cgroup_kill(const pv_cgroups *g, const char *name, int ms, pv_err *err)
{
    char path[PV_PATH_CAP];
    for (int waited = 0;; waited += 2) {
        struct timespec pause = {0, 2000000};
        int found = 0;
        for (int i = 0; i < g->count; i++) {
            pv_status status = pv_path_format(path, err, "%s/%s", g->list[i].path, name);
            if (status != PV_OK) return status;
            found += kill_below(path);
        }
        if (found == 0) return PV_OK;
        if (waited >= ms)
            return pv_fail(err, PV_ETIMEOUT, "%d processes of the cgroup %s do not die", found,
                           name);
        nanosleep(&pause, NULL);
    }
}

static int remove_below(const char *path)
{
    char below[PV_PATH_CAP];
    DIR *dir = opendir(path);
    struct dirent *entry;
    if (dir == NULL) return errno == ENOENT ? 0 : errno;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
        if (pv_path_format(below, NULL, "%s/%s", path, entry->d_name) == PV_OK) remove_below(below);
    }
    closedir(dir);
    return rmdir(path) == 0 || errno == ENOENT ? 0 : errno;
}

pv_status pv_cgroup_remove(const pv_cgroups *g, const char *name, pv_err *err)
{
    char path[PV_PATH_CAP];
    for (int i = 0; i < g->count; i++) {
        int error = EBUSY;
        pv_status status = pv_path_format(path, err, "%s/%s", g->list[i].path, name);
        if (status != PV_OK) return status;
        for (int attempt = 0; error == EBUSY && attempt < 2500;
             attempt++) { /* dying processes count for a moment */
            struct timespec pause = {0, 2000000};
            if (attempt > 0) nanosleep(&pause, NULL);
            error = remove_below(path);
        }
        if (error == EBUSY)
            return pv_fail(err, PV_EBUSY, "the cgroup %s still has processes", path);
        if (error != 0) return pv_fail_errno(err, error, "cannot remove the cgroup %s", path);
    }
    return PV_OK;
}

void pv_cgroups_prune(const pv_cgroups *g, const char *name)
{
    char path[PV_PATH_CAP];
    for (int i = 0; i < g->count; i++) {
        if (pv_path_format(path, NULL, "%s/%s", g->list[i].path, name) == PV_OK) rmdir(path);
    }
}
