#!/bin/sh
# Builds and runs the store bench on the disk of the folder given (default: the build folder in
# the home folder's disk); goals: 50,000 commits/s with 1,000 in flight, 3,000/s one by one.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
out=$(mktemp -d "${1:-.}/store-bench.XXXXXX")
trap 'rm -rf "$out"' EXIT
# shellcheck disable=SC2046
${CC:-cc} -O2 -std=c11 -D_GNU_SOURCE -I"$root/core" -o "$out/bench" "$here/bench.c" \
  "$root"/core/store/*.c "$root"/core/crypto/seal.c "$root"/core/crypto/digest.c \
  "$root"/core/base/mem.c "$root"/core/base/buf.c "$root"/core/base/status.c "$root"/core/base/map.c \
  "$root"/core/base/path.c "$root"/core/base/secret.c \
  $(pkg-config --cflags --libs lmdb libuv libcrypto) -lpthread
"$out/bench" "$out"
