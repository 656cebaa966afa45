--- The secrets engines and auth methods there are: type of a mount -> module, loaded at first use.

local engine = require("prov.vault.engine")
local suggest = require("prov.suggest")

local M = {}

M.SECRETS = {
  cubbyhole = "prov.vault.engines.cubbyhole",
  database = "prov.vault.engines.database",
  kv = "prov.vault.engines.kv",
  pki = "prov.vault.engines.pki",
  ssh = "prov.vault.engines.ssh",
  totp = "prov.vault.engines.totp",
  transit = "prov.vault.engines.transit",
}
M.AUTH = {
  approle = "prov.vault.auth.approle",
  token = "prov.vault.auth.token",
  userpass = "prov.vault.auth.userpass",
}

--- The engine of a mount, ready for requests.
---@param table_of table<string, string> M.SECRETS or M.AUTH
---@param name string
---@param options table of the mount: kv has its version there
---@return prov.vault.CompiledEngine?, prov.Err?
function M.load(table_of, name, options)
  if not table_of[name] then
    local names = {}
    for each in pairs(table_of) do
      names[#names + 1] = each
    end
    table.sort(names)
    local e = suggest.unknown(table_of == M.AUTH and "auth method" or "secrets engine", name, names)
    e.code = "usage"
    return nil, e
  end
  local module = require(table_of[name])
  if module.variant then
    local e
    module, e = module.variant(options)
    if not module then
      return nil, e
    end
  end
  module.compiled = module.compiled or engine.compile(module)
  return module.compiled
end

return M
