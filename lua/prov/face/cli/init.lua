--- The command line face. What a plain `prov help` does not need is loaded later, by name.

local M = {}

local function help(args)
  local screens = require("prov.face.cli.help")
  local code, text = screens.main(args)
  local out = code == 0 and io.stdout or io.stderr
  local columns = require("core.app").window(code == 0 and 1 or 2)
  text = columns and screens.fit(text, columns) or text
  return out:write(text) and out:flush() and code or 1
end

--- Runs one command line; returns the exit code.
---@param argv string[]
---@return integer
function M.main(argv)
  local first = argv[1]
  if first == nil or first == "help" or first == "--help" or first == "-h" then
    return help({ table.unpack(argv, 2) })
  end
  if first == "--version" then -- with more words behind; alone it never reaches Lua
    first = "version"
  end
  return require("prov.face.cli.dispatch").run({ first, table.unpack(argv, 2) })
end

return M
