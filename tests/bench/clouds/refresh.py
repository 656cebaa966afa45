"""What a plan asks of a cloud when many things of several kinds are there and nothing has changed; started by run.sh.

The things are made in a world without latency and limits whose time flies. Prints a Markdown table: requests of the plan
beside those that pages of the cloud would need for as many things, and whether they are batched."""

import collections
import sys

from kit import PROV, Place, Run, Simulator, load, row, table, write

SMALL = 30  # requests that do not grow with the things

# page: things in one answer; shares: parts of the things by kind, and how an infra writes them. The simulators have the
# clouds' quotas, which are raised as far as needed.
CLOUDS = {
    "hetzner": {
        "page": 50, "config": "", "quota": ("server", "volume", "floating_ip", "firewall", "primary_ip"),
        "kinds": {
            "servers": (4, "plan: cpx22, image: debian-12, zone: nbg1"),
            "volumes": (3, "size: 10 GiB, zone: nbg1"),
            "addresses": (2, "zone: nbg1"),
            "firewalls": (1, "rules: [{ ports: [443] }]"),
        },
    },
    "upcloud": {
        "page": 100, "config": "zone: fi-hel1, poll_every: 0.05", "quota": ("server", "storage", "ip_address"),
        "kinds": {
            "servers": (4, "plan: 1xCPU-1GB, image: debian-12"),
            "volumes": (4, "size: 10 GiB"),
            "addresses": (2, ""),
        },
    },
    "aws": {
        "page": 1000, "config": "region: eu-central-1, zone: eu-central-1a, poll: 0.05",
        "quota": ("instance", "volume", "address", "group", "interface"),
        "kinds": {
            "servers": (3, "plan: t3.small, image: debian-12"),
            "volumes": (4, "size: 10 GiB"),
            "addresses": (2, ""),
            "firewalls": (1, "rules: [{ ports: [443] }]"),
        },
    },
}


def infra(place, name, cloud, count):
    """Writes it; the number of things."""
    write(place.path + "/ws/prov.yaml", "name: bench\n")
    lines = [f"defaults: {{ provider: {name} }}", f"providers: {{ {name}: {{ {cloud['config']} }} }}"]
    parts = sum(share for share, _ in cloud["kinds"].values())
    total = 0
    for kind, (share, fields) in cloud["kinds"].items():
        number = count * share // parts
        total += number
        lines.append(f"{kind}: {{ a: {{ count: {number}{', ' if fields else ''}{fields} }} }}")
    write(place.path + "/ws/infra.yaml", "\n".join(lines) + "\n")
    return total


def drive(name, count):
    cloud, place = CLOUDS[name], Place(name)
    total = infra(place, name, cloud, count)
    quotas = [word for kind in cloud["quota"] for word in ("--quota", f"{name}.{kind}=100000")]
    with Simulator(place, name, "--rate", "0", "--speed", "500", *quotas) as simulator:
        made = Run(place, [PROV, "apply", "--yes", "-q"], simulator.environment).must()
        before = simulator.last()
        done = Run(place, [PROV, "plan", "--detailed-exitcode"], simulator.environment).must()
        calls = simulator.calls(before)
    names = collections.Counter(call["operation"] for call in calls)
    allowed = -(-total // cloud["page"]) + SMALL
    row(name, total, f"{made.seconds:.0f} s", ", ".join(f"{times} {what}" for what, times in names.most_common(8)),
        len(calls), f"{allowed} (pages of {cloud['page']})", "yes" if len(calls) <= allowed else "**no**",
        f"{done.seconds:.2f} s", f"{done.mb:.0f} MB")
    place.remove()


def main(count="10000", *names):
    before = load()
    table("cloud", "things", "made in", "requests of a plan", "together", "allowed", "batched", "time", "memory")
    for name in names or CLOUDS:
        drive(name, int(count))
    print(f"\nLoad {before} before, {load()} after, this work included.")


main(*sys.argv[1:])
