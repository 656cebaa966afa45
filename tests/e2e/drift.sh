#!/bin/bash
# What changed outside is shown with exit code 3, taken back by apply or recorded by --accept; runs can be read.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
export PROV_PATH=$here/../support/extensions
e2e_both_ways

mkdir "$work/world"
"$prov" workspace new "$work/ws" >/dev/null 2>&1 && cd "$work/ws" || exit 1
cat >infra.yaml <<YAML
providers: { folder: { dir: "$work/world" } }
defaults: { provider: folder }
things: { a: { label: one }, b: {}, c: {} }
YAML
run 0 run list
has "nothing was run yet"
run 0 apply --yes
run 0 drift
has "No drift"

file_of() { "$prov" state show "$1" -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])'; }
echo -n two >"$work/world/$(file_of thing.a)"
rm "$work/world/$(file_of thing.b)"
before=$("$prov" state export)
run 3 drift
has "thing.a changed"
has 'label = "one" -> "two"'
has "thing.b gone"
run 3 drift -o json
python3 -c 'import json, sys; v = json.load(open(sys.argv[1])); assert [r["status"] for r in v["changes"]] == ["changed", "gone"], v' \
    "$work/out" || fail "drift -o json"
[ "$before" = "$("$prov" state export)" ] || fail "drift changed the state"
run 0 apply --yes
run 0 drift

echo -n three >"$work/world/$(file_of thing.a)"
rm "$work/world/$(file_of thing.c)"
run 0 drift --accept
has "Recorded as it is."
run 0 drift
run 0 state diff
has "- thing.c"
run 3 plan --detailed-exitcode # the infra still wants them
has "thing.c is created"
run 0 apply --yes
echo -n four >"$work/world/$(file_of thing.a)"
run 0 refresh
run 0 refresh
has "No drift"

# A read that fails is no drift and forgets nothing.
sed -i 's/dir: /unreadable: true, dir: /' infra.yaml
run 1 drift --accept
has "does not answer"
[ "$("$prov" state list -o name | wc -l)" -eq 3 ] || fail "a failed read made something forgotten"

sed -i 's/unreadable: true, /fail: d, /; s/c: {} }/c: {}, d: {}, e: { after: "${thing.d.id}" } }/' infra.yaml
run 1 apply --yes
run 0 run show
has "failed    create thing.d"
has "refused"
run 0 run logs
has "intent"
run 0 run list
has "failed"
id=$("$prov" run list --limit 1 -o name)
run 0 run show "$id"
run 0 run logs "${id: -6}"
run 4 run show run-nothing
e2e_end
