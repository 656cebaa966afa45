"""`prov --remote`: questions, Ctrl-C, a connection that breaks, files, and what can be wrong with an address.

usage: orchestrator_remote.py PROV WORK

Prints FAIL lines; exit code 1 when something failed."""

import os
import pty
import select
import signal
import socket
import subprocess
import threading
import time

from orchestrator_server import Server, check, prov, run, until, work, workspace

SLOW = "defaults: { provider: demo }\nproviders: { demo: { delay: %s } }\nitems: { a: {}, b: { value: \"${item.a.id}\" } }\n"


class Terminal:
    """A command on a terminal."""

    def __init__(self, server, *words):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            env = {**os.environ, "TERM": "dumb", "PROV_TOKEN": server.token}
            os.execve(prov, [prov, "--remote", server.address, *words], env)

    def read(self, seconds):
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                self.seen += os.read(self.fd, 65536).decode(errors="replace")
                return True
            except OSError:
                return False
        return True

    def wait_for(self, text, seconds=10):
        deadline = time.time() + seconds
        while text not in self.seen:
            if time.time() > deadline or not self.read(0.1):
                check(text in self.seen, f"no '{text}' in: {self.seen}")
                return

    def type(self, text):
        os.write(self.fd, text.encode())

    def code(self, seconds=20):
        deadline = time.time() + seconds
        while time.time() < deadline and self.read(0.1):
            pass
        ended, status = os.waitpid(self.pid, os.WNOHANG)
        deadline = time.time() + 5
        while not ended and time.time() < deadline:
            time.sleep(0.02)
            ended, status = os.waitpid(self.pid, os.WNOHANG)
        if not ended:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status) if ended else "none"


