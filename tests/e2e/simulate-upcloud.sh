#!/bin/bash
# The simulated UpCloud answers as recordings of the real one do, is believed by UpCloud's own Python client and by
# libcloud, and prov's provider lives with it: whole life cycle, drift, faults, and nothing left behind.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
shared=$here/../../../shared
. "$here/../support/e2e.sh"
. "$here/../support/simulator.sh"
support=$here/../support/simulate
for tool in curl jq python3; do
    command -v "$tool" >/dev/null || { echo "SKIP: no $tool"; exit 77; }
done
at_exit() { simulator_stop TERM; }

# things: nothing of an account is left.
empty() {
    local left
    left=$(simulator_things)
    [ -z "$left" ] || fail "$1 left behind: $left"
}

simulator_start upcloud --speed 200

# Recorded traffic.
recordings=$shared/fixtures/upcloud/go-api-cassettes-json
if [ -d "$recordings" ]; then
    python3 "$support/upcloud_replay.py" "$url" "$recordings" >"$work/replay" || fail "replay: $(cat "$work/replay")"
    tail -1 "$work/replay"
    "$prov" simulate reset --dir "$world" --yes >"$work/out" 2>&1 || fail "reset: $(cat "$work/out")"
else
    echo "SKIP: no recordings of UpCloud at $recordings"
fi

# Clients of others.
if python3 -m venv "$work/venv" >"$work/pip" 2>&1 && "$work/venv/bin/pip" install -q --disable-pip-version-check \
    --timeout 20 --retries 1 upcloud-api==2.9.0 apache-libcloud==3.8.0 >>"$work/pip" 2>&1; then
    timeout 120 "$work/venv/bin/python" "$support/upcloud_clients.py" "${url##*:}" --libcloud >"$work/out" 2>&1 ||
        fail "clients: $(cat "$work/out")"
    for seen in "servers: ['web-1.example.com', 'web-2.example.com']" "devices: ['web-1.example.com OS disk', 'data']" \
        "rules: ['22']" "floating: True" "ptr: www.example.com" "group: ('apart', 'strict')" "balancer: lb" \
        "resized: ('2xCPU-4GB', '2', '4096')" "left: (0, 0)" "libcloud: ('old.example.com', running)" "destroyed: True"; do
        has "$seen"
    done
else
    echo "SKIP: the clients cannot be installed: $(tail -1 "$work/pip")"
fi
"$prov" simulate reset --dir "$world" --yes >"$work/out" 2>&1 || fail "reset: $(cat "$work/out")"

# prov's provider.
export UPCLOUD_TOKEN=ucat_canary_4711
cd "$work" && mkdir shop && cd shop || exit 1
printf 'name: shop\ndefaults: { provider: upcloud }\n' >prov.yaml
cat >infra.yaml <<YAML
providers:
  upcloud: { endpoint: "$url", zone: fi-hel1, poll_every: 0.05 }
