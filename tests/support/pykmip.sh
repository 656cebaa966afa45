# shellcheck shell=bash
# Sourced by the end-to-end scripts that ask PyKMIP, a KMIP server that nobody here wrote; after e2e.sh.

# shellcheck disable=SC2154 # work is of the script
pykmip=$work/kmip
pykmip_pid=

pykmip_authority() { # pykmip_authority NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
        -keyout "$pykmip/$1.key" -out "$pykmip/$1.crt" 2>/dev/null
}
pykmip_certificate() { # pykmip_certificate NAME USAGE
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$pykmip/$1.key" \
        -out "$pykmip/$1.csr" 2>/dev/null
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=%s\n' "$2" >"$pykmip/$1.ext"
    openssl x509 -req -in "$pykmip/$1.csr" -CA "$pykmip/ca.crt" -CAkey "$pykmip/ca.key" -CAcreateserial -days 2 \
        -extfile "$pykmip/$1.ext" -out "$pykmip/$1.crt" 2>/dev/null
}

# pykmip_start: a server with TLS and the certificates "client" and "stranger" in $pykmip, its port in the file "port", an
# interpreter that has its client in $pykmip_python. 1 when there is none, with the reason in $why.
pykmip_start() {
    pykmip_python=${PROV_PYKMIP:-$work/venv}/bin/python
    if [ -z "${PROV_PYKMIP:-}" ]; then
        # shellcheck disable=SC2034 # of the script
        python3 -m venv "$work/venv" >/dev/null 2>&1 && "$work/venv/bin/pip" install -q pykmip >"$work/pip.log" 2>&1 ||
            { why="PyKMIP cannot be installed: $(tail -1 "$work/pip.log" 2>/dev/null)"; return 1; }
    fi
    # shellcheck disable=SC2034 # of the script
    "$pykmip_python" -c 'import kmip.services.server' >"$work/import.log" 2>&1 ||
        { why="PyKMIP does not run here: $(tail -1 "$work/import.log")"; return 1; }
    mkdir -p "$pykmip/policy"
    pykmip_authority ca
    pykmip_authority other
    pykmip_certificate server serverAuth
    pykmip_certificate client clientAuth
    pykmip_certificate stranger clientAuth
    "$pykmip_python" "$here/../support/pykmip_server.py" "$pykmip" >"$work/server.out" 2>&1 &
    pykmip_pid=$!
    for _ in $(seq 100); do
        [ -s "$pykmip/port" ] && (exec 3<>"/dev/tcp/127.0.0.1/$(cat "$pykmip/port")") 2>/dev/null && break
        sleep 0.2
    done
    [ -s "$pykmip/port" ] || fail "PyKMIP does not start: $(tail -3 "$work/server.out")"
}

pykmip_stop() {
    [ -z "$pykmip_pid" ] || { kill "$pykmip_pid" && wait "$pykmip_pid"; } 2>/dev/null
}
