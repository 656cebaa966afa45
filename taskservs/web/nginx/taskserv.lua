-- nginx: sites with static content or in front of upstreams.

local PORT = { type = "int", min = 1, max = 65535 }
local CONF = "/etc/nginx/conf.d/prov.conf"

local function port_field(doc, default)
  return { type = PORT.type, min = PORT.min, max = PORT.max, doc = doc, default = default }
end

local function site_fields(port)
  return {
    port = port_field("port it listens on", port),
    server_name = { type = "string", default = "_", pattern = "^[%w_.* -]+$", doc = "host names, separated by spaces" },
    root = { type = "path", pattern = "^/[%w_./-]+$", doc = "folder of the files; /srv/www/<site> by default" },
    index = { type = "string", doc = "content of index.html; left alone when not given" },
    upstreams = { type = "list", of = { type = "string" }, default = {}, doc = "servers (address or address:port) to "
      .. "pass requests to; with none, files are served" },
    upstream_port = port_field("port of upstreams that name none", 80),
    tls = {
      type = "record",
      doc = "with it the port speaks TLS",
      fields = {
        certificate = { type = "string", required = true, doc = "certificate and those who signed it (PEM)" },
        key = { type = "secret", required = true, doc = "its private key (PEM)" },
      },
    },
  }
end

-- A name is part of folders, some of which are removed, and of the configuration.
local function check_names(sites)
  for name in pairs(sites) do
    if not tostring(name):find("^[%w_][%w_.-]*$") then
      return nil, ("'%s' is no name for a site (letters, digits, - _ .)"):format(name)
    end
  end
  return true
end

local schema = site_fields(80)
schema.sites = { type = "map", of = { type = "record", fields = site_fields(80) }, default = {},
  check = check_names, doc = "further sites by name; the fields above are those of the site 'default'" }
schema.workers = { type = "int", min = 1, doc = "worker processes; nginx decides when not given" }

local function sites_of(want)
  local names, sites = {}, {}
  local ok, why = check_names(want.sites or {})
  if not ok then
    error(why, 0)
  end
  for name, site in pairs(want.sites or {}) do
    names[#names + 1] = name
    sites[name] = site
  end
  table.sort(names)
  if not sites.default then
    table.insert(names, 1, "default")
    sites.default = want
  end
  return names, sites
end

-- The files of a site's certificate and key.
local function tls_files(name)
  return ("/etc/nginx/prov-%s.pem"):format(name), ("/etc/nginx/prov-%s.key"):format(name)
end

local function root_of(name, site)
  return site.root or "/srv/www/" .. name
end

local function hostport(text, port)
  if text:find("^%[?[%x:]*:[%x:]*:[%x:.]*%]?$") then -- an IPv6 address without port
    return ("[%s]:%d"):format(text:gsub("[%[%]]", ""), port)
  end
  return text:find(":%d+$") and text or ("%s:%d"):format(text, port)
end

local function proxy(out, name, site)
  out[#out + 1] = ("upstream prov_%s {"):format(name:gsub("[^%w]", "_"))
  for _, one in ipairs(site.upstreams) do
    if one:find("[^%w.:%[%]-]") then
      error(("upstream '%s' is no address"):format(one), 0)
    end
    out[#out + 1] = ("    server %s;"):format(hostport(one, site.upstream_port or 80))
  end
  out[#out + 1] = "}"
end

local function config(want)
  local out = { "# Written by prov: changes here are undone." }
  local names, sites = sites_of(want)
  for _, name in ipairs(names) do
    local site = sites[name]
    local upstreams = site.upstreams or {}
    if #upstreams > 0 then
      proxy(out, name, site)
    end
    out[#out + 1] = "server {"
    out[#out + 1] = ("    listen %d%s%s;"):format(site.port, site.tls and " ssl" or "",
      name == "default" and " default_server" or "")
    out[#out + 1] = ("    server_name %s;"):format(site.server_name or "_")
    if site.tls then
      local certificate, key = tls_files(name)
      out[#out + 1] = ("    ssl_certificate %s;"):format(certificate)
      out[#out + 1] = ("    ssl_certificate_key %s;"):format(key)
    end
    if #upstreams > 0 then
      out[#out + 1] = "    location / {"
      out[#out + 1] = ("        proxy_pass http://prov_%s;"):format(name:gsub("[^%w]", "_"))
      out[#out + 1] = "        proxy_set_header Host $host;"
      out[#out + 1] = "        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
      out[#out + 1] = "        proxy_set_header X-Forwarded-Proto $scheme;"
      out[#out + 1] = "    }"
    else
      out[#out + 1] = ("    root %s;"):format(root_of(name, site))
      out[#out + 1] = "    index index.html;"
    end
    out[#out + 1] = "}"
  end
  return table.concat(out, "\n") .. "\n"
end

local function recipe(op, want)
  local ops = {
    op.pkg { "nginx" },
    op.link { "/etc/nginx/sites-enabled/default", absent = true, notify = "reload" },
  }
  local names, sites = sites_of(want)
  for _, name in ipairs(names) do
    local site = sites[name]
    if #(site.upstreams or {}) == 0 then
      ops[#ops + 1] = op.dir { root_of(name, site), mode = "0755" }
      if site.index then
        ops[#ops + 1] = op.file { root_of(name, site) .. "/index.html", text = site.index }
      end
    end
  end
  for _, name in ipairs(names) do
    local site = sites[name]
    local certificate, key = tls_files(name)
    if site.tls then
      ops[#ops + 1] = op.file { certificate, text = site.tls.certificate, notify = "reload" }
      ops[#ops + 1] = op.file { key, text = site.tls.key, mode = "0600", notify = "reload" }
    else
      ops[#ops + 1] = op.file { key, absent = true }
    end
  end
  if want.workers then
    ops[#ops + 1] = op.line { "/etc/nginx/nginx.conf", line = ("worker_processes %d;"):format(want.workers),
      match = "^worker_processes ", notify = "reload" }
  end
  ops[#ops + 1] = op.file { CONF, text = config(want), notify = "reload" }
  ops[#ops + 1] = op.service { "nginx", state = "running", enabled = true, on = { reload = "reload" },
    workers = true, log = "/var/log/nginx/error.log" }
  return ops
end

local function health(op, want)
  local checks, seen = {}, {}
  local names, sites = sites_of(want)
  for _, name in ipairs(names) do
    local port = sites[name].port
    if not seen[port] then
      seen[port] = true
      checks[#checks + 1] = op.port { port, service = "nginx" }
    end
  end
  checks[#checks + 1] = op.command { "nginx -t -q", title = "the configuration is valid" }
  return checks
end

local function remove(op, want)
  local ops = {
    op.service { "nginx", state = "stopped" },
    op.file { CONF, absent = true },
    op.pkg { "nginx", "nginx-common", absent = true },
    op.dir { "/etc/nginx", absent = true },
  }
  local names, sites = sites_of(want)
  for _, name in ipairs(names) do
    if not sites[name].root then -- a folder somebody named may hold more than ours
      ops[#ops + 1] = op.dir { "/srv/www/" .. name, absent = true }
    end
  end
  return ops
end

---@type prov.Taskserv
return {
  kind = "taskserv", api = 1, name = "nginx", category = "web",
  summary = "Web server and reverse proxy",
  platforms = { "debian>=12", "ubuntu>=22.04" },
  ports = { "port" },
  schema = schema,
  recipe = recipe,
  health = health,
  remove = remove,
}
