--- Brings SOPS files to where programs look for them: encrypted into a bucket of S3, or their values into a kv engine
--- of a Vault.

local client = require("prov.vault.client")
local data = require("core.data")
local datafile = require("prov.datafile")
local err = require("prov.err")
local sops = require("prov.sops")

local M = {}

local VAULT = "https://127.0.0.1:8200" -- that of Vault's own client

-- The values of a file as one map; that of several documents has the keys of all.
local function map_of(what)
  local v, e = sops.value(what.open, what.file)
  if v == nil then
    return nil, e
  elseif what.open.format == "binary" then
    if not utf8.len(v) then
      return nil, err.new("unsupported", "a Vault keeps texts, and these bytes are none", { file = what.file })
    end
    return { data = v }
  end
  local out = {}
  for _, document in ipairs(data.kind(v) == "list" and v or { v }) do
    for key, value in pairs(document) do
      out[key] = value
    end
  end
  return out
end

-- { place, changed, write() } of a kv engine.
local function to_vault(rule, what, name)
  local v, e = map_of(what)
  if not v then
    return nil, e
  end
  local address = rule.vault_address or os.getenv("VAULT_ADDR") or VAULT
  local first = rule.vault_kv_version == 1
  local mount = (rule.vault_kv_mount_name or "secret"):gsub("/+$", "")
  local folder = tostring(rule.vault_path):gsub("/+$", "")
  local path = ("%s/%s%s/%s"):format(mount, first and "" or "data/", folder, name)
  local there
  there, e = client.ask(address, { op = "read", path = path })
  if not there and e.code ~= "notfound" then
    return nil, e
  end
  local found = there and there.data
  found = first and found or type(found) == "table" and found.data
  return {
    place = ("%s/v1/%s"):format(address:gsub("/+$", ""), path),
    changed = type(found) ~= "table" or #datafile.differences(found, v) > 0,
    write = function()
      return client.ask(address, { op = "update", path = path, data = first and v or { data = v } })
    end,
  }
end

-- The same of a bucket, where nothing is read: who publishes may not be allowed to.
local function to_s3(rule, what, name)
  local async, clock = require("prov.async"), require("prov.clock")
  local gate = require("prov.gate").new("aws", { retry = { attempts = 3, base = 0.1, max = 1 } }, {
    now = clock.monotonic, sleep = async.sleep, random = math.random,
  })
  local s3, e = require("prov.aws.client").open({}, "aws", gate)
  if not s3 then
    return nil, e
  end
  local key = (rule.s3_prefix or "") .. name
  return {
    place = ("s3://%s/%s"):format(rule.s3_bucket, key),
    changed = true,
    write = function()
      return s3:call("s3", "PutObject", { Bucket = rule.s3_bucket, Key = key, Body = what.text })
    end,
  }
end

--- Publishes a file that was opened.
---@async
---@param ctx prov.Context
---@param rule table of prov.sops.rules
---@param what { file: string, text: string, open: prov.SopsFile, omit_extension: boolean? }
---@return { file: string, destination: string, changed: boolean }?
---@return prov.Err? err
function M.publish(ctx, rule, what)
  local name = what.file:match("[^/]*$")
  name = what.omit_extension and name:gsub("%.[^.]*$", "") or name
  local target, e = (rule.s3_bucket and to_s3 or to_vault)(rule, what, name)
  if not target then
    return nil, e
  end
  if target.changed then
    local ok
    ok, e = ctx.ui.confirm(("Publish %s to %s?"):format(what.file, target.place))
    if not ok then
      return nil, e
    end
    ok, e = target.write()
    if not ok then
      return nil, e:wrap("publish to %s", target.place)
    end
  end
  return { file = what.file, destination = target.place, changed = target.changed }
end

return M
