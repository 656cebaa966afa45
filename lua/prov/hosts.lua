--- The servers of a workspace as hosts: one SSH session and one set of facts per server, and the
-- taskservs run over them.

local async = require("prov.async")
local clock = require("prov.clock")
local err = require("prov.err")
local fs = require("prov.fs")
local host_key = require("prov.host_key")
local log = require("prov.log")
local platform = require("prov.host.platform")
local recipe = require("prov.host.recipe")
local settings = require("prov.settings")

local M = {}

-- How long a certificate serves for logins: those of one apply share it, and no role is that short.
local CERTIFICATE_MS = 10000

---@class prov.Hosts
local Hosts = {}
Hosts.__index = Hosts

---@class prov.HostsInput
---@field workspace prov.Workspace
---@field registry prov.Registry
---@field state_of fun(address: string): table? state of a server, with ssh = { host, port, ... }
---@field servers fun(): string[] addresses of all servers there are, for facts.server.peers
---@field from? prov.Hosts gives its sessions and facts away to this one

--- Opens nothing yet: sessions are made at first use and shared.
---@param input prov.HostsInput
---@return prov.Hosts
function M.open(input)
  local slots, jump = {}, nil
  if input.from then
    slots, input.from.slots = input.from.slots, slots
    jump, input.from.jump = input.from.jump, nil
  end
  return setmetatable({
    workspace = input.workspace,
    registry = input.registry,
    state_of = input.state_of,
    servers = input.servers,
    slots = slots,
    gates = {},
    jump = jump,
    jump_gate = async.semaphore(1),
    certificates = {},
    certificate_gate = async.semaphore(1),
    logins = async.semaphore(settings.ssh.logins),
  }, Hosts)
end

-- The certificate of the workspace's key for a user, from its vault (ssh.certificate); nil when none is wanted.
local function certificate(self, key, user)
  local path = settings.ssh.certificate
  if path == "" then
    return nil
  end
  return self.certificate_gate:with(function()
    local had = self.certificates[user]
    if had and clock.monotonic() - had.since < CERTIFICATE_MS then
      return had.line
    end
    local vault, e = require("prov.vault").embedded(self.workspace)
    if not vault then
      return nil, e:wrap("open the workspace's vault (ssh.certificate)")
    end
    local _ <close> = vault
    local answer
    answer, e = vault:request({
      op = "update", path = path, trusted = "workspace", data = { public_key = key.public, valid_principals = user },
    })
    if not answer or not answer.data or not answer.data.signed_key then
      e = e or err.new("invalid", "it answers no certificate")
      return nil, e:wrap("sign the workspace's key for %s at %s (ssh.certificate)", user, path)
    end
    self.certificates[user] = { line = answer.data.signed_key, since = clock.monotonic() }
    return answer.data.signed_key
  end)
end

--- How to reach a server: the options of ssh.connect. Without a key that its provider told, and without
--- ssh.known_hosts, the first connection keeps the one that answers in the file `kept`.
---@return table?, prov.Err?
function Hosts:target(server)
  local state = self.state_of(server)
  if not state then
    return err.fail("notfound", "no server '%s' in the state", server)
  end
  local ssh = state.ssh
  if not ssh then
    return err.fail("unsupported", "server %s has no SSH address", server)
  end
  local key, e = self.workspace:user_key()
  if not key then
    return nil, e
  end
  local pinned, known_hosts, strict, kept = ssh.host_key, settings.ssh.known_hosts, settings.ssh.strict, nil
  if not pinned and not known_hosts then
    kept = host_key.file(self.workspace.state_dir, state.id or server)
    pinned, e = host_key.read(kept)
    if e then
      return nil, e
    end
    known_hosts, strict = kept, pinned ~= nil
  end
  local user = ssh.user or settings.ssh.user
  local cert
  cert, e = certificate(self, key, user)
  if e then
    return nil, e
  end
  return {
    host = ssh.host,
    port = ssh.port or settings.ssh.port,
    user = user,
    cert = cert,
    host_key = pinned,
    netns = ssh.netns,
    keys = { key.private, table.unpack(settings.ssh.identities) },
    agent = settings.ssh.agent,
    known_hosts = known_hosts,
    strict = strict,
    kept = kept,
    compress = settings.ssh.compression,
    timeout = settings.ms(state.status == "stopped" and settings.ssh.stopped_timeout or settings.ssh.connect_timeout),
    keepalive = math.floor(settings.ssh.keepalive),
  }
end

--- Runs fn while no other task works on this server: package managers and sessions want that.
function Hosts:exclusive(server, fn, ...)
  local gate = self.gates[server]
  if not gate then
    gate = async.semaphore(1)
    self.gates[server] = gate
  end
  return gate:with(fn, ...)
