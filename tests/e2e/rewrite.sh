#!/bin/bash
# The state under a new key, smaller, or out of a backup: what it says stays, the old key opens nothing, a kill at
# any write leaves a state that opens, and who had the old file open is told so.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"

cd "$work" || exit 1
"$prov" workspace new shop >/dev/null 2>&1 && cd shop || exit 1
export PROV_PATH=$here/../support/extensions
mkdir "$work/world"
cat >infra.yaml <<YAML
providers: { folder: { dir: $work/world } }
defaults: { provider: folder }
things: { first: {}, second: { label: "one", token: "s3cret", after: "\${thing.first.id}" } }
YAML
run 0 apply --yes
for value in two three four; do
    sed -i "s/label: \"[a-z]*\"/label: \"$value\"/" infra.yaml
    run 0 apply --yes
done
"$prov" state export --secrets >"$work/before.json"
run 0 state backup "$work/copy.mdb"
cp .prov/key "$work/first.key"
cp -r "$work/shop" "$work/base"

run 0 state compact --keep 2 --yes -o json
python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); assert r["after"] < r["before"] and r["oldest"] > 1, r' \
    "$work/out" || fail "compact: $(cat "$work/out")"
run 4 state diff 1
has "not kept any more"

run 0 state rekey --yes --old-key "$work/old.key"
cmp -s "$work/first.key" "$work/old.key" || fail "the old key was not kept"
cmp -s "$work/first.key" .prov/key && fail "the key is the old one"
[ "$(stat -c %a .prov/key)$(stat -c %a .prov/state.mdb)$(stat -c %a "$work/old.key")" = 600600600 ] || fail "modes: $(ls -l .prov)"
"$prov" state export --secrets >"$work/after.json"
cmp -s "$work/before.json" "$work/after.json" || fail "another state after rekey"
grep -qa s3cret .prov/* && fail "a secret is readable in a file"
run 1 state rekey --yes --old-key "$work/old.key"
has "is there already"
cp -r .prov "$work/moved" && cp "$work/first.key" .prov/key
run 1 state check
has "the key is not the one"
rm -r .prov && mv "$work/moved" .prov

run 1 state recover "$work/copy.mdb" --yes
has "the key is not the one"
run 0 state recover "$work/copy.mdb" --key "$work/old.key" --yes
cmp -s "$work/first.key" .prov/key || fail "the key of the backup is not the workspace's now"
run 0 state check

run 0 plan --detailed-exitcode

# What does not open any more comes back, whatever is wrong with it.
dd if=/dev/zero of=.prov/state.mdb bs=4096 count=2 conv=notrunc 2>/dev/null
run 1 status
has "prov state recover"
run 0 state recover "$work/copy.mdb" --yes
run 0 status

# A key that is gone is not made anew over a state that needs it.
rm .prov/key
for command in status plan apply; do
    run 4 $command
    has "put your copy of it there"
done
[ -e .prov/key ] && fail "another key was made"
run 0 state recover "$work/copy.mdb" --key "$work/old.key" --yes
echo short >.prov/key && chmod 600 .prov/key
run 0 state recover "$work/copy.mdb" --key "$work/old.key" --yes
run 0 status

command -v cc >/dev/null || { echo "SKIP: no C compiler for the library that kills"; e2e_end; }
cc -shared -fPIC -O1 -o "$work/killshim.so" "$here/../support/killshim.c" -ldl -lpthread || fail "the library does not build"
python3 "$here/../support/rewritepoints.py" "$prov" "$work/killshim.so" "$work/base" "$work/copy.mdb" "$work" || fail "see above"
e2e_end
