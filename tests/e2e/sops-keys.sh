#!/bin/bash
# prov secret with keys of PGP (gpg), AWS's KMS (moto) and Vault (HashiCorp's, and prov's own), and publish: both ways with
# sops itself where it can be had.
# SOPS and VAULT name the programs, as tests/support/sops.sh tells; PROV_MOTO a Python environment that has moto. What is
# missing is skipped and counted.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/sops.sh"
. "$here/../support/e2e.sh"
. "$here/../support/moto.sh"
. "$here/../support/simulator.sh"
cd "$work" || exit 1
for name in $(env | sed -n 's/^\(SOPS_[A-Z_]*\|VAULT_[A-Z_]*\|AWS_[A-Z_]*\)=.*/\1/p'); do unset "$name"; done

skipped=0
skip() {
    echo "SKIP: $*"
    skipped=$((skipped + 1))
}
sops_program || skip "no sops: $why"

pids=
at_exit() {
    for pid in $pids; do kill "$pid" 2>/dev/null; done
    for pid in $pids; do wait "$pid" 2>/dev/null; done
    [ -z "${GNUPGHOME:-}" ] || gpgconf --kill all
}

cat >plain.yaml <<'YAML'
# the main one
db:
  user: admin
  password: s3cr3t canary
  ports: [5432, 5433]
YAML
printf '{\n  "db": {"user": "admin", "n": [1, 2.5, true, null]},\n  "password": "canary"\n}\n' >plain.json
printf 'USER=admin\nPASSWORD=s3cr3t canary\n' >plain.env
printf '[db]\nuser = admin\n' >plain.ini
printf 'bytes\0canary' >plain.bin

# both_ways NAME RECIPIENT SOPS_FLAG VALUE: files of every format, written by one and read by the other.
both_ways() {
    local ending
    for ending in yaml json env ini bin; do
        run 0 secret encrypt "plain.$ending" -r "$2" --out "$1.$ending"
        grep -q "canary" "$1.$ending" && fail "$1: $ending shows a value"
        run 0 secret decrypt "$1.$ending" --out back
        cmp -s back "plain.$ending" || fail "$1: $ending is another: $(diff back "plain.$ending")"
        [ -n "$sops" ] || continue
        real decrypt "$1.$ending" >/dev/null 2>err || fail "$1: sops does not read $ending: $(cat err)"
        real encrypt "$3" "$4" "plain.$ending" >"theirs.$ending" 2>err || fail "$1: sops encrypts no $ending: $(cat err)"
        run 0 secret decrypt "theirs.$ending" --out back
        run 0 secret rotate "theirs.$ending"
        real decrypt "theirs.$ending" >/dev/null 2>err || fail "$1: sops does not read what was rotated: $(cat err)"
    done
}

"$prov" age keygen --out key.txt >/dev/null
age=$("$prov" age keygen --public key.txt)
keyless() { env -u SOPS_AGE_KEY_FILE "$@"; }
everybody=$age

# PGP.
if command -v gpg >/dev/null; then
    export GNUPGHOME=$work/gnupg
    mkdir -m 700 "$GNUPGHOME"
    for name in one two; do
        gpg --batch --quiet --passphrase '' --quick-generate-key "$name@example.com" default default never 2>/dev/null
    done
    read -r one two < <(gpg --list-keys --with-colons 2>/dev/null | awk -F: '/^fpr/ && p == "pub" { print $10 } { p = $1 }' | tr '\n' ' ')
    both_ways pgp "$one" --pgp "$one"
    run 0 secret rotate pgp.yaml --add-recipient "$two" --remove-recipient "$one"
    grep -q "fp:.*$one" pgp.yaml && fail "PGP: who was removed is still there"
    grep -q "fp:.*$two" pgp.yaml || fail "PGP: who was added is not there"
    run 0 secret decrypt pgp.yaml
    gpg --batch --yes --delete-secret-keys "$two" 2>/dev/null
    run 1 secret decrypt pgp.yaml
    has "$two"
    has "No secret key"
    run 1 secret encrypt plain.yaml -r "0000000000000000000000000000000000000001"
    has "0000000000000000000000000000000000000001"
    run 1 secret encrypt plain.yaml -r ABCD0123
    has "fingerprint"
    SOPS_GPG_EXEC=no-such-gpg run 1 secret decrypt pgp.json
    has "SOPS_GPG_EXEC"
    SOPS_PGP_FP=$one run 0 secret encrypt plain.json --out env.json
    grep -q "$one" env.json || fail "SOPS_PGP_FP is not used"
    flux=${PROV_SOURCE:-$here/../..}/../shared/suites/sops/third-party/flux-kustomize-controller/internal/controller/testdata/sops
    if [ -d "$flux" ]; then
        gpg --batch --quiet --import "$flux/keys/pgp.asc" 2>/dev/null
        run 0 secret decrypt "$flux/algorithms/pgp.yaml"
        has "key: value"
    else
        skip "no suite of SOPS"
    fi
    everybody="$everybody,$one"
