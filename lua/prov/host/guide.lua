--- Writes docs/guides/host-ops.md from the declarations of the ops.

local op = require("prov.host.op")

local M = {}

local HEAD = [[
# Host operations

A taskserv's `recipe`, `health` and `remove` return lists of these operations. They are data: the host
engine compiles the whole list into one POSIX shell script, sends it in one exec, and reads what it
reports while it runs. The host needs `sh` and coreutils or busybox; nothing is installed on it.

- Each operation looks first and changes only what is not as wanted: a second run changes nothing.
- Check mode (`prov plan`, `prov taskserv check`) looks only, and shows unified diffs of files.
- The first operation that fails ends the recipe; the ones after it are reported as skipped.
- `notify = "event"` on any operation: when it changes something, those that listen (`on`) act, after the
  change and once. What is due is noted on the host before the change is made, under
  `/var/lib/prov/pending/<taskserv>`, so a restart that a crash prevented is done by the next run.
- Secrets are arguments like others. Join them with `op.text("password = ", want.password)`, quote them for
  a configuration file with `op.map_text(want.password, function(plain) ... end)`. They travel inside
  the script by standard input, never on a command line; diffs and output that would show them are left out.

This page is generated from the declarations in `lua/prov/host/ops/`; a test compares them
(`PROV_UPDATE=1` on the test writes it anew).
]]

local function default_of(rule)
  if rule.required then
    return "required"
  elseif rule.default == nil then
    return ""
  elseif type(rule.default) == "table" then
    return ""
  end
  return ("`%s`"):format(tostring(rule.default))
end

local function type_of(rule)
  if rule.one_of then
    return table.concat(rule.one_of, ", ")
  elseif rule.of and rule.of.type then
    return ("%s of %s"):format(rule.type, type_of(rule.of))
  end
  return rule.type
end

local function section(name)
  local decl = op.declaration(name)
  local doc = decl.doc and " " .. decl.doc or ""
  local out = { ("## op.%s\n\n%s.%s\n\n```lua\n%s\n```\n"):format(name, decl.summary, doc, decl.example) }
  local first = decl.positional or { decl.rest and decl.rest .. " ..." }
  if #first > 0 then
    out[#out + 1] = ("Without a name: %s.\n"):format(table.concat(first, ", "))
  end
  out[#out + 1] = "| field | type | default | |\n| --- | --- | --- | --- |"
  local fields = {}
  for field in pairs(decl.schema) do
    fields[#fields + 1] = field
  end
  table.sort(fields)
  for _, field in ipairs(fields) do
    local rule = decl.schema[field]
    out[#out + 1] = ("| %s | %s | %s | %s |"):format(field, type_of(rule), default_of(rule),
      ((rule.doc or ""):gsub("|", "\\|")))
  end
  return table.concat(out, "\n") .. "\n"
end

--- The page.
---@return string markdown
function M.page()
  local out = { HEAD }
  for _, name in ipairs(op.NAMES) do
    out[#out + 1] = section(name)
  end
  return table.concat(out, "\n")
end

return M
