#!/bin/bash
# The example workspaces/batch: two clouds and a site as one. It succeeds whole, fails with everything undone, goes on
# after kills with nothing run twice, asks a person, runs a matrix of sub-workflows, tells a webhook.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
receiver=
at_exit() { [ -z "$receiver" ] || kill "$receiver" 2>/dev/null; }
source=${PROV_SOURCE:-$here/../..}

fresh() {
    rm -rf "$work/batch"
    cp -r "$source/workspaces/batch" "$work/batch"
    cd "$work/batch" || exit 1
}
things() { find east west site -path '*/world/*' -type f ! -path '*/calls/*' ! -name '*.tmp' | wc -l; }
twice() { find east west site -path '*/world/*' -type f ! -path '*/calls/*' ! -name '*.tmp' -exec sh -c 'for f; do echo "${f%%/*} $(cat "$f")"; done' _ {} + | sort | uniq -d; }
calls() { find east west site -path "*/world/calls/$1 *" ! -name '*.tmp' | wc -l; }
status_of() { "$prov" workflow status -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)["status"])'; }
field() { # field EXPRESSION: of the last run's status
    "$prov" workflow status -o json | python3 -c "import json, sys; v = json.load(sys.stdin); print($1)"
}

# Success: a matrix of sub-workflows, outputs, artifacts kept privately.
fresh
run 0 workflow validate
run 0 workflow run rollout --yes
has "cloud[west]/apply"
[ "$(things) $(calls create)" = "8 8" ] || fail "after a success: $(things) things, $(calls create) creates"
[ "$(field 'len(v["outputs"]["clouds"])')" = 2 ] || fail "outputs: $(field 'v["outputs"]')"
kept=$(field '[s for s in v["steps"] if s["step"] == "cloud[west]/look"][0]["artifacts"]["servers.json"]')
grep -q 'server.web\[1\]' "$kept" && [ "$(stat -c %a "$kept")" = 600 ] || fail "artifact $kept: $(ls -l "$kept")"
run 0 workflow run rollout --yes
[ "$(calls create)" = 8 ] || fail "a second run created something"
run 7 workflow resume
has "nothing to go on with"
run 0 workflow runs -o name
[ "$(wc -l <"$work/out")" = 2 ] || fail "runs: $(cat "$work/out")"

# The last step fails: all of it is undone, last things first.
fresh
sed -i 's/demo: { world: world }/demo: { world: world, fail: launch }/' site/infra.yaml
run 1 workflow run rollout --yes
has "rolled back"
has "told to fail here"
[ "$(things)" = 0 ] || fail "after a rollback there are: $(find . -path '*/world/*' -type f)"
[ "$(calls create)" = 7 ] && [ "$(calls delete)" = 7 ] || fail "$(calls create) creates and $(calls delete) deletes"
run 7 workflow resume

# What was there before stays: undone is the rollout, not the workspace.
fresh
sed -i '/^networks:/,/^outputs:/{/^outputs:/!d}' east/infra.yaml
sed -i 's/^outputs:/networks: { old: { cidr: 10.20.0.0\/24 } }\noutputs:/; s/  web: .*/  old: "${network.old.id}"/' east/infra.yaml
run 0 -w east apply --yes
cp "$source/workspaces/batch/east/infra.yaml" east/
sed -i 's/^networks:/networks:\n  old: { cidr: 10.20.0.0\/24 }/' east/infra.yaml
sed -i 's/demo: { world: world }/demo: { world: world, fail: launch }/' site/infra.yaml
run 1 workflow run rollout --yes
has "rolled back"
[ "$(things)" = 1 ] && grep -q network.old east/world/network-* || fail "what was there before: $(find . -path '*/world/*' -type f)"

# Without the rollback: mended and resumed, nothing of what was done is done again.
fresh
sed -i 's/on_failure: rollback/on_failure: stop/' workflows/rollout.yaml
sed -i 's/demo: { world: world }/demo: { world: world, fail: launch }/' site/infra.yaml
run 1 workflow run rollout --yes
has "goes on from here"
sed -i 's/, fail: launch//' site/infra.yaml
run 0 workflow resume
[ "$(things) $(calls create)" = "8 8" ] || fail "after a resume: $(things) things, $(calls create) creates"
[ "$(grep -c run "$work/out")" -ge 1 ] && ! grep -q 'cloud.*: run' "$work/out" || fail "resume ran clouds again: $(cat "$work/out")"

