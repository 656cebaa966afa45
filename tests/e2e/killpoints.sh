#!/bin/bash
# kill -9, and loss of power, at every write of the state: see tests/support/killpoints.py.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
export PROV_PATH=$here/../support/extensions

command -v cc >/dev/null || { echo "SKIP: no C compiler for the library that kills"; exit 77; }
cc -shared -fPIC -O1 -o "$work/killshim.so" "$here/../support/killshim.c" -ldl -lpthread || fail "the library does not build"
python3 "$here/../support/killpoints.py" "$prov" "$work/killshim.so" "$work" "${KILL_EVERY:-10}" "${KILL_RANDOM:-501}" || fail "see above"
e2e_end
