#!/bin/bash
# prov console: expressions of the infra against what is declared and recorded; one, from a pipe, and on a screen.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
. "$here/../support/screen.sh"
cd "$work" || exit 1
"$prov" workspace new shop >/dev/null 2>&1 || fail "workspace new"
cd shop || exit 1
cat >infra.yaml <<'YAML'
inputs:
  size: { type: int, default: 3 }
  password: { type: secret, default: hush }
providers:
  demo: {}
defaults: { provider: demo }
data:
  image: { kind: image, where: { name: debian-12 } }
networks:
  lan: { cidr: 10.10.0.0/24 }
servers:
  web:
    count: 2
    network: ${network.lan}
    labels: { key: "${var.password}" }
outputs:
  web: ${server.web.ip}
  next: ${var.size + 1}
YAML
mkdir environments
echo 'vars: { size: 7 }' >environments/prod.yaml

# is EXPRESSION VALUE
is() {
    local got
    got=$("$prov" console "$1" 2>&1) || fail "console $1: $got"
    [ "$got" = "$2" ] || fail "console $1: '$got', not '$2'"
}
is 'var.size + 1' 4
is output.next 4
is 'upper("x")' X
is var.password '(secret)'
is '"p" .. var.password' '(secret)'
is network.lan.cidr 10.10.0.0/24
is 'server.web[1].labels' "$(printf '{\n  "key": "(secret)"\n}')"
is 'server.web[1].ip' '(known after apply)'
is '"at " .. server.web[1].ip' '(known after apply)'
is 'data.image.name' debian-12
run 0 -e prod console var.size
has 7
run 0 --var size=9 console var.size
has 9

run 1 console 'server.wbe.ip'
has "refers to the server 'wbe', which is not declared"
has "did you mean 'web'?"
run 1 console 'output.nxt'
has "did you mean 'next'?"
run 1 console '1 +'
has "error: '1 +': something is missing at the end"
run 1 console 'var.sise'
has "there is no variable 'sise'"

run 0 apply -y
ip=$("$prov" state show 'server.web[2]' -o json | sed -n 's/.*"ip": "\(.*\)".*/\1/p')
[ -n "$ip" ] || fail "no address in the state"
is 'server.web[2].ip' "$ip"
is 'element(output.web, 2)' "$ip"
run 0 console 'server.web.ip' -o json
has "\"$ip\""

# From a pipe: the exit code is that of the last line.
printf 'var.size\n\nnope(1)\n"1"\n?upper\n' | "$prov" console >"$work/out" 2>"$work/err" || fail "a pipe"
printf '3\n"1"\nupper(text)\n  In capitals\n' | diff - "$work/out" || fail "the values of a pipe"
grep -q "there is no function 'nope'" "$work/err" || fail "the error of a pipe: $(cat "$work/err")"
echo 'nope(1)' | "$prov" console >/dev/null 2>&1 && fail "a pipe whose last line fails"

# On a screen.
on_screen 100 "$prov console"
shows "the prompt" '^> *$'
keys -l 'network.l' && keys Tab
shows "completion" '^> network\.lan$'
keys -l '.cidr' && keys Enter
shows "a value" '^"10\.10\.0\.0/24"$'
sed -i 's/default: 3/default: 30/' infra.yaml
keys -l 'var.size' && keys Enter
shows "files are read anew" '^30$'
keys -l 'serve.web' && keys Enter
shows "an error leaves the session alive" '^error: '
keys Up && keys Up && keys Enter
shows "history" '^30$'
leaves
grep -q 'network.lan.cidr' .prov/console-history || fail "no history"
e2e_end
