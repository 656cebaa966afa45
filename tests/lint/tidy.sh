#!/bin/sh
# clang-tidy with the checks of .clang-tidy over the build's compile_commands.json.
. "$(dirname "$0")/../support/lint.sh"
need clang-tidy
commands=${PROV_BUILD:?}/compile_commands.json
[ -f "$commands" ] || {
    echo "SKIP: no $commands"
    exit 77
}

files 'core/*.c' |
    xargs -P "$(nproc)" -n 1 clang-tidy -p "$PROV_BUILD" --quiet --warnings-as-errors='*' 2>/dev/null |
    grep -E 'error:|warning:' | sort -u | verdict "clang-tidy complains"
