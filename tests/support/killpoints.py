"""Kills prov at every call that changes a file, then resumes; the world must be exactly what was wanted.

    killpoints.py PROV SHIM WORK [EVERY [RANDOM]]

Scenarios: a first apply of 60 resources, an apply that changes, deletes and creates, and a destroy. Each
is killed after every write and sync of the state (what comes before the next call is the same instant),
once as a kill and once as a power failure, which takes what was not synced; and before and after every
EVERY-th write, rename and unlink of the world (1: all of them, which is each answer of the provider, from
both sides); and RANDOM times in all at a random moment. A third of the resumes is killed too, at a random
point. Prints the count of instants.
"""
import json
import os
import random
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

prov, shim, work = sys.argv[1:4]
every = int(sys.argv[4]) if len(sys.argv) > 4 else 10
moments = int(sys.argv[5]) if len(sys.argv) > 5 else 500
seed = int(os.environ.get("KILL_SEED", "1"))
home = f"{work}/home"
env = dict(os.environ, HOME=home, NO_COLOR="1")

FIRST = {f"r{i}": "one" for i in range(59)}
SECOND = {**{f"r{i}": "one" for i in range(20)}, **{f"r{i}": "two" for i in range(20, 40)},
          **{f"n{i}": "new" for i in range(20)}}


def write_infra(place, things):
    with open(f"{place}/ws/infra.yaml", "w") as f:
        f.write(f'providers: {{ folder: {{ dir: "{place}/world" }} }}\ndefaults: {{ provider: folder }}\nthings:\n')
        f.write("  first: { label: first }\n")
        for name, label in things.items():
            f.write(f'  {name}: {{ label: {name}-{label}, after: "${{thing.first.id}}" }}\n')


def run(place, verb, part=None, kill=None, count=None, power=False):
    """Runs a verb; with `part` (a folder) its changes there are counted, and the kill-th ends the process."""
    extra = {}
    if part:
        at, when = kill or (0, "before")
        extra = dict(LD_PRELOAD=shim, KILL_DIRS=f"{place}/{part}", KILL_AT=str(at), KILL_WHEN=when)
        if count:
            extra["KILL_COUNT"] = count
        if power:
            extra["KILL_SYNCED"] = f"{place}/ws/.prov/state.mdb"
    return subprocess.run([prov, "-w", f"{place}/ws", verb, "--yes", "-q", "--parallelism", "6"],
                          env={**env, **extra}, capture_output=True, text=True, timeout=120)


def power_failure(place):
    """What was not synced is gone."""
    for name in ("state.mdb", "state.mdb-lock"):
        if os.path.exists(f"{place}/ws/.prov/{name}"):
            os.unlink(f"{place}/ws/.prov/{name}")
    if os.path.exists(f"{place}/ws/.prov/state.mdb.synced"):
        os.rename(f"{place}/ws/.prov/state.mdb.synced", f"{place}/ws/.prov/state.mdb")


def judge(place, verb, things):
    world = {}
    for name in os.listdir(f"{place}/world"):
        if not name.endswith(".tmp"):
            with open(f"{place}/world/{name}") as f:
                world.setdefault(f.read(), []).append(name)
    wanted = [] if verb == "destroy" else ["first"] + [f"{n}-{label}" for n, label in things.items()]
    twice = {label: names for label, names in world.items() if len(names) > 1}
    if twice:
        return f"made twice: {twice}"
    if sorted(world) != sorted(wanted):
        return f"lost: {sorted(set(wanted) - set(world))}; orphans: {sorted(set(world) - set(wanted))}"
    shown = subprocess.run([prov, "-w", f"{place}/ws", "state", "export"], env=env, capture_output=True, text=True)
    records = {r["state"]["label"]: r["id"] for r in json.loads(shown.stdout)["records"]}
    if records != {label: names[0] for label, names in world.items()}:
        return "the graph is not the world"
    check = subprocess.run([prov, "-w", f"{place}/ws", "state", "check", "-o", "json"], env=env, capture_output=True,
                           text=True)
    if check.returncode != 0:
        return f"the store is damaged: {check.stdout}{check.stderr}"
    opened = subprocess.run([prov, "-w", f"{place}/ws", "status", "-o", "json"], env=env, capture_output=True, text=True)
    if json.loads(opened.stdout)["open_runs"]:
        return "a run is still open"
    return None


