"""What the orchestrator promises, one case after the other, each with an orchestrator of its own where it matters.

usage: orchestrator_cases.py PROV WORK

Prints FAIL lines and one line per case that was left out (SKIP); exit code 1 when something failed."""

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time

from orchestrator_server import Server, check, prov, run, until, work, workspace

SLOW = "defaults: { provider: demo }\nproviders: { demo: { delay: %s } }\nitems: { a: {} }\n"


def face():
    server = Server("face")
    for path in ("/health", "/ready", "/metrics", "/openapi.json"):
        check(server.ask("GET", path, token=False)[0] == 200, f"{path} wants a token")
    for token in (False, "x" * 64, server.token[:-1], server.token + "0"):
        status, problem, headers = server.ask("GET", "/v1/version", token=token)
        check(status == 401 and problem["code"] == "auth" and "Bearer" in headers["WWW-Authenticate"],
              f"token {token}: {status}")
    check(server.ask("GET", "/v1/version")[0] == 200, "the token is refused")
    check(server.ask("PATCH", "/v1/jobs")[0] == 405, "PATCH /v1/jobs")
    check(server.ask("GET", "/v1/nothing")[0] == 404, "a path that is not there")
    status, problem, _ = server.ask("POST", "/v1/jobs", {"operation": "aply"})
    check("did you mean" in problem.get("hint", ""), f"no suggestion: {problem}")
    tag = server.ask("GET", "/v1/version")[2]["ETag"]
    check(server.ask("GET", "/v1/version", If_None_Match=tag)[0] == 304, "an entity tag that is known")
    check(os.stat(os.path.join(server.data, "token")).st_mode & 0o77 == 0, "others can read the token")
    second = subprocess.run([prov, "serve", "--listen", "127.0.0.1:0", "--data", server.data], capture_output=True,
                            text=True, timeout=20)
    check(second.returncode == 6 and "another orchestrator" in second.stderr, f"a second one: {second.stderr}")
    far = subprocess.run([prov, "serve", "--listen", "0.0.0.0:0", "--data", server.data + "2"], capture_output=True,
                         text=True, timeout=20)
    check(far.returncode == 2 and "TLS" in far.stderr, f"all addresses without TLS: {far.stderr}")
    page, cursor = [], ""
    ids = [server.submit("version") for _ in range(5)]
    while cursor is not None:
        _, jobs, headers = server.ask("GET", "/v1/jobs?limit=2" + cursor)
        page += [job["id"] for job in jobs]
        link = headers.get("Link")
        cursor = "&" + link.split("?")[1].split(">")[0].split("&")[-1] if link else None
    check(page == sorted(ids, reverse=True), f"pages: {page} of {ids}")
    promtool = os.environ.get("PROMTOOL")
    if promtool:
        text = server.ask("GET", "/metrics", token=False)[1]
        judged = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
        check(judged.returncode == 0, f"promtool: {judged.stdout}{judged.stderr}")
    else:
        print("SKIP: no promtool")
    check(server.stop() == 0, "SIGTERM")


