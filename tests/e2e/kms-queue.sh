#!/bin/bash
# The orchestrator's queue, whose key a KMS keeps: its jobs stay through every change, a KMS that is away is said to be
# so and loses nothing, a kill at any write leaves a queue that opens.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"

data=$XDG_STATE_HOME/prov/orchestrator
serve() {
    rm -f "$data/address"
    "$prov" serve --listen 127.0.0.1:0 --workers 1 >"$work/serve.log" 2>&1 </dev/null &
    server=$!
    for _ in $(seq 150); do
        [ -s "$data/address" ] && break
        sleep 0.1
    done
    PROV_REMOTE=$(cat "$data/address") || fail "no orchestrator: $(cat "$work/serve.log")"
    export PROV_REMOTE
}
stop() {
    [ -n "${server:-}" ] && kill "$server" 2>/dev/null && wait "$server"
    server=
    unset PROV_REMOTE
}
at_exit() { stop; }
jobs() { "$prov" job list -o json | python3 -c 'import json, sys; print(sorted((j["id"], j["state"]) for j in json.load(sys.stdin)))'; }

cd "$work" || exit 1
run 0 workspace new shop
serve
for seconds in 3600 7200 10800; do
    run 0 job submit refresh -w "$work/shop" --delay ${seconds}s
done
before=$(jobs)
env -u PROV_REMOTE "$prov" queue rekey >"$work/out" 2>&1 && fail "the key of a queue in use was changed"
has "another orchestrator works"
stop
cp -r "$data" "$work/base"
cp "$data/key" "$work/plain.key"

run 0 kms create "$work/ring"
run 0 queue rekey --kms "local:$work/ring" -o json
has "local:$work/ring"
grep -q '"purpose":"queue"' "$data/key" || fail "the key file is no envelope: $(cat "$data/key")"
[ "$(stat -c %a "$data/key")" = 600 ] || fail "the key file's mode"
run 0 kms list -o json
has '"purpose": "queue"'
serve
[ "$(jobs)" = "$before" ] || fail "in a KMS: $(jobs), not $before"
env -u PROV_REMOTE "$prov" queue rekey --rewrap >"$work/out" 2>&1 || fail "rewrap beside the orchestrator: $(cat "$work/out")"
stop

# The old key opens nothing, and the key of a queue is none for a state.
cp "$data/key" "$work/envelope"
cp "$work/plain.key" "$data/key"
run 1 queue rekey
has "the key is not the one"
cp "$work/envelope" "$data/key"
mkdir -p shop/.prov && cp "$data/key" shop/.prov/key && chmod 600 shop/.prov/key
run 1 -w shop status
has "wrapped for another purpose"
rm shop/.prov/key

# Away: nothing starts, and nothing is lost.
mv "$work/ring" "$work/away"
run 1 serve --listen 127.0.0.1:0
has "is not there"
run 1 queue rekey --kms local
has "is not there"
mv "$work/away" "$work/ring"
cmp -s "$work/envelope" "$data/key" || fail "a KMS that was away changed the key file"

run 0 queue rekey --kms local
[ "$(stat -c %s "$data/key")" = 32 ] || fail "the key is not in its file again"
serve
[ "$(jobs)" = "$before" ] || fail "back in the file: $(jobs), not $before"
stop
rm "$data/key"
run 4 queue rekey
has "put your copy of it there"

command -v cc >/dev/null || { echo "SKIP: no C compiler for the library that kills"; e2e_end; }
cc -shared -fPIC -O1 -o "$work/killshim.so" "$here/../support/killshim.c" -ldl -lpthread || fail "the library does not build"
python3 "$here/../support/queuepoints.py" "$prov" "$work/killshim.so" "$PROV_SOURCE" "$work/base" "$work" || fail "see above"
e2e_end
