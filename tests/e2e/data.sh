#!/bin/bash
# prov data: every format in and out, paths, edits that keep comments, one error line with its place.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
cd "$work" || exit 1

# data EXIT ARGUMENTS... <INPUT: what it writes is in $work/out and $work/err.
data() {
    local want=$1 got
    shift
    "$prov" data "$@" >"$work/out" 2>"$work/err"
    got=$?
    [ "$got" -eq "$want" ] || fail "prov data $*: exit $got, not $want: $(cat "$work/err")"
}
is() { [ "$(cat "$work/out")" = "$1" ] || fail "not '$1' but: $(cat "$work/out")"; }
# error TEXT: nothing was written, and one line says so.
error() {
    [ "$(grep -v '^hint: ' "$work/err")" = "error: $1" ] || fail "not 'error: $1' but: $(cat "$work/err")"
    [ ! -s "$work/out" ] || fail "wrote in spite of an error: $(cat "$work/out")"
}

# Each format says the same.
printf '{"a": {"b": "1", "c": "x y"}}' >a.json
printf 'a:\n  b: "1"   # a number as text\n  c: x y\n' >a.yaml
printf '<a>\n  <b>1</b>\n  <c>x y</c>\n</a>\n' >a.xml
printf '[a]\nb = 1\nc = x y ; text\n' >a.ini
for format in json yaml xml ini; do
    data 0 decode "$format" "a.$format"
    jq -e '. == {"a": {"b": "1", "c": "x y"}}' out >/dev/null || fail "$format is $(cat out)"
    data 0 decode "$format" <"a.$format"
    jq -e '.a.c == "x y"' out >/dev/null || fail "$format from the standard input is $(cat out)"
    data 0 encode "$format" a.json
    cp out "again.$format"
    data 0 diff json --to "$format" a.json "again.$format"
    data 0 validate "$format" "a.$format"
    for to in json yaml xml ini; do
        data 0 convert "$format" "$to" "a.$format"
        cp out converted
        data 0 diff json --to "$to" a.json - <converted
    done
done
printf 'export A="x y" # c\nB=2\n' >.env
data 0 decode dotenv .env
jq -e '. == {"A": "x y", "B": "2"}' out >/dev/null || fail "dotenv is $(cat out)"
data 0 convert dotenv dotenv .env
# shellcheck disable=SC1091 # a shell reads what we write
[ "$(. "$work/out" && echo "$A$B")" = "x y2" ] || fail "a shell reads something else"
data 1 convert json dotenv a.json
error "a.json: cannot write as an environment file: 'a' is a map"

# Numbers are exact, in both directions; binary noise and bombs are errors.
data 0 decode json <<<'[9223372036854775807, -9223372036854775808, 0.1, 1e3, []]'
is "$(printf '[\n  9223372036854775807,\n  -9223372036854775808,\n  0.1,\n  1000.0,\n  []\n]')"
data 1 decode json <<<'9223372036854775808'
error "stdin:1:1: not valid JSON: too big integer near '9223372036854775808'"
data 1 decode yaml <<<'a: [1, 2'
error "stdin:2:1: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence that begins on line 1"
data 1 decode yaml <<<$'a: 1\na: 2'
error "stdin:2:1: the key 'a' was given before, on line 1"
data 1 decode yaml <<<$'a: &a [x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f]'
error "stdin:7:11: aliases expand to more than 200000 values"
data 1 decode xml <<<'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
error "stdin:1:13: a document type (<!DOCTYPE ...>) is not accepted"
data 1 decode ini <<<$'[a]\nb'
error "stdin:2:1: not valid INI: a line is a [section], key = value or a comment"
data 1 decode dotenv <<<"A='x"
error "stdin:1:3: not a valid environment file: the quote is not closed"
head -c 70000000 /dev/zero | data 1 decode json
error "the standard input is larger than 67108864 bytes"
data 1 decode json <<<$'{"a\x1b[31m\n": 1}'
[ "$(wc -l <err)" = 1 ] || fail "more than one line: $(cat err)"
if grep -q $'\x1b' err; then fail "a control character reached the terminal"; fi
data 4 decode json missing.json
error "cannot read missing.json: no such file or directory"
data 1 decode json /
data 1 decode json <&-
error "stdin:1:1: not valid JSON: unexpected token near end of file"
data 1 diff yaml -o json - a.yaml <<<'a: .inf'
error "cannot write as JSON: a number is not finite"

# Streams of YAML documents.
printf -- '---\na: 1\n---\n- b\n' >stream.yaml
data 1 decode yaml stream.yaml
error "stream.yaml:3:1: more than one document in a file; --all reads the list of them"
data 0 get yaml '[2][1]' stream.yaml --all
is b
data 2 decode json --all a.json