def order():
    server = Server("order")
    slow = workspace("slow", SLOW % "400ms")
    first = server.submit("apply", workspace=slow)
    ids = {priority: server.submit("refresh", workspace=slow, priority=priority) for priority in (-1, 5, 0, 9)}
    other = server.ended(server.submit("version"))
    check(other["state"] == "done" and server.job(first)["state"] == "running", "another job waits for a workspace")
    jobs = [server.ended(id) for id in [first, *ids.values()]]
    check(all(job["state"] == "done" for job in jobs), f"states: {[job['state'] for job in jobs]}")
    began = sorted(ids, key=lambda priority: server.job(ids[priority])["started"])
    check(began == [9, 5, 0, -1], f"order of priorities: {began}")
    spans = sorted((job["started"], job["ended"]) for job in jobs)
    check(all(a[1] <= b[0] for a, b in zip(spans, spans[1:])), f"two at once in a workspace: {spans}")
    # The same key while one has not ended, and the same request any time.
    one = server.submit("wait", {"duration": 1}, key="k")
    check(server.submit("wait", {"duration": 1}, key="k") == one, "a second job with one key")
    server.ended(one)
    check(server.submit("wait", {"duration": 0}, key="k") != one, "a key that is free again")
    made = []
    threads = [threading.Thread(target=lambda: made.append(server.ask(
        "POST", "/v1/jobs", {"operation": "version"}, Idempotency_Key="same")[1]["id"])) for _ in range(20)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    check(len(made) == 20 and len(set(made)) == 1, f"20 requests with one Idempotency-Key: {made}")
    status = server.ask("POST", "/v1/jobs", {"operation": "doctor"}, Idempotency_Key="same")[0]
    check(status == 422, f"another request with that key: {status}")
    check(server.stop() == 0, "SIGTERM")


def ends():
    server = Server("ends")
    check(server.ask("GET", "/v1/jobs/last")[0] == 404, "no job yet")
    check('prov_jobs_ended_total{state="dead"} 0' in server.ask("GET", "/metrics")[1], "figures are there from the start")
    late = server.ended(server.submit("wait", {"duration": 60}, timeout=0.2))
    check(late["state"] == "failed" and late["errors"][0]["code"] == "timeout", f"a timeout: {late}")
    check(late["reason"] == late["errors"][0]["msg"], f"why it failed: {late}")
    check(server.job("last")["id"] == late["id"], "the newest job")
    check(server.job(server.submit("version", timeout="1m"))["timeout"] == 60, "a duration with its unit")
    waiting = server.submit("version", delay=60)
    check(server.ask("POST", f"/v1/jobs/{waiting}/cancel")[1]["state"] == "canceled", "cancel what waits")
    check(server.ask("POST", f"/v1/jobs/{waiting}/cancel")[0] == 409, "cancel it twice")
    running = server.submit("wait", {"duration": 60})
    until(lambda: server.job(running)["state"] == "running")
    server.ask("POST", f"/v1/jobs/{running}/cancel", {"now": True})
    check(server.ended(running)["state"] == "canceled", "cancel what runs")
    check(server.ask("POST", f"/v1/jobs/{waiting}/retry")[0] == 200, "retry")
    check(server.ended(waiting)["state"] == "done", "what was cancelled is run after all")
    # A workspace that somebody else holds: a passing reason.
    held = workspace("held", SLOW % "2s")
    shell = subprocess.Popen([prov, "-w", held, "apply", "--yes"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    gives_up = server.submit("apply", workspace=held)
    patient = server.submit("apply", workspace=held, max_attempts=10)
    check(server.ended(gives_up)["errors"][0]["code"] == "locked", "a workspace in use")
    patient = server.ended(patient)
    check(patient["state"] == "done" and patient["attempts"] > 1, f"tried again: {patient['state']} {patient['attempts']}")
    shell.wait()
    # A job that takes its worker with it.
    poison = server.submit("wait", {"duration": 60})
    for _ in range(3):
        until(lambda: server.job(poison)["state"] == "running" and server.workers())
        time.sleep(0.2)
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        until(lambda: server.job(poison)["state"] != "running", 2)
    dead = server.ended(poison)
    check(dead["state"] == "dead" and "interrupted 3 times" in dead["reason"], f"a poisonous job: {dead}")
    check([job["id"] for job in server.ask("GET", "/v1/jobs?state=dead")[1]] == [poison], "the dead letters")
    check(server.ended(server.submit("version"))["state"] == "done", "and the next job")
    check(server.stop() == 0, "SIGTERM")


def read_events(server, path, count, **headers):
    connection = http.client.HTTPConnection(server.address[7:], timeout=20)
    connection.request("GET", path, headers={"Authorization": "Bearer " + server.token,
                                             **{name.replace("_", "-"): value for name, value in headers.items()}})
    answer, events, event = connection.getresponse(), [], {}
    while len(events) < count:
        line = answer.fp.readline().decode()
        if line == "" or line.startswith("0\r"):
            break
        name, _, value = line.strip().partition(": ")
        if name in ("id", "event", "data"):
            event[name] = value
        elif not line.strip() and "data" in event:
            events.append(event)
            event = {}
    connection.close()
    return events


def events():
    server = Server("events")
    many = workspace("many", "defaults: { provider: demo }\nitems: { a: { }, b: { }, c: { } }\n")
    job = server.submit("apply", workspace=many)
    server.ended(job)
    told = read_events(server, f"/v1/jobs/{job}/events", 1000)
    kinds = [event["event"] for event in told]
    check(kinds[-1] == "ended" and kinds.count("done") == 3 and "begin" in kinds, f"events: {kinds}")
    rest = read_events(server, f"/v1/jobs/{job}/events", 1000, Last_Event_ID=told[4]["id"])
    check(rest == told[5:], f"resumed: {rest}")
    lines = server.ask("GET", f"/v1/jobs/{job}/logs")[1]
    check(len(lines) == len(told) - 1, f"logs: {len(lines)} of {len(told)}")
    threading.Timer(0.3, lambda: server.submit("version")).start()
    feed = read_events(server, "/v1/events", 3)
    check([json.loads(event["data"])["state"] for event in feed] == ["waiting", "running", "done"], f"feed: {feed}")
    again = read_events(server, "/v1/events", 2, Last_Event_ID=feed[0]["id"])
    check(again == feed[1:], f"feed resumed: {again}")
    gone = read_events(server, "/v1/events", 1, Last_Event_ID="00000000-7")
    check(gone[0]["event"] == "reset", f"an id of another life: {gone}")
    check(server.stop() == 0, "SIGTERM")


def time_and_restarts():
    server = Server("time", "--drain", "1s")
    status, made, headers = server.ask("PUT", "/v1/schedules/tick", {"cron": "every 1s", "operation": "version"})
    check(status == 200 and headers["ETag"] == '"1"', f"a schedule: {status} {made}")
    check(server.ask("PUT", "/v1/schedules/tick", {"cron": "every 1s", "operation": "version"}, If_Match='"7"')[0] == 412,
          "a stale entity tag")
    server.ask("PUT", "/v1/schedules/all", {"cron": "every 1s", "operation": "doctor", "missed": "all"})
    server.ask("PUT", "/v1/schedules/never", {"cron": "* * * * *", "operation": "validate", "paused": True})
    check(server.ask("PUT", "/v1/schedules/bad", {"cron": "61 * * * *", "operation": "version"})[0] == 422, "a bad time")
    delayed = server.submit("version", delay=4)
    time.sleep(2.5)
    ticks = len(server.ask("GET", "/v1/jobs?operation=version")[1])
    check(ticks in (3, 4), f"{ticks} jobs of a schedule in 2.5 s, and one that is delayed")
    long, unknown = server.submit("wait", {"duration": 3}), server.submit("workspace new", {"dir": work + "/made"})
    server.ended(unknown)
    until(lambda: server.job(long)["state"] == "running")
    check(server.stop() == 0, "SIGTERM with a job that takes too long")
    check("interrupted" in open(server.log).read(), "nothing is said of the interrupted job")
    before = len(os.listdir(work))
    time.sleep(3)
    server.start()
    check(server.ended(delayed)["state"] == "done", "a delayed job over a restart")
    check(server.ended(long)["state"] == "done", "an interrupted job goes on")
    made_up = len(server.ask("GET", "/v1/jobs?operation=doctor")[1])
    check(made_up >= 5, f"{made_up} jobs of a schedule that makes up for all")
    check(len(os.listdir(work)) == before, "something else was made")
    # It ends in order: what runs is waited for, what comes is refused.
    running = server.submit("wait", {"duration": 0.8})
    until(lambda: server.job(running)["state"] == "running")
    server.process.send_signal(signal.SIGTERM)
    status = until(lambda: (lambda s: s if s in (503, 0) else None)(server.ask("POST", "/v1/jobs",
                                                                               {"operation": "version"})[0]))
    check(status == 503, f"a job while it ends: {status}")
    check(server.process.wait(20) == 0, "SIGTERM")
    server.start()
    check(server.job(running)["state"] == "done", "what ran at the end is done")
    check(server.ask("DELETE", "/v1/schedules/tick")[0] == 200, "delete a schedule")
    server.process.kill()
    server.process.wait()
    server.start()
    names = [one["name"] for one in server.ask("GET", "/v1/schedules")[1]]
    check(names == ["all", "never"], f"schedules after a kill: {names}")
    server.submit("wait", {"duration": 30})
    time.sleep(0.3)
    began = time.time()
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    server.process.send_signal(signal.SIGTERM)
    check(server.process.wait(20) == 0 and time.time() - began < 5, "a second SIGTERM hurries")


def many_restarts():
    server = Server("restarts", "--drain", "0.1s")
    slow = workspace("restarted", "items: { a: {}, b: { value: '${item.a}' } }\ndefaults: { provider: demo }\n"
                     "providers: { demo: { delay: 2s, world: world } }\n")
    late = server.ended(server.submit("apply", workspace=slow, timeout=0.5))
    check(late["state"] == "failed" and late["errors"][0]["code"] == "timeout", f"a timeout of an apply: {late}")
    apply = server.submit("apply", workspace=slow)
    long = server.submit("wait", {"duration": 60})
    for _ in range(4):
        until(lambda: server.job(long)["state"] == "running" and server.job(apply)["state"] != "waiting")
        check(server.stop() == 0, "SIGTERM")
        server.start()
    check(server.job(long)["state"] in ("waiting", "running"), f"restarts in order are no deaths: {server.job(long)}")
    done = server.ended(apply)
    check(done["state"] == "done" and done["attempts"] > 1, f"an interrupted apply goes on: {done}")
    check(len(os.listdir(os.path.join(slow, "world", "calls"))) == 2, "something was made twice")
    check(server.stop() == 0, "SIGTERM")


def ways_in():
    server = Server("socket", "--socket", os.path.join(work, "s"))
    check(server.ask("GET", "/v1/version", token=False)[0] == 200, "the same user over the Unix socket")
    check(os.stat(os.path.join(work, "s")).st_mode & 0o77 == 0, "others can use the socket")
    server.stop()
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                           "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", work + "/key.pem", "-out",
                           work + "/cert.pem"], capture_output=True)
    if made.returncode == 0:
        server = Server("tls", "--cert", work + "/cert.pem", "--key", work + "/key.pem")
        check(server.address.startswith("https:") and server.ask("GET", "/v1/version")[0] == 200, "TLS")
        for ca, code, text in ((None, 5, "PROV_CA"), (work + "/cert.pem", 0, ""), (work + "/key.pem", 5, "PROV_CA")):
            env = {**os.environ, "PROV_TOKEN": server.token, "PROV_CA": ca or ""}
            said = subprocess.run([prov, "--remote", server.address, "version"], env=env, capture_output=True, text=True)
            check(said.returncode == code and text in said.stderr, f"TLS with {ca}: {said.returncode} {said.stderr}")
        server.stop()
    else:
        print("SKIP: no openssl to make a certificate")
    # systemd's way: the socket is there before, and it is told when we are ready.
    listener, notify = socket.socket(), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    notify.bind(os.path.join(work, "notify"))
    notify.settimeout(20)
    child = os.fork()
    if child == 0:
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)
        os.execve(prov, [prov, "serve", "--data", work + "/activated"],
                  {**os.environ, "LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid()), "NOTIFY_SOCKET": work + "/notify",
                   "WATCHDOG_USEC": "200000"})
    said = notify.recv(1000)
    check(said.startswith(b"READY=1"), f"the service manager hears {said}")
    check(notify.recv(1000) == b"WATCHDOG=1", "no watchdog")
    connection = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=10)
    connection.request("GET", "/health")
    check(connection.getresponse().status == 200, "a socket that was handed over")
    connection.close()
    os.kill(child, signal.SIGTERM)
    heard = b""
    while heard != b"STOPPING=1":
        heard = notify.recv(1000)
        if heard not in (b"WATCHDOG=1", b"STOPPING=1"):
            check(False, f"the service manager hears {heard}")
    check(os.waitpid(child, 0)[1] == 0, "SIGTERM")


run((face, order, ends, events, time_and_restarts, many_restarts, ways_in))
