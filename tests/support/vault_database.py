"""What must hold of the database engine at real servers.

    vault_database.py PROV WORK PG|- REDIS|- SUPPORT SHIM|-

PG and REDIS are folders of postgres.sh and redis.sh in SUPPORT, both started. Prints what was looked at.
"""
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import hvac
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest, VaultDown

from vault_server import Server

prov, work, pg, redis, support, shim = sys.argv[1:7]
failures = []


def check(what, ok, info=""):
    if not ok:
        failures.append(what)
        print("FAIL:", what, info, flush=True)
    return ok


def refused(kind, fn, *args, **kw):
    try:
        fn(*args, **kw)
    except kind:
        return
    check(f"{fn.__name__} {args} {kw} is refused with {kind.__name__}", False)


class Postgres:
    name, folder, plugin = "postgres", pg, "postgresql-database-plugin"
    config = {"connection_url": f"postgresql://{{{{username}}}}:{{{{password}}}}@/postgres?host={pg}", "username": "root",
              "password": "rootpw"}
    statements = ["CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'; "
                  'GRANT pg_monitor, pg_read_all_data TO "{{name}}"', 'GRANT CREATE ON SCHEMA public TO "{{name}}"']
    busy = "SELECT pg_sleep(30)"

    def server(self, what):
        subprocess.run(["sh", f"{support}/postgres.sh", what, pg], check=True, cwd="/", stderr=subprocess.DEVNULL)

    def command(self, user, password, sql):
        return ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql,
                f"host={pg} dbname=postgres user={user} password={password}"]

    def login(self, data):
        return subprocess.run(self.command(data["username"], data["password"], "CREATE TEMP TABLE t (a int)"),
                              capture_output=True, cwd="/").returncode == 0

    def users(self):
        out = subprocess.run(self.command("root", "rootpw", "SELECT rolname FROM pg_roles WHERE rolname LIKE 'v-%'"),
                             capture_output=True, text=True, check=True, cwd="/").stdout
        return set(out.split())

    def until(self, user):
        sql = f"SELECT extract(epoch FROM rolvaliduntil)::int FROM pg_roles WHERE rolname = '{user}'"
        return int(subprocess.run(self.command("root", "rootpw", sql), capture_output=True, text=True, cwd="/").stdout)

    def add(self, user):
        subprocess.run(self.command("root", "rootpw", f"CREATE ROLE {user} LOGIN SUPERUSER PASSWORD 'first'"), check=True,
                       cwd="/")


class Redis:
    name, folder, plugin = "redis", redis, "redis-database-plugin"
    statements = '["~app:*", "+@all"]'
    busy = "BLPOP app:x 30"

    def __init__(self):
        self.port = open(f"{redis}/port").read().strip()
        self.config = {"host": "127.0.0.1", "port": int(self.port), "username": "admin", "password": "adminpw",
                       "persistence_mode": "ACLFILE"}

    def server(self, what):
        subprocess.run(["sh", f"{support}/redis.sh", what, redis], check=True)

    def command(self, user, password, text):
        return ["redis-cli", "-p", self.port, "--no-auth-warning", "-e", "--user", user, "--pass", password, *text.split()]

    def login(self, data):
        return subprocess.run(self.command(data["username"], data["password"], "PING"), capture_output=True,
                              text=True).stdout.strip() == "PONG"

    def users(self):
        out = subprocess.run(self.command("admin", "adminpw", "ACL USERS"), capture_output=True, text=True,
                             check=True).stdout
        return {user for user in out.split() if user.startswith("V_")}

    def add(self, user):
        for text in (f"ACL SETUSER {user} on >first ~* &* +@all", "ACL SAVE"):
            subprocess.run(self.command("admin", "adminpw", text), check=True, stdout=subprocess.DEVNULL)


def wait(what, done, seconds=30):
    end = time.time() + seconds
    while not done():
        if time.time() > end:
            return check(what, False)
        time.sleep(0.05)
    return True


