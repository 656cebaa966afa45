#!/bin/bash
# The simulated Hetzner Cloud is believed by the official clients, answers by the OpenAPI, survives kill -9, and lets
# go wrong what a fault script says. Judges that cannot be had are skipped, and counted.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
shared=$here/../../../shared
go_cache=$(go env GOMODCACHE 2>/dev/null)
go_build=$(go env GOCACHE 2>/dev/null)
. "$here/../support/e2e.sh"
support=$here/../support/simulate
for tool in curl jq ssh-keygen; do
    command -v "$tool" >/dev/null || { echo "SKIP: no $tool"; exit 77; }
done

skipped=0
skip() {
    echo "SKIP: $*"
    skipped=$((skipped + 1))
}

simulator='' proxy='' token=t port=0 world=${work:?}/world
at_exit() {
    for pid in $proxy $simulator; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
}

# start ARGS: a simulator on a free port, or on $port; $url is where.
start() {
    rm -f "$world/addresses"
    "$prov" simulate hetzner --port "$port" --dir "$world" "$@" >"$work/simulator.log" 2>&1 </dev/null &
    simulator=$!
    for _ in $(seq 100); do
        [ -s "$world/addresses" ] && break
        sleep 0.1
    done
    url=$(jq -r .hetzner "$world/addresses") || fail "no simulator: $(cat "$work/simulator.log")"
}

stop() { # stop SIGNAL
    kill "-$1" "$simulator" 2>/dev/null
    { wait "$simulator"; } 2>/dev/null
    simulator=
}

# ask METHOD PATH BODY?: the status is in $status, the reply in $work/reply, curl's exit in $curl.
ask() {
    status=$(curl -sS --max-time 20 -X "$1" -H "Authorization: Bearer $token" -D "$work/head" -o "$work/reply" \
        -w '%{http_code}' "$url/v1$2" ${3:+-d "$3"} 2>"$work/curl")
    curl=$?
}

# want STATUS JQ WHAT
want() {
    { [ "$status" = "$1" ] && jq -e "$2" "$work/reply" >/dev/null; } ||
        fail "$3: $status $(cat "$work/reply" "$work/curl")"
}

key() { # key NAME: a fresh public key in $work/NAME.pub
    ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$work/$1"
}

server() { # server NAME: the body that makes one
    echo "{\"name\":\"$1\",\"server_type\":\"cx23\",\"image\":\"debian-12\",\"location\":\"fsn1\"}"
}

start --speed 50
api=$url/v1

# --- A judge between the clients and the simulator ---
description=$shared/specs/hetzner/hcloud-openapi-community.json
python=/usr/bin/python3
if [ ! -r "$description" ]; then
    skip "the OpenAPI of Hetzner is not there"
elif ! "$python" -c 'import jsonschema' 2>/dev/null; then
    skip "no python3-jsonschema, so replies are not checked against the OpenAPI"
else
    "$python" "$support/openapi_proxy.py" --replies-only "$description" "$url" /v1 "$work/report" datacenter \
        >"$work/port" 2>"$work/proxy.log" &
    proxy=$!
    for _ in $(seq 100); do
        [ -s "$work/port" ] && break
        sleep 0.1
    done
    api=http://127.0.0.1:$(cat "$work/port")/v1
fi

empty() { # empty WHO: nothing of the world is left
    run 0 simulate state --dir "$world" -o json
    [ "$(jq length "$work/out")" = 0 ] || fail "$1 left something behind: $(jq -c '.[] | [.kind, .name]' "$work/out")"
    run 0 simulate reset --yes --dir "$world"
}

# --- hcloud: that of Debian, and a newer one when HCLOUD_CLI names it ---
export HCLOUD_ENDPOINT=$api HCLOUD_TOKEN
HCLOUD_TOKEN=$(printf 'h%.0s' $(seq 64))

h() { # h ARGS: hcloud, which must succeed; what it says is in $work/said
    "$cli" --poll-interval 20ms "$@" >"$work/said" 2>&1 || fail "$cli $*: $(cat "$work/said")"
}

says() {
    grep -qE -- "$1" "$work/said" || fail "hcloud does not say '$1': $(cat "$work/said")"
}