end

--- The account and address in "ops@bastion:2222".
local function jump_target(text)
  local user, rest = text:match("^(.-)@(.+)$")
  rest = rest or text
  local host, port = rest:match("^%[(.+)%]:?(%d*)$")
  if not host then
    host, port = rest:match("^([^:]+):?(%d*)$")
  end
  if not host or user == "" then
    return nil, err.new("invalid", ("ssh.jump: '%s' is no host"):format(text), { hint = "write ops@bastion:22" })
  end
  return {
    host = host,
    port = math.tointeger(tonumber(port)) or 22,
    user = user or clock.user(),
    keys = settings.ssh.identities,
    agent = settings.ssh.agent,
    known_hosts = settings.ssh.known_hosts,
    strict = settings.ssh.strict,
    timeout = settings.ms(settings.ssh.connect_timeout),
    keepalive = math.floor(settings.ssh.keepalive),
  }
end

--- The session to the host that all servers are reached through, made once; nil where none is needed.
local function jump_of(self)
  local text = settings.ssh.jump
  if text == "" or self.jump and not self.jump:closed() then
    return text ~= "" and self.jump or nil
  end
  return self.jump_gate:with(function()
    if self.jump and not self.jump:closed() then
      return self.jump
    end
    local target, e = jump_target(text)
    if target then
      self.jump, e = require("prov.ssh").connect(target)
    end
    return self.jump, e and e:wrap("connect to %s (ssh.jump)", text)
  end)
end

local function log_in(self, target)
  local jump, e = jump_of(self)
  if e then
    return nil, e
  end
  target.jump = jump
  return self.logins:with(require("prov.ssh").connect, target)
end

local function connect(self, server)
  local target, e = self:target(server)
  if not target then
    return nil, e
  end
  local is_first = target.kept and not target.host_key
  if is_first then
    local ok
    ok, e = fs.mkdirp(target.kept:match("^(.*)/"), 448)
    if not ok then
      return nil, e
    end
  end
  local session
  session, e = log_in(self, target)
  if session and is_first then
    log.info("the first connection to a server: its host key is kept", { server = server, file = target.kept })
  end
  if not session then
    local differs = target.host_key and target.kept and e.msg:find("host key", 1, true)
    e = e:wrap("connect to %s", server)
    if differs then
      e.hint = ("when it was rebuilt or installed anew, remove %s: the next connection keeps its new key"):format(
        target.kept)
    elseif self.state_of(server).status == "stopped" then
      e.hint = ("it was stopped: prov server start %s"):format(server)
    end
    return nil, e
  end
  return session
end

--- The session to a server, made at first use; a session that broke is replaced.
---@async
function Hosts:session(server)
  local slot = self.slots[server]
  if slot and slot.session and not slot.session:closed() then
    return slot.session
  end
  local session, e = connect(self, server)
  if not session then
    return nil, e
  end
  self.slots[server] = { session = session, facts = slot and slot.facts }
  return session
end

--- As session, but a server that refuses connections gets some time to come up.
local function reach(self, server)
  local began = clock.monotonic()
  while true do
    local session, e = self:session(server)
    if session or e.code ~= "unavailable" or clock.monotonic() - began >= settings.ssh.patience * 1000 then
      return session, e
    end
    async.sleep(settings.ms(settings.ssh.retry_every))
  end
end

--- Keeps gathered facts with what prov itself knows about the server.
local function keep_facts(self, server, facts)
  local state = self.state_of(server)
  local peers = {}
  for _, address in ipairs(self.servers()) do
    local peer = self.state_of(address)
    if address ~= server and peer then
      peers[address] = { name = peer.name or address:match("([^.]+)$"), ip = peer.private_ip or peer.ip }
    end
  end
  facts.server = {
    address = server,
    name = state.name or state.hostname or server:match("([^.]+)$"),
    ip = state.ip,
    private_ip = state.private_ip or state.ip,
    peers = peers,
  }
  self.slots[server].facts = facts
  return facts
end

--- Facts of a server: gathered once, plus what prov itself knows about it.
---@async
function Hosts:facts(server)
  local session, e = self:session(server)
  if not session then
    return nil, e
  end
  local facts = self.slots[server].facts
  if not facts then
    facts, e = require("prov.host").facts(session)
    if not facts then
      return nil, e:wrap("facts of %s", server)
    end
  end
  return keep_facts(self, server, facts)
end

