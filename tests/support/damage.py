"""Damages the state file in many ways; every command must end by itself, with 0 or with 1 and an error.

    damage.py PROV WORKSPACE GOOD ROUNDS
"""
import os
import random
import subprocess
import sys

prov, place, good, rounds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
state = f"{place}/.prov/state.mdb"
PAGE = 4096
with open(good, "rb") as f:
    whole = f.read()


def damaged(at, chance):
    data = bytearray(whole)
    if at == "cut":
        return data[:chance.choice([1, 100, PAGE, PAGE + 900, 2 * PAGE, chance.randrange(len(data))])]
    page = chance.randrange(2) if at == "meta" else chance.randrange(2, len(data) // PAGE)
    if at == "page":
        data[page * PAGE:(page + 1) * PAGE] = chance.randbytes(PAGE)
    else:
        for _ in range(chance.choice([1, 1, 3])):
            data[page * PAGE + chance.randrange(160 if chance.random() < 0.7 else PAGE)] ^= 1 << chance.randrange(8)
    return data


wrong, refused, named = [], 0, 0
for at in ("cut", "meta", "page", "bytes"):
    for number in range(rounds):
        with open(state, "wb") as f:
            size = f.write(damaged(at, random.Random(f"{at} {number}")))
        if os.path.exists(state + "-lock"):
            os.unlink(state + "-lock")
        for args in (["state", "check"], ["status"], ["state", "history"], ["state", "rm", "thing.none", "--yes"]):
            try:
                done = subprocess.run([prov, "-w", place, *args], capture_output=True, text=True, timeout=30)
            except subprocess.TimeoutExpired:
                wrong.append(f"{at} {number}: {args} hangs")
                continue
            if done.returncode not in (0, 1, 4) or done.returncode == 1 and not done.stdout + done.stderr:
                wrong.append(f"{at} {number}: {args} ends with {done.returncode}: {done.stderr[-300:]}")
            if args == ["state", "check"]:
                refused += done.returncode == 1
                named += "of the file is damaged" in done.stdout
                if at in ("cut", "page") and done.returncode != 1 and size < len(whole) - PAGE:
                    wrong.append(f"{at} {number}: not noticed")
with open(state, "wb") as f:
    f.write(whole)
print(f"{4 * rounds} damages, {refused} noticed by the check, {named} by page; {len(wrong)} wrong")
for text in wrong[:5]:
    print("FAIL:", text)
sys.exit(1 if wrong else 0)
