"""What must hold of the vault when processes are killed, come together, or find a full disk.

    vault_cases.py PROV SHIM|- WORK KEYS

KEYS: JSON file of {"keys", "root_token"} of the vault in WORK/data. Prints what was looked at.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

prov, shim, work, keys_file = sys.argv[1:5]
failures = []
made = json.load(open(keys_file))


def fail(text):
    failures.append(text)
    print("FAIL:", text)


class Server:
    def __init__(self, data, *more, env=None):
        self.log = open(f"{work}/server.log", "a")
        address = f"{data}/server"
        if os.path.exists(address):
            os.remove(address)
        self.process = subprocess.Popen([prov, "serve", "vault", "--listen", "127.0.0.1:0", "--data", data, *more],
                                        stdout=self.log, stderr=self.log, env={**os.environ, **(env or {})})
        for _ in range(200):
            if os.path.exists(address):
                self.address = open(address).read().strip()
                return
            time.sleep(0.05)
        raise SystemExit("FAIL: no server: " + open(f"{work}/server.log").read())

    def ask(self, method, path, value=None, token=None, timeout=20):
        request = urllib.request.Request(f"{self.address}/v1/{path}", method=method,
                                         data=None if value is None else json.dumps(value).encode())
        if token:
            request.add_header("X-Vault-Token", token)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else {}
        except urllib.error.HTTPError as e:
            return e.code, json.loads(e.read() or b"{}")

    def unseal(self):
        for key in made["keys"]:
            self.ask("PUT", "sys/unseal", {"key": key})

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait()


def killed_server():
    """kill -9 in the middle of writes: what was answered is there."""
    answered, stop = {}, False
    for life in range(3):
        server = Server(f"{work}/data")
        server.unseal()

        def write(name):
            n = answered.get(name, 0)
            while not stop:
                try:
                    status, _ = server.ask("PUT", f"secret/data/kill/{name}", {"data": {"n": n + 1}},
                                           made["root_token"], 5)
                except Exception:
                    return
                if status != 200:
                    return
                n += 1
                answered[name] = n

        threads = [threading.Thread(target=write, args=(f"w{i}",)) for i in range(6)]
        for thread in threads:
            thread.start()
        time.sleep(0.7)
        server.end(signal.SIGKILL)
        for thread in threads:
            thread.join()
        server = Server(f"{work}/data")
        server.unseal()
        for name, n in answered.items():
            status, value = server.ask("GET", f"secret/data/kill/{name}", token=made["root_token"])
            got = value["data"]["data"]["n"] if status == 200 else None
            if got not in (n, n + 1):
                fail(f"life {life}: {name} was answered {n}, and is {got}")
            else:
                answered[name] = got
        server.end()
    for line in open(f"{work}/data/audit.jsonl"):
        json.loads(line)
    print(f"killed server: {sum(answered.values())} answered writes in 3 lives")


def run(place, *args, **extra):
    env = {**os.environ, **extra}
    env.pop("VAULT_ADDR", None)
    return subprocess.run([prov, "-w", place, *args], env=env, capture_output=True, text=True, timeout=120)


def processes():
    """Processes that use the vault of a workspace at once take turns, and lose nothing."""
    place = f"{work}/together"
    run(f"{work}", "workspace", "new", place)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda i: run(place, "vault", "kv", "put", "secret/x", f"n={i}", "-o", "json"), range(24)))
    wrong = [r.stderr for r in results if r.returncode != 0]
    versions = sorted(json.loads(r.stdout)["version"] for r in results if r.returncode == 0)
    if wrong or versions != list(range(1, 25)):
        fail(f"together: {wrong[:1]} {versions}")
    server = subprocess.Popen([prov, "-w", place, "serve", "vault", "--embedded", "--listen", "127.0.0.1:0"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        if os.path.exists(f"{place}/.prov/vault/server"):
            break
        time.sleep(0.05)
    refused = run(place, "vault", "kv", "get", "secret/x")
    if refused.returncode != 6 or "a server has the vault" not in refused.stderr:
        fail(f"beside a server: {refused.returncode} {refused.stderr}")
    server.send_signal(signal.SIGKILL)
    server.wait()
    after = run(place, "vault", "kv", "get", "secret/x", "--field", "n")
    if after.returncode != 0:
        fail(f"after a server that was killed: {after.stderr}")
    print("together: 24 writes of 8 processes, and beside a server")


# name -> the command, and what reads afterwards (before or after it)
KILLED = {
    "init": (["vault", "kv", "put", "secret/new", "a=1"], None),
    "rotate": (["vault", "rotate"], "one"),
    "put": (["vault", "kv", "put", "secret/db", "v=two"], "one two"),
    "rekey": (["state", "rekey", "--yes"], "one"),
    "custody": (["vault", "custody", f"local:{work}/ring"], "one"),
}


def instant(name, base, at, when):
    command, wanted = KILLED[name]
    place = f"{work}/{name}-{at}-{when}"
    shutil.copytree(base, place)
    killed = run(place, *command, LD_PRELOAD=shim, KILL_DIRS=f"{place}/.prov", KILL_AT=str(at), KILL_WHEN=when)
    if killed.returncode != -9:
        return f"{place}: was not killed: {killed.stderr}"
    if wanted:
        got = run(place, "vault", "kv", "get", "secret/db", "--field", "v")
        if got.returncode != 0 or got.stdout.strip() not in wanted.split():
            return f"{name} killed {when} call {at} ({place}): {got.stdout} {got.stderr}"
    again = run(place, *command)
    if again.returncode != 0:
        return f"{name} killed {when} call {at} ({place}): again: {again.stderr}"
    for line in open(f"{place}/.prov/vault/audit.jsonl"):
        json.loads(line)
    shutil.rmtree(place)


def killpoints():
    fresh, full = f"{work}/fresh", f"{work}/full"
    run(work, "kms", "create", f"{work}/ring")
    for place in (fresh, full):
        run(work, "workspace", "new", place)
    done = run(full, "vault", "kv", "put", "secret/db", "v=one")
    assert done.returncode == 0, done.stderr
    run(full, "vault", "rotate")
    for name, (command, wanted) in KILLED.items():
        base, place = full if wanted else fresh, f"{work}/{name}-count"
        shutil.copytree(base, place)
        done = run(place, *command, LD_PRELOAD=shim, KILL_DIRS=f"{place}/.prov", KILL_AT="0", KILL_WHEN="before",
                   KILL_COUNT=f"{work}/{name}.n")
        assert done.returncode == 0, done.stderr
        total = int(open(f"{work}/{name}.n").read())
        jobs = [(at, when) for at in range(1, total + 1) for when in ("before", "after")]
        with ThreadPoolExecutor(2) as pool:
            wrong = [text for text in pool.map(lambda job: instant(name, base, *job), jobs) if text]
        print(f"killed {name}: {len(jobs)} instants of {total} calls; {len(wrong)} wrong", flush=True)
        for text in wrong[:3]:
            fail(text)


def full_disk():
    """A disk that is full refuses requests; each one that was answered is in the audit."""
    folder = f"{work}/small"
    os.mkdir(folder)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True).returncode != 0:
        print("SKIP: no tmpfs can be mounted: the full disk of the audit")
        return
    try:
        server = Server(f"{work}/data")
        server.unseal()
        root = made["root_token"]
        server.ask("PUT", "sys/audit/small", {"type": "file", "options": {"file_path": f"{folder}/a.jsonl"}}, root)
        server.ask("DELETE", "sys/audit/file", token=root)
        answered = 0
        for n in range(400):
            status, value = server.ask("PUT", f"secret/data/full/{n}", {"data": {"text": "x" * 100}}, root)
            if status != 200:
                break
            answered += 1
        if status != 503 or "audit" not in value["errors"][0]:
            fail(f"full disk: {status} {value}")
        lines = [json.loads(line) for line in open(f"{folder}/a.jsonl")]
        there = {x["request"]["path"] for x in lines if x["type"] == "response"}
        missing = [n for n in range(answered) if f"secret/data/full/{n}" not in there]
        if missing:
            fail(f"full disk: answered and not in the audit: {missing}")
        shutil.move(f"{folder}/a.jsonl", f"{work}/moved.jsonl")
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        status, value = server.ask("PUT", "secret/data/full/after", {"data": {"a": "b"}}, root)
        if status != 200 or not os.path.exists(f"{folder}/a.jsonl"):
            fail(f"after SIGHUP: {status} {value}")
        server.end()
        print(f"full disk: {answered} answered requests, all of them recorded; then refused; goes on after SIGHUP")
    finally:
        subprocess.run(["umount", "-l", folder])


killed_server()
processes()
if shim != "-":
    killpoints()
else:
    print("SKIP: no C compiler for the library that kills")
full_disk()
sys.exit(1 if failures else 0)
