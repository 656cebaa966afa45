#!/bin/sh
# Hard stops: 800 lines a file, 100 lines a function (clang-tidy counts the functions in C).
. "$(dirname "$0")/../support/lint.sh"

{
    files '*.c' '*.h' '*.lua' '*.sh' | while read -r file; do
        lines=$(wc -l <"$file")
        [ "$lines" -le 800 ] || echo "$file: $lines lines"
    done
    # A Lua function ends at the first `end` in the column of the line that opened it.
    files 'lua/*.lua' 'providers/*.lua' 'taskservs/*.lua' 'clusters/*.lua' | xargs awk '
        FNR == 1 { depth = 0 }
        /(^|[^a-zA-Z_])function *[a-zA-Z_.:]*\(/ && !/^return function/ && !/[^a-zA-Z_]end[^a-zA-Z_]*$/ && !/^ *--/ {
            match($0, /^ */)
            column[++depth] = RLENGTH
            line[depth] = FNR
            next
        }
        depth > 0 && /^ *end([^a-zA-Z_]|$)/ {
            match($0, /^ */)
            while (depth > 0 && column[depth] > RLENGTH) depth--
            if (depth > 0 && column[depth] == RLENGTH) {
                if (FNR - line[depth] + 1 > 100)
                    print FILENAME ":" line[depth] ": a function of " FNR - line[depth] + 1 " lines"
                depth--
            }
        }' /dev/null
} | verdict "split it: at most 800 lines a file and 100 a function"
