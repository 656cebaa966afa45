--- Lines of a text that is being formatted: code, and the comment behind it.
--
-- One rule for comments behind code: those of lines right below each other that are equally indented stand in one
-- column, `gap` spaces behind the longest of these lines.

local M = {}

---@class prov.FmtLines
---@field gap integer
---@field list { indent: integer, code: string, comment: string? }[]
local Lines = {}
Lines.__index = Lines

---@param gap integer spaces between code and the comment behind it
---@return prov.FmtLines
function M.new(gap)
  return setmetatable({ gap = gap, list = {} }, Lines)
end

--- Begins a line.
---@param indent integer spaces
---@param code? string
---@param is_comment? boolean the line is a comment alone
function Lines:open(indent, code, is_comment)
  self.list[#self.list + 1] = { indent = indent, code = code or "", is_comment = is_comment }
end

--- True when nothing can stand behind the line any more, for it ends with a comment; or there is none yet.
---@return boolean
function Lines:is_closed()
  local last = self.list[#self.list]
  return last == nil or last.is_comment == true or last.comment ~= nil
end

--- Adds to the line; what is added may go over several lines, which stay as they are.
---@param code string
function Lines:put(code)
  local line = self.list[#self.list]
  line.code = line.code .. code
end

--- Puts a comment behind the line; one that has one already gets another line.
---@param text string
function Lines:comment(text)
  local line = self.list[#self.list]
  if line.comment then
    self:open(line.indent, text, true)
  else
    line.comment = text
  end
end

--- Adds an empty line, never two, and none at the beginning.
function Lines:blank()
  local last = self.list[#self.list]
  if last and (last.code ~= "" or last.comment) then
    self.list[#self.list + 1] = { indent = 0, code = "" }
  end
end

--- True when nothing stands in the line yet.
---@return boolean
function Lines:is_fresh()
  local last = self.list[#self.list]
  return last == nil or last.code == ""
end

-- Columns of a line; nil for one that goes over several.
local function width(line)
  if line.code:find("\n", 1, true) then
    return nil
  end
  return line.indent + (utf8.len(line.code) or #line.code)
end

--- The text.
---@return string
function Lines:text()
  local list, out, at = self.list, {}, 1
  while list[#list] and list[#list].code == "" and not list[#list].comment do
    list[#list] = nil
  end
  while at <= #list do
    local last, column = at, 0
    while list[last] and list[last].comment and width(list[last]) and list[last].indent == list[at].indent do
      column = math.max(column, width(list[last]))
      last = last + 1
    end
    for i = at, math.max(last - 1, at) do
      local line = list[i]
      local text = line.code == "" and "" or (" "):rep(line.indent) .. line.code
      if line.comment then
        local pad = width(line) and column - width(line) or 0
        text = text .. (" "):rep(pad + self.gap) .. line.comment
      end
      out[#out + 1] = text
    end
    at = math.max(last, at + 1)
  end
  return #out == 0 and "" or table.concat(out, "\n") .. "\n"
end

return M
