#!/bin/sh
# The whole tree, tests included, compiles with clang without a warning.
. "$(dirname "$0")/../support/lint.sh"
need clang

dir=${PROV_BUILD:?}/clang
cmake -G Ninja -S . -B "$dir" -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug \
    -DPROV_WERROR=ON -DPROV_TESTS=ON >/dev/null || exit 1
exec ninja -C "$dir" --quiet
