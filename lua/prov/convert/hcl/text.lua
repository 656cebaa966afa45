--- Texts of HCL: escapes, ${...}, %{ if } and %{ for }, heredocs without their common blanks. Methods of the parser.

local M = {}

---@class prov.hcl.TextKind
---@field decode fun(token: prov.hcl.Token): string
---@field closing string the kind of token that ends it

local fail, describe

local Text = {}

local SIMPLE = { n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\" }

--- The characters between quotes with their escapes resolved.
local function unescape(token)
  local text = token.text
  if not text:find("[\\$%%]") then
    return text
  end
  local out, i = {}, 1
  while i <= #text do
    local c = text:sub(i, i)
    local plain = text:match("^[^\\$%%]+", i)
    if plain then
      out[#out + 1], i = plain, i + #plain
    elseif c == "\\" then
      local e = text:sub(i + 1, i + 1)
      local hex = e == "u" and text:match("^%x%x%x%x", i + 2) or e == "U" and text:match("^%x%x%x%x%x%x%x%x", i + 2)
      local code = hex and tonumber(hex, 16)
      if code and code <= 0x10FFFF then
        out[#out + 1], i = utf8.char(code), i + 2 + #hex
      elseif SIMPLE[e] then
        out[#out + 1], i = SIMPLE[e], i + 2
      else
        fail(token.at + i - 1, "there is no escape '\\%s' in a text", e:match("^[%g]$") or "?")
      end
    elseif text:sub(i, i + 2) == c .. c .. "{" then
      out[#out + 1], i = c .. "{", i + 3
    else
      out[#out + 1], i = c, i + 1
    end
  end
  return table.concat(out)
end

local function unescape_heredoc(token)
  return (token.text:gsub("([$%%])%1{", "%1{"))
end

--- An if or a for of a template, up to its end.
function Text:directive(open, plain)
  local head = self:peek()
  if head.kind == "name" and head.text == "if" then
    self:next()
    local node = { node = "tif", at = open.at, test = self:expression() }
    local close = self:expect("}", "behind the condition")
    local stop
    node.yes, stop = self:parts(plain, open, close.strip, { ["else"] = true, ["endif"] = true })
    if stop.word == "else" then
      node.no, stop = self:parts(plain, open, stop.strip, { ["endif"] = true })
    end
    return node, stop.strip
  elseif head.kind == "name" and head.text == "for" then
    self:next()
    local node = { node = "tfor", at = open.at }
    node.value = self:expect("name", "behind for").text
    if self:take(",") then
      node.key, node.value = node.value, self:expect("name", "behind the comma").text
    end
    if not self:word("in") then
      fail(self:peek().at, "expected 'in', as in %%{ for x in list }, found %s", describe(self:peek()))
    end
    self:next()
    node.over = self:expression()
    local close = self:expect("}", "behind the list")
    local stop
    node.body, stop = self:parts(plain, open, close.strip, { ["endfor"] = true })
    return node, stop.strip
  end
  fail(head.at, "expected if or for behind %%{, found %s", describe(head))
end

local function trim_start(text)
  return (text:gsub("^%s+", ""))
end

local function trim_end(text)
  local stop = text:match("^.*%S()")
  return stop and text:sub(1, stop - 1) or ""
end

--- The parts of a text up to what ends it: a token of kind `closing`, or a directive named in `ends`.
---@param plain { decode: fun(token: table): string, closing: string }
function Text:parts(plain, open, strip, ends)
  local out = {}
  while true do
    local token = self:next()
    if token.kind == "chars" then
      local text = plain.decode(token)
      text = strip and trim_start(text) or text
      if text ~= "" then
        out[#out + 1] = text
      end
      strip = strip and text == ""
    elseif token.kind == "${" or token.kind == "%{" then
      if token.strip and type(out[#out]) == "string" then
        out[#out] = trim_end(out[#out])
        out[#out] = out[#out] ~= "" and out[#out] or nil
      end
      local word = token.kind == "%{" and self:within(true, self.peek)
      if word and word.kind == "name" and ends and ends[word.text] then
        self:within(true, self.next)
        local close = self:within(true, self.expect, "}", "behind " .. word.text)
        return out, { word = word.text, strip = close.strip }
      elseif word then
        local node
        node, strip = self:within_directive(token, plain)
        out[#out + 1] = node
      else
        out[#out + 1] = self:within(true, self.expression)
        strip = self:within(true, self.expect, "}", "behind the expression").strip
      end
    elseif token.kind == plain.closing then
      if ends then
        fail(open.at, "this %%{ has no %%{ %s }", ends["endfor"] and "endfor" or "endif")
      end
      return out
    else
      fail(token.at, "%s is not expected in a text", describe(token))
    end
  end
end

function Text:within_directive(open, plain)
  local strip
  local node = self:within(true, function()
    local n
    n, strip = self:directive(open, plain)
    return n
  end)
  return node, strip
end

M.QUOTED = { decode = unescape, closing = "unquote" }
M.HEREDOC = { decode = unescape_heredoc, closing = "unheredoc" }
M.WHOLE = { decode = unescape_heredoc, closing = "end" }

--- The node of a text's parts.
function M.template(at, parts)
  if #parts == 0 then
    return { node = "lit", at = at, value = "" }
  elseif #parts == 1 and type(parts[1]) == "string" then
    return { node = "lit", at = at, value = parts[1] }
  end
  return { node = "template", at = at, parts = parts }
end

-- The tokens of a heredoc that are its own, not those of expressions in it: fun() -> token, what comes behind it.
local function heredoc_tokens(tokens, first)
  local i, depth = first - 1, 0
  return function()
    while true do
      i = i + 1
      local kind = tokens[i].kind
      if depth == 0 and kind == "unheredoc" then
        return nil
      end
      local opens = kind == "${" or kind == "%{" or kind == "{"
      depth = depth + (opens and 1 or kind == "}" and -1 or 0)
      if depth == (opens and 1 or 0) and kind ~= "}" then
        return tokens[i], tokens[i + 1].kind
      end
    end
  end
end

--- Takes the blanks that all lines of a <<- heredoc begin with out of its tokens.
function Text:flush(first)
  local least, begins = math.huge, true
  for token, behind in heredoc_tokens(self.tokens, first) do
    if token.kind ~= "chars" then
      least = begins and 0 or least
    else
      local text = begins and token.text or token.text:match("\n.*$") or ""
      for blanks, rest in text:gmatch("%f[^\n\0]([ \t]*)()") do
        local empty = text:sub(rest, rest) == "\n" or rest > #text and behind == "unheredoc"
        least = empty and least or math.min(least, #blanks)
      end
    end
    begins = false
  end
  if least == math.huge or least == 0 then
    return
  end
  local blanks = ("[ \t]"):rep(math.min(least, 100))
  begins = true
  for token in heredoc_tokens(self.tokens, first) do
    if token.kind == "chars" then
      local text = begins and token.text:gsub("^" .. blanks, "", 1) or token.text
      token.text = text:gsub("\n" .. blanks, "\n")
    end
    begins = false
  end
end

--- Gives a parser the methods that read texts.
---@param parser table its methods
---@param refuse fun(at: integer, fmt: string, ...) raises a problem
---@param show fun(token: prov.hcl.Token): string a token as messages have it
function M.install(parser, refuse, show)
  fail, describe = refuse, show
  for name, method in pairs(Text) do
    parser[name] = method
  end
end

return M