# An approval: waited for without a lock, approved from outside, denied, over in time.
fresh
run 0 workflow run rollout --yes --input ask=true --detach
has "prov workflow approve"
[ "$(status_of)" = waiting ] || fail "not waiting: $(status_of)"
run 4 workflow approve last agre
has "did you mean 'agree'"
run 7 workflow approve last site
run 0 workflow approve last agree -m "go"
run 7 workflow approve last agree
run 0 workflow resume
[ "$(status_of) $(things) $(calls create)" = "done 8 8" ] || fail "approved: $(status_of), $(things) things"
has "approved by"
fresh
"$prov" workflow run rollout --yes --input ask=true >"$work/live" 2>&1 &
pid=$!
for _ in $(seq 200); do
    [ "$(status_of 2>/dev/null)" = waiting ] && break
    sleep 0.05
done
"$prov" state unlock >"$work/out" 2>&1 && ! grep -q flow- "$work/out" || fail "a waiting run holds a lock: $(cat "$work/out")"
run 0 workflow approve last agree --deny -m "not today"
wait "$pid"
[ $? -eq 1 ] || fail "denied: exit 0: $(cat "$work/live")"
grep -q "not today" "$work/live" || fail "the reason is not told: $(cat "$work/live")"
[ "$(status_of) $(things)" = "rolled_back 0" ] || fail "denied: $(status_of), $(things) things"
fresh
sed -i 's/timeout: 1h/timeout: 1s/' workflows/rollout.yaml
run 1 workflow run rollout --yes --input ask=true
has "nobody approved it in time"
# Ctrl-C leaves it waiting; cancel ends it.
fresh
"$prov" workflow run rollout --yes --input ask=true >"$work/live" 2>&1 &
pid=$!
for _ in $(seq 200); do
    [ "$(status_of 2>/dev/null)" = waiting ] && break
    sleep 0.05
done
kill -INT "$pid"
wait "$pid"
[ "$(status_of)" = waiting ] || fail "Ctrl-C while waiting: $(status_of)"
run 0 workflow cancel
[ "$(status_of)" = canceled ] || fail "cancel: $(status_of)"
run 7 workflow cancel
run 0 workflow approve last agree
run 0 workflow resume
[ "$(status_of) $(things) $(calls create)" = "done 8 8" ] || fail "resumed after a cancel: $(status_of)"

# Ctrl-C while steps run: once ends them in order, twice at once; another process asks for the same.
for how in once twice cancel now; do
    fresh
    for place in east west site; do
        sed -i 's/demo: { world: world }/demo: { world: world, delay: 700ms }/' $place/infra.yaml
    done
    "$prov" workflow run rollout --yes >"$work/live" 2>&1 &
    pid=$!
    for _ in $(seq 200); do
        [ "$(calls create)" -ge 1 ] && break
        sleep 0.02
    done
    case $how in
        once) kill -INT "$pid" ;;
        twice) kill -INT "$pid" && sleep 0.1 && kill -INT "$pid" ;;
        cancel) run 0 workflow cancel ;;
        now) run 0 workflow cancel --now ;;
    esac
    wait "$pid"
    [ $? -eq 130 ] || fail "$how: $(cat "$work/live")"
    [ "$(things)" -lt 8 ] || fail "$how: everything was made all the same"
    for place in east west site; do
        sed -i 's/, delay: 700ms//' $place/infra.yaml
    done
    run 0 workflow resume
    [ "$(status_of) $(things) $(calls create)" = "done 8 8" ] ||
        fail "$how, then resume: $(status_of), $(things) things, $(calls create) creates"
done

