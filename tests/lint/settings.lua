-- Settings that nothing reads or that no test changes, and reads of settings that are not declared.
-- usage: prov internal lua tests/lint/settings.lua   (from the root of the project)

local keys = require("prov.config.keys")

local read = {} -- key -> "file:line" of the first place
local undeclared = {}

local function note(key, file, line)
  read[key] = read[key] or ("%s:%d"):format(file, line)
  if not keys[key] then
    undeclared[#undeclared + 1] = ("%s:%d: there is no setting '%s'"):format(file, line, key)
  end
end

local files = assert(io.popen("git ls-files -co --exclude-standard lua providers taskservs clusters | grep '\\.lua$'"))
for file in files:lines() do
  local handle = io.open(file)
  local number = 0
  for line in handle and handle:lines() or function() end do
    number = number + 1
    local code = line:gsub("%-%-.*$", "")
    for group, name in code:gmatch("%f[%w_]settings%.([%w_]+)%.([%w_]+)") do
      note(group .. "." .. name, file, number)
    end
    for key in code:gmatch("config:get%(\"([%w_.]+)\"%)") do
      note(key, file, number)
    end
    for group in code:gmatch("%f[%w_]settings%.([%w_]+)%[") do -- a name that is computed: any of the group
      for key in pairs(keys) do
        if key:sub(1, #group + 1) == group .. "." then
          note(key, file, number)
        end
      end
    end
  end
  if handle then
    handle:close()
  end
end
files:close()

local bad = undeclared
for key in pairs(keys) do
  if not read[key] then
    bad[#bad + 1] = ("lua/prov/config/keys.lua: nothing reads the setting '%s'"):format(key)
  end
end
--- Read by code that tests reach, but with their defaults only: no new one comes here.
local DEFAULT_ONLY = {
  ["client.patience"] = true,
  ["orchestrator.kill_after"] = true,
  ["orchestrator.longest_retry"] = true,
  ["orchestrator.longest_wait"] = true,
  ["orchestrator.longest_worker_pause"] = true,
  ["orchestrator.made_up"] = true,
  ["orchestrator.page_reads"] = true,
  ["orchestrator.prune_every"] = true,
  ["orchestrator.retry"] = true,
  ["orchestrator.worker_start"] = true,
  ["ui.estimate_every"] = true,
  ["ui.refresh"] = true,
}

local tested = {}
files = assert(io.popen("git ls-files -co --exclude-standard tests | grep -v '^tests/lint/'"))
for file in files:lines() do
  local handle = io.open(file)
  tested[#tested + 1] = handle and handle:read("a")
  if handle then
    handle:close()
  end
end
files:close()
tested = table.concat(tested, "\n")
for key in pairs(keys) do
  local name = require("prov.config.layers").variable(key)
  local named = tested:find("%f[%w_.]" .. key:gsub("%p", "%%%0") .. "%f[^%w_]") or tested:find(name, 1, true)
  if not named and not DEFAULT_ONLY[key] then
    bad[#bad + 1] = ("lua/prov/config/keys.lua: no test changes the setting '%s'"):format(key)
  elseif named and DEFAULT_ONLY[key] then
    bad[#bad + 1] = ("tests/lint/settings.lua: '%s' has a test now"):format(key)
  end
end
table.sort(bad)
for _, line in ipairs(bad) do
  print(line)
end
local all = require("prov.config").open():names()
print(("%d settings, %d of them of prov itself; %d mistakes"):format(#all, (function()
  local n = 0
  for _ in pairs(keys) do
    n = n + 1
  end
  return n
end)(), #bad))
os.exit(#bad == 0)
