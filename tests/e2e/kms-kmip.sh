#!/bin/bash
# The KMS backend kmip against PyKMIP, a server that nobody here wrote, over TLS with client certificates.
# PROV_PYKMIP names a Python environment that has PyKMIP already.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
. "$here/../support/pykmip.sh"

at_exit() { pykmip_stop; }
pykmip_start || { echo "SKIP: $why"; exit 77; }

PROV_DEV=1 PROV_ROOT=$PROV_SOURCE PROV_KMIP=$pykmip "$prov" internal lua "$PROV_SOURCE/tests/support/run_busted.lua" \
    "$PROV_SOURCE/tests/lua/kms/kmip_server_spec.lua" >"$work/cases" 2>&1
code=$?
grep -q '^not ok' "$work/cases" && fail "$(grep -A5 '^not ok' "$work/cases")"
[ "$code" = 0 ] || fail "the cases end with code $code: $(tail -3 "$work/cases")"
count=$(grep -c '^ok' "$work/cases")
[ "$count" -ge 84 ] || fail "only $count cases"
echo "ok: $count cases over PyKMIP"
e2e_end
