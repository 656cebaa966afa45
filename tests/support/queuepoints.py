"""Kills 'queue rekey' at every call that changes a file of the orchestrator's folder.

    queuepoints.py PROV SHIM SOURCE FOLDER WORK

FOLDER holds a queue with jobs. After each kill it opens and holds them; the command then works, and leaves nothing
behind. Prints the count of instants.
"""
import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

prov, shim, source, base, work = sys.argv[1:6]
ring = f"local:{work}/queue.ring"
VERBS = {  # name -> the folder it begins with, its arguments
    "to-kms": (base, ["--kms", ring]),
    "in-kms": (f"{work}/in-kms", []),
    "rewrap": (f"{work}/in-kms", ["--rewrap"]),
    "from-kms": (f"{work}/in-kms", ["--kms", "local"]),
}


def run(*args, **extra):
    return subprocess.run([prov, *args], env={**os.environ, **extra}, capture_output=True, text=True, timeout=120)


def rekey(place, verb, **extra):
    return run("queue", "rekey", "--data", place, *VERBS[verb][1], **extra)


def dump(place):
    return run("internal", "lua", f"{source}/tests/support/queue_dump.lua", place, PROV_DEV="1", PROV_ROOT=source).stdout


def key(place):
    with open(f"{place}/key", "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def instant(verb, wanted, at, when):
    place = f"{work}/{verb}-{at}-{when}"
    shutil.copytree(VERBS[verb][0], place)
    before = key(place)
    killed = rekey(place, verb, LD_PRELOAD=shim, KILL_DIRS=place, KILL_AT=str(at), KILL_WHEN=when)
    if killed.returncode != -9:
        return f"{place}: was not killed: {killed.stderr}"
    found = dump(place)
    if found != wanted:
        return f"{place}: another queue: {found[:300]}"
    again = rekey(place, verb)
    if again.returncode != 0 or dump(place) != wanted or key(place) == before:
        return f"{place}: again: {again.returncode} {again.stderr} {dump(place)[:300]}"
    left = [n for n in os.listdir(place) if "new" in n and not n.endswith(".tmp")]
    if left:
        return f"{place}: left behind: {left}"
    shutil.rmtree(place)
    return None


def scenario(verb, wanted):
    place = f"{work}/{verb}-count"
    shutil.copytree(VERBS[verb][0], place)
    done = rekey(place, verb, LD_PRELOAD=shim, KILL_DIRS=place, KILL_AT="0", KILL_WHEN="before",
                 KILL_COUNT=f"{work}/{verb}.n")
    assert done.returncode == 0 and dump(place) == wanted, done.stderr + dump(place)
    with open(f"{work}/{verb}.n") as f:
        total = int(f.read())
    jobs = [(at, when) for at in range(1, total + 1) for when in ("before", "after")]
    with ThreadPoolExecutor(max_workers=int(os.environ.get("KILL_JOBS", "2"))) as pool:
        failures = [text for text in pool.map(lambda job: instant(verb, wanted, *job), jobs) if text]
    print(f"queue {verb}: {len(jobs)} instants of {total} calls; {len(failures)} wrong", flush=True)
    for text in failures[:5]:
        print("FAIL:", text)
    return failures


content = dump(base)
assert content.count("job\t") >= 3, content
assert run("kms", "create", f"{work}/queue.ring").returncode == 0
shutil.copytree(base, f"{work}/in-kms")
moved = rekey(f"{work}/in-kms", "to-kms")
assert moved.returncode == 0, moved.stderr
sys.exit(1 if any([scenario(verb, content) for verb in VERBS]) else 0)
