"""The orchestrator and the engine under a clock that is set: back, forward, to 1970 and to 2040, while they run and
between two lives of theirs; and processes that stand still for a while. Only the wall's clock is faked (libfaketime):
what the kernel counts goes on.

usage: orchestrator_clock.py PROV WORK [CASE...]

FAKETIME_LIBRARY names libfaketime.so.1. Prints FAIL lines; exit code 1 when something failed."""

import atexit
import calendar
import json
import os
import signal
import subprocess
import sys
import threading
import time

from orchestrator_server import Server, check, prov, run, until, work, workspace

HOUR, DAY = 3600, 86400
LONG_AGO, FAR_AHEAD = calendar.timegm((1970, 1, 3, 0, 0, 0)), calendar.timegm((2040, 1, 1, 0, 0, 0))
WORLD = "defaults: { provider: demo }\nproviders: { demo: { delay: %s, world: world } }\nitems: { a: {} }\n"


def end_all():
    """Ends what a failed case left, and what libfaketime leaves of a process that was killed."""
    for process in Faked.processes:
        if process.poll() is None:
            process.kill()
            process.wait()
        for kind in ("faketime_shm", "sem.faketime_sem"):
            path = f"/dev/shm/{kind}_{process.pid}"
            if os.path.exists(path):
                os.unlink(path)


class Faked(Server):
    processes = []

    def start(self, wait=True):
        super().start(wait)
        self.processes.append(self.process)


