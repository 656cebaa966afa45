#!/bin/sh
# SSH clients side by side: libssh and libssh2 by themselves, and prov's core/net on libssh, each
# driven by one thread against one sshd of this machine that is started here and ends here.
#   run.sh [ROUNDS [SESSIONS]]    needs root, openssh-server and libssh2-1-dev
# Prints minimum, median and maximum of the rounds; bench.c says what is measured.  Then which keys
# get in, and whether a server with only newer ciphers, or only an RSA host key, is understood.
#   RESULTS=file   keeps the figures of every round
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
rounds=${1:-5}
sessions=${2:-200}
peers="libssh libssh2 prov"
work=$(mktemp -d)
servers=
cleanup() {
    for pid in $servers; do kill -9 "$pid" 2>/dev/null || true; done
    for pid in $servers; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP PIPE
[ "$(id -u)" = 0 ] || { echo "needs root" >&2; exit 1; }
pkg-config --exists libssh2 || { echo "needs libssh2: apt-get install libssh2-1-dev" >&2; exit 1; }

compile() { # compile PEER FLAG...
    peer=$1
    shift
    ${CC:-cc} -O2 -std=c11 -D_GNU_SOURCE -Wall -Wextra -o "$work/$peer" "$here/bench.c" \
        "$here/peer_$peer.c" "$@"
}
# shellcheck disable=SC2046 # lists
build() {
    compile libssh $(pkg-config --cflags --libs libssh libuv)
    compile libssh2 -Wno-deprecated-declarations $(pkg-config --cflags --libs libssh2 libuv)
    compile prov -I"$root/core" "$root"/core/net/ssh*.c "$root/core/net/tcp.c" \
        "$root/core/net/knownhosts.c" "$root/core/net/netns.c" "$root"/core/base/*.c \
        $(pkg-config --cflags --libs libssh libuv libcrypto) -lpthread
}

keys() {
    ssh-keygen -q -t ed25519 -N '' -f "$work/host"
    ssh-keygen -q -t rsa -N '' -f "$work/host-rsa"
    ssh-keygen -q -t ed25519 -N '' -f "$work/ca"
    printf 'cert-authority %s\n' "$(cat "$work/ca.pub")" >"$work/authorized"
    for type in ed25519 ecdsa rsa; do
        ssh-keygen -q -t "$type" -m PEM -N '' -f "$work/$type"
        cat "$work/$type.pub" >>"$work/authorized"
        ssh-keygen -q -t "$type" -m PEM -N '' -f "$work/$type-signed"
        ssh-keygen -q -s "$work/ca" -I bench -n root "$work/$type-signed.pub"
    done
}

# A mount and PID namespace of its own: root's shell there is /bin/sh without anybody's dotfiles,
# and killing it kills all it started.
serve() { # serve HOST_KEY LINE...: sets port
    host=$1
    shift
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    {
        printf '%s\n' "Port $port" "ListenAddress 127.0.0.1" "PidFile none" "HostKey $work/$host" \
            "AuthorizedKeysFile $work/authorized" "StrictModes no" "UsePAM no" "UseDNS no" \
            "PasswordAuthentication no" "MaxStartups 1000" "PerSourceMaxStartups none" \
            "MaxSessions 1000" "$@"
    } >"$work/config.$port"
    # shellcheck disable=SC2016 # $1 and $2 are the inner shell's
    unshare --mount --pid --fork --kill-child --mount-proc sh -c '
        mount --make-rprivate / && mount --bind "$1/passwd" /etc/passwd && mkdir -p /run/sshd &&
        exec /usr/sbin/sshd -D -e -f "$1/config.$2"' sh "$work" "$port" 2>"$work/log.$port" &
    servers="$servers $!"
    for _ in $(seq 100); do
        if grep -q "Server listening" "$work/log.$port"; then return; fi
        sleep 0.1
    done
    cat "$work/log.$port" >&2
    exit 1
}

once() { # once NAME PORT MEASURE...: every peer in turn; adds to the results
    name=$1
    at=$2
    shift 2
    for peer in $peers; do
        "$work/$peer" "$at" "$work/host.pub" "$work/ed25519" "$work/ed25519.pub" "$@" >"$work/out" ||
            { tail -5 "$work/log.$at" >&2; exit 1; }
        sed "s|^|$peer $name/|" "$work/out" >>"$work/results"
        sleep 1 # the server's processes end
    done
}

login() { # login WHAT PORT HOST_KEY KEY KEY.pub
    echo "$1:"
    for peer in $peers; do
        if "$work/$peer" "$2" "$work/$3.pub" "$work/$4" "$work/$5" login >"$work/out" 2>&1; then
            echo "  $peer: yes"
        else
            sed "s/^bench ssh: /  $peer: no: /" "$work/out"
        fi
    done
}

summary() {
    awk '
        { k = $2; if (!(k in unit)) { order[++kinds] = k; unit[k] = $4 }
          if (!($1 in seen)) { seen[$1] = 1; who[++peers] = $1 }
          v[k, $1, ++n[k, $1]] = $3 }
        function row(k, p,   i, j, t, a, c) {
            c = n[k, p]
            for (i = 1; i <= c; i++) a[i] = v[k, p, i] + 0
            for (i = 2; i <= c; i++) for (j = i; j > 1 && a[j - 1] > a[j]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
            return a[1] " / " a[int((c + 1) / 2)] " / " a[c]
        }
        END {
            line = sprintf("%-22s %-7s", "", "")
            for (p = 1; p <= peers; p++) line = line sprintf(" %-26s", who[p])
            print line
            for (o = 1; o <= kinds; o++) {
                line = sprintf("%-22s %-7s", order[o], unit[order[o]])
                for (p = 1; p <= peers; p++) line = line sprintf(" %-26s", row(order[o], who[p]))
                print line
            }
        }' "$work/results"
}

printf '%s\n' "root:x:0:0:root:/root:/bin/sh" "sshd:x:101:65534::/run/sshd:/usr/sbin/nologin" >"$work/passwd"
build
keys
serve host
default=$port
serve host "Ciphers aes256-ctr" "MACs hmac-sha2-256"
same=$port
serve host "Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com"
newer=$port
serve host-rsa
rsa=$port
echo "libssh $(pkg-config --modversion libssh), libssh2 $(pkg-config --modversion libssh2), $rounds rounds;" \
    "load$(uptime | sed 's/.*load average//')"
for peer in libssh libssh2; do
    echo "$peer negotiates $("$work/$peer" "$default" "$work/host.pub" "$work/ed25519" "$work/ed25519.pub" login)"
done
for _ in $(seq "$rounds"); do
    once connect/10 "$default" connect "$sessions" 10
    once connect/50 "$default" connect "$sessions" 50
    once exec/1 "$default" exec 500 1
    once exec/8 "$default" exec 1000 8
    once memory "$default" memory "$sessions"
    once upload "$default" upload 64
    once upload/aes-ctr "$same" upload 64
    peers="${peers#* } ${peers%% *}" # another one begins
done
peers="libssh libssh2 prov"
summary
for type in ed25519 ecdsa rsa; do
    login "$type key" "$default" host "$type" "$type.pub"
    login "$type certificate" "$default" host "$type-signed" "$type-signed-cert.pub"
done
login "server with only chacha20-poly1305 and aes256-gcm" "$newer" host ed25519 ed25519.pub
login "server with only an RSA host key" "$rsa" host-rsa ed25519 ed25519.pub
echo "load$(uptime | sed 's/.*load average//')"
if [ -n "${RESULTS:-}" ]; then cp "$work/results" "$RESULTS"; fi
