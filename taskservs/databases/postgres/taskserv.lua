-- PostgreSQL from the distribution's packages: databases, users, streaming replication.

local BY_SYSTEM = {
  debian = { ["12"] = 15, ["13"] = 17 },
  ubuntu = { ["22.04"] = 14, ["24.04"] = 16 },
}

local DATABASE = "^[%w_][%w_-]*$"

local schema = {
  version = { type = "int", min = 10, doc = "major version; the distribution's own by default" },
  port = { type = "int", min = 1, max = 65535, default = 5432, doc = "TCP port" },
  listen = { type = "string", default = "localhost", pattern = "^[%w.:*, -]+$",
    doc = "addresses to listen on besides localhost; * for all" },
  allow = { type = "list", of = { type = "cidr" }, default = {}, doc = "networks that may log in with a password" },
  databases = { type = "list", of = { type = "string", pattern = DATABASE }, default = {},
    doc = "databases that exist" },
  users = {
    type = "map", default = {}, doc = "roles that may log in, by name",
    of = {
      type = "record",
      fields = {
        password = { type = "secret", required = true, doc = "its password" },
        owns = { type = "list", of = { type = "string", pattern = DATABASE }, default = {}, doc = "databases it owns" },
        superuser = { type = "bool", default = false, doc = "may do everything" },
      },
    },
  },
  settings = { type = "map", of = { type = "string" }, default = {}, doc = "further settings of postgresql.conf" },
  role = { type = "enum", one_of = { "single", "primary", "standby" }, default = "single",
    doc = "part in replication" },
  primary = { type = "string", pattern = "^[%w.:-]+$", doc = "standby: address of the primary" },
  replication_user = { type = "string", default = "replicator", pattern = "^[%w_]+$",
    doc = "role that standbys log in with" },
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

-- What makes a role: statements (with its password), a test in SQL, and a login that shows that the
-- password is the wanted one.
local function role(op, want, parts, user, password, attributes, condition)
  local list = parts.sql
  list[#list + 1] = ("SELECT 'CREATE ROLE %s LOGIN' WHERE NOT EXISTS "
    .. "(SELECT FROM pg_roles WHERE rolname = %s) \\gexec\n"):format(name(user):gsub("'", "''"), literal(user))
  list[#list + 1] = op.text(("ALTER ROLE %s WITH LOGIN %s PASSWORD "):format(name(user), attributes),
    op.map_text(password, literal), ";\n")
  table.insert(parts.tests, ("(SELECT count(*) = 1 FROM pg_roles WHERE rolname = %s AND rolcanlogin%s)"):format(
    literal(user), condition))
  local variable = ("PROV_PW_%d"):format(#parts.logins + 1)
  parts.env[variable] = password
  local login = "PGPASSWORD=$%s psql -XqtA -w -h 127.0.0.1 -p %d -U '%s' -d postgres -c 'SELECT 1' > /dev/null"
  table.insert(parts.logins, login:format(variable, want.port, user))
end

local function roles(op, want, parts)
  for _, user in ipairs(sorted_names(want.users)) do
    if not user:find("^[%w_][%w_-]*$") then
      error(("'%s' is no name for a user"):format(user), 0)
    end
    local one = want.users[user]
    role(op, want, parts, user, one.password, one.superuser and "SUPERUSER" or "NOSUPERUSER",
      one.superuser and " AND rolsuper" or " AND NOT rolsuper")
  end
  if want.role == "primary" then
    role(op, want, parts, want.replication_user, want.replication_password, "REPLICATION", " AND rolreplication")
  end
end

local function databases(want, parts)
  local owner, all = {}, {}
  for _, database in ipairs(want.databases) do
    all[database] = true
  end
  for _, user in ipairs(sorted_names(want.users)) do
    for _, database in ipairs(want.users[user].owns or {}) do
      owner[database], all[database] = user, true
    end
  end
  for _, database in ipairs(sorted_names(all)) do
    local own = owner[database]
    table.insert(parts.sql, ("SELECT 'CREATE DATABASE %s' WHERE NOT EXISTS "
      .. "(SELECT FROM pg_database WHERE datname = %s) \\gexec\n"):format(name(database):gsub("'", "''"),
      literal(database)))
    if own then
      table.insert(parts.sql, ("ALTER DATABASE %s OWNER TO %s;\n"):format(name(database), name(own)))
    end
    table.insert(parts.tests, ("(SELECT count(*) = 1 FROM pg_database WHERE datname = %s%s)"):format(literal(database),
      own and (" AND datdba = (SELECT oid FROM pg_roles WHERE rolname = %s)"):format(literal(own)) or ""))
  end
end

-- Roles and databases in one op; nil when none are wanted.
local function content(op, want)
  local parts = { sql = {}, tests = {}, logins = {}, env = {} }
  -- A statement that fails must not put a password into the server's log.
  parts.sql[1] = "SET log_min_error_statement = 'panic';\nSET password_encryption = 'scram-sha-256';\n"
  roles(op, want, parts)
  databases(want, parts)
  if #parts.tests == 0 then
    return nil
  end
  local test = "[ \"$(psql -XqtA -p %d -d postgres <<'SQL'\nSELECT %s;\nSQL\n)\" = t ]"
  local unless = { test:format(want.port, table.concat(parts.tests, " AND ")), table.unpack(parts.logins) }
  return op.exec {
    ("psql -Xq -v ON_ERROR_STOP=1 -p %d -d postgres"):format(want.port),
    title = "roles and databases", user = "postgres", stdin = op.text(table.unpack(parts.sql)), env = parts.env,
    unless = table.concat(unless, " &&\n"),
  }
end

-- A standby starts as a copy of its primary. Data of its own would be lost, so it must have none.
local CLONE = [[
ask() { su -s /bin/sh postgres -c "psql -XqtA -p $port -d postgres -c \"$count\""; }
if [ -d "$data.prov-old" ]; then # a copy was interrupted: nobody else names a folder so
  systemctl stop "$cluster"
  rm -rf "$data" && mv "$data.prov-old" "$data" && systemctl start "$cluster" || exit 1
fi
# It may listen where it did before its configuration was written.
own=$(ask) || { systemctl restart "$cluster" && own=$(ask); } || own=unknown
if [ "$own" != 1 ]; then
  echo "this server has databases of its own (or does not answer): it will not be overwritten"
  exit 1
fi
systemctl stop "$cluster" || exit 1
rm -rf "$data.prov-old" && mv "$data" "$data.prov-old" || exit 1
copy="pg_basebackup -w -R -X stream -c fast -h $primary -p $primary_port -U $role -D $data"
if su -s /bin/sh postgres -c "$copy"; then
  touch "$mark" && rm -rf "$data.prov-old"
else
  rm -rf "$data" && mv "$data.prov-old" "$data"
  systemctl start "$cluster"
  exit 1
fi]]

local function clone(op, want, version)
  local folder = ("/var/lib/postgresql/%d"):format(version)
  return op.exec {
    CLONE, title = "copy of " .. want.primary, creates = folder .. "/.prov-standby",
    env = {
      PGPASSWORD = want.replication_password, port = want.port, role = want.replication_user,
      primary = want.primary:gsub(":%d+$", ""), primary_port = want.primary:match(":(%d+)$") or want.port,
      data = folder .. "/main", mark = folder .. "/.prov-standby", cluster = ("postgresql@%d-main"):format(version),
      count = "SELECT count(*) FROM pg_database WHERE NOT datistemplate",
    },
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
  local checks = { op.command { ("pg_isready -q -p %d"):format(want.port), title = "accepts connections",
    timeout = 60 } }
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
    op.pkg { server, client, "postgresql-common", "postgresql-client-common", absent = true,
      purge = not want.keep_data },
  }
  if not want.keep_data then
    for _, path in ipairs({ "/etc/postgresql", "/etc/postgresql-common", "/var/lib/postgresql",
      "/var/log/postgresql" }) do
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
