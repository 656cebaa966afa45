#!/bin/sh
# Nothing of the machine it was written on, nothing unfinished, nothing huge.
. "$(dirname "$0")/../support/lint.sh"

{
    files '*' | grep -v '^tests/lint/hygiene.sh$' | xargs grep -nIE \
        '(^|[^a-z.])/(work|home/[a-z]+)/[a-z]|/tmp/b-|[a-z0-9.-]+\.(artifactory|nexus|jfrog)\b' /dev/null |
        sed 's/$/   <- a path or host of one machine/'
    files 'core/*' 'lua/*' 'providers/*' 'taskservs/*' 'clusters/*' 'tests/*' 'install.sh' |
        grep -v '^tests/lint/hygiene.sh$' | xargs grep -nIwE 'TODO|FIXME|XXX|HACK' /dev/null |
        sed 's/$/   <- finish it or write it down in docs\/KNOWN_DEBTS.md/'
    files '*' | grep -v '^docs/reference/openapi.json$' | while read -r file; do # that one is generated
        [ "$(wc -c <"$file")" -le 300000 ] || echo "$file is larger than 300 kB"
    done
    files '*.sh' '.ci/run' | grep -v '^tests/support/lint.sh$' | while read -r file; do
        [ -x "$file" ] || head -1 "$file" | grep -qv '^#!' || echo "$file is not executable"
    done
} | verdict "see above"
