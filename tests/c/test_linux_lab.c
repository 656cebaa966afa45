/* Namespaces, links, cgroups and the failing paths of servers, for real; needs root. That servers
 * run is tested by tests/ext/provider/local_spec.lua. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/cgroup.h"
#include "linux/contain.h"
#include "linux/file.h"
#include "linux/lab.h"
#include "linux/labcmd.h"
#include "linux/labdir.h"
#include "linux/netns.h"
#include "linux/process.h"
#include "linux/rootfs.h"
#include "linux/rtnl.h"
#include "linux/server.h"

static char base[64], lab[128], netns[128], network[160], server[160], group[128];

static void put(const char *folder, const char *name, const char *text)
{
    char path[PV_PATH_CAP];
    assert_int_equal(pv_dir_make(folder, NULL), PV_OK);
    assert_int_equal(pv_path_format(path, NULL, "%s/%s", folder, name), PV_OK);
    assert_int_equal(pv_file_replace(path, text, NULL), PV_OK);
}

static int setup(void **state)
{
    char text[256];
    (void)state;
    strcpy(base, "/tmp/prov-lab-XXXXXX");
    if (mkdtemp(base) == NULL) return -1;
    snprintf(lab, sizeof lab, "%s/ctest-%d", base, (int)getpid());
    snprintf(netns, sizeof netns, "%s/run/ns", base);
    snprintf(network, sizeof network, "%s/networks/lan-1", lab);
    snprintf(server, sizeof server, "%s/servers/web-1", lab);
    snprintf(group, sizeof group, "prov/ctest-%d/web-1", (int)getpid());
    snprintf(text, sizeof text, "netns=%s\n", netns);
    put(lab, "lab.conf", text);
    put(network, "network.conf", "bridge=brctest\ngateway=10.123.0.1\nprefix=24\n");
    put(server, "server.conf",
        "network=lan-1\nlink=vectest\nip=10.123.0.2\nimage=/nonexistent/image\nhostname=web-1\n");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pv_lab_down(lab, NULL);
    return pv_tree_remove(base, NULL) == PV_OK ? 0 : -1;
}

static int group_count(void)
{
    char command[256];
    int count = -1;
    FILE *pipe;
    snprintf(command, sizeof command, "find /sys/fs/cgroup -type d -path '*/%s*' | wc -l", group);
    pipe = popen(command, "r");
    if (pipe != NULL && fscanf(pipe, "%d", &count) != 1) count = -1;
    if (pipe != NULL) pclose(pipe);
    return count;
}

static void keeps_a_namespace_and_lets_go(void **state)
{
    pv_nl *nl;
    pv_err err;
    int saved;
    (void)state;
    assert_false(pv_netns_has(netns));
    assert_int_equal(pv_netns_enter(netns, &saved, &err), PV_ENOTFOUND);
    assert_int_equal(pv_netns_create(netns, &err), PV_OK);
    assert_int_equal(pv_netns_create(netns, &err), PV_OK);
    assert_true(pv_netns_has(netns));
    assert_int_equal(pv_netns_enter(netns, &saved, &err), PV_OK);
    assert_int_equal(pv_nl_open(&nl, &err), PV_OK);
    assert_int_equal(pv_nl_bridge_add(nl, "brx", &err), PV_OK);
    assert_int_equal(pv_nl_bridge_add(nl, "brx", &err), PV_EEXIST);
    pv_netns_leave(saved);
    /* The handle still talks to the namespace it was opened in. */
    assert_true(pv_nl_link_has(nl, "brx"));
    assert_int_equal(if_nametoindex("brx"), 0);
    assert_int_equal(pv_nl_addr_add(nl, "brx", "10.123.9.1", 24, &err), PV_OK);
    assert_int_equal(pv_nl_addr_add(nl, "brx", "10.123.9.1", 24, &err), PV_OK);
    assert_int_equal(pv_nl_addr_add(nl, "brx", "10.123.9.300", 24, &err), PV_EINVAL);
    assert_int_equal(pv_nl_addr_add(nl, "nope", "10.123.9.1", 24, &err), PV_ENOTFOUND);
    assert_int_equal(pv_nl_link_up(nl, "brx", &err), PV_OK);
    assert_int_equal(pv_nl_catch_tcp(nl, "brx", &err), PV_OK);
    assert_int_equal(pv_nl_catch_tcp(nl, "brx", &err), PV_OK);
    assert_int_equal(pv_nl_route_default(nl, "10.123.9.7", &err), PV_OK);
    assert_int_equal(pv_nl_route_default(nl, "nonsense", &err), PV_EINVAL);
    assert_int_equal(pv_nl_veth_add(nl, "vex", "nope", "eth0", getpid(), &err), PV_ENOTFOUND);
    assert_int_equal(pv_nl_link_del(nl, "brx", &err), PV_OK);
    assert_int_equal(pv_nl_link_del(nl, "brx", &err), PV_ENOTFOUND);
    pv_nl_close(nl);
    pv_nl_close(NULL);
    assert_int_equal(pv_netns_delete(netns, &err), PV_OK);
    assert_int_equal(pv_netns_delete(netns, &err), PV_OK);
    assert_int_not_equal(access(netns, F_OK), 0);
    pv_netns_leave(-1);
}

