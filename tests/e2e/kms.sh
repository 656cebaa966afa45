#!/bin/bash
# A workspace whose key a KMS keeps: everything works, nothing readable is left, and a KMS that is away, revoked or
# rotated is said to be so and loses nothing. VAULT names a real Vault; PROV_MOTO an environment that has moto already.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
. "$here/../support/moto.sh"

pids=
at_exit() {
    for pid in $pids; do kill "$pid" 2>/dev/null; done
    for pid in $pids; do wait "$pid" 2>/dev/null; done
}

cd "$work" || exit 1
"$prov" workspace new shop >/dev/null 2>&1 && cd shop || exit 1
export PROV_PATH=$here/../support/extensions
mkdir "$work/world"
cat >infra.yaml <<YAML
providers: { folder: { dir: $work/world } }
defaults: { provider: folder }
things: { first: {}, second: { token: "s3cret-of-the-state", after: "\${thing.first.id}" } }
YAML
run 0 apply --yes
"$prov" state export --secrets >"$work/before.json"
cp .prov/key "$work/plain.key"

whole() { # the state says what it said
    "$prov" state export --secrets >"$work/after.json" 2>"$work/err" || fail "$1: $(cat "$work/err")"
    cmp -s "$work/before.json" "$work/after.json" || fail "$1: another state"
}

# A file as KMS.
run 0 kms create "$work/ring"
[ "$(stat -c %a "$work/ring")" = 600 ] || fail "the ring's mode is $(stat -c %a "$work/ring")"
run 1 kms create "$work/ring"
has "is there already"
run 1 kms check
has "no KMS keeps it"
run 0 kms check "local:$work/ring"
(cd "$work" && run 0 -w shop state rekey --kms local:ring --yes)
whole "after the rekey"
grep -q '"prov_custody":1' .prov/key || fail "the key file is no envelope: $(cat .prov/key)"
[ "$(stat -c %a .prov/key)" = 600 ] || fail "the key file's mode"
cmp -s "$work/plain.key" .prov/key && fail "the key is the old one"
run 0 kms list
has "local:$work/ring"
run 0 plan --out "$work/saved.plan"
run 0 apply --plan "$work/saved.plan"
run 0 state backup "$work/copy.mdb"
cmp -s .prov/key "$work/copy.mdb.key" || fail "the backup has no envelope"

run 0 kms rotate
run 0 kms list
has " 2 "
whole "after a rotation"
run 0 kms rewrap
run 0 state rekey --yes
whole "after another key of the same KMS"
run 0 state recover "$work/copy.mdb" --yes
whole "from a backup whose key is older"

# Away: said to be so, and as before when it is back.
mv "$work/ring" "$work/away"
cp .prov/key "$work/envelope"
for command in status plan "kms check" "kms rotate" "kms rewrap" "state rekey --yes" "state rekey --kms local --yes"; do
    run 1 $command
    has "is not there"
done
cmp -s .prov/key "$work/envelope" || fail "an unreachable KMS changed the key file"
[ -e .prov/key.new ] && fail "something was left behind"
mv "$work/away" "$work/ring"
whole "after it is back"

# An envelope of another workspace's context does not open.
cp .prov/key "$work/envelope"
sed -i 's/"workspace":"shop"/"workspace":"other"/' .prov/key
run 1 status
has "another workspace or purpose"
cp "$work/envelope" .prov/key

# Under another name it opens, says so, and is bound to that when it is wrapped anew.
cp prov.yaml "$work/prov.yaml"
sed -i 's/^name: shop/name: store/' prov.yaml
whole "under another name"
run 0 kms check
has "former name 'shop'"
run 0 kms list -o json
has '"bound": "shop"'
run 0 kms rewrap
grep -q '"workspace":"store"' .prov/key || fail "the key is not bound to the new name: $(cat .prov/key)"
whole "bound to another name"
cp "$work/prov.yaml" prov.yaml
run 0 kms rewrap
run 0 vault kv put secret/x a=b
sed -i 's/things: {/things: { third: {},/' infra.yaml
PROV_STATE_BACKUPS=2 run 0 apply --yes
"$prov" state export --secrets >"$work/before.json"
run 0 kms list -o json
python3 - "$work/out" <<'PY' || fail "kms list: $(cat "$work/out")"
import json, sys
rows = json.load(open(sys.argv[1]))
kinds = {row["purpose"]: row for row in rows}
assert {"state", "backup", "vault"} <= set(kinds), kinds
assert kinds["state"]["days"] == 0 and kinds["state"]["bound"] == "shop" and kinds["vault"]["kms"] == "local"
assert sum(row["count"] for row in rows if row["purpose"] == "backup") >= 1
PY