else
    skip "no gpg"
fi

# AWS's KMS.
if moto_environment kms,s3; then
    port=$(free_port)
    "$moto/bin/moto_server" -H 127.0.0.1 -p "$port" >moto.log 2>&1 &
    pids="$pids $!"
    wait_for "$port"
    export AWS_ACCESS_KEY_ID=AKIATEST AWS_SECRET_ACCESS_KEY=very-secret-key-of-aws AWS_EC2_METADATA_DISABLED=true
    export AWS_ENDPOINT_URL=http://127.0.0.1:$port AWS_REGION=eu-central-1 AWS_DEFAULT_REGION=eu-central-1
    arn=$("$moto/bin/python" -c 'import boto3; print(boto3.client("kms").create_key()["KeyMetadata"]["Arn"])')
    role=arn:aws:iam::123456789012:role/secrets
    both_ways kms "$arn" --kms "$arn"
    run 0 secret encrypt plain.yaml -r "$arn+$role|app:web,stage:prod" --out context.yaml
    grep -q "role: $role" context.yaml && grep -q "stage: prod" context.yaml || fail "KMS: no role or context: $(cat context.yaml)"
    run 0 secret decrypt context.yaml
    [ -z "$sops" ] || real decrypt context.yaml >/dev/null 2>err || fail "KMS: sops does not read a context: $(cat err)"
    sed 's/stage: prod/stage: test/' context.yaml >bad.yaml
    run 1 secret decrypt bad.yaml
    if [ -n "$sops" ]; then
        real encrypt --kms "$arn" --encryption-context app:web,stage:prod plain.json >theirs.json
        run 0 secret decrypt theirs.json
        run 0 secret rotate theirs.json
        grep -q '"stage": "prod"' theirs.json || fail "KMS: a context is lost"
        real decrypt theirs.json >/dev/null || fail "KMS: sops does not read a context after rotate"
    fi
    run 4 secret encrypt plain.yaml -r "arn:aws:kms:eu-central-1:123456789012:key/none"
    has "none"
    run 1 secret encrypt plain.yaml -r "arn:aws:s3:::bucket"
    has "ARN"
    everybody="$everybody,$arn"
else
    skip "$why"
fi

