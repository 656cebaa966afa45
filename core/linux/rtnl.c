#include "linux/rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

enum { MESSAGE_CAP = 1024 };

struct pv_nl {
    int fd;
    uint32_t seq;
};

/* One request being built. */
typedef struct request {
    struct nlmsghdr head;
    char body[MESSAGE_CAP];
} request;

static void *begin(request *r, int type, int flags, size_t size)
{
    memset(r, 0, sizeof *r);
    r->head.nlmsg_type = (uint16_t)type;
    r->head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    r->head.nlmsg_len = NLMSG_LENGTH(size);
    return NLMSG_DATA(&r->head);
}

static struct rtattr *attr(request *r, int type, const void *data, size_t len)
{
    struct rtattr *a = (struct rtattr *)(void *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));
    a->rta_type = (uint16_t)type;
    a->rta_len = (uint16_t)RTA_LENGTH(len);
    if (len != 0) memcpy(RTA_DATA(a), data, len);
    r->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(a->rta_len));
    return a;
}

static void attr_text(request *r, int type, const char *text)
{
    attr(r, type, text, strlen(text) + 1);
}

static void attr_u32(request *r, int type, uint32_t value)
{
    attr(r, type, &value, sizeof value);
}

static void nest_end(request *r, struct rtattr *nest)
{
    nest->rta_len = (uint16_t)((char *)r + r->head.nlmsg_len - (char *)nest);
}

/* Sends the request and returns the errno value of the kernel's answer. */
static int talk(pv_nl *nl, request *r)
{
    char answer[8192];
    r->head.nlmsg_seq = ++nl->seq;
    if (send(nl->fd, r, r->head.nlmsg_len, 0) < 0) return errno;
    for (;;) {
        ssize_t n = recv(nl->fd, answer, sizeof answer, 0);
        struct nlmsghdr *h = (struct nlmsghdr *)(void *)answer;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        for (size_t left = (size_t)n; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
            if (h->nlmsg_seq != nl->seq || h->nlmsg_type != NLMSG_ERROR) continue;
            return -((struct nlmsgerr *)NLMSG_DATA(h))->error;
        }
    }
}

/* Index of a link in the namespace of the handle: the thread may be in another one by now. */
static int link_index(pv_nl *nl, const char *name)
{
    request r;
    char answer[8192];
    ssize_t n;
    struct nlmsghdr *h = (struct nlmsghdr *)(void *)answer;
    begin(&r, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
    r.head.nlmsg_flags = NLM_F_REQUEST;
    attr_text(&r, IFLA_IFNAME, name);
    r.head.nlmsg_seq = ++nl->seq;
    if (send(nl->fd, &r, r.head.nlmsg_len, 0) < 0) return 0;
    do n = recv(nl->fd, answer, sizeof answer, 0);
    while (n < 0 && errno == EINTR);
    if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct ifinfomsg)) || h->nlmsg_type != RTM_NEWLINK)
        return 0;
    return ((struct ifinfomsg *)NLMSG_DATA(h))->ifi_index;
}

pv_status pv_nl_open(pv_nl **out, pv_err *err)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    *out = NULL;
    if (fd < 0) return pv_fail_errno(err, errno, "cannot open a netlink socket");
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int error = errno;
        close(fd);
        return pv_fail_errno(err, error, "cannot bind a netlink socket");
    }
    *out = pv_alloc(sizeof **out);
    (*out)->fd = fd;
    return PV_OK;
}

void pv_nl_close(pv_nl *nl)
{
    if (nl == NULL) return;
    close(nl->fd);
    pv_free(nl);
}

/* A locally administered address, the same for the same name (FNV-1a). */
static void hardware_address(const char *name, unsigned char out[6])
{
    uint64_t h = 0xcbf29ce484222325u;
    for (const char *c = name; *c != '\0'; c++) h = (h ^ (unsigned char)*c) * 0x100000001b3u;
    for (int i = 0; i < 6; i++) out[i] = (unsigned char)(h >> (8 * i));
    out[0] = (unsigned char)((out[0] & 0xfc) | 0x02);
}

