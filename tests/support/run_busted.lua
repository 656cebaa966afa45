--- Runs busted inside prov: `prov internal lua tests/support/run_busted.lua SPEC ...`.
package.path = (os.getenv("PROV_ROOT") or ".") .. "/tests/support/?.lua;" .. package.path
local args = { ... }
arg = { [0] = "busted", table.unpack(args) }
local code = 0
local exit = os.exit
os.exit = function(status) -- busted ends the process; the runtime must close handles first
  code = status == true and 0 or status == false and 1 or status or 0
  error("busted done")
end
local ok, raised = pcall(function()
  require("busted.runner")({ standalone = false, output = "TAP" })
end)
os.exit = exit
if not ok and not tostring(raised):find("busted done", 1, true) then
  io.stderr:write(tostring(raised), "\n")
  return 1
end
return code
