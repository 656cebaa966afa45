#!/bin/sh
# Runs every suite and ends with one line over all of them: N passed, N failed, N skipped.
#
#   run_all.sh RELEASE_BUILD SANITIZER_BUILD [ctest -R pattern]
#
# The C units and Lua specs run in the sanitizer build; valgrind, lint and end to end in the
# release build.  Exit code 1 when anything failed or nothing ran.
set -u

release=$1
sanitized=$2
pattern=${3:-.}
here=$(cd "$(dirname "$0")" && pwd)
jobs=$(nproc 2>/dev/null || echo 2)
logs=$(mktemp -d) || exit 1
trap 'rm -rf "$logs"' EXIT
trap 'exit 130' INT TERM HUP

# suite NAME BUILD LABELS JOBS: one ctest run, its log kept for the count.
suite() {
    printf '\n== %s\n' "$1"
    rm -f "$2/Testing/Temporary/LastTest.log"
    ctest --test-dir "$2" -L "$3" -R "$pattern" -j "$4" --output-on-failure --no-tests=ignore </dev/null
    if [ -f "$2/Testing/Temporary/LastTest.log" ]; then
        cp "$2/Testing/Temporary/LastTest.log" "$logs/$1.log"
    fi
}

suite "units under ASan and UBSan" "$sanitized" '^(c|lua|ext)$' "$jobs"
suite "lint" "$release" '^lint$' "$jobs"
suite "C units under valgrind" "$release" '^valgrind$' "$jobs"
suite "end to end" "$release" '^e2e$' "$jobs"

printf '\n== all suites\n'
set -- "$logs"/*.log
if [ ! -f "$1" ]; then
    echo "no suite left a log" >&2
    echo "0 passed, 0 failed, 0 skipped"
    exit 1
fi
awk -f "$here/count.awk" "$@"
