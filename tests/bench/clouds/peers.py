"""prov beside OpenTofu with the provider of Hetzner, at the same simulator; started by run.sh. Prints Markdown tables.

Speed: the same servers are made, looked at and taken away, in a fresh world each time: requests, wall time, memory.

Kills: an apply is killed with SIGKILL at a random instant, by itself, without what it has started. The same tool applies
again, and destroys; what is in the world is compared with what was wanted, and with what the tool has recorded."""

import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

from kit import PROV, WORK, Place, Run, Simulator, load, processes, row, table, write

PLAN, IMAGE, ZONE = "cpx22", "debian-12", "nbg1"
WIDTHS = (10, 100)  # steps at once: what OpenTofu does by default, and what prov does at Hetzner
SPEED = os.environ.get("SPEED", "20")  # of the world's time while tools are killed
PARTS = os.environ.get("PARTS", "speed kills").split()

OVERRIDES = 'provider_installation {\n  dev_overrides { "hetznercloud/hcloud" = "%s" }\n  direct {}\n}\n'
SERVERS = """terraform {
  required_providers {
    hcloud = { source = "hetznercloud/hcloud" }
  }
}
resource "hcloud_ssh_key" "key" {
  name       = "bench"
  public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIDVtQNzs7DLOoXHjtgm3Yr4aZFPDLCSlVpBFvNwUr7E bench"
}
resource "hcloud_server" "node" {
  count       = %d
  name        = "node-${count.index + 1}"
  server_type = "%s"
  image       = "%s"
  location    = "%s"
  ssh_keys    = [hcloud_ssh_key.key.id]
}
"""


class Prov:
    name = "prov"
    environment = {}

    def servers(self, place, count):
        write(place.path + "/ws/prov.yaml", "name: bench\n")
        write(place.path + "/ws/infra.yaml", f"defaults: {{ provider: hetzner }}\nservers:\n  node: {{ count: {count}, "
              f"plan: {PLAN}, image: {IMAGE}, zone: {ZONE} }}\n")

    def version(self):
        return [PROV, "--version"]

    def verb(self, verb, width):
        if verb == "plan":
            return [PROV, verb]
        return [PROV, verb, "--yes", *(["--parallelism", str(width)] if width else [])]

    def recorded(self, place):
        shown = subprocess.run([PROV, "state", "list", "-o", "json"], cwd=place.path + "/ws", capture_output=True,
                               env=place.environment({}), text=True)
        return {str(one["id"]) for one in json.loads(shown.stdout or "[]") if one["address"].startswith("server.")}


class Tofu:
    name, program = "tofu", os.environ.get("TOFU") or shutil.which("tofu")
    environment = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": WORK + "/cli.tfrc"}

    def servers(self, place, count):
        write(place.path + "/ws/main.tf", SERVERS % (count, PLAN, IMAGE, ZONE))

    def version(self):
        return [self.program, "version"]

    def verb(self, verb, width):
        yes = [] if verb == "plan" else ["-auto-approve"]
        return [self.program, verb, "-input=false", "-no-color", *yes, *([f"-parallelism={width}"] if width else [])]

    def recorded(self, place):
        path = place.path + "/ws/terraform.tfstate"
        if not os.path.exists(path) or os.path.getsize(path) == 0:
            return set()
        with open(path) as file:
            resources = json.load(file)["resources"]
        return {one["attributes"]["id"] for resource in resources if resource["type"] == "hcloud_server"
                for one in resource["instances"]}


def run(tool, place, simulator, verb, width=None):
    return Run(place, tool.verb(verb, width), {**tool.environment, **simulator.environment})


def measured(tool, place, simulator, verb, width):
    """The cells of one command: requests, seconds, MB."""
    before = simulator.last()
    done = run(tool, place, simulator, verb, width)
    calls = simulator.calls(before)
    refused = sum(call.get("status") == 429 for call in calls)
    shown = f"{len(calls)}, {refused} of them refused" if refused else len(calls)
    return shown, done.outcome() + (" after " if done.outcome() else "") + f"{done.seconds:.1f} s", f"{done.mb:.0f} MB"


def speed(tools, count):
    table("limit", "at once", "what", *(f"{tool.name}: {what}" for tool in tools
                                        for what in ("requests", "time", "memory")))
    for limit, options in (("3,600 an hour", []), ("none", ["--rate", "0"])):
        for width in WIDTHS:
            cells = collections.defaultdict(list)
            for tool in tools:
                place = Place("speed")
                tool.servers(place, count)
                with Simulator(place, "hetzner", "--latency", "20ms", *options) as simulator:
                    for verb in ("apply", "plan", "destroy"):
                        cells[verb] += measured(tool, place, simulator, verb, width)
                    left = len(simulator.things("server"))
                    cells["destroy"][-1] += f", {left} servers left" if left else ""
                place.remove()
            for verb, shown in cells.items():
                row(limit, width, verb, *shown)


