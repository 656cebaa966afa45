#!/bin/sh
# prov and its peers killed in mid-apply; see kill.py.  Their speed is compared by `prov bench plan` and
# `prov bench hosts`.
#   prov bench peers [ROUNDS [RESOURCES]]    (20 and 60)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
exec python3 "$here/kill.py" "${PROV:-$root/build/test-release/bin/prov}" "$root/tests/support/extensions" "$@"
