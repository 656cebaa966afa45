"""prov, OpenTofu, Terraform and Ansible at the same work, in turns; started by run.sh. Prints two Markdown tables.

Speed: plan and apply of many resources that do nothing, each run in a new folder: wall time, and the peak memory of
the largest process.

Kills: each tool makes THINGS files in a folder, is killed with SIGKILL when there is a random number of them, and
applies again. The folder is the world outside; what is in it is compared with what the tool has recorded."""

import collections
import glob
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time

THINGS = 60
WORK, MEASURE, LIMIT = os.environ["WORK"], os.environ["MEASURE"], os.environ.get("LIMIT", "300")
PLUGIN = WORK + "/bin/terraform-provider-folder"
FOREIGN = ("PROV", "TF_", "TOFU_", "ANSIBLE_")  # settings of whoever runs this

OVERRIDES = """provider_installation {
  dev_overrides {
    "bench.invalid/prov/folder" = "%s"
  }
}
"""
PROVIDER = """terraform {
  required_providers {
    folder = { source = "bench.invalid/prov/folder" }
  }
}
provider "folder" {
  dir    = "%s/world"
  slow   = "20ms"
  unique = %s
}
"""
PLAYBOOK = """- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.%s
      loop: "{{ range(%d) }}"
"""


class Prov:
    name, program = "prov", os.environ["PROV"]
    env = {"PROV_PATH": os.environ["EXTENSIONS"]}
    four = []  # how to make four things at once: its provider allows no more

    def noops(self, place, n):
        write(place + "/prov.yaml", "name: peers\n")
        write(place + "/infra.yaml", f"defaults: {{ provider: demo }}\nitems: {{ a: {{ count: {n}, value: v }} }}\n")

    def things(self, place):
        write(place + "/prov.yaml", "name: peers\n")
        lines = [f"providers: {{ folder: {{ dir: {place}/world, slow: 10ms }} }}",  # it pauses twice
                 "defaults: { provider: folder }", "things:", *(f"  r{i}: {{ label: r{i} }}" for i in range(THINGS))]
        write(place + "/infra.yaml", "\n".join(lines) + "\n")

    def version(self):
        return [self.program, "--version"]

    def plan(self):
        return [self.program, "-w", ".", "plan", "-o", "json"]

    def apply(self):
        return [self.program, "-w", ".", "apply", "--yes", "-q"]

    def recorded(self, place):
        shown = run(self, place, [self.program, "-w", ".", "state", "list", "-o", "json"])
        return {row["id"] for row in json.loads(shown.stdout or "[]")}


class Terraform:
    """Also OpenTofu. A thing has a random id, as most clouds give, or, if unique, the name it was given."""

    env = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": WORK + "/cli.tfrc"}
    four = ["-parallelism=4"]

    def __init__(self, program, unique=False):
        self.program, self.unique = program, unique
        self.name = program + (", names given" if unique else "")

    def noops(self, place, n):
        write(place + "/main.tf", f'resource "terraform_data" "a" {{\n  count = {n}\n  input = "v"\n}}\n')

    def things(self, place):
        write(self.env["TF_CLI_CONFIG_FILE"], OVERRIDES % os.path.dirname(PLUGIN))
        blocks = "".join(f'resource "folder_thing" "r{i}" {{ label = "r{i}" }}\n' for i in range(THINGS))
        write(place + "/main.tf", PROVIDER % (place, str(self.unique).lower()) + blocks)

    def version(self):
        return [self.program, "version"]

    def plan(self):
        return [self.program, "plan", "-input=false", "-out=p"]

    def apply(self):
        return [self.program, "apply", "-auto-approve", "-input=false"]

    def recorded(self, place):
        shown = run(self, place, [self.program, "show", "-json"])
        root = json.loads(shown.stdout or "{}").get("values", {}).get("root_module", {})
        return {row["values"]["id"] for row in root.get("resources", [])}


