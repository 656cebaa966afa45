--- How many columns text takes on a terminal, and cutting it to fit.

local M = {}

-- First and last code point of what takes two columns (East Asian Wide and Fullwidth, emoji).
local WIDE = {
  0x1100, 0x115F, 0x231A, 0x231B, 0x2329, 0x232A, 0x23E9, 0x23EC, 0x23F0, 0x23F0, 0x23F3, 0x23F3,
  0x25FD, 0x25FE, 0x2614, 0x2615, 0x2648, 0x2653, 0x267F, 0x267F, 0x2693, 0x2693, 0x26A1, 0x26A1,
  0x26AA, 0x26AB, 0x26BD, 0x26BE, 0x26C4, 0x26C5, 0x26CE, 0x26CE, 0x26D4, 0x26D4, 0x26EA, 0x26EA,
  0x26F2, 0x26F3, 0x26F5, 0x26F5, 0x26FA, 0x26FA, 0x26FD, 0x26FD, 0x2705, 0x2705, 0x270A, 0x270B,
  0x2728, 0x2728, 0x274C, 0x274C, 0x274E, 0x274E, 0x2753, 0x2755, 0x2757, 0x2757, 0x2795, 0x2797,
  0x27B0, 0x27B0, 0x27BF, 0x27BF, 0x2B1B, 0x2B1C, 0x2B50, 0x2B50, 0x2B55, 0x2B55, 0x2E80, 0x303E,
  0x3041, 0x33FF, 0x3400, 0x4DBF, 0x4E00, 0x9FFF, 0xA000, 0xA4CF, 0xA960, 0xA97F, 0xAC00, 0xD7A3,
  0xF900, 0xFAFF, 0xFE10, 0xFE19, 0xFE30, 0xFE6F, 0xFF00, 0xFF60, 0xFFE0, 0xFFE6, 0x1F004, 0x1F004,
  0x1F0CF, 0x1F0CF, 0x1F18E, 0x1F18E, 0x1F191, 0x1F19A, 0x1F200, 0x1F320, 0x1F32D, 0x1F335,
  0x1F337, 0x1F37C, 0x1F37E, 0x1F393, 0x1F3A0, 0x1F3CA, 0x1F3CF, 0x1F3D3, 0x1F3E0, 0x1F3F0,
  0x1F3F4, 0x1F3F4, 0x1F3F8, 0x1F43E, 0x1F440, 0x1F440, 0x1F442, 0x1F4FC, 0x1F4FF, 0x1F53D,
  0x1F54B, 0x1F54E, 0x1F550, 0x1F567, 0x1F57A, 0x1F57A, 0x1F595, 0x1F596, 0x1F5A4, 0x1F5A4,
  0x1F5FB, 0x1F64F, 0x1F680, 0x1F6C5, 0x1F6CC, 0x1F6CC, 0x1F6D0, 0x1F6D2, 0x1F6D5, 0x1F6D7,
  0x1F6DC, 0x1F6DF, 0x1F6EB, 0x1F6EC, 0x1F6F4, 0x1F6FC, 0x1F7E0, 0x1F7EB, 0x1F90C, 0x1F93A,
  0x1F93C, 0x1F945, 0x1F947, 0x1F9FF, 0x1FA70, 0x1FAFF, 0x20000, 0x2FFFD, 0x30000, 0x3FFFD,
}

-- ... and of what takes none: combining marks, joiners, variation selectors.
local ZERO = {
  0x0300, 0x036F, 0x0483, 0x0489, 0x0591, 0x05BD, 0x05BF, 0x05BF, 0x05C1, 0x05C2, 0x05C4, 0x05C5,
  0x0610, 0x061A, 0x064B, 0x065F, 0x0670, 0x0670, 0x06D6, 0x06DC, 0x06DF, 0x06E4, 0x06E7, 0x06E8,
  0x06EA, 0x06ED, 0x0711, 0x0711, 0x0730, 0x074A, 0x0900, 0x0902, 0x093A, 0x093A, 0x093C, 0x093C,
  0x0941, 0x0948, 0x094D, 0x094D, 0x0E31, 0x0E31, 0x0E34, 0x0E3A, 0x0E47, 0x0E4E, 0x1AB0, 0x1AFF,
  0x1DC0, 0x1DFF, 0x200B, 0x200F, 0x202A, 0x202E, 0x2060, 0x2064, 0x20D0, 0x20FF, 0x302A, 0x302D,
  0x3099, 0x309A, 0xFE00, 0xFE0F, 0xFE20, 0xFE2F, 0xFEFF, 0xFEFF, 0xE0100, 0xE01EF,
}

local function within(ranges, code)
  local low, high = 1, #ranges // 2
  while low <= high do
    local mid = (low + high) // 2
    if code < ranges[2 * mid - 1] then
      high = mid - 1
    elseif code > ranges[2 * mid] then
      low = mid + 1
    else
      return true
    end
  end
  return false
end

local function of_code(code)
  if code < 0x300 then
    return 1
  end
  return within(ZERO, code) and 0 or within(WIDE, code) and 2 or 1
end

--- Makes text UTF-8: bytes that are not become question marks.
---@param text string
---@return string
function M.utf8(text)
  return utf8.len(text) and text or (text:gsub("[\128-\255]+", function(bytes)
    return utf8.len(bytes) and bytes or ("?"):rep(#bytes)
  end))
end

--- Makes text safe for a terminal: control characters and broken UTF-8 become visible.
---@param text string
---@return string
function M.clean(text)
  if not text:find("[%c\127-\255]") then
    return text
  end
  text = M.utf8(text):gsub("[%c\127]", function(byte)
    return byte == "\n" and "\\n" or byte == "\t" and "  " or byte == "\r" and "\\r" or ("\\x%02x"):format(byte:byte())
  end)
  return (text:gsub("\194[\128-\159]", "?")) -- C1 controls
end

--- The columns that clean text takes; escape sequences of colours take none.
---@param text string
---@return integer
function M.of(text)
  if text:find("\27", 1, true) then
    text = text:gsub("\27%[[%d;]*m", "")
  end
  if not text:find("[\128-\255]") then
    return #text
  end
  local sum = 0
  for _, code in utf8.codes(text, true) do
    sum = sum + of_code(code)
  end
  return sum
end

--- Cuts clean text to `columns`, with an ellipsis when something is lost.
---@param text string
---@param columns integer
---@return string
function M.cut(text, columns)
  if M.of(text) <= columns then
    return text
  elseif columns <= 0 then
    return ""
  end
  local sum, last = 0, 0
  for at, code in utf8.codes(text, true) do
    sum = sum + of_code(code)
    if sum > columns - 1 then
      break
    end
    last = at + #utf8.char(code) - 1
  end
  return text:sub(1, last) .. "…"
end

--- Cuts clean text to `columns` at its beginning: of an address, the end tells more.
---@param text string
---@param columns integer
---@return string
function M.cut_left(text, columns)
  if M.of(text) <= columns then
    return text
  elseif columns <= 0 then
    return ""
  end
  local first = 1
  while M.of(text:sub(first)) > columns - 1 do
    first = utf8.offset(text, 2, first)
  end
  return "…" .. text:sub(first)
end

--- Cuts or fills clean text to exactly `columns`.
---@param text string
---@param columns integer
---@return string
function M.fit(text, columns)
  text = M.cut(text, columns)
  return text .. (" "):rep(columns - M.of(text))
end

return M
