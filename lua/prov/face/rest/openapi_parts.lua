--- What is said once in the description of the API, for all of its operations.

local app = require("core.app")
local data = require("core.data")

local M = {}

--- What an example is of each kind of name that is completed.
M.EXAMPLES = {
  workspace = "shop",
  server = "web-1",
  address = "server.web[1]",
  addresses = "server.web[1]",
  run = "last",
  provider = "demo",
  taskserv = "nginx",
  cluster = "web",
  config = "parallelism",
  lab = "shop",
}

M.WORKSPACE = {
  type = "string",
  complete = "workspace",
  doc = "The workspace: its name, or its folder with every / as %2F",
}

M.TAGS = {
  cluster = "Templates that become resources and task services.",
  config = "Settings and the layers they come from.",
  core = "The program, and what it thinks of a workspace.",
  infra = "From what the infra says to what there is: plan, apply, drift, destroy.",
  job = "Jobs: operations that wait, run, and are remembered.",
  lab = "Servers of the local provider on the machine of the orchestrator.",
  provider = "Providers, and what they can create.",
  queue = "How much waits and runs.",
  run = "Applies and destroys that were, are, and can be resumed or undone.",
  server = "Servers of a workspace.",
  service = "What a service has beside its API.",
  state = "What prov has recorded of a workspace.",
  taskserv = "Task services, and those on servers.",
  workspace = "Workspaces.",
}

--- One event of a stream.
M.EVENT = {
  type = "object",
  properties = {
    id = { type = "string", description = "For Last-Event-ID" },
    event = { type = "string", description = "What it is" },
    data = { type = "string", description = "JSON" },
  },
}

local function link(id)
  return { operationId = id, parameters = { id = "$response.body#/id" } }
end

M.JOB_LINKS = {
  show = link("job_show"),
  logs = link("job_logs"),
  events = link("job_events"),
  cancel = link("job_cancel"),
}

--- Answers every operation may give: status -> name of the response.
M.PROBLEMS = {
  ["400"] = "BadRequest",
  ["401"] = "Unauthorized",
  ["403"] = "Forbidden",
  ["404"] = "NotFound",
  ["409"] = "Conflict",
  ["413"] = "TooLarge",
  ["422"] = "Unprocessable",
  ["500"] = "ServerError",
  ["502"] = "BadGateway",
  ["503"] = "Unavailable",
  ["504"] = "GatewayTimeout",
}

local DESCRIPTION = [[
Every operation of prov that makes sense over a network. The same declarations make this document, the
command line and its help.

**Authentication.** `Authorization: Bearer TOKEN`; the token is in the file `token` of the orchestrator's
data folder. Over the Unix socket the same user needs none.

**Reading and changing.** GET answers at once, with an `ETag`. What changes something becomes a job: it is on
disk when `202 Accepted` comes back, and `Location` names it. With `Prefer: wait=SECONDS` (RFC 7240) the
answer is the operation's value, when it ends within that time. `Idempotency-Key` makes it safe to send a
request again: the same key gives the same job. `priority`, `delay`, `key`, `max_attempts` and `timeout` in
the query say how the job waits and runs.

**Errors** are problem details (RFC 9457): `code` is one of a closed list, `errors` has every single one,
with the `pointer` or `parameter` it is about. 400: the request is wrong; 422: the request is well formed,
and cannot be done.

**Pages.** Lists that can be long take `limit` and `cursor`; `Link: <...>; rel="next"` leads on.

**Events** are server-sent events. `Last-Event-ID` goes on behind the last one seen.
]]

--- Who and what.
function M.info()
  return {
    title = "prov orchestrator",
    version = app.version,
    summary = "Infrastructure automation: plan, apply and everything around it, as jobs",
    description = DESCRIPTION,
    contact = { name = "The prov authors" },
    license = { name = "MIT", identifier = "MIT" },
  }
end

--- The form of all errors.
function M.problem_schema()
  return {
    type = "object",
    description = "What went wrong (RFC 9457).",
    required = data.list({ "type", "title", "status", "detail", "code", "errors" }),
    properties = {
      type = { type = "string", description = "urn:prov:error:CODE", examples = data.list({ "urn:prov:error:usage" }) },
      title = { type = "string", description = "The status in words" },
      status = { type = "integer", description = "The HTTP status", minimum = 400, maximum = 599 },
      detail = { type = "string", description = "The first error in words" },
      code = { type = "string", description = "The code of the first error" },
      hint = { type = "string", description = "What to do" },
      errors = {
        type = "array",
        description = "Every error",
        minItems = 1,
        items = { ["$ref"] = "#/components/schemas/Error" },
      },
    },
  }
end

