--- Prints the value of an operation in the form asked for.

local settings = require("prov.settings")

local M = {}

local function body(ctx, op, value)
  local output = ctx.output
  if output == "json" then -- here and in YAML, marked values (secret, unknown, ...) as they print
    return require("prov.json").encode(value, { pretty = true, sorted = true })
  elseif output == "yaml" then
    local text, e = require("prov.yaml").encode(value)
    return text and text:gsub("\n*$", "\n"), e
  elseif output == "name" then
    return require("prov.render").names(value, op.result)
  elseif op.view then
    return require("prov.face.cli.view." .. op.view).render(value, ctx.term_out, ctx)
  end
  return require("prov.render").value(value, op.result, ctx.term_out, { wide = output == "wide" })
end

--- Hands a text that is longer than the terminal to the pager of the settings; false when there is none to be used.
local function paged(ctx, text)
  local pager = settings.ui.pager
  if pager == "" or not ctx.interactive or not ctx.term_out.tty then
    return false
  end
  local _, lines = text:gsub("\n", "")
  -- Our own output is closed in programs that libuv does not start.
  local pipe = lines >= ctx.term_out.height and io.popen(("{ %s\n} >/dev/tty 2>&1"):format(pager), "w")
  if not pipe then
    return false
  end
  pipe:write(text) -- fails when the reader has seen enough
  pipe:close()
  return true
end

--- Prints the value; returns the exit code.
---@param ctx prov.Ctx
---@param op table declaration
---@param value any
---@return integer
function M.value(ctx, op, value)
  if value ~= nil then
    local plain = ctx.output == "table" or ctx.output == "wide" or op.view == "text" and ctx.output == "name"
    local text, e = value, nil
    if type(value) ~= "string" or not plain or op.view and op.view ~= "text" then
      text, e = body(ctx, op, value)
    end
    if not text then -- a number that JSON has not, say
      io.stderr:write(require("prov.face.cli.report").text(e, ctx.term_err))
      return 1
    end
    text = text .. (text ~= "" and text:sub(-1) ~= "\n" and "\n" or "")
    if not paged(ctx, text) and not (io.stdout:write(text) and io.stdout:flush()) then
      return 1
    end
  end
  return op.exit_code and op.exit_code(value) or 0
end

return M
