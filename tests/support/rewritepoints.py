"""Kills 'state rekey', 'compact' and 'recover' at every call that changes a file of the state.

    rewritepoints.py PROV SHIM WORKSPACE COPY WORK

After each kill the state must open, be whole and say what it said, secrets too; the command then works,
and leaves nothing behind. Prints the count of instants.
"""
import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

prov, shim, base, copy, work = sys.argv[1:6]
COMMANDS = {
    "rekey": ["state", "rekey", "--yes"],
    "rekey-to-kms": ["state", "rekey", "--kms", f"local:{work}/kek", "--yes"],
    "rekey-in-kms": ["state", "rekey", "--yes"],
    "rekey-from-kms": ["state", "rekey", "--kms", "local", "--yes"],
    "compact": ["state", "compact", "--keep", "2", "--yes"],
    "recover": ["state", "recover", copy, "--yes"],
}


def run(place, *args, **extra):
    return subprocess.run([prov, "-w", place, *args], env={**os.environ, **extra}, capture_output=True, text=True,
                          timeout=120)


def export(place):
    done = run(place, "state", "export", "--secrets")
    return done.stdout if done.returncode == 0 else "export: " + done.stderr


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def wrong_with(place, wanted):
    if export(place) != wanted:
        return "another state: " + export(place)[:300]
    check = run(place, "state", "check")
    return None if check.returncode == 0 else check.stdout + check.stderr


def base_of(verb):
    return wrapped if verb in ("rekey-in-kms", "rekey-from-kms") else base


def instant(verb, wanted, at, when):
    place = f"{work}/{verb}-{at}-{when}"
    shutil.copytree(base_of(verb), place)
    old_key = digest(f"{place}/.prov/key")
    killed = run(place, *COMMANDS[verb], LD_PRELOAD=shim, KILL_DIRS=f"{place}/.prov", KILL_AT=str(at), KILL_WHEN=when)
    if killed.returncode != -9:
        return f"{place}: was not killed: {killed.stderr}"
    wrong = wrong_with(place, wanted)
    if not wrong:
        again = run(place, *COMMANDS[verb])
        wrong = wrong_with(place, wanted) if again.returncode == 0 else f"again: {again.stderr}"
    left = [n for n in os.listdir(f"{place}/.prov")
            if n not in ("key", "state.mdb", "state.mdb-lock", "rewrite.lock")
            and not (verb == "recover" and ".before-" in n) and not n.endswith(".tmp")]
    if not wrong and left:
        wrong = f"left behind: {left}"
    if not wrong and verb.startswith("rekey") and digest(f"{place}/.prov/key") == old_key:
        wrong = "the key is the old one"
    if wrong:
        return f"{verb} killed {when} call {at} ({place}): {wrong}"
    shutil.rmtree(place)
    return None


def scenario(verb):
    wanted = export(base)
    place = f"{work}/{verb}-count"
    shutil.copytree(base_of(verb), place)
    done = run(place, *COMMANDS[verb], LD_PRELOAD=shim, KILL_DIRS=f"{place}/.prov", KILL_AT="0", KILL_WHEN="before",
               KILL_COUNT=f"{work}/{verb}.n")
    assert done.returncode == 0, done.stderr
    assert wrong_with(place, wanted) is None, wrong_with(place, wanted)
    with open(f"{work}/{verb}.n") as f:
        total = int(f.read())
    jobs = [(at, when) for at in range(1, total + 1) for when in ("before", "after")]
    with ThreadPoolExecutor(max_workers=int(os.environ.get("KILL_JOBS", "2"))) as pool:
        failures = [text for text in pool.map(lambda job: instant(verb, wanted, *job), jobs) if text]
    print(f"{verb}: {len(jobs)} instants of {total} calls; {len(failures)} wrong", flush=True)
    for text in failures[:5]:
        print("FAIL:", text)
    return failures


with open(f"{work}/kek", "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as kek:
    kek.write(os.urandom(32))
wrapped = f"{work}/wrapped"
shutil.copytree(base, wrapped)
moved = run(wrapped, *COMMANDS["rekey-to-kms"])
assert moved.returncode == 0, moved.stderr
assert "s3cret" in export(base), export(base)
sys.exit(1 if any([scenario(verb) for verb in COMMANDS]) else 0)
