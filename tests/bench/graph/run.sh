#!/bin/sh
# Builds and runs the graph bench; budgets: 1M nodes, 3M edges in 150 ms; 50 us a task.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
${CC:-cc} -O2 -std=c11 -D_GNU_SOURCE -I"$root/core" -o "$out/bench" "$here/bench.c" \
  "$root"/core/graph/*.c "$root/core/base/mem.c" "$root/core/base/status.c"
"$out/bench" "$@"
