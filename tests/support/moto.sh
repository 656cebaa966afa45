# shellcheck shell=bash
# Sourced by the end-to-end scripts that ask moto, a server of AWS's APIs that nobody here wrote; after e2e.sh.

# moto_environment SERVICES: a Python environment that has moto is in $moto, the one that PROV_MOTO names or a new one.
# 1 when there is none, with the reason in $why.
moto_environment() {
    moto=${PROV_MOTO:-}
    [ -z "$moto" ] || return 0
    moto=${work:?a folder}/moto
    python3 -m venv "$moto" >/dev/null 2>&1 && "$moto/bin/pip" install -q "moto[$1,server]" >"$work/pip.log" 2>&1 && return 0
    # shellcheck disable=SC2034 # of the script
    why="moto cannot be installed: $(tail -1 "$work/pip.log" 2>/dev/null)"
    return 1
}

# wait_for PORT: until somebody listens there.
wait_for() {
    for _ in $(seq 150); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        sleep 0.2
    done
    fail "nobody listens on $1"
}