static void count_v1(const char *controllers, void *arg)
{
    assert_true(strlen(controllers) > 0);
    ++*(int *)arg;
}

static void groups_limit_kill_and_go(void **state)
{
    pv_cgroups *groups;
    pv_cgroup_limits limits = {.memory = 64LL << 20, .milli_cpus = 500, .pids = 50};
    pv_err err;
    pid_t child;
    int ended, hierarchies = 0;
    (void)state;
    assert_int_equal(pv_cgroups_open(&groups, &err), PV_OK);
    pv_cgroups_each_v1(groups, count_v1, &hierarchies);
    assert_int_equal(hierarchies > 0, strcmp(pv_cgroups_mode(groups), "v2") != 0);
    assert_int_equal(pv_cgroup_make(groups, group, &err), PV_OK);
    assert_int_equal(pv_cgroup_make(groups, group, &err), PV_OK);
    assert_int_equal(pv_cgroup_limit(groups, group, &limits, &err), PV_OK);
    child = fork();
    if (child == 0) {
        if (pv_cgroup_join(groups, group, NULL) != PV_OK) _exit(1);
        for (;;) pause();
    }
    usleep(100000);
    assert_int_equal(waitpid(child, &ended, WNOHANG), 0);
    assert_true(pv_process_started(child) > 0);
    assert_int_equal(pv_cgroup_remove(groups, group, &err), PV_EBUSY);
    pv_cgroup_kill(groups, group, 100, &err); /* as a zombie it stays until we wait for it */
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(WTERMSIG(ended), SIGKILL);
    assert_int_equal(pv_process_started(child), 0);
    assert_int_equal(pv_cgroup_kill(groups, group, 1000, &err), PV_OK);
    assert_int_equal(pv_cgroup_remove(groups, group, &err), PV_OK);
    assert_int_equal(pv_cgroup_remove(groups, group, &err), PV_OK);
    *strrchr(group, '/') = '\0';
    assert_int_equal(pv_cgroup_remove(groups, group, &err), PV_OK);
    pv_cgroups_prune(groups, group);
    assert_int_equal(group_count(), 0);
    pv_cgroups_close(groups);
    pv_cgroups_close(NULL);
}

static void a_network_comes_and_goes(void **state)
{
    pv_err err;
    char path[PV_PATH_CAP], command[512];
    (void)state;
    assert_int_equal(pv_labdir_of(network, path, &err), PV_OK);
    assert_string_equal(path, lab);
    assert_int_equal(pv_labdir_of("/x", path, &err), PV_EINVAL);
    assert_int_equal(pv_labdir_netns(lab, path, &err), PV_OK);
    assert_string_equal(path, netns);
    assert_int_equal(pv_labdir_cgroup(lab, "web-1", path, &err), PV_OK);
    assert_string_equal(path, group);
    assert_int_equal(pv_network_up(network, &err), PV_OK);
    assert_int_equal(pv_network_up(network, &err), PV_OK);
    snprintf(command, sizeof command,
             "nsenter --net=%s ip -4 addr show brctest | grep -q 10.123.0.1/24", netns);
    assert_int_equal(system(command), 0);
    assert_int_equal(pv_labdir_link_del(netns, "nope", &err), PV_OK);
    assert_int_equal(pv_network_down(network, &err), PV_OK);
    assert_int_equal(pv_network_down(network, &err), PV_OK);
    assert_int_not_equal(system(command), 0);
    assert_int_equal(pv_lab_down(lab, &err), PV_OK);
    assert_false(pv_netns_has(netns));
    assert_int_equal(pv_lab_down("/nonexistent/lab", &err), PV_OK);
    assert_int_equal(pv_network_up("/nonexistent/networks/lan", &err), PV_ENOTFOUND);
}

