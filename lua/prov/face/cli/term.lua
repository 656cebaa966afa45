--- What the terminal can do: is there one, how wide, colours.

local uv = require("luv")

local M = {}

---@class prov.Term
---@field tty boolean
---@field colors boolean
---@field color fun(style: string, text: string): string the text in a style, when there are colours
---@field bold fun(text: string): string
---@field width integer? columns; nil when the output is not a terminal
---@field height integer?

local SGR = { bold = "1", dim = "2", red = "31", green = "32", yellow = "33", blue = "34", magenta = "35", cyan = "36" }

local Term = {}
Term.__index = Term

local function size(fd)
  local width, height = require("core.app").window(fd)
  return width or 80, height and height > 0 and height or 24
end

--- Looks at a file descriptor (1 or 2).
---@param fd integer
---@param color? boolean false switches colours off, true on
---@return prov.Term
function M.open(fd, color)
  local term = setmetatable({ fd = fd, tty = uv.guess_handle(fd) == "tty" }, Term)
  if term.tty then
    term.width, term.height = size(fd)
  end
  local columns = math.tointeger(tonumber(os.getenv("COLUMNS") or ""))
  if columns and columns > 0 and term.tty then
    term.width = columns
  end
  local none = os.getenv("NO_COLOR")
  if color ~= nil then
    term.colors = color
  else
    term.colors = term.tty and (none == nil or none == "") and os.getenv("TERM") ~= "dumb"
  end
  function term.color(style, text)
    return term:paint(style, text)
  end
  function term.bold(text)
    return term:paint("bold", text)
  end
  return term
end

--- The size now: a window changes.
---@return integer width
---@return integer height
function Term:size()
  if self.tty then
    self.width, self.height = size(self.fd)
  end
  return self.width or 80, self.height or 24
end

--- The text in a style ("red", "bold", ...), when there are colours.
---@param style string
---@param text string
---@return string
function Term:paint(style, text)
  return self.colors and ("\27[%sm%s\27[0m"):format(SGR[style], text) or text
end

return M
