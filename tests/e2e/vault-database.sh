#!/bin/bash
# The database engine behind `prov serve vault`, driven by hvac, at real servers of PostgreSQL and Redis: users that come and
# go, servers that are down, and prov killed at every write of a creation and of a rotation.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
unset VAULT_ADDR VAULT_TOKEN VAULT_NAMESPACE
/usr/bin/python3 -c 'import hvac' 2>/dev/null || {
    echo "SKIP 1: no hvac: install python3-hvac"
    exit 77
}
# PostgreSQL's server may run as another user, who has no way into $work.
servers=$(mktemp -d /tmp/prov-db-XXXXXX)
mkdir "$servers/pg" "$servers/redis"
chmod 755 "$servers"
pg=- redis=-
at_exit() {
    [ "$pg" = - ] || (cd / && sh "$here/../support/postgres.sh" remove "$servers/pg")
    [ "$redis" = - ] || sh "$here/../support/redis.sh" remove "$servers/redis"
    rm -rf "$servers"
}
if (cd / && sh "$here/../support/postgres.sh" start "$servers/pg"); then pg=$servers/pg; fi
if sh "$here/../support/redis.sh" start "$servers/redis"; then redis=$servers/redis; fi
[ "$pg$redis" != -- ] || exit 77

shim=-
if command -v cc >/dev/null; then
    shim=$work/killshim.so
    cc -shared -fPIC -O1 -o "$shim" "$here/../support/killshim.c" -ldl -lpthread || fail "the library does not build"
else
    echo "SKIP 1: no C compiler for the library that kills"
fi
/usr/bin/python3 "$here/../support/vault_database.py" "$prov" "$work" "$pg" "$redis" "$here/../support" "$shim" ||
    fail "see above"
e2e_end
