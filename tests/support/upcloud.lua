--- A strict stand-in for the UpCloud API for specs: it answers a list of exchanges in order, and any other request is a
-- failure of the spec.

local http_server = require("prov.http_server")
local json = require("prov.json")
local luassert = require("luassert")
local tmp = require("support.tmp")

local M = {}

--- Serves exchanges: { "POST /server", status, answer, body? }; the fields of `body`, when it is there, must be in the
--- request. Gives what has `url` and `check()`, which fails when something else was asked.
---@async
function M.serve(exchanges)
  local self = { n = 0, wrong = nil }
  local server = assert(http_server.listen({}, function(request)
    self.n = self.n + 1
    local one = exchanges[self.n]
    local what = ("%s %s%s"):format(request.method, request.path:gsub("^/1%.3", ""),
      request.query ~= "" and "?" .. request.query or "")
    local body = request.body ~= "" and json.decode(request.body) or nil
    if not one or one[1] ~= what then
      self.wrong = self.wrong or ("request %d is '%s', expected '%s'"):format(self.n, what, one and one[1] or "none")
      return request:respond(418, {}, "")
    elseif one[4] then
      local ok, why = pcall(luassert.same, one[4], body)
      self.wrong = self.wrong or not ok and ("%s: %s"):format(what, tostring(why)) or nil
    end
    local kind = one[2] >= 400 and "application/problem+json" or "application/json"
    request:respond(one[2], { ["Content-Type"] = kind }, one[3] and json.encode(one[3]) or "")
  end))
  self.url = ("http://127.0.0.1:%d"):format(server.port)

  function self.check()
    if self.wrong then
      error(self.wrong, 2)
    elseif self.n ~= #exchanges then
      error(("%d of %d requests came; next would be '%s'"):format(self.n, #exchanges, exchanges[self.n + 1][1]), 2)
    end
  end

  return setmetatable(self, { __close = function()
    server:close()
  end })
end

--- A server of exchanges, and a function that calls the provider: state | nil, err.
---@async
function M.open(exchanges)
  local api = M.serve(exchanges)
  local dir = tmp.dir()
  local workspace = { name = "spec", dir = dir, state_dir = dir .. "/.prov" }
  function workspace.user_key()
    return { public = "ssh-ed25519 AAAA spec" }
  end
  local providers = require("prov.provider").open(workspace, require("prov.registry").open(dir), {
    upcloud = { endpoint = api.url, token = "ucat_spec", zone = "fi-hel1", poll_every = 0.01 },
  })
  local contract = require("prov.contract")
  local function call(kind, verb, fields, ...)
    fields.address, fields.key = fields.address or kind .. ".web[1]", "k1"
    local args = table.pack(...)
    local at = verb == "create" and 1 or verb == "update" and 2
    if at then
      local declaration = assert(providers:declaration("upcloud"))
      args[at] = assert(contract.compile(declaration.resources[kind].schema):complete(args[at]))
    end
    return providers:call("upcloud", kind, verb, fields, table.unpack(args, 1, args.n))
  end
  return api, call
end

--- An error of the newer services, and one of the older ones.
function M.problem(code)
  return { type = "https://developers.upcloud.com/1.3/errors#ERROR_" .. code, title = code, status = 400 }
end

function M.error(code)
  return { error = { error_code = code, error_message = code } }
end

return M
