--- What the REST face takes and refuses, and that its errors say which part of the request they are about.

local input = require("prov.face.rest.input")
local json = require("prov.json")
local reply = require("prov.face.rest.reply")
local routes = require("prov.face.rest.routes")

local all = routes.new()

-- What a request comes to: parameters and options, or the problem as data.
local function ask(method, target, body, kind)
  local path, query = target:match("^([^?]*)%??(.*)$")
  local answer
  local request = {
    method = method, path = path, query = query, body = body or "",
    headers = { ["content-type"] = kind or "application/json" },
    respond = function(_, status, _, text)
      answer = json.decode(text)
      answer.status = status
      return true
    end,
  }
  local op, values = all:match(method, path)
  request.op = op
  local params, options, status = input.read(request, op, values)
  if params then
    return params, options
  end
  reply.problem(request, options, status)
  return nil, answer
end

-- The status of a refused request, and what its first error is about.
local function refused(...)
  local params, problem = ask(...)
  assert.is_nil(params)
  local first = problem.errors[1]
  return { problem.status, first.pointer or first.parameter or first.header }
end

local W = "/v1/workspaces/shop"

describe("the REST face", function()
  it("reads path, query and body", function()
    local params, options = ask("GET", W .. "/servers/web%5B1%5D")
    assert.same({ { name = "web[1]" }, { workspace = "shop" } }, { params, options })
    assert.same({ limit = 7, state = "done" }, (ask("GET", "/v1/jobs?limit=7&state=done")))
    assert.same({ "a", "b c" }, ask("DELETE", W .. "/state?addresses=a&addresses=b+c").addresses)
    params, options = ask("POST", W .. "/runs?priority=5&timeout=1.5", '{"target":["x"],"timeout":"1m30s"}')
    assert.same({ { "x" }, 90, true }, { params.target, params.timeout, params.refresh })
    assert.same({ workspace = "shop", priority = 5, timeout = 1.5 }, options)
    assert.is_true((ask("POST", W .. "/plans")).refresh)
    assert.is_nil((ask("POST", W .. "/plans")).out)
  end)

  it("points at what is wrong", function()
    for _, case in ipairs({
      { 400, "limit", "GET", "/v1/jobs?limit=0" },
      { 400, "limit", "GET", "/v1/jobs?limit=0x10" },
      { 400, "limit", "GET", "/v1/jobs?limit=%205" },
      { 400, "limit", "GET", "/v1/jobs?limit=99999999999999999999" },
      { 400, "limit", "GET", "/v1/jobs?limit=1&limit=2" },
      { 400, "state", "GET", "/v1/jobs?state=none" },
      { 400, "nothing", "GET", "/v1/jobs?nothing=1" },
      { 400, "secrets", "GET", W .. "/outputs?secrets=yes" },
      { 400, "accept", "GET", W .. "/drift?accept=true" },
      { 400, "addresses", "DELETE", W .. "/state" },
      { 400, "priority", "GET", "/v1/jobs?priority=1" },
      { 400, "/target/1", "POST", W .. "/runs", '{"target":["a",1]}' },
      { 400, "/refresh", "POST", W .. "/runs", '{"refresh":null}' },
      { 400, "/a~1b~0", "POST", W .. "/runs", '{"a/b~":1}' },
      { 400, "/out", "POST", W .. "/plans", '{"out":"plan.json"}' },
      { 400, "/id", "POST", W .. "/runs/last/retry", '{"id":"x"}' },
      { 400, "", "POST", W .. "/runs", "[]" },
      { 400, nil, "POST", W .. "/runs", "{" },
      { 400, nil, "POST", W .. "/runs", '{"target":["\xff"]}' },
      { 400, nil, "GET", "/v1/jobs?of=%zz" },
      { 400, nil, "GET", "/v1/jobs?of=%00" },
      { 400, nil, "GET", "/v1/jobs?of=%ff" },
      { 400, nil, "DELETE", W .. "/state?addresses=a", '{"force":true}' },
      { 400, nil, "GET", "/v1/jobs", "{}" },
      { 415, "content-type", "POST", W .. "/runs", "{}", "text/plain" },
    }) do
      assert.same({ case[1], case[2] }, refused(table.unpack(case, 3, 6)), case[3] .. " " .. case[4] .. (case[5] or ""))
    end
  end)

  it("tells every mistake of a body at once", function()
    local _, problem = ask("POST", "/v1/jobs", '{"operation":1,"priority":1000,"x":1}')
    local about = {}
    for i, one in ipairs(problem.errors) do
      about[i] = one.pointer
    end
    table.sort(about)
    assert.same({ "/operation", "/priority", "/x" }, about)
  end)
end)

describe("the OpenAPI document", function()
  local document = require("prov.face.rest.openapi").document(all)

  it("has every route, each with an id of its own", function()
    local count, ids = 0, {}
    for path, methods in pairs(document.paths) do
      for method, operation in pairs(methods) do
        assert.is_nil(ids[operation.operationId], operation.operationId)
        ids[operation.operationId] = true
        count = count + (path:match("^/v1/") and 1 or 0)
        if path:match("^/v1/") then
          assert.same({ { bearer = {} } }, operation.security)
        end
        for name in path:gmatch("{(%w+)}") do
          local found = false
          for _, parameter in ipairs(operation.parameters) do
            found = found or parameter.name == name and parameter["in"] == "path"
          end
          assert.is_true(found, method .. " " .. path)
        end
      end
    end
    assert.equal(#all.ops, count)
  end)

  it("says what a job takes and gives", function()
    local apply = document.paths["/v1/workspaces/{workspace}/runs"].post
    local schema = apply.requestBody.content["application/json"].schema
    assert.equal("string", schema.properties.on_failure.type)
    assert.same({ "stop", "continue", "rollback" }, schema.properties.on_failure.enum)
    assert.is_false(schema.additionalProperties)
    assert.equal("#/components/schemas/Outcome", apply.responses["200"].content["application/json"].schema["$ref"])
    assert.equal("#/components/responses/Accepted", apply.responses["202"]["$ref"])
    local names = {}
    for _, parameter in ipairs(apply.parameters) do
      names[parameter.name or parameter["$ref"]:match("[^/]+$")] = true
    end
    for _, name in ipairs({ "workspace", "Prefer", "Idempotency-Key", "job_priority", "job_timeout" }) do
      assert.is_true(names[name], name)
    end
  end)

  it("does not offer what is for the command line only", function()
    for _, parameter in ipairs(document.paths["/v1/workspaces/{workspace}/drift"].get.parameters) do
      assert.not_equal("accept", parameter.name)
    end
  end)

  it("refers to nothing that is not there, and keeps nothing that nobody refers to", function()
    local text = json.encode(document)
    for kind, list in pairs(document.components) do
      for name in pairs(kind ~= "securitySchemes" and list or {}) do
        assert.is_truthy(text:find(("#/components/%s/%s\""):format(kind, name), 1, true), name)
      end
    end
    for kind, name in text:gmatch('"#/components/(%w+)/([^"]+)"') do
      assert.is_table(document.components[kind][name], name)
    end
  end)
end)
