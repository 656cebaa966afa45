--- The vault as a service: its folder, its seal, its place in the network.

local dirs = require("prov.dirs")
local fs = require("prov.fs")
local http = require("prov.vault.http")
local http_server = require("prov.http_server")
local seal = require("prov.vault.seal")
local settings = require("prov.settings")
local vault_of = require("prov.vault")

local M = {}

---@class prov.vault.Service: prov.Service
---@field vault prov.Vault
---@field server prov.http.Server
local Service = {}
Service.__index = Service

-- The folder and who opens what is in it.
local function custody_of(ctx, p)
  if not p.embedded then
    local dir = p.data or dirs.state() .. "/vault"
    if not p.seal then
      return dir
    end
    local custody, e = seal.kms(p.seal)
    return custody and dir, custody or e
  end
  local workspace, e = ctx:need_workspace()
  local key
  if workspace then
    key, e = workspace:key()
  end
  return key and vault_of.dir_of(workspace), key and seal.key(key) or e
end

--- Opens the vault and listens; belongs to the running task.
---@async
---@param ctx prov.Ctx
---@param p table parameters of the operation "serve"
---@param options prov.http.ServerOptions
---@return prov.vault.Service?, prov.Err?
function M.open(ctx, p, options)
  local dir, custody = custody_of(ctx, p)
  if not dir then
    return nil, custody
  end
  local vault, e = vault_of.open({ dir = dir, custody = custody, server = true })
  if not vault then
    return nil, e
  end
  options.limits = {
    body_bytes = 32 * 1024 * 1024,
    connections = settings.rest.connections,
    per_address = settings.rest.connections_per_address,
    idle_ms = settings.ms(settings.rest.idle_timeout),
  }
  local self = setmetatable({ vault = vault, dir = dir }, Service)
  self.server, e = http_server.listen(options, function(request)
    return http.handle(vault, request)
  end)
  if not self.server then
    vault:close()
    return nil, e
  end
  return self
end

--- Tells those who want the folder too where the vault is.
---@param address string
function Service:announce(address)
  self.address = address
  fs.write_atomic(self.dir .. "/server", address .. "\n", { mode = 384, sync = false })
end

--- Opens the files of the audit anew.
function Service:reload()
  self.vault:reopen_audit()
end

--- Answers what was asked, and listens no more.
---@async
function Service:drain()
  self.server:drain(settings.ms(settings.rest.drain))
end

--- Seals and closes.
function Service:close()
  self.vault:close()
end

return M
