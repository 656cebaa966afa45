#!/bin/sh
# HTTP servers on a libuv loop side by side: libwebsockets, libmicrohttpd, libh2o, prov's core/net in C
# and in Lua.  Each is alone on core 0, wrk with 32 connections on core 1.
#   run.sh [ROUNDS [SECONDS]]    needs a built prov in PROV, wrk, python3, taskset and
#                                libwebsockets-dev libmicrohttpd-dev libh2o-dev
# Prints, for every round and server: requests a second, processor time of a request, largest memory;
# then what each answers to requests that can be read in two ways.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
prov=${PROV:-$root/build/release/bin/prov}
rounds=${1:-3}
seconds=${2:-4}
work=$(mktemp -d)
server=
cleanup() {
    [ -z "$server" ] || kill -9 "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP PIPE

compile() { # compile PEER FLAG...
    peer=$1
    shift
    ${CC:-cc} -O2 -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-function -o "$work/$peer" \
        "$here/peer_$peer.c" "$@"
}
compile lws -lwebsockets -luv
compile mhd -lmicrohttpd -luv
compile h2o -lh2o -lssl -lcrypto -luv -lz
compile prov -I"$root/core" "$root"/core/net/server*.c "$root/core/net/http1.c" "$root"/core/base/*.c \
    -luv -lssl -lcrypto -lpthread

start() { # start PEER: sets port and server
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    if [ "$1" = lua ]; then
        PROV_DEV=1 PROV_ROOT=$root taskset -c 0 "$prov" internal lua "$here/server.lua" "$port" 2>"$work/cost" &
    else
        taskset -c 0 "$work/$1" "$port" 2>"$work/cost" &
    fi
    server=$!
    sleep 0.7
}
stop() {
    kill "$server"
    wait "$server" || true
    server=
}

for round in $(seq "$rounds"); do
    for peer in lws mhd h2o prov lua; do
        start "$peer"
        taskset -c 1 wrk -t1 -c32 -d"${seconds}s" "http://127.0.0.1:$port/health" >"$work/wrk"
        stop
        awk -v round="$round" -v peer="$peer" '
            /requests in/ { count = $1 }
            /Requests.sec/ { rate = $2 }
            /Socket errors|Non-2xx/ { bad = "; " $0 }
            NF == 2 && FILENAME ~ /cost$/ { cpu = $1; rss = $2 }
            END { printf "%d %-4s %6d/s, %4.1f us, %.1f MiB%s\n", round, peer, rate, cpu / count * 1e6, rss / 1024, bad }
        ' "$work/wrk" "$work/cost"
    done
done
for peer in lws mhd h2o prov; do
    start "$peer"
    echo "$peer"
    python3 "$here/smuggle.py" "$port"
    stop
done
