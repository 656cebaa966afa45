--- Helper of busted: fails a spec file that leaves something behind.
-- Checked when the file is done: open handles of the event loop (those that keep it alive),
-- globals, working folder, environment, and files outside the run's TMPDIR and HOME.  The test
-- after which the thing first showed is named.

local busted = require("busted")
local uv = require("luv")
local app = require("core.app")

local function handles()
  collectgarbage()
  collectgarbage()
  uv.run("nowait") -- closing handles end here
  return app.handles()
end

local function globals()
  local names = {}
  for name in next, _G do
    names[tostring(name)] = true
  end
  return names
end

local function entries(dir)
  local names = {}
  local listing = uv.fs_scandir(dir)
  while listing do
    local name = uv.fs_scandir_next(listing)
    if not name then
      break
    end
    names[dir .. "/" .. name] = true
  end
  return names
end

local function snapshot()
  return {
    handles = handles(),
    globals = globals(),
    cwd = uv.cwd(),
    env = uv.os_environ(),
    files = entries(uv.cwd()),
  }
end

--- What is in `now` and not in `before`, as sentences.
local function differences(before, now)
  local found = {}
  local function add(fmt, ...)
    found[#found + 1] = fmt:format(...)
  end
  for kind, count in pairs(now.handles) do
    if count > (before.handles[kind] or 0) then
      add("%d open %s handle(s)", count - (before.handles[kind] or 0), kind)
    end
  end
  for name in pairs(now.globals) do
    if not before.globals[name] then
      add("new global '%s'", name)
    end
  end
  if now.cwd ~= before.cwd then
    add("working folder changed to %s", now.cwd)
  end
  for name, value in pairs(now.env) do
    if before.env[name] ~= value then
      add("environment variable %s changed", name)
    end
  end
  for name in pairs(before.env) do
    if now.env[name] == nil then
      add("environment variable %s removed", name)
    end
  end
  for path in pairs(now.files) do
    if not before.files[path] then
      add("file %s left behind", path:match("[^/]*$"))
    end
  end
  table.sort(found)
  return found
end

local before
local first_seen = {} -- sentence -> name of the test
local last_test

local function note()
  if last_test then
    for _, text in ipairs(differences(before, snapshot())) do
      first_seen[text] = first_seen[text] or last_test
    end
  end
end

local function file_start()
  before, first_seen, last_test = snapshot(), {}, nil
  return nil, true
end

local function test_start(element)
  note()
  last_test = element.name
  return nil, true
end

local function file_end(file)
  note()
  for _, text in ipairs(differences(before, snapshot())) do
    local where = first_seen[text] and (" (first seen after '%s')"):format(first_seen[text]) or ""
    busted.publish({ "error" }, { descriptor = "leak", name = "leak: " .. text .. where, trace = file.trace or {} },
      nil, text, {})
  end
  return nil, true
end

busted.subscribe({ "file", "start" }, file_start)
busted.subscribe({ "test", "start" }, test_start)
busted.subscribe({ "file", "end" }, file_end)
