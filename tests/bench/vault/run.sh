#!/bin/sh
# Requests of `transit/encrypt` a second: `prov serve vault` and a real Vault (VAULT is the path of its program) beside
# each other, both with an audit file, over one and over many connections. They take turns, for machines are not always
# as fast: medians and ratios of medians. The client is wrk.
#
#   VAULT=/path/of/vault prov bench vault [SECONDS [ROUNDS]]     (2 for each measurement, 9 times)
#
# Needs wrk (Debian package of that name), curl and python3.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:-$here/../../../build/test-release/bin/prov}
seconds=${1:-2}
rounds=${2:-9}
command -v wrk >/dev/null || { echo "wrk is not here: apt-get install wrk"; exit 1; }
servers=prov
if [ -x "${VAULT:-}" ]; then
    servers="prov Vault"
else
    echo "no Vault beside it: VAULT is not the path of its program"
fi

work=$(mktemp -d)
prov_pid=
Vault_pid=
clean() {
    for pid in $prov_pid $Vault_pid; do
        kill "$pid" && wait "$pid"
    done 2>/dev/null
    rm -rf "$work"
}
trap clean EXIT
export HOME=$work XDG_STATE_HOME=$work/state

field() { python3 -c 'import json, sys; v = json.load(sys.stdin)
for key in sys.argv[1:]: v = v[int(key)] if isinstance(v, list) else v[key]
print(v)' "$@"; }
now() { date +%s%N; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
send() { curl -s -X POST -H "X-Vault-Token: $token" -d "$2" "$url/v1/$1"; }
pid_of() { eval "echo \$$1_pid"; }

# until_up SERVER BEGAN: waits for the server, and says how long it took to come.
until_up() {
    until curl -s -o /dev/null "$url/v1/sys/seal-status"; do sleep 0.005; done
    echo "$1 is up after $((($(now) - $2) / 1000000)) ms"
}

# ready SERVER: a key, and what wrk asks for.
ready() {
    send sys/mounts/transit '{"type":"transit"}' >/dev/null
    send transit/keys/bench '{}' >/dev/null
    cat >"$work/$1.lua" <<LUA
wrk.method, wrk.body = "POST", '{"plaintext":"aGVsbG8gd29ybGQgMTIzNDU="}'
wrk.headers["X-Vault-Token"] = "$token"
LUA
    echo "$url/v1/transit/encrypt/bench" >"$work/$1.url"
}

# load SERVER CONNECTIONS SECONDS: requests a second, p99 in ms, us of processor time each.
load() {
    stat=/proc/$(pid_of "$1")/stat
    before=$(awk '{ print $14 + $15 }' "$stat")
    out=$(wrk -t1 -c"$2" -d"$3s" --latency -s "$work/$1.lua" "$(cat "$work/$1.url")")
    after=$(awk '{ print $14 + $15 }' "$stat")
    echo "$out" | awk -v ticks=$((after - before)) -v hertz="$(getconf CLK_TCK)" '
        /requests in/ { requests = $1 }
        /Requests\/sec/ { rate = $2 }
        / 99%/ { p99 = $2 ~ /us/ ? $2 / 1000 : $2 ~ /ms/ ? $2 + 0 : $2 * 1000 }
        /Non-2xx/ { bad = $NF }
        END { print rate, p99, ticks / hertz * 1e6 / requests
              if (bad) print "REFUSED: " bad >"/dev/stderr" }'
}

url=http://127.0.0.1:$(free_port)
began=$(now)
"$prov" serve vault --listen "${url#http://}" --data "$work/vault" >"$work/prov.log" 2>&1 </dev/null &
prov_pid=$!
until_up prov "$began"
init=$(curl -s -X PUT -d '{"secret_shares":1,"secret_threshold":1}' "$url/v1/sys/init")
token=$(echo "$init" | field root_token)
curl -s -o /dev/null -X PUT -d "{\"key\":\"$(echo "$init" | field keys 0)\"}" "$url/v1/sys/unseal"
ready prov

if [ "$servers" != prov ]; then
    url=http://127.0.0.1:$(free_port)
    token=root
    began=$(now)
    "$VAULT" server -dev -dev-root-token-id=root -dev-no-store-token -dev-listen-address="${url#http://}" \
        >"$work/Vault.log" 2>&1 </dev/null &
    Vault_pid=$!
    until_up Vault "$began"
    send sys/audit/file "{\"type\":\"file\",\"options\":{\"file_path\":\"$work/audit\"}}" >/dev/null
    ready Vault
fi

for name in $servers; do
    load "$name" 4 1 >/dev/null # warm
done
round=0
while [ "$round" -lt "$rounds" ]; do
    for connections in 1 32; do
        for name in $servers; do
            load "$name" "$connections" "$seconds" >>"$work/$name.$connections"
        done
    done
    round=$((round + 1))
done

python3 - "$work" "$rounds" $servers <<'PYTHON'
import statistics, sys
work, rounds, servers = sys.argv[1], sys.argv[2], sys.argv[3:]
print(f"medians of {rounds} rounds (least and most)")
for connections in ("1", "32"):
    rate, cost = {}, {}
    for name in servers:
        rows = [[float(word) for word in line.split()] for line in open(f"{work}/{name}.{connections}")]
        rates, p99s, costs = zip(*rows)
        rate[name], cost[name] = statistics.median(rates), statistics.median(costs)
        print(f"{connections:>3} connections  {name:5} {rate[name]:7.0f} requests/s ({min(rates):.0f} to {max(rates):.0f})"
              f"  p99 {statistics.median(p99s):6.2f} ms  {cost[name]:6.1f} us of processor time each"
              f" ({min(costs):.0f} to {max(costs):.0f})")
    if len(servers) == 2:
        print(f"{'':17}prov to Vault: {rate['prov'] / rate['Vault']:.2f} times the requests, "
              f"{cost['Vault'] / cost['prov']:.2f} times less processor time")
PYTHON
for name in $servers; do
    rss=$(awk '/VmRSS/ { print $2 }' "/proc/$(pid_of "$name")/status")
    echo "$name: $((rss / 1024)) MB of memory"
done
