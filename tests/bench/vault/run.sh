#!/bin/sh
# Requests of `transit/encrypt` a second: `prov serve vault` and a real Vault (VAULT is the path of its program) beside
# each other, both with an audit file, over one and over many connections. The client is wrk.
#
#   VAULT=/path/of/vault prov bench vault [SECONDS]     (5 for each measurement)
#
# Needs wrk (Debian package of that name), curl and python3.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:-$here/../../../build/test-release/bin/prov}
seconds=${1:-5}
command -v wrk >/dev/null || { echo "wrk is not here: apt-get install wrk"; exit 1; }
[ -x "${VAULT:-}" ] || echo "no Vault beside it: VAULT is not the path of its program"

work=$(mktemp -d)
server=
clean() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || :
    rm -rf "$work"
}
trap clean EXIT
export HOME=$work XDG_STATE_HOME=$work/state

field() { python3 -c 'import json, sys; v = json.load(sys.stdin)
for key in sys.argv[1:]: v = v[int(key)] if isinstance(v, list) else v[key]
print(v)' "$@"; }
now() { date +%s%N; }
ticks() { awk '{ print $14 + $15 }' "/proc/$server/stat"; }
send() { curl -s -X POST -H "X-Vault-Token: $token" -d "$2" "$url/v1/$1"; }

# until_up BEGAN: waits for the server, and says how long it took to come.
until_up() {
    until curl -s -o /dev/null "$url/v1/sys/seal-status"; do sleep 0.005; done
    start=$((($(now) - $1) / 1000000))
}

load() { # NAME CONNECTIONS
    before=$(ticks)
    out=$(wrk -t1 -c"$2" -d"${seconds}s" --latency -s "$work/ask.lua" "$url/v1/transit/encrypt/bench")
    after=$(ticks)
    echo "$out" | awk -v name="$1" -v connections="$2" -v ticks=$((after - before)) -v hertz="$(getconf CLK_TCK)" '
        /requests in/ { requests = $1 }
        /Requests\/sec/ { rate = $2 }
        / 99%/ { p99 = $2 }
        /Non-2xx/ { bad = $NF }
        END { printf "%-8s %3d connections %8.0f requests/s  p99 %9s  %6.1f us of CPU each%s\n", name, connections,
            rate, p99, ticks / hertz * 1e6 / requests, bad ? "  REFUSED: " bad : "" }'
}

measure() { # NAME
    send sys/mounts/transit '{"type":"transit"}' >/dev/null
    send transit/keys/bench '{}' >/dev/null
    cat >"$work/ask.lua" <<LUA
wrk.method, wrk.body = "POST", '{"plaintext":"aGVsbG8gd29ybGQgMTIzNDU="}'
wrk.headers["X-Vault-Token"] = "$token"
LUA
    wrk -t1 -c4 -d1s -s "$work/ask.lua" "$url/v1/transit/encrypt/bench" >/dev/null # warm
    load "$1" 1
    load "$1" 32
    rss=$(awk '/VmRSS/ { print $2 }' "/proc/$server/status")
    printf "%-8s %s MB of memory, up after %s ms\n" "$1" "$((rss / 1024))" "$start"
    kill "$server"
    wait "$server" 2>/dev/null
    server=
}

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port
began=$(now)
"$prov" serve vault --listen "127.0.0.1:$port" --data "$work/vault" >"$work/log" 2>&1 </dev/null &
server=$!
until_up "$began"
init=$(curl -s -X PUT -d '{"secret_shares":1,"secret_threshold":1}' "$url/v1/sys/init")
token=$(echo "$init" | field root_token)
curl -s -o /dev/null -X PUT -d "{\"key\":\"$(echo "$init" | field keys 0)\"}" "$url/v1/sys/unseal"
measure prov

if [ -x "${VAULT:-}" ]; then
    token=root
    began=$(now)
    "$VAULT" server -dev -dev-root-token-id=root -dev-no-store-token -dev-listen-address="127.0.0.1:$port" \
        >"$work/log" 2>&1 </dev/null &
    server=$!
    until_up "$began"
    send sys/audit/file "{\"type\":\"file\",\"options\":{\"file_path\":\"$work/audit\"}}" >/dev/null
    measure Vault
fi
