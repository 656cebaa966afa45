--- The file of leaks that are known: JSON with a salted hash of each, never the secret, and the reason why it stays.

local crypto = require("core.crypto")
local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")
local json = require("prov.json")

local M = {}

--- Its name in the root of a repository or a workspace.
M.NAME = ".prov-secrets-baseline.json"

local VERSION = 1
local MAX = 16 * 1024 * 1024

local function hex(bytes)
  return (bytes:gsub(".", function(char)
    return ("%02x"):format(char:byte())
  end))
end

---@class prov.leaks.Baseline
---@field path string
---@field salt string
---@field known table<string, { hash: string, rule: string, file: string, reason: string }> by hash
local Baseline = {}
Baseline.__index = Baseline

--- Reads a baseline; one that is not there knows nothing.
---@param path string
---@return prov.leaks.Baseline?
---@return prov.Err? err "invalid"
function M.open(path)
  local out = setmetatable({ path = path, known = {} }, Baseline)
  if not fs.exists(path) then
    out.salt = hex(assert(crypto.random(16)))
    return out
  end
  local text, e = fs.read(path, { max = MAX })
  if not text then
    return nil, e
  end
  local v
  v, e = json.decode(text)
  if v == nil then
    e.file = path
    return nil, e
  end
  if data.kind(v) ~= "map" or v.version ~= VERSION or type(v.salt) ~= "string" or type(v.leaks) ~= "table" then
    return nil, err.new("invalid", "no baseline of leaks of version 1", { file = path,
      hint = "prov secret scan --update-baseline writes one" })
  end
  out.salt = v.salt
  for i, one in ipairs(v.leaks) do
    if type(one) ~= "table" or type(one.hash) ~= "string" then
      return nil, err.new("invalid", ("leak %d has no hash"):format(i), { file = path })
    end
    out.known[one.hash] = one
  end
  return out
end

--- What a leak is known by.
---@param rule string
---@param secret string
---@return string
function Baseline:hash(rule, secret)
  return hex(assert(crypto.mac("sha256", self.salt, rule .. "\0" .. secret)))
end

--- Writes leaks as the known ones; those that were known keep their reason.
---@async
---@param leaks { hash: string, rule: string, file: string }[]
---@param reason? string of the new ones
---@return true?, prov.Err?
function Baseline:write(leaks, reason)
  local list, seen = data.list({}), {}
  for _, one in ipairs(leaks) do
    if not seen[one.hash] then
      seen[one.hash] = true
      local old = self.known[one.hash]
      list[#list + 1] = { hash = one.hash, rule = one.rule, file = one.file,
        reason = old and old.reason or reason or "known when the baseline was written" }
    end
  end
  table.sort(list, function(a, b)
    return a.file < b.file or a.file == b.file and a.hash < b.hash
  end)
  local text = assert(json.encode({ version = VERSION, salt = self.salt, leaks = list },
    { pretty = true, sorted = true })) .. "\n"
  return fs.write_atomic(self.path, text)
end

return M
