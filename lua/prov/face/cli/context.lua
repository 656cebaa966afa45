--- What an operation gets from the command line: ctx, with the terminal.

local context = require("prov.context")
local term = require("prov.face.cli.term")

local M = {}

--- Runs another face in this process; for operations that are one.
---@async
---@param name string "repl"
local function face(ctx, name, ...)
  return require("prov.face." .. name).run(ctx, ...)
end

--- Makes the context of one command.
---@param flags table values of the flags of every command
---@return prov.Ctx
function M.new(flags)
  local env = os.getenv("PROV_ENV")
  flags.env = flags.env or env ~= "" and env or nil
  local ctx = context.new(flags, { face = face })
  ctx.output = flags.output or ctx.config:get("output") or "table"
  local color = flags.color
  if color == nil then
    color = ({ always = true, never = false })[ctx.config:get("color")]
  end
  if flags.quiet == nil then
    flags.quiet = ctx.config:get("ui.quiet") or nil
  end
  if flags.verbose == nil then
    flags.verbose = ctx.config:get("ui.verbose") or nil
  end
  if flags.progress == nil and ctx.config:get("ui.progress") == false then
    flags.progress = false
  end
  ctx.term_out = term.open(1, color)
  ctx.term_err = term.open(2, color)
  ctx.interactive = require("luv").guess_handle(0) == "tty" and ctx.term_err.tty
  require("prov.settings").use(ctx.config)
  ctx.ui = require("prov.face.cli.ui").new(ctx)
  if not os.getenv("PROV_LOG") then
    local file = ctx.config:get("log_file")
    local fd, e = nil, nil
    if file then
      fd, e = require("prov.log").file(file)
    end
    require("prov.log").configure(ctx.config:get("log_level") or "warn", (ctx.config:get("log_format")), fd)
    if e then
      ctx.ui.warn("log_file: %s", tostring(e))
    end
  end
  for _, bad in ipairs(ctx.config:check_environment()) do
    ctx.ui.warn("%s", tostring(bad))
  end
  return ctx
end

return M
