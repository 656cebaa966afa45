#!/bin/bash
# The command line as a person and a script meet it: exit codes, streams, formats, errors.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"

run() { # run EXIT ARGUMENTS...: runs prov; its output is in $work/out and $work/err
    local want=$1 got
    shift
    "$prov" "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    [ "$got" -eq "$want" ] || fail "prov $*: exit $got, not $want: $(cat "$work/err")"
}

out_has() { grep -qF -- "$1" "$work/out" || fail "no '$1' in: $(cat "$work/out")"; }
err_has() { grep -qF -- "$1" "$work/err" || fail "no '$1' in: $(cat "$work/err")"; }
err_empty() { [ ! -s "$work/err" ] || fail "stderr is not empty: $(cat "$work/err")"; }

cd "$work" || exit 1
run 0 --version
grep -qx 'prov [0-9.]*' "$work/out" || fail "--version says $(cat "$work/out")"
for words in "" help --help -h "help server" "server --help" "plan -h" "help apply"; do
    # shellcheck disable=SC2086 # words
    run 0 $words
    out_has "Usage: prov"
    err_empty
done
run 2 server
err_has "server list"
run 2 aply
err_has "no command 'aply'"
err_has "hint: did you mean 'apply'?"
run 2 plan --refesh
err_has "did you mean '--refresh'?"
run 2 version extra
run 2 config get

# Where there is no workspace, and -o json in errors.
run 4 plan
err_has "hint: go to the folder of one"
run 4 plan -o json
python3 -c 'import json, sys; e = json.load(open(sys.argv[1])); assert e["errors"][0]["code"] == "notfound", e' "$work/err" ||
    fail "errors as JSON: $(cat "$work/err")"
[ ! -s "$work/out" ] || fail "an error wrote to stdout"

run 0 workspace new shop --description "a shop: 1 # not a comment"
run 1 workspace new shop
run 0 workspace list -o name
[ "$(cat "$work/out")" = shop ] || fail "workspace list -o name: $(cat "$work/out")"
run 0 workspace list -o json
python3 -c 'import json, sys; [w] = json.load(open(sys.argv[1])); assert w["current"] and w["description"] == "a shop: 1 # not a comment", w' "$work/out" ||
    fail "workspace list -o json: $(cat "$work/out")"
run 0 validate
out_has "valid: 2 resources"

# An error in the infra names its place; all errors come at once.
cat >shop/infra.yaml <<'YAML'
providers: { demo: {} }
defaults: { provider: demo }
servers:
  web: { sise: 3, network: "${network.lam}" }
networks:
  lan: { cidr: 10.0.0.0/33 }
YAML
run 1 validate
err_has "infra.yaml:4:"
err_has "infra.yaml:6:"
[ "$(grep -c '^error:' "$work/err")" -ge 2 ] || fail "not all errors: $(cat "$work/err")"
run 1 validate -o json
python3 -c 'import json, sys; e = json.load(open(sys.argv[1]))["errors"]; assert any(x.get("line") == 4 for x in e), e' "$work/err" ||
    fail "places in JSON errors: $(cat "$work/err")"

cat >shop/infra.yaml <<'YAML'
providers: { demo: {} }
defaults: { provider: demo }
networks:
  lan: { cidr: 10.0.0.0/24 }
servers:
  web: { count: 2, network: "${network.lan}" }
  cut: { for_each: { a: 1, b: 2 }, network: "${network.lan}" }
outputs:
  ips: "${server.web.ip}"
YAML
run 0 plan -o json
python3 -m json.tool "$work/out" >/dev/null || fail "plan -o json is no JSON"
err_empty
run 0 plan -o name
grep -q '^create network.lan$' "$work/out" || fail "plan -o name: $(cat "$work/out")"
run 0 graph -o name
grep -q '^digraph prov {$' "$work/out" || fail "graph -o name: $(cat "$work/out")"
run 3 plan --detailed-exitcode
err_has "workspace 'shop'" # nobody named it
run 2 plan extra
err_has "usage: prov plan"
run 2 apply
err_has "--yes"
run 0 apply --yes -q
run 0 plan --detailed-exitcode
run 0 apply --yes -o json
python3 -m json.tool "$work/out" >/dev/null || fail "apply -o json is no JSON"
run 0 server list -o name
printf '%s\n' 'cut["a"]' 'cut["b"]' 'web[1]' 'web[2]' | cmp -s - "$work/out" || fail "server list -o name: $(cat "$work/out")"
run 0 server show web-2
out_has "server.web[2]"
run 0 server show cut-a
run 2 server show web
err_has "web[1], web[2]"
run 4 server show db
run 0 output ips -o yaml
run 2 destroy
err_has "plan --destroy --out"
run 4 output ip
err_has "did you mean 'ips'"
run 0 help completion
out_has "bash, zsh, fish"
run 0 help help
PROV_PARALLELISM=abc run 1 config show
err_has "PROV_PARALLELISM"
PROV_PARALLELISM=abc run 1 apply --yes
err_has "expected an integer"
run 0 config explain output -o json
PROV_OUTPUT=json run 0 config get output
[ "$(cat "$work/out")" = '"json"' ] || fail "PROV_OUTPUT is not heard: $(cat "$work/out")"
run 4 config get nothing

