--- SOPS files in INI, read as gopkg.in/ini.v1 reads them: a # or ; anywhere in a value that has no quotes begins a
--- comment; `...` and """...""" quote, also over lines; a \ at the end of a line goes on.
--
-- What stands before the first section is in one named DEFAULT. Comments belong to the key or section behind them.

local data = require("core.data")
local err = require("prov.err")
local flatten = require("prov.sops.flatten")
local yaml = require("prov.sops.yaml")

local M = { name = "ini", reserved = "sops", apply = yaml.apply }

local function trim(text)
  return text:match("^%s*(.-)%s*$")
end

local function quote(_, plain)
  if plain:find("[\n`]") then
    return not plain:find('"""', 1, true) and plain:sub(-1) ~= '"' and '"""' .. plain .. '"""' or nil
  elseif plain:find("[#;]") or plain:find("\\$") or plain:find("^[\"']") then
    return "`" .. plain .. "`"
  elseif trim(plain) ~= plain then
    return '"' .. plain .. '"'
  end
  return plain
end

-- Writes a value in the quotes that it had, when they are right for it.
local function writer(sign)
  sign = (sign == '"' or sign == "'") and sign or nil
  return function(type, plain)
    plain = type == "bool" and plain:lower() or plain
    if sign and not plain:find("[\n#;\\`]") and not plain:find(sign, 1, true) then
      return sign .. plain .. sign
    end
    return quote(nil, plain)
  end
end