# Vault: prov's own, and HashiCorp's.
vault() { # NAME ADDRESS TOKEN
    export VAULT_TOKEN=$3
    curl -s -X POST -H "X-Vault-Token: $3" -d '{"type":"transit"}' "$2/v1/sys/mounts/sops" >/dev/null
    curl -s -X POST -H "X-Vault-Token: $3" -d '{}' "$2/v1/sops/keys/team" >/dev/null
    both_ways "$1" "$2/v1/sops/keys/team" --hc-vault-transit "$2/v1/sops/keys/team"
    grep -q "vault_address: $2" "$1.yaml" || fail "$1: $(cat "$1.yaml")"
    VAULT_TOKEN=wrong run 1 secret decrypt "$1.yaml"
    has "$2/v1/sops/keys/team"
    SOPS_HC_VAULT_ALLOWLIST=https://vault.example.com run 1 secret decrypt "$1.yaml"
    has "SOPS_HC_VAULT_ALLOWLIST"
    SOPS_HC_VAULT_ALLOWLIST="https://vault.example.com, $2" run 0 secret decrypt "$1.yaml"
    # A file of somebody must not bring the token to any host in clear.
    sed "s#vault_address: $2#vault_address: http://vault.example.com:8200#" "$1.yaml" >strange.yaml
    run 1 secret decrypt strange.yaml
    has "http://vault.example.com:8200 in clear"
}
port=$(free_port)
"$prov" serve vault --listen "127.0.0.1:$port" --data "$work/vault" >ours.log 2>&1 </dev/null &
pids="$pids $!"
wait_for "$port"
own=http://127.0.0.1:$port
init=$(curl -s -X PUT -d '{"secret_shares":1,"secret_threshold":1}' "$own/v1/sys/init")
curl -s -o /dev/null -X PUT -d "{\"key\":\"$(echo "$init" | jq -r '.keys[0]')\"}" "$own/v1/sys/unseal"
vault own "$own" "$(echo "$init" | jq -r .root_token)"
if [ -x "${VAULT:-}" ]; then
    port=$(free_port)
    "$VAULT" server -dev -dev-root-token-id=root -dev-no-store-token -dev-listen-address="127.0.0.1:$port" >vault.log 2>&1 \
        </dev/null &
    pids="$pids $!"
    wait_for "$port"
    own=http://127.0.0.1:$port
    vault vault "$own" root
else
    skip "no Vault: VAULT is not the path of its program"
fi
everybody="$everybody,$own/v1/sops/keys/team"

# All together: each opens it alone; the order; groups; updatekeys.
run 0 secret encrypt plain.yaml -r "$everybody" --out all.yaml
run 0 secret decrypt all.yaml -i key.txt
keyless env VAULT_TOKEN= HOME=/nonexistent "$prov" secret decrypt all.yaml -i key.txt >/dev/null || fail "age alone does not open it"
VAULT_TOKEN=wrong AWS_ACCESS_KEY_ID='' GNUPGHOME=/nonexistent run 1 secret decrypt all.yaml
has "$age"
SOPS_DECRYPTION_ORDER=hc_vault VAULT_TOKEN=wrong run 0 secret decrypt all.yaml -i key.txt
mkdir rules
in_aws="{arn: \"${arn:-}\", role: \"${role:-}\", context: {app: web}}"
cat >rules/.sops.yaml <<YAML
creation_rules:
  - path_regex: groups
    shamir_threshold: 2
    key_groups:
      - age: [$age]
${one:+      - pgp: [$one]}
      - hc_vault: ["$own/v1/sops/keys/team"]
${arn:+      - kms: [$in_aws]}
  - age: $age
${one:+    pgp: $one}
${arn:+    kms: $arn+$role}
    hc_vault_transit_uri: $own/v1/sops/keys/team
YAML
cp plain.yaml rules/groups.yaml && cp plain.yaml rules/flat.yaml
run 0 secret encrypt rules/groups.yaml --in-place
run 0 secret decrypt rules/groups.yaml
cmp -s out plain.yaml || fail "groups: $(cat out)"
run 0 secret encrypt rules/flat.yaml --in-place
for list in age ${one:+pgp} ${arn:+kms} hc_vault; do
    grep -q "^ *$list:" rules/flat.yaml || fail "a rule with $list gives none"
done
if [ -n "$sops" ]; then
    SOPS_AGE_KEY_FILE=key.txt real decrypt rules/groups.yaml >/dev/null 2>err || fail "sops does not read groups: $(cat err)"
    for name in groups-theirs flat-theirs; do
        cp plain.yaml "rules/$name.yaml"
        (cd rules && real encrypt -i "$name.yaml") 2>err || fail "sops does not encrypt by the rules: $(cat err)"
        run 0 secret decrypt "rules/$name.yaml"
        run 0 secret updatekeys "rules/$name.yaml" -o json
        jq -e '.added == [] and .removed == []' out >/dev/null || fail "prov and sops name the same keys differently: $(cat out)"
    done
    sed -i '/path_regex/,$!b;/  - age:/,$d' rules/.sops.yaml
    printf '  - age: %s\n' "$age" >>rules/.sops.yaml
    run 0 secret updatekeys rules/flat.yaml -o json
    jq -e '.removed | length > 0' out >/dev/null || fail "updatekeys takes nobody away: $(cat out)"
    SOPS_AGE_KEY_FILE=key.txt real decrypt rules/flat.yaml >/dev/null 2>err || fail "sops does not read updated keys: $(cat err)"
