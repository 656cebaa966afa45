--- The editor that a person chose.

local err = require("prov.err")
local proc = require("prov.proc")
local settings = require("prov.settings")

local M = {}

--- Opens a file in it, and waits until it ends: ui.editor, else $VISUAL, $EDITOR or vi.
---@async
---@param path string
---@return true?
---@return prov.Err? err "failed"
function M.open(path)
  local editor = "vi"
  for _, named in ipairs({ os.getenv("EDITOR") or "", os.getenv("VISUAL") or "", settings.ui.editor }) do
    editor = named ~= "" and named or editor
  end
  local code, e = proc.foreground({ "sh", "-c", editor .. ' "$1"', "sh", path })
  if code ~= 0 then
    return nil, e or err.new("failed", ("the editor '%s' ended with %d"):format(editor, code), {
      hint = "ui.editor, $VISUAL or $EDITOR names another",
    })
  end
  return true
end

return M
