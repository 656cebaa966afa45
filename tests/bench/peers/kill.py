"""kill -9 in the middle of an apply, then what an operator would do next: prov and Terraform (or OpenTofu) side by side.

usage: kill.py PROV EXTENSIONS [ROUNDS [RESOURCES]]

Each tool makes RESOURCES things outside of itself (prov: files of a provider; Terraform: terraform_data with a
local-exec that appends a line to a file of its own), is killed at a random moment of that, and applies again. Counted
are: what existed after the kill without being in the state, applies that were refused, effects that were done twice,
and things missing in the end. Prints one Markdown table."""

import glob
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

prov, extensions = sys.argv[1:3]
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 20
count = int(sys.argv[4]) if len(sys.argv) > 4 else 60
work = tempfile.mkdtemp()
env = dict(os.environ, HOME=work, PROV_PATH=extensions, NO_COLOR="1", TF_IN_AUTOMATION="1", CHECKPOINT_DISABLE="1")
chance = random.Random(1)


class Prov:
    name = "prov"

    def __init__(self, place):
        self.place = place
        os.makedirs(place + "/world")
        with open(place + "/prov.yaml", "w") as file:
            file.write("name: peers\n")
        with open(place + "/infra.yaml", "w") as file:
            file.write(f"providers: {{ folder: {{ dir: {place}/world, slow: 10ms }} }}\ndefaults: {{ provider: folder }}\n")
            file.write("things:\n" + "".join(f"  r{i}: {{ label: r{i} }}\n" for i in range(count)))

    def apply(self):
        return [prov, "-w", self.place, "apply", "--yes", "-q", "--parallelism", "10"]

    def world(self):
        """Effect -> how often."""
        seen = {}
        for path in glob.glob(self.place + "/world/*"):
            if not path.endswith(".tmp"):
                label = open(path).read()
                seen[label] = seen.get(label, 0) + 1
        return seen

    def recorded(self):
        shown = subprocess.run([prov, "-w", self.place, "state", "list", "-o", "json"], env=env, capture_output=True, text=True)
        return {row["address"].split(".")[1] for row in json.loads(shown.stdout or "[]")}


class Terraform:
    def __init__(self, place):
        self.place = place
        os.makedirs(place + "/world")
        with open(place + "/main.tf", "w") as file:
            for i in range(count):
                file.write(f'resource "terraform_data" "r{i}" {{\n  provisioner "local-exec" {{\n    command = "sleep 0.01; echo '
                           f'made >> {place}/world/r{i}"\n  }}\n}}\n')
        subprocess.run([self.name, "init", "-input=false"], cwd=place, env=env, capture_output=True, check=True)

    def apply(self):
        return [self.name, f"-chdir={self.place}", "apply", "-auto-approve", "-input=false", "-no-color"]

    def world(self):
        return {os.path.basename(path): len(open(path).readlines()) for path in glob.glob(self.place + "/world/*")}

    def recorded(self):
        shown = subprocess.run([self.name, f"-chdir={self.place}", "state", "list"], env=env, capture_output=True, text=True)
        return {line.split(".")[1] for line in shown.stdout.split() if "." in line}


tools = [Prov]
for name in ("terraform", "tofu"):
    if shutil.which(name):
        tools.append(type(name, (Terraform,), {"name": name}))
if len(tools) == 1:
    print("Terraform and OpenTofu are left out: neither is installed.")
print(f"{rounds} kills in an apply of {count} things that exist outside:\n")
print("| | apply, whole | unrecorded after the kill | refused to go on | done twice | missing in the end |")
print("| --- | --- | --- | --- | --- | --- |")
for tool in tools:
    one = tool(f"{work}/{tool.name}-whole")
    began = time.time()
    subprocess.run(one.apply(), env=env, capture_output=True, check=True)
    whole = time.time() - began
    unrecorded = refused = twice = missing = 0
    for number in range(rounds):
        one = tool(f"{work}/{tool.name}-{number}")
        process = subprocess.Popen(one.apply(), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.2, 0.9) * whole)
        process.kill()
        process.wait()
        time.sleep(0.1)  # programs it had started end
        unrecorded += len(set(one.world()) - one.recorded())
        refused += subprocess.run(one.apply(), env=env, capture_output=True).returncode != 0
        world = one.world()
        twice += sum(times > 1 for times in world.values())
        missing += count - len(world)
    print(f"| {tool.name} | {whole:.2f} s | {unrecorded} | {refused} | {twice} | {missing} |", flush=True)
shutil.rmtree(work)
