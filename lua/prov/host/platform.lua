--- The platforms a taskserv says it runs on: "debian", "debian>=12", "ubuntu=24.04".

local err = require("prov.err")
local suggest = require("prov.suggest")

local M = {}

--- The names there are: ID of /etc/os-release.
M.NAMES = {
  "almalinux", "alpine", "amzn", "arch", "centos", "debian", "devuan", "fedora", "gentoo", "kali", "linuxmint", "nixos",
  "ol", "opensuse-leap", "opensuse-tumbleweed", "photon", "pop", "raspbian", "rhel", "rocky", "sles", "ubuntu", "void",
}

local KNOWN = {}
for _, name in ipairs(M.NAMES) do
  KNOWN[name] = true
end

local FORM = "write a name of /etc/os-release, or name and version such as \"debian>=12\" (>= > = < <=)"

local COMPARE = {
  [">="] = function(order) return order >= 0 end,
  [">"] = function(order) return order > 0 end,
  ["="] = function(order) return order == 0 end,
  ["<"] = function(order) return order < 0 end,
  ["<="] = function(order) return order <= 0 end,
}

-- 22.04 against 24.04, number by number: -1, 0, 1. Only the numbers both have count, so that 12.5 is a 12.
local function compare(a, b)
  local next_a, next_b = a:gmatch("%d+"), b:gmatch("%d+")
  while true do
    local x, y = next_a(), next_b()
    if not x or not y then
      return 0
    elseif tonumber(x) ~= tonumber(y) then
      return tonumber(x) < tonumber(y) and -1 or 1
    end
  end
end

--- Reads one entry.
---@param text string
---@return { name: string, operator: string?, version: string? }? platform
---@return string? problem
---@return string? hint
function M.parse(text)
  local name, rest = text:match("^%s*([%w][%w_-]*)%s*(.-)%s*$")
  local operator, version
  if rest and rest ~= "" then
    operator, version = rest:match("^([<>=]+)%s*(%d[%d.]*)$")
    if not COMPARE[operator] then
      name = nil
    end
  end
  if not name then
    return nil, ("'%s' is no platform"):format(text), FORM
  elseif not KNOWN[name] then
    return nil, ("'%s': there is no system '%s'"):format(text, name),
      suggest.hint(name, M.NAMES) or "the systems are: " .. table.concat(M.NAMES, ", ")
  end
  return { name = name, operator = operator, version = version }
end

-- A system without a version is one that is always the newest (Debian's testing, Arch).
local function fits(platform, os)
  if not platform.operator then
    if platform.name == os.id then
      return true
    end
    for _, like in ipairs(os.like or {}) do
      if like == platform.name then
        return true
      end
    end
    return false
  elseif platform.name ~= os.id then
    return false
  elseif (os.version or "") == "" then
    return platform.operator:sub(1, 1) == ">"
  end
  return COMPARE[platform.operator](compare(os.version, platform.version))
end

--- Why a taskserv does not run on a host, or nil when it does.
---@param declaration table
---@param os { id: string, version: string, like: string[] } of the facts
---@return prov.Err?
function M.refusal(declaration, os)
  if not declaration.platforms or #declaration.platforms == 0 then
    return nil
  end
  for _, text in ipairs(declaration.platforms) do
    local platform, problem, hint = M.parse(text)
    if not platform then
      return err.new("invalid", ("taskserv '%s': platforms: %s"):format(declaration.name, problem), { hint = hint })
    elseif fits(platform, os) then
      return nil
    end
  end
  local found = os.id .. ((os.version or "") ~= "" and " " .. os.version or "")
  return err.new("unsupported", ("taskserv '%s' does not run on %s; it runs on %s"):format(declaration.name, found,
    table.concat(declaration.platforms, ", ")), { hint = "nothing was changed on the host" })
end

return M
