#!/bin/bash
# The vault: what Vault's own clients make of it, kills, several processes, a full disk.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
unset VAULT_ADDR VAULT_TOKEN VAULT_NAMESPACE

cd "$work" || exit 1
data=$work/data
serve() { # serve ARGS: a vault on a free port; its address is in $address
    "$prov" serve vault --listen 127.0.0.1:0 "$@" >"$work/serve.log" 2>&1 </dev/null &
    server=$!
    for _ in $(seq 100); do
        [ -s "$data/server" ] && break
        sleep 0.05
    done
    address=$(cat "$data/server") || fail "no vault: $(cat "$work/serve.log")"
}
stop() {
    [ -n "${server:-}" ] && kill "$server" 2>/dev/null && wait "$server"
    server=
}
at_exit() { stop; }

run 2 serve vault --listen 0.0.0.0:8200
has "TLS is needed"

serve --data "$data"
if /usr/bin/python3 -c 'import hvac' 2>/dev/null; then
    /usr/bin/python3 "$here/../support/vault_hvac.py" "$address" "$data" >"$work/hvac" 2>&1 || fail "hvac: $(tail -5 "$work/hvac")"
    tail -1 "$work/hvac" >"$work/keys.json"
    grep '^hvac:' "$work/hvac"
else
    echo "SKIP: no python3-hvac"
    run 0 vault init --address "$address" --shares 2 --threshold 2 -o json && cp "$work/out" "$work/keys.json"
fi
root=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["root_token"])' "$work/keys.json")

# Our own commands, at the server.
export VAULT_ADDR=$address VAULT_TOKEN=$root
printf s3cret | "$prov" vault kv put secret/cli user=app password=- >"$work/out" 2>&1 || fail "kv put: $(cat "$work/out")"
run 0 vault kv get secret/cli --field password
has s3cret
run 2 vault kv put secret/cli
has "NAME=VALUE"
run 4 vault kv get secret/cli --version 7
has "there is no version 7 of a secret at 'secret/cli'"
run 0 vault read secret/data/cli
grep -qF '(nil)' "$work/out" && fail "a null is shown as an address: $(cat "$work/out")"
VAULT_TOKEN=none run 5 vault kv get secret/cli
has "prov vault token lookup"
echo 'path "secret/data/cli" { capabilities = ["read"] }' >app.hcl
run 0 vault policy write app app.hcl
run 0 vault policy explain secret/data/cli --policy app
has "gives 'read'"
run 0 vault token create --policy app --ttl 1h -o json
token=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["client_token"])' "$work/out")
VAULT_TOKEN=$token run 0 vault kv get secret/cli
VAULT_TOKEN=$token run 5 vault kv put secret/cli a=b
VAULT_TOKEN=$token run 0 vault read secret/data/cli --wrap 60s -o json
wrapped=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["token"])' "$work/out")
VAULT_TOKEN=$wrapped run 0 vault write sys/wrapping/unwrap
has s3cret
VAULT_TOKEN=$wrapped run 5 vault write sys/wrapping/unwrap

# What only a server can be told.
mkdir "$work/own" && echo "name: own" >"$work/own/prov.yaml"
for what in init seal unseal; do
    VAULT_ADDR='' run 1 -w "$work/own" vault "$what"
    has "prov serve vault"
done

# Vault's own command line.
vault=${VAULT:-}
if [ -x "$vault" ]; then
    judged=0
    judge() { # judge CODE TEXT ARGS
        local want=$1 text=$2 code
        shift 2
        "$vault" "$@" >"$work/out" 2>&1 </dev/null
        code=$?
        [ "$code" -eq "$want" ] || fail "vault $* exits with $code: $(cat "$work/out")"
        has "$text"
        judged=$((judged + 1))
    }
    judge 0 "Sealed          false" status
    judge 0 "version            1" kv put secret/judge user=app password=x
    judge 0 x kv get -field=password secret/judge
    judge 0 "version            2" kv patch secret/judge user=other
    judge 2 "check-and-set" kv put -cas=0 secret/judge a=b
    judge 0 judge kv list secret
    judge 0 "current_version         2" kv metadata get secret/judge
    judge 0 "deleted" kv delete secret/judge
    judge 0 "deletion_time      20" kv get secret/judge
    judge 0 Success kv undelete -versions=2 secret/judge
    judge 0 other kv get -version=2 secret/judge
    judge 0 Success kv destroy -versions=1 secret/judge
    judge 0 Success kv metadata put -custom-metadata=team=a secret/judge
    judge 0 "version            3" kv rollback -version=2 secret/judge
    judge 0 Success kv metadata delete secret/judge
    judge 0 Success secrets enable -path=old kv
    judge 0 Success secrets tune -default-lease-ttl=1h old
    judge 0 Success kv put old/a x=y
    judge 0 y kv get old/a
    judge 0 Finished secrets move old new
    judge 0 Success secrets disable new
    judge 0 secret/ secrets list -detailed
    judge 0 Success policy write judge app.hcl
    judge 0 capabilities policy read judge
    judge 0 hvs. token create -policy=judge -ttl=10m
    judge 0 root token lookup
    judge 0 "root" token capabilities secret/data/x
    judge 0 file/ audit list
    judge 0 Success operator rotate
    judge 0 "Key Term" operator key-status
    judge 0 OTP operator generate-root -init
    judge 0 Success operator generate-root -cancel
    judge 0 sealed operator seal
    judge 2 "Sealed             true" status
    echo "vault: $judged commands"
else
    echo "SKIP: VAULT names no vault program: its command line"
fi
stop
unset VAULT_ADDR VAULT_TOKEN

# Opened by a KMS, here a key in a file: nobody brings shares. Another KMS takes over, and the first is not needed any more.
for key in one two; do
    head -c 32 /dev/urandom >"$work/$key.key" && chmod 600 "$work/$key.key"
done
mv "$data" "$work/shares"
serve --data "$data" --seal "local:$work/one.key"
export VAULT_ADDR=$address
run 0 vault init --recovery-shares 3 --recovery-threshold 2 -o json
VAULT_TOKEN=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["root_token"])' "$work/out")
export VAULT_TOKEN
run 0 vault kv put secret/kms a=opened-by-it
kill -9 "$server" && wait "$server" 2>/dev/null
rm "$data/server"
serve --data "$data" --seal "local:$work/one.key"
export VAULT_ADDR=$address
run 0 vault kv get secret/kms
has opened-by-it
run 0 vault custody "local:$work/two.key"
stop
rm "$work/one.key"
serve --data "$data"
export VAULT_ADDR=$address
run 0 vault kv get secret/kms
has opened-by-it
stop
mv "$work/two.key" "$work/away.key"
serve --data "$data"
export VAULT_ADDR=$address
run 1 vault kv get secret/kms
has "Vault is sealed"
stop
unset VAULT_ADDR VAULT_TOKEN
rm -r "$data" && mv "$work/shares" "$data"

shim=-
if command -v cc >/dev/null; then
    shim=$work/killshim.so
    cc -shared -fPIC -O1 -o "$shim" "$here/../support/killshim.c" -ldl -lpthread || fail "the library does not build"
fi
python3 "$here/../support/vault_cases.py" "$prov" "$shim" "$work" "$work/keys.json" || fail "see above"
grep -rqa s3cret "$data" && fail "a secret is readable in the vault's folder"
e2e_end