class Clock:
    """The wall's clock of the processes that have its environment."""

    def __init__(self, name):
        self.file = os.path.join(work, name + ".clock")
        self.env = {"LD_PRELOAD": os.environ["FAKETIME_LIBRARY"], "FAKETIME_TIMESTAMP_FILE": self.file,
                    "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
        self.move(0)

    def move(self, seconds):
        """So far from the true time."""
        self.ahead = seconds
        with open(self.file + ".new", "w") as file:
            file.write(f"{seconds:+.3f}\n")
        os.rename(self.file + ".new", self.file)

    def set(self, moment):
        self.move(moment - time.time())

    def now(self):
        return time.time() + self.ahead


def seconds(stamp):
    """Seconds since 1970 of 2026-11-27T09:30:00.123Z."""
    return calendar.timegm(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S")) + float("0" + stamp[19:-1])


def made(folder):
    """What was made in the world of a workspace, each as often as it was made."""
    calls = os.path.join(work, folder, "world", "calls")
    return [name for name in os.listdir(calls) if name.startswith("create ")] if os.path.isdir(calls) else []


class Load:
    """Jobs of each kind, and what must have become of them whatever the clock did."""

    def __init__(self, server, name, delay=4, timeout=6):
        self.server, self.name, self.ids = server, name, []
        self.world = workspace(name + "-world", WORLD % "2500ms")
        self.began = time.time()
        self.running = self.add("wait", {"duration": 3})
        self.bounded = self.add("wait", {"duration": 120}, timeout=timeout)
        self.apply = self.add("apply", workspace=self.world)
        self.behind = [self.add("refresh", workspace=self.world) for _ in range(3)]
        self.delayed = self.add("workspace new", {"dir": f"{work}/{name}-delayed"}, delay=delay)
        self.far = self.add("version", delay=HOUR)
        self.keyed = self.add("version", delay=HOUR, key="one")
        self.once = server.ask("POST", "/v1/jobs", {"operation": "doctor"}, Idempotency_Key=name)[1]["id"]
        self.ids.append(self.once)
        self.delay, self.timeout = delay, timeout
        for id in (self.running, self.bounded, self.apply):
            check(until(lambda: server.job(id)["state"] == "running"), f"{name}: {id} does not begin")
        server.ended(self.once)

    def add(self, *arguments, **more):
        self.ids.append(self.server.submit(*arguments, **more))
        return self.ids[-1]

    def more(self, count=3):
        """Jobs that come after the clock was set."""
        self.behind += [self.add("workspace new", {"dir": f"{work}/{self.name}-{len(self.ids)}"}) for _ in range(count)]

    def judge_requests(self):
        again = self.server.ask("POST", "/v1/jobs", {"operation": "doctor"}, Idempotency_Key=self.name)[1]
        check(again["id"] == self.once, f"{self.name}: a request is answered with another job: {again}")
        check(self.server.submit("version", delay=HOUR, key="one") == self.keyed, f"{self.name}: a second job with one key")

    def judge(self, clock):
        server, name = self.server, self.name
        if time.time() < self.began + self.delay - 1:
            check(server.job(self.delayed)["state"] == "waiting", f"{name}: a delayed job runs early")
        if time.time() < self.began + self.timeout - 1:
            check(server.job(self.bounded)["state"] == "running", f"{name}: a job times out early")
        self.judge_requests()
        self.more()
        for id in [self.running, self.apply, self.delayed, *self.behind]:
            job = server.ended(id, 15)
            check(job["state"] == "done" and job["attempts"] == 1, f"{name}: {job}")
        took = time.time() - self.began
        check(took < self.timeout + 8, f"{name}: jobs need {took:.1f} s")
        bounded = server.ended(self.bounded, 15)
        check(bounded["state"] == "failed" and bounded["errors"][0]["code"] == "timeout", f"{name}: a timeout: {bounded}")
        took = time.time() - self.began
        check(took > self.timeout - 0.5, f"{name}: a timeout of {self.timeout} s after {took:.1f} s")
        check(len(made(name + "-world")) == 1, f"{name}: made {made(name + '-world')}")
        for id in (self.far, self.keyed):
            job = server.job(id)
            left = seconds(job["run_at"]) - clock.now() if job.get("run_at") else 0
            check(job["state"] == "waiting" and HOUR - 90 < left < HOUR + 5, f"{name}: {left:.0f} s left: {job}")
        check(self.ids == sorted(self.ids), f"{name}: ids {self.ids}")
        listed = [job["id"] for job in server.ask("GET", "/v1/jobs?limit=100")[1]]
        check(listed == self.ids[::-1], f"{name}: the list is {listed}, not {self.ids[::-1]}")
        queue = server.ask("GET", "/v1/queue")[1]
        check((queue["waiting"], queue["delayed"], queue["running"]) == (0, 2, 0), f"{name}: {queue}")


def jumps():
    """The clock is set while jobs wait, run and are delayed."""
    for name, where in (("back", -HOUR), ("forward", DAY), ("long-ago", LONG_AGO), ("far-ahead", FAR_AHEAD)):
        clock = Clock(name)
        server = Faked(name, "--keep", "1h", "--silence", "5s", env=clock.env)
        load = Load(server, name)
        workers = server.workers()
        if abs(where) <= DAY:
            clock.move(where)
        else:
            clock.set(where)
        # The lock of a workspace in which a job works is not given to others.
        other = subprocess.run([prov, "-w", load.world, "apply", "--yes"], capture_output=True, text=True,
                               env={**os.environ, **clock.env})
        check(other.returncode == 6 and "in use" in other.stderr, f"{name}: a lock is stolen: {other}")
        load.judge(clock)
        check(server.workers() == workers, f"{name}: workers {workers} became {server.workers()}")
        # What has ended is still there, also for the next one: it looks for what is old when it starts.
        server.process.kill()
        server.process.wait()
        server.start()
        check(until(lambda: len(server.workers()) == 2), "no workers")
        time.sleep(0.5)
        check(len(server.ask("GET", "/v1/jobs?limit=100")[1]) == len(load.ids), f"{name}: ended jobs are forgotten early")
        load.judge_requests()
        # The clock is right again.
        clock.move(0)
        for _ in range(3):
            load.add("version")
        check(all(server.ended(id)["state"] == "done" for id in load.ids[-3:]), f"{name}: nothing is done after it")
        run_at = server.job(load.far).get("run_at")
        left = seconds(run_at) - clock.now() if run_at else 0
        check(HOUR - 90 < left < HOUR + 5, f"{name}: {left:.0f} s left when the clock is right")
        check(load.ids == sorted(load.ids), f"{name}: ids {load.ids}")
        check(server.stop() == 0, f"{name}: SIGTERM")


def small_steps():
    """As a time server sets it."""
    clock = Clock("steps")
    server = Faked("steps", env=clock.env)
    server.ask("PUT", "/v1/schedules/tick", {"cron": "every 2s", "operation": "version", "overlap": "allow"})
    began, stop = clock.now(), threading.Event()

    def step():
        for i in range(1000):
            clock.move((0.4, -0.3, 0.9, -0.8, 0, 1.5)[i % 6])
            if stop.wait(0.15):
                return clock.move(0)

    thread = threading.Thread(target=step, daemon=True)
    thread.start()
    load = Load(server, "steps")
    load.judge = None  # the schedule's jobs are between
    ends = [server.ended(id) for id in (load.running, load.apply, load.delayed, *load.behind)]
    check(all(job["state"] == "done" and job["attempts"] == 1 for job in ends), f"small steps: {ends}")
    check(server.ended(load.bounded)["errors"][0]["code"] == "timeout", "small steps: a timeout")
    stop.set()
    thread.join()
    time.sleep(1.2)
    ticks = [job for job in server.ask("GET", "/v1/jobs?limit=100&operation=version")[1] if job.get("schedule")]
    due = clock.now() // 2 - began // 2
    check(due - 1 <= len(ticks) <= due + 1, f"small steps: {len(ticks)} jobs for {due} times")
    check(load.ids == sorted(load.ids), f"small steps: ids {load.ids}")
    server.stop()


def schedules():
    clock = Clock("schedules")
    noon = calendar.timegm((2026, 3, 10, 12, 0, 0))
    clock.set(noon - 2)
    server = Faked("schedules", env=clock.env)
    for name, cron, missed in (("noon", "0 12 * * *", "once"), ("minutes", "* * * * *", "once"),
                               ("skip", "0 */6 * * *", "skip"), ("all", "0 */6 * * *", "all")):
        status, value, _ = server.ask("PUT", "/v1/schedules/" + name, {"cron": cron, "operation": "version",
                                                                       "overlap": "allow", "missed": missed})
        check(status == 200, f"a schedule: {value}")

    def counts():
        found = [job.get("schedule") for job in server.ask("GET", "/v1/jobs?limit=1000")[1]]
        return {name: found.count(name) for name in ("noon", "minutes", "skip", "all")}

    def expect(text, wait=2.2, **wanted):
        until(lambda: counts() == wanted, 8)
        time.sleep(wait)  # nothing more comes
        check(counts() == wanted, f"{text}: {counts()}, not {wanted}")

    expect("at noon", noon=1, minutes=1, skip=1, all=1)
    clock.set(noon - 5)  # a small step back: the same times do not come again
    expect("after a small step back", 6, noon=1, minutes=1, skip=1, all=1)
    clock.set(noon - HOUR + 58)  # an hour back: what runs every minute goes on
    expect("an hour back", noon=1, minutes=2, skip=1, all=1)
    clock.set(noon - 1)  # noon comes again: what comes daily has had this one; 58 minutes were missed
    expect("noon again", noon=1, minutes=4, skip=1 + 1, all=1 + 1)
    clock.set(noon + DAY + 300)  # as after a day without power: 18:00, 0:00, 6:00 and 12:00 were missed
    expect("a day forward", noon=2, minutes=5, skip=2, all=6)
    clock.set(noon + 400)  # back again, and again forward: nothing is made up for twice
    time.sleep(2.2)
    clock.set(noon + DAY + 310)
    expect("the same day forward again", noon=2, minutes=5, skip=2, all=6)
    clock.set(LONG_AGO + 5)
    time.sleep(2.2)
    server.process.kill()  # a machine without a battery starts in 1970, and learns the time some seconds later
    server.process.wait()
    server.start()
    time.sleep(1.2)
    clock.set(noon + DAY + 320)
    expect("from 1970 back to now", noon=2, minutes=5, skip=2, all=6)
    clock.set(FAR_AHEAD + 125)
    expect("in 2040", noon=3, minutes=6, skip=2, all=106)
    clock.set(noon + 2 * DAY - 2)
    expect("noon of the third day", noon=4, minutes=7, skip=3, all=107)
    check(server.stop() == 0, "SIGTERM")


def dead_meanwhile():
    """The clock is set between the death of an orchestrator and the next one; its workers bring to an end what runs."""
    places = [("dead-back", -HOUR), ("dead-forward", DAY), ("dead-1970", LONG_AGO), ("dead-2040", FAR_AHEAD)]
    for name, where in places:
        clock = Clock(name)
        server = Faked(name, "--keep", "1h", env=clock.env)
        load = Load(server, name, delay=5, timeout=8)
        server.process.kill()
        server.process.wait()
        clock.move(where) if abs(where) <= DAY else clock.set(where)
        server.start()
        load.judge(clock)
        check(server.stop() == 0, f"{name}: SIGTERM")


def standing_still():
    """Nobody is to blame for not having heard while he did not run himself."""
    server = Faked("still", "--silence", "2s")
    workers = server.workers()
    long, bounded = server.submit("wait", {"duration": 6}), server.submit("wait", {"duration": 4}, timeout=5)
    fresh = server.submit("workspace new", {"dir": work + "/still-delayed"}, delay=1)
    until(lambda: server.job(long)["state"] == "running" and server.job(bounded)["state"] == "running")
    for _ in range(2):
        server.process.send_signal(signal.SIGSTOP)
        time.sleep(3)
        server.process.send_signal(signal.SIGCONT)
        time.sleep(0.3)
    for id in (long, bounded, fresh):
        job = server.ended(id)
        check(job["state"] == "done" and job["attempts"] == 1, f"after an orchestrator stood still: {job}")
    check(server.workers() == workers, f"workers {workers} became {server.workers()}")
    # A worker that stands still for too long is replaced, and its job done by another; one that wakes in time is not.
    job = server.submit("wait", {"duration": 5})
    until(lambda: server.job(job)["state"] == "running")
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(1.2)
    for pid in workers:
        os.kill(pid, signal.SIGCONT)
    time.sleep(1.2)
    check(server.workers() == workers, "a worker that stood still for a second is replaced")
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    made_new = server.submit("workspace new", {"dir": work + "/still-new"})
    done = server.ended(job)
    # 3: the first was found silent before the second, which got the job next.
    check(done["state"] == "done" and done["attempts"] in (2, 3), f"after its worker stood still: {done}")
    new = server.ended(made_new)
    check(new["state"] == "done" or new["state"] == "dead" and "interrupted" in new["reason"], f"sent to it: {new}")
    check(not set(server.workers()) & set(workers), "a worker that stands still is kept")
    server.stop()


def jumping(clock):
    """Sets the clock all the time until the returned function is called."""
    stop = threading.Event()

    def jump():
        places = (-HOUR, DAY, 0, LONG_AGO - time.time(), -0.5, FAR_AHEAD - time.time(), -DAY, 1.5)
        for i in range(100000):
            clock.move(places[i % len(places)])
            if stop.wait(0.13):
                return

    thread = threading.Thread(target=jump, daemon=True)
    thread.start()

    def end():
        stop.set()
        thread.join()
        clock.move(0)

    return end


def engine():
    """Runs during which the clock goes back and forth."""
    clock = Clock("engine")
    items = "".join(f'  i{i}: {{ value: "1 ' + (f"${{item.i{i - 1}.id}}" if i else "") + '" }\n' for i in range(6))
    infra = "defaults: { provider: demo }\nproviders: { demo: { delay: 300ms, world: world } }\nitems:\n"
    folder = workspace("engine", infra + items)

    def ask(*arguments, code=0):
        """What it answers, and its events."""
        done = subprocess.run([prov, "-w", folder, "-o", "json", "--events", "json", *arguments], capture_output=True,
                              text=True, timeout=60, stdin=subprocess.DEVNULL, env={**os.environ, **clock.env})
        check(done.returncode == code, f"{arguments}: {done.returncode} {done.stdout}{done.stderr}")
        return json.loads(done.stdout or "null"), [json.loads(line) for line in done.stderr.splitlines()]

    end, began = jumping(clock), time.time()
    result, told = ask("apply", "--yes")
    took = [result["ms"], *(event["ms"] for event in told if "ms" in event)]
    check(len(took) >= 6 and all(0 <= ms < 60000 for ms in took), f"durations: {took}")
    check(time.time() - began < 30 and len(made("engine")) == 6, f"made {made('engine')}")
    ended = [event["address"] for event in told if event["type"] == "done"]
    check(ended == [f"item.i{i}" for i in range(6)], f"order: {ended}")
    runs = [ask("run", "show")[0]["id"]]
    for value in (2, 3):
        with open(os.path.join(folder, "infra.yaml"), "w") as file:
            file.write(infra + items.replace('"1 ', f'"{value} '))
        runs.insert(0, ask("apply", "--yes")[0]["run"])
    end()
    # The newest first, wherever the clock was; runs that change nothing too.
    for where in (DAY, -HOUR, 5, LONG_AGO - time.time(), 0):
        clock.move(where)
        with open(os.path.join(folder, "infra.yaml"), "w") as file:
            file.write(infra.replace("300ms", "0s, fail: bad") + items.replace('"1 ', '"3 ') + "  bad: {}\n")
        runs.insert(0, ask("apply", "--yes", code=1)[0]["run"])
    listed = [one["id"] for one in ask("run", "list")[0]]
    check(listed == runs, f"runs: {listed}, not {runs}")
    check(ask("run", "show")[0]["id"] == runs[0], "the last run")
    history = [row["revision"] for row in ask("state", "history")[0]]
    check(history == sorted(history, reverse=True) and len(set(history)) == len(history), f"history: {history}")
    for one in ask("run", "list")[0]:
        check(one["status"] in ("done", "failed"), f"a run: {one}")
    shown = subprocess.run([prov, "-w", folder, "run", "show", runs[-1]], capture_output=True, text=True).stdout
    check("took 1" in shown or "took 2" in shown or "took 3" in shown, f"how long it took: {shown}")
    check(len(made("engine")) == 6, f"made {made('engine')}")


atexit.register(end_all)
CASES = (jumps, small_steps, schedules, dead_meanwhile, standing_still, engine)
run([case for case in CASES if case.__name__ in sys.argv[3:] or not sys.argv[3:]])
