--- What prov's simulated clouds make of user data, in the form of cloud_init.py: `USER KEY...`, user data on standard
--- input.

local cloud_init = require("prov.simulate.cloud_init")
local data = require("core.data")
local json = require("prov.json")

local function lines(text)
  local out = data.list({})
  for line in text:gmatch("[^\n]+") do
    out[#out + 1] = line
  end
  table.sort(out)
  return out
end

local login = { user = arg[1], gecos = "Debian", keys = { table.unpack(arg, 2) } }
local accounts = cloud_init.accounts(login, io.read("a"))
local users = { root = { keys = lines(accounts.root) } }
for _, user in ipairs(accounts.users) do
  table.sort(user.groups)
  users[user.name] = {
    keys = lines(user.keys), groups = data.list(user.groups), sudo = data.list(user.sudo), gecos = user.gecos or "",
    home = user.home or "/home/" .. user.name, shell = user.shell or "/bin/sh", group = user.group or user.name,
  }
end
local host = accounts.host_key or {}
print(json.encode({ users = users, host = host.public or data.null, private = host.private or data.null }))
