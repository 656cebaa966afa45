--- A stand-in for services of AWS on loopback: answers what the test says, checks signatures, keeps what it was asked.

local http_server = require("prov.http_server")
local sigv4 = require("prov.sigv4")
local query = require("prov.aws.query")

local M = {}

--- Listens in the running task. `answer(request, operation, params)` gives status, body and headers; operation
--- and params only for what is signed (with the secret of `keys`), or is STS.
---@param answer fun(request: prov.http.Incoming, operation: string?, params: table?): integer, string, table?
---@param keys? table<string, string> secret keys by access key
---@return table server { url, port, calls }
function M.serve(answer, keys)
  local self = { calls = {} }
  self.server = assert(http_server.listen({}, function(request)
    local call = { method = request.method, path = request.path, headers = request.headers, body = request.body }
    self.calls[#self.calls + 1] = call
    local operation, params
    if request.body:find("^Action=") or request.headers["x-amz-target"] then
      local service = "sts"
      if request.headers.authorization then
        local who, e = sigv4.verify({ method = request.method, url = request.target, headers = request.headers,
          body = request.body }, {
          now = os.time(),
          secret_of = function(key)
            return keys and keys[key]
          end,
        })
        if not who then
          return request:respond(403, {}, assert(query.open("ec2"):encode_error(e.data.cloud_code, e.msg, "r-0")))
        end
        call.who, service = who, who.service == "elasticloadbalancing" and "elbv2" or who.service
      end
      operation, params = query.open(service):decode_request(request.body, request.headers)
      call.operation, call.params = operation, params
    end
    local status, body, headers = answer(request, operation, params, call)
    return request:respond(status, headers or {}, body)
  end))
  self.url = "http://127.0.0.1:" .. self.server.port
  self.port = self.server.port
  return setmetatable(self, {
    __close = function()
      self.server:close()
    end,
  })
end

return M