static void a_server_that_cannot_start_leaves_nothing(void **state)
{
    pv_server_info info;
    pv_server opened;
    pv_err err;
    (void)state;
    assert_int_equal(pv_server_start(server, &err), PV_EIO);
    assert_non_null(strstr(err.msg, "overlay"));
    assert_int_equal(group_count(), 0);
    assert_int_equal(pv_server_info_read(server, &info, &err), PV_OK);
    assert_int_equal(info.pid, 0);
    assert_int_equal(pv_server_wait_ssh(server, 2000, &err), PV_EUNAVAILABLE);
    assert_int_equal(pv_server_limit(server, &err), PV_OK);
    assert_int_equal(pv_server_stop(server, 0, &err), PV_OK);
    assert_int_equal(pv_server_open(&opened, server, 1, &err), PV_OK);
    assert_string_equal(opened.id, "web-1");
    pv_server_close(&opened);
    assert_int_equal(pv_server_destroy(server, &err), PV_OK);
    assert_int_equal(pv_server_destroy(server, &err), PV_OK);
    assert_int_not_equal(access(server, F_OK), 0);
    assert_int_equal(pv_server_start(server, &err), PV_ENOTFOUND);
    assert_int_equal(pv_server_stop(server, 0, &err), PV_OK);
    assert_int_equal(pv_server_wait_ssh(server, 10, &err), PV_ENOTFOUND);
}

/* A server with an image and its network, opened. */
static void open_in_network(pv_server *opened, pv_conf **described)
{
    char text[512], image[96], path[PV_PATH_CAP];
    static const char *const folders[] = {"up", "work", "root"};
    snprintf(image, sizeof image, "%s/image", base);
    put(image, "in-the-image", "");
    snprintf(text, sizeof text,
             "network=lan-1\nlink=vectest\nip=10.123.0.2\nhostname=web-1\nimage=%s\n", image);
    put(server, "server.conf", text);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        assert_int_equal(pv_path_format(path, NULL, "%s/%s", server, folders[i]), PV_OK);
        assert_int_equal(pv_dir_make(path, NULL), PV_OK);
    }
    assert_int_equal(pv_server_open(opened, server, 1, NULL), PV_OK);
    assert_int_equal(pv_network_up(network, NULL), PV_OK);
    assert_int_equal(pv_path_format(path, NULL, "%s/network.conf", network), PV_OK);
    assert_int_equal(pv_conf_open(described, path, NULL), PV_OK);
    assert_int_equal(pv_cgroup_make(opened->cgroups, opened->cgroup, NULL), PV_OK);
}

