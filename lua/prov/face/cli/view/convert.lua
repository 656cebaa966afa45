--- Converted files: the text of the only one, all with their names, or the names of what was written.

local M = {}

--- The text.
---@param value { files: { path: string, text: string }[], written: boolean, out: string? }
---@return string
function M.render(value)
  local out = {}
  for _, file in ipairs(value.files) do
    if value.written then
      out[#out + 1] = value.out .. "/" .. file.path .. "\n"
    elseif #value.files == 1 then
      out[#out + 1] = file.text
    else
      out[#out + 1] = ("%s== %s ==\n%s"):format(#out > 0 and "\n" or "", file.path, file.text)
    end
  end
  return table.concat(out)
end

return M
