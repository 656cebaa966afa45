--- Host keys of servers whose provider does not tell them: the one that answers the first connection is kept, in a file
--- for each server of the provider (known_hosts/<id> in the folder of the state, in the form of OpenSSH's known_hosts),
--- and is the only one that is let in from then on.

local err = require("prov.err")
local fs = require("prov.fs")

local M = {}

--- The file of a server.
---@param state_dir string
---@param id string the id of the server at its provider
---@return string
function M.file(state_dir, id)
  local name = tostring(id):gsub("[^%w._-]", function(c)
    return ("%%%02X"):format(c:byte())
  end)
  return ("%s/known_hosts/%s"):format(state_dir, (name:gsub("^%.", "%%2E")))
end

--- The key that was kept, as "ssh-ed25519 AAAA..."; nil alone when there was no connection yet.
---@param file string
---@return string?, prov.Err?
function M.read(file)
  local text, e = fs.read(file)
  if not text then
    return nil, e.code ~= "notfound" and e or nil
  end
  local key = text:match("^%S+ (%S+ %S+)%s*\n")
  if not key then
    return nil, err.new("corrupt", file .. " holds no host key", {
      hint = "remove it: the next connection keeps the key that answers",
    })
  end
  return key
end

--- Forgets the key of a server that is gone.
---@param state_dir string
---@param id string
function M.forget(state_dir, id)
  return fs.remove(M.file(state_dir, id))
end

return M
