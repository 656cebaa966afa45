--- The REPL: reads Lua (or `:command line`), evaluates it, prints the value.

local input_of = require("prov.face.repl.input")
local session_of = require("prov.face.repl.session")
local settings = require("prov.settings")

local M = {}

local function changes(session)
  local workspace = session.ctx.workspace
  return workspace and workspace.what_if and #workspace.what_if.edits or 0
end

local function open_input(session)
  return input_of.open(session.ctx, {
    history = session.ctx.workspace and "repl-history" or "history",
    complete = function(line, cursor)
      return require("prov.face.repl.complete").tab(session, line:sub(1, cursor))
    end,
  })
end

--- True when Lua wants more lines to make sense of the chunk.
local function incomplete(message)
  return message and message:match("<eof>['\"]?$") ~= nil
end

--- Reads a whole chunk, over several lines when need be; nil at the end of input.
local function read_chunk(session, input)
  local prompt = settings.repl.prompt
  local text, e = input:read(changes(session) > 0 and prompt:gsub("> ?$", "*> ") or prompt)
  while text do
    if text:match("^[:?]") then
      return text
    end
    local _, message = session:compile(text)
    if not incomplete(message) then
      return text
    end
    local line
    line, e = input:read(settings.repl.more)
    if not line then
      if e.code == "closed" then
        return text -- what is there is reported as it is
      end
      break
    end
    text = text .. "\n" .. line
  end
  return nil, e
end

--- Runs the REPL until the end of input.
---@async
---@param ctx prov.Ctx
---@return integer? exit code
---@return prov.Err?
function M.run(ctx)
  local session = session_of.new(ctx)
  local input <close>, e = open_input(session)
  if not input then
    return nil, e
  end
  local startup = settings.repl.startup
  if startup then
    local ok
    ok, e = session:run_file(startup, {})
    if not ok then
      ctx.ui.warn("repl.startup: %s", tostring(e))
    end
  end
  if ctx.interactive and settings.repl.banner then
    local workspace = ctx.workspace
    io.stdout:write(("prov %s, %s. ? tells what there is; Ctrl-D leaves.\n"):format(require("core.app").version,
      workspace and "workspace " .. workspace.name or "no workspace"))
  end
  local failed = false
  while not session.ended do
    local chunk
    chunk, e = read_chunk(session, input)
    if chunk and chunk:match("%S") then
      input:remember(chunk)
      failed = not session:run(chunk)
    elseif not chunk and e.code == "closed" then
      break
    elseif not chunk and e.code ~= "canceled" then
      return nil, e
    end
  end
  if ctx.interactive and not session.ended then
    io.stdout:write("\n")
  end
  local lost = ctx.interactive and changes(session) or 0
  if lost > 0 then
    ctx.ui.warn("%d change%s to the infra stood in no file: gone", lost, lost == 1 and "" or "s")
  end
  return failed and not ctx.interactive and 1 or 0
end

return M