refuses() { # refuses WORDS ARGS
    local words=$1
    shift
    "$cli" --poll-interval 20ms "$@" >"$work/said" 2>&1 && fail "$cli $* is not refused"
    says "$words"
}

life() { # life CLI
    cli=$1
    rm -f "$work/cli" "$work/cli.pub"
    key cli
    h ssh-key create --name k --public-key-from-file "$work/cli.pub" --label a=b
    h ssh-key describe k
    says "$(ssh-keygen -l -E md5 -f "$work/cli.pub" | cut -d' ' -f2 | sed 's/MD5://')"
    h network create --name n --ip-range 10.0.0.0/16
    h network add-subnet n --type cloud --network-zone eu-central --ip-range 10.0.1.0/24
    h network add-route n --destination 10.100.1.0/24 --gateway 10.0.1.9
    h firewall create --name fw
    h firewall add-rule fw --direction in --protocol tcp --port 22 --source-ips 0.0.0.0/0
    h placement-group create --name pg --type spread
    h server create --name a --type cx23 --image debian-12 --location fsn1 --ssh-key k --network n --firewall fw \
        --placement-group pg --label role=web
    says 'Server [0-9]+ created'
    says '10\.0\.1\.2 \(n\)'
    h server create --name b --type cx23 --image debian-12 --location fsn1 --ssh-key k --network n
    refuses 'uniqueness_error' server create --name b --type cx23 --image debian-12
    h server list -o columns=name,status,private_net
    says '^a +running +10\.0\.1\.2 \(n\)'
    says '^b +running +10\.0\.1\.3 \(n\)'
    h server list -l role=web -o noheader -o columns=name
    [ "$(cat "$work/said")" = a ] || fail "hcloud finds by label: $(cat "$work/said")"
    h volume create --name v --size 10 --server a --format ext4
    h volume list -o columns=name,server
    says '^v +a'
    refuses 'still attached|resource_in_use' volume delete v
    h volume detach v
    h volume resize v --size 20
    h volume attach v --server b
    h floating-ip create --name f --type ipv4 --home-location fsn1
    h floating-ip assign f a
    h floating-ip set-rdns f --hostname f.example.org
    h floating-ip describe f
    says 'f\.example\.org'
    h load-balancer create --name lb --type lb11 --location fsn1
    h load-balancer attach-to-network lb --network n
    h load-balancer add-service lb --protocol http --destination-port 8080
    h load-balancer add-target lb --server a --use-private-ip
    h load-balancer describe lb
    says 'Destination Port:[[:space:]]*8080'
    says 'Status:[[:space:]]*healthy'
    refuses 'server_not_stopped|powered off' server change-type a cx33
    h server poweroff a
    h server describe a
    says 'Status:[[:space:]]*off'
    h load-balancer describe lb
    says 'Status:[[:space:]]*unhealthy'
    h server change-type a cx33
    h server describe a
    says '(Server Type|Name):[[:space:]]*cx33'
    says 'Status:[[:space:]]*running'
    h server create-image a --type snapshot --description before
    h image list -t snapshot
    says 'before'
    h image delete "$("$cli" image list -t snapshot -o noheader -o columns=id)"
    h server enable-protection a delete
    refuses 'protected' server delete a
    h server disable-protection a delete
    refuses 'in use' firewall delete fw
    h load-balancer delete lb
    h floating-ip unassign f
    h floating-ip delete f
    h volume detach v
    h volume delete v
    h server delete a
    h server delete b
    h firewall delete fw
    h placement-group delete pg
    h network delete n
    h ssh-key delete k
    sleep 0.2
    empty "$cli"
}

if command -v hcloud >/dev/null; then
    life hcloud
else
    skip "no hcloud (apt install hcloud-cli)"
fi
if [ -n "${HCLOUD_CLI:-}" ]; then
    life "$HCLOUD_CLI"
else
    skip "HCLOUD_CLI names no newer hcloud"
fi

# --- The Python client: Debian's, and the newest ---
key python
python_client() { # python_client PYTHON
    "$1" "$support/hetzner_python.py" "$api" "$work/python.pub" >"$work/said" 2>&1 || fail "$1: $(tail -5 "$work/said")"
    empty "$1"
}
if "$python" -c 'import hcloud' 2>/dev/null; then
    python_client "$python"