static void a_program_makes_a_server_in_a_cell(void **state)
{
    static char script[] = "cd \"$1\" && test -e root/in-the-image && touch root/written && "
                           "nsenter --net=net ip -4 addr show eth0 | grep -q 10.123.0.2/24 && "
                           "ip link show vectest >/dev/null && ! ip link show eth0 2>/dev/null && "
                           "test -z \"$(ls \"$2\")\" && echo state >\"$2/state\" && grep -q "
                           "/web-1/ /proc/self/cgroup && "
                           "{ sleep 60 & echo $! >pid; }";
    char runs[sizeof netns], path[PV_PATH_CAP];
    char *program[] = {"sh", "-c", script, "sh", server, runs, NULL};
    char *failing[] = {"sh", "-c", "echo no luck; exit 3", NULL};
    char *dying[] = {"sh", "-c", "echo 999999 >\"$1/pid\"", "sh", server, NULL};
    char *absent[] = {"no-such-program", NULL};
    pv_conf *described;
    pv_server opened;
    pv_err err;
    (void)state;
    strcpy(runs, netns);
    *strrchr(runs, '/') = '\0';
    open_in_network(&opened, &described);
    assert_int_equal(pv_cell_make(&opened, described, absent, &err), PV_EIO);
    assert_non_null(strstr(err.msg, "no-such-program is not installed"));
    assert_int_equal(pv_labdir_link_del(netns, "vectest", &err), PV_OK);
    assert_int_equal(pv_cell_make(&opened, described, failing, &err), PV_EIO);
    assert_non_null(strstr(err.msg, "code 3: no luck"));
    assert_int_equal(pv_labdir_link_del(netns, "vectest", &err), PV_OK);
    assert_int_equal(pv_cell_make(&opened, described, dying, &err), PV_EUNAVAILABLE);
    assert_int_equal(pv_run_pid(server), 0);
    assert_int_equal(pv_labdir_link_del(netns, "vectest", &err), PV_OK);
    assert_int_equal(pv_cell_make(&opened, described, program, &err), PV_OK);
    assert_true(pv_run_pid(server) > 0);
    /* What it wrote stays in the folder, what it mounted is not to be seen. */
    assert_int_equal(pv_path_format(path, NULL, "%s/up/written", server), PV_OK);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(pv_path_format(path, NULL, "%s/root/written", server), PV_OK);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(pv_path_format(path, NULL, "%s/state", runs), PV_OK);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(pv_path_format(path, NULL, "%s/net", server), PV_OK);
    assert_false(pv_netns_has(path));
    pv_conf_close(described);
    pv_server_close(&opened);
    assert_int_equal(pv_server_destroy(server, &err), PV_OK);
    assert_int_equal(group_count(), 0);
    assert_int_not_equal(access(server, F_OK), 0);
    assert_int_equal(pv_server_start_by(server, program, &err), PV_ENOTFOUND);
}

static void a_broken_description_can_be_destroyed(void **state)
{
    pv_err err;
    char gone[PV_PATH_CAP];
    (void)state;
    put(server, "server.conf", "nonsense");
    assert_int_equal(pv_server_start(server, &err), PV_ECORRUPT);
    assert_int_equal(pv_server_discard(server, &err), PV_OK);
    assert_int_equal(pv_path_format(gone, &err, "%s/servers/.gone-web-1", lab), PV_OK);
    assert_int_equal(access(gone, F_OK), 0);
    assert_int_equal(pv_server_destroy(server, &err), PV_OK); /* also what an earlier try renamed */
    assert_int_not_equal(access(gone, F_OK), 0);
}

static void a_lab_without_folder_is_purged(void **state)
{
    pv_cgroups *groups;
    char named[192];
    pv_err err;
    pid_t child;
    int ended;
    (void)state;
    snprintf(named, sizeof named, "%s/run/ctest-%d", base, (int)getpid());
    assert_int_equal(pv_netns_create(named, &err), PV_OK);
    assert_int_equal(pv_cgroups_open(&groups, &err), PV_OK);
    assert_int_equal(pv_cgroup_make(groups, group, &err), PV_OK);
    child = fork();
    if (child == 0) { /* a grandchild, which the machine's init reaps as it does a server's */
        if (fork() != 0) _exit(0);
        if (pv_cgroup_join(groups, group, NULL) != PV_OK) _exit(1);
        for (;;) pause();
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    usleep(100000);
    assert_int_equal(pv_lab_purge(named, &err), PV_OK);
    assert_int_equal(pv_lab_purge(named, &err), PV_OK);
    assert_false(pv_netns_has(named));
    assert_int_equal(group_count(), 0);
    pv_cgroups_close(groups);
}

static void knows_its_process(void **state)
{
    pid_t child = fork();
    int ended;
    (void)state;
    if (child == 0) {
        signal(SIGTERM, SIG_IGN);
        for (;;) pause();
    }
    usleep(50000);
    assert_int_equal(pv_run_pid(server), 0);
    assert_int_equal(pv_run_write(server, child, NULL), PV_OK);
    assert_int_equal(pv_run_pid(server), child);
    assert_int_equal(pv_process_end(child, SIGTERM, 50), 0);
    assert_int_equal(pv_process_end(child, SIGKILL, 2000), 1);
    assert_int_equal(pv_run_pid(server), 0); /* a zombie is no server */
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(pv_run_pid(server), 0);
    put(server, "run", "pid=1\nstarted=1\nboot=of another day\n");
    assert_int_equal(pv_run_pid(server), 0);
    pv_run_remove(server);
    assert_int_equal(pv_run_pid(server), 0);
}

static void contains_what_it_runs(void **state)
{
    char *ok[] = {"sh", "-c",
                  "test $$ -lt 10 && mount -t tmpfs x /mnt && touch /mnt/provtest && exit 7", NULL};
    char *none[] = {"/nonexistent/program", NULL};
    char *victim[] = {"sh", "-c", "kill -TERM $$", NULL};
    struct {
        char **argv;
        int code;
    } runs[] = {{ok, 7}, {none, 127}, {victim, 128 + SIGTERM}};
    (void)state;
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        int ended;
        pid_t child = fork();
        if (child == 0) _exit(pv_contain(runs[i].argv));
        assert_int_equal(waitpid(child, &ended, 0), child);
        assert_int_equal(WEXITSTATUS(ended), runs[i].code);
    }
    assert_int_not_equal(access("/mnt/provtest", F_OK), 0);
}