pv_status pv_nl_bridge_add(pv_nl *nl, const char *name, pv_err *err)
{
    request r;
    struct rtattr *info;
    unsigned char mac[6];
    int error;
    hardware_address(name, mac); /* else it takes that of a port, and changes with its ports */
    begin(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
    attr_text(&r, IFLA_IFNAME, name);
    attr(&r, IFLA_ADDRESS, mac, sizeof mac);
    info = attr(&r, IFLA_LINKINFO, NULL, 0);
    attr_text(&r, IFLA_INFO_KIND, "bridge");
    nest_end(&r, info);
    if ((error = talk(nl, &r)) != 0)
        return pv_fail_errno(err, error, "cannot make the bridge %s", name);
    return PV_OK;
}

pv_status pv_nl_veth_add(pv_nl *nl, const char *name, const char *master, const char *peer,
                         pid_t pid, pv_err *err)
{
    request r;
    struct rtattr *info, *data, *other;
    struct ifinfomsg *link =
        begin(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
    int bridge = link_index(nl, master), error;
    unsigned char mac[6];
    hardware_address(name, mac);
    if (bridge == 0) return pv_fail(err, PV_ENOTFOUND, "there is no bridge %s", master);
    link->ifi_flags = link->ifi_change = IFF_UP;
    attr_text(&r, IFLA_IFNAME, name);
    attr_u32(&r, IFLA_MASTER, (uint32_t)bridge);
    info = attr(&r, IFLA_LINKINFO, NULL, 0);
    attr_text(&r, IFLA_INFO_KIND, "veth");
    data = attr(&r, IFLA_INFO_DATA, NULL, 0);
    other = attr(&r, VETH_INFO_PEER, NULL, 0);
    r.head.nlmsg_len += sizeof(struct ifinfomsg); /* the peer's own header, all zero */
    attr_text(&r, IFLA_IFNAME, peer);
    attr(&r, IFLA_ADDRESS, mac, sizeof mac);
    attr_u32(&r, IFLA_NET_NS_PID, (uint32_t)pid);
    nest_end(&r, other);
    nest_end(&r, data);
    nest_end(&r, info);
    if ((error = talk(nl, &r)) != 0)
        return pv_fail_errno(err, error, "cannot make the link %s", name);
    return PV_OK;
}

pv_status pv_nl_link_up(pv_nl *nl, const char *name, pv_err *err)
{
    request r;
    struct ifinfomsg *link = begin(&r, RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
    int error;
    link->ifi_flags = link->ifi_change = IFF_UP;
    attr_text(&r, IFLA_IFNAME, name);
    if ((error = talk(nl, &r)) != 0)
        return pv_fail_errno(err, error, "cannot switch on the link %s", name);
    return PV_OK;
}

pv_status pv_nl_link_del(pv_nl *nl, const char *name, pv_err *err)
{
    request r;
    int error;
    begin(&r, RTM_DELLINK, 0, sizeof(struct ifinfomsg));
    attr_text(&r, IFLA_IFNAME, name);
    error = talk(nl, &r);
    if (error == ENODEV) return pv_fail(err, PV_ENOTFOUND, "there is no link %s", name);
    if (error != 0) return pv_fail_errno(err, error, "cannot remove the link %s", name);
    return PV_OK;
}

int pv_nl_link_has(pv_nl *nl, const char *name)
{
    return link_index(nl, name) != 0;
}

pv_status pv_nl_addr_add(pv_nl *nl, const char *name, const char *ip, int prefix, pv_err *err)
{
    request r;
    struct ifaddrmsg *address =
        begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, sizeof(struct ifaddrmsg));
    struct in_addr in, broadcast;
    int index = link_index(nl, name), error;
    if (index == 0) return pv_fail(err, PV_ENOTFOUND, "there is no link %s", name);
    if (inet_pton(AF_INET, ip, &in) != 1 || prefix < 1 || prefix > 32) {
        return pv_fail(err, PV_EINVAL, "'%s/%d' is no IPv4 address", ip, prefix);
    }
    address->ifa_family = AF_INET;
    address->ifa_prefixlen = (uint8_t)prefix;
    address->ifa_index = (uint32_t)index;
    broadcast.s_addr = in.s_addr | htonl(prefix == 32 ? 0 : UINT32_MAX >> prefix);
    attr(&r, IFA_LOCAL, &in, sizeof in);
    attr(&r, IFA_ADDRESS, &in, sizeof in);
    if (prefix < 31) attr(&r, IFA_BROADCAST, &broadcast, sizeof broadcast);
    if ((error = talk(nl, &r)) != 0)
        return pv_fail_errno(err, error, "cannot give %s the address %s/%d", name, ip, prefix);
    return PV_OK;
}

pv_status pv_nl_route_default(pv_nl *nl, const char *gateway, pv_err *err)
{
    request r;
    struct rtmsg *route =
        begin(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof(struct rtmsg));
    struct in_addr in;
    int error;
    if (inet_pton(AF_INET, gateway, &in) != 1)
        return pv_fail(err, PV_EINVAL, "'%s' is no IPv4 address", gateway);
    route->rtm_family = AF_INET;
    route->rtm_table = RT_TABLE_MAIN;
    route->rtm_protocol = RTPROT_STATIC;
    route->rtm_scope = RT_SCOPE_UNIVERSE;
    route->rtm_type = RTN_UNICAST;
    attr(&r, RTA_GATEWAY, &in, sizeof in);
    if ((error = talk(nl, &r)) != 0)
        return pv_fail_errno(err, error, "cannot set the default route to %s", gateway);
    return PV_OK;
}

pv_status pv_nl_catch_tcp(pv_nl *nl, const char *link, pv_err *err)
{
    enum { TABLE = 3143 };
    static const unsigned char protocol = IPPROTO_TCP;
    request r;
    int error, lo = link_index(nl, "lo");
    struct fib_rule_hdr *rule;
    struct rtmsg *route =
        begin(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof(struct rtmsg));
    route->rtm_family = AF_INET;
    route->rtm_protocol = RTPROT_STATIC;
    route->rtm_scope = RT_SCOPE_HOST;
    route->rtm_type = RTN_LOCAL;
    attr_u32(&r, RTA_TABLE, TABLE);
    attr_u32(&r, RTA_OIF, (uint32_t)lo);
    if ((error = talk(nl, &r)) != 0)
        return pv_fail_errno(err, error, "cannot make every address a local one");
    rule = begin(&r, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct fib_rule_hdr));
    rule->family = AF_INET;
    rule->action = FR_ACT_TO_TBL;
    attr_u32(&r, FRA_TABLE, TABLE);
    attr_u32(&r, FRA_PRIORITY, TABLE);
    attr_text(&r, FRA_IIFNAME, link);
    attr(&r, FRA_IP_PROTO, &protocol, sizeof protocol);
    error = talk(nl, &r);
    if (error != 0 && error != EEXIST)
        return pv_fail_errno(err, error, "cannot catch what comes in by %s", link);
    return PV_OK;
}
