#!/bin/bash
# A workflow as a job of the orchestrator: killed with all its workers over and over, the job goes on with its run
# after each start, waits for a person over a kill, and each step has ended once.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"

cd "$work" || exit 1
for name in east west; do
    "$prov" workspace new "$name" >/dev/null 2>&1
    printf 'defaults: { provider: demo }\nproviders: { demo: { world: world, delay: 50ms } }\nitems: { a: {}, b: {} }\n' \
        >"$name/infra.yaml"
done
"$prov" workspace new hub >/dev/null 2>&1
mkdir hub/workflows
cat >hub/workflows/roll.yaml <<'YAML'
kind: workflow
api: 1
name: roll
summary: Two clouds, one after the other, and a person between them
steps:
  - { name: first, run: apply, workspace: ../east }
  - { name: pause, run: wait, with: { duration: 1s }, needs: [first] }
  - { name: agree, approve: { message: "go on?" }, needs: [pause] }
  - { name: second, run: apply, workspace: ../west, needs: [agree] }
YAML

serve() {
    "$prov" serve --listen 127.0.0.1:0 --workers 2 >>"$work/serve.log" 2>&1 </dev/null &
    server=$!
    for _ in $(seq 100); do
        [ -s "$XDG_STATE_HOME/prov/orchestrator/address" ] && "$prov" queue show >/dev/null 2>&1 && return
        sleep 0.1
    done
    fail "no orchestrator: $(cat "$work/serve.log")"
}
kill_all() {
    rm -f "$XDG_STATE_HOME/prov/orchestrator/address"
    workers=$(pgrep -P "$server")
    # shellcheck disable=SC2086 # a list
    kill -9 "$server" $workers 2>/dev/null
    wait "$server" 2>/dev/null
}
at_exit() { kill_all; }
field() { python3 -c 'import json, sys; print(json.load(sys.stdin).get(sys.argv[1]))' "$1"; }
state() { "$prov" job show "$job" -o json 2>/dev/null | field state; }

serve
job=$("$prov" job submit 'workflow run' -w hub --params name=roll -o json | field id)
case $job in j*) ;; *) fail "no job: $job" ;; esac
flow=flow-$job
for pause in 0.15 0.3 0.2; do # fewer than the interruptions that a job is given up after
    sleep "$pause"
    kill_all
    serve
    [ "$pause" != 0.3 ] || break
done
for _ in $(seq 100); do
    "$prov" -w hub workflow status "$flow" >"$work/out" 2>&1
    grep -q 'agree *waiting' "$work/out" && break
    sleep 0.1
done
has "waiting"
[ "$(state)" = running ] || fail "a job that waits for a person is $(state)"
run 0 -w hub workflow approve "$flow" agree
for _ in $(seq 100); do
    [ "$(state)" = running ] || break
    sleep 0.1
done
[ "$(state)" = "done" ] || fail "the job is $(state): $("$prov" job show "$job")"
run 0 -w hub workflow status "$flow" -o json
python3 - "$work/out" <<'PY' || fail "not every step is done: $(cat "$work/out")"
import json, sys
steps = json.load(open(sys.argv[1]))["steps"]
assert [s["status"] for s in steps] == ["done"] * 4, steps
PY
for name in east west; do
    [ "$(find "$name/world/calls" -name 'create item.*' | wc -l)" -eq 2 ] || fail "$name: $(ls "$name/world/calls")"
    run 0 -w "$name" drift
done
"$prov" -w hub workflow runs -o json | python3 -c 'import json, sys; assert len(json.load(sys.stdin)) == 1' ||
    fail "there is more than one run"
e2e_end
