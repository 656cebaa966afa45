--- The settings that count here: `settings.ssh.keepalive`. Those of the running task, which the tasks it starts
-- inherit, else those of the process.
--
-- An operation runs with the configuration of its workspace (see settings.run), so that code far below need not be
-- handed one. A key that is not declared raises.

local async = require("prov.async")

local M = {}

local of_process

--- Makes a configuration that of the process: what counts outside of operations.
---@param config prov.Config
function M.use(config)
  of_process = config
end

--- The configuration that counts here.
---@return prov.Config
function M.current()
  local inherited = async.inherited()
  if inherited then
    return inherited
  elseif not of_process then
    of_process = require("prov.config").open()
  end
  return of_process
end

--- Makes a configuration that of the running task and of those it starts from now on.
---@param config prov.Config
function M.inherit(config)
  async.inherit(config)
end

--- A duration of the settings, seconds, as whole milliseconds.
---@param seconds number
---@return integer
function M.ms(seconds)
  return math.floor(seconds * 1000)
end

return setmetatable(M, {
  __index = function(_, name)
    return M.current()[name]
  end,
})
