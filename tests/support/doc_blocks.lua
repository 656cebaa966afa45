--- The files a documentation page holds: fenced blocks that start with ```lang file=NAME.

local M = {}

--- Reads the page; returns name -> text.
---@param path string
---@return table<string, string>
function M.read(path)
  local page = assert(io.open(path))
  local files, name, lines = {}, nil, nil
  for line in page:lines() do
    if name and line == "```" then
      files[name] = table.concat(lines, "\n") .. "\n"
      name = nil
    elseif name then
      lines[#lines + 1] = line
    else
      name = line:match("^```%w+ file=(%S+)$")
      lines = {}
    end
  end
  page:close()
  return files
end

return M
