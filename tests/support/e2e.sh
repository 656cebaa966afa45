# shellcheck shell=bash
# Sourced by the end-to-end scripts: a private HOME and folders, what a script may count on, cleaning.
# Scripts call fail, define at_exit when they must clean up, and end with e2e_end.

work=$(mktemp -d)
export HOME=$work/home XDG_CONFIG_HOME=$work/home/.config XDG_DATA_HOME=$work/home/.local/share
export XDG_STATE_HOME=$work/home/.local/state XDG_CACHE_HOME=$work/home/.cache
export TMPDIR=$work/tmp TZ=UTC LC_ALL=C.UTF-8 NO_COLOR=1
mkdir -p "$HOME" "$TMPDIR"
failures=0

fail() {
    echo "FAIL: $*"
    failures=$((failures + 1))
}

# run CODE ARGS: prov with nothing to read; what it says on both streams is in $work/out.
run() {
    local want=$1 code
    shift
    "${prov:?path of the prov binary}" "$@" >"$work/out" 2>&1 </dev/null
    code=$?
    [ "$code" -eq "$want" ] || fail "prov $* exits with $code, not $want: $(cat "$work/out")"
}

# has TEXT: the last run said it.
has() {
    grep -qF -- "$1" "$work/out" || fail "no '$1' in: $(cat "$work/out")"
}

# Scripts that call this run a second time with E2E_REMOTE=1: their commands go to an orchestrator of their own then.
e2e_both_ways() {
    [ -n "${E2E_REMOTE:-}" ] || return 0
    (cd "$work" && exec "$prov" serve --listen 127.0.0.1:0 --workers 2 >"$work/serve.log" 2>&1 </dev/null) &
    e2e_server=$!
    local address=$XDG_STATE_HOME/prov/orchestrator/address
    for _ in $(seq 100); do
        [ -s "$address" ] && break
        sleep 0.1
    done
    PROV_REMOTE=$(cat "$address") || fail "no orchestrator: $(cat "$work/serve.log")"
    export PROV_REMOTE
}

e2e_clean() {
    if [ -n "${e2e_server:-}" ]; then
        kill "$e2e_server" 2>/dev/null
        wait "$e2e_server"
    fi
    if declare -F at_exit >/dev/null; then at_exit; fi
    rm -rf "$work"
}
trap e2e_clean EXIT
trap 'exit 130' INT TERM

e2e_end() {
    exit $((failures > 0))
}

# Real servers need root, overlayfs and namespaces; without them the script is skipped, with the reason.
e2e_need_lab() {
    [ "$(id -u)" -eq 0 ] || { echo "SKIP: not root, so there are no local servers"; exit 77; }
    grep -qw overlay /proc/filesystems || { echo "SKIP: no overlayfs"; exit 77; }
    command -v mmdebstrap >/dev/null || { echo "SKIP: no mmdebstrap to build the base image"; exit 77; }
}

# What a lab left behind: mounts, namespaces, cgroups, processes, folders. Prints nothing when clean.
leftovers() { # leftovers LAB
    grep "$1" /proc/mounts
    find /run/prov /var/lib/prov /sys/fs/cgroup -path "*$1*" 2>/dev/null
    pgrep -af "$1" | grep -v "^$$ "
    ip -o link 2>/dev/null | grep "$1"
    return 0
}

# A port of the loopback nobody listens on.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
