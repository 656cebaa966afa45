"""Kills prov while it works on a simulated cloud that loses answers, then resumes; the world must be as wanted, once.

    cloudkill.py PROV SHIM WORK CLOUD INSTANTS

An apply and a destroy are killed at INSTANTS writes of the state, evenly spread, before and after the write; at every one
of them the simulator loses some of the answers to what creates and deletes. What an apply that nobody disturbed
leaves in the world is what must be there after each resume; nothing may be there after each destroy. WORK/ws is the
workspace and WORK/world the simulator's. Prints what may be left over by the contract (UpCloud's addresses, which
nothing identifies) and how prov told of it.
"""
import collections
import json
import os
import re
import subprocess
import sys

prov, shim, work, cloud, instants = sys.argv[1:6]
instants = int(instants)
place, world = f"{work}/ws", f"{work}/world"
env = dict(os.environ, NO_COLOR="1", PROV_CALLS_BACKOFF="0.02")

# What nothing identifies: no label, no name, no token of the client. A lost answer may leave one.
NAMELESS = {"upcloud": "address"}.get(cloud)
LOST = """seed: %d
faults:
  - { fault: lost_answer, method: POST, probability: 0.12 }
  - { fault: lost_answer, method: DELETE, probability: 0.12 }
"""


def run(*args, kill=None, count=None):
    extra = {}
    if kill or count:
        at, when = kill or (0, "before")
        extra = dict(LD_PRELOAD=shim, KILL_DIRS=f"{place}/.prov", KILL_AT=str(at), KILL_WHEN=when)
        if count:
            extra["KILL_COUNT"] = count
    return subprocess.run([prov, *args], cwd=place, env={**env, **extra}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=170)


def must(*args, **kw):
    done = run(*args, **kw)
    if done.returncode:
        sys.exit(f"{cloud}: prov {' '.join(args)}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def things():
    rows = json.loads(must("simulate", "state", "--dir", world, "-o", "json") or "[]")
    return [row for row in rows if row["cloud"] == cloud and row.get("state") != "terminated"]


def summary():
    return collections.Counter(row["kind"] for row in things())


def faults(seed):
    if seed is None:
        must("simulate", "faults", "--clear", "--dir", world)
        return
    with open(f"{work}/faults.yaml", "w") as f:
        f.write(LOST % seed)
    must("simulate", "faults", f"{work}/faults.yaml", "--dir", world)


def counted(verb):
    must(verb, "--yes", count=f"{work}/count")
    with open(f"{work}/count") as f:
        return int(f.read())


left = adopted = failed = 0
told = set()


def judge(what, wanted, said):
    now = summary()
    if NAMELESS:
        now[NAMELESS] -= left_here
    if +now != +wanted:
        sys.exit(f"{cloud}: {what}: more {dict(now - wanted)}, less {dict(wanted - now)}\n{said}\n{things()}")


def settle(verb, said):
    """Answers as a person would when prov asks what came of a creation: takes it over, or says that none is it."""
    global left, left_here, adopted
    asked = re.search(r"settle the interrupted creation of (\S+)", said)
    strangers = re.search(r"those that prov does not know: (.*)", said)
    if not (NAMELESS and asked and strangers):
        return False
    told.add(re.sub(r"\d+(\.\d+){3}(, )?", "ADDRESS ", said.strip()))
    before = left_here
    if adopted <= left:
        must("import", asked[1], strangers[1].split(", ")[-1].strip())
        adopted += 1
    else:
        must("import", asked[1], "--none")
        left_here = len(strangers[1].split(", "))
        left += left_here - before
    return True


def finish(verb, what):
    """Runs a verb until it is done; only what nobody can know may need more than one try."""
    global failed
    said = ""
    for _ in range(5):
        again = run(verb, "--yes")
        said += again.stdout + again.stderr
        if again.returncode == 0:
            return said
        lost_one = NAMELESS and re.search(r"failed create address\.\S+: POST /ip_address: no answer", said)
        if not (settle(verb, again.stdout + again.stderr) or lost_one):
            break
        failed += 1
    sys.exit(f"{cloud}: {what}: {said}")


applies = counted("apply")
wanted = summary()
destroys = counted("destroy")
if summary():
    sys.exit(f"{cloud}: left without a kill: {things()}")
print(f"{cloud}: {sum(wanted.values())} things, {applies} writes of an apply, {destroys} of a destroy")

kills = lost = 0
for i in range(instants):
    left_here = 0
    for verb, total, goal in (("apply", applies, wanted), ("destroy", destroys, collections.Counter())):
        faults(i * 2 + (verb == "destroy"))
        at = 1 + (total - 1) * i // max(1, instants - 1)
        what = f"{verb} killed at write {at} of {total}"
        ended = run(verb, "--yes", kill=(at, ("before", "after")[i % 2]))
        kills += ended.returncode == -9
        said = finish(verb, what)
        judge(what, goal, said)
        if verb == "apply":
            plan = run("plan", "--detailed-exitcode")
            if plan.returncode:
                sys.exit(f"{cloud}: {what}: the plan is not empty: {plan.stdout}{plan.stderr}\n"
                         f"{ended.stdout}{ended.stderr}{said}")
    calls = json.loads(must("simulate", "calls", "--dir", world, "--limit", "1000000", "-o", "json"))
    lost += sum(1 for call in calls if call.get("fault") == "lost_answer")
    must("simulate", "reset", "--dir", world, "--yes")
print(f"{cloud}: {kills} kills and {lost} lost answers: nothing twice, nothing left")
if NAMELESS:
    print(f"{cloud}: {failed} times a person was needed for an address: {adopted} taken over, {left} left")
    for text in sorted(told)[:1]:
        print(re.sub("(?m)^", "    ", text))
