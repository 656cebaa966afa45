--- Counts what local servers leave on the machine: mounts, namespaces, cgroups, links, processes,
-- forwards and folders. What belongs to other labs does not count.

local fs = require("prov.fs")

local M = {}

local function lines(command)
  local pipe = assert(io.popen(command .. " 2>/dev/null"))
  local rows = {}
  for line in pipe:lines() do
    rows[#rows + 1] = line
  end
  pipe:close()
  return rows
end

--- Everything of a lab that is there, as a list of texts.
---@param lab string its name
---@param dir string the folder that holds labs
---@return string[]
function M.of(lab, dir)
  local found = {}
  local function add(kind, rows)
    for _, row in ipairs(rows) do
      found[#found + 1] = kind .. ": " .. row
    end
  end
  add("mount", lines(("grep -F '%s' /proc/self/mountinfo"):format(lab)))
  add("cgroup", lines(("find /sys/fs/cgroup -type d -path '*/prov/%s*'"):format(lab)))
  add("netns", lines(("ls -d /run/prov/netns/%s*"):format(lab)))
  add("link", lines("ip -o link | grep -E ': (br|ve)[0-9a-f]{8}'"))
  for _, row in ipairs(fs.list("/proc") or {}) do
    if row.name:find("^%d+$") then
      local command = fs.read(("/proc/%s/cmdline"):format(row.name)) or ""
      local mounts = fs.read(("/proc/%s/mountinfo"):format(row.name)) or ""
      if command:find(lab, 1, true) then
        add("process", { row.name .. " " .. command:gsub("%z", " ") })
      elseif mounts:find("/" .. lab .. "/", 1, true) then
        add("mounts of process", { row.name .. " " .. command:gsub("%z", " ") })
      end
    end
  end
  for _, row in ipairs(fs.list(dir) or {}) do
    found[#found + 1] = "folder: " .. row.name
  end
  return found
end

return M
