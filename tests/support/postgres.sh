#!/bin/sh
# A private PostgreSQL server on a Unix socket in a folder: postgres.sh start|stop|remove DIR.
# Its superuser is root with the password rootpw. Servers refuse to run as root: then it is nobody's.
set -eu
dir=$2
bin=
for found in /usr/lib/postgresql/*/bin; do [ ! -x "$found/initdb" ] || bin=$found; done
as() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; else "$@"; fi; }
case $1 in
start)
    [ -n "$bin" ] || { echo "SKIP: no PostgreSQL server here: apt-get install postgresql" >&2; exit 77; }
    if [ ! -d "$dir/data" ]; then
        [ "$(id -u)" != 0 ] || chown nobody "$dir"
        printf 'rootpw\n' >"$dir/pw"
        chmod 644 "$dir/pw"
        as "$bin/initdb" -D "$dir/data" -U root --auth=scram-sha-256 --pwfile="$dir/pw" --no-sync >/dev/null
    fi
    as "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/log" -o "-k '$dir' -c listen_addresses= -c fsync=off" start >/dev/null
    ;;
stop) as "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null ;;
remove)
    [ ! -f "$dir/data/postmaster.pid" ] || sh "$0" stop "$dir"
    rm -rf "$dir"
    ;;
esac
