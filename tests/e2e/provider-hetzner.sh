#!/bin/bash
# The provider hetzner against the simulated Hetzner Cloud: a whole life, drift, changes in place, lost answers and
# other faults, kills at any moment; nothing is made twice, and nothing is left.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"

world=${work:?}/world
at_exit() { [ -z "${simulator:-}" ] || { kill "$simulator" 2>/dev/null; wait "$simulator"; }; }
"$prov" simulate hetzner --port 0 --dir "$world" --speed 50 >"$work/simulator" 2>&1 </dev/null &
simulator=$!
for _ in $(seq 100); do
    grep -q "^Hetzner Cloud at" "$work/simulator" && break
    sleep 0.1
done
port=$(sed -n 's/^Hetzner Cloud at .*:\([0-9]*\).*/\1/p' "$work/simulator")
[ -n "$port" ] || { fail "no simulator: $(cat "$work/simulator")"; exit 1; }
token=abcdefghij0123456789abcdefghij0123456789abcdefghij0123456789abcd
export HCLOUD_ENDPOINT=http://127.0.0.1:$port/v1
api() { # METHOD PATH [BODY]
    curl -s -X "$1" -H "Authorization: Bearer $token" ${3:+-H 'Content-Type: application/json' -d "$3"} \
        "$HCLOUD_ENDPOINT$2"
}
count() { # KIND: how many there are in the world
    "$prov" simulate state "$1" --dir "$world" -o json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))'
}
left() { "$prov" simulate state --dir "$world" -o json | python3 -c 'import json, sys
for o in json.load(sys.stdin):
    if o["kind"] != "action": print(o["kind"], o["id"], o.get("name"))'; }
ids() { "$prov" state list -o json | python3 -c 'import json, sys
print(*sorted(str(r["address"]) + "=" + str(r["id"]) for r in json.load(sys.stdin)))'; }
id_of() { "$prov" state show "$1" -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])'; }

"$prov" workspace new "$work/shop" >/dev/null 2>&1 && cd "$work/shop" || exit 1
write() { # WEB_COUNT DB_PLAN VOLUME LISTEN
    cat >infra.yaml <<YAML
defaults: { provider: hetzner }
providers: { hetzner: { zone: nbg1 } }
networks: { lan: { cidr: 10.0.0.0/16, routes: [{ to: 10.9.0.0/16, via: 10.0.0.10 }] } }
placement_groups: { apart: {} }
ssh_keys: { me: { public_key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqxY2XJ5m1HcWQm3vZ1bQGQ6xq0Tt8v2m9f0m1n2o3p me" } }
servers:
  web: { count: $1, plan: cpx22, image: debian-12, network: "\${network.lan}", placement_group: "\${placement_group.apart}",
         keys: ["\${ssh_key.me}"], labels: { role: web }, ptr: web.example.org }
  db: { plan: $2, image: debian-12, network: "\${network.lan}", private_ip: 10.0.0.10, public: false, backups: true }
volumes: { data: { size: $3, server: "\${server.db}", format: ext4 } }
firewalls:
  web: { selectors: [role=web], rules: [{ ports: [80, "8000-8010"] }, { protocol: icmp }] }
  db: { servers: ["\${server.db}"], rules: [{ ports: [5432], sources: [10.0.0.0/16] }] }
load_balancers:
  front: { network: "\${network.lan}", services: [{ protocol: http, listen: $4, port: 80, check: { path: /health } }],
           targets: [{ labels: role=web }] }
addresses: { out: { server: "\${server.web[1]}" } }
dns_zones: { main: { name: example.org } }
dns_records: { www: { zone: "\${dns_zone.main}", name: www, type: A, values: ["\${load_balancer.front.ip}"], ttl: 5m } }
YAML
}
write 2 cpx22 "10 GiB" 80

# No credentials are needed to check and to plan; without them nothing begins.
run 0 validate
run 0 plan
run 1 apply --yes
has "provider 'hetzner' needs its token"
has "prov provider login hetzner"
[ "$("$prov" state list -o name | wc -l)" -eq 0 ] || fail "something began without a token"
echo "$token" | "$prov" provider login hetzner >/dev/null || fail "login failed"
[ "$(stat -c %a "$XDG_CONFIG_HOME/prov/credentials/hetzner.yaml")" = 600 ] || fail "others may read the credentials"

HCLOUD_ENDPOINT=http://127.0.0.1:9/v1 run 1 provider check
has "no answer"
HCLOUD_TOKEN='' run 0 provider check
has "a project with 0 servers"
run 0 cost
has "server.db"
run 0 apply --yes
run 0 plan
has "No changes"
[ "$(count server) $(count network) $(count volume) $(count firewall) $(count load_balancer) $(count ssh_key)" = "3 1 1 2 1 2" ] ||
    fail "the world is not as the infra says: $("$prov" simulate state --dir "$world")"
first=$(ids)
run 0 drift

# What somebody changed outside is found, and taken back in place.
web1=$(id_of 'server.web[1]')
api POST "/servers/$web1/actions/poweroff" >/dev/null
api PUT "/servers/$web1" '{"labels":{"role":"other"}}' >/dev/null # prov's own labels with them
api POST "/firewalls/$(id_of firewall.web)/actions/set_rules" '{"rules":[]}' >/dev/null
api DELETE "/volumes/$(id_of volume.data)" >"$work/refused"
grep -q '"error"' "$work/refused" || fail "an attached volume was deleted"
api POST "/networks/$(id_of network.lan)/actions/delete_route" '{"destination":"10.9.0.0/16","gateway":"10.0.0.10"}' >/dev/null
api POST "/volumes/$(id_of volume.data)/actions/detach" >/dev/null
out=$(id_of address.out)
api POST "/floating_ips/${out#floating-}/actions/unassign" >/dev/null
sleep 1
run 3 drift
for what in 'volume.data changed' 'address.out changed' \
    'server.web[1] changed' 'status = "running" -> "stopped"' 'firewall.web changed' 'network.lan changed'; do
    has "$what"
done
run 0 apply --yes
run 0 drift
[ "$first" = "$(ids)" ] || fail "something was replaced: $(ids)"
[ "$(api GET "/volumes/$(id_of volume.data)" | python3 -c 'import json, sys; print(json.load(sys.stdin)["volume"]["server"])')" \
    = "$(id_of server.db)" ] || fail "the volume was not attached again"

# All of it is taken over by a workspace that knows none of it, with nothing to change.
"$prov" workspace new "$work/other" >/dev/null 2>&1
echo 'defaults: { provider: hetzner }' >"$work/other/infra.yaml"
cd "$work/other" || exit 1
run 0 import --all --out infra/found.yaml --provider hetzner
run 0 validate
run 0 apply --yes
has "imported in"
run 0 plan
has "No changes"
cd "$work/shop" || exit 1

# Changes in place.
write 3 cpx32 "12 GiB" 8080
run 0 apply --yes
run 0 plan
has "No changes"
[[ "$(ids)" == *"$(echo "$first" | grep -o 'server.db=[0-9]*')"* ]] || fail "the database's server was replaced"
run 0 server stop db
run 0 server start db
run 0 server restart db
run 0 plan
has "No changes"

# Public addresses of its own come and go with a stop.
before=$(count primary_ip)
sed -i 's/public: false/public: true/' infra.yaml
run 0 apply --yes
run 0 plan
has "No changes"
[ "$(count primary_ip)" -eq $((before + 2)) ] || fail "the server has not got its addresses"
sed -i 's/public: true/address: "${address.own}", ipv6: false/; s/^addresses: {/addresses: { own: { type: primary },/' infra.yaml
run 0 apply --yes
run 0 plan
has "No changes"
[ "$(count primary_ip)" -eq $((before + 1)) ] || fail "the server has not got the address: $("$prov" simulate state primary_ip --dir "$world")"
write 3 cpx32 "12 GiB" 8080
run 0 apply --yes
run 0 plan
has "No changes"
[ "$(count primary_ip)" -eq "$before" ] || fail "an address was left"
[[ "$(ids)" == *"$(echo "$first" | grep -o 'server.db=[0-9]*')"* ]] || fail "the database's server was replaced"

# A volume that would shrink says so, and nothing else is lost by it.
write 3 cpx32 "10 GiB" 8080
run 1 apply --yes
has "has 12 GiB and cannot shrink to 10"
write 3 cpx32 "12 GiB" 8080
run 0 plan
has "No changes"

# Faults: answers that are lost after the work is done, refusals, truncated and late answers, reads that are behind.
cat >"$work/faults.yaml" <<YAML
seed: 7
faults:
  - { fault: lost_answer, method: POST, path: /v1/servers, nth: [1, 3] }
  - { fault: truncated, method: POST, path: /v1/servers, nth: [2] }
  - { fault: lost_answer, operation: "*.create", every: 3, times: 3 }
  - { fault: locked, method: POST, path: "/v1/*/actions/*", every: 4, times: 6 }
  - { fault: lost_answer, method: POST, path: "/v1/*/actions/*", every: 5, times: 8 }
  - { fault: rate_limit, method: GET, every: 9, times: 3, retry_after: 1 }
  - { fault: unavailable, method: GET, every: 7, times: 6 }
  - { fault: truncated, method: GET, every: 11, times: 4 }
  - { fault: lost_answer, method: DELETE, every: 2, times: 5 }
  - { fault: stale, method: GET, path: "/v1/servers/*", every: 3, times: 3, age: 2s }
  - { fault: slow_action, operation: "server.create", nth: [4], by: 30s }
YAML
run 0 destroy --yes
[ -z "$(left)" ] || fail "left in the world: $(left)"
run 0 simulate faults "$work/faults.yaml" --dir "$world"
write 4 cpx22 "10 GiB" 80
run 0 apply --yes
run 0 plan
has "No changes"
[ "$(count server) $(count volume) $(count ssh_key)" = "5 1 2" ] ||
    fail "made twice, or not: $("$prov" simulate state --dir "$world")"
run 0 simulate faults --dir "$world"
run 0 simulate faults --clear --dir "$world"

# Killed at any moment, with answers lost on top, it goes on and makes nothing twice.
run 0 destroy --yes
cat >"$work/faults.yaml" <<YAML
seed: 11
faults: [{ fault: lost_answer, method: POST, probability: 0.2 }]
YAML
run 0 simulate faults "$work/faults.yaml" --dir "$world"
for pause in 0.15 0.3 0.45 0.6 0.8 1.0 1.3; do
    "$prov" apply --yes >"$work/killed" 2>&1 </dev/null &
    applying=$!
    sleep "$pause"
    kill -9 "$applying" 2>/dev/null
    wait "$applying" 2>/dev/null
done
run 0 simulate faults --clear --dir "$world"
run 0 apply --yes
run 0 plan
has "No changes"
[ "$(count server) $(count network) $(count volume) $(count firewall) $(count load_balancer) $(count ssh_key) $(count floating_ip)" \
    = "5 1 1 2 1 2 1" ] || fail "after kills: $("$prov" simulate state --dir "$world")"

# A read that fails for good forgets nothing.
before=$("$prov" state export)
cat >"$work/faults.yaml" <<YAML
faults: [{ fault: refuse, method: GET, path: "/v1/servers/*", status: 403, code: forbidden }, { fault: refuse, method: GET, path: /v1/servers, status: 403, code: forbidden }]
YAML
run 0 simulate faults "$work/faults.yaml" --dir "$world"
run 5 plan
has "(forbidden, request "
[ "$before" = "$("$prov" state export)" ] || fail "a failed read changed the state"
run 0 simulate faults --clear --dir "$world"

# Names that are taken: nobody else's server is touched.
api POST /servers '{"name":"web-5","server_type":"cpx22","image":"debian-12","location":"nbg1"}' >/dev/null
write 5 cpx22 "10 GiB" 80
run 1 apply --yes
has "uniqueness_error"
has "give it another 'name'"
[ "$("$prov" simulate calls --dir "$world" --limit 100000 -o json | python3 -c 'import json, sys
print(sum(c["operation"] == "server.create" and c["status"] == 409 for c in json.load(sys.stdin)))')" -le 4 ] ||
    fail "it hammers a name that is taken"
write 4 cpx22 "10 GiB" 80
api DELETE "/servers/$(api GET '/servers?name=web-5' | python3 -c 'import json, sys; print(json.load(sys.stdin)["servers"][0]["id"])')" >/dev/null

# Looked up: images and plans.
cat >look.yaml <<YAML
data: { small: { kind: plan, where: { name: cpx22 } } }
outputs: { cpus: "\${data.small.cpus}" }
YAML
cat look.yaml >>infra.yaml
run 0 apply --yes
run 0 output cpus
has 2

run 0 destroy --yes
[ -z "$(left)" ] || fail "left in the world: $(left)"

# The token is nowhere but in its file.
if grep -rlF "$token" "$work/shop" "$XDG_STATE_HOME" "$work/out" 2>/dev/null | grep -q .; then
    fail "the token is in $(grep -rlF "$token" "$work/shop" "$XDG_STATE_HOME" "$work/out")"
fi

# Every request that came is one that the OpenAPI knows.
spec=$here/../../../shared/specs/hetzner/hcloud-openapi-community.json
"$prov" simulate calls --dir "$world" --limit 100000 -o json >"$work/calls.json"
requests=$(python3 -c 'import json, sys
for c in json.load(open(sys.argv[1])):
    path, _, query = c["target"].partition("?")
    body = json.loads(c["body"]) if c.get("body") else None
    print(json.dumps({"method": c["method"], "path": path, "query": query, "body": body}))' "$work/calls.json" |
    tee "$work/requests" | wc -l)
if [ ! -f "$spec" ] || ! python3 -c 'import jsonschema' 2>/dev/null; then
    echo "SKIP: $requests requests: no OpenAPI or no python3-jsonschema here"
else
    python3 "$here/../support/openapi_check.py" "$spec" "$work/requests" >"$work/checked" ||
        fail "the OpenAPI: $(cat "$work/checked")"
    tail -1 "$work/checked"
fi
e2e_end
