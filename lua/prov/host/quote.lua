--- Quoting for POSIX shells, byte for byte.
--
-- A word in single quotes has no special bytes but the quote itself, in every POSIX shell and
-- locale. Bytes a shell variable cannot hold (NUL) travel as base64.

local M = {}

--- One shell word that stands for exactly these bytes.
---@param text string without NUL
---@return string
function M.word(text)
  if text:find("\0", 1, true) then
    error("a shell word cannot hold a NUL byte", 2)
  end
  if text:find("^[%w_./:@%%+,-]+$") then
    return text
  end
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- Several words.
---@param list string[]
---@return string
function M.words(list)
  local out = {}
  for i, text in ipairs(list) do
    out[i] = M.word(text)
  end
  return table.concat(out, " ")
end

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local DIGIT, VALUE = {}, {}
for i = 0, 63 do
  local c = ALPHABET:sub(i + 1, i + 1)
  DIGIT[i], VALUE[c:byte()] = c, i
end

--- base64 in lines of 76 characters.
---@param bytes string
---@return string
function M.base64(bytes)
  local out, n = {}, 0
  for at = 1, #bytes, 3 do
    local a, b, c = bytes:byte(at, at + 2)
    local bits = a << 16 | (b or 0) << 8 | (c or 0)
    n = n + 1
    out[n] = DIGIT[bits >> 18]
      .. DIGIT[bits >> 12 & 63]
      .. (b and DIGIT[bits >> 6 & 63] or "=")
      .. (c and DIGIT[bits & 63] or "=")
    if n % 20 == 19 then
      n = n + 1
      out[n] = "\n"
    end
  end
  return table.concat(out)
end

--- The bytes of base64 text; other characters are skipped.
---@param text string
---@return string
function M.unbase64(text)
  local out, bits, have = {}, 0, 0
  for at = 1, #text do
    local value = VALUE[text:byte(at)]
    if value then
      bits, have = bits << 6 | value, have + 6
      if have >= 8 then
        have = have - 8
        out[#out + 1] = string.char(bits >> have & 255)
        bits = bits & ((1 << have) - 1)
      end
    end
  end
  return table.concat(out)
end

-- Above this size a literal costs the shell more than one base64 process.
local LITERAL_MAX = 32768

--- A shell command that prints exactly these bytes. Without NUL it is a builtin: no process,
-- and nothing on a command line that others could see.
---@param bytes string
---@return string command
---@return boolean builtin true: no process prints them
function M.printer(bytes)
  if bytes == "" then
    return ":", true
  elseif #bytes <= LITERAL_MAX and not bytes:find("\0", 1, true) then
    return "printf '%s' " .. M.word(bytes), true
  end
  return "base64 -d <<'PROV64'\n" .. M.base64(bytes) .. "\nPROV64", false
end

return M