class Ansible:
    name = program = "ansible-playbook"
    env = {"ANSIBLE_LOCALHOST_WARNING": "False", "LC_ALL": "C.UTF-8"}
    four = []  # a loop makes one after another

    def noops(self, place, n):
        write(place + "/play.yml", PLAYBOOK % ("debug: { msg: v }", n))

    def things(self, place):
        copy = 'copy: { content: "r{{ item }}", dest: "%s/world/r{{ item }}" }' % place
        write(place + "/play.yml", PLAYBOOK % (copy, THINGS))

    def version(self):
        return [self.program, "--version"]

    def plan(self):
        return [self.program, "--check", "play.yml"]

    def apply(self):
        return [self.program, "play.yml"]

    def recorded(self, place):
        return None  # it keeps no state


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def folder(*names):
    place = "/".join((WORK, *names))
    for name in ("home", "tmp", "world"):
        os.makedirs(f"{place}/{name}")
    return place


def environment(tool, place):
    mine = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    own = {"HOME": place + "/home", "TMPDIR": place + "/tmp", "NO_COLOR": "1", "PEERS_PLACE": place}
    return {**mine, **tool.env, **own}


def run(tool, place, command):
    return subprocess.run(command, cwd=place, env=environment(tool, place), capture_output=True, text=True)


def measured(tool, place, command):
    """(seconds, MB), or a text that says why there is no figure."""
    shown = run(tool, place, [MEASURE, "-q", "--", "timeout", "-k", "5", LIMIT, *command])
    figures = json.loads(shown.stdout)
    if shown.returncode == 0:
        return figures["wall_min"] / 1000, figures["rss_kib"] / 1024
    return f"more than {LIMIT} s" if figures["wall_min"] > float(LIMIT) * 1000 else "failed"


def cell(samples):
    if not samples:
        return "-"
    for sample in samples:
        if isinstance(sample, str):
            return sample
    times = [s for s, _ in samples]
    shown = (min(times), statistics.median(times), max(times)) if len(times) > 1 else times
    return " / ".join(f"{s:.2f}" for s in shown) + f" s, {max(mb for _, mb in samples):.0f} MB"


def speed(tools, sizes):
    print(" | ".join(["| resources | what", *(tool.name for tool in tools)]) + " |")
    print("| --- | --- |" + " --- |" * len(tools))
    for n in sizes:
        samples = collections.defaultdict(list)
        for _ in range(3 if n <= 1000 else 1):
            for tool in tools:
                place = folder("speed")
                tool.noops(place, n)
                for what in ("plan", "apply"):
                    samples[what, tool].append(measured(tool, place, getattr(tool, what)()))
                shutil.rmtree(place)
        for what in ("plan", "apply"):
            cells = [cell(samples[what, tool]) for tool in tools]
            print(" | ".join([f"| {n} | {what}", *cells]) + " |", flush=True)


def world(place):
    """id -> label"""
    seen = {}
    for path in glob.glob(place + "/world/*"):
        if not path.endswith(".tmp"):
            with open(path) as file:
                seen[os.path.basename(path)] = file.read()
    return seen


def processes(place):
    """Those that were started for this folder and still run."""
    mark, found = f"PEERS_PLACE={place}".encode(), []
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            with open(path, "rb") as file:
                if mark in file.read().split(b"\0"):
                    found.append(int(path.split("/")[2]))
        except OSError:
            pass  # it has ended, or is not ours
    return found


def files(place):
    return sum(len(names) for top, _, names in os.walk(place) if not top.startswith(place + "/world"))


def whole(tool, place):
    """Seconds of an apply that nobody kills, and the files it and another one leave."""
    tool.things(place)
    began = time.monotonic()
    first = run(tool, place, tool.apply() + tool.four)
    seconds = time.monotonic() - began
    assert first.returncode == 0, first.stdout + first.stderr
    assert run(tool, place, tool.apply() + tool.four).returncode == 0
    assert sorted(world(place).values()) == sorted(f"r{i}" for i in range(THINGS)), "it did other work"
    assert tool.recorded(place) in (None, set(world(place))), "it recorded something else"
    return seconds, files(place)