# Paths.
data 0 get yaml a.c a.yaml
is "x y"
data 0 get yaml a.c a.yaml -o json
is '"x y"'
data 0 get json '.a' a.json -o yaml
is "$(printf 'b: "1"\nc: x y')"
data 4 get yaml a.d a.yaml
error "a.yaml:1:1: there is no a.d"
data 4 get yaml servers.wbe <<<'servers: { web: 1 }'
error "stdin:1:1: there is no servers.wbe"
grep -q "^hint: did you mean 'web'?" err || fail "no hint: $(cat err)"
# A date of TOML stays one.
data 0 set toml a 2020-01-01 <<<'a = 1979-05-27 # d'
is "a = 2020-01-01 # d"
data 0 set toml a 2020-01-01 --string <<<'a = 1979-05-27 # d'
is 'a = "2020-01-01" # d'
data 1 set toml a.b null <<<'a = { b = 1 }'
error "stdin:1:7: cannot write as TOML: the value is null, which TOML has not; leave it out"
data 2 get yaml 'a..d' a.yaml
data 0 get json '["x.y"][-1]' <<<'{"x.y": [1, null]}'
is null

# Edits keep what they do not change.
cat >edit.yaml <<'YAML'
# the servers
servers:
  web:            # public
    size: 'small' # cheap
    ports: [80, 443]
YAML
chmod 640 edit.yaml
ln -s edit.yaml link.yaml
data 0 set yaml servers.web.size large link.yaml --in-place
data 0 set yaml 'servers.web.ports[+]' 8080 link.yaml --in-place
data 0 set yaml servers.db '{size: 2, note: "a: b"}' edit.yaml --in-place
data 0 set yaml servers.web.zone --string no edit.yaml --in-place
[ ! -s out ] || fail "--in-place writes on the standard output too"
cat >want.yaml <<'YAML'
# the servers
servers:
  web:            # public
    size: 'large' # cheap
    ports: [80, 443, 8080]
    zone: "no"
  db:
    note: "a: b"
    size: 2
YAML
cmp -s edit.yaml want.yaml || fail "the edits gave: $(cat edit.yaml)"
[ -L link.yaml ] || fail "the link was replaced by a file"
[ "$(stat -c %a edit.yaml)" = 640 ] || fail "the mode changed to $(stat -c %a edit.yaml)"
data 0 set yaml a.b 2 <a.yaml
is "$(printf 'a:\n  b: 2   # a number as text\n  c: x y')"
data 1 set yaml a.c.d 2 a.yaml
error "a.yaml:3:3: a.c: is a string, nothing can be in it"
data 1 set ini a.b 2 a.ini --in-place
error "a.ini:2:1: writing INI anew would lose the comments; --rewrite does it"
data 0 set ini a.b 2 a.ini --in-place --rewrite
grep -qx 'b = 2' a.ini || fail "INI was not written: $(cat a.ini)"
data 0 set json 'a.list[+]' '[1]' a.json
jq -e '.a.list == [[1]]' out >/dev/null || fail "JSON was set to $(cat out)"
data 2 set json a 1 --in-place </dev/null
data 2 set yaml a '[' a.yaml

# Taking out.
printf 'a:\n  b: 1 # one\n  c: 2 # two\nd: [1, 2, 3]\n' >gone.yaml
data 0 unset yaml a.b gone.yaml
is "$(printf 'a:\n  c: 2 # two\nd: [1, 2, 3]')"
data 0 unset gone.yaml 'd[2]' --in-place
grep -qx 'd: \[1, 3\]' gone.yaml || fail "unset left: $(cat gone.yaml)"
data 4 unset gone.yaml a.x
data 2 unset gone.yaml .
data 0 unset ini a.b --rewrite <<<"$(printf '[a]\nb = 1\nc = 2')"
is "$(printf '[a]\nc = 2')"

# A file where the format is named.
data 0 get gone.yaml a.c
is 2
data 0 decode gone.yaml
jq -e '.d == [1, 3]' out >/dev/null || fail "decode of a file is $(cat out)"
data 0 convert gone.yaml json
data 0 get yml a.c gone.yaml
is 2
data 3 diff gone.yaml a.json
data 2 diff yaml gone.yaml
error "two files are compared: name the other one too"
data 2 get gone.yaml a.c a.yaml
error "two files are named: gone.yaml and a.yaml"
data 2 get gone.text a.c
error "the name of 'gone.text' does not say its format"
data 2 get ymal a.c
error "no format 'ymal'"

# Differences.
data 3 diff yaml a.yaml edit.yaml
is "$(printf -- '- a: {"b":"1","c":"x y"}\n+ servers: {"db":{"note":"a: b","size":2},"web":{"ports":[80,443,8080],"size":"large","zone":"no"}}')"
data 3 diff json -o json a.json - <<<'{"a": {"b": 1, "c": "x y"}}'
jq -e '.changes == [{"path": "a.b", "change": "changed", "before": "1", "after": 1}]' out >/dev/null || fail "diff is $(cat out)"

# Contracts.
printf 'a: {type: record, required: true, fields: {b: {type: int}, c: {type: string}}}\n' >contract.yaml
data 1 validate yaml --schema contract.yaml a.yaml
grep -qF 'a.yaml:2:3: a.b: expected an integer, found "1"' err || fail "the contract says: $(cat err)"
data 0 validate json --schema contract.yaml <<<'{"a": {"b": 1}}'
data 1 validate json --schema a.yaml a.json

e2e_end
