#!/bin/bash
# pki and ssh of `prov serve vault`, driven by hvac and judged by python-cryptography; with VAULT=path of a vault program
# also by that: its commands, and authorities of both below each other.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
cd "$work" || exit 1
/usr/bin/python3 -c 'import cryptography, hvac' 2>/dev/null || {
    echo "SKIP 1: hvac or cryptography is missing; install python3-hvac python3-cryptography"
    exit 77
}
port=$(free_port)
"$prov" serve vault --listen "127.0.0.1:$port" --data "$work/vault" >serve.log 2>&1 </dev/null &
ours=$! theirs=
at_exit() {
    kill "$ours" 2>/dev/null && wait "$ours"
    [ -z "$theirs" ] || { kill "$theirs" 2>/dev/null && wait "$theirs"; }
}
export VAULT_ADDR=http://127.0.0.1:$port
for _ in $(seq 100); do
    curl -s -o /dev/null "$VAULT_ADDR/v1/sys/seal-status" && break
    sleep 0.1
done
/usr/bin/python3 "$here/../support/vault_certs.py" || { fail "hvac: $(cat serve.log)"; e2e_end; }

if [ -z "${VAULT:-}" ]; then
    echo "SKIP 6: VAULT names no vault program, which would sign for prov, and be signed for"
    e2e_end
fi

# The commands of vault.
VAULT_TOKEN=$(cat token)
export VAULT_TOKEN
"$VAULT" write -format=json below/issue/web common_name=d.example.com >d.json || fail "vault write below/issue/web"
"$VAULT" write below/issue/web common_name=example.net 2>err && fail "vault got a name outside of the role"
grep -q "common name example.net not allowed by this role" err || fail "what vault says: $(cat err)"
"$VAULT" write below/revoke "serial_number=$(jq -r .data.serial_number d.json)" >out || fail "vault write below/revoke"
"$VAULT" write -field=signed_key ssh/sign/ops public_key=@key.pub valid_principals=root >cli-cert.pub
ssh-keygen -L -f cli-cert.pub >out 2>&1 || fail "vault write ssh/sign/ops: $(cat out)"
grep -q "^ *root$" out || fail "no root in $(cat out)"

# Its authority above ours, and ours above its.
their_port=$(free_port)
"$VAULT" server -dev -dev-root-token-id=root -dev-listen-address="127.0.0.1:$their_port" -dev-no-store-token \
    >theirs.log 2>&1 </dev/null &
theirs=$!
real() { VAULT_ADDR=http://127.0.0.1:$their_port VAULT_TOKEN=root "$VAULT" "$@"; }
for _ in $(seq 100); do
    real status >/dev/null 2>&1 && break
    sleep 0.1
done
for mount in root below; do real secrets enable -path=$mount pki >/dev/null; done
real write -field=certificate root/root/generate/internal common_name=Theirs key_type=ec ttl=700h >theirs.pem
"$VAULT" read -field=certificate root/cert/ca >ours.pem
"$VAULT" secrets enable -path=mixed pki >/dev/null || fail "vault secrets enable"
"$VAULT" write -field=csr mixed/intermediate/generate/internal common_name=Mixed key_type=ec >mixed.csr
real write -field=certificate root/root/sign-intermediate csr=@mixed.csr common_name=Mixed ttl=600h >mixed.pem \
    || fail "vault signs no request of prov"
"$VAULT" write mixed/intermediate/set-signed certificate=@mixed.pem >/dev/null || fail "what vault signed is not taken"
"$VAULT" write mixed/roles/r allow_any_name=true key_type=ec >/dev/null
"$VAULT" write -field=certificate mixed/issue/r common_name=m.example ttl=1h >leaf.pem
openssl verify -x509_strict -CAfile theirs.pem -untrusted mixed.pem leaf.pem >out 2>&1 || fail "below vault: $(cat out)"

real write -field=csr below/intermediate/generate/internal common_name=Real key_type=ec >real.csr
"$VAULT" write -field=certificate root/root/sign-intermediate csr=@real.csr common_name=Real ttl=600h >real.pem \
    || fail "prov signs no request of vault"
real write below/intermediate/set-signed certificate=@real.pem >/dev/null || fail "what prov signed is not taken"
real write below/roles/r allow_any_name=true key_type=ec >/dev/null
real write -field=certificate below/issue/r common_name=r.example ttl=1h >leaf.pem
openssl verify -x509_strict -CAfile ours.pem -untrusted real.pem leaf.pem >out 2>&1 || fail "below prov: $(cat out)"
e2e_end
