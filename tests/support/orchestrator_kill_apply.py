"""Kills the orchestrator, its workers, or all of them, while jobs apply and destroy 10 workspaces whose world is a folder
of files (tests/support/extensions/providers/folder). After it, each world is what its infra says: nothing is missing,
nothing is left over, nothing is there twice, and drift and plan find nothing.

usage: orchestrator_kill_apply.py PROV WORK SECONDS SEED"""

import json
import os
import random
import signal
import subprocess
import time

from orchestrator_server import Server, check, prov, run, until, work
import sys

seconds, seed = float(sys.argv[3]), int(sys.argv[4])
random.seed(seed)
COUNT = 10


def write_infra(name, things):
    world = os.path.join(work, name + "-world")
    os.makedirs(world, exist_ok=True)
    path = os.path.join(work, name)
    os.makedirs(path, exist_ok=True)
    text = "".join(f"  {thing}: {{ label: {label} }}\n" for thing, label in things.items())
    for file, content in (("prov.yaml", f"name: {name}\n"), ("infra.yaml.new", (
            f"providers: {{ folder: {{ dir: {world}, slow: 20ms }} }}\ndefaults: {{ provider: folder }}\n"
            + (f"things:\n{text}" if things else "")))):
        with open(os.path.join(path, file), "w") as out:
            out.write(content)
    os.replace(os.path.join(path, "infra.yaml.new"), os.path.join(path, "infra.yaml"))


def say(name, *words):
    return subprocess.run([prov, "-w", os.path.join(work, name), *words], capture_output=True, text=True, timeout=60)


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass


def orphans(data):
    found = subprocess.run(["pgrep", "-f", f"prov worker --data {data}$"], capture_output=True, text=True).stdout
    return [int(pid) for pid in found.split()]


def applies():
    server = Server("applies", "--drain", "20s")
    wanted = {f"w{i}": {} for i in range(COUNT)}
    pending, kills, number = {}, 0, 0  # pending: Idempotency-Key -> body, not answered yet
    taken = {}  # key -> id

    def submit(key, body):
        status, job, _ = server.ask("POST", "/v1/jobs", body, Idempotency_Key=key)
        check(status in (200, 202, 503, 0), f"submission: {status} {job}")
        if status in (200, 202):
            taken[key] = job["id"]
            pending.pop(key, None)

    began = time.time()
    while time.time() - began < seconds:
        for name in random.sample(sorted(wanted), 4):
            wanted[name] = {f"t{i}": f"v{random.randint(0, 3)}" for i in range(8) if random.random() < 0.7}
            write_infra(name, wanted[name])
            number += 1
            pending[f"a{number}"] = {"operation": "apply", "params": {}, "workspace": os.path.join(work, name)}
        for key, body in list(pending.items()):
            submit(key, body)
        time.sleep(random.random() * 0.4)
        what = random.choice(("orchestrator", "worker", "all"))
        victims = server.workers() if what != "orchestrator" else []
        if what == "worker":
            victims = victims[:1]
        if what != "worker":
            server.process.kill()
        for pid in victims:
            kill(pid)
        if what != "worker":
            server.process.wait()
            server.start()
        kills += 1
    # Everything that was taken has an end; then the last word: an apply of each.
    for key, body in list(pending.items()):
        submit(key, body)
    check(not pending, f"not taken: {pending}")
    states = {}
    for key, id in taken.items():
        job = server.ended(id, 60)
        states[job.get("state")] = states.get(job.get("state"), 0) + 1
        check(job.get("ended"), f"job {id} has no end: {job}")
        check(job.get("state") != "failed", f"job {id}: {job.get('errors')}")
    for name in wanted:
        job = server.ended(server.submit("apply", workspace=os.path.join(work, name)), 60)
        check(job["state"] == "done", f"the last apply of {name}: {job}")
    check(server.stop() == 0, "SIGTERM")
    check(until(lambda: not orphans(server.data), 5), f"workers are left: {orphans(server.data)}")
    for name, things in wanted.items():
        world = os.path.join(work, name + "-world")
        there = {}
        for file in os.listdir(world):
            if not file.endswith(".tmp"):
                with open(os.path.join(world, file)) as one:
                    there[file] = one.read()
        check(sorted(there.values()) == sorted(things.values()), f"{name}: {there}, wanted {things}")
        listed = json.loads(say(name, "state", "list", "-o", "json").stdout or "[]")
        check(len(listed) == len(things), f"{name}: {len(listed)} records, {len(things)} wanted")
        drift = say(name, "drift")
        check(drift.returncode == 0, f"{name}: drift: {drift.stdout}{drift.stderr}")
        plan = say(name, "plan", "--detailed-exitcode")
        check(plan.returncode == 0, f"{name}: plan: {plan.stdout}{plan.stderr}")
    print(f"jobs={len(taken)} kills={kills} {states}")


run((applies,))
