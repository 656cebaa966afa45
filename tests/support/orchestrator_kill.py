"""Kills the orchestrator, its workers, or all of them, over and over while jobs come in, and then counts: every job
that was taken has an end, none was lost, none ran twice.

usage: orchestrator_kill.py PROV SECONDS SEED

The jobs make workspaces in folders of their own ('workspace new', which is not repeated after an interruption, and
fails when the folder is one already: a second run would show). The client repeats a submission with its
Idempotency-Key until it is answered. Prints "jobs=N done=N dead=N kills=N wrong=N"; exit code 1 when one is wrong."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

prov, seconds, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
random.seed(seed)
work = os.environ["WORK"]
data = os.path.join(work, "data")
port = int(os.environ["PORT"])
url = f"http://127.0.0.1:{port}"
wrong = []


def start():
    log = open(os.path.join(work, "serve.log"), "ab")
    process = subprocess.Popen([prov, "serve", "--listen", f"127.0.0.1:{port}", "--workers", "2", "--data", data],
                               stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    deadline = time.time() + 30
    while time.time() < deadline:
        try:
            with urllib.request.urlopen(url + "/ready", timeout=2) as answer:
                if answer.status == 200:
                    return process
        except OSError:
            pass
        if process.poll() is not None:
            wrong.append(f"the orchestrator ended with {process.returncode} at its start")
            return process
        time.sleep(0.01)
    wrong.append("the orchestrator is not ready after 30 s")
    return process


def token():
    with open(os.path.join(data, "token")) as file:
        return file.read().strip()


def ask(method, path, body=None, headers=None):
    """One request; None when nobody answers."""
    request = urllib.request.Request(url + path, method=method)
    request.add_header("Authorization", "Bearer " + token())
    for name, value in (headers or {}).items():
        request.add_header(name, value)
    if body is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code in (503,):
            return None
        wrong.append(f"{method} {path}: {error.code} {error.read()[:300]!r}")
        return {}
    except OSError:
        return None


def workers():
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if b"worker" in words and data.encode() in words:
                found.append(int(name))
    return found


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass


server = start()
began, kills, count = time.time(), 0, 0
jobs = {}  # name -> id
while time.time() - began < seconds and not wrong:
    what = random.choice(("orchestrator", "orchestrator", "worker", "all"))

    def strike(what=what):
        """In the midst of the submissions: some are taken and never answered."""
        found = workers()
        if what == "worker":
            if found:
                kill(random.choice(found))
            return
        kill(server.pid)
        for pid in found if what == "all" else []:
            kill(pid)

    striker = threading.Timer(random.random() * 0.06, strike)
    striker.start()
    for _ in range(random.randint(1, 40)):
        count += 1
        name = f"w{count}"
        body = {"operation": "workspace new", "params": {"dir": os.path.join(work, "out", name)},
                "priority": random.randint(-5, 5)}
        if random.random() < 0.2:
            body["delay"] = random.random()
        answer = ask("POST", "/v1/jobs", body, {"Idempotency-Key": name})
        jobs[name] = (body, answer.get("id") if answer else None)
    striker.join()
    if what != "worker":
        server.wait()
        if random.random() < 0.2:  # killed again while it starts
            server = subprocess.Popen([prov, "serve", "--listen", f"127.0.0.1:{port}", "--workers", "2", "--data", data],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
            time.sleep(random.random() * 0.2)
            kill(server.pid)
            server.wait()
            kills += 1
        server = start()
    kills += 1
    for name, (body, known) in list(jobs.items()):  # those that were not answered are asked for again
        if known is None:
            answer = ask("POST", "/v1/jobs", body, {"Idempotency-Key": name})
            if answer:
                jobs[name] = (body, answer.get("id"))

for name, (body, known) in list(jobs.items()):
    while known is None and not wrong:
        answer = ask("POST", "/v1/jobs", body, {"Idempotency-Key": name})
        known = answer.get("id") if answer else None
    jobs[name] = (body, known)

ends = {}
deadline = time.time() + 60
for name, (body, known) in jobs.items():
    while not wrong:
        job = ask("GET", "/v1/jobs/" + known)
        if job and job.get("state") in ("done", "failed", "dead", "canceled"):
            ends[name] = job
            break
        if time.time() > deadline:
            wrong.append(f"job {known} of {name} is {job and job.get('state')} after all")
            break
        time.sleep(0.02)
done = dead = 0
ids = set()
for name, job in ends.items():
    if job["id"] in ids:
        wrong.append(f"{name} has the job of another one")
    ids.add(job["id"])
    there = os.path.exists(os.path.join(work, "out", name, "prov.yaml"))
    if job["state"] == "done":
        done += 1
        if not there:
            wrong.append(f"{name} is done, but nothing is there")
    elif job["state"] == "dead":
        dead += 1
        if "not known" not in job.get("reason", ""):
            wrong.append(f"{name} is dead for another reason: {job}")
    else:
        wrong.append(f"{name} is {job['state']}: {job.get('errors')}")
server.send_signal(signal.SIGTERM)
if server.wait(timeout=60) != 0:
    wrong.append(f"the orchestrator ends with {server.returncode}")
time.sleep(0.2)
if workers():
    wrong.append(f"workers are left: {workers()}")
    for pid in workers():
        kill(pid)
for text in wrong[:20]:
    print("WRONG:", text)
print(f"jobs={len(jobs)} done={done} dead={dead} kills={kills} wrong={len(wrong)}")
sys.exit(1 if wrong else 0)
