--- Takes a text/event-stream apart as it comes.

local M = {}

--- A function that takes bytes and calls on_event with each event that has become whole. A line is looked at
--- once, when its end has come: a result of many megabytes is one line.
---@param on_event fun(event: { id: string?, event: string?, data: string })
---@return fun(bytes: string)
function M.parser(on_event)
  local parts, event = {}, {} -- of the line, and of the event, that have not ended
  local function take(line)
    local name, value = line:match("^(%a*): ?(.*)$")
    if line == "" then
      if event.data then
        on_event(event)
      end
      event = {}
    elseif name == "data" then
      event.data = event.data and event.data .. "\n" .. value or value
    elseif name == "event" or name == "id" then
      event[name] = value
    end
  end
  return function(bytes)
    local at = 1
    while true do
      local stop = bytes:find("\n", at, true)
      parts[#parts + 1] = bytes:sub(at, (stop or 0) - 1)
      if not stop then
        return
      end
      local line = table.concat(parts)
      parts, at = {}, stop + 1
      take(line)
    end
  end
end

return M
