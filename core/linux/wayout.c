/* nat: TCP of servers to anywhere, without a packet that is forwarded.
 *
 * What comes in by the bridge of such a network for a foreign address is delivered to this
 * namespace (pv_nl_catch_tcp()); a program of the kernel (BPF_SK_LOOKUP) picks our one listening
 * socket for it, whatever the port; we dial its destination from the machine's own namespace and
 * copy bytes.  Everything ends with this process, and no namespace has to forward. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "linux/conf.h"
#include "linux/serve_parts.h"

enum { MOST_NETWORKS = 64, MOST_INSTRUCTIONS = 32 + 2 * MOST_NETWORKS, LOG_CAP = 4096 };

typedef struct range {
    struct in_addr net, mask, gateway;
} range;

struct pv_wayout {
    range networks[MOST_NETWORKS]; /* all of the lab */
    int count;
    int nat; /* one of them wants it */
    int listener, map, program, link;
};

static int bpf(int command, union bpf_attr *attr)
{
    return (int)syscall(SYS_bpf, command, attr, sizeof *attr);
}

/* If the packet is TCP and not for one of our own addresses, the socket in the map gets it. */
static int write_program(const pv_wayout *w, struct bpf_insn *out)
{
    enum { R0, R1, R2, R3, R6 = 6, R7, R10 = 10 };
    const struct bpf_insn start[] = {
        {BPF_ALU64 | BPF_MOV | BPF_X, R6, R1, 0, 0},
        {BPF_LDX | BPF_MEM | BPF_W, R2, R6, offsetof(struct bpf_sk_lookup, protocol), 0},
        {BPF_JMP | BPF_JNE | BPF_K, R2, 0, 0, IPPROTO_TCP},
        {BPF_LDX | BPF_MEM | BPF_W, R2, R6, offsetof(struct bpf_sk_lookup, local_ip4), 0},
    };
    const struct bpf_insn assign[] = {
        {BPF_ST | BPF_MEM | BPF_W, R10, 0, -4, 0},
        {BPF_LD | BPF_IMM | BPF_DW, R1, BPF_PSEUDO_MAP_FD, 0, w->map},
        {0, 0, 0, 0, 0},
        {BPF_ALU64 | BPF_MOV | BPF_X, R2, R10, 0, 0},
        {BPF_ALU64 | BPF_ADD | BPF_K, R2, 0, 0, -4},
        {BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem},
        {BPF_JMP | BPF_JEQ | BPF_K, R0, 0, 7, 0},
        {BPF_ALU64 | BPF_MOV | BPF_X, R7, R0, 0, 0},
        {BPF_ALU64 | BPF_MOV | BPF_X, R1, R6, 0, 0},
        {BPF_ALU64 | BPF_MOV | BPF_X, R2, R7, 0, 0},
        {BPF_ALU64 | BPF_MOV | BPF_K, R3, 0, 0, 0},
        {BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_sk_assign},
        {BPF_ALU64 | BPF_MOV | BPF_X, R1, R7, 0, 0},
        {BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_sk_release},
        {BPF_ALU64 | BPF_MOV | BPF_K, R0, 0, 0, SK_PASS},
        {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
    };
    const int count = (int)(sizeof start / sizeof *start),
              more = (int)(sizeof assign / sizeof *assign);
    int n = count, end;
    memcpy(out, start, sizeof start);
    for (int i = 0; i < w->count; i++) {
        out[n++] = (struct bpf_insn){BPF_JMP32 | BPF_JEQ | BPF_K, R2, 0, 0,
                                     (int32_t)w->networks[i].gateway.s_addr};
    }
    memcpy(out + n, assign, sizeof assign);
    end = n + more - 2; /* where it says SK_PASS */
    out[2].off = (int16_t)(end - 3);
    for (int i = count; i < n; i++) out[i].off = (int16_t)(end - i - 1);
    return n + more;
}

static void detach(pv_wayout *w)
{
    if (w->link >= 0) close(w->link);
    if (w->program >= 0) close(w->program);
    w->link = w->program = -1;
}

/* Loads the program and lets it decide in the lab's namespace. */
static pv_status attach(const pv_serve *serve, pv_wayout *w, pv_err *err)
{
    struct bpf_insn instructions[MOST_INSTRUCTIONS];
    char log[LOG_CAP] = "";
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.prog_type = BPF_PROG_TYPE_SK_LOOKUP;
    attr.expected_attach_type = BPF_SK_LOOKUP;
    attr.insn_cnt = (uint32_t)write_program(w, instructions);
    attr.insns = (uintptr_t)instructions;
    attr.license = (uintptr_t) "MIT";
    attr.log_buf = (uintptr_t)log;
    attr.log_size = sizeof log;
    attr.log_level = 1;
    if ((w->program = bpf(BPF_PROG_LOAD, &attr)) < 0) {
        fprintf(stderr, "%s\n", log);
        return pv_fail_errno(err, errno, "nat: the kernel refuses the program that picks sockets");
    }
    memset(&attr, 0, sizeof attr);
    attr.link_create.prog_fd = (uint32_t)w->program;
    attr.link_create.target_fd = (uint32_t)serve->lab_netns;
    attr.link_create.attach_type = BPF_SK_LOOKUP;
    if ((w->link = bpf(BPF_LINK_CREATE, &attr)) < 0)
        return pv_fail_errno(err, errno, "nat: cannot pick sockets in the lab's namespace");
    return PV_OK;
}

/* Not into the lab's networks, which are kept apart, and not to what is only for the machine. */
static int allowed(const pv_wayout *w, struct in_addr to)
{
    uint32_t first = ntohl(to.s_addr) >> 24;
    if (first == 0 || first == 127 || first >= 224 || ntohl(to.s_addr) >> 16 == 0xa9fe) return 0;
    for (int i = 0; i < w->count; i++) {
        if ((to.s_addr & w->networks[i].mask.s_addr) == w->networks[i].net.s_addr) return 0;
    }
    return 1;
}

static void on_client(pv_serve *serve, int fd, void *arg)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    socklen_t size = sizeof to;
    int out = -1;
    if (getsockname(fd, (struct sockaddr *)&to, &size) == 0 && size == sizeof to &&
        allowed(arg, to.sin_addr))
        out = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    pv_relay_dial(serve, fd, out, &to);
}