# A workspace with resources is not forgotten.
run 7 workspace delete shop --yes
run 0 destroy --yes
run 0 workspace delete shop --yes --files
[ ! -e shop ] || fail "the folder is still there"

# A closed pipe ends prov, without a trace of Lua.
"$prov" help 2>"$work/err" | head -1 >/dev/null
grep -q 'stack traceback' "$work/err" && fail "a closed pipe gives a traceback"
"$prov" help >/dev/full 2>/dev/null && fail "a full disk is not noticed"
"$prov" version >/dev/full 2>/dev/null && fail "a full disk is not noticed by version"

# Extensions that are made work as they are.
run 0 workspace new own
run 0 extension new provider acme -w own
run 0 extension new taskserv greet -w own
run 1 extension new taskserv greet --category web -w own
run 0 extension new cluster duo -w own
run 0 extension check -w own
run 0 extension which cluster/duo -w own
out_has "own/extensions/clusters/duo/cluster.lua"
cat >own/infra.yaml <<'YAML'
providers: { demo: {}, acme: {} }
defaults: { provider: demo }
notes:
  hello: { provider: acme, text: "first" }
clusters:
  pair: { template: duo, count: 3 }
YAML
run 0 apply --yes -w own
grep -rq first own/.prov/acme || fail "the note was not written"
sed -i 's/first/second/' own/infra.yaml
run 0 apply --yes -w own
grep -rq second own/.prov/acme || fail "the note was not changed"
run 0 plan --detailed-exitcode -w own
find own/.prov/acme -type f -delete
run 3 plan --detailed-exitcode -w own
run 0 destroy --yes -w own
[ -z "$(find own/.prov/acme -type f)" ] || fail "the note was not deleted"
"$prov" doctor extensions -w own -o json >"$work/out" 2>&1 || fail "doctor extensions: $(cat "$work/out")"
python3 -m json.tool "$work/out" >/dev/null || fail "doctor -o json"
sed -i 's/api = 1/api = 99/' own/extensions/providers/acme/provider.lua
run 1 extension check acme -w own
err_has "acme/provider.lua"
run 1 extension check -w own

# man pages and reference
run 0 docs man --out man
for page in prov prov-apply prov-server-exec; do
    [ -s man/$page.1 ] || fail "no man page $page"
done
run 0 docs reference --out ref
run 0 docs reference --out ref --check
echo stale >>ref/server.md
run 1 docs reference --out ref --check
err_has "server.md"

run 0 bench -o json
# A folder with an infra and no workspace is never taken for the workspace used last.
mkdir "$work/bare" && cd "$work/bare" || exit 1
echo 'items: {}' >infra.yaml
"$prov" plan >"$work/out" 2>&1 && fail "plan in a folder that is no workspace"
grep -q "infra.yaml is here, but no prov.yaml" "$work/out" || fail "no workspace here: $(cat "$work/out")"

# What prevent_destroy protects, destroy leaves alone; a Lua file without return is an error.
"$prov" workspace new "$work/kept" >/dev/null 2>&1 && cd "$work/kept" || exit 1
echo 'items: { a: { provider: demo, lifecycle: { prevent_destroy: true } } }' >infra.yaml
"$prov" apply --yes >"$work/out" 2>&1 || fail "apply: $(cat "$work/out")"
"$prov" destroy --yes >"$work/out" 2>&1
[ $? -eq 5 ] || fail "destroy of what is protected: $(cat "$work/out")"
grep -q "infra.yaml:1:.*item.a would be deleted" "$work/out" || fail "destroy says: $(cat "$work/out")"
[ "$("$prov" state list -o name)" = item.a ] || fail "what is protected was deleted"
[ "$("$prov" graph -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)["nodes"])')" = "['item.a']" ] ||
    fail "graph -o json"
"$prov" state list --revision 99 >"$work/out" 2>&1 && fail "a revision that is not there"
PROV_PARALLELISM=many "$prov" state list 2>"$work/out" >/dev/null
grep -q "PROV_PARALLELISM" "$work/out" || fail "a wrong setting in the environment passes"
rm infra.yaml && echo 'local x = {}' >infra.lua
"$prov" validate >"$work/out" 2>&1 && fail "an infra.lua that returns nothing is valid"

e2e_end
