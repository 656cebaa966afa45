#!/usr/bin/env python3
"""Drives a simulated UpCloud with UpCloud's own Python client (API 1.3) and with libcloud (API 1.2).

    upcloud_clients.py PORT

Prints a line for each thing that was seen; ends with an exception when something is not as the client expects.
"""
import sys

import upcloud_api
from libcloud.compute.providers import get_driver
from libcloud.compute.types import Provider
from upcloud_api import CloudManager, FirewallRule, Server, Storage
from upcloud_api.label import Label
from upcloud_api.load_balancer import (
    LoadBalancer, LoadBalancerBackend, LoadBalancerFrontend, LoadBalancerNetwork)

PORT = int(sys.argv[1])


def say(what, value):
    print("%s: %s" % (what, value))


def wait(server, state):
    server.populate()
    while server.state != state:
        server.populate()


def own_client():
    upcloud_api.api.API.api_root = "http://127.0.0.1:%d/1.3" % PORT
    manager = CloudManager("user", "password", timeout=30)
    manager.authenticate()
    say("plans", len(manager.get_server_plans()["plans"]["plan"]) > 3)
    say("zones", "fi-hel1" in [zone["id"] for zone in manager.get_zones()["zones"]["zone"]])
    templates = [one for one in manager.get_templates() if "Debian GNU/Linux 12" in str(one)]
    template = list(templates[0].values())[0] if isinstance(templates[0], dict) else templates[0].uuid

    router = manager.create_router("ours")
    network = manager.create_network(
        name="lan", zone="fi-hel1", router=router.uuid, address="172.20.0.0/24", family="IPv4", dhcp="yes")
    say("network", network.name)

    servers = []
    for n in (1, 2):
        server = manager.create_server(Server(
            plan="1xCPU-1GB", hostname="web-%d.example.com" % n, title="web %d" % n, zone="fi-hel1", metadata="yes",
            storage_devices=[Storage(os=template, size=25)],
            labels=[Label("team", "shop")],
        ))
        server.ensure_started()
        servers.append(server)
    say("servers", [one.hostname for one in manager.get_servers()])
    say("addresses", sorted(set(ip.access for ip in servers[0].ip_addresses)))

    storage = manager.create_storage(zone="fi-hel1", size=10, tier="maxiops", title="data")
    servers[0].add_storage(storage, type="disk", address="virtio")
    say("devices", [one.title for one in servers[0].storage_devices])
    rule = servers[0].add_firewall_rule(FirewallRule(
        position="1", direction="in", family="IPv4", protocol="tcp", source_address_start="10.0.0.0",
        source_address_end="10.0.0.255", destination_port_start="22", destination_port_end="22", action="accept"))
    say("rules", [one.destination_port_start for one in servers[0].get_firewall_rules()])
    rule.destroy()

    public = [ip for ip in servers[0].ip_addresses if ip.access == "public"][0]
    floating = manager.create_floating_ip(zone="fi-hel1", mac=manager.get_ip(public.address).mac)
    say("floating", manager.get_ip(floating.address).server == servers[0].uuid)
    manager.modify_ip(floating.address, ptr_record="www.example.com")
    say("ptr", manager.get_ip(floating.address).ptr_record)
    manager.api.patch_request("/ip_address/" + floating.address, {"ip_address": {"mac": None}})
    manager.release_ip(floating.address)

    made = manager.api.post_request("/server-group", {"server_group": {  # its own call is broken on Python 3.11
        "title": "apart", "anti_affinity": "strict", "labels": {"label": [{"key": "team", "value": "shop"}]}}})
    group = manager.get_server_group(made["server_group"]["uuid"])
    say("group", (group.title, str(group.anti_affinity)))
    manager.delete_server_group(group.uuid)

    balancer = manager.create_loadbalancer(LoadBalancer(
        name="lb", plan="development", zone="fi-hel1", configured_status="started",
        networks=[LoadBalancerNetwork(name="public", type="public", family="IPv4"),
                  LoadBalancerNetwork(name="lan", type="private", family="IPv4", uuid=network.uuid)],
        backends=[LoadBalancerBackend(name="web", members=[])],
        frontends=[LoadBalancerFrontend(name="http", mode="http", port=80, default_backend="web")],
        resolvers=[]))
    say("balancer", balancer["name"])
    manager.delete_loadbalancer(balancer["uuid"])

    manager.api.post_request("/server/%s/stop" % servers[0].uuid, {"stop_server": {"stop_type": "soft"}})
    wait(servers[0], "stopped")
    servers[0].plan = "2xCPU-4GB"
    servers[0].save()
    servers[0].start()
    wait(servers[0], "started")
    say("resized", (servers[0].plan, servers[0].core_number, servers[0].memory_amount))
    servers[0].remove_storage(servers[0].storage_devices[1])
    manager.create_tag("mine", servers=[servers[0]])
    say("tag", manager.get_tag("mine").name)
    manager.delete_tag("mine")

    for server in servers:
        server.stop_and_destroy()
    while manager.get_storage(storage.uuid).state != "online":
        pass
    manager.delete_storage(storage.uuid)
    while True:
        try:
            manager.get_loadbalancer(balancer["uuid"])
        except Exception:
            break
    manager.delete_network(network.uuid)
    manager.delete_router(router.uuid)
    say("left", (len(manager.get_servers()), len(manager.get_storages(storage_type="private"))))


def libcloud():
    driver = get_driver(Provider.UPCLOUD)("user", "password", secure=False, host="127.0.0.1", port=PORT)
    location = [one for one in driver.list_locations() if one.id == "fi-hel1"][0]
    size = [one for one in driver.list_sizes(location) if one.id == "1xCPU-1GB"][0]
    image = [one for one in driver.list_images() if "Debian GNU/Linux 11" in one.name][0]
    node = driver.create_node(name="old.example.com", size=size, image=image, location=location,
                              ex_hostname="old.example.com")
    nodes = driver.list_nodes()
    while nodes[0].state != "running":
        nodes = driver.list_nodes()
    say("libcloud", (node.name, nodes[0].state))
    say("destroyed", driver.destroy_node(nodes[0]))


own_client()
if "--libcloud" in sys.argv:
    libcloud()
