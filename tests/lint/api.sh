#!/bin/sh
# Every pv_ function of a header is used by a test in C; every function that a binding gives Lua
# has a stub in lua/meta.
. "$(dirname "$0")/../support/lint.sh"

{
    files 'core/*.h' | grep -v -e '^core/lua/' -e '^core/app/' | while read -r header; do
        # What sources of one folder share among themselves says so in its first lines.
        head -4 "$header" | grep -qiE 'shared? by|share; see|inside of|for the sources' && continue
        # Declarations without comments; a name before "(" that is not a typedef of a pointer.
        sed -e 's|//.*||' "$header" | tr '\n' ' ' | sed -e 's|/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/| |g' |
            grep -oE '\bpv_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u | while read -r name; do
            grep -rqw "$name" tests/c/ 2>/dev/null || echo "$header: no test in tests/c mentions $name()"
        done
    done
    files 'core/lua/l_*.c' | while read -r binding; do
        module=$(basename "$binding" .c | sed 's/^l_//; s/_.*//')
        grep -oE '\{ *"[a-z_0-9]+" *, *[a-z_0-9]+ *\}' "$binding" | sed 's/^{ *"//; s/".*//' |
            sort -u | while read -r name; do
            grep -qE "function +[A-Za-z_.]*[.:]$name\(|[.:]$name *=|@field $name\b" lua/meta/*"$module"*.lua 2>/dev/null ||
                echo "$binding: no stub for '$name' in lua/meta/$module.lua"
        done
    done
} | verdict "test it in C, describe it for editors"
