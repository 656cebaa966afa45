#!/bin/bash
# The guides to the infra language: ten mistakes say what the page says they say, and the system of three tiers is the
# same plan in YAML and in Lua.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
guides=$here/../../docs/guides

python3 "$here/../support/mistakes.py" "$prov" "$guides/mistakes.md" || fail "docs/guides/mistakes.md"

cd "$work" || exit 1
for form in yaml lua; do
    mkdir "$form"
    echo "name: shop" >"$form/prov.yaml"
    awk -v begin="^\`\`\`$form file=infra.$form\$" '$0 ~ begin { on = 1; next } /^```/ { on = 0 } on' \
        "$guides/three-tiers.md" >"$form/infra.$form"
    [ -s "$form/infra.$form" ] || fail "no infra.$form in the page"
    (cd "$form" && run 0 validate && run 0 plan -o json --no-refresh && cp "$work/out" plan)
    grep -q '"network.lan"' "$form/plan" || fail "no plan of $form: $(cat "$form/plan")"
done
cmp -s yaml/plan lua/plan || fail "the plans differ: $(diff yaml/plan lua/plan)"
e2e_end
