#!/bin/bash
# A run that fails is undone, and any run can be gone back behind: the world is as it was, nothing twice, nothing left.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
export PROV_PATH=$here/../support/extensions
e2e_both_ways

world() { find "$work/world" -type f ! -name '*.tmp' -exec sh -c 'cat "$1"; echo' _ {} \; | sort | tr '\n' ' '; }

mkdir "$work/world"
"$prov" workspace new "$work/ws" >/dev/null 2>&1 && cd "$work/ws" || exit 1
infra() { # infra SETTINGS THINGS
    printf 'providers: { folder: { dir: "%s"%s } }\ndefaults: { provider: folder }\nthings:\n%s\n' "$work/world" "$1" "$2" >infra.yaml
}
infra "" '  a: { label: a1 }
  b: { label: b1, after: "${thing.a.id}" }
  c: { label: c1, after: "${thing.b.id}" }'
run 0 apply --yes
before=$(world)

# Changes, deletes and creates, and then something fails.
infra ", fail: z" '  a: { label: a2 }
  b: { label: b1, after: "${thing.a.id}" }
  d: { label: d1 }
  z: { label: z1, after: "${thing.d.id}" }'
run 1 apply --yes --on-failure rollback --parallelism 1
has "Undone: everything is as it was before this run."
[ "$(world)" = "$before" ] || fail "after the rollback the world is $(world), not $before"
[ "$("$prov" state list -o name | tr '\n' ' ')" = "thing.a thing.b thing.c " ] || fail "the state has $("$prov" state list -o name)"
run 0 run list
has "rollback"
run 0 drift

# Killed in the middle of the undoing, a second rollback ends it.
for after in 0.02 0.05 0.08 0.12 0.16 0.2; do
    infra ", slow: 20ms, fail: z" '  a: { label: a2 }
  d: { label: d1 }
  e: { label: e1 }
  z: { label: z1, after: ["${thing.a.id}", "${thing.d.id}", "${thing.e.id}"] }'
    "$prov" apply --yes --on-failure rollback --parallelism 1 >"$work/log" 2>&1 &
    pid=$!
    for _ in $(seq 300); do
        grep -q "undoing what this run did" "$work/log" && break
        sleep 0.01
    done
    sleep "$after"
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    first=$("$prov" run list -o json | python3 -c 'import json, sys; print([r["id"] for r in json.load(sys.stdin) if r["what"] == "apply"][0])')
    if [ "$after" = 0.05 ] && "$prov" status -o json | grep -q '"run-'; then
        run 0 run resume --yes # what was killed was the undoing
    else
        run 0 run rollback "$first" --yes
    fi
    [ "$(world)" = "$before" ] || fail "killed $after s into the undoing: the world is $(world), not $before"
done

# Another process asks a run to end; resume goes on with it.
infra ", slow: 200ms" '  a: { label: a1 }
  b: { label: b1, after: "${thing.a.id}" }
  c: { label: c1, after: "${thing.b.id}" }
  f: { label: f1 }
  g: { label: g1, after: "${thing.f.id}" }'
run 4 run cancel
has "nothing is running"
"$prov" apply --yes >"$work/log" 2>&1 &
pid=$!
sleep 0.3
run 0 status
has "Running: apply by"
run 0 run cancel
wait "$pid"
[ $? -eq 130 ] || fail "a cancelled run: $(cat "$work/log")"
run 0 run list
has "interrupted"
run 0 run resume --yes
[ "$(world)" = "$before"f1\ g1\  ] || fail "after resume the world is $(world)"
run 0 run diff
has "+ thing.g"
infra "" '  a: { label: a1 }
  b: { label: b1, after: "${thing.a.id}" }
  c: { label: c1, after: "${thing.b.id}" }'
run 0 apply --yes

# A good run can be gone back behind too, and what is made again is referred to as what it is now.
infra "" '  a: { label: a3 }
  b: { label: b3, after: "${thing.a.id}" }'
run 0 apply --yes
[ "$(world)" != "$before" ] || fail "nothing was applied"
run 0 run rollback --yes
[ "$(world)" = "$before" ] || fail "after run rollback the world is $(world), not $before"
infra "" ""
run 0 apply --yes
run 0 run rollback --yes
[ "$(world)" = "$before" ] || fail "after a rollback of a removal the world is $(world), not $before"
"$prov" state export | python3 -c '
import json, sys
records = {r["address"]: r for r in json.load(sys.stdin)["records"]}
assert records["thing.b"]["args"]["after"] == records["thing.a"]["id"], records
' || fail "what was made again is not referred to"
run 0 drift
e2e_end
