#!/bin/bash
# The cluster template postgresql: a primary, two standbys; and everything postgres does.
set -u
. "$(dirname "$0")/../support/taskserv.sh"

ts_apply <<'YAML'
defaults: { provider: local }
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
YAML

sql() { # sql SERVER DATABASE STATEMENT
    on "$1" "su postgres -c \"psql -XqtA -d $2 -c \\\"$3\\\"\""
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
on 'server.pg-standby[1]' "PGPASSWORD='it'\\''s a \"password\" \$x' psql -w -XqtA -h \$(getent hosts pg-primary | cut -d' ' -f1 || echo 127.0.0.1) -U app -d shop -c 'create table mine()'" 2>"$work/login" ||
    on 'server.pg-primary' "PGPASSWORD='it'\\''s a \"password\" \$x' psql -w -XqtA -h 127.0.0.1 -U app -d shop -c 'create table if not exists mine()'" ||
    fail "the user cannot log in: $(cat "$work/login")"

# No secret in the state's text, in reports, on a command line's trace.
grep -rqa "password\\\\\" \$x\|rep 'l" "$ws/.prov" 2>/dev/null && fail "a password is readable in the workspace's state"
grep -qa 'password" $x' "$work"/apply "$work"/again "$work"/health && fail "prov printed a password"

ts_break server.pg-primary postgres "systemctl stop postgresql@15-main" "service postgresql@15-main"
ts_break server.pg-primary postgres "echo \"work_mem = '1MB'\" >> /etc/postgresql/15/main/conf.d/prov.conf" "prov.conf"
ts_break server.pg-primary postgres "su postgres -c \"psql -Xqc \\\"alter role app password 'other'\\\"\"" "roles and databases"
ts_break server.pg-primary postgres "su postgres -c \"psql -Xqc 'drop database log'\"" "roles and databases"
ts_break 'server.pg-standby[1]' postgres "systemctl stop postgresql@15-main; rm /etc/postgresql/15/main/conf.d/prov.conf" \
    "prov.conf" "service postgresql@15-main"
ts_break 'server.pg-standby[2]' postgres "apt-get -q -y remove postgresql-15" "package postgresql-15"
[ "$(sql 'server.pg-standby[2]' shop "select a from t")" = 42 ] || fail "the repaired standby lost the data"

# A server with data of its own does not become a standby by an edit.
cp "$ws/infra.yaml" "$work/good"
ts_remove 'server.pg-standby[2]' postgres 'postgresql-15|postgresql-common|postgresql-client-15'
on 'server.pg-standby[2]' "test -d /var/lib/postgresql/15/main" || fail "removing took the data though keep_data was not false"
ts_end
