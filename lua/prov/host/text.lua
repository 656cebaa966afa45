--- Strings with secrets in them, for recipes.
--
-- A recipe joins strings and secrets with op.text(...). The result remembers the secrets, so that
-- the op which gets it shows no diff and reports mask them.

local M = {}

local mt = { __name = "prov.host.text" }

-- The plain string of prov.value's secret, or nil when it is none.
local function secret_of(item)
  if type(item) ~= "table" or getmetatable(item) == nil then
    return nil
  end
  local value = require("prov.value")
  return value.is_secret(item) and value.reveal(item) or nil
end

--- Joins parts: strings, numbers, secrets, other texts. Gives a plain string when nothing in it is
-- secret.
---@return string|table
function M.join(...)
  local parts, secrets = {}, {}
  for i = 1, select("#", ...) do
    local part = select(i, ...)
    if part == nil then
      error(("op.text: part %d is nil"):format(i), 2)
    end
    parts[i] = tostring(M.reveal(part, secrets))
  end
  local joined = table.concat(parts)
  if #secrets == 0 then
    return joined
  end
  return setmetatable({ text = joined, secrets = secrets }, mt)
end

--- Maps the plain string of a text or secret; the result is as secret as the value was. For
-- quoting a password in the language of a configuration file.
---@param item any
---@param fn fun(plain: string): string
function M.map(item, fn)
  local secrets = {}
  local mapped = fn(tostring(M.reveal(item, secrets)))
  if #secrets == 0 then
    return mapped
  end
  secrets[#secrets + 1] = mapped
  return setmetatable({ text = mapped, secrets = secrets }, mt)
end

--- The plain value of an argument; secrets met (also inside lists and maps) are added to the list.
---@param item any
---@param secrets string[]
---@return any
function M.reveal(item, secrets)
  if type(item) ~= "table" then
    return item
  end
  if getmetatable(item) == mt then
    for _, one in ipairs(item.secrets) do
      secrets[#secrets + 1] = one
    end
    return item.text
  end
  local plain = secret_of(item)
  if plain ~= nil then
    secrets[#secrets + 1] = tostring(plain)
    return plain
  end
  local out = {}
  for key, value in pairs(item) do
    out[key] = M.reveal(value, secrets)
  end
  return out
end

--- Replaces each secret in the text by stars.
---@param text string?
---@param secrets string[]
---@return string?
function M.mask(text, secrets)
  if not text then
    return nil
  end
  for _, secret in ipairs(secrets) do
    if #secret >= 3 then
      local at = 1
      while true do
        local from, to = text:find(secret, at, true)
        if not from then
          break
        end
        text = text:sub(1, from - 1) .. "***" .. text:sub(to + 1)
        at = from + 3
      end
    end
  end
  return text
end

return M
