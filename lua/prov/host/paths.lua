--- Paths that an op may remove.

local M = {}

local PROTECTED = {}
local NAMES = "/bin /boot /dev /etc /home /lib /lib64 /opt /proc /root /run /sbin /srv /sys /tmp /usr /var "
  .. "/var/lib /usr/bin /usr/lib"
for name in NAMES:gmatch("%S+") do
  PROTECTED[name] = true
end

--- Says why this is not removed: with `..` in it, a path is not where it seems to be.
---@param path string absolute
---@param tree? boolean true: everything in it would go too
---@return string? why
function M.kept(path, tree)
  local plain = ""
  for part in path:gmatch("[^/]+") do
    if part == ".." then
      return ("will not remove %s: the path has .. in it"):format(path)
    elseif part ~= "." then
      plain = plain .. "/" .. part
    end
  end
  if tree and (plain == "" or PROTECTED[plain]) then
    return "will not remove " .. path
  end
end

return M
