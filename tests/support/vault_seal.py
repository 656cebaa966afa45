"""A vault that a KMS opens, with one KMS after the other.

    vault_seal.py PROV WORK KMS...

Each KMS is {"name", "uri", "move": [there, away]} for one that is files, else {"name", "uri", "port": the real one}:
"{port}" in its URI is a port behind which that is, or nobody. Prints what was looked at.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

prov, work = sys.argv[1:3]
failures = []


def check(condition, text):
    if not condition:
        failures.append(text)
        print("FAIL:", text, flush=True)


class Relay:
    """A port of the loopback behind which another one is, until it is cut."""

    def __init__(self, target):
        self.target, self.port, self.listener, self.open = target, 0, None, []
        self.back()

    def back(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        self.listener.listen(16)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def away(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for one in self.open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.open = []

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            self.open += [client, server]
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(one, other), daemon=True).start()

    @staticmethod
    def pump(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Files:
    def __init__(self, there, away):
        self.there, self.elsewhere = there, away

    def away(self):
        os.rename(self.there, self.elsewhere)

    def back(self):
        os.rename(self.elsewhere, self.there)


class Server:
    def __init__(self, data, *more):
        address = f"{data}/server"
        if os.path.exists(address):
            os.remove(address)
        self.log = f"{data}.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([prov, "serve", "vault", "--listen", "127.0.0.1:0", "--data", data, *more],
                                            stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        for _ in range(400):
            if os.path.exists(address):
                self.address = open(address).read().strip()
                return
            time.sleep(0.05)
        raise SystemExit("FAIL: no server: " + self.said())

    def said(self):
        return open(self.log).read()

    def run(self, *args, token=None, given=None):
        env = {**os.environ, "VAULT_ADDR": self.address, "VAULT_TOKEN": token or root}
        return subprocess.run([prov, "vault", *args], env=env, input=given or "", capture_output=True, text=True,
                              timeout=60)

    def sealed(self):
        return json.loads(self.run("status", "-o", "json").stdout)["sealed"]

    def opens(self, what):
        got = self.run("kv", "get", "secret/x", "--field", "v")
        check(got.returncode == 0 and got.stdout.strip() == "s3cret", f"{what}: {got.stdout}{got.stderr}{self.said()}")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        check(self.process.wait(30) == 0, "the server ends badly: " + self.said())


def must(done):
    check(done.returncode == 0, f"{done.args}: {done.stdout}{done.stderr}")
    return done.stdout


def seal_of(data):
    """What 'kms list' says of the vault in the user's state folder, which is this one."""
    link = f"{os.environ['XDG_STATE_HOME']}/prov/vault"
    os.makedirs(os.path.dirname(link), exist_ok=True)
    if os.path.islink(link):
        os.remove(link)
    os.symlink(data, link)
    rows = json.loads(must(subprocess.run([prov, "kms", "list", "-o", "json"], capture_output=True, text=True)))
    return [row for row in rows if row["purpose"] == "vault" and row["workspace"] == ""][0]


def served(name, uri, world, versions):
    global root
    data = f"{work}/{name}-vault"
    server = Server(data, "--seal", uri)
    root = json.loads(must(server.run("init", "-o", "json", token="none")))["root_token"]
    must(server.run("kv", "put", "secret/x", "v=s3cret"))
    row = seal_of(data)
    check(row["kms"] == uri and row["days"] == 0, f"{name}: kms list says {row}")
    server.end()
    server = Server(data)
    server.opens(f"{name}: after a restart, by the URI that it remembers")
    must(server.run("custody", "--rotate"))
    after = seal_of(data)
    check(not versions or after["version"] != row["version"], f"{name}: not the new version: {row} {after}")
    server.end()
    server = Server(data, "--seal", uri)
    server.opens(f"{name}: after a rotation")
    must(server.run("custody"))
    server.end()

    world.away()
    server = Server(data, "--seal", uri)
    check(server.sealed(), f"{name}: it is open without its KMS")
    check("the vault stays sealed" in server.said() and uri in server.said(), f"{name}: it does not say why: {server.said()}")
    world.back()
    for _ in range(200):
        if not server.sealed():
            break
        time.sleep(0.1)
    server.opens(f"{name}: when the KMS was back")
    world.away()
    server.opens(f"{name}: open, and its KMS is away")
    refused = server.run("custody")
    check(refused.returncode != 0, f"{name}: wrapped anew without a KMS")
    world.back()

    # To people with shares and back. Until the shares have been used the KMS opens it.
    made = json.loads(must(server.run("custody", "--shares", "3", "--threshold", "2", "-o", "json")))
    server.end()
    server = Server(data)
    server.opens(f"{name}: the shares have not been used yet")
    must(server.run("seal"))
    for share in made["keys"][:2]:
        must(server.run("unseal", given=share))
    server.opens(f"{name}: with shares")
    server.end()
    server = Server(data, "--seal", uri)
    check(server.sealed(), f"{name}: the KMS opens a vault of shares")
    for share in made["keys_base64"][1:]:
        must(server.run("unseal", given=share))
    must(server.run("custody", uri))
    server.end()
    server = Server(data, "--seal", uri)
    server.opens(f"{name}: with the KMS again")
    server.end()
    if os.path.exists(f"{work}/other.ring"):  # to another KMS, while the command line still has the old one
        server = Server(data, "--seal", uri)
        must(server.run("custody", f"local:{work}/other.ring"))
        server.end()
        server = Server(data, "--seal", uri)
        server.opens(f"{name}: after it went to another KMS")
        server.end()


def embedded(name, uri, world):
    place = f"{work}/{name}-shop"

    def run(*args):
        return subprocess.run([prov, "-w", place, *args], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)

    def reads(what):
        got = run("vault", "kv", "get", "secret/x", "--field", "v")
        check(got.returncode == 0 and got.stdout.strip() == "s3cret", f"{what}: {got.stdout}{got.stderr}")

    must(subprocess.run([prov, "workspace", "new", place], capture_output=True, text=True))
    must(run("vault", "kv", "put", "secret/x", "v=s3cret"))
    must(run("vault", "custody", uri))
    reads(f"{name}, embedded")
    must(run("vault", "custody", "--rotate"))
    reads(f"{name}, embedded, after a rotation")
    must(run("state", "rekey", "--yes"))
    reads(f"{name}, embedded, after the workspace has another key")
    world.away()
    away = run("vault", "kv", "get", "secret/x")
    check(away.returncode != 0 and uri in away.stderr, f"{name}, embedded, away: {away.stdout}{away.stderr}")
    world.back()
    reads(f"{name}, embedded, and back")
    refused = run("vault", "custody", "--shares", "1")
    check(refused.returncode != 0, f"{name}: the vault of a workspace went to shares")
    must(run("vault", "custody", "local"))
    world.away()
    reads(f"{name}, embedded, by the workspace's key again")
    world.back()


root = None
for text in sys.argv[3:]:
    one = json.loads(text)
    world = Relay(one["port"]) if "port" in one else Files(*one["move"])
    uri = one["uri"].replace("{port}", str(getattr(world, "port", "")))
    served(one["name"], uri, world, one.get("versions", True))
    embedded(one["name"], uri, world)
    print(f"sealed by {one['name']}: {len(failures)} wrong", flush=True)
sys.exit(1 if failures else 0)
