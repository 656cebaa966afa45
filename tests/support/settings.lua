--- Other settings for as long as a function runs.

local assert = require("luassert")
local config = require("prov.config")
local settings = require("prov.settings")

local M = {}

--- Calls fn while the settings of the process are the defaults and `values`; gives back what it gives.
---@param values table<string, any> "http.max_body" -> value
---@param fn function
---@return any ...
function M.with(values, fn, ...)
  local before = settings.current()
  local c = config.open({ flags = values, env = function() end })
  c:without_files()
  local e = c:check_flags()
  if e then
    error(e, 0)
  end
  settings.use(c)
  local results = table.pack(pcall(fn, ...))
  settings.use(before)
  if not results[1] then
    error(results[2], 0)
  end
  return table.unpack(results, 2, results.n)
end

--- Makes a test of each case: fn gives something else once the setting has another value than its default.
---@param it function of busted
---@param cases table<string, { [1]: any, [2]: (async fun(): any) , also: table? }> key -> value, fn; `also`: settings
---  that hold in both runs
function M.tests(it, cases)
  for _, key in ipairs(require("core.data").keys(cases)) do
    local value, fn, also = cases[key][1], cases[key][2], cases[key].also
    it("has " .. key, require("support.async").test(function()
      local changed = {}
      for name, v in pairs(also or {}) do
        changed[name] = v
      end
      changed[key] = value
      local before = M.with(also or {}, fn)
      local after = M.with(changed, fn)
      assert.is_not_nil(after)
      assert.not_same(before, after)
    end))
  end
end

--- What a function writes to the standard output.
---@param fn function
---@return string
function M.written(fn)
  local out, parts = io.stdout, {}
  io.stdout = { -- luacheck: ignore 122
    write = function(self, ...)
      parts[#parts + 1] = table.concat({ ... })
      return self
    end,
    flush = function()
      return true
    end,
  }
  local ok, e = pcall(fn)
  io.stdout = out -- luacheck: ignore 122
  if not ok then
    error(e, 0)
  end
  return table.concat(parts)
end

return M
