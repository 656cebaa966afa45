-- PostgreSQL from the distribution's packages: databases, users, streaming replication.

local BY_SYSTEM = {
  debian = { ["12"] = 15, ["13"] = 17 },
  ubuntu = { ["22.04"] = 14, ["24.04"] = 16 },
}

local schema = {
  version = { type = "int", min = 10, doc = "major version; the distribution's own by default" },
  port = { type = "int", min = 1, max = 65535, default = 5432, doc = "TCP port" },
  listen = { type = "string", default = "localhost", pattern = "^[%w.:*, -]+$",
    doc = "addresses to listen on besides localhost; * for all" },
  allow = { type = "list", of = { type = "cidr" }, default = {}, doc = "networks that may log in with a password" },
  databases = { type = "list", of = { type = "string", pattern = "^[%w_][%w_-]*$" }, default = {}, doc = "databases that exist" },
  users = {
    type = "map", default = {}, doc = "roles that may log in, by name",
    of = {
      type = "record",
      fields = {
        password = { type = "secret", required = true, doc = "its password" },
        owns = { type = "list", of = { type = "string" }, default = {}, doc = "databases it owns" },
        superuser = { type = "bool", default = false, doc = "may do everything" },
      },
    },
  },
  settings = { type = "map", of = { type = "string" }, default = {}, doc = "further settings of postgresql.conf" },
  role = { type = "enum", one_of = { "single", "primary", "standby" }, default = "single", doc = "part in replication" },
  primary = { type = "string", pattern = "^[%w.:-]+$", doc = "standby: address of the primary" },
  replication_user = { type = "string", default = "replicator", pattern = "^[%w_]+$", doc = "role that standbys log in with" },
  replication_password = { type = "secret", doc = "its password; needed by primary and standby" },
  keep_data = { type = "bool", default = true, doc = "removing the taskserv leaves the databases on the disk" },
}

local function version_of(want, facts)
  if want.version then
    return want.version
  end
  local os = facts and facts.os or {}
  local version = (BY_SYSTEM[os.id] or {})[os.version]
  if not version then
    error(("which PostgreSQL %s %s has is not known: set version"):format(os.id or "this system", os.version or ""), 0)
  end
  return version
end

local function literal(text)
  return "'" .. text:gsub("'", "''") .. "'"
end

local function name(text)
  return '"' .. text:gsub('"', '""') .. '"'
end