local function problem(description, headers)
  return {
    description = description,
    headers = headers,
    content = { ["application/problem+json"] = { schema = { ["$ref"] = "#/components/schemas/Problem" } } },
  }
end

local function responses()
  local accepted = {
    description = "A job was made, and is on disk.",
    headers = { Location = { ["$ref"] = "#/components/headers/Location" } },
    content = { ["application/json"] = { schema = { ["$ref"] = "#/components/schemas/Job" } } },
    links = M.JOB_LINKS,
  }
  return {
    Accepted = accepted,
    NotModified = {
      description = "It is what `If-None-Match` names.",
      headers = { ETag = { ["$ref"] = "#/components/headers/ETag" } },
    },
    BadRequest = problem("The request is wrong: a parameter, the body, its encoding."),
    Unauthorized = problem("The token is missing or wrong.", {
      ["WWW-Authenticate"] = { ["$ref"] = "#/components/headers/WWW-Authenticate" },
    }),
    Forbidden = problem("It is not allowed."),
    NotFound = problem("Something named does not exist."),
    MethodNotAllowed = problem("This method does not work here.", {
      Allow = { ["$ref"] = "#/components/headers/Allow" },
    }),
    Conflict = problem("Something stands against it: a lock, another use of the Idempotency-Key, its state."),
    PreconditionFailed = problem("It is no longer what `If-Match` names."),
    TooLarge = problem("Too large."),
    UnsupportedMediaType = problem("The body must be application/json."),
    Unprocessable = problem("The request is well formed, and cannot be done."),
    ServerError = problem("The machine or the program failed."),
    BadGateway = problem("A provider or a server gave an answer that makes no sense."),
    Unavailable = problem("Not now: too much at once, no worker, or the orchestrator is ending.", {
      ["Retry-After"] = { ["$ref"] = "#/components/headers/Retry-After" },
    }),
    GatewayTimeout = problem("It took too long."),
  }
end

local function header(description, schema, required)
  return { description = description, schema = schema, required = required }
end

local function headers()
  return {
    ETag = header("The version of the representation (RFC 9110).", { type = "string" }),
    Location = header("The path of the job.", { type = "string" }, true),
    Link = header('The next page, as `<...>; rel="next"` (RFC 8288); none on the last one.', { type = "string" }),
    Allow = header("Methods that work here.", { type = "string" }, true),
    ["Cache-Control"] = header("Events are not kept.", { type = "string" }),
    ["Retry-After"] = header("Seconds to wait.", { type = "integer", minimum = 0 }),
    ["WWW-Authenticate"] = header("How to authenticate (RFC 9110).", { type = "string" }, true),
  }
end

local function request_header(name, description, schema)
  return { name = name, ["in"] = "header", description = description, schema = schema }
end

local function parameters()
  return {
    Prefer = request_header("Prefer", "`wait=SECONDS`: answer with the value, when the job ends in time (RFC 7240).",
      { type = "string", examples = data.list({ "wait=30" }) }),
    ["Idempotency-Key"] = request_header("Idempotency-Key",
      "Makes it safe to send the request again, for a day: the same key with the same request gives the same job.",
      { type = "string", minLength = 1, maxLength = 200, pattern = "^[!-~]+$",
        examples = data.list({ "8e03978e-40d5-43dd-bc93-6894a57f9324" }) }),
    ["If-None-Match"] = request_header("If-None-Match", "An `ETag` from before: 304 when it is still the same.",
      { type = "string" }),
    ["If-Match"] = request_header("If-Match", "The `ETag` it must still have: 412 when it has another one.",
      { type = "string" }),
    ["Last-Event-ID"] = request_header("Last-Event-ID", "The id of the last event that was seen: goes on behind it.",
      { type = "string" }),
    ["Last-Event-Number"] = request_header("Last-Event-ID",
      "The id of the last event that was seen, a number: goes on behind it.",
      { type = "string", pattern = "^[0-9]{0,18}$", examples = data.list({ "17" }) }),
  }
end

--- What operations refer to, without the schemas.
---@return table
function M.components()
  return {
    securitySchemes = {
      bearer = {
        type = "http",
        scheme = "bearer",
        description = "The token is in the file `token` of the orchestrator's data folder.",
      },
    },
    parameters = parameters(),
    headers = headers(),
    responses = responses(),
  }
end

--- Drops what no operation refers to.
---@param components table
---@param text string the document as JSON
function M.prune(components, text)
  for _, kind in ipairs({ "parameters", "responses", "schemas" }) do
    for name in pairs(components[kind]) do
      if not text:find(('"#/components/%s/%s"'):format(kind, name), 1, true) then
        components[kind][name] = nil
      end
    end
  end
end

return M