/* The socket that gets all connections, and the map in which the program finds it. */
static pv_status listen_for_all(pv_serve *serve, pv_wayout *w, pv_err *err)
{
    union bpf_attr attr;
    uint32_t key = 0;
    uint64_t value;
    int on = 1, fd = pv_serve_lab_socket(serve, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC);
    /* Transparent: it answers from addresses that are not ours.  Its port nobody asks for. */
    if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof on) != 0 ||
        listen(fd, 512) != 0) {
        if (fd >= 0) close(fd);
        return pv_fail_errno(err, errno, "nat: cannot listen in the lab");
    }
    value = (uint64_t)fd;
    memset(&attr, 0, sizeof attr);
    attr.map_type = BPF_MAP_TYPE_SOCKMAP;
    attr.key_size = sizeof key;
    attr.value_size = sizeof value;
    attr.max_entries = 1;
    if ((w->map = bpf(BPF_MAP_CREATE, &attr)) >= 0) {
        memset(&attr, 0, sizeof attr);
        attr.map_fd = (uint32_t)w->map;
        attr.key = (uintptr_t)&key;
        attr.value = (uintptr_t)&value;
    }
    if (w->map < 0 || bpf(BPF_MAP_UPDATE_ELEM, &attr) != 0) {
        pv_fail_errno(err, errno, "nat: the kernel has no maps of sockets");
        close(fd);
        return PV_EUNSUPPORTED;
    }
    w->listener = fd;
    pv_listener_open(serve, fd, on_client, w);
    return PV_OK;
}

static void read_networks(const pv_serve *serve, pv_wayout *w)
{
    char path[PV_PATH_CAP];
    DIR *dir;
    struct dirent *entry;
    memset(w->networks, 0, sizeof w->networks);
    w->count = w->nat = 0;
    if (pv_path_format(path, NULL, "%s/networks", serve->lab) != PV_OK ||
        (dir = opendir(path)) == NULL)
        return;
    while ((entry = readdir(dir)) != NULL && w->count < MOST_NETWORKS) {
        pv_conf *conf = NULL;
        range *r = &w->networks[w->count];
        const char *gateway;
        if (entry->d_name[0] == '.' ||
            pv_path_format(path, NULL, "%s/networks/%s/network.conf", serve->lab, entry->d_name) !=
                PV_OK ||
            pv_conf_open(&conf, path, NULL) != PV_OK)
            continue;
        if (pv_conf_need(conf, "gateway", &gateway, NULL) == PV_OK &&
            inet_pton(AF_INET, gateway, &r->gateway) == 1) {
            int prefix = (int)pv_conf_int(conf, "prefix", 24);
            r->mask.s_addr = htonl(UINT32_MAX << (32 - (prefix < 1 || prefix > 32 ? 24 : prefix)));
            r->net.s_addr = r->gateway.s_addr & r->mask.s_addr;
            w->nat |= pv_conf_int(conf, "nat", 0) != 0;
            w->count++;
        }
        pv_conf_close(conf);
    }
    closedir(dir);
}

pv_status pv_wayout_reload(pv_serve *serve, pv_err *err)
{
    pv_wayout before, *w = serve->wayout;
    pv_status status = PV_OK;
    if (w == NULL) {
        w = serve->wayout = pv_alloc(sizeof *w);
        w->listener = w->map = w->program = w->link = -1;
    }
    before = *w;
    read_networks(serve, w);
    if (w->link >= 0 && w->nat && before.count == w->count &&
        memcmp(before.networks, w->networks, sizeof w->networks) == 0)
        return PV_OK;
    detach(w);
    if (!w->nat) return PV_OK;
    if (w->listener < 0) status = listen_for_all(serve, w, err);
    if (status == PV_OK) status = attach(serve, w, err);
    if (status != PV_OK) detach(w);
    return status;
}
