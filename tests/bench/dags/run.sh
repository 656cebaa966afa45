#!/bin/sh
# Schedules of real workflows in virtual time, against bounds, HEFT, best known makespans and a reference.
#   run.sh [ROUNDS [all]]    rounds of rehearsal, default 3; "all" names also what is above the bound
# Reads $PROV_SHARED/fixtures/dags (default ../shared beside the tree); without it there is nothing to do.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
dags=${PROV_SHARED:-$root/../shared}/fixtures/dags
[ -d "$dags" ] || { echo "SKIP: no $dags"; exit 0; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
${CC:-cc} -O2 -std=c11 -D_GNU_SOURCE -Wall -Wextra -I"$root/core" -o "$out/bench" "$here"/*.c \
    "$root"/core/graph/*.c "$root/core/base/map.c" "$root/core/base/buf.c" "$root/core/base/mem.c" \
    "$root/core/base/status.c" -lm
"$out/bench" "$dags" "$@"
