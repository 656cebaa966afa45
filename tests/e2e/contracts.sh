#!/bin/bash
# The contract that docs/guides/contracts.md shows, with its good and its broken infra: what prov says is what the
# page says.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
ws=$work/ws
mkdir "$ws"
awk -v root="$ws" '
    /^```[a-z]+ file=/ { sub(/^.*file=/, ""); file = root "/" $0; dir = file; sub(/\/[^\/]*$/, "", dir)
                         system("mkdir -p \"" dir "\""); printf "" > file; next }
    /^```$/ { file = "" }
    file != "" { print >> file }' "$here/../../docs/guides/contracts.md"
echo "name: shop" >"$ws/prov.yaml"
cd "$ws" || exit 1

"$prov" extension check site >"$work/out" 2>&1 || fail "the extension: $(cat "$work/out")"
mv good.yaml infra.yaml
"$prov" validate >"$work/out" 2>"$work/err" || fail "the good infra: $(cat "$work/err")"
warning=$(sed -n 's/^    warning: /warning: /p' "$here/../../docs/guides/contracts.md")
[ "$(cat "$work/err")" = "$warning" ] || fail "the warning: $(cat "$work/err")"
"$prov" plan >/dev/null 2>"$work/err" || fail "the plan: $(cat "$work/err")"
grep -qF "$warning" "$work/err" || fail "the plan does not warn: $(cat "$work/err")"

mv broken.yaml infra.yaml
"$prov" validate >"$work/out" 2>"$work/err" && fail "the broken infra is good"
diff -u broken.out "$work/err" >"$work/diff" || fail "the page says something else: $(cat "$work/diff")"
"$prov" validate -o json >/dev/null 2>"$work/errors.json"
python3 - "$work/errors.json" <<'PY' || fail "errors as data: $(cat "$work/errors.json")"
import json, sys
errors = json.load(open(sys.argv[1]))["errors"]
assert len(errors) == 5, errors
port = [e for e in errors if e["path"].endswith("listen[2].port")][0]
assert (port["file"], port["line"], port["column"]) == ("infra.yaml", 10, 35), port
assert (port["expected"], port["found"]) == ("a port from 1 to 65535", "99999"), port
assert port["declared"]["line"] == 11 and port["declared"]["field"] == "listen[].port", port
PY

# A new version, as the page compares it.
cp -r extensions/taskservs/web/site "$work/site-2.0"
sed -i 's/port = 80 }/port = 443 }/; s/{ "static", "proxy" }/{ "static" }/' "$work/site-2.0/taskserv.lua"
"$prov" schema diff taskserv/site "$work/site-2.0" >"$work/out" 2>&1 || fail "diff: $(cat "$work/out")"
sed -n '/^    \$ prov schema diff/,/^$/{/^    [^$]/s/^    //p}' "$here/../../docs/guides/contracts.md" >"$work/page"
diff -u "$work/page" "$work/out" >"$work/diff" || fail "the page has another difference: $(cat "$work/diff")"

# What editors get knows the extension of the workspace.
"$prov" schema export -o json >"$work/schema.json" || fail "no schema"
grep -q 'taskserv.site.listener' "$work/schema.json" || fail "the schema does not know the named type"
"$prov" schema export taskserv site --format luacats >"$work/types" || fail "no types"
grep -qx -- '---@field listen taskserv.site.listener\[\] Where it is reached' "$work/types" || fail "types: $(cat "$work/types")"

# An editor: the YAML language server finds the mistakes of the page that a schema can say, and offers fields.
mkdir "$work/node"
if ! (cd "$work/node" && npm install --silent --no-fund --no-audit yaml-language-server@2.0.0) >"$work/npm" 2>&1; then
    echo "SKIP: no yaml-language-server from npm: $(tail -1 "$work/npm")"
    [ "$failures" -eq 0 ] && exit 77
    e2e_end
fi
cp "$here/../support/yaml_editor.js" "$work/node/"
"$prov" schema export >infra.schema.json || fail "no schema"
{
    # shellcheck disable=SC2016 # the name of a key
    echo '# yaml-language-server: $schema=infra.schema.json'
    cat infra.yaml
    printf '  last:\n    network: x\n    \n'
} >editor.yaml
timeout 100 node "$work/node/yaml_editor.js" . editor.yaml 18:5 >"$work/out" 2>&1 || fail "the editor: $(cat "$work/out")"
sort "$work/out" >"$work/sorted"
cat >"$work/expected" <<'END'
10:15: Value is not accepted. Valid values: "static", "proxy".
11:41: Value is above the maximum of 65535.
11:48: Property tsl is not allowed.
9:15: String does not match the pattern of "^[a-z][a-z0-9-]{0,30}$".
END
grep -v '^offers: ' "$work/sorted" | diff -u "$work/expected" - >"$work/diff" || fail "the editor: $(cat "$work/diff")"
grep -q '^offers: .*count.* image.* taskservs' "$work/out" || fail "the editor offers: $(tail -1 "$work/out")"
e2e_end
