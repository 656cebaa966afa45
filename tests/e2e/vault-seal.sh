#!/bin/bash
# Vaults, a server's and a workspace's, that a KMS opens: a file, a token by PKCS#11 (SoftHSM), a KMIP server (PyKMIP), the
# transit engine of another vault. Start, rotation, a KMS that is away, to people with shares and back.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
. "$here/../support/pykmip.sh"
unset VAULT_ADDR VAULT_TOKEN VAULT_NAMESPACE

pid=
at_exit() {
    pykmip_stop
    [ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null
}
seal() { VAULT_TOKEN=${token:-} python3 "$here/../support/vault_seal.py" "$prov" "$work" "$@" || fail "see above"; }

cd "$work" || exit 1
run 0 kms create "$work/other.ring"
run 0 kms create "$work/ring"
seal "{\"name\": \"local\", \"uri\": \"local:$work/ring\", \"move\": [\"$work/ring\", \"$work/ring.away\"]}"

# Another vault, which people open.
"$prov" serve vault --listen 127.0.0.1:0 --data "$work/first" >"$work/first.log" 2>&1 </dev/null &
pid=$!
for _ in $(seq 100); do
    [ -s "$work/first/server" ] && break
    sleep 0.05
done
address=$(cat "$work/first/server") || fail "no vault: $(cat "$work/first.log")"
run 0 vault init --address "$address" --shares 1 --threshold 1 -o json
cp "$work/out" "$work/first.json"
token=$(jq -r .root_token "$work/first.json")
jq -r '.keys[0]' "$work/first.json" | "$prov" vault unseal --address "$address" >"$work/out" 2>&1 || fail "$(cat "$work/out")"
export VAULT_TOKEN=$token
run 0 vault mount enable transit transit --address "$address"
run 0 vault write transit/keys/seal --address "$address"
echo 'path "transit/+/seal*" { capabilities = ["create", "read", "update"] }' >seal.hcl
run 0 vault policy write seal seal.hcl --address "$address"
run 0 vault token create --policy seal --ttl 1h --address "$address" -o json
unset VAULT_TOKEN
mkdir -p "$HOME"
(umask 077 && jq -r .client_token "$work/out" >"$HOME/.vault-token")
seal "{\"name\": \"transit\", \"uri\": \"vault:http://127.0.0.1:{port}/transit/seal\", \"port\": ${address##*:}}"

module=/usr/lib/softhsm/libsofthsm2.so
if [ -e $module ] && command -v softhsm2-util >/dev/null && command -v pkcs11-tool >/dev/null; then
    mkdir "$work/tokens"
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$work/tokens" >"$work/softhsm.conf"
    (umask 077 && echo 4321 >"$work/pin")
    export SOFTHSM2_CONF=$work/softhsm.conf
    softhsm2-util --init-token --free --label prov --so-pin 12345678 --pin 4321 >/dev/null || fail "no token"
    pkcs11-tool --module $module --token-label prov --login --pin 4321 --keygen --key-type AES:32 --label seal --id 01 \
        --sensitive >"$work/out" 2>&1 || fail "no key: $(cat "$work/out")"
    seal "{\"name\": \"pkcs11\", \"uri\": \"pkcs11:token=prov;object=seal?module-path=$module&pin-source=$work/pin\",
        \"move\": [\"$work/tokens\", \"$work/tokens.away\"]}"
else
    echo "SKIP 1: no SoftHSM (apt: softhsm2 opensc)"
fi

if pykmip_start; then
    port=$(cat "$pykmip/port")
    "$pykmip_python" -W ignore - "$pykmip" "$port" >"$work/out" 2>&1 <<'PY' || fail "no key: $(cat "$work/out")"
import sys
from kmip.core import enums
from kmip.pie.client import ProxyKmipClient
folder, port = sys.argv[1:]
with ProxyKmipClient(hostname="127.0.0.1", port=int(port), cert=folder + "/client.crt", key=folder + "/client.key",
                     ca=folder + "/ca.crt", ssl_version="PROTOCOL_TLSv1_2") as client:
    client.activate(client.create(enums.CryptographicAlgorithm.AES, 256, name="seal", cryptographic_usage_mask=[
        enums.CryptographicUsageMask.ENCRYPT, enums.CryptographicUsageMask.DECRYPT]))
PY
    seal "{\"name\": \"kmip\", \"uri\": \"kmip:127.0.0.1:{port}/seal?ca=$pykmip/ca.crt&cert=$pykmip/client.crt&key=$pykmip/client.key\",
        \"port\": $port}"
else
    echo "SKIP 1: $why"
fi
grep -rqa s3cret "$work"/*-vault "$work"/*-shop/.prov && fail "a secret is readable in a vault's folder"
e2e_end
