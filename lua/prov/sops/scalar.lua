--- What a plain scalar of YAML is for SOPS, which reads it as go-yaml does: underscores and four bases in numbers,
--- times, and yes and no as texts.

local cipher = require("prov.sops.cipher")

local M = {}

local byte = string.byte

local WORDS = { [""] = "null", ["~"] = "null", null = "null", Null = "null", NULL = "null", ["true"] = "True",
  True = "True", TRUE = "True", ["false"] = "False", False = "False", FALSE = "False", [".inf"] = "+Inf",
  [".Inf"] = "+Inf", [".INF"] = "+Inf", ["+.inf"] = "+Inf", ["+.Inf"] = "+Inf", ["+.INF"] = "+Inf", ["-.inf"] = "-Inf",
  ["-.Inf"] = "-Inf", ["-.INF"] = "-Inf", [".nan"] = "NaN", [".NaN"] = "NaN", [".NAN"] = "NaN" }
local LONGEST_WORD = 5
local STARTS = {} -- bytes that numbers and times begin with
for char in ("0123456789.+-"):gmatch(".") do
  STARTS[char:byte()] = true
end
local KINDS = { null = "null", True = "bool", False = "bool" }
local BASES = { { "^0[bB]([01]+)$", 2 }, { "^0[oO]([0-7]+)$", 8 }, { "^0([0-7]+)$", 8 }, { "^0[xX](%x+)$", 16 },
  { "^([1-9]%d*)$", 10 }, { "^(0)$", 10 } }

-- An integer of 64 bits, or nil.
local function integer(text)
  local sign, rest = text:match("^([+-]?)(.*)$")
  for _, base in ipairs(BASES) do
    local digits = rest:match(base[1])
    if digits then
      local v = 0
      for digit in digits:gmatch(".") do
        local d = tonumber(digit, 16)
        if v > (math.maxinteger - d) // base[2] then
          return sign == "-" and base[2] == 10 and "-" .. digits == tostring(math.mininteger) and math.mininteger or nil
        end
        v = v * base[2] + d
      end
      return sign == "-" and -v or v
    end
  end
end

local function fraction(text)
  text = (text or ""):gsub("0+$", "")
  return text ~= "" and "." .. text or ""
end

-- A date, or a date with a time, as RFC 3339; nil when it is none.
local function time(text)
  local y, m, d, rest = text:match("^(%d%d%d%d)%-(%d%d?)%-(%d%d?)(.*)$")
  if not y or tonumber(m) < 1 or tonumber(m) > 12 or tonumber(d) < 1
    or tonumber(d) > os.date("!*t", os.time({ year = y, month = m + 1, day = 0, hour = 12 })).day then
    return nil
  end
  local date = ("%s-%02d-%02d"):format(y, m, d)
  if rest == "" and #m == 2 and #d == 2 or rest == "" then
    return date .. "T00:00:00Z"
  end
  local sep, h, min, s, part, zone = rest:match("^([Tt ])(%d%d?):(%d%d?):(%d%d?)%.?(%d*)(.*)$")
  if not sep or tonumber(h) > 23 or tonumber(min) > 59 or tonumber(s) > 59 then
    return nil
  elseif sep == " " and zone ~= "" or sep ~= " " and zone ~= "Z" and not zone:find("^[+-]%d%d:%d%d$") then
    return nil
  end
  zone = (zone == "" or zone == "+00:00" or zone == "-00:00") and "Z" or zone
  return ("%sT%02d:%02d:%02d%s%s"):format(date, h, min, s, fraction(part), zone)
end

--- True of a plain scalar that is a text at first sight, as most are.
---@param text string
---@return boolean
function M.is_text(text)
  return #text > LONGEST_WORD and not STARTS[byte(text)]
end

--- Type and bytes of a plain scalar.
---@param text string
---@return "str"|"int"|"float"|"bool"|"time"|"null" type
---@return string plain
function M.resolve(text)
  local word = #text <= LONGEST_WORD and WORDS[text]
  if word then
    return KINDS[word] or "float", word == "null" and "" or word
  elseif not STARTS[byte(text)] then
    return "str", text
  end
  local at = time(text)
  if at then
    return "time", at
  end
  local bare = text:gsub("_", "")
  local v = integer(bare)
  if v then
    return "int", ("%d"):format(v)
  elseif bare:find("^[+-]?%.%d+$") or bare:find("^[+-]?%.%d+[eE][+-]?%d+$") or bare:find("^[+-]?%d+%.?%d*$")
    or bare:find("^[+-]?%d+%.?%d*[eE][+-]?%d+$") then
    return "float", cipher.float(tonumber(bare) + 0.0)
  end
  return "str", text
end

return M
