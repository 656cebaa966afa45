--- Tests by data that nobody here wrote, which is beside the project only where it is developed.

local fs = require("prov.fs")

local M = {}

--- Where that data is, if it is.
M.SHARED = os.getenv("PROV_SHARED") or (os.getenv("PROV_ROOT") or ".") .. "/../shared"

--- The judges in a folder of that data: read(name) -> text, and judged(name, fn), a test that is skipped without the
--- data.
---@param it function busted's
---@param skip fun(why: string) calls busted's `pending`, which is another one in each test
---@param folder string fixtures/aws
---@param probe string a file in it that is there when the data is
---@return fun(name: string): string? read
---@return fun(name: string, fn: function) judged
function M.of(it, skip, folder, probe)
  local path = M.SHARED .. "/" .. folder
  local function read(name)
    return fs.read(path .. "/" .. name)
  end
  local has_data = read(probe) ~= nil
  if not has_data then
    print(("SKIP what %s/%s judges"):format(path, probe))
  end
  return read, function(name, fn)
    it(name, function()
      if not has_data then
        return skip(("no %s/%s"):format(path, probe))
      end
      fn()
    end)
  end
end

return M
