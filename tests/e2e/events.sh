#!/bin/bash
# Events for programs: every line of stderr is JSON of the documented form, and says what the journal says.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
command -v jq >/dev/null || { echo "SKIP: no jq"; exit 77; }

# events CODE ARGS: prov with --events json; $work/out and $work/events, which must be in order.
events() {
    local want=$1 code
    shift
    "$prov" "$@" --events json >"$work/out" 2>"$work/events" </dev/null
    code=$?
    [ "$code" -eq "$want" ] || fail "prov $*: exit $code, not $want: $(cat "$work/events")"
    [ "$(wc -l <"$work/events")" -eq "$(jq -c 'select(type == "object" and .v == 1)' "$work/events" | wc -l)" ] ||
        fail "prov $*: a line is no event: $(cat "$work/events")"
    jq -es 'all(.[]; .time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$")
        and (sub("\\.[0-9]+Z$"; "Z") | fromdateiso8601) > 1700000000)' "$work/events" >/dev/null ||
        fail "prov $*: a time is not RFC 3339"
}

# is JQ: what a filter over the list of all events says is true.
is() {
    jq -es "$1" "$work/events" >/dev/null || fail "not so: $1: $(cat "$work/events")"
}

# same PHASES TYPE: the steps with these phases in the journal of the last run are those with events of the type.
same() {
    "$prov" run logs -o json | jq -r --arg phases "$1" '.[] | select(.phase | test($phases)) | .step' | sort >"$work/journal"
    jq -r --arg type "$2" 'select(.type == $type) | .step' "$work/events" | sort >"$work/said"
    cmp -s "$work/journal" "$work/said" || fail "$2 events are not what the journal has: $(diff "$work/journal" "$work/said")"
}

mkdir "$work/ws" && cd "$work/ws" || exit 1
echo "name: events" >prov.yaml
cat >infra.yaml <<'END'
providers: { demo: { fail: bad } }
defaults: { provider: demo }
networks: { lan: {} }
servers: { web: { count: 5, network: "${network.lan}" }, bad: {} }
items: { late: { value: "${server.bad.ip}" } }
END

events 1 apply -o json --yes --on-failure continue
jq -e '.status == "failed" and .done == 6' "$work/out" >/dev/null || fail "result: $(cat "$work/out")"
same '^intent$' 'start'
same '^done$' 'done'
same '^(failed|unknown)$' 'fail'
is '(.[0] | .type == "begin" and .what == "apply" and .steps == 8) and .[-1].type == "end"'
is '.[-1] | .status == "failed" and .done == 6 and .failed == 1 and .skipped == 1 and .ms >= 0'
is 'map(select(.type == "skip").step) == ["create item.late"]'
is 'map(select(.type == "fail") | .code, .msg) == ["failed", "the demo was told to fail here"]'
is '.[0].run == .[-1].run'
is 'group_by(.step)[] | select(.[0].step) | map(.type) | . == ["start", "done"] or . == ["start", "fail"] or . == ["skip"]'
[ "$(jq -r 'select(.type == "begin").run' "$work/events")" = "$("$prov" run list -o json | jq -r '.[0].id')" ] ||
    fail "the run of the events is not the last run"

sed -i 's/fail: bad/delay: 2s/' infra.yaml
events 1 run retry -o json --yes --timeout 500ms
same '^unknown$' fail
is 'map(select(.type == "fail").code) == ["timeout"] and .[-1].status == "failed"'
jq -e '.error.code == "timeout"' "$work/out" >/dev/null || fail "result: $(cat "$work/out")"
sed -i 's/delay: 2s/delay: 0/' infra.yaml
events 0 run retry --auto-approve
is 'map(select(.type == "info").msg)[0] | startswith("took over server.bad")'
is '.[-1].status == "done"'
events 0 apply -o json --yes
[ ! -s "$work/events" ] || fail "nothing to do, yet: $(cat "$work/events")"

events 2 destroy -o json
is '.[0] | .type == "show" and .view == "plan" and (.value.steps | length) == 8'
is '.[-1] | .type == "error" and .errors[0].code == "usage"'
run 0 plan --destroy --out gone
events 0 apply gone -q
[ "$(head -c 5 "$work/out")" = Done. ] || fail "the result for people: $(cat "$work/out")"

echo "servers: 5" >infra.yaml
events 1 apply --yes
is 'length == 1 and .[0].type == "error" and (.[0].errors[0] | .file and .line)'
events 2 apply --nonsense
is '.[0].errors[0].code == "usage"'

e2e_end
