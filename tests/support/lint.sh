# Sourced by tests/lint/*.sh: the files of the project, and how a check ends.
# shellcheck shell=sh
cd "${PROV_SOURCE:-$(dirname "$0")/../..}" || exit 1

# files PATTERN...: the project's files that match (git's patterns, quoted), one per line; from the
# commit's index in a clone, from the folder in an unpacked archive.
files() {
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files -- "$@" | while read -r path; do [ ! -f "$path" ] || echo "$path"; done
    else
        for pattern in "$@"; do
            find . -path ./build -prune -o -path "./$pattern" -type f -print | sed 's|^\./||'
        done
    fi
}

# need COMMAND: skips the check when the tool is not here.
need() {
    command -v "$1" >/dev/null 2>&1 || {
        echo "SKIP: $1 is not installed"
        exit 77
    }
}

# verdict WHAT: reads complaints from stdin and fails when there is one.
verdict() {
    complaints=$(cat)
    [ -z "$complaints" ] || {
        printf '%s\n' "$complaints"
        echo "$1"
        exit 1
    }
}