def life(db):
    """Users are made, renewed, revoked, and sent away."""
    c, name = hvac.Client(url=server.address, token=server.token), db.name
    d = c.secrets.database
    refused(InvalidRequest, d.configure, name, db.plugin, **{**db.config, "password": "wrong"})
    d.configure(name, db.plugin, allowed_roles=["app", "short", "fixed"], **db.config)
    shown = d.read_connection(name)["data"]
    check("plugin_name", shown["plugin_name"] == db.plugin, shown)
    check("no password is shown", "pw" not in str(shown), shown)
    for role, ttl in (("app", "1h"), ("short", "2s"), ("other", "1h")):
        d.create_role(f"{name}-{role}" if role == "other" else role, name, db.statements, default_ttl=ttl, max_ttl="2h")
    check("roles", {"app", "short"} <= set(d.list_roles()["data"]["keys"]))
    refused(Forbidden, d.generate_credentials, f"{name}-other")
    refused(InvalidRequest, d.generate_credentials, "nope")
    refused(InvalidPath, d.read_role, "nope")

    answer = d.generate_credentials("app")
    user, lease = answer["data"], answer["lease_id"]
    check("lease", answer["lease_duration"] == 3600 and lease.startswith("database/creds/app/"), answer)
    check("logs in", db.login(user))
    renewed = c.sys.renew_lease(lease, increment=5400)
    check("renewed", renewed["lease_duration"] == 5400, renewed)
    if db.name == "postgres":
        check("renewed at the server", abs(db.until(user["username"]) - time.time() - 5430) < 20)
    busy = subprocess.Popen(db.command(user["username"], user["password"], db.busy), stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, cwd="/")
    time.sleep(0.5)
    check("is connected", busy.poll() is None)
    c.sys.revoke_lease(lease)
    wait("revoked", lambda: not db.login(user) and not db.users())
    check("the connection was ended", busy.wait(10) != 0)

    short = d.generate_credentials("short")["data"]
    check("logs in for a while", db.login(short))
    wait("ended by time", lambda: not db.users(), 10)

    # Passwords that rotate.
    db.add("fixed")
    d.create_static_role("fixed", name, "fixed", None, rotation_period="5s")
    first = d.get_static_credentials("fixed")["data"]
    check("static password", db.login(first) and not db.login({"username": "fixed", "password": "first"}), first)
    check("rotate-role", server.ask("POST", "database/rotate-role/fixed")[0] == 204)
    second = d.get_static_credentials("fixed")["data"]
    check("rotated when asked", db.login(second) and not db.login(first))
    wait("rotated by time", lambda: d.get_static_credentials("fixed")["data"]["password"] != second["password"], 10)
    check("the new one is good", db.login(d.get_static_credentials("fixed")["data"]))
    d.delete_static_role("fixed")
    db.add("turner")
    d.configure(name, db.plugin, **{**db.config, "username": "turner", "password": "first"})
    d.rotate_root_credentials(name)
    check("root rotated", not db.login({"username": "turner", "password": "first"}))
    d.reset_connection(name)
    c.sys.revoke_lease(d.generate_credentials("app")["lease_id"])
    d.configure(name, db.plugin, **db.config)
    wait("all gone", lambda: not db.users())
    print(f"{name}: users come, are renewed, revoked, sent away, and passwords rotate", flush=True)


def outage(db):
    """A server that is down: nothing is lost, and what ended meanwhile is dropped when it is back."""
    c = hvac.Client(url=server.address, token=server.token)
    d = c.secrets.database
    stays, goes = d.generate_credentials("app"), d.generate_credentials("app")
    d.generate_credentials("short")
    if db.name == "redis":
        time.sleep(0.2)
    db.server("stop")
    refused(VaultDown, d.generate_credentials, "app")
    c.sys.revoke_lease(goes["lease_id"])
    server.end(signal.SIGKILL)
    server.start()
    began = time.time()
    server.unseal()
    check("an unseal does not wait for a server that is down", time.time() - began < 3)
    c = hvac.Client(url=server.address, token=server.token)
    time.sleep(2)
    check("its leases are there", len(server.leases("database/creds/app")) == 2)
    db.server("start")
    wait("dropped when the server is back", lambda: db.users() == {stays["data"]["username"]}, 30)
    check("the others log in", db.login(stays["data"]))
    c.sys.revoke_lease(stays["lease_id"])
    wait("all gone", lambda: not db.users() and not server.leases("database/creds/app"))
    print(f"{db.name}: down for a while, prov killed meanwhile: nothing lost, nothing left", flush=True)


