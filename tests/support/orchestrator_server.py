"""A `prov serve` to test, used by the orchestrator_*.py beside it: their first two arguments are PROV and WORK."""

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time

prov, work = sys.argv[1:3]
failures = 0


def check(condition, text):
    global failures
    if not condition:
        failures += 1
        print("FAIL:", text, flush=True)


def until(condition, seconds=10):
    deadline = time.time() + seconds
    while time.time() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    return None


class Server:
    """A `prov serve` with a data folder of its own."""

    def __init__(self, name, *arguments, env=None, wait=True):
        self.data = os.path.join(work, name)
        self.arguments = ["--data", self.data, "--workers", "2", *arguments]
        self.env = {**os.environ, **(env or {})}
        self.start(wait)

    def start(self, wait=True):
        address = os.path.join(self.data, "address")
        if os.path.exists(address):
            os.unlink(address)
        listen = [] if "--listen" in self.arguments or "--socket" in self.arguments else ["--listen", "127.0.0.1:0"]
        self.log = os.path.join(work, os.path.basename(self.data) + ".log")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([prov, "serve", *listen, *self.arguments], env=self.env, stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL)
        if wait:
            self.address = until(lambda: os.path.exists(address) and open(address).read().strip(), 20)
            check(self.address, f"no orchestrator: {open(self.log).read()}")
            self.token = open(os.path.join(self.data, "token")).read().strip()
            check(until(lambda: self.ask("GET", "/ready")[0] == 200), "it does not become ready")

    def ask(self, method, path, body=None, token=True, **headers):
        """One request: status, value, headers."""
        if self.address.startswith("unix:"):
            connection = http.client.HTTPConnection("localhost")
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(self.address[5:])
        elif self.address.startswith("https:"):
            context = ssl.create_default_context(cafile=os.path.join(work, "cert.pem"))
            connection = http.client.HTTPSConnection(self.address[8:], context=context, timeout=30)
        else:
            connection = http.client.HTTPConnection(self.address[7:], timeout=30)
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            fields["Authorization"] = "Bearer " + (self.token if token is True else token)
        if body is not None:
            fields["Content-Type"] = "application/json"
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, fields)
            answer = connection.getresponse()
            text = answer.read().decode()
        except OSError as error:
            return 0, str(error), {}
        finally:
            connection.close()
        value = json.loads(text) if "json" in answer.headers.get("Content-Type", "") and text else text
        return answer.status, value, answer.headers

    def submit(self, operation, params=None, **more):
        status, job, _ = self.ask("POST", "/v1/jobs", {"operation": operation, "params": params or {}, **more})
        check(status == 202, f"submit {operation}: {status} {job}")
        return job.get("id")

    def job(self, id):
        return self.ask("GET", "/v1/jobs/" + id)[1]

    def ended(self, id, seconds=20):
        return until(lambda: (lambda job: job if job.get("ended") else None)(self.job(id)), seconds) or self.job(id)

    def workers(self):
        found = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout.split()
        return [int(pid) for pid in found]

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(60)


def workspace(name, infra="items: { a: {} }\ndefaults: { provider: demo }\n"):
    path = os.path.join(work, name)
    if not os.path.exists(path):
        subprocess.run([prov, "workspace", "new", path], capture_output=True, check=True)
        with open(os.path.join(path, "infra.yaml"), "w") as file:
            file.write(infra)
    return path


def run(cases):
    """Runs the cases, tells how long each took, and ends the process."""
    for case in cases:
        began = time.time()
        case()
        print(f"{case.__name__}: {time.time() - began:.1f} s", flush=True)
    sys.exit(1 if failures else 0)
