--- Servers that the specs of KMS backends ask: moto and Vault, which nobody here wrote, and prov's own vault.

local async = require("prov.async")
local http = require("prov.http")
local json = require("prov.json")
local uv = require("luv")

local M = {}

local function free_port()
  local tcp = uv.new_tcp()
  assert(tcp:bind("127.0.0.1", 0))
  local port = tcp:getsockname().port
  tcp:close()
  return port
end

local function start(program, args, port)
  local handle, pid = uv.spawn(program, { args = args, stdio = {}, hide = true }, function() end)
  assert(handle, pid)
  handle:unref()
  local url = "http://127.0.0.1:" .. port
  for _ = 1, 300 do
    local response = http.request({ url = url .. "/v1/sys/health", timeout = 1000 })
    if response then
      return url, function()
        handle:kill("sigterm")
        if not handle:is_closing() then
          handle:close()
        end
      end
    end
    async.sleep(100)
  end
  handle:kill("sigkill")
  error(program .. " does not answer")
end

--- moto's server; PROV_MOTO names a Python environment that has it.
---@async
---@return string url, fun() stop
function M.moto()
  local port = free_port()
  return start(os.getenv("PROV_MOTO") .. "/bin/moto_server", { "-H", "127.0.0.1", "-p", tostring(port) }, port)
end

M.ROOT = "prov-root-of-a-test"

--- `vault server -dev`; VAULT names the program.
---@async
---@return string url, fun() stop
function M.vault()
  local port = free_port()
  return start(os.getenv("VAULT"), { "server", "-dev", "-dev-no-store-token", "-dev-root-token-id=" .. M.ROOT,
    "-dev-listen-address=127.0.0.1:" .. port }, port)
end

--- `prov serve vault` with a transit engine; its data go with it.
---@async
---@return string url, fun() stop, string root the token of root
function M.prov_vault()
  local port, dir = free_port(), require("support.tmp").dir()
  local url, stop = start(uv.exepath(), { "serve", "vault", "--data", dir, "--listen", "127.0.0.1:" .. port }, port)
  local made = M.json("POST", url .. "/v1/sys/init", { secret_shares = 1, secret_threshold = 1 })
  M.json("POST", url .. "/v1/sys/unseal", { key = made.keys[1] })
  return url, stop, made.root_token
end

--- A port where connections are taken and never answered.
---@return integer port, fun() stop
function M.silent()
  local server, taken = uv.new_tcp(), {}
  assert(server:bind("127.0.0.1", 0))
  assert(server:listen(16, function()
    local client = uv.new_tcp()
    server:accept(client)
    taken[#taken + 1] = client
  end))
  return server:getsockname().port, function()
    for _, client in ipairs(taken) do
      client:close()
    end
    server:close()
  end
end

--- A port where nobody listens.
M.free_port = free_port

--- Asks with JSON, and raises what fails.
---@async
function M.json(method, url, body, headers)
  local response = assert(http.request({ method = method, url = url, headers = headers,
    body = body and assert(json.encode(body)) or nil }))
  assert(response.status < 300, method .. " " .. url .. ": " .. response.body)
  return response.body ~= "" and assert(json.decode(response.body)) or {}
end

return M
