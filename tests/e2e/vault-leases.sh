#!/bin/bash
# Many leases: 10,000 users of Redis, a storm of them that ends while prov is dead, requests meanwhile, and a prefix revoked.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
unset VAULT_ADDR VAULT_TOKEN VAULT_NAMESPACE
mkdir "$work/redis"
at_exit() { sh "$here/../support/redis.sh" remove "$work/redis"; }
sh "$here/../support/redis.sh" start "$work/redis" || exit 77
python3 "$here/../support/vault_many.py" "$prov" "$work" "$work/redis" "${LEASES:-10000}" || fail "see above"
e2e_end
