"""What hurts an orchestrator: workers that hang or eat memory, a full disk, clients that do not read or do not speak.

usage: orchestrator_limits.py PROV WORK

Prints FAIL lines, SKIP for what was left out; exit code 1 when something failed."""

import concurrent.futures
import os
import signal
import socket
import subprocess
import time

from orchestrator_server import Server, check, run, until, work, workspace

PROVIDER = """return { kind = "provider", api = 1, name = "bad", summary = "Harms its worker",
  config = { how = { type = "enum", one_of = { "loop", "eat" }, required = true, doc = "How" } },
  resources = { thing = { body = "thing", schema = {}, outputs = { id = { type = "string" } } } } }
"""
BODY = """local M = {}
function M.read() end
function M.find() end
function M.delete() return true end
function M.create(ctx)
  local kept = {}
  while true do
    if ctx.config.how == "eat" then
      kept[#kept + 1] = ("x"):rep(1000) .. #kept
    end
  end
end
return M
"""


def bad_workspace(name, how):
    return workspace(name, f"providers: {{ bad: {{ how: {how} }} }}\ndefaults: {{ provider: bad }}\nthings: {{ a: {{}} }}\n")


def workers_that_harm():
    folder = os.path.join(work, "extensions", "providers", "bad")
    os.makedirs(folder)
    for name, text in (("provider.lua", PROVIDER), ("thing.lua", BODY)):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    server = Server("harm", "--silence", "3s", "--memory", "200MiB", env={"PROV_PATH": os.path.join(work, "extensions")})
    for how, why in (("loop", "did not answer"), ("eat", "memory")):
        job = server.submit("apply", workspace=bad_workspace(how, how))
        until(lambda: server.job(job)["state"] == "running")
        # The other worker goes on.
        others = [server.submit("version") for _ in range(10)]
        check(sum(server.ended(id)["state"] == "done" for id in others) >= 5, f"{how}: nothing else is done")
        dead = server.ended(job, 60)
        check(dead["state"] == "dead" and why in dead["reason"] and dead["attempts"] == 3, f"{how}: {dead}")
        check(all(server.ended(id)["state"] == "done" for id in others), f"{how}: other jobs are lost")
    # A timeout that nobody heeds: the worker is killed, the job not run again.
    job = server.submit("apply", workspace=bad_workspace("deaf", "loop"), timeout=0.3)
    failed = server.ended(job, 40)
    check(failed["state"] in ("failed", "dead") and failed["attempts"] <= 3, f"a deaf job: {failed}")
    check(server.ended(server.submit("version"))["state"] == "done", "the next job")
    check(until(lambda: len(server.workers()) == 2, 5), f"workers: {server.workers()}")
    server.stop()


def stopped_for_a_while():
    """An orchestrator that was stopped (a debugger, a machine that stood still) blames no worker for it."""
    server = Server("stopped", "--silence", "2s")
    job = server.submit("wait", {"duration": 6})
    until(lambda: server.job(job)["state"] == "running")
    before = server.workers()
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(4)
    server.process.send_signal(signal.SIGCONT)
    done = server.ended(job)
    check(done["state"] == "done" and done["attempts"] == 1, f"after a stop: {done}")
    check(server.workers() == before, "workers were replaced")
    check(server.stop() == 0, "SIGTERM")


def full_disk():
    """In a mount namespace of its own, as `unshare -m` makes it: see orchestrator-limits.sh."""
    if os.environ.get("OWN_MOUNTS") != "yes":
        print("SKIP: no mount namespace for a small disk")
        return
    data = os.path.join(work, "small")
    os.mkdir(data)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "prov-test", data], check=True)
    server = Server("small", "--drain", "5s")
    before = [server.submit("wait", {"duration": 1.5}) for _ in range(5)]
    delayed = server.submit("version", delay=2)
    until(lambda: all(server.job(id)["state"] == "running" for id in before))
    with open(os.path.join(data, "ballast"), "wb") as file:
        try:
            while True:
                file.write(b"\0" * 65536)
                file.flush()
        except OSError:
            pass
    taken, answers = [], set()
    deadline = time.time() + 20
    while time.time() < deadline and 503 not in answers:
        status, value, headers = server.ask("POST", "/v1/jobs", {"operation": "version", "params": {}, "key": "k" * 150 + str(len(taken))})
        answers.add(status)
        if status == 202:
            taken.append(value["id"])
        else:
            check(status == 503 and headers.get("Retry-After"), f"on a full disk: {status} {value}")
    check(503 in answers, f"the disk does not get full: {len(taken)} jobs")
    time.sleep(3)
    status, value, _ = server.ask("GET", "/ready")
    check(status in (200, 503), f"/ready: {status}")
    check(server.ask("GET", "/health")[0] == 200, "/health on a full disk")
    os.truncate(os.path.join(data, "ballast"), 0)
    for id in before + [delayed] + taken:
        job = server.ended(id)
        check(job.get("state") == "done", f"after the disk has room again: {job}")
    check(until(lambda: server.ask("GET", "/ready")[0] == 200, 5), "it is not ready again")
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    server.start()
    for id in before + [delayed] + taken:
        check(server.job(id).get("state") == "done", f"lost by a full disk: {server.job(id)}")
    server.stop()
    subprocess.run(["umount", data], check=False)