def killed(tool, place, number, seconds):
    """Runs an apply and kills it so many seconds after that many things are there; False if it had ended."""
    tool.things(place)
    process = subprocess.Popen(tool.apply() + tool.four, cwd=place, env=environment(tool, place),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and len(os.listdir(place + "/world")) < number:
        time.sleep(0.001)
    time.sleep(seconds)
    process.kill()
    return process.wait() == -signal.SIGKILL


def kills(tools, rounds):
    chance = random.Random(1)
    counts = {tool: collections.Counter() for tool in tools}
    wholes = {tool: whole(tool, folder("whole", str(at))) for at, tool in enumerate(tools)}
    for _ in range(rounds):
        for tool, count in counts.items():
            place = folder("kill")
            pause = wholes[tool][0] / THINGS  # of one thing: any moment of making it
            while not killed(tool, place, chance.randint(1, THINGS - 1), chance.uniform(0, pause)):
                shutil.rmtree(place)
                place = folder("kill")
            time.sleep(0.5)  # what was under way outside of it ends
            left = processes(place)
            count["processes"] += len(left)
            unrecorded(tool, place, count, "unrecorded")
            count["refused"] += run(tool, place, tool.apply() + tool.four).returncode != 0
            labels = collections.Counter(world(place).values())
            count["twice"] += sum(times > 1 for times in labels.values())
            count["missing"] += THINGS - len(labels)
            unrecorded(tool, place, count, "nobody's")
            count["files"] += files(place) - wholes[tool][1]
            for pid in set(left) & set(processes(place)):
                os.kill(pid, signal.SIGKILL)
            shutil.rmtree(place)
    print(f"\n{rounds} kills of each in an apply of {THINGS} things:\n")
    print("| | apply, whole | unrecorded after the kill | refused to go on | made twice | nobody's in the end | "
          "missing in the end | processes left | files left |")
    print("|" + " --- |" * 9)
    for tool, count in counts.items():
        shown = (count[what] if what in count else "-" for what in
                 ("unrecorded", "refused", "twice", "nobody's", "missing", "processes", "files"))
        print(f"| {tool.name} | {wholes[tool][0]:.2f} s | " + " | ".join(map(str, shown)) + " |")


def unrecorded(tool, place, count, what):
    recorded = tool.recorded(place)
    if recorded is not None:
        count[what] += len(set(world(place)) - recorded)


def main(rounds=10, *sizes):
    tools, wanted = [], os.environ.get("TOOLS", "prov tofu terraform ansible-playbook").split()
    for tool in (Prov(), Terraform("tofu"), Terraform("terraform"), Ansible()):
        if tool.name not in wanted:
            print(f"{tool.name} is left out: TOOLS does not name it.\n")
        elif not shutil.which(tool.program):
            print(f"{tool.name} is left out: it is not installed.\n")
        else:
            tools.append(tool)
    load = os.getloadavg()[0]
    for tool in tools:
        print(f"- {run(tool, WORK, tool.version()).stdout.splitlines()[0]}")
    print()
    speed(tools, [int(n) for n in sizes] or [1000, 10000])
    if not os.path.exists(PLUGIN):
        tools = [tool for tool in tools if not isinstance(tool, Terraform)]
        print("\ntofu and terraform are left out of the kills: go, which builds their provider, is not installed.")
    tools += [Terraform(tool.program, unique=True) for tool in tools if isinstance(tool, Terraform)]
    kills(tools, int(rounds))
    print(f"\nLoad {load:.1f} before, {os.getloadavg()[0]:.1f} after, this work included.")


main(*sys.argv[1:])
