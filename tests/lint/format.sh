#!/bin/sh
# C as clang-format 14 writes it; text without tabs, trailing blanks and carriage returns.
. "$(dirname "$0")/../support/lint.sh"
need clang-format

{
    version=$(clang-format --version | sed 's/.*version \([0-9]*\).*/\1/')
    if [ "$version" -eq 14 ]; then # other versions break lines otherwise
        files 'core/*.c' 'core/*.h' 'tests/c/*.c' 'tests/c/*.h' |
            xargs clang-format --dry-run 2>&1 | grep 'warning:'
    else
        echo "layout of C not checked: clang-format is $version, not 14" >&2
    fi
    files '*.lua' '*.c' '*.h' '*.sh' '*.md' '*.cmake' '*.txt' '*.yaml' |
        xargs grep -nE "$(printf '[ \t\r]$|\t')" /dev/null | sed 's/$/   <- tab or trailing blank/'
} | verdict "run: clang-format -i on the files named"
