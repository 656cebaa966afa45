--- What a service is expected to have beside its API: /health, /ready, /metrics, /openapi.json.

local json = require("prov.json")
local log = require("prov.log")
local reply = require("prov.face.rest.reply")

local M = {}

M["/health"] = {
  summary = "Is the process alive?",
  description = "Answers as long as the process does.",
  media = "application/json",
  schema = { type = "object", required = { "status" }, properties = { status = { const = "ok" } } },
  answers = { [200] = "It is." },
  answer = function(_, request)
    return reply.json(request, 200, '{"status":"ok"}')
  end,
}

M["/ready"] = {
  summary = "Does it take work?",
  description = "For load balancers and supervisors: not ready while it is ending, or cannot write, or has no worker.",
  media = "application/json",
  schema = {
    type = "object",
    required = { "ready" },
    properties = { ready = { type = "boolean" }, reason = { type = "string" } },
  },
  answers = { [200] = "It does.", [503] = "It does not; `reason` says why." },
  answer = function(self, request)
    local o = self.orchestrator
    local why = o.draining and "it is ending" or o.broken and "the store cannot be written: " .. tostring(o.broken)
      or not o.pool:pick() and "no worker is ready" or nil
    return reply.json(request, why and 503 or 200, json.encode({ ready = not why, reason = why }))
  end,
}

M["/metrics"] = {
  summary = "Figures for Prometheus",
  description = "Counters and gauges in Prometheus' text format.",
  media = "text/plain",
  schema = { type = "string" },
  answers = { [200] = "The figures." },
  answer = function(self, request)
    self.orchestrator:gauges()
    self.orchestrator.metrics:set("prov_http_connections", self.server:connections())
    local text = self.orchestrator.metrics:text()
    return request:respond(200, { ["content-type"] = "text/plain; version=0.0.4; charset=utf-8" },
      request.method ~= "HEAD" and text or nil)
  end,
}

M["/openapi.json"] = {
  summary = "This API, described (OpenAPI 3.1)",
  description = "This document.",
  media = "application/json",
  schema = { type = "object" },
  answers = { [200] = "The document." },
  answer = function(self, request)
    self.openapi = self.openapi or json.encode(require("prov.face.rest.openapi").document(self.routes))
    return reply.json(request, 200, self.openapi)
  end,
}

--- The ui of operations that run in the orchestrator: what they say goes to the log.
---@return prov.Ui
function M.ui()
  local ui = {}
  for _, level in ipairs({ "info", "warn", "debug" }) do
    ui[level] = function(fmt, ...)
      log[level](select("#", ...) > 0 and fmt:format(...) or fmt)
    end
  end
  function ui.confirm()
    return true
  end
  function ui.show() end
  function ui.close() end
  return ui
end

return M
