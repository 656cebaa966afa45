#!/bin/bash
# kill -9 at random moments of an apply: the next apply ends with exactly the wanted things in the
# world, none lost, none twice (a temporary file of a killed write is not a thing). Also two applies at once: one is refused, nothing happens twice.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work/home PROV_PATH=$here/../support/extensions
mkdir -p "$HOME" "$work/ws" "$work/world"
failed=0
fail() {
    echo "FAIL: $*"
    failed=1
}

wanted=20
write_infra() {
    {
        echo "providers: { folder: { dir: \"$work/world\", slow: 5ms } }"
        echo "defaults: { provider: folder }"
        echo "things:"
        echo "  first: {}"
        echo "  rest: { count: $((wanted - 1)), after: \"\${thing.first.id}\" }"
    } >"$work/ws/infra.yaml"
    echo "name: kill" >"$work/ws/prov.yaml"
}
write_infra

rounds=${KILL_ROUNDS:-25}
for round in $(seq "$rounds"); do
    rm -rf "$work/world" "$work/ws/.prov"
    mkdir "$work/world"
    kills=0
    for _ in 1 2 3; do
        "$prov" -w "$work/ws" apply --yes >"$work/log" 2>&1 &
        pid=$!
        sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"
        kill -9 "$pid" 2>/dev/null && kills=$((kills + 1))
        wait "$pid" 2>/dev/null
    done
    if ! "$prov" -w "$work/ws" apply --yes >"$work/log" 2>&1; then
        fail "round $round: apply after $kills kills: $(tail -3 "$work/log")"
        continue
    fi
    have=$(find "$work/world" -type f ! -name '*.tmp' | wc -l)
    [ "$have" -eq "$wanted" ] || fail "round $round: $have things in the world, $wanted wanted: $(ls -A "$work/world" | tr "\n" " ")"
    listed=$("$prov" -w "$work/ws" state list -o name | wc -l)
    [ "$listed" -eq "$wanted" ] || fail "round $round: $listed records, $wanted wanted"
    "$prov" -w "$work/ws" plan --detailed-exitcode >"$work/log" 2>&1 || fail "round $round: plan is not empty"
done
echo "$rounds rounds of kills"

# Two at once, the second a little later each time: also when it reads the state just before the first ends.
for later in 0 0.05 0.1 0.15 0.2 0.22 0.24 0.26 0.28 0.3 0.32 0.34 0.36 0.4; do
    rm -rf "$work/world" "$work/ws/.prov"
    mkdir "$work/world"
    "$prov" -w "$work/ws" apply --yes >"$work/one" 2>&1 &
    one=$!
    sleep "$later"
    "$prov" -w "$work/ws" apply --yes >"$work/two" 2>&1 &
    two=$!
    wait "$one"
    first=$?
    wait "$two"
    second=$?
    case "$first $second" in
        "0 6" | "6 0" | "0 0") ;;
        *) fail "two applies at once exit with $first and $second" ;;
    esac
    have=$(find "$work/world" -type f ! -name '*.tmp' | wc -l)
    [ "$have" -eq "$wanted" ] || fail "two at once, $later s apart: $have things, $wanted wanted"
done

# A workspace with an interrupted run is not deleted: what that made would be lost.
rm -rf "$work/world" "$work/ws/.prov"
mkdir "$work/world"
sed -i 's/slow: [0-9a-z]*/slow: 300ms/' "$work/ws/infra.yaml"
"$prov" -w "$work/ws" apply --yes >"$work/log" 2>&1 &
pid=$!
sleep 0.25
"$prov" workspace delete "$work/ws" --yes >"$work/two" 2>&1
[ $? -eq 6 ] || fail "delete of a workspace in use: $(cat "$work/two")"
kill -9 "$pid"
wait "$pid" 2>/dev/null
"$prov" workspace delete "$work/ws" --yes >"$work/log" 2>&1
[ $? -eq 7 ] || fail "delete of an interrupted workspace: $(cat "$work/log")"

# Ctrl-C once: what runs ends, nothing more starts. Twice: what runs is cancelled. Either way the next
# apply goes on, and nothing is there twice.
for times in 1 2; do
    rm -rf "$work/world" "$work/ws/.prov"
    mkdir "$work/world"
    sed -i 's/slow: [0-9a-z]*/slow: 300ms/' "$work/ws/infra.yaml"
    "$prov" -w "$work/ws" apply --yes >"$work/log" 2>&1 &
    pid=$!
    sleep 0.9
    kill -INT "$pid"
    [ "$times" -eq 1 ] || { sleep 0.05 && kill -INT "$pid" 2>/dev/null; }
    wait "$pid"
    code=$?
    [ "$code" -eq 130 ] || fail "Ctrl-C $times times: exit $code: $(tail -3 "$work/log")"
    have=$(find "$work/world" -type f ! -name '*.tmp' | wc -l)
    [ "$have" -lt "$wanted" ] || fail "Ctrl-C $times times: everything was made all the same"
    "$prov" -w "$work/ws" apply --yes >"$work/log" 2>&1 || fail "apply after Ctrl-C: $(tail -3 "$work/log")"
    have=$(find "$work/world" -type f ! -name '*.tmp' | wc -l)
    [ "$have" -eq "$wanted" ] || fail "Ctrl-C $times times: $have things in the world, $wanted wanted"
    grep -q "No changes" <("$prov" -w "$work/ws" plan 2>&1) || fail "Ctrl-C $times times: plan is not empty"
done

"$prov" -w "$work/ws" destroy --yes >"$work/log" 2>&1 || fail "destroy: $(tail -3 "$work/log")"
[ -z "$(find "$work/world" -type f ! -name "*.tmp")" ] || fail "destroy left something"
exit $failed