fi
# Publish: values into a Vault, as sops does it; files into S3.
publish() { # FOLDER MOUNT
    mkdir -p "$1"
    cat >"$1/.sops.yaml" <<YAML
creation_rules:
  - age: $age
destination_rules:
  - path_regex: to-s3
    s3_bucket: published
    s3_prefix: secrets/
    omit_extensions: true
    recreation_rule:
      pgp: ${one:-}
  - path_regex: gcs
    gcs_bucket: x
  - vault_path: team/
    vault_address: $own
    vault_kv_mount_name: $2
    vault_kv_version: 2
YAML
    cp plain.yaml plain.json plain.env "$1/"
    cp plain.yaml "$1/to-s3.yaml"
    cp plain.yaml "$1/gcs.yaml"
    for file in plain.yaml plain.json plain.env to-s3.yaml gcs.yaml; do
        run 0 secret encrypt "$1/$file" --in-place
    done
}
export SOPS_AGE_KEY_FILE=$work/key.txt
stored() { curl -s -H "X-Vault-Token: $VAULT_TOKEN" "$own/v1/$1/data/team/$2" | jq -S "${3:-.data.data}"; }
for mount in ours theirs; do
    curl -s -X POST -H "X-Vault-Token: $VAULT_TOKEN" -d '{"type":"kv","options":{"version":"2"}}' "$own/v1/sys/mounts/$mount"
    publish "$mount" "$mount"
done
for file in plain.yaml plain.json plain.env; do
    run 0 secret publish "ours/$file" --yes -o json
    jq -e --arg to "$own/v1/ours/data/team/$file" '.changed and .destination == $to' out >/dev/null || fail "publish: $(cat out)"
    run 0 secret publish "ours/$file" --yes -o json
    jq -e '.changed == false' out >/dev/null || fail "publish writes what is there already: $(cat out)"
    [ "$(stored ours "$file" .data.metadata.version)" = 1 ] || fail "publish made a second version of $file"
    [ -n "$sops" ] || continue
    (cd theirs && real publish -y "$file") >/dev/null 2>err || fail "sops does not publish $file: $(cat err)"
    [ "$(stored ours "$file")" = "$(stored theirs "$file")" ] || fail "$file: $(stored ours "$file") is not $(stored theirs "$file")"
done
run 0 secret publish ours/plain.yaml --yes --omit-extensions
[ "$(stored ours plain .data.data.db.user)" = '"admin"' ] || fail "publish without an extension: $(cat out)"
run 1 secret publish ours/gcs.yaml --yes
has "gcs_bucket"
if [ -n "${arn:-}" ] && [ -n "${one:-}" ]; then
    s3() { "$moto/bin/python" -c 'import boto3, sys; s3 = boto3.client("s3"); exec(sys.argv[1])' "$1"; }
    s3 'print(s3.create_bucket(Bucket="published", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}))' >/dev/null
    run 0 secret publish ours/to-s3.yaml --yes
    has "s3://published/secrets/to-s3"
    s3 'sys.stdout.buffer.write(s3.get_object(Bucket="published", Key="secrets/to-s3")["Body"].read())' >from-s3.yaml
    grep -q "$one" from-s3.yaml && ! grep -q "$age" from-s3.yaml || fail "recreation_rule is not used: $(cat from-s3.yaml)"
    SOPS_AGE_KEY_FILE=/dev/null run 0 secret decrypt from-s3.yaml
    cmp -s out plain.yaml || fail "what is in S3 is another: $(cat out)"
fi
[ $skipped -eq 0 ] || echo "SKIP: $skipped of 5 judges"
e2e_end
