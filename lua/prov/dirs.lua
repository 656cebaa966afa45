--- Where prov keeps what belongs to the user and not to a workspace (XDG Base Directory Specification 0.8).

local M = {}

local function base(variable, below)
  local dir = os.getenv(variable)
  if not dir or dir == "" then
    dir = (os.getenv("HOME") or "/root") .. "/" .. below
  end
  return dir .. "/prov"
end

--- State: the list of workspaces, the history of the REPL, the data of the orchestrator.
---@return string
function M.state()
  return base("XDG_STATE_HOME", ".local/state")
end

--- The user's settings.
---@return string
function M.config()
  return base("XDG_CONFIG_HOME", ".config")
end

return M
