"""Asks a simulator for anything: operations of the OpenAPI in random order, with bodies of random but fitting values.

    hetzner_random.py ENDPOINT SPEC.json COUNT SEED

Nothing may end in a status of 500 or more; whether replies are as described is seen by openapi_proxy.py.
"""
import collections
import http.client
import json
import random
import sys
import urllib.parse

target = urllib.parse.urlparse(sys.argv[1])
with open(sys.argv[2], encoding="utf-8") as file:
    spec = json.load(file)
count, seed = int(sys.argv[3]), int(sys.argv[4])
random.seed(seed)
connection = http.client.HTTPConnection(target.hostname, target.port, timeout=60)
ids = collections.defaultdict(list)  # plural -> numbers of what there is

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqxY2XJ5m1HcWQm3vZ1bQGQ6xq0Tt8v2m9f0m1n2o3p t@x"
VALUES = {
    "server_type": ["cx23", "cx33", "cx53", 114, "none"],
    "image": ["debian-12", "ubuntu-24.04", 114690387, "none"],
    "location": ["fsn1", "nbg1", "ash", 1, "none"],
    "home_location": ["fsn1"],
    "load_balancer_type": ["lb11", "lb21"],
    "network_zone": ["eu-central", "us-east"],
    "ip_range": ["10.0.0.0/16", "10.0.1.0/24", "10.0.0.0/8", "172.16.0.0/12", "x"],
    "destination": ["10.100.0.0/16"],
    "gateway": ["10.0.1.1", "10.0.0.1"],
    "ip": ["10.0.1.5", "198.18.0.1"],
    "size": [10, 20, 50],
    "selector": ["a=b", "a", "!b"],
    "port": ["22", "80-90", None],
    "source_ips": [["0.0.0.0/0"]],
    "destination_ips": [["0.0.0.0/0"]],
    "public_key": [KEY],
    "labels": [{"a": "b"}, {}],
    "value": ["1.2.3.4", '"x"', "x.example."],
    "alias_ips": [["10.0.1.9"], []],
    "mode": ["primary"],
    "name": ["n%d" % i for i in range(12)] + ["a.example"],
}
REFERENCES = {
    "server": "servers", "id": "servers", "assignee_id": "servers", "network": "networks", "networks": "networks",
    "firewall": "firewalls", "volumes": "volumes", "placement_group": "placement_groups", "ipv4": "primary_ips",
    "ipv6": "primary_ips", "ssh_keys": "ssh_keys", "certificates": "certificates",
}
ODD = [None, 1, "x", [], {}, True, -1, 1e300, "\u00e4" * 100]
QUERIES = [
    "page=2", "per_page=1", "sort=id:desc", "sort=name", "label_selector=a%3Db", "name=n1", "id=5&id=6", "page=0",
    "per_page=100", "sort=x", "label_selector=%3D", "status=running", "type=A",
]
PLAIN = {
    "string": lambda: "x",
    "integer": lambda: random.randint(0, 70000),
    "number": lambda: random.randint(0, 100),
    "boolean": lambda: random.random() < 0.5,
}


def some(schema, name=""):
    """A value for a schema; now and then an odd one."""
    if "$ref" in schema:
        return some(spec["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], name)
    for word in ("allOf", "oneOf", "anyOf"):
        if word in schema:
            return some(random.choice(schema[word]), name)
    kind = schema.get("type")
    if random.random() < 0.02:
        return random.choice(ODD)
    if name in VALUES:
        return random.choice(VALUES[name])
    if "enum" in schema:
        return random.choice(schema["enum"])
    if name in REFERENCES and kind in ("integer", "string"):
        there = ids[REFERENCES[name]]
        return random.choice(there) if there and random.random() < 0.95 else 4711
    if kind == "object" or "properties" in schema:
        required = set(schema.get("required", []))
        return {
            key: some(value, key)
            for key, value in schema.get("properties", {}).items()
            if (key in required and random.random() < 0.98) or random.random() < 0.4
        }
    if kind == "array":
        return [some(schema["items"], name) for _ in range(random.choice([0, 1, 1, 2]))]
    return PLAIN.get(kind, lambda: None)()


def ask(method, path, body):
    text = json.dumps(body) if body is not None else None
    connection.request(method, target.path + path, text, {"Authorization": "Bearer " + "z" * 64})
    answer = connection.getresponse()
    reply = answer.read()
    return answer.status, json.loads(reply) if reply else None


operations = [
    (path, method, operation)
    for path, methods in spec["paths"].items()
    for method, operation in methods.items()
    if method in ("get", "post", "put", "delete") and "storage" not in path
]
creations = [row for row in operations if row[1] == "post" and "actions" not in row[0]]
statuses = collections.Counter()
bad = 0
for _ in range(count):
    path, method, operation = random.choice(creations if random.random() < 0.25 else operations)
    if method == "delete" and random.random() < 0.6:
        continue
    plural = path.split("/")[1]
    for part in ("{id}", "{id_or_name}"):
        there = ids[plural]
        number = random.choice(there) if there and random.random() < 0.97 else 4711
        path = path.replace(part, str(number), 1)
    path = path.replace("{action_id}", str(random.randint(1, 300)))
    path = path.replace("{rr_name}", random.choice(["@", "www", "n1"]))
    path = path.replace("{rr_type}", random.choice(["A", "TXT", "NS", "AAAA"]))
    where = path
    if method == "get" and random.random() < 0.3:
        where += "?" + random.choice(QUERIES)
    described = operation.get("requestBody")
    body = None
    if described and random.random() < 0.98:
        body = some(described["content"]["application/json"]["schema"])
    status, reply = ask(method.upper(), where, body)
    statuses[status] += 1
    if status >= 500:
        bad += 1
        print("%s %s %s -> %d %s" % (method, where, json.dumps(body)[:300], status, json.dumps(reply)[:300]))
    if method == "post" and status == 201 and path == "/" + plural:
        ids[plural].append(reply[plural[:-1]]["id"])
    number = path.rsplit("/", 1)[1]
    if method == "delete" and status < 300 and number.isdigit() and int(number) in ids[plural]:
        ids[plural].remove(int(number))
print("seed %d: %s" % (seed, ", ".join("%d x%d" % row for row in sorted(statuses.items()))))
sys.exit(bad > 0)