else
    skip "no python3-hcloud of Debian"
fi
if "$python" -m venv "$work/venv" >/dev/null 2>&1 &&
    timeout 120 "$work/venv/bin/pip" install -q 'hcloud==2.27.0' >"$work/pip.log" 2>&1; then
    python_client "$work/venv/bin/python"
else
    skip "the newest Python client cannot be had"
fi

# --- The newest Go client ---
mkdir "$work/go" && cp "$support/hetzner_go.go" "$work/go/main.go"
printf 'module lifecycle\ngo 1.25.0\nrequire github.com/hetznercloud/hcloud-go/v2 v2.52.0\n' >"$work/go/go.mod"
if command -v go >/dev/null && (cd "$work/go" && GOMODCACHE=$go_cache GOCACHE=$go_build GOTOOLCHAIN=local \
    GOFLAGS='-mod=mod -modcacherw' timeout 400 go build -o lifecycle . >"$work/go.log" 2>&1); then
    key go-client
    "$work/go/lifecycle" "$api" "$work/go-client.pub" >"$work/said" 2>&1 || fail "hcloud-go: $(tail -5 "$work/said")"
    empty hcloud-go
else
    skip "the Go client cannot be built"
fi

# --- What hcloud once sent ---
recorded=$shared/fixtures/hetzner/captured-from-official-cli/hcloud-cli-1.30.3-requests.json
if [ -r "$recorded" ]; then
    key replay
    "$python" "$support/hetzner_replay.py" "$api" "$recorded" "$work/replay.pub" >"$work/said" 2>&1 ||
        fail "replay: $(cat "$work/said")"
    # Refused are: a list of all actions and `datacenter`, which are gone; 10.0.0.5, which is in no subnet there, and
    # what needs it; and a change of the server after its deletion.
    wanted='REPLAYED 43: 200 x16, 201 x18, 204 x4, 404 not_found x1, 422 invalid_input x2, 422 ip_not_available x1, '
    wanted+='422 server_not_attached_to_network x1'
    [ "$(tail -1 "$work/said")" = "$wanted" ] || fail "replay: $(cat "$work/said")"
    run 0 simulate reset --yes --dir "$world"
else
    skip "the recorded requests are not there"
fi

