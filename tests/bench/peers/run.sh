#!/bin/sh
# prov and its peers at the same work, in turns; see peers.py.
#   prov bench peers [ROUNDS [RESOURCES ...]]    (10, and 1000 10000)
#   PROV=path LIMIT=300    what is measured; seconds after which a command is stopped
#   TOOLS="prov tofu terraform ansible-playbook"
# Peers are those on PATH: tofu, terraform, ansible-playbook; the provider of the first two is built with go.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
prov=${PROV:-$root/build/test-release/bin/prov}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
measure=$(dirname "$prov")/measure # built with the tests, else now
if [ ! -x "$measure" ]; then
    measure=$work/measure
    cc -O2 -o "$measure" "$root/tests/support/measure.c"
fi
mkdir "$work/bin"
if command -v go >/dev/null; then
    go build -C "$here/folder" -o "$work/bin/terraform-provider-folder" .
fi
MEASURE=$measure EXTENSIONS=$root/tests/support/extensions WORK=$work PROV=$prov \
    python3 "$here/peers.py" "$@"