# A passphrase.
export PROV_KMS_PASSPHRASE="correct horse battery staple"
run 0 kms create "$work/sealed" --passphrase
run 0 state rekey --kms "local:$work/sealed" --yes
whole "with a passphrase"
run 0 kms rotate
whole "rotated with a passphrase"
PROV_KMS_PASSPHRASE=wrong run 1 status
has "the passphrase does not open"
grep -rqa "correct horse" .prov "$work/sealed" && fail "the passphrase is in a file"
grep -rqa s3cret-of-the-state .prov && fail "a secret is readable in a file"

# Real ones.
try() { # try NAME URI
    run 0 kms check "$2"
    run 0 state rekey --kms "$2" --yes
    whole "with $1"
    run 0 kms rotate
    whole "rotated with $1"
    run 0 kms check
}
if [ -n "${VAULT:-}" ]; then
    port=$(free_port)
    "$VAULT" server -dev -dev-no-store-token -dev-root-token-id=root-of-a-test \
        -dev-listen-address=127.0.0.1:"$port" >"$work/vault.log" 2>&1 &
    pids="$pids $!"
    wait_for "$port"
    export VAULT_ADDR=http://127.0.0.1:$port VAULT_TOKEN=root-of-a-test
    for _ in $(seq 50); do "$VAULT" secrets enable transit >/dev/null 2>&1 && break; sleep 0.2; done
    "$VAULT" write -f transit/keys/prov >/dev/null 2>&1 || fail "vault makes no key"
    try vault "vault:$VAULT_ADDR/transit/prov"
    [ "$("$VAULT" read -field=latest_version transit/keys/prov)" = 2 ] || fail "vault knows of no rotation"
    grep -qa root-of-a-test -r .prov && fail "the token is in a file"
else
    echo "SKIP 1: VAULT names no Vault"
fi
if moto_environment kms; then
    port=$(free_port)
    (cd "$work" && exec "$moto/bin/moto_server" -H 127.0.0.1 -p "$port") >"$work/moto.log" 2>&1 &
    pids="$pids $!"
    wait_for "$port"
    export AWS_ACCESS_KEY_ID=AKIATEST AWS_SECRET_ACCESS_KEY=secret AWS_EC2_METADATA_DISABLED=true
    arn=$("$moto/bin/python" -c "
import boto3
print(boto3.client('kms', region_name='eu-central-1', endpoint_url='http://127.0.0.1:$port').create_key()['KeyMetadata']['Arn'])")
    try aws "aws:$arn?endpoint=http://127.0.0.1:$port"
    PROV_DEV=1 PROV_ROOT=$PROV_SOURCE PROV_MOTO=$moto "$prov" internal lua "$PROV_SOURCE/tests/support/run_busted.lua" \
        "$PROV_SOURCE/tests/lua/kms/aws_spec.lua" >"$work/cases" 2>&1 || fail "moto: $(grep -A5 '^not ok' "$work/cases")"
    count=$(grep -c '^ok' "$work/cases")
    [ "$count" -ge 46 ] || fail "only $count cases over moto: $(tail -3 "$work/cases")"
    echo "ok: $count cases over moto"
else
    echo "SKIP 41: $why"
fi

run 0 state rekey --kms local --yes
[ "$(stat -c %s .prov/key)" = 32 ] || fail "the key is not in its file again"
whole "back in the file"
run 0 state check
e2e_end
