#!/bin/bash
# prov fmt and prov lint: files are made canonical, all or nothing, and what is wrong with them is said.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
cd "$work" || exit 1
"$prov" workspace new shop >/dev/null 2>&1 || fail "workspace new"
cd shop || exit 1

# What a new workspace has is canonical, and so are the examples.
run 0 fmt --check
[ ! -s "$work/out" ] || fail "a new workspace: $(cat "$work/out")"
[ -z "${PROV_SOURCE:-}" ] || for example in "$PROV_SOURCE"/workspaces/*/ "$PROV_SOURCE"/workspaces/batch/*/; do
    run 0 fmt --check "$example"
done

mkdir -p environments modules/site/files workflows rules extensions/taskservs/web/tiny/templates own .hidden
cat >infra.yaml <<'YAML'
# the shop
providers:
    demo:   {world: world}   # simulated
defaults: {provider: demo}
inputs:
    size: {type: int, default: 2}
    spare: {type: int, default: 0}


servers:
    web:  # many
        count:   '${var.size}'
YAML
printf 'vars: {size: 1}\n' >environments/dev.yaml
printf '[vars]\nsize=3\n' >environments/prod.toml
printf 'return{servers={web={image="debian-12"}}}\n' >modules/site/module.lua
printf '{"a":1}' >modules/site/files/data.json
printf 'not: [closed\n' >extensions/taskservs/web/tiny/templates/x.yaml
printf '{"kind":"workflow"}' >workflows/w.json
printf 'a:   1\n' >own/other.yaml
printf 'a:   1\n' >.hidden/other.yaml
chmod 640 infra.yaml
cp -r . ../before

run 1 fmt --check
printf '%s\n' environments/dev.yaml environments/prod.toml infra.yaml modules/site/module.lua workflows/w.json |
    diff - "$work/out" || fail "what would change"
diff -r . ../before || fail "--check has written"

run 0 fmt --diff
(cd ../before && patch -p0 -s <"$work/out") || fail "the diff does not apply: $(cat "$work/out")"
run 0 fmt
diff -r . ../before || fail "--diff is not what fmt does"
[ "$(stat -c %a infra.yaml)" = 640 ] || fail "the mode has changed"
diff - infra.yaml <<'YAML' || fail "infra.yaml"
# the shop
providers:
  demo: { world: world }  # simulated
defaults: { provider: demo }
inputs:
  size: { type: int, default: 2 }
  spare: { type: int, default: 0 }

servers:
  web:  # many
    count: "${var.size}"
YAML
[ "$(cat own/other.yaml .hidden/other.yaml)" = $'a:   1\na:   1' ] || fail "files of others were formatted"
stamp=$(stat -c %i:%Y infra.yaml)
run 0 fmt
[ ! -s "$work/out" ] || fail "the second time: $(cat "$work/out")"
[ "$(stat -c %i:%Y infra.yaml)" = "$stamp" ] || fail "a file that is canonical was written"
run 0 validate

# A link stays one; what it leads to is written.
printf 'a: {b: 1}\n' >own/target.yaml
ln -s ../own/target.yaml rules/linked.yaml
run 0 fmt
[ -L rules/linked.yaml ] || fail "a link is none any more"
[ "$(cat own/target.yaml)" = 'a: { b: 1 }' ] || fail "what a link leads to: $(cat own/target.yaml)"

# What does not parse stays, and the others are done.
printf 'vars: {a: [}\n' >environments/dev.yaml
printf 'x = = 1\n' >rules/bad.lua
printf '[vars]\nsize   =   3\n' >environments/prod.toml
run 1 fmt
has 'error: environments/dev.yaml:1:12: not valid YAML'
has "error: rules/bad.lua:1:5: unexpected symbol near '='"
[ "$(cat environments/dev.yaml rules/bad.lua)" = $'vars: {a: [}\nx = = 1' ] || fail "a broken file was written"
grep -q '^size = 3$' environments/prod.toml || fail "the others wait for the broken one"
run 1 fmt -o json
has '"line": 1'
rm rules/bad.lua

# Files and folders by name, and the standard input.
run 1 fmt --check own
has own/other.yaml
run 0 fmt own/other.yaml
[ "$(cat own/other.yaml)" = 'a: 1' ] || fail "a file by its name"
run 4 fmt README
has "there is no file 'README'"
printf 'text' >notes.txt
run 2 fmt notes.txt
has 'notes.txt'
for pair in 'yaml|a:   {b: 1}|a: { b: 1 }' 'toml|a=[1,2]|a = [1, 2]' 'lua|return{1,2}|return { 1, 2 }' 'json|[ ]|[]'; do
    IFS='|' read -r form in want <<<"$pair"
    got=$(printf '%s' "$in" | "$prov" fmt --stdin "$form") || fail "--stdin $form"
    [ "$got" = "$want" ] || fail "--stdin $form: $got"
done
printf 'a: [' | "$prov" fmt --stdin yaml >"$work/out" 2>"$work/err" && fail "bad input is no error"
grep -q '^error: stdin:' "$work/err" || fail "the error of bad input: $(cat "$work/err")"
[ ! -s "$work/out" ] || fail "bad input gives $(cat "$work/out")"
printf 'a:  1' | "$prov" fmt --stdin yaml --check >/dev/null && fail "--stdin --check"
run 2 fmt --stdin yaml infra.yaml

# lint
rm -r environments rules
printf 'servers_of = 1\nreturn { servers = { db = { plan = "a\tb" } } }\n' >infra.lua
printf 'x:   1\n' >workflows/w.yaml
run 1 lint
has "infra.lua:1:1: 'servers_of' is a global (global-set)"
has 'infra.lua:2:38: a tab stands inside of a text or comment (tab)'
has "infra.yaml:7:3: the input 'spare' is used by nobody (input-unused)"
has 'workflows/w.yaml:1: not in canonical form (form)'
has '4 findings in 6 files'
run 1 lint -o json
has '"rule": "input-unused"'
rm infra.lua
sed -i '/spare/d' infra.yaml
run 0 fmt
run 0 lint
has '0 findings in 5 files'
e2e_end
