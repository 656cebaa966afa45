"""Many leases of users of Redis.

    vault_many.py PROV WORK REDIS COUNT
"""
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from vault_server import Server

prov, work, redis, count = sys.argv[1:5]
count = int(count)
storm = count * 3 // 10
port = int(open(f"{redis}/port").read())
failures = []


def check(what, ok, info=""):
    if not ok:
        failures.append(what)
        print("FAIL:", what, info, flush=True)


def users():
    """How many users Redis has, admin and default not counted."""
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(b"AUTH admin adminpw\r\nACL USERS\r\n")
        lines = s.makefile("rb")
        assert lines.readline() == b"+OK\r\n"
        return int(lines.readline()[1:]) - 2


def make(role, n):
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda _: server.ask("GET", f"database/creds/{role}")[0], range(n)))
    check(f"{n} of {role}", answers == [200] * n, set(answers))


server = Server(prov, f"{work}/vault")
server.start()
try:
    server.init()
    server.unseal()
    server.ask("POST", "sys/mounts/database", {"type": "database"})
    server.ask("PUT", "database/config/r", {"plugin_name": "redis-database-plugin", "host": "127.0.0.1", "port": port,
                                            "username": "admin", "password": "adminpw", "allowed_roles": "*"})
    server.ask("PUT", "database/roles/long", {"db_name": "r", "default_ttl": "1h"})
    began = time.time()
    make("long", count - storm)
    # All of these end while prov is dead.
    server.ask("PUT", "database/roles/storm", {"db_name": "r", "default_ttl": 15})
    make("storm", storm)
    end = time.time() + 15
    took = time.time() - began
    print(f"{count} leases made in {took:.1f} s, {count / took:.0f} a second", flush=True)
    check("users", users() >= count - storm, users())
    server.end(signal.SIGKILL)
    time.sleep(end - time.time() + 0.5)
    server.start()
    began = time.time()
    server.unseal()
    check("an unseal does not wait for leases", time.time() - began < 2)
    slowest = 0
    while users() > count - storm and time.time() - began < 60:
        asked = time.time()
        status, _ = server.ask("GET", "database/config/r")
        slowest = max(slowest, time.time() - asked)
        check("answers during a storm", status == 200)
    took = time.time() - began
    check("the storm is over", users() == count - storm, users())
    print(f"{storm} ended together, prov dead: over {took:.1f} s after the unseal; requests took up to "
          f"{slowest * 1000:.0f} ms", flush=True)
    check("requests during a storm", slowest < 2, slowest)
    for _ in range(50):
        left = server.ask("GET", "sys/leases/count")[1]["data"]["lease_count"]
        if left == count - storm:
            break
        time.sleep(0.1)
    check("the others are there", left == count - storm, left)
    began = time.time()
    server.ask("PUT", "sys/leases/revoke-prefix/database/creds/long")
    asked = time.time() - began
    while (users() > 0 or server.leases("database/creds/long")) and time.time() - began < 60:
        time.sleep(0.1)
    check("all gone", users() == 0 and server.leases("database/creds/long") == [], users())
    took = time.time() - began
    print(f"revoke-prefix of {count - storm}: answered after {asked:.1f} s, done after {took:.1f} s", flush=True)
    check("revoke-prefix answers soon", asked < 5, asked)
finally:
    server.end(signal.SIGKILL)
sys.exit(1 if failures else 0)