static void root_needs_an_image(void **state)
{
    int ended;
    pid_t child = fork();
    (void)state;
    if (child == 0) {
        pv_rootfs fs = {.lower = "/nonexistent", .folder = server};
        pv_rootfs comma = {.lower = "/a,b", .folder = server};
        pv_err err;
        if (unshare(CLONE_NEWNS) != 0) _exit(1);
        if (pv_rootfs_enter(&fs, &err) != PV_ENOTFOUND) _exit(2);
        _exit(pv_rootfs_enter(&comma, &err) == PV_EINVAL ? 0 : 3);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(WEXITSTATUS(ended), 0);
}

/* In a child with mounts of its own: what is written goes to the folder, the image stays. */
static void mount_and_write(const char *image)
{
    pv_rootfs fs = {.lower = image, .folder = server};
    char root[PV_PATH_CAP], path[PV_PATH_CAP + 16];
    pv_err err;
    if (unshare(CLONE_NEWNS) != 0) _exit(1);
    if (pv_rootfs_mount(&fs, root, &err) != PV_OK) _exit(2);
    snprintf(path, sizeof path, "%s/of-image", root);
    if (access(path, R_OK) != 0) _exit(3);
    snprintf(path, sizeof path, "%s/of-server", root);
    if (pv_file_replace(path, "new", NULL) != PV_OK) _exit(6);
    snprintf(path, sizeof path, "%s/up/of-server", server);
    if (access(path, R_OK) != 0) _exit(4);
    snprintf(path, sizeof path, "%s/of-server", image);
    _exit(access(path, F_OK) != 0 ? 0 : 5);
}

static void mounts_an_image_for_itself_alone(void **state)
{
    static const char *const parts[] = {"", "/root", "/up", "/work"};
    char image[192], path[256];
    pid_t child;
    int ended;
    (void)state;
    snprintf(image, sizeof image, "%s/image", base);
    put(image, "of-image", "old");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(path, sizeof path, "%s%s", server, parts[i]);
        assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
    }
    child = fork();
    if (child == 0) mount_and_write(image);
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(WEXITSTATUS(ended), 0);
    snprintf(path, sizeof path, "%s/root/of-image", server);
    assert_int_not_equal(access(path, F_OK), 0); /* mounted there and nowhere else */
}

static void commands_check_their_arguments(void **state)
{
    char *nothing[] = {"lab", NULL}, *wrong[] = {"lab", "start", "x", NULL},
         *unknown[] = {"lab", "fly", NULL};
    char *gone[] = {"lab", "destroy", "/tmp/nonexistent/servers/x", NULL};
    (void)state;
    assert_int_equal(pv_lab_main(1, nothing), 2);
    assert_int_equal(pv_lab_main(3, wrong), 2);
    assert_int_equal(pv_lab_main(2, unknown), 2);
    assert_int_equal(pv_lab_main(3, gone), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_a_namespace_and_lets_go, setup, teardown),
        cmocka_unit_test_setup_teardown(groups_limit_kill_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(a_network_comes_and_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_that_cannot_start_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_program_makes_a_server_in_a_cell, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broken_description_can_be_destroyed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lab_without_folder_is_purged, setup, teardown),
        cmocka_unit_test_setup_teardown(knows_its_process, setup, teardown),
        cmocka_unit_test_setup_teardown(contains_what_it_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(root_needs_an_image, setup, teardown),
        cmocka_unit_test_setup_teardown(mounts_an_image_for_itself_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(commands_check_their_arguments, setup, teardown),
    };
    if (geteuid() != 0) {
        puts("1..0 # SKIP needs root: namespaces, links and cgroups are made");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
