# shellcheck shell=bash
# Sourced by the end-to-end scripts that need a simulated cloud, after e2e.sh: one in $world, ended by at_exit.

# shellcheck disable=SC2154 # work and prov are of the script
world=$work/world
simulator=

# simulator_start CLOUD ARGS...: on $simulator_port, else a free one; $url is where. "all" gives no $url: see the file
# addresses.
simulator_start() {
    local cloud=$1
    shift
    rm -f "$world/addresses"
    "${prov:?}" simulate "$cloud" --port "${simulator_port:-0}" --dir "$world" "$@" >"$work/simulator.log" 2>&1 </dev/null &
    simulator=$!
    for _ in $(seq 100); do
        [ -s "$world/addresses" ] && break
        sleep 0.1
    done
    # shellcheck disable=SC2034 # of the script
    url=$(jq -r ".${cloud/all/none} // empty" "$world/addresses") || fail "no simulator: $(cat "$work/simulator.log")"
}

# What clients need to find it and to be let in, as it told: endpoints and credentials in the environment.
simulator_environment() {
    local line
    while read -r line; do
        export "${line?}"
    done < <(sed -n 's/^  export //p' "$work/simulator.log")
}

# simulator_stop SIGNAL
simulator_stop() {
    [ -z "$simulator" ] || kill "-$1" "$simulator"
    wait "$simulator" 2>/dev/null
    simulator=
}

# Things of the world that are not the cloud's own: one line each. AWS shows servers that are gone for an hour.
simulator_things() {
    "${prov:?}" simulate state --dir "$world" -o json | jq -r '.[] | select(.state != "terminated") | "\(.kind) \(.id)"'
}
