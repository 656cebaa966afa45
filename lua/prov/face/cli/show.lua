--- Prints the value of an operation in the form asked for.

local M = {}

--- What machines may see: marked values (secret, unknown, references) as what they print.
local function open_marks(value)
  if type(value) ~= "table" then
    return value
  end
  return require("prov.value").map(value, tostring)
end

local function body(ctx, op, value)
  local output = ctx.output
  if output == "json" or output == "yaml" then
    value = open_marks(value)
  end
  if output == "json" then
    return require("prov.json").encode(value, { pretty = true, sorted = true }) .. "\n"
  elseif output == "yaml" then
    return (require("prov.yaml").encode(value):gsub("\n*$", "\n"))
  elseif output == "name" then
    return require("prov.render").names(value, op.result)
  elseif op.view then
    return require("prov.face.cli.view." .. op.view).render(value, ctx.term_out, ctx)
  end
  return require("prov.render").value(value, op.result, ctx.term_out, { wide = output == "wide" })
end

--- Prints the value; returns the exit code.
---@param ctx prov.Ctx
---@param op table declaration
---@param value any
---@return integer
function M.value(ctx, op, value)
  if value ~= nil then
    local plain = ctx.output == "table" or ctx.output == "wide" or op.view == "text" and ctx.output == "name"
    local text = type(value) == "string" and plain and (not op.view or op.view == "text") and value
      or body(ctx, op, value)
    if text ~= "" and text:sub(-1) ~= "\n" then
      text = text .. "\n"
    end
    local ok = io.stdout:write(text) and io.stdout:flush()
    if not ok then
      return 1
    end
  end
  return op.exit_code and op.exit_code(value) or 0
end

return M