def say(server, *words, token=None, address=None):
    env = {**os.environ, "PROV_TOKEN": token or server.token}
    return subprocess.run([prov, "--remote", address or server.address, *words], env=env, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def questions():
    server = Server("questions")
    shop = workspace("asked")
    for answer, code in (("n\n", 130), ("y\n", 0)):
        terminal = Terminal(server, "-w", shop, "apply")
        terminal.wait_for("[y/N]")
        terminal.type(answer)
        got = terminal.code()
        check(got == code, f"answer {answer!r}: exit code {got}, not {code}: {terminal.seen}")
    check(say(server, "-w", shop, "state", "list", "-o", "name").stdout == "item.a\n", "nothing was applied")
    here = subprocess.run([prov, "-w", shop, "state", "list"], capture_output=True, text=True).stdout
    there = say(server, "-w", shop, "state", "list").stdout
    check("demo" in here and here == there, f"the table of a remote command: {there!r}, here: {here!r}")
    # Nobody is there to ask.
    with open(os.path.join(shop, "infra.yaml"), "a") as file:
        file.write("networks: { lan: {} }\n")
    said = say(server, "-w", shop, "apply")
    check(said.returncode == 2 and "--yes" in said.stderr, f"without a terminal: {said.returncode} {said.stderr}")
    # The orchestrator is killed while its job asks: the question has nobody any more, and the job an end.
    terminal = Terminal(server, "-w", shop, "apply")
    terminal.wait_for("[y/N]")
    job = until(lambda: next(iter(server.ask("GET", "/v1/jobs?state=running")[1]), None))
    server.process.kill()
    server.process.wait()
    server.start()
    check(server.ended(job["id"]).get("ended"), "a job waits for an answer for ever")
    os.kill(terminal.pid, signal.SIGKILL)
    terminal.code()
    check(say(server, "-w", shop, "apply", "--yes").returncode == 0, "an apply after that")
    server.stop()


def interrupts():
    server = Server("interrupts")
    shop = workspace("slow", SLOW % "1s")
    terminal = Terminal(server, "-w", shop, "apply", "--yes")
    job = until(lambda: next(iter(server.ask("GET", "/v1/jobs?state=running")[1]), None))
    time.sleep(0.4)
    terminal.type("\x03")
    got = terminal.code()
    check(got == 130, f"Ctrl-C: exit code {got}: {terminal.seen}")
    check(server.ended(job["id"])["state"] == "canceled", f"Ctrl-C: {server.job(job['id'])}")
    listed = say(server, "-w", shop, "state", "list", "-o", "name").stdout
    check(listed == "item.a\n", f"Ctrl-C once lets running steps end: {listed!r}")
    hard = workspace("slower", SLOW % "30s")
    terminal = Terminal(server, "-w", hard, "apply", "--yes")
    until(lambda: server.ask("GET", "/v1/jobs?state=running")[1])
    time.sleep(0.5)
    began = time.time()
    terminal.type("\x03")
    time.sleep(0.3)
    terminal.type("\x03")
    got = terminal.code()
    check(got == 130 and time.time() - began < 8, f"Ctrl-C twice: {got} after {time.time() - began:.1f} s: {terminal.seen}")
    # Cancelled by somebody else before it began.
    with open(os.path.join(shop, "infra.yaml"), "w") as file:
        file.write(SLOW.replace("items", "networks: { n: {} }\nitems") % "2s")
    first = server.submit("apply", workspace=shop)
    until(lambda: server.job(first)["state"] == "running")
    said = []
    waits = threading.Thread(target=lambda: said.append(say(server, "-w", shop, "apply", "--yes")))
    waits.start()
    job = until(lambda: next(iter(server.ask("GET", "/v1/jobs?state=waiting")[1]), None))
    server.ask("POST", f"/v1/jobs/{job['id']}/cancel")
    waits.join()
    check(said[0].returncode == 130 and "cancel" in said[0].stderr, f"cancelled: {said[0].returncode} {said[0].stderr}")
    server.stop()


def broken_connections():
    server = Server("broken", "--listen", f"127.0.0.1:{free_port()}", "--drain", "30s")
    for how, number in (("killed", signal.SIGKILL), ("ended", signal.SIGTERM)):
        for fails in (False, True):
            name = f"{how}-{'badly' if fails else 'well'}"
            shop = workspace(name, (SLOW % "1s").replace("1s", "1s, fail: b" if fails else "1s"))
            said = []
            follows = threading.Thread(target=lambda: said.append(say(server, "-w", shop, "apply", "--yes")))
            follows.start()
            until(lambda: server.ask("GET", "/v1/jobs?state=running")[1])
            time.sleep(0.3)
            server.process.send_signal(number)
            server.process.wait()
            server.start()
            follows.join()
            check(said[0].returncode == (1 if fails else 0), f"{name}: {said[0].returncode} {said[0].stderr}")
            if number == signal.SIGKILL:
                check("connection is lost" in said[0].stderr, f"{name}: {said[0].stderr}")
    server.stop()


def files():
    server = Server("files")
    shop = workspace("planned")
    saved = os.path.join(work, "here", "saved.plan")
    os.mkdir(os.path.dirname(saved))
    said = say(server, "-w", shop, "plan", "--out", saved)
    check(said.returncode == 0 and os.path.getsize(saved) > 10, f"plan --out: {said.stderr}")
    check(os.stat(saved).st_mode & 0o77 == 0, "others can read the plan")
    check("prov-call" not in said.stdout + said.stderr, f"a folder of the orchestrator shows: {said.stdout}{said.stderr}")
    said = say(server, "-w", shop, "apply", "--plan", saved, "--yes")
    check(said.returncode == 0, f"apply --plan: {said.stdout}{said.stderr}")
    check(say(server, "-w", shop, "state", "list", "-o", "name").stdout == "item.a\n", "the plan was not applied")
    said = say(server, "-w", shop, "apply", "--plan", saved, "--yes")
    check(said.returncode == 7, f"a plan that is over: {said.returncode} {said.stderr}")
    os.remove(saved)
    over = server.job("last")["id"]
    check(server.ask("POST", f"/v1/jobs/{over}/retry")[0] == 200, "retry")
    over = server.ended(over)
    check(over["errors"][0]["code"] == "conflict", f"a job that is let run again has its files: {over}")
    copy = os.path.join(work, "here", "copy")
    check(say(server, "-w", shop, "state", "backup", copy).returncode == 0 and os.path.getsize(copy) > 0, "state backup")
    exported = os.path.join(work, "here", "state.json")
    with open(exported, "w") as file:
        file.write(say(server, "-w", shop, "state", "export").stdout)
    said = say(server, "-w", shop, "state", "import", exported, "--yes")
    check(said.returncode == 0, f"state import: {said.stderr}")
    check(say(server, "-w", shop, "apply", "--plan", "/nowhere", "--yes").returncode != 0, "a plan that is not there")
    server.stop()


def addresses():
    server = Server("addresses")
    said = say(server, "version", token="0" * 64)
    check(said.returncode == 5 and "PROV_TOKEN" in said.stderr, f"a wrong token: {said.returncode} {said.stderr}")
    said = say(server, "version", address=f"http://127.0.0.1:{free_port()}")
    check(said.returncode == 1 and "no orchestrator answers" in said.stderr, f"nobody there: {said.returncode} {said.stderr}")
    for address in ("nonsense", "ftp://x", "http://"):
        said = say(server, "version", address=address)
        check(said.returncode == 2 and "no address" in said.stderr, f"{address}: {said.returncode} {said.stderr}")
    said = say(server, "version", address="http://no-such-host.invalid:9")
    check(said.returncode == 1, f"an unknown host: {said.returncode} {said.stderr}")
    said = say(server, "docs", "man", "--out", work)
    check(said.returncode != 0 and "runs here only" in said.stderr, f"what runs here only: {said.stderr}")
    server.stop()


run((questions, interrupts, broken_connections, files, addresses))