def move(base, place):
    """A copy of a workspace and its world; the infra names where the world is."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(base, place)
    with open(f"{place}/ws/infra.yaml") as f:
        text = f.read().replace(f"{base}/world", f"{place}/world")
    with open(f"{place}/ws/infra.yaml", "w") as f:
        f.write(text)


def instant(base, verb, things, part, total, at, when, power):
    """One kill, perhaps one more in the resume, and the resume; what is wrong, or None."""
    place = f"{work}/{verb}-{os.path.basename(part)}-{at}-{when}-{power}"
    move(base, place)
    state = f"{place}/ws/.prov/state.mdb"
    if power and os.path.exists(state):
        shutil.copy(state, f"{state}.synced")
    killed = run(place, verb, part, (at, when), power=power)
    if power and killed.returncode == -9:
        power_failure(place)
    again = random.Random(f"{seed} {place}")
    if again.random() < 0.33:
        run(place, verb, part, (again.randint(1, total), when))
    ended = run(place, verb)
    wrong = judge(place, verb, things) if ended.returncode == 0 else f"resume: {ended.stdout}{ended.stderr}"
    if wrong:
        return f"{verb} killed {when} call {at} of {total} in {part}{', power lost' if power else ''} ({place}): {wrong}"
    shutil.rmtree(place)
    return None


def moment(base, verb, things, longest, number):
    """A kill at a random moment of the whole process, and the resume; what is wrong, or None."""
    place = f"{work}/{verb}-moment-{number}"
    move(base, place)
    chance = random.Random(f"{seed} {verb} {number}")
    again = True
    while again:
        process = subprocess.Popen([prov, "-w", f"{place}/ws", verb, "--yes", "-q", "--parallelism", "6"], env=env,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.random() * longest)
        process.kill()
        process.wait()
        again = chance.random() < 0.33
    ended = run(place, verb)
    wrong = judge(place, verb, things) if ended.returncode == 0 else f"resume: {ended.stdout}{ended.stderr}"
    if wrong:
        return f"{verb} killed at moment {number} ({place}): {wrong}"
    shutil.rmtree(place)
    return None


def scenario(base, verb, things):
    counted = f"{base}-{verb}-count"
    jobs, calls = [], {}
    for part, step in (("ws/.prov", 1), ("world", every)):
        move(base, counted)
        began = time.time()
        done = run(counted, verb, part, count=f"{counted}.n")
        longest = time.time() - began
        assert done.returncode == 0, done.stderr
        wrong = judge(counted, verb, things)
        assert wrong is None, wrong
        with open(f"{counted}.n") as f:
            total = calls[part] = int(f.read())
        for at in range(1, total + 1, step):
            if part == "world":
                jobs += [(part, total, at, "before", False), (part, total, at, "after", False)]
            else:
                jobs += [(part, total, at, "after", False), (part, total, at, "after", True)]
    with ThreadPoolExecutor(max_workers=int(os.environ.get("KILL_JOBS", "3"))) as pool:
        failures = [text for text in pool.map(lambda job: instant(base, verb, things, *job), jobs) if text]
        failures += [text for text in pool.map(lambda number: moment(base, verb, things, longest, number),
                                               range(moments // 3)) if text]
    print(f"{verb}: {len(jobs)} instants; {calls['ws/.prov']} calls of the state, all of them, and {calls['world']} of the "
          f"world, every {every}th; {moments // 3} random moments; {len(failures)} wrong", flush=True)
    for text in failures[:5]:
        print("FAIL:", text)
    return len(jobs) + moments // 3, failures


def main():
    empty = f"{work}/empty"
    os.makedirs(f"{empty}/world")
    subprocess.run([prov, "workspace", "new", f"{empty}/ws"], env=env, capture_output=True, check=True)
    write_infra(empty, FIRST)
    full = f"{work}/full"
    move(empty, full)
    assert run(full, "apply").returncode == 0
    changed = f"{work}/changed"
    move(full, changed)
    write_infra(changed, SECOND)
    results = [scenario(empty, "apply", FIRST), scenario(changed, "apply", SECOND), scenario(full, "destroy", {})]
    print(f"{sum(n for n, _ in results)} instants in all")
    sys.exit(1 if any(failures for _, failures in results) else 0)


main()