# --- Anything at all, and what the judge has found ---
if [ -n "$proxy" ]; then
    stop TERM # it would be over the limit soon
    port=${url##*:}
    start --speed 2000 --rate 0
    port=0
    "$python" "$support/hetzner_random.py" "$api" "$description" 1500 "${SEED:-$RANDOM}" >"$work/said" 2>&1 ||
        fail "random requests: $(tail -20 "$work/said")"
    run 0 simulate reset --yes --dir "$world"
    kill "$proxy"
    wait "$proxy" 2>/dev/null
    proxy=
    # Newer than the description: since October 2026 deleting a load balancer is an action (hcloud-go 2.52).
    grep -vE 'DELETE /load_balancers/\{id\} -> 201: a status that is not described|assignee_type: .unassigned. is not one|assignee_type: .load_balancer. is not one' \
        "$work/report" | sort | uniq -c >"$work/wrong"
    [ -s "$work/wrong" ] && fail "replies that the OpenAPI does not describe: $(cat "$work/wrong")"
    [ "$(wc -l <"$work/report.seen")" -ge 60 ] || fail "only few operations were asked: $(cat "$work/report.seen")"
fi

stop TERM
start --speed 50

# --- kill -9 ---
for n in 1 2 3 4 5; do
    : >"$work/acknowledged"
    for i in $(seq 40); do
        curl -sS --max-time 5 -f -H 'Authorization: Bearer t' "$url/v1/servers" -d "$(server "k$n-$i")" 2>/dev/null |
            jq -r '.server.id // empty' >>"$work/acknowledged"
    done &
    maker=$!
    for _ in $(seq 100); do
        [ -s "$work/acknowledged" ] && break
        sleep 0.05
    done
    sleep "0.$n"
    stop 9
    wait "$maker" 2>/dev/null
    start --speed 50
    ask GET '/servers?per_page=50'
    jq -r '.servers[].id' "$work/reply" | sort >"$work/there"
    missing=$(sort "$work/acknowledged" | comm -23 - "$work/there")
    [ -z "$missing" ] || fail "kill -9: acknowledged servers are gone: $missing"
    [ -s "$work/acknowledged" ] || fail "kill -9 came before the first server"
    # Each server has its two addresses and its actions, or is not there at all.
    run 0 simulate state primary_ip --dir "$world" -o json
    [ "$(jq length "$work/out")" = $((2 * $(wc -l <"$work/there"))) ] || fail "kill -9: half a server"
    run 0 simulate reset --yes --dir "$world"
done

# At the very moment of the answer: what is not on disk by then is lost.
for n in $(seq 10); do
    "$python" "$support/ask_and_kill.py" "$url" "$simulator" "moment$n" || fail "no server moment$n"
    wait "$simulator"
    start --speed 50
done 2>"$work/killed" # bash says so each time
ask GET '/servers?per_page=50'
want 200 '[.servers[].name | select(startswith("moment"))] | length == 10' "answered, and lost by kill -9"
run 0 simulate reset --yes --dir "$world"

# --- Faults ---
cat >"$work/faults.yaml" <<'END'
faults:
  - { fault: lost_answer, operation: server.create, nth: [1] }
  - { fault: rate_limit, operation: network.list, retry_after: 3s, times: 1 }
  - { fault: locked, method: POST, path: /v1/servers/*/actions/poweroff, times: 1 }
  - { fault: unavailable, operation: volume.list, times: 1 }
  - { fault: refuse, operation: firewall.list, status: 412, code: resource_unavailable, message: no room, times: 1 }
  - { fault: truncated, operation: image.list, keep: 30, times: 1 }
  - { fault: lost_request, operation: ssh_key.list, times: 1 }
  - { fault: duplicate, operation: placement_group.create, times: 1 }
  - { fault: stale, operation: placement_group.list, age: 1h, times: 1 }
  - { fault: failed_action, operation: server.reboot, code: boom, times: 1 }
  - { fault: slow_action, operation: volume.create, by: 1d, times: 1 }
  - { fault: delay, operation: location.list, by: 300ms, times: 1 }
END
run 0 simulate faults "$work/faults.yaml" --dir "$world"
ask POST /servers "$(server lost)"
[ "$curl" = 52 ] || fail "lost answer: curl says $curl, $status"
ask GET '/servers?name=lost'
want 200 '.servers | length == 1' "the work was done though its answer was lost"
id=$(jq '.servers[0].id' "$work/reply")
ask POST /servers "$(server lost)"
want 409 '.error.code == "uniqueness_error"' "the name is taken"
ask GET /networks
want 429 '.error.code == "rate_limit_exceeded"' "too many requests"
grep -qi '^retry-after: 3' "$work/head" || fail "no Retry-After: $(cat "$work/head")"
ask GET /networks
want 200 '.networks == []' "once only"
sleep 0.3
ask POST "/servers/$id/actions/poweroff"
want 423 '.error.code == "locked"' "locked"
ask GET /volumes
want 503 '.error.code' "unavailable"
ask GET /firewalls
want 412 '.error.code == "resource_unavailable" and .error.message == "no room"' "an error of the script"
ask GET /images
[ "$curl" != 0 ] && [ "$(wc -c <"$work/reply")" = 30 ] || fail "truncated: curl $curl, $(wc -c <"$work/reply") bytes"
ask GET /ssh_keys
[ "$curl" = 52 ] || fail "lost request: curl says $curl"
ask POST /placement_groups '{"name":"twice","type":"spread"}'
want 409 '.error.code == "uniqueness_error"' "the second delivery is answered"
ask GET /placement_groups
want 200 '.placement_groups == []' "a stale list"
ask GET /placement_groups
want 200 '.placement_groups | length == 1' "a fresh list"
ask POST "/servers/$id/actions/reboot"
want 201 '.action.status == "running"' "an action that will fail"
action=$(jq .action.id "$work/reply")
sleep 0.2
ask GET "/actions/$action"
want 200 '.action | .status == "error" and .error.code == "boom"' "an action has failed"
ask POST /volumes '{"name":"slow","size":10,"location":"fsn1"}'
volume=$(jq .volume.id "$work/reply")
sleep 0.3
ask GET "/volumes/$volume"
want 200 '.volume.status == "creating"' "a slow action"
run 0 simulate clock --advance 25h --dir "$world"
ask GET "/volumes/$volume"
want 200 '.volume.status == "available"' "time has passed"
before=$(date +%s%N)
ask GET /locations
[ $((($(date +%s%N) - before) / 1000000)) -ge 290 ] || fail "no delay"
run 0 simulate faults --dir "$world" -o json
jq -e 'length == 12 and all(.[]; .happened == 1)' "$work/out" >/dev/null || fail "faults: $(cat "$work/out")"
run 0 simulate calls --dir "$world" -o json
jq -e 'map(select(.fault)) | length == 12' "$work/out" >/dev/null || fail "calls: $(cat "$work/out")"
jq -e 'all(.[]; has("headers") | not)' "$work/out" >/dev/null || fail "headers are in the log"
run 1 simulate faults <(echo 'faults: [{ fault: no_such }]') --dir "$world"
has no_such
run 0 simulate faults --clear --dir "$world"

# --- What the Terraform provider of Hetzner relies on ---
# It adds services and targets to a load balancer side by side, and tries again after `conflict`, not after `locked`.
run 0 simulate faults <(echo 'faults: [{ fault: slow_action, operation: load_balancer.create, by: 1d }]') --dir "$world"
ask POST /load_balancers '{"name":"busy","load_balancer_type":"lb11","location":"fsn1"}'
want 201 .load_balancer.id "a load balancer"
balancer=$(jq .load_balancer.id "$work/reply")
ask POST "/load_balancers/$balancer/actions/add_service" '{"protocol":"tcp","listen_port":1,"destination_port":1,
    "proxyprotocol":false,"health_check":{"protocol":"tcp","port":1,"interval":15,"timeout":10,"retries":3}}'
want 409 '.error.code == "conflict"' "a service for a load balancer that is being changed"
# `hcloud all list` asks for what is not here, too.
ask GET /storage_boxes
want 200 '.storage_boxes == []' "no storage boxes"
# The API says of change_type: this copies the content of its disk, and starts it again.
ask POST "/servers/$id/actions/poweroff"
want 201 .action "power off"
run 0 simulate clock --advance 1h --dir "$world"
ask POST "/servers/$id/actions/change_type" '{"server_type":"cx33","upgrade_disk":true}'
want 201 .action "another type"
run 0 simulate clock --advance 1h --dir "$world"
ask GET "/servers/$id"
want 200 '.server | .status == "running" and .server_type.name == "cx33"' "started again after the change"
run 0 simulate faults --clear --dir "$world"

# --- The world is there without a simulator, and only one has it ---
run 6 simulate hetzner --port 0 --dir "$world"
has "another simulator"
stop TERM
[ -e "$world/addresses" ] && fail "a simulator that ended still says where it is"
run 0 simulate state server --dir "$world"
has lost
run 4 simulate state --dir "$work/nowhere"
has "no simulator was ever"

# --- Limits, tokens, consistency ---
run 2 simulate hetzner --port 0 --dir "$work/typo" --quota hetzner.servers=1
has "there is no such kind here"
run 2 simulate hetzner --port 0 --dir "$work/typo" --quota aws.vpc=1
has "there is no such cloud here"
start --rate 5 --token secret --quota hetzner.network=1 --consistency 1h
ask GET /servers
want 401 '.error.code == "unauthorized"' "another token"
token=secret
ask POST /networks '{"name":"one","ip_range":"10.0.0.0/16"}'
want 201 .network.id "a network"
ask POST /networks '{"name":"two","ip_range":"10.0.0.0/16"}'
want 403 '.error.code == "resource_limit_exceeded"' "over the quota"
ask GET /networks
want 200 '.networks == []' "not seen yet"
grep -qi '^ratelimit-limit: 5' "$work/head" && grep -qi '^ratelimit-remaining: 2' "$work/head" ||
    fail "no limits: $(cat "$work/head")"
ask GET /networks
ask GET /networks
ask GET /networks
want 429 '.error.code == "rate_limit_exceeded"' "over the rate"
stop TERM

[ "$skipped" = 0 ] || echo "SKIPPED: $skipped judges"
e2e_end