def many(db):
    """500 at once."""
    began = time.time()
    with ThreadPoolExecutor(500) as pool:
        made = list(pool.map(lambda _: server.ask("GET", "database/creds/app"), range(500)))
    took = time.time() - began
    wrong = [body for status, body in made if status != 200]
    check("500 at once", not wrong, wrong[:1])
    check("500 users", len({body["data"]["username"] for status, body in made if status == 200} & db.users()) == 500)
    began = time.time()
    server.ask("PUT", "sys/leases/revoke-prefix/database/creds/app", {"sync": True})
    check("500 gone", not db.users())
    print(f"{db.name}: 500 made at once in {took:.1f} s, revoked in {time.time() - began:.1f} s", flush=True)


def settled(db, what):
    """Each user has a lease, each lease a user."""
    def done():
        return len(server.leases("database/creds/app")) == len(db.users())
    if not wait(what, done, 10):
        print(server.leases("database/creds/app"), db.users())


def storms(db):
    """Killed at some time while 16 make and revoke users."""
    answered = 0
    for _ in range(3):
        known = []

        def work_on(_):
            try:
                while True:
                    status, body = server.ask("GET", "database/creds/app")
                    if status != 200:
                        return
                    known.append(body)
                    if len(known) % 3 == 0:
                        server.ask("PUT", "sys/leases/revoke", {"lease_id": known[0]["lease_id"], "sync": True})
            except Exception:
                return
        with ThreadPoolExecutor(16) as pool:
            for i in range(16):
                pool.submit(work_on, i)
            time.sleep(1)
            server.end(signal.SIGKILL)
        server.start()
        server.unseal()
        settled(db, "killed at some time: every user has a lease")
        leases = set(server.leases("database/creds/app"))
        alive = [body for body in known if body["lease_id"].split("/")[-1] in leases]
        check("who has a lease logs in", all(db.login(body["data"]) for body in alive[:20]))
        answered += len(known)
        server.ask("PUT", "sys/leases/revoke-prefix/database/creds/app", {"sync": True})
        check("all gone", not db.users(), db.users())
    print(f"{db.name}: killed 3 times among {answered} answers: no user without a lease", flush=True)


def instants(db, what, request, good):
    """Killed at every write of one request."""
    at, killed = 0, 0
    server.end()
    while True:
        at += 1
        alive = False
        for when in ("before", "after"):
            server.start({"LD_PRELOAD": shim, "KILL_DIRS": server.data, "KILL_AT": str(at), "KILL_WHEN": when})
            try:
                server.unseal()
                request()
                alive = True
            except Exception:
                killed += 1
            server.end(signal.SIGKILL)
            server.start()
            server.unseal()
            good()
            server.end()
        if alive or failures:
            break
    server.start()
    server.unseal()
    print(f"{db.name}: {what}: killed at {killed} instants", flush=True)


server = Server(prov, f"{work}/vault")
server.start()
try:
    server.init()
    server.unseal()
    server.ask("POST", "sys/mounts/database", {"type": "database"})
    for db in ([Postgres()] if pg != "-" else []) + ([Redis()] if redis != "-" else []):
        life(db)
        outage(db)
        many(db)
        storms(db)
        if shim != "-" and not failures:
            instants(db, "a creation", lambda: server.ask("GET", "database/creds/app"), lambda: settled(db, "no orphan"))
            server.ask("PUT", "sys/leases/revoke-prefix/database/creds/app", {"sync": True})
            db.add("turned")
            server.ask("PUT", f"database/config/{db.name}", {**db.config, "username": "turned", "password": "first"})

            def works():
                status, body = server.ask("PUT", f"database/reset/{db.name}")
                check("a rotation of root that was interrupted", status == 204, body)
            if db.name == "postgres":
                instants(db, "a rotation of root", lambda: server.ask("PUT", f"database/rotate-root/{db.name}"), works)
            server.ask("PUT", f"database/config/{db.name}", db.config)
finally:
    server.end(signal.SIGKILL)
data = open(f"{work}/vault.log").read()
check("no password in the log", "rootpw" not in data and "adminpw" not in data)
sys.exit(1 if failures else 0)
