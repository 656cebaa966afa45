--- Runs busted inside prov: `prov internal lua tests/support/run_busted.lua SPEC ...`.
-- Each run gets a private HOME, TMPDIR and working folder, and fails on what a test leaks.
-- Modules of this folder are `require("support.<name>")`.

local uv = require("luv")

local root = uv.fs_realpath(os.getenv("PROV_ROOT") or ".")
package.path = root .. "/tests/?.lua;" .. package.path
local tmp = require("support.tmp")

local args = { ... }
for i, value in ipairs(args) do
  args[i] = uv.fs_realpath(value) or value
end
local start_dir = uv.cwd()
local home = assert(uv.fs_mkdtemp("/tmp/prov-spec-XXXXXX"))
uv.fs_mkdir(home .. "/tmp", 448)
uv.fs_mkdir(home .. "/cwd", 448)
for name, value in pairs({
  PROV_ROOT = root,
  HOME = home,
  TMPDIR = home .. "/tmp",
  XDG_CONFIG_HOME = home .. "/.config",
  XDG_CACHE_HOME = home .. "/.cache",
  XDG_DATA_HOME = home .. "/.local/share",
  XDG_STATE_HOME = home .. "/.local/state",
  XDG_RUNTIME_DIR = home .. "/run",
  TZ = "UTC",
  LC_ALL = "C.UTF-8",
  NO_COLOR = "1",
}) do
  uv.os_setenv(name, value)
end
os.tmpname = function() -- the C library's would always be in /tmp
  local path = tmp.dir() .. "/file"
  assert(io.open(path, "w")):close()
  return path
end
uv.chdir(home .. "/cwd")

arg = { [0] = "busted", "--output=support.tap", "--helper=support.leak", table.unpack(args) }
local code = 0
local exit = os.exit
os.exit = function(status) -- busted ends the process; the runtime must close handles first
  code = status == true and 0 or status == false and 1 or status or 0
  error("busted done")
end
local ok, raised = pcall(function()
  require("busted.runner")({ standalone = false })
end)
os.exit = exit
uv.chdir(start_dir)
tmp.remove(home)
if not ok and not tostring(raised):find("busted done", 1, true) then
  io.stderr:write(tostring(raised), "\n")
  return 1
end
return code
