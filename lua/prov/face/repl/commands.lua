--- Lines that begin with a colon in the REPL: its own commands, and command lines as on the shell.

local err = require("prov.err")
local fs = require("prov.fs")
local infra_view = require("prov.face.repl.infra_view")
local log = require("prov.log")
local suggest = require("prov.suggest")
local uv = require("luv")

local M = {}

--- The words of a line, as a shell splits them: quotes keep blanks, a backslash keeps a character.
---@param text string
---@return string[]? words, prov.Err?
function M.words(text)
  local words, word, quote = {}, nil, nil
  local at = 1
  while at <= #text do
    local c = text:sub(at, at)
    if quote then
      if c == quote then
        quote = nil
      else
        if c == "\\" and quote == '"' and text:find('^[\\"]', at + 1) then
          at = at + 1
          c = text:sub(at, at)
        end
        word = word .. c
      end
    elseif c == "'" or c == '"' then
      quote, word = c, word or ""
    elseif c:match("%s") then
      words[#words + 1], word = word, nil
    else
      if c == "\\" and at < #text then
        at = at + 1
        c = text:sub(at, at)
      end
      word = (word or "") .. c
    end
    at = at + 1
  end
  if quote then
    return err.fail("usage", "the quote %s is not closed", quote)
  end
  words[#words + 1] = word
  return words
end

--- The REPL's own commands: usage, doc, and what they do with the rest of the line.
M.OWN = {}

M.OWN.time = {
  usage = ":time LINE",
  doc = "runs the line and says how long it took",
  run = function(session, rest)
    local began, used = uv.hrtime(), os.clock()
    local results, e = session:evaluate(rest)
    local took = ("took %.1f ms, %.1f ms of processor time"):format((uv.hrtime() - began) / 1e6,
      (os.clock() - used) * 1000)
    if results then
      results.after = took
    else
      io.stderr:write(took, "\n")
    end
    return results, e
  end,
}

M.OWN.trace = {
  usage = ":trace LINE",
  doc = "runs the line with all its log; errors show their trace",
  run = function(session, rest)
    log.configure("debug")
    local _ <close> = setmetatable({}, { __close = function()
      log.from_env()
    end })
    local results, e = session:evaluate(rest, true)
    return results, e
  end,
}

M.OWN.save = {
  usage = ":save FILE",
  doc = "writes the lines that worked to a file for `prov run`",
  run = function(session, rest)
    local words, e = M.words(rest)
    if not words then
      return nil, e
    elseif #words ~= 1 then
      return err.fail("usage", "name one file: :save session.lua")
    elseif fs.exists(words[1]) then
      return err.fail("exists", "%s is there already", words[1])
    end
    local ok
    ok, e = fs.write_atomic(words[1], table.concat(session.kept, "\n") .. (session.kept[1] and "\n" or ""))
    return ok and { n = 1, ("%d written to %s"):format(#session.kept, words[1]), said = true }, e
  end,
}

M.OWN.changes = {
  usage = ":changes",
  doc = "lists the changes to the infra in no file",
  run = function(session)
    local lines = session.ctx.workspace and infra_view.changes(session.ctx.workspace) or {}
    return { n = 1, lines[1] and table.concat(lines, "\n") or "no changes", said = true }
  end,
}

M.OWN.write = {
  usage = ":write",
  doc = "puts them into the files; comments and style stay",
  run = function(session)
    local workspace = session.ctx.workspace
    local edits = workspace and workspace.what_if
    if not edits or #edits.edits == 0 then
      return { n = 1, "no changes", said = true }
    end
    workspace.what_if = nil
    local sources, errs = require("prov.infra.source").read(workspace)
    workspace.what_if = edits
    if not sources then
      return nil, errs[1]
    end
    local paths, e = edits:write(sources)
    return paths and { n = 1, "written: " .. table.concat(paths, ", "), said = true }, e
  end,
}

M.OWN.revert = {
  usage = ":revert",
  doc = "drops them",
  run = function(session)
    if session.ctx.workspace and session.ctx.workspace.what_if then
      session.ctx.workspace.what_if:revert()
    end
    return { n = 0 }
  end,
}

--- Their names, sorted.
---@return string[]
function M.own_names()
  local names = {}
  for name in pairs(M.OWN) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local function command_line(session, text)
  local words, e = M.words(text)
  if not words then
    return nil, e
  end
  local command
  command, e = require("prov.face.cli.dispatch").parse(words, {})
  if not command then
    local own = e.code == "usage" and words[1] and suggest.nearest(words[1], M.own_names())
    e.hint = own and ("did you mean ':%s'?"):format(own) or e.hint
    return nil, e
  elseif command.help then
    local help = require("prov.face.cli.help")
    io.stdout:write(help.fit(select(2, help.main(command.help)), session.ctx.term_out.width or math.huge))
    return { n = 0 }
  elseif command.name == "repl" then
    return err.fail("usage", "this is the REPL already")
  end
  local value
  value, e = session:perform(command.op, command.params)
  if value ~= nil then
    require("prov.face.cli.show").value(session.ctx, command.op, value)
  end
  return e == nil and { n = 0 } or nil, e
end

--- Runs a line that began with a colon.
---@async
---@param session table
---@param text string without the colon
---@return table? results as of table.pack; `said`: plain text
---@return prov.Err?
function M.run(session, text)
  local name, rest = text:match("^%s*(%S*)%s*(.*)$")
  local own = M.OWN[name]
  if own then
    return own.run(session, rest)
  end
  return command_line(session, text)
end

return M
