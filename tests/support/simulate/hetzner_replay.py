"""Sends the requests that Debian's hcloud once sent (captured-from-official-cli) to a simulator, in their order.

    hetzner_replay.py ENDPOINT REQUESTS.json

Things the recording has made elsewhere (server 42, ssh key 2323) are made first; numbers in paths and bodies are those
of the things made here. Prints each status, and at the end how many there were of each.
"""
import collections
import json
import re
import sys
import time
import urllib.error
import urllib.request

ROOT = sys.argv[1].rsplit("/v1", 1)[0]
TOKEN = "r" * 64
KINDS = ("networks", "firewalls", "volumes", "servers", "ssh_keys", "placement_groups")


def ask(method, path, body=None):
    request = urllib.request.Request(ROOT + path, method=method, headers={"Authorization": "Bearer " + TOKEN})
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as e:
        status, text = e.code, e.read()
    return status, json.loads(text) if text else None


def settle():
    """Waits until nothing is locked any more."""
    for _ in range(200):
        if all(not one["locked"] for one in ask("GET", "/v1/servers")[1]["servers"]):
            time.sleep(0.05)
            return
        time.sleep(0.05)
    raise SystemExit("a server stays locked")


ids = {}  # (plural, number there) -> number here
_, made = ask("POST", "/v1/servers", {"name": "old", "server_type": "cx23", "image": "debian-12", "location": "fsn1"})
ids["servers", 42] = made["server"]["id"]
_, key = ask("POST", "/v1/ssh_keys", {"name": "SSH-Key", "public_key": open(sys.argv[3], encoding="utf-8").read()})
ids["ssh_keys", 2323] = key["ssh_key"]["id"]
settle()
last = {"action": 1}

with open(sys.argv[2], encoding="utf-8") as file:
    recorded = json.load(file)
REFERENCES = {"network": "networks", "server": "servers", "firewall": "firewalls"}


def here(plural, number):
    return ids.get((plural, int(number)), int(number))


def translated(body):
    if isinstance(body, dict):
        out = {}
        for name, value in body.items():
            if name == "server" and isinstance(value, dict):
                out[name] = {"id": here("servers", value["id"])}
            elif name in REFERENCES and isinstance(value, int):
                out[name] = here(REFERENCES[name], value)
            elif name == "server_type" and value == 1:
                out[name] = "cx33"  # a type nobody has any more
            else:
                out[name] = translated(value)
        return out
    return [translated(one) for one in body] if isinstance(body, list) else body


FIRST = {"networks": 1, "firewalls": 38, "volumes": 1}  # numbers in the recording of what it made itself
found = collections.Counter()
for one in recorded:
    method, path = one["method"], one["path"]
    path = re.sub(r"^/v1/(\w+)/(\d+)", lambda m: "/v1/%s/%d" % (m[1], here(m[1], m[2])), path)
    path = re.sub(r"actions\?id=\d+", "actions?id=%d" % last["action"], path)
    if "change_type" in path:
        ask("POST", path.replace("change_type", "poweroff"))
    settle()
    status, reply = ask(method, path, translated(one["body"]))
    plural = path.split("/")[2].split("?")[0]
    if method == "POST" and status == 201 and path.count("/") == 2:
        ids[plural, FIRST.get(plural, 0)] = reply[plural[:-1]]["id"]
    if reply and isinstance(reply.get("action"), dict):
        last["action"] = reply["action"]["id"]
    code = reply["error"]["code"] if reply and "error" in reply else ""
    found[("%d %s" % (status, code)).strip()] += 1
    print("%s %s -> %d %s" % (method, one["path"], status, code))
print("REPLAYED %d: %s" % (len(recorded), ", ".join("%s x%d" % row for row in sorted(found.items()))))