-- The value at a byte: its text, its last byte, and where a comment behind it begins.
local function value(text, at)
  at = text:match("^[ \t\r]*()", at)
  local sign = text:match('^"""', at) or text:match("^`", at)
  local stop = text:find("\n", at, true) or #text + 1
  if sign then
    local first = at + #sign
    local close
    for line_stop in (text .. "\n"):gmatch("()\n", first) do -- the last one on the line where the first one is
      local from = first
      repeat
        from = text:find(sign, from, true)
        if from and from < line_stop then
          close, from = from, from + #sign
        end
      until not from or from >= line_stop
      if close then
        stop = line_stop
        break
      end
    end
    if not close then
      return nil
    end
    local rest = text:find("[#;]", close + #sign)
    return text:sub(first, close - 1), close + #sign - 1, rest and rest < stop and rest or nil, at
  end
  local line = text:sub(at, stop - 1)
  local last = at + #line:match("^(.-)%s*$") - 1
  if text:sub(last, last) == "\\" and last >= at then
    local parts, to = { text:sub(at, last - 1) }, stop
    while to <= #text do
      local behind = text:find("\n", to + 1, true) or #text + 1
      local more = trim(text:sub(to + 1, behind - 1))
      parts[#parts + 1] = more:gsub("\\$", "")
      to = behind
      if more == "" or more:sub(-1) ~= "\\" then
        break
      end
    end
    return table.concat(parts), to - 1, nil, at
  end
  local comment = line:find("[#;]")
  local plain = trim(comment and line:sub(1, comment - 1) or line)
  last = at + #plain - 1
  if #plain >= 2 and plain:find("^(['\"])[^'\"]*%1$") then
    plain = plain:sub(2, -2)
  end
  return plain, last, comment and at + comment - 1, at
end

-- Calls on.section(name, from), on.key(section, name, plain, from, to), on.comment(from, to) for a text.
local function scan(text, file, on)
  local at, section = text:match("^\xEF?\xBB?\xBF?()"), "DEFAULT"
  local seen = {}
  while at <= #text do
    local _, breaks = text:sub(1, at - 1):gsub("\n", "")
    local number = breaks + 1
    local stop = text:find("\n", at, true) or #text + 1
    local from = text:match("^%s*()", at)
    local line = trim(text:sub(at, stop - 1))
    local last = from + #line - 1
    if line == "" then
      at = stop + 1
    elseif line:find("^[#;]") then
      on.comment(from, last)
      at = stop + 1
    elseif line:sub(1, 1) == "[" then
      local name, rest = line:match("^%[(.*)%]()")
      if not name then
        return nil, err.new("invalid", "a section is a name in brackets", { file = file, line = number })
      end
      section, seen = name, {}
      local comment = line:find("[#;]", rest)
      if comment then
        on.comment(from + comment - 1, last)
      end
      on.section(name, at)
      at = stop + 1
    else
      local name, behind = line:match('^"([^"]+)"%s*[=:]()')
      if not name then
        name, behind = line:match("^`([^`]+)`%s*[=:]()")
      end
      if not name then
        name, behind = line:match("^([^=:]+)[=:]()")
      end
      if not name then
        return nil, err.new("invalid", "a line is a [section], key = value or a comment", {
          file = file, line = number,
        })
      end
      name = trim(name)
      if seen[name] then
        return nil, err.new("invalid", ("the key '%s' was given before"):format(name), { file = file, line = number })
      end
      seen[name] = true
      local plain, to, comment, first = value(text, from + behind - 1)
      if not plain then
        return nil, err.new("invalid", "a quote is not closed", { file = file, line = number })
      end
      local line_stop = text:find("\n", math.max(to, from), true) or #text + 1
      if comment then
        on.comment(comment, comment + #text:sub(comment, line_stop - 1):match("^(.-)%s*$") - 1)
      end
      on.key(section, name, plain, first, to, at, line_stop)
      at = line_stop + 1
    end
  end
  return true
end

local function comment_text(text)
  return text:sub(1, 1) == ";" and text:gsub("^[; ]+", "") or (text:gsub("^[# ]+", ""))
end

local function comment_writer(sign)
  return function(_, plain)
    local first, rest = plain:match("^([^\n]*)(.*)$")
    return sign .. " " .. first .. rest:gsub("\n%s*([^#;\n%s])", "\n" .. sign .. " %1")
  end
end

--- The leaves of a text.
---@param text string
---@param file? string
---@return table[]? leaves
---@return prov.Err? err
function M.leaves(text, file)
  local out, waiting, active = {}, {}, {}
  -- Comments that follow each other are one for SOPS, and stand behind their key.
  local function flush(section, own)
    local one
    for _, span in ipairs(waiting) do
      local between = one and text:sub(one.to + 1, span.from - 1)
      if one and between:find("^%s*$") then
        one.to = span.to
        one.plain = one.plain .. "\n" .. text:sub(span.from, span.to)
      else
        one = { kind = "comment", type = "comment", plain = comment_text(text:sub(span.from, span.to)),
          path = { section }, from = span.from, to = span.to,
          write = comment_writer(text:sub(span.from, span.from)) }
        own[#own + 1] = one
      end
    end
    waiting = {}
    for _, comment in ipairs(own) do
      active[#active + 1] = comment.plain
      comment.comments, comment.comments_to = active, #active
      out[#out + 1] = comment
    end
  end
  local current = "DEFAULT"
  local ok, e = scan(text, file, {
    comment = function(from, to)
      waiting[#waiting + 1] = { from = from, to = to }
    end,
    section = function(name)
      active, current = {}, name
      flush(name, {})
    end,
    key = function(section, name, plain, from, to)
      out[#out + 1] = { kind = "value", type = "str", plain = plain, path = { section, name }, from = from, to = to,
        comments = active, write = writer(plain ~= text:sub(from, to) and text:sub(from, from)) }
      active = {}
      flush(section, {})
    end,
  })
  if not ok then
    return nil, e
  end
  flush(current, {})
  return out
end

--- The text as it can be encrypted: with comments above the names of sections, not behind them, where a bracket of
--- the encrypted comment would be taken for the end of the name. `sops` writes them there, too.
---@param text string
---@param file? string
---@return string? text
---@return prov.Err? err
function M.prepare(text, file)
  local edits, comment, problem = {}, nil, nil
  local ok, e = scan(text, file, {
    comment = function(from, to)
      comment = { from = from, to = to }
    end,
    section = function(name, at)
      if name == "" then
        problem = err.new("invalid", "a section has no name", { file = file,
          line = select(2, text:sub(1, at - 1):gsub("\n", "")) + 1 })
      elseif comment and comment.from > at then
        local head = text:sub(at, comment.from - 1):match("^%s*(.-)%s*$")
        edits[#edits + 1] = { from = at, to = comment.to, new = text:sub(comment.from, comment.to) .. "\n" .. head }
      end
    end,
    key = function() end,
  })
  if not ok or problem then
    return nil, e or problem
  end
  return yaml.apply(text, edits)
end

--- The metadata of a text, and the text without.
---@param text string
---@param file? string
---@return string? text
---@return table|prov.Err|nil meta
function M.extract(text, file)
  local found, cuts, open = {}, {}, nil
  local ok, e = scan(text, file, {
    comment = function() end,
    section = function(name, at)
      if open then
        open.to, open = at - 1, nil
      end
      if name == "sops" then
        open = { from = at, to = #text, new = "" }
        cuts[#cuts + 1] = open
      end
    end,
    key = function(section, name, plain)
      if section == "sops" then
        found[#found + 1] = { name, (plain:gsub("\\n", "\n")) }
      end
    end,
  })
  if not ok then
    return nil, e
  end
  for _, cut in ipairs(cuts) do
    if text:find("^\n\n", cut.from - 2) and cut.to == #text then -- the empty line before it
      cut.from = cut.from - 1
    end
  end
  return yaml.apply(text, cuts), #cuts > 0 and flatten.unflatten(found) or nil
end

--- The text with metadata.
---@param text string
---@param meta table
---@return string? text
---@return prov.Err? err
function M.attach(text, meta)
  local out = { text }
  if text ~= "" then
    out[2] = text:sub(-1) ~= "\n" and "\n\n" or "\n"
  end
  out[#out + 1] = "[sops]\n"
  for _, pair in ipairs(flatten.flatten(meta, "")) do
    out[#out + 1] = ("%s = %s\n"):format(pair[1], quote(nil, (pair[2]:gsub("\n", "\\n"))))
  end
  return table.concat(out)
end

--- The value of a text.
---@param text string
---@param file? string
---@return any
---@return prov.Err?
function M.value(text, file)
  local list, e = M.leaves(text, file)
  local out = {}
  for _, leaf in ipairs(list or {}) do
    if leaf.kind == "value" then
      out[leaf.path[1]] = out[leaf.path[1]] or {}
      out[leaf.path[1]][leaf.path[2]] = leaf.plain
    end
  end
  return list and out, e
end

--- The text with another value at a path.
---@param text string
---@param path (string|integer)[]
---@param v any nil deletes
---@return string? text
---@return prov.Err? err
function M.change(text, path, v)
  local section, name = path[1], path[2]
  if #path ~= 2 or type(section) ~= "string" or type(name) ~= "string" or name:find("[=:\n]")
    or type(v) == "table" and v ~= data.null then
    return err.fail("invalid", "INI has texts at [section].key only")
  end
  local new = v ~= nil and quote(nil, v == data.null and "" or tostring(v))
  if v ~= nil and not new then
    return err.fail("invalid", "%s.%s: INI has no way to write this text", section, name)
  end
  local found, behind = nil, section == "DEFAULT" and 1 or nil
  local ok, e = scan(text, nil, {
    comment = function() end,
    section = function(one, at)
      behind = one == section and (text:find("\n", at, true) or #text) + 1 or behind
    end,
    key = function(one, key, _, from, to, line, stop)
      if one == section then
        behind = stop + 1
        if key == name then
          found = new and { from = from, to = to, new = new } or { from = line, to = stop, new = "" }
        end
      end
    end,
  })
  if not ok then
    return nil, e
  elseif found then
    if new and found.to < found.from and not text:find("^%s", found.from - 1) then
      found.new = " " .. new
    end
    return yaml.apply(text, { found })
  elseif not new then
    return err.fail("notfound", "there is no %s.%s", section, name)
  end
  local line = ("%s = %s\n"):format(name, new)
  if not behind then
    return text .. (text == "" and "" or text:sub(-1) == "\n" and "\n" or "\n\n") .. "[" .. section .. "]\n" .. line
  end
  local before = text:sub(1, behind - 1)
  return before .. (before ~= "" and before:sub(-1) ~= "\n" and "\n" or "") .. line .. text:sub(behind)
end

return M