local function run(self, node, which, mode, on_event)
  local declaration, e = self.registry:get("taskserv", node.name)
  if not declaration then
    return nil, e
  end
  local session
  session, e = self:session(node.server)
  if not session then
    return nil, e
  end
  local function make(facts)
    local refusal = which == "recipe" and platform.refusal(declaration, facts.os)
    if refusal then
      return nil, refusal
    end
    return recipe.ops(declaration, which, node.args, keep_facts(self, node.server, facts))
  end
  local host = require("prov.host")
  local opts = { mode = mode, on_event = on_event, name = node.name }
  opts.timeout = which == "health" and settings.ms(settings.host.health_timeout) or nil
  local facts = self.slots[node.server].facts
  if not facts then
    return host.meet(session, make, opts)
  end
  local ops
  ops, e = make(facts)
  if not ops then
    return nil, e
  end
  return host.run(session, ops, opts)
end

--- What the recipe would change on the host; touches nothing.
---@async
function Hosts:check(node)
  return self:exclusive(node.server, run, self, node, "recipe", "check")
end

local function failure(report, what)
  what = what or ""
  for _, op in ipairs(report.ops) do
    if op.status == "failed" then
      local why = op.reason and ": " .. op.reason or ""
      return err.new("failed", ("%s%s failed%s"):format(what, op.title or op.name, why), {
        hint = op.output and op.output ~= "" and op.output or nil,
        data = { op = op },
      })
    end
  end
  return err.new("failed", what .. "failed")
end

--- What systemd says of the services of a recipe that should run and do not; "" when they do.
local function dead_services(self, node)
  local session = self:session(node.server)
  local facts = self:facts(node.server)
  local declaration = self.registry:get("taskserv", node.name)
  local quote = require("prov.host.quote")
  local parts = {}
  for _, op in ipairs(session and facts and recipe.ops(declaration, "recipe", node.args, facts) or {}) do
    if op.op == "service" and op.args.state == "running" then
      local unit = quote.word(op.args.unit)
      local ask = "systemctl is-active -q -- %s || systemctl status --no-pager -l -n %d -- %s"
      parts[#parts + 1] = ask:format(unit, settings.host.status_lines, unit)
    end
  end
  if not parts[1] or facts.init ~= "systemd" then
    return ""
  end
  local result = session:exec(table.concat(parts, "; "), {
    timeout = settings.ms(settings.host.status_timeout),
    max_output = 16384,
  })
  return result and result.stdout:gsub("%s+$", "") or ""
end

--- Installs or configures a taskserv, then waits for its health checks.
---@async
---@return table? report, prov.Err?
function Hosts:apply(node, on_event)
  return self:exclusive(node.server, function()
    local session, e = reach(self, node.server)
    if not session then
      return nil, e
    end
    local report
    report, e = run(self, node, "recipe", "apply", on_event)
    if not report then
      return nil, e
    elseif report.failed > 0 then
      return nil, failure(report)
    end
    if on_event then
      on_event({ kind = "start", op = { title = "health check" } })
    end
    local health
    health, e = run(self, node, "health", "apply", on_event)
    if not health then
      return nil, e
    elseif health.failed > 0 then
      e = failure(health, "health check: ")
      local said = dead_services(self, node)
      e.hint = said ~= "" and said or e.hint
      return nil, e
    end
    return report
  end)
end

--- Only the health checks.
---@async
function Hosts:health(node)
  return self:exclusive(node.server, run, self, node, "health", "apply")
end

--- Removes a taskserv from its server.
---@async
function Hosts:remove(node, on_event)
  return self:exclusive(node.server, function()
    local report, e = run(self, node, "remove", "apply", on_event)
    if not report then
      return nil, e
    elseif report.failed > 0 then
      return nil, failure(report)
    end
    return report
  end)
end

--- Forgets the session and facts of a server that was replaced or went away.
function Hosts:forget(server)
  local slot = self.slots[server]
  self.slots[server] = nil
  if slot and slot.session then
    slot.session:close()
  end
end

--- Forgets what is kept of a server that was deleted: session, facts and host key.
---@param server string address
---@param id string what its provider calls it
function Hosts:gone(server, id)
  self:forget(server)
  host_key.forget(self.workspace.state_dir, id)
end

--- Waits until what was cancelled on the hosts has been told to end.
---@async
function Hosts:settle()
  for _, slot in pairs(self.slots) do
    if slot.session then
      slot.session:settle()
    end
  end
end

--- Closes all sessions.
function Hosts:close()
  for server in pairs(self.slots) do
    self:forget(server)
  end
  if self.jump then
    self.jump:close()
    self.jump = nil
  end
end

Hosts.__close = Hosts.close

return M