def resident(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


def connect(server, source="127.0.0.1"):
    host, port = server.address[7:].split(":")
    return socket.create_connection((host, int(port)), 20, (source, 0))


def clients():
    server = Server("clients")
    head = f"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n\r\n".encode()
    deaf = connect(server)  # follows everything and never reads
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.sendall(head)
    began = resident(server.process.pid)
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(lambda _: server.submit("version"), range(3000)))
    check(server.ended(ids[-1])["state"] == "done", "a client that never reads stops the others")
    grown = resident(server.process.pid) - began
    check(grown < 64 << 20, f"a client that never reads costs {grown >> 20} MiB")
    deaf.close()
    # Many at once; some stay silent, some speak very slowly.
    many = []
    for i in range(1000):
        one = connect(server, f"127.0.0.{2 + i % 5}")  # one address has 256 at most
        one.sendall(head if i % 2 else b"GET /health HTTP/1.1\r\nHo")
        many.append(one)
    for _ in range(20):
        began = time.time()
        check(server.ask("GET", "/v1/version")[0] == 200 and time.time() - began < 2, "slow with 1,000 connections")
    job = server.submit("version")
    heard = 0
    for one in many[1::2]:
        one.settimeout(10)
        text = b""
        try:
            while job.encode() not in text:
                more = one.recv(65536)
                if not more:
                    break
                text += more
        except OSError:
            pass
        heard += job.encode() in text
    check(heard == 500, f"{heard} of 500 heard of a job")
    for one in many:
        one.close()
    gone = until(lambda: [line for line in server.ask("GET", "/metrics")[1].split("\n")
                          if line.startswith("prov_http_connections ") and float(line.split()[1]) <= 3])
    check(gone, "connections are kept that are closed")
    many = server.ask("POST", "/v1/jobs", {"operation": "version"}, Idempotency_Key="x" * 1000)
    check(many[0] == 400, f"a long Idempotency-Key: {many[0]} {many[1]}")
    check(server.ask("GET", "/ready")[0] == 200, "a bad request makes it unready")
    server.stop()


def races():
    """Two at once who change the same job."""
    server = Server("races")
    held = server.submit("apply", workspace=workspace("held", "defaults: { provider: demo }\n"
                                                              "providers: { demo: { delay: 3s } }\nitems: { a: {} }\n"))
    until(lambda: server.job(held)["state"] == "running")
    threads = concurrent.futures.ThreadPoolExecutor(16)

    def at_once(path, count=8):
        return sorted(threads.map(lambda _: server.ask("POST", path)[0], range(count)))

    for _ in range(10):
        job = server.submit("refresh", workspace=os.path.join(work, "held"))
        check(at_once(f"/v1/jobs/{job}/cancel") == [200] + [409] * 7, "cancelled twice")
        check(at_once(f"/v1/jobs/{job}/retry") == [200] + [409] * 7, "run again twice")
        server.ask("POST", f"/v1/jobs/{job}/cancel")
    for i in range(20):  # cancelled when its time comes
        job = server.submit("version", delay=0.05)
        time.sleep(0.04 + i * 0.001)
        status, value, _ = server.ask("POST", f"/v1/jobs/{job}/cancel")
        end = server.ended(job)
        check(status == 409 and end["state"] == "done" or status == 200 and end["state"] in ("canceled", "done"),
              f"cancelled at its time: {status} {end}")
        check(value.get("state") != "canceled" or end["state"] == "canceled", f"cancelled, and {end['state']} all the same")
    # A key is that of one job that has not ended.
    failed = server.ended(server.submit("wait", {"duration": 60}, timeout=0.01, key="one"))
    other = server.submit("wait", {"duration": 1}, key="one")
    check(server.ask("POST", f"/v1/jobs/{failed['id']}/retry")[0] == 409, "two jobs with one key by retry")
    server.ended(other)
    check(server.ask("POST", f"/v1/jobs/{failed['id']}/retry")[0] == 200, "retry with a free key")
    server.ended(failed["id"])
    queue = server.ask("GET", "/v1/queue")[1]
    check(server.ended(held)["state"] == "done" and queue["waiting"] == 0 and queue["delayed"] == 0, f"counts: {queue}")
    server.stop()


run((workers_that_harm, stopped_for_a_while, full_disk, clients, races))
