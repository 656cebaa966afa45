--- How errors are shown: a line that names the thing and its place, the causes, what to do.

local err = require("prov.err")

local M = {}

local PLAIN = {
  paint = function(_, _, text)
    return text
  end,
}

local function place(e)
  if not e.file then
    return ""
  end
  local at = e.line and (":" .. e.line .. (e.column and e.column > 0 and (":" .. e.column) or "")) or ""
  return e.file .. at .. ": "
end

--- A path below the current folder as one from there.
local function near(path)
  local here = (require("luv").cwd() or "") .. "/"
  return path:sub(1, #here) == here and path:sub(#here + 1) or path
end

local function one(e, term, out, verbose)
  local msg = e.msg
  if e.code == "bug" and not verbose then -- the rest is a traceback or a search path
    msg = msg:match("^[^\n]*"):gsub(":$", "")
  end
  out[#out + 1] = term:paint("red", "error:") .. " " .. place(e) .. msg .. "\n"
  local declared = e.declared
  if declared and declared.file then
    local at = declared.line and ":" .. declared.line or ""
    local what = declared.field and declared.field ~= "" and declared.field .. ", " or ""
    local of = declared.of and (" (%s%s)"):format(what, declared.of) or ""
    out[#out + 1] = "  declared at " .. near(declared.file) .. at .. of .. "\n"
  end
  local hint = e.hint
  local cause = e.cause
  while cause do
    out[#out + 1] = "  caused by: " .. place(cause) .. cause.msg .. "\n"
    hint = hint or cause.hint
    cause = cause.cause
  end
  if e.code == "bug" then
    local trace = e.data and e.data.traceback
    hint = hint or "this is a bug in prov or an extension; -v shows where"
    if verbose and trace then
      out[#out + 1] = trace .. "\n"
    end
  end
  if hint then
    out[#out + 1] = term:paint("cyan", "hint:") .. " " .. hint:gsub("\n", "\n      ") .. "\n"
  end
end

--- The text for a person.
---@param e prov.Err|prov.Err[]
---@param term? prov.Term
---@param verbose? boolean
---@return string
function M.text(e, term, verbose)
  local out, seen_hint = {}, nil
  for _, item in ipairs(err.list(e)) do
    local shown = item
    if item.hint and item.hint == seen_hint then -- said once is enough
      shown = setmetatable({ hint = false }, { __index = item })
    end
    seen_hint = item.hint
    one(shown, term or PLAIN, out, verbose)
  end
  return table.concat(out)
end

return M
