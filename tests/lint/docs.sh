#!/bin/sh
# Generated pages are what the program generates; links between pages lead somewhere.
. "$(dirname "$0")/../support/lint.sh"

{
    files '*.md' | while read -r page; do
        grep -oE '\]\([^)#: ]+(#[^)]*)?\)' "$page" | sed 's/^](//; s/)$//; s/#.*//' | while read -r link; do
            [ -e "$(dirname "$page")/$link" ] || echo "$page: link to $link leads nowhere"
        done
    done
    if [ -d docs/reference ]; then
        "${PROV:?}" docs reference --check 2>&1 >/dev/null
        "${PROV:?}" docs openapi --check 2>&1 >/dev/null
    fi
} | verdict "see above"
