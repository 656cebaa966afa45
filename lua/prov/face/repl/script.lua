--- The REPL without a person: one expression, or a file.

local err = require("prov.err")
local fs = require("prov.fs")
local ops = require("prov.ops")
local session_of = require("prov.face.repl.session")
local suggest = require("prov.suggest")

local M = {}

local kinds = {}

--- Prints the value of an expression in the form asked for.
function kinds.eval(session, text)
  local results, e = session:value(text)
  if not results then
    return nil, e
  end
  for i = 1, results.n do
    if results.said then
      io.stdout:write((results[i]:gsub("\n*$", "\n")))
    elseif results[i] ~= nil or results.n > 1 then
      session:show(results[i])
    end
  end
end

--- Runs a file.
function kinds.file(session, path, args)
  if not fs.exists(path) then
    local verbs = {}
    for i, name in ipairs(ops.names("run")) do
      verbs[i] = name:match("%S+$")
    end
    return nil, err.new("notfound", ("there is no file '%s'"):format(path), {
      hint = suggest.hint(path, verbs) or "'prov run' alone lists the commands of this group",
    })
  end
  local _, e = session:run_file(path, args)
  return nil, e
end

--- Runs an expression ("eval") or a file ("file").
---@async
---@param ctx prov.Ctx
---@param kind "eval"|"file"
---@return nil, prov.Err?
function M.run(ctx, kind, ...)
  return kinds[kind](session_of.new(ctx), ...)
end

return M
