#!/bin/bash
# The REPL as a person sees it, on a screen of tmux; and without a person: eval, run, a pipe.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
. "$here/../support/screen.sh"

cd "$work" || exit 1
"$prov" workspace new shop >/dev/null 2>&1 || fail "workspace new"
cd shop || exit 1
cat >infra.yaml <<'YAML'
# two of them
providers: { demo: { delay: 20s } }
defaults: { provider: demo }
networks: { lan: {} }
servers: { web: { count: 2, network: "${network.lan}" } }
YAML

on_screen 80 "$prov repl"

shows "the prompt" '^prov> *$'
keys -l 'infra.servers.web.cou'
keys Tab
shows "completion" 'infra\.servers\.web\.count'
keys -l ' = 4'
keys Enter
keys -l '#plan().steps' && keys Enter
shows "the plan of what is not written" '^5$'
keys -l 'apply()' && keys Enter
shows "apply refuses" '1 change in no file'
keys -l ':changes' && keys Enter
shows "the changes" '^infra\.servers\.web\.count = 4'
shows "a prompt that says so" '^prov\*> *$'
keys -l ':write' && keys Enter
shows "what was written" '^written: .*infra\.yaml'
keys -l 'function f(x)' && keys Enter
shows "more lines" '^  \.\.\.'
keys -l 'return { answer = x, "two" } end' && keys Enter
keys -l 'f(42)' && keys Enter
shows "a table" '^\{ "two", answer = 42 \}'
keys -l '?server.cpu' && keys Enter
shows "no such field" "nothing is known of 'server.cpu'"
keys -l '?network.cidr' && keys Enter
shows "help of a field" 'cidr +cidr .*Address range'
keys -l ':time 1+1' && keys Enter
shows "the time" '^took [0-9.]+ ms'
keys -l 'apply()' && keys Enter
shows "the question" '\[y/N\]'
keys -l 'y' && keys Enter
shows "the run" 'creating'
keys C-c
shows "the end of the run" 'Ctrl-C again'
keys C-c
shows "the session lives" '^prov> *$'
keys -l '6*7' && keys Enter
shows "and works" '^42$'
keys C-c
keys -l 'while true do pcall(error) end' && keys Enter
shows "a loop without end" 'pcall\(error\) end$'
sleep 0.3
keys C-c
shows "Ctrl-C ends it" 'repl:1: interrupted|error: interrupted'
keys -l 'for i = 1, 3 do' && keys Enter
shows "an unfinished line" '^  \.\.\.'
keys C-c
keys -l '6*9' && keys Enter
shows "Ctrl-C dropped it" '^54$'
keys -l ':save good.lua' && keys Enter
shows "what was saved" 'written to good.lua'
leaves
grep -q 'f(42)' .prov/repl-history || fail "no history of the workspace"
[ "$(stat -c %a .prov/repl-history)" = 600 ] || fail "the history is for everybody"
grep -q '^f(42)$' good.lua || fail "good.lua: $(cat good.lua)"
grep -q '^:' good.lua && fail "good.lua has commands in it"

grep -q '^# two of them' infra.yaml || fail "a comment is gone: $(cat infra.yaml)"
grep -q 'count: 4' infra.yaml || fail "the change is not there: $(cat infra.yaml)"

# Without a person.
run 0 eval '38 + infra.servers.web.count'
has 42
run 0 eval 'infra.networks' -o json
has '"lan": {}'
run 0 eval 'config.get("parallelism")' -o json
has 256
run 1 eval 'nothing.here'
has "attempt to index a nil value"
for signal in INT TERM; do # a loop that never waits ends all the same
    "$prov" eval 'while true do end' >ended 2>&1 &
    pid=$!
    sleep 1
    kill -$signal $pid
    wait $pid
    [ $? = 130 ] && grep -q 'interrupted' ended || fail "$signal: $(cat ended)"
done
cat >script.lua <<'LUA'
#!/usr/bin/env -S prov run
local first, second = ...
print(first, second, arg[0], #workspace.list{})
if first == "bad" then
  error("no good")
end
LUA
run 0 run script.lua one two
has "$(printf 'one\ttwo\tscript.lua\t1')"
run 1 run script.lua bad
has "script.lua:5: no good"
run 4 run lst
has "did you mean 'list'"
run 0 run list

# One inside of another.
printf ':eval 1+1\nprov.eval("2+3")\n:run script.lua x y\n' | "$prov" repl >out 2>&1 || fail "nested: $(cat out)"
printf '2\n5\nx\ty\tscript.lua\t1\n' | cmp -s - out || fail "nested: $(cat out)"

# A loop without end hears signals.
for how in INT TERM; do
    "$prov" eval 'while true do end' 2>err &
    pid=$!
    sleep 0.5
    kill "-$how" $pid
    for _ in $(seq 50); do kill -0 $pid 2>/dev/null || break; sleep 0.1; done
    kill -KILL $pid 2>/dev/null && fail "SIG$how does not end a loop"
    wait $pid
    [ $? = 130 ] || fail "SIG$how: exit code"
    grep -q 'interrupted' err || fail "SIG$how: $(cat err)"
done
e2e_end
