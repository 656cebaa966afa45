--- Man pages: prov.1 and prov-<group>-<verb>.1, from the declarations.

local ops = require("prov.ops")
local params = require("prov.params")

local M = {}

--- Text as roff: nothing in it is a command or an escape.
local function escape(text)
  text = text:gsub("\\", "\\e"):gsub("%-", "\\-")
  return (("\n" .. text):gsub("\n([.'])", "\n\\&%1"):sub(2))
end

local function head(name)
  return ('.TH "%s" "1" "" "prov %s" "prov"\n'):format(name:upper(), require("core.app").version)
end

local function bold(text)
  return "\\fB" .. escape(text) .. "\\fR"
end

local function entries(out, title, list, name_of)
  if list[1] then
    out[#out + 1] = ".SH " .. title .. "\n"
    for _, param in ipairs(list) do
      out[#out + 1] = (".TP\n%s\n%s\n"):format(bold(name_of(param)), escape(params.describe(param)))
    end
  end
end

local function flag_text(param)
  return (params.flag(param):gsub("^%s+", ""))
end

local function argument_text(param)
  return (param.metavar or param.name):upper():gsub("_", "-")
end

local function paragraphs(text)
  return (escape((text:gsub("%s+$", ""))):gsub("\n%s*\n", "\n.PP\n"))
end

--- The page of one operation.
---@param name string
---@return string
function M.operation(name)
  local op = ops.load(name)
  local page = "prov-" .. name:gsub(" ", "-")
  local out = { head(page), (".SH NAME\n%s \\- %s\n"):format(escape(page), escape(op.summary)) }
  out[#out + 1] = (".SH SYNOPSIS\n%s\n"):format(bold(params.usage(op)))
  out[#out + 1] = (".SH DESCRIPTION\n%s\n"):format(paragraphs(op.description or op.summary .. "."))
  local positional, flags = params.split(op.params)
  entries(out, "ARGUMENTS", positional, argument_text)
  entries(out, "OPTIONS", flags, flag_text)
  local shortcuts = ops.shortcuts(name)
  if shortcuts[1] then
    out[#out + 1] = (".SH SHORT FORM\nprov %s\n"):format(escape(table.concat(shortcuts, ", prov ")))
  end
  if op.examples then
    out[#out + 1] = ".SH EXAMPLES\n.nf\n" .. escape(table.concat(op.examples, "\n")) .. "\n.fi\n"
  end
  out[#out + 1] = ".SH SEE ALSO\n.BR prov (1)\n"
  return table.concat(out)
end

--- The page of the program.
---@return string
function M.main()
  local all = ops.index()
  local out = { head("prov"), ".SH NAME\nprov \\- describe infrastructure, plan it, make it so\n" }
  out[#out + 1] = ".SH SYNOPSIS\n.B prov\nCOMMAND [ARGUMENT ...] [\\-\\-FLAG ...]\n"
  out[#out + 1] = [[.SH DESCRIPTION
An operator describes servers, networks and services in a workspace; prov checks that, plans what
to do, creates what is missing on a cloud or on this machine, installs services over SSH, and keeps
the truth in a graph store. A run that is interrupted is taken over by the next one.
.SH COMMANDS
]]
  for _, name in ipairs(ops.names()) do
    out[#out + 1] = (".TP\n%s\n%s\n"):format(bold("prov " .. name), escape(all.commands[name][2]))
  end
  local _, flags = params.split(params.GLOBAL)
  entries(out, "OPTIONS", flags, flag_text)
  out[#out + 1] = [[.SH EXIT STATUS
0 done; 1 failed; 2 the command line is wrong; 3 the plan has changes; 4 something named does not
exist; 5 denied; 6 locked; 7 conflict; 130 interrupted.
.SH ENVIRONMENT
.TP
.B PROV_PATH
Folders with extensions, separated by colons.
.TP
.B NO_COLOR
No colours when set to anything.
]]
  return table.concat(out)
end

--- All pages: file name -> text.
---@return table<string, string>
function M.pages()
  local files = { ["prov.1"] = M.main() }
  for _, name in ipairs(ops.names()) do
    files["prov-" .. name:gsub(" ", "-") .. ".1"] = M.operation(name)
  end
  return files
end

return M
