#!/bin/bash
# A secret of the infra reaches the service it is for, and nothing else: no plan, state file, saved
# plan, output, log line or process list shows it.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
e2e_both_ways
e2e_need_lab
ws=$work/ws
lab=e2e-$$
tag=s3cret-$$- tag2=s3cret-changed-$$- # of this run: others may run beside it
secret="s3cret-$$-'\$(id)\`x\`-ü"
mkdir "$ws"
echo "name: secrets" >"$ws/prov.yaml"
cat >"$ws/infra.yaml" <<YAML
providers: { local: { lab: $lab } }
defaults: { provider: local }
networks: { lan: { cidr: 10.77.40.0/24 } }
servers:
  db:
    network: \${network.lan}
    taskservs:
      postgres:
        databases: [shop]
        users: { app: { password: "$secret" } }
YAML

at_exit() {
    "$prov" -w "$ws" destroy --yes >/dev/null 2>&1
}

(while sleep 0.02; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' '; done >"$work/processes") &
watcher=$!
{
    "$prov" -w "$ws" plan --out "$work/saved"
    "$prov" -w "$ws" plan -o json
    "$prov" -w "$ws" show "$work/saved" -o yaml
    PROV_LOG=debug "$prov" -w "$ws" apply -v --plan "$work/saved" || fail "apply"
    "$prov" -w "$ws" state show taskserv.postgres@server.db -o json
    "$prov" -w "$ws" status -o json
    sed -i 's/s3cret-/s3cret-changed-/' "$ws/infra.yaml"
    "$prov" -w "$ws" plan
    "$prov" -w "$ws" apply --yes -v || fail "apply of the changed secret"
} >"$work/shown" 2>&1
kill "$watcher"
wait "$watcher" 2>/dev/null

for place in shown processes saved; do
    grep -a -q -e "$tag" -e "$tag2" "$work/$place" &&
        fail "the secret is in $place: $(grep -a -m1 -o -e ".\{80\}$tag" -e ".\{80\}$tag2" "$work/$place" | head -c 400)"
done
grep -a -q -r -e "$tag" -e "$tag2" "$ws/.prov" && fail "the secret is in the state folder"
changed="s3cret-changed-${secret#s3cret-}"
PGPASSWORD=$changed "$prov" -w "$ws" server exec server.db -- \
    "PGPASSWORD='$(printf %s "$changed" | sed "s/'/'\\\\''/g")' psql -h 127.0.0.1 -U app -Atc 'select 7*6' shop" | grep -qx 42 ||
    fail "the user cannot log in with the secret"
"$prov" -w "$ws" destroy --yes >"$work/log" 2>&1 || fail "destroy: $(cat "$work/log")"
left=$(leftovers "$lab")
[ -z "$left" ] || fail "left behind: $left"
e2e_end
