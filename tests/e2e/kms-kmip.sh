#!/bin/bash
# The KMS backend kmip against PyKMIP, a server that nobody here wrote, over TLS with client certificates.
# PROV_PYKMIP names a Python environment that has PyKMIP already.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"

python=${PROV_PYKMIP:-$work/venv}/bin/python
if [ -z "${PROV_PYKMIP:-}" ]; then
    python3 -m venv "$work/venv" >/dev/null 2>&1 && "$work/venv/bin/pip" install -q pykmip >"$work/pip.log" 2>&1 ||
        { echo "SKIP: PyKMIP cannot be installed: $(tail -1 "$work/pip.log" 2>/dev/null)"; exit 77; }
fi
"$python" -c 'import kmip.services.server' >"$work/import.log" 2>&1 ||
    { echo "SKIP: PyKMIP does not run here: $(tail -1 "$work/import.log")"; exit 77; }

pid=
at_exit() { [ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null; }

dir=$work/kmip
mkdir -p "$dir/policy"
authority() { # authority NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
        -keyout "$dir/$1.key" -out "$dir/$1.crt" 2>/dev/null
}
certificate() { # certificate NAME USAGE
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$dir/$1.key" \
        -out "$dir/$1.csr" 2>/dev/null
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=%s\n' "$2" >"$dir/$1.ext"
    openssl x509 -req -in "$dir/$1.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial -days 2 \
        -extfile "$dir/$1.ext" -out "$dir/$1.crt" 2>/dev/null
}
authority ca
authority other
certificate server serverAuth
certificate client clientAuth
certificate stranger clientAuth

"$python" "$here/../support/pykmip_server.py" "$dir" >"$work/server.out" 2>&1 &
pid=$!
for _ in $(seq 100); do
    [ -s "$dir/port" ] && (exec 3<>"/dev/tcp/127.0.0.1/$(cat "$dir/port")") 2>/dev/null && break
    sleep 0.2
done
[ -s "$dir/port" ] || fail "PyKMIP does not start: $(tail -3 "$work/server.out")"

PROV_DEV=1 PROV_ROOT=$PROV_SOURCE PROV_KMIP=$dir "$prov" internal lua "$PROV_SOURCE/tests/support/run_busted.lua" \
    "$PROV_SOURCE/tests/lua/kms/kmip_server_spec.lua" >"$work/cases" 2>&1
code=$?
grep -q '^not ok' "$work/cases" && fail "$(grep -A5 '^not ok' "$work/cases")"
[ "$code" = 0 ] || fail "the cases end with code $code: $(tail -3 "$work/cases")"
count=$(grep -c '^ok' "$work/cases")
[ "$count" -ge 84 ] || fail "only $count cases"
echo "ok: $count cases over PyKMIP"
