#!/bin/bash
# redis (primary and replica), an etcd cluster of three and an etcd alone, on six servers.
set -u
. "$(dirname "$0")/../support/taskserv.sh"

ts_apply <<'YAML'
networks:
  lan: { cidr: 10.77.63.0/24 }
servers:
  n:
    count: 3
    network: ${network.lan}
    taskservs:
      etcd: { members: "${server.n.ip}", keep_data: false }
  one:
    network: ${network.lan}
    taskservs:
      etcd: {}
  cache:
    network: ${network.lan}
    taskservs:
      redis: { bind: ["${server.cache.ip}"], password: "a b\"c\\d'e", append_only: true, max_memory: 64mb, policy: allkeys-lru }
  copy:
    network: ${network.lan}
    taskservs:
      redis: { password: "a b\"c\\d'e", replica_of: "${server.cache.ip}", needs: [taskserv.redis@server.cache] }
YAML

etcd() { # etcd SERVER ARGUMENTS
    on "$1" "ETCDCTL_API=3 etcdctl --endpoints=http://127.0.0.1:2379 $2"
}
etcd 'server.n[1]' "put color green" >/dev/null || fail "cannot write to etcd"
etcd 'server.n[3]' "get color --print-value-only" | grep -qx green || fail "member 3 does not know what member 1 was told"
[ "$(etcd 'server.n[2]' "member list" | grep -c started)" = 3 ] || fail "etcd has not three members"
on 'server.n[2]' "systemctl stop etcd"
etcd 'server.n[1]' "put color blue" >/dev/null || fail "etcd does not work without one of three"
prov_is repair 0 apply --yes
etcd 'server.n[2]' "get color --print-value-only" | grep -qx blue || fail "the member that was away has not caught up"
ts_settled
ts_break 'server.n[1]' etcd "sed -i s/TOKEN=prov/TOKEN=x/ /etc/default/etcd" "/etc/default/etcd"
ts_break 'server.n[3]' etcd "apt-get -q -y remove etcd-server" "etcd-server"

cli="REDISCLI_AUTH='a b\"c\\d'\\''e' redis-cli"
on server.cache "redis-cli ping" | grep -q NOAUTH || fail "redis answers without a password"
on server.cache "$cli set k v" | grep -qx OK || fail "cannot write to redis"
sleep 1
on server.copy "$cli get k" | grep -qx v || fail "the replica does not have what was written"
ts_break server.cache redis "systemctl kill -s KILL redis-server; systemctl stop redis-server" "service redis-server"
ts_break server.cache redis "sed -i '/prov.conf/d' /etc/redis/redis.conf" "line in /etc/redis/redis.conf"
ts_break server.cache redis "rm /etc/redis/prov.conf; chmod 600 /etc/redis/redis.conf" "/etc/redis/prov.conf"
on server.cache "$cli get k" | grep -qx v || fail "redis lost its data"

# Removing keeps the data, unless keep_data is false: etcd that comes back still knows it.
etcd server.one "put color red" >/dev/null || fail "cannot write to the etcd that is alone"
prov_is remove 0 taskserv remove etcd server.one --yes
on server.one "dpkg-query -W -f '\${db:Status-Abbrev}\n' etcd-server" | grep -q '^ii' && fail "the package of etcd is still there"
on server.one "test -d /var/lib/etcd/prov" || fail "removing etcd took the data though keep_data was not false"
prov_is back 0 apply --yes
etcd server.one "get color --print-value-only" | grep -qx red || fail "etcd does not have its data after a removal and an apply"
ts_remove 'server.n[2]' etcd 'etcd.*' /etc/default/etcd /var/lib/etcd
ts_remove server.cache redis 'redis.*' /etc/redis /var/lib/redis
ts_end
