#!/bin/sh
# Start-up of prov against an empty Lua program; budget: within 2x of it, in time and memory.
#   run.sh [PROV [RUNS]]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prov=${1:-${PROV:-prov}}
unset PROV_DEV PROV_ROOT
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
${CC:-cc} -O2 -std=c11 -D_GNU_SOURCE -o "$out/bench" "$here/bench.c"
"$out/bench" "${2:-300}" "lua5.4 -e ''" "$prov --version" "$prov help" "$prov version" "$prov help version"