def killed(tool, place, simulator, seconds):
    """Applies, and kills that after so many seconds; False when it had ended."""
    environment = place.environment({**tool.environment, **simulator.environment})
    process = subprocess.Popen(tool.verb("apply", None), cwd=place.path + "/ws", env=environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    process.kill()
    return process.wait() == -signal.SIGKILL


def names(simulator):
    """id -> name of the servers in the world"""
    return {str(server["id"]): server["name"] for server in simulator.things("server")}


def settled(simulator):
    """Waits until the world is done with what was asked of it."""
    time.sleep(0.5)
    while any(server["state"] in ("initializing", "starting") for server in simulator.things("server")):
        time.sleep(0.1)


def judge(tool, place, simulator, count, wanted):
    """What a kill has left behind, after each of the next commands."""
    left = processes(place)
    count["processes"] += len(left)
    settled(simulator)
    count["unrecorded"] += len(names(simulator).keys() - tool.recorded(place))
    again = run(tool, place, simulator, "apply")
    count["refused"] += again.code != 0
    there = names(simulator)
    count["twice"] += len(there) - len(set(there.values()))
    count["nobody's"] += len(there.keys() - tool.recorded(place))
    count["missing"] += wanted - len(set(there.values()))
    count["destroy refused"] += run(tool, place, simulator, "destroy").code != 0
    count["servers"] += len(names(simulator))
    count["others"] += len(simulator.things()) - len(names(simulator))
    for pid in set(left) & set(processes(place)):
        os.kill(pid, signal.SIGKILL)


def world(place):
    return Simulator(place, "hetzner", "--latency", "20ms", "--rate", "0", "--speed", SPEED)


def whole(tool, count):
    """Seconds of an apply that nobody kills."""
    place = Place("whole")
    tool.servers(place, count)
    with world(place) as simulator:
        seconds = run(tool, place, simulator, "apply").must().seconds
        assert names(simulator).keys() == tool.recorded(place) and len(tool.recorded(place)) == count
    place.remove()
    return seconds


def kills(tools, count, rounds):
    chance = random.Random(1)  # the instants are the same shares of each tool's apply
    counts = {tool: collections.Counter() for tool in tools}
    wholes = {tool: whole(tool, count) for tool in tools}
    for _ in range(rounds):
        for tool, counted in counts.items():
            done = False
            while not done:
                place = Place("kill")
                tool.servers(place, count)
                with world(place) as simulator:
                    done = killed(tool, place, simulator, chance.uniform(0, wholes[tool]))
                    if done:
                        judge(tool, place, simulator, counted, count)
                place.remove()
    print(f"\n{rounds} kills of each in an apply of {count} servers, the world {SPEED} times as fast:\n")
    table("", "apply, whole", "unrecorded after the kill", "processes left", "applies refused", "made twice",
          "in no state after it", "missing after it", "destroys refused", "servers left in the end", "other things left")
    for tool, counted in counts.items():
        row(tool.name, f"{wholes[tool]:.1f} s", *(counted[what] for what in (
            "unrecorded", "processes", "refused", "twice", "nobody's", "missing", "destroy refused", "servers",
            "others")))


def main(count=200, rounds=20):
    tools, provider = [Prov()], os.environ.get("HCLOUD_PROVIDER")
    if not Tofu.program:
        print("SKIP: tofu is left out: it is not installed, nor named by TOFU.\n")
    elif not provider:
        print("SKIP: tofu is left out: HCLOUD_PROVIDER does not name a built terraform-provider-hcloud.\n")
    else:
        os.makedirs(WORK + "/bin")
        os.symlink(os.path.abspath(provider), WORK + "/bin/terraform-provider-hcloud")
        write(Tofu.environment["TF_CLI_CONFIG_FILE"], OVERRIDES % (WORK + "/bin"))
        tools.append(Tofu())
    before = load()
    for tool in tools:
        shown = subprocess.run(tool.version(), capture_output=True, text=True,
                               env={**os.environ, **tool.environment}).stdout
        print(f"- {shown.splitlines()[0]}")
    print()
    if "speed" in PARTS:
        speed(tools, int(count))
    if "kills" in PARTS:
        kills(tools, int(count), int(rounds))
    print(f"\nLoad {before} before, {load()} after, this work included.")


main(*sys.argv[1:])
