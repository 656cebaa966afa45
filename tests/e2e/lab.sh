#!/bin/bash
# A workspace that lost its state: doctor finds what runs on, apply refuses with a way out, lab delete removes it.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
e2e_need_lab

cd "$work" || exit 1
"$prov" workspace new shop >/dev/null 2>&1 || fail "workspace new"
cd shop || exit 1
cat >infra.yaml <<'YAML'
defaults: { provider: local }
networks: { lan: { cidr: 10.83.7.0/24 } }
volumes: { disk: {} }
servers:
  web: { network: "${network.lan}", init: sshd, volumes: [{ volume: "${volume.disk}", path: /data }] }
YAML
"$prov" apply --yes >"$work/out" 2>&1 || fail "apply: $(cat "$work/out")"
lab=$("$prov" lab list -o json |
    python3 -c 'import json, sys; print(next(r["name"] for r in json.load(sys.stdin) if r["workspace"] == sys.argv[1]))' "$PWD")
at_exit() { "$prov" lab delete "$lab" --yes >/dev/null 2>&1; }
"$prov" doctor workspace >"$work/out" 2>&1 || fail "doctor: $(cat "$work/out")"
grep -q "does not know" "$work/out" && fail "doctor does not know its own servers: $(cat "$work/out")"

rm -rf .prov
"$prov" doctor workspace >"$work/out" 2>&1
grep -q "lab $lab has 1 the state does not know: web-" "$work/out" || fail "doctor without a state: $(cat "$work/out")"
"$prov" apply --yes >"$work/out" 2>&1 && fail "apply over a lost lab"
grep -q "prov lab list" "$work/out" || fail "apply shows no way out: $(cat "$work/out")"
"$prov" lab delete "$lab" >"$work/out" 2>&1 </dev/null && fail "lab delete did not ask"
"$prov" lab delete "$lab" --yes >"$work/out" 2>&1 || fail "lab delete: $(cat "$work/out")"
[ -z "$(leftovers "$lab")" ] || fail "lab delete left: $(leftovers "$lab")"
"$prov" lab delete "$lab" --yes >"$work/out" 2>&1 && fail "a lab that is gone was deleted"
"$prov" apply --yes >"$work/out" 2>&1 || fail "apply after lab delete: $(cat "$work/out")"
"$prov" destroy --yes >"$work/out" 2>&1 || fail "destroy: $(cat "$work/out")"
[ -z "$(leftovers "$lab")" ] || fail "destroy left: $(leftovers "$lab")"
e2e_end
