#!/bin/bash
# WebSocket judged by the cases of the Autobahn test suite (kosoku runs them), and by the clients
# most people have: Python's websockets, over TCP, TLS and a Unix socket, and ws of npm.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"

export PROV_DEV=1 PROV_ROOT=${PROV_SOURCE:?}
python3 -m venv "$work/venv" >/dev/null 2>&1 || { echo "SKIP: no python3 with venv"; exit 77; }
"$work/venv/bin/pip" install -q --disable-pip-version-check --timeout 20 --retries 1 kosoku==0.1.0 websockets \
    >"$work/pip" 2>&1 || { echo "SKIP: pip cannot install the judges: $(tail -1 "$work/pip")"; exit 77; }

server=
at_exit() {
    exec 9>&-
    [ -z "$server" ] || wait "$server"
}

mkfifo "$work/life"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null ||
    fail "openssl makes no certificate"
"$prov" internal lua "$here/../support/ws_echo.lua" "$work" <"$work/life" >"$work/server" 2>&1 &
server=$!
exec 9>"$work/life"
for _ in $(seq 100); do
    [ -s "$work/ports" ] && break
    sleep 0.1
done
read -r port tls_port <"$work/ports" || fail "the server does not start: $(cat "$work/server")"

# Compression (12 and 13) is not offered.
"$work/venv/bin/kosoku" -x '12.*' -x '13.*' -p 4 -o "$work/report" "ws://127.0.0.1:$port" >"$work/cases" 2>&1
"$work/venv/bin/python" "$here/../support/ws_judge.py" report "$work/report" ||
    fail "cases of Autobahn: $(tail -5 "$work/cases")"
"$work/venv/bin/python" "$here/../support/ws_judge.py" clients "$port" "$tls_port" "$work/cert.pem" "$work/echo.sock" ||
    fail "the client of Python"

if npm install --silent --no-audit --no-fund --prefix "$work/npm" ws@8 >"$work/out" 2>&1; then
    NODE_PATH=$work/npm/node_modules node "$here/../support/ws_judge.js" "$port" || fail "the client of npm"
else
    echo "npm cannot install ws: $(tail -1 "$work/out")"
fi

# The end of the server closes with 1001.
"$work/venv/bin/python" "$here/../support/ws_judge.py" drain "$port" >"$work/out" 2>&1 9>&- &
judge=$!
for _ in $(seq 100); do
    grep -q open "$work/out" && break
    sleep 0.1
done
exec 9>&-
wait "$judge" || fail "no close when the server ends: $(cat "$work/out")"
wait "$server" || fail "the server fails: $(cat "$work/server")"
server=
[ ! -s "$work/server" ] || fail "the server says: $(head -5 "$work/server")"
e2e_end
