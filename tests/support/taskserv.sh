# shellcheck shell=bash
# Sourced by tests/e2e/taskserv-*.sh: real servers of this machine, their services installed, left
# alone by a second run, broken by hand, found, repaired, removed. Uses support/e2e.sh.

prov=${PROV:?path of the prov binary}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/e2e.sh"
e2e_need_lab
ws=$work/ws
lab=e2e-$$-$(basename "$0" .sh | sed 's/^taskserv-//')
mkdir -p "$ws"

at_exit() {
    "$prov" -w "$ws" destroy --yes >"$work/destroy" 2>&1
}

# prov_is NAME EXIT ARGUMENTS...: runs prov, keeps its output in $work/NAME.
prov_is() {
    local name=$1 want=$2
    shift 2
    "$prov" -w "$ws" "$@" >"$work/$name" 2>&1
    local got=$?
    [ "$got" -eq "$want" ] || fail "prov $*: exit $got, not $want: $(tail -15 "$work/$name")"
}

# on SERVER COMMAND
on() {
    "$prov" -w "$ws" server exec "$1" -- "$2"
}

# page SERVER HOST PORT [PATH]: what answers there, with its headers, asked from the server by bash:
# servers need not have curl, and their sh has no /dev/tcp.
page() {
    on "$1" "exec bash -c 'exec 3<>/dev/tcp/$2/$3 && printf \"GET %s HTTP/1.0\\r\\n\\r\\n\" \"\$0\" >&3 && cat <&3' '${4:-/}'"
}

# within SECONDS COMMAND...: runs the command until it succeeds; fails when it never does.
within() {
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$until" ] || return 1
        sleep 0.5
    done
}

# ts_apply: the infra on standard input, applied; a second apply changes nothing, all is healthy.
ts_apply() {
    printf 'name: %s\n' "$lab" >"$ws/prov.yaml"
    {
        printf 'providers:\n  local: { lab: %s }\ndefaults: { provider: local }\n' "$lab"
        cat
    } >"$ws/infra.yaml"
    prov_is apply 0 apply --yes
    ts_settled
}

ts_settled() {
    prov_is again 0 apply --yes
    grep -q "No changes" "$work/again" || fail "a second apply changes something: $(cat "$work/again")"
    prov_is health 0 taskserv check
}

# ts_break SERVER TASKSERV COMMAND EXPECTED...: after the command by hand, check mode names each
# expected part, apply repairs it, and then nothing is left to do.
ts_break() {
    local server=$1 taskserv=$2 command=$3
    shift 3
    on "$server" "$command" >"$work/break" 2>&1 || fail "cannot break $taskserv: $(cat "$work/break")"
    prov_is drift 1 taskserv check "$taskserv" "$server"
    for part in "$@"; do
        grep -qF -- "$part" "$work/drift" || fail "after '$command': '$part' is not reported: $(cat "$work/drift")"
    done
    prov_is repair 0 apply --yes
    ts_settled
}

# ts_remove SERVER TASKSERV PACKAGES PATH...: removed; no package (an extended regular expression),
# no path of these is left, and a second removal has nothing to do.
ts_remove() {
    local server=$1 taskserv=$2 packages=$3
    shift 3
    prov_is remove 0 taskserv remove "$taskserv" "$server" --yes
    on "$server" "dpkg-query -W -f '\${db:Status-Abbrev} \${Package}\n' | grep -E '^(ii|rc|iU|iF) +($packages)\$'" >"$work/left" &&
        fail "$taskserv leaves packages: $(cat "$work/left")"
    for path in "$@"; do
        on "$server" "test ! -e '$path'" || fail "$taskserv leaves $path: $(on "$server" "ls -la '$path'")"
    done
}

# ts_end: destroys everything, counts what stays, ends the script.
ts_end() {
    prov_is destroy 0 destroy --yes
    left=$(leftovers "$lab")
    [ -z "$left" ] || fail "left behind: $left"
    e2e_end
}
