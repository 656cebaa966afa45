#!/bin/sh
# A private Redis server on the loopback in a folder: redis.sh start|stop|remove DIR. Its port and its port for TLS are in
# DIR/port and DIR/tls-port, its certificate in DIR/cert; admin has the password adminpw. Users are kept in DIR/users.acl.
set -eu
dir=$2
free() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
case $1 in
start)
    command -v redis-server >/dev/null || { echo "SKIP: no Redis server here: apt-get install redis-server" >&2; exit 77; }
    if [ ! -f "$dir/users.acl" ]; then
        printf 'user default off\nuser admin on >adminpw ~* &* +@all\n' >"$dir/users.acl"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=t \
            -addext subjectAltName=IP:127.0.0.1 -keyout "$dir/key" -out "$dir/cert" 2>/dev/null
        free >"$dir/port"
        free >"$dir/tls-port"
    fi
    redis-server --port "$(cat "$dir/port")" --bind 127.0.0.1 --daemonize yes --pidfile "$dir/pid" --dir "$dir" \
        --logfile "$dir/log" --save '' --aclfile "$dir/users.acl" --tls-port "$(cat "$dir/tls-port")" \
        --tls-cert-file "$dir/cert" --tls-key-file "$dir/key" --tls-auth-clients no >/dev/null
    for _ in $(seq 100); do
        redis-cli -p "$(cat "$dir/port")" --no-auth-warning --user admin --pass adminpw ping >/dev/null 2>&1 && exit 0
        sleep 0.05
    done
    echo "the Redis server does not start: $(tail -3 "$dir/log")" >&2
    exit 1
    ;;
stop)
    pid=$(cat "$dir/pid")
    kill -9 "$pid"
    while [ -d "/proc/$pid" ] && ! grep -q "^State:.*Z" "/proc/$pid/status" 2>/dev/null; do sleep 0.02; done
    rm -f "$dir/pid"
    ;;
remove)
    [ ! -f "$dir/pid" ] || sh "$0" stop "$dir"
    rm -rf "$dir"
    ;;
esac
