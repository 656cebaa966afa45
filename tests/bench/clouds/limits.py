"""Many servers made at each simulated cloud, with its own limit of requests and 20 ms to each; started by run.sh. Prints a
Markdown table of what an apply, a plan without a change and a destroy took, and of the least that limits allow an apply.

The least is the longest of two times, and one start of a server after the last request:
- requests: one to make each server, which is what no client can do without, beyond what the account's bucket holds, at
  the rate at which it fills (token bucket);
- places: the servers that the provider has under way at once, each for one request and the time it takes to start."""

import collections
import json
import subprocess
import sys

from kit import PROV, Place, Run, Simulator, load, row, table, write

LATENCY = 0.02
PARALLELISM = 256  # prov's default

# burst and rate: the simulator's bucket for creations; start: seconds until a server of the simulator runs.
CLOUDS = {
    "hetzner": {"burst": 3600, "rate": 1, "start": 8.5, "plan": "cpx22", "zone": "nbg1"},
    "upcloud": {"burst": 0, "rate": None, "start": 12, "plan": "1xCPU-1GB", "zone": "fi-hel1"},
    "aws": {"burst": 100, "rate": 20, "start": 8, "plan": "t3.small", "zone": "eu-central-1a"},
}
VERBS = {"apply": ["apply", "--yes", "-q"], "plan": ["plan"], "destroy": ["destroy", "--yes", "-q"]}


def places(name):
    """How many servers are under way at once, as the provider declares it."""
    shown = subprocess.run([PROV, "provider", "show", name, "-o", "json"], capture_output=True, text=True, check=True)
    return min(json.loads(shown.stdout)["limits"]["concurrency"], PARALLELISM)


def least(name, count):
    """Seconds: by requests, by places, and the least an apply may take."""
    cloud = CLOUDS[name]
    by_requests = max(0, count - cloud["burst"]) / cloud["rate"] if cloud["rate"] else 0
    one = LATENCY + cloud["start"]
    by_places = -(-count // places(name)) * one
    return by_requests, by_places, max(by_requests + one, by_places)


def infra(place, name, cloud, count):
    write(place.path + "/ws/prov.yaml", "name: bench\n")
    config = "region: eu-central-1" if name == "aws" else ""
    write(place.path + "/ws/infra.yaml", f"defaults: {{ provider: {name} }}\nproviders: {{ {name}: {{ {config} }} }}\n"
          f"servers:\n  node: {{ count: {count}, plan: {cloud['plan']}, image: debian-12, zone: {cloud['zone']} }}\n")


def kinds(calls):
    """The commonest operations, for people."""
    names = collections.Counter(call["operation"] for call in calls)
    rest = sum(names.values()) - sum(times for _, times in names.most_common(3))
    shown = [f"{times} {name}" for name, times in names.most_common(3)]
    return ", ".join([*shown, *([f"{rest} others"] if rest else [])])


def drive(name, count):
    cloud, place = CLOUDS[name], Place(name)
    infra(place, name, cloud, count)
    by_requests, by_places, floor = least(name, count)
    with Simulator(place, name, "--latency", f"{LATENCY * 1000:.0f}ms") as simulator:
        for verb, command in VERBS.items():
            before = simulator.last()
            done = Run(place, [PROV, *command], simulator.environment).must()
            calls = simulator.calls(before)
            refused = sum(call.get("status") in (429, 503) for call in calls)
            cells = [f"{by_requests:.1f} s", f"{by_places:.1f} s", f"{floor:.1f} s", f"{done.seconds / floor:.2f}"]
            row(name, verb, f"{len(calls)}: {kinds(calls)}", refused, f"{done.seconds:.1f} s", f"{done.mb:.0f} MB",
                *(cells if verb == "apply" else "----"))
            servers = len(simulator.things("instance" if name == "aws" else "server"))
            assert servers == (0 if verb == "destroy" else count), f"{servers} servers after {verb}"
    place.remove()


def main(count="1000", *names):
    before = load()
    print(f"{count} servers, a latency of {LATENCY * 1000:.0f} ms:\n")
    table("cloud", "what", "requests", "refused", "time", "memory", "requests allow", "places allow", "the least",
          "time to it")
    for name in names or CLOUDS:
        drive(name, int(count))
    print(f"\nLoad {before} before, {load()} after, this work included.")


main(*sys.argv[1:])
