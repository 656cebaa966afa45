#!/bin/bash
# The cluster template postgresql: a primary, two standbys; and everything postgres does.
set -u
. "$(dirname "$0")/../support/taskserv.sh"

ts_apply <<'YAML'
clusters:
  pg:
    template: postgresql
    cidr: 10.77.62.0/24
    standbys: 2
    databases: [shop, log]
    users:
      app: { password: "it's a \"password\" $x", owns: [shop] }
    replication_password: "rep 'l\\ication"
    settings: { work_mem: 8MB }
networks:
  alone: { cidr: 10.77.65.0/24 }
servers:
  solo:
    network: ${network.alone}
    taskservs:
      postgres: { databases: [a-b], port: 5433, keep_data: false }
  first:
    network: ${network.alone}
    taskservs:
      postgres: { role: primary, port: 5434, listen: "*", allow: [10.77.65.0/24], replication_password: x }
  second:
    network: ${network.alone}
    taskservs:
      postgres:
        role: standby
        port: 5435
        primary: ${server.first.ip}:5434
        replication_password: x
        needs: [taskserv.postgres@server.first]
YAML

sql() { # sql SERVER DATABASE STATEMENT
    on "$1" "su - postgres -c \"psql -XqtA -d $2 -c \\\"$3\\\"\""
}
sql server.pg-primary shop "create table t(a int); insert into t values (40 + 2)" || fail "cannot write on the primary"
for standby in 1 2; do
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        got=$(sql "server.pg-standby[$standby]" shop "select a from t" 2>/dev/null) && [ "$got" = 42 ] && break
        sleep 0.5
    done
    [ "$got" = 42 ] || fail "standby $standby does not have what was written on the primary: $got"
    sql "server.pg-standby[$standby]" shop "insert into t values (1)" 2>/dev/null && fail "standby $standby can be written"
done
[ "$(sql server.pg-primary postgres "select count(*) from pg_stat_replication where state = 'streaming'")" = 2 ] ||
    fail "the primary does not see two standbys"
[ "$(sql server.pg-primary postgres "show work_mem")" = 8MB ] || fail "the setting has no effect"
# The user logs in over the network, with a password that needs every kind of quoting.
on 'server.pg-standby[1]' "
host=\$(grep -o 'host=[0-9.]*' /var/lib/postgresql/15/main/postgresql.auto.conf | head -1 | cut -d= -f2)
PGPASSWORD='it'\\''s a \"password\" \$x' psql -w -XqtA -h \$host -U app -d shop -c 'create table mine()'" >"$work/login" 2>&1 ||
    fail "the user cannot log in: $(cat "$work/login")"

# No secret in the state's text, in reports, on a command line's trace.
grep -rqa "password\\\\\" \$x\|rep 'l" "$ws/.prov" 2>/dev/null && fail "a password is readable in the workspace's state"
grep -qa 'password" $x' "$work"/apply "$work"/again "$work"/health && fail "prov printed a password"

ts_break server.pg-primary postgres "systemctl stop postgresql@15-main" "service postgresql@15-main"
ts_break server.pg-primary postgres "echo \"work_mem = '1MB'\" >> /etc/postgresql/15/main/conf.d/prov.conf" "prov.conf"
ts_break server.pg-primary postgres "su - postgres -c \"psql -Xqc \\\"alter role app password 'other'\\\"\"" "roles and databases"
ts_break server.pg-primary postgres "su - postgres -c \"psql -Xqc 'drop database log'\"" "roles and databases"
ts_break 'server.pg-standby[1]' postgres "systemctl stop postgresql@15-main; rm /etc/postgresql/15/main/conf.d/prov.conf" \
    "prov.conf" "service postgresql@15-main"
ts_break 'server.pg-standby[2]' postgres "apt-get -q -y remove postgresql-15" "package postgresql-15"
[ "$(sql 'server.pg-standby[2]' shop "select a from t")" = 42 ] || fail "the repaired standby lost the data"

# A standby whose port is not the package's; a copy that was interrupted begins anew.
streams() {
    [ "$(on server.second "su - postgres -c \"psql -XqtA -p 5435 -c 'select status from pg_stat_wal_receiver'\"")" = streaming ]
}
within 20 streams || fail "the standby with a port of its own does not stream"
ts_break server.second postgres "systemctl stop postgresql@15-main; cd /var/lib/postgresql/15
mv main main.prov-old; mkdir main; rm .prov-standby" "copy of"
within 20 streams || fail "the standby whose copy was interrupted does not stream"
on server.second "test ! -e /var/lib/postgresql/15/main.prov-old" || fail "the copy left the old data"

# A server with databases of its own does not become a standby by an edit.
cp "$ws/infra.yaml" "$work/good"
sed -i 's/keep_data: false/role: standby, primary: 10.77.65.99, replication_password: x/' "$ws/infra.yaml"
prov_is own 1 apply --yes
on server.solo "su - postgres -c 'psql -XqtAc \"select 42\" -p 5433 a-b'" | grep -qx 42 || fail "the database a-b is gone"
cp "$work/good" "$ws/infra.yaml"
prov_is good 0 apply --yes
ts_settled

# Removing keeps the data, unless keep_data is false.
ts_remove server.solo postgres 'postgresql-15|postgresql-common|postgresql-client-15' /etc/postgresql /var/lib/postgresql
prov_is remove 0 taskserv remove postgres 'server.pg-standby[2]' --yes
on 'server.pg-standby[2]' "dpkg-query -W -f '\${db:Status-Abbrev}\n' postgresql-15" | grep -q '^ii' && fail "the package is still there"
on 'server.pg-standby[2]' "test -d /var/lib/postgresql/15/main" || fail "removing took the data though keep_data was not false"
ts_end