local function sorted_names(map)
  local list = {}
  for key in pairs(map) do
    list[#list + 1] = key
  end
  table.sort(list)
  return list
end

local function config(want)
  local listen = want.listen
  if listen ~= "*" and not listen:find("localhost", 1, true) then
    listen = "localhost," .. listen
  end
  local lines = {
    "# Written by prov: changes here are undone.",
    "listen_addresses = " .. literal(listen),
    ("port = %d"):format(want.port),
    "password_encryption = 'scram-sha-256'",
  }
  if want.role ~= "single" then
    lines[#lines + 1] = "wal_level = replica"
    lines[#lines + 1] = "hot_standby = on"
    lines[#lines + 1] = "wal_keep_size = '256MB'"
  end
  for _, key in ipairs(sorted_names(want.settings)) do
    if not key:find("^[%w_.]+$") then
      error(("'%s' is no setting of PostgreSQL"):format(key), 0)
    end
    lines[#lines + 1] = ("%s = %s"):format(key, literal(tostring(want.settings[key])))
  end
  return table.concat(lines, "\n") .. "\n"
end

local function access(want)
  local lines = {}
  for _, cidr in ipairs(want.allow) do
    lines[#lines + 1] = ("host all all %s scram-sha-256"):format(cidr)
    if want.role ~= "single" then
      lines[#lines + 1] = ("host replication %s %s scram-sha-256"):format(want.replication_user, cidr)
    end
  end
  return table.concat(lines, "\n")
end

-- Roles and databases: the statements (with secrets), and the shell test that all is so already.
local function content(op, want)
  local sql = { "SET log_min_error_statement = 'panic';\nSET password_encryption = 'scram-sha-256';\n" }
  local tests, env, logins = {}, {}, {}
  local function add(...)
    sql[#sql + 1] = op.text(...)
  end
  local function role(user, password, attributes, condition, login_database)
    add(("SELECT 'CREATE ROLE %s LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %s) \\gexec\n"):format(
      name(user):gsub("'", "''"), literal(user)))
    add(("ALTER ROLE %s WITH LOGIN %s PASSWORD "):format(name(user), attributes), op.map_text(password, literal), ";\n")
    tests[#tests + 1] = ("(SELECT count(*) = 1 FROM pg_roles WHERE rolname = %s AND rolcanlogin%s)"):format(
      literal(user), condition)
    local variable = ("PROV_PW_%d"):format(#logins + 1)
    env[variable] = password
    logins[#logins + 1] = ([[PGPASSWORD=$%s psql -XqtA -w -h 127.0.0.1 -p %d -U '%s' %s -c 'SELECT 1' > /dev/null]]):format(
      variable, want.port, user, login_database)
  end
  for _, user in ipairs(sorted_names(want.users)) do
    if not user:find("^[%w_][%w_-]*$") then
      error(("'%s' is no name for a user"):format(user), 0)
    end
    local one = want.users[user]
    role(user, one.password, one.superuser and "SUPERUSER" or "NOSUPERUSER",
      one.superuser and " AND rolsuper" or " AND NOT rolsuper", "-d postgres")
  end
  if want.role == "primary" then
    role(want.replication_user, want.replication_password, "REPLICATION", " AND rolreplication", "-d postgres")
  end
  local owner = {}
  for _, user in ipairs(sorted_names(want.users)) do
    for _, database in ipairs(want.users[user].owns or {}) do
      owner[database] = user
    end
  end
  local all = {}
  for _, database in ipairs(want.databases) do
    all[database] = true
  end
  for database in pairs(owner) do
    all[database] = true
  end
  for _, database in ipairs(sorted_names(all)) do
    local own = owner[database]
    add(("SELECT 'CREATE DATABASE %s' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = %s) \\gexec\n"):format(
      name(database), literal(database)))
    if own then
      add(("ALTER DATABASE %s OWNER TO %s;\n"):format(name(database), name(own)))
    end
    tests[#tests + 1] = ("(SELECT count(*) = 1 FROM pg_database WHERE datname = %s%s)"):format(literal(database),
      own and (" AND datdba = (SELECT oid FROM pg_roles WHERE rolname = %s)"):format(literal(own)) or "")
  end
  if #tests == 0 then
    return nil
  end
  local unless = ("[ \"$(psql -XqtA -p %d -d postgres <<'SQL'\nSELECT %s;\nSQL\n)\" = t ]"):format(want.port,
    table.concat(tests, " AND "))
  for _, login in ipairs(logins) do
    unless = unless .. " &&\n" .. login
  end
  return op.exec {
    ("psql -Xq -v ON_ERROR_STOP=1 -p %d -d postgres"):format(want.port),
    title = "roles and databases", user = "postgres", stdin = op.text(table.unpack(sql)), env = env, unless = unless,
  }
end

-- A standby starts as a copy of its primary. Data of its own would be lost, so it must have none.
local function clone(op, want, version)
  local data = ("/var/lib/postgresql/%d/main"):format(version)
  local cluster = ("postgresql@%d-main"):format(version)
  local mark = ("/var/lib/postgresql/%d/.prov-standby"):format(version)
  local port = want.primary:match(":(%d+)$") or tostring(want.port)
  local host = want.primary:gsub(":%d+$", "")
  return op.exec {
    ([[
own=$(su -s /bin/sh postgres -c "psql -XqtA -p %d -d postgres -c 'SELECT count(*) FROM pg_database WHERE NOT datistemplate'" || echo 1)
if [ "$own" != 1 ]; then
  echo "this server has databases of its own: remove them first, then it can become a standby"
  exit 1
fi
systemctl stop %s || exit 1
rm -rf %s.old && mv %s %s.old || exit 1
if su -s /bin/sh postgres -c 'pg_basebackup -w -R -X stream -c fast -h %s -p %s -U %s -D %s'; then
  chmod 700 %s && touch %s && rm -rf %s.old
else
  rm -rf %s && mv %s.old %s
  systemctl start %s
  exit 1
fi]]):format(want.port, cluster, data, data, data, host, port, want.replication_user, data, data, mark, data,
      data, data, data, cluster),
    title = "copy of " .. want.primary, creates = mark, env = { PGPASSWORD = want.replication_password },
  }
end

local function check_roles(want)
  if want.role ~= "single" and not want.replication_password then
    error("role = " .. want.role .. " needs replication_password", 0)
  elseif want.role == "standby" and not want.primary then
    error("role = standby needs primary (the primary's address)", 0)
  end
end

local function recipe(op, want, facts)
  check_roles(want)
  local version = version_of(want, facts)
  local etc = ("/etc/postgresql/%d/main"):format(version)
  local ops = {
    op.pkg { ("postgresql-%d"):format(version) },
    op.file { etc .. "/conf.d/prov.conf", text = config(want), mode = "0644", notify = "restart" },
    op.block { etc .. "/pg_hba.conf", name = "access", text = access(want), notify = "reload" },
  }
  if want.role == "standby" then
    ops[#ops + 1] = clone(op, want, version)
  end
  ops[#ops + 1] = op.service { ("postgresql@%d-main"):format(version), state = "running",
    on = { restart = "restart", reload = "reload" } }
  ops[#ops + 1] = op.service { "postgresql", enabled = true }
  if want.role ~= "standby" then
    ops[#ops + 1] = op.wait { command = ("pg_isready -q -p %d"):format(want.port), timeout = 60 }
    ops[#ops + 1] = content(op, want)
  end
  return ops
end

local function health(op, want)
  local checks = { op.command { ("pg_isready -q -p %d"):format(want.port), title = "accepts connections", timeout = 60 } }
  if want.role == "standby" then
    checks[2] = op.command {
      ("psql -XqtA -p %d -d postgres -c \"SELECT status FROM pg_stat_wal_receiver\""):format(want.port),
      user = "postgres", contains = "streaming", title = "streams from its primary", timeout = 60,
    }
  end
  return checks
end

local function remove(op, want, facts)
  local version = version_of(want, facts)
  local server, client = ("postgresql-%d"):format(version), ("postgresql-client-%d"):format(version)
  local ops = {
    op.service { "postgresql", state = "stopped" },
    op.service { ("postgresql@%d-main"):format(version), state = "stopped" },
    op.pkg { server, client, "postgresql-common", "postgresql-client-common", absent = true, purge = not want.keep_data },
  }
  if not want.keep_data then
    for _, path in ipairs({ "/etc/postgresql", "/etc/postgresql-common", "/var/lib/postgresql", "/var/log/postgresql" }) do
      ops[#ops + 1] = op.dir { path, absent = true }
    end
  end
  return ops
end

---@type prov.Taskserv
return {
  kind = "taskserv", api = 1, name = "postgres", category = "databases",
  summary = "PostgreSQL with databases, users and streaming replication",
  platforms = { "debian>=12", "ubuntu>=22.04" },
  ports = { "port" },
  schema = schema,
  recipe = recipe,
  health = health,
  remove = remove,
}