routers: { main: { routes: [{ to: 10.9.0.0/24, via: 10.0.0.9 }] } }
networks: { lan: { cidr: 10.0.0.0/24, router: "\${router.main}" } }
ssh_keys: { ops: { public_key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJc0 ops" } }
placement_groups: { apart: {} }
servers:
  web:
    count: 3
    plan: 1xCPU-1GB
    network: \${network.lan}
    labels: { team: shop }
    keys: [ "\${ssh_key.ops}" ]
    placement_group: \${placement_group.apart}
    backups: true
volumes:
  data: { size: 20 GiB, server: "\${server.web[1]}" }
  old: { size: 20 GiB, snapshot: "\${snapshot.before}" }
  kept: { size: 10 GiB, backup_rule: { interval: sun, retention: 30 } }
addresses:
  front: { server: "\${server.web[2]}", ptr: www.example.com }
firewalls:
  web: { servers: "\${server.web}", rules: [{ ports: [22, 443, "8000-8010"] }] }
  more: { servers: ["\${server.web[1]}"], rules: [{ protocol: udp, ports: [53], sources: [10.0.0.0/8] }] }
load_balancers:
  lb:
    network: \${network.lan}
    services: [{ protocol: http, listen: 80, port: 8080 }]
    targets: [{ server: "\${server.web[1]}" }, { server: "\${server.web[2]}" }]
snapshots: { before: { volume: "\${volume.data}" } }
buckets: { files: {}, logs: { name: shop-logs }, far: { zone: sg-sin1 } }
YAML
run 0 provider check
has simulated
run 0 apply --yes
run 0 plan --detailed-exitcode
has "No changes"
run 0 catalog images --search "debian 12"
has debian-12
run 0 cost
has "Total:"
api() { curl -sS --max-time 20 -H 'Authorization: Bearer t' -X "$1" ${3:+-d "$3"} "$url/1.3$2"; }
first=$("$prov" state show 'server.web[1]' -o json | jq -r .id)
[ "$(api GET "/server/$first/firewall_rule" | jq '[.firewall_rules.firewall_rule[].comment] | map(split(":")[0]) |
    unique | length')" = 3 ] || fail "not the rules of two firewalls and the last one: $(api GET "/server/$first/firewall_rule")"

[ "$(api GET "/server/$first" | jq -r .server.simple_backup)" = 0300,dailies ] || fail "no backups: $(api GET "/server/$first")"
[ "$(api GET /object-storage-2 | jq -r '[.[] | "\(.name) \(.region) \(.labels[0].value)"] | sort | join(", ")')" = \
    "prov-shop-apac-1 apac-1 shop, prov-shop-europe-1 europe-1 shop" ] || fail "services: $(api GET /object-storage-2)"
bucket=$("$prov" state show bucket.logs -o json | jq -r .id)
service=/object-storage-2/${bucket%/*}
kept=$("$prov" state show volume.kept -o json | jq -r .id)
data=$("$prov" state show volume.data -o json | jq -r .id)

# asked FILTER: how many requests since $seen are of operations that match.
seen=0
newest() { seen=$("$prov" simulate calls --dir "$world" --limit 1 -o json | jq '.[-1].n'); }
asked() {
    "$prov" simulate calls --dir "$world" --limit 20000 --after "$seen" -o json |
        jq --arg what "$1" '[.[] | select(.operation | test($what))] | length'
}

# A look at many is a few lists, and single reads only of what lists do not tell.
newest
PROV_CALLS_LIST_FROM=1 run 0 plan --detailed-exitcode
has "No changes"
[ "$(asked '^(ip_address|network|router|server_group)\.get$')" = 0 ] || fail "something was read one by one"
[ "$(asked '^server\.get$')" = 4 ] || fail "$(asked '^server.get$') servers were read, not those of the two firewalls"
[ "$(asked '^storage\.get$')" = 1 ] || fail "$(asked '^storage.get$') storages were read, not the one with a rule"
[ "$(asked '^server\.list$')" = 1 ] && [ "$(asked '^storage\.list$')" = 2 ] || fail "lists were asked for twice"

# What others changed is found, and taken back; also by lists, where a server that has moved is read.
api PUT "/server/$first" '{"server": {"simple_backup": "no"}}' >"$work/out"
api PUT "/storage/$kept" '{"storage": {"backup_rule": {"interval": "daily", "time": "0430", "retention": "2"}}}' >"$work/out"
api POST "/server/$first/storage/detach" "{\"storage_device\": {\"storage\": \"$data\"}}" >"$work/out"
api DELETE "$service/buckets/shop-logs"
api POST "/server/$first/stop" '{"stop_server": {"stop_type": "hard"}}' >"$work/out"
for _ in $(seq 50); do
    [ "$(api GET "/server/$first" | jq -r .server.state)" = stopped ] && break
    sleep 0.1
done
interface=$(api GET "/server/$first" | jq '.server.networking.interfaces.interface[] | select(.type == "private").index')
api DELETE "/server/$first/networking/interface/$interface"
newest
PROV_CALLS_LIST_FROM=1 run 3 drift
for what in backups retention volume.data bucket.logs network private_ip; do
    has $what
done
[ "$(asked '^server\.get$')" = 5 ] || fail "$(asked '^server.get$') servers were read, not the one that has moved too"
run 0 apply --yes
run 0 plan --detailed-exitcode
[ "$(api GET "/storage/$kept" | jq -c .storage.backup_rule)" = '{"interval":"sun","retention":"30","time":"0300"}' ] ||
    fail "the rule: $(api GET "/storage/$kept")"

# A bucket of another service is taken over with it, and one that is there already is not.
api POST "$service/buckets" '{"name": "theirs"}' >"$work/out"
run 0 import --all --kind bucket
has "${bucket%/*}/theirs"
sed -i 's/^buckets: { /&theirs: {}, /' infra.yaml
run 1 apply --yes
has "has a bucket 'theirs' already"
run 0 import bucket.theirs "${bucket%/*}/theirs"
run 0 plan --detailed-exitcode
sed -i 's/theirs: {}, //' infra.yaml
run 0 apply --yes

# What others changed is found, and taken back.
api PUT "/server/$first" '{"server": {"title": "hacked", "labels": {"label": []}}}' >"$work/out"
api PUT "/server/$first/firewall_rule" '{"firewall_rules": {"firewall_rule": []}}'
run 3 drift
has hacked
has firewall.web
run 0 apply --yes
run 0 plan --detailed-exitcode

# Changes in place: bigger servers, a volume that grows and moves, other rules.
sed -i 's/plan: 1xCPU-1GB/plan: 2xCPU-4GB/; s/size: 20 GiB, server: "${server.web\[1\]}"/size: 30 GiB, server: "${server.web[2]}"/
    s/443, /443, 444, /; s/www.example/web.example/; s/port: 8080/port: 9090/; s/, backup_rule: {.*} }/ }/
    s/old: { size: 20/old: { size: 30/
    s/backups: true/backups: false/' infra.yaml
run 0 apply --yes
run 0 plan --detailed-exitcode
[ "$(api GET "/storage/$kept" | jq -c .storage.backup_rule)" = '{}' ] || fail "the rule stays: $(api GET "/storage/$kept")"
[ "$(api GET "/server/$first" | jq -r .server.simple_backup)" = no ] || fail "backups stay: $(api GET "/server/$first")"
[ "$(api GET "/server/$first" | jq -r .server.plan)" = 2xCPU-4GB ] || fail "the server was made anew, or has the old plan"

# A server that is gone is seen; an API that is away is no such thing.
third=$("$prov" state show 'server.web[3]' -o json | jq -r .id)
api POST "/server/$third/stop" '{"stop_server": {"stop_type": "hard"}}' >"$work/out"
for _ in $(seq 50); do
    [ "$(api GET "/server/$third" | jq -r .server.state)" = stopped ] && break
    sleep 0.1
done
api DELETE "/server/$third?storages=1"
run 3 plan --detailed-exitcode
has 'server.web[3] is created'
printf 'faults: [{ fault: unavailable, method: GET, times: 500 }]\n' >away.yaml
"$prov" simulate faults away.yaml --dir "$world" >"$work/out" 2>&1 || fail "faults: $(cat "$work/out")"
PROV_CALLS_ATTEMPTS=2 PROV_CALLS_BACKOFF=0.01 run 1 plan
grep -q "is created" "$work/out" && fail "an API that is away was taken for things that are gone: $(cat "$work/out")"
"$prov" simulate faults --clear --dir "$world" >"$work/out" 2>&1
run 0 apply --yes
run 0 destroy --yes
empty "a life cycle"

# All of it again while answers are lost, things are locked and reads are stale.
cat >bad.yaml <<'YAML'
seed: 4
faults:
  - { fault: lost_answer, method: POST, path: "/1.3/server", nth: [1] }
  - { fault: lost_answer, method: POST, path: "/1.3/network*", nth: [1] }
  - { fault: lost_answer, method: POST, path: "/1.3/storage", nth: [1] }
  - { fault: truncated, method: POST, path: "/1.3/router", nth: [1] }
  - { fault: lost_answer, method: POST, path: "/1.3/load-balancer", nth: [1] }
  - { fault: lost_answer, method: POST, path: "/1.3/object-storage-2", nth: [1] }
  - { fault: lost_answer, method: POST, path: "/1.3/object-storage-2/*/buckets", nth: [1] }
  - { fault: rate_limit, every: 11, retry_after: 0 }
  - { fault: unavailable, method: GET, every: 13 } # not for POST: an address cannot be found again, and is not tried anew
  - { fault: locked, method: PUT, path: "/1.3/server/*", every: 3 }
YAML
"$prov" simulate faults bad.yaml --dir "$world" >"$work/out" 2>&1 || fail "faults: $(cat "$work/out")"
export PROV_CALLS_BACKOFF=0.02
run 0 apply --yes
"$prov" simulate faults --dir "$world" -o json >faults.json
[ "$(jq '[.[] | select((.happened // .times // 0) > 0)] | length' faults.json)" -ge 8 ] ||
    fail "too few of the faults happened: $(cat faults.json)"
run 0 plan --detailed-exitcode
[ "$(simulator_things | grep -c '^server ')" = 3 ] || fail "not three servers: $(simulator_things)"
run 0 destroy --yes
"$prov" simulate faults --clear --dir "$world" >"$work/out" 2>&1
empty "lost answers"

# What upctl and the Terraform provider of UpCloud rely on.
router=$(api POST /router '{"router": {"name": "r", "static_routes": [{"route": "10.9.0.0/24", "nexthop": "10.0.0.9"}]}}')
[ "$(jq -r '.router.static_routes[0].type' <<<"$router")" = user ] || fail "a route of a user: $router"
api DELETE "/router/$(jq -r .router.uuid <<<"$router")"
balancer=/load-balancer/$(api POST /load-balancer '{"name": "lb", "zone": "fi-hel1", "plan": "development",
    "networks": [{"name": "public", "type": "public", "family": "IPv4"}], "resolvers": [], "backends": [{"name": "be"}],
    "frontends": [{"name": "fe", "mode": "http", "port": 80, "default_backend": "be"}]}' | jq -r .uuid)
api POST "$balancer/resolvers" '{"name": "res", "nameservers": ["10.0.0.2:53"], "retries": 5}' >"$work/out"
api POST "$balancer/frontends/fe/rules" '{"name": "no", "priority": 10, "actions": [{"type": "tcp_reject"}],
    "matchers": [{"type": "path", "match_path": {"method": "starts", "value": "/admin"}}]}' >"$work/out"
jq -e '.priority == 10 and .matching_condition == "and" and .matchers[0].inverse == false' "$work/out" >"$work/jq" ||
    fail "a rule: $(cat "$work/out")"
api PUT "$balancer/frontends/fe/rules/no" '{"name": "no", "actions": [{"type": "tcp_reject"}]}' >"$work/out"
api GET "$balancer" >"$work/out"
jq -e '.resolvers[0].name == "res" and (.frontends[0].rules[0] | .name == "no" and (has("matchers") | not))' \
    "$work/out" >"$work/jq" || fail "the parts of a balancer: $(cat "$work/out")"
api DELETE "$balancer/frontends/fe/rules/no"
api DELETE "$balancer/resolvers/res"
[ "$(api GET "$balancer" | jq -c '[.resolvers, .frontends[0].rules]')" = '[[],[]]' ] || fail "$(api GET "$balancer")"
[ "$(api GET "$balancer/ip-addresses")" = '[]' ] || fail "addresses of a balancer: $(api GET "$balancer/ip-addresses")"
api DELETE "$balancer"
storage=/storage/$(api POST /storage '{"storage": {"title": "up", "size": 10, "zone": "fi-hel1"}}' | jq -r .storage.uuid)
for _ in $(seq 50); do
    [ "$(api GET "$storage" | jq -r .storage.state)" = online ] && break
    sleep 0.1
done
to=$(api POST "$storage/import" '{"storage_import": {"source": "direct_upload"}}' |
    jq -r .storage_import.direct_upload_url)
printf abc >image
[ "$(curl -sS --max-time 20 -T image "$to" | jq -r .sha256sum)" = "$(sha256sum image | cut -d' ' -f1)" ] || fail "upload to $to"
api GET "$storage/import" | jq -e '.storage_import | .state == "completed" and .written_bytes == 3 and
    .md5sum == "900150983cd24fb0d6963f7d28e17f72"' >"$work/jq" || fail "an import: $(api GET "$storage/import")"
[ "$(curl -sS --max-time 20 -o "$work/out" -w '%{http_code}' -T image "$to")" = 404 ] || fail "a session is used twice"
server=/server/$(api POST /server "{\"server\": {\"zone\": \"fi-hel1\", \"title\": \"s\", \"hostname\": \"s.example.com\",
    \"plan\": \"1xCPU-1GB\", \"storage_devices\": {\"storage_device\": [
    {\"action\": \"attach\", \"storage\": \"${storage#/storage/}\"}]}}}" | jq -r .server.uuid)
[ "$(api PUT "$storage" '{"storage": {"size": 20}}' | jq -r .error.error_code)" = SERVER_STATE_ILLEGAL ] ||
    fail "a storage of a running server was resized"
for _ in $(seq 50); do
    [ "$(api GET "$server" | jq -r .server.state)" = started ] && break
    sleep 0.1
done
api POST "$server/stop" '{"stop_server": {"stop_type": "hard"}}' >"$work/out"
for _ in $(seq 50); do
    [ "$(api GET "$server" | jq -r .server.state)" = stopped ] && break
    sleep 0.1
done
[ "$(api PUT "$storage" '{"storage": {"size": 20}}' | jq -r .storage.size)" = 20 ] || fail "$(api GET "$storage")"
api DELETE "$server?storages=1"
[ "$(api GET /account/details/me | jq -r .account.username)" = me ] || fail "$(api GET /account/details/me)"
for path in gateway kubernetes database object-storage-2 file-storage load-balancer/certificate-bundles; do
    [ "$(api GET "/$path")" = '[]' ] || fail "$path: $(api GET "/$path")"
done
[ "$(api GET /network-peering | jq -c .network_peerings.network_peering)" = '[]' ] || fail "$(api GET /network-peering)"
[ "$(api GET /host | jq -c .hosts.host)" = '[]' ] || fail "$(api GET /host)"
sleep 0.5
empty "other clients"

# The token is in no file of the workspace.
grep -r canary_4711 "$work/shop" "$HOME" >"$work/out" 2>&1 && fail "the token was written: $(cat "$work/out")"
e2e_end
