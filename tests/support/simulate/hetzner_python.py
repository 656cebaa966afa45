"""Drives a life cycle with the official Python client of Hetzner (python3-hcloud of Debian, or a newer one).

    hetzner_python.py ENDPOINT PUBLIC_KEY
"""
import sys

import hcloud
from hcloud.firewalls.domain import FirewallRule
from hcloud.images.domain import Image
from hcloud.load_balancer_types.domain import LoadBalancerType
from hcloud.load_balancers.domain import LoadBalancerAlgorithm, LoadBalancerHealthCheck, LoadBalancerService
from hcloud.load_balancers.domain import LoadBalancerTarget
from hcloud.locations.domain import Location
from hcloud.networks.domain import NetworkSubnet
from hcloud.server_types.domain import ServerType


def expect(what, found, wanted):
    if found != wanted:
        raise SystemExit("%s: %r, not %r" % (what, found, wanted))


client = hcloud.Client(token="p" * 64, api_endpoint=sys.argv[1], poll_interval=0.02)
with open(sys.argv[2], encoding="utf-8") as file:
    public_key = file.read()

# Twice: what the first round leaves behind would stand in the way of the second.
for round_ in (1, 2):
    key = client.ssh_keys.create(name="py-key", public_key=public_key, labels={"made-by": "python"})
    network = client.networks.create(
        name="py-net",
        ip_range="10.9.0.0/16",
        subnets=[NetworkSubnet(type="cloud", network_zone="eu-central", ip_range="10.9.1.0/24")],
    )
    firewall = client.firewalls.create(
        name="py-fw",
        rules=[FirewallRule(direction="in", protocol="tcp", port="22", source_ips=["0.0.0.0/0", "::/0"])],
    ).firewall
    servers = []
    for name in ("py-1", "py-2"):
        made = client.servers.create(
            name=name,
            server_type=ServerType(name="cx23"),
            image=Image(name="debian-12"),
            location=Location(name="hel1"),
            ssh_keys=[key],
            networks=[network],
            firewalls=[firewall],
            labels={"role": "web"},
        )
        expect("root password beside a key", made.root_password, None)
        made.action.wait_until_finished(2000)
        for action in made.next_actions:
            action.wait_until_finished(2000)
        servers.append(client.servers.get_by_id(made.server.id))
    expect("status", [one.status for one in servers], ["running", "running"])
    expect("addresses", [one.private_net[0].ip for one in servers], ["10.9.1.2", "10.9.1.3"])
    expect("by label", [one.name for one in client.servers.get_all(label_selector="role=web")], ["py-1", "py-2"])

    volume = client.volumes.create(size=10, name="py-vol", server=servers[0], format="ext4")
    volume.action.wait_until_finished(2000)
    for action in volume.next_actions:
        action.wait_until_finished(2000)
    expect("volume", client.volumes.get_by_name("py-vol").server.id, servers[0].id)
    volume.volume.resize(size=20).wait_until_finished(2000)

    floating = client.floating_ips.create(type="ipv4", name="py-ip", home_location=Location(name="hel1"))
    floating.floating_ip.assign(servers[1]).wait_until_finished(2000)
    floating.floating_ip.change_dns_ptr(floating.floating_ip.ip, "py.example.org").wait_until_finished(2000)
    expect("reverse name", client.floating_ips.get_by_name("py-ip").dns_ptr[0]["dns_ptr"], "py.example.org")

    balancer = client.load_balancers.create(
        name="py-lb",
        load_balancer_type=LoadBalancerType(name="lb11"),
        location=Location(name="hel1"),
        network=network,
        algorithm=LoadBalancerAlgorithm(type="least_connections"),
        services=[
            LoadBalancerService(
                protocol="tcp",
                listen_port=443,
                destination_port=8443,
                proxyprotocol=False,
                health_check=LoadBalancerHealthCheck(protocol="tcp", port=8443, interval=10, timeout=5, retries=2),
            )
        ],
    )
    balancer.action.wait_until_finished(2000)
    target = LoadBalancerTarget(type="server", server=servers[0], use_private_ip=True)
    client.load_balancers.get_by_name("py-lb").add_target(target).wait_until_finished(2000)
    balancer = client.load_balancers.get_by_name("py-lb")
    expect("target", balancer.targets[0].server.id, servers[0].id)
    if hasattr(balancer.targets[0], "health_status"):  # not in 1.18
        expect("health", balancer.targets[0].health_status[0].status, "healthy")

    servers[0].power_off().wait_until_finished(2000)
    expect("stopped", client.servers.get_by_name("py-1").status, "off")
    servers[0].change_type(ServerType(name="cx33"), upgrade_disk=False).wait_until_finished(2000)
    expect("resized", client.servers.get_by_name("py-1").server_type.name, "cx33")
    servers[0].power_on().wait_until_finished(2000)
    expect("started", client.servers.get_by_name("py-1").status, "running")

    try:
        client.servers.create(name="py-2", server_type=ServerType(name="cx23"), image=Image(name="debian-12"))
        raise SystemExit("a second py-2 was made")
    except hcloud.APIException as e:
        expect("taken name", e.code, "uniqueness_error")
    try:
        client.firewalls.delete(firewall)
        raise SystemExit("a firewall in use was deleted")
    except hcloud.APIException as e:
        expect("firewall in use", e.code, "resource_in_use")

    balancer.delete()
    client.floating_ips.unassign(floating.floating_ip).wait_until_finished(2000)
    client.floating_ips.delete(floating.floating_ip)
    volume.volume.detach().wait_until_finished(2000)
    volume.volume.delete()
    for one in servers:
        one.delete().wait_until_finished(2000)
    firewall.delete()
    network.delete()
    key.delete()
    expect("servers left", [one.name for one in client.servers.get_all(label_selector="role=web")], [])
    expect("primary IPs left", [ip.name for ip in client.primary_ips.get_all() if ip.assignee_id], [])

print("python %s: 2 rounds" % getattr(hcloud, "__version__", "?"))