# What may do harm when it is run again stops for a person.
fresh
sed -i 's/    timeout: 10m/    again: false/' workflows/rollout.yaml
sed -i 's/demo: { world: world }/demo: { world: world, delay: 2s }/' site/infra.yaml
"$prov" workflow run rollout --yes >"$work/live" 2>&1 &
pid=$!
for _ in $(seq 200); do
    [ -d site/world/calls ] && break
    sleep 0.02
done
run 6 workflow resume
kill -9 "$pid"
wait "$pid" 2>/dev/null
[ "$(status_of)" = interrupted ] || fail "killed: $(status_of)"
run 1 workflow resume
has "--again 'site'"
[ "$(status_of)" = unknown ] || fail "not unknown: $(status_of)"
run 7 workflow resume --again check[east]
sed -i 's/, delay: 2s//' site/infra.yaml
run 0 workflow resume --again site
[ "$(status_of) $(things) $(calls create)" = "done 8 8" ] || fail "run again: $(status_of), $(things) things"

# A webhook, signed, once for each event, tried again when it is not well.
fresh
python3 "$here/../support/hook_receiver.py" "$work/port" "$work/hooks" s3cret 2 &
receiver=$!
for _ in $(seq 100); do
    [ -s "$work/port" ] && break
    sleep 0.05
done
export PROV_INPUT_HOOK_SECRET=s3cret
hook="hook=http://127.0.0.1:$(cat "$work/port")/"
run 0 workflow run rollout --yes --input ask=true --input "$hook" --detach
run 0 workflow approve last agree
run 0 workflow resume
id=$("$prov" workflow runs -o name | head -1)
[ "$(cut -d' ' -f1,3 "$work/hooks" | tr '\n' ' ')" = "waiting signed done signed " ] || fail "webhook: $(cat "$work/hooks")"
grep -q "\"run\":\"$id\"" "$work/hooks.bodies" && ! grep -q s3cret "$work/hooks.bodies" || fail "body: $(cat "$work/hooks.bodies")"
unset PROV_INPUT_HOOK_SECRET
! grep -rq s3cret .prov || fail "a secret input lies in the state"

# kill -9 at the instants at which anything reaches the disk, and again in every third resume.
if command -v cc >/dev/null; then
    cc -shared -fPIC -O1 -o "$work/killshim.so" "$here/../support/killshim.c" -ldl -lpthread || fail "no killshim"
    kill_at() { # kill_at CALL ARGS: prov is killed after the call
        LD_PRELOAD=$work/killshim.so KILL_DIRS=$work/batch KILL_AT=$1 KILL_WHEN=after KILL_COUNT=$work/count \
            "$prov" "${@:2}" >"$work/out" 2>&1 </dev/null || :
    } 2>/dev/null
    for mode in "done" rolled_back; do
        fresh
        [ "$mode" = "done" ] || sed -i 's/world: world }/world: world, fail: launch }/' site/infra.yaml
        kill_at 0 workflow run rollout --yes 2>/dev/null
        total=$(cat "$work/count") instants=0
        for ((at = 1; at <= total; at += ${FLOW_KILL_EVERY:-7})); do
            fresh
            [ "$mode" = "done" ] || sed -i 's/world: world }/world: world, fail: launch }/' site/infra.yaml
            kill_at "$at" workflow run rollout --yes
            instants=$((instants + 1))
            if [ $((at % 9)) -eq 1 ]; then kill_at $((RANDOM % total + 1)) workflow resume; fi
            state=$(status_of 2>/dev/null)
            if [ -z "$state" ]; then # killed before the run was written down
                "$prov" workflow run rollout --yes >"$work/out" 2>&1
            elif [ "$state" != "$mode" ]; then
                "$prov" workflow resume >"$work/out" 2>&1
            fi
            wanted=8
            [ "$mode" = "done" ] || wanted=0
            [ "$(status_of) $(things)" = "$mode $wanted" ] ||
                fail "killed at $at of $total: $(status_of), $(things) things: $(cat "$work/out")"
            [ -z "$(twice)" ] || fail "killed at $at of $total: made twice: $(twice)"
            [ "$(calls create)" -le 8 ] || fail "killed at $at of $total: $(calls create) creates"
        done
        echo "$instants instants of $total, to be $mode"
    done
fi
e2e_end
