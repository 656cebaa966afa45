--- What more than one operation gives: named schemas (contract notation) for `result.schema` of
-- declarations. OpenAPI shows each as a component of its own.

local M = {}

local function required(type_name, doc, more)
  local field = more or {}
  field.type, field.required, field.doc = type_name, true, doc
  return field
end

--- One field that differs.
M.change = {
  path = required("string", "The field, such as disks[2].size"),
  before = { type = "any", doc = "Its value before; absent when there was none" },
  after = { type = "any", doc = "Its value after; absent when it goes" },
  unknown = { type = "any", doc = "The value is known only after the apply" },
  secret = { type = "bool", doc = "The values are secret and not shown" },
  replace = { type = "bool", doc = "The change replaces the resource" },
  outside = { type = "bool", doc = "It was changed outside of prov" },
  type = { type = "string", doc = "What kind of change it is" },
}

local changes = { type = "list", of = { type = "record", fields = M.change }, doc = "Fields that differ" }

--- What a rule of `prov validate` found.
M.finding = {
  rule = required("string", "Its rule"),
  severity = required("enum", "How bad it is", { one_of = { "error", "warning", "note" } }),
  category = required("string", "Group of the rule"),
  message = required("string", "What is wrong"),
  hint = { type = "string", doc = "What to do" },
  address = { type = "string", doc = "The resource or taskserv" },
  more = { type = "int", doc = "Further instances with the same mistake" },
  path = { type = "string", doc = "The field, from the root of the file" },
  file = { type = "string", doc = "Where it is" },
  line = { type = "int", doc = "Line in the file" },
  column = { type = "int", doc = "Column in the line" },
  related = { type = "list", of = { type = "map" }, doc = "What else it is about: address, file, line" },
  fix = { type = "list", of = { type = "map" }, doc = "Edits of --fix: file, path, value" },
  ignored = { type = "string", doc = "Why it does not count, as the resource says" },
}

--- A secret in plain text.
M.leak = {
  rule = required("string", "What it is"),
  severity = required("enum", "How bad it is", { one_of = { "error" } }),
  category = required("string", "Group of the rule"),
  message = required("string", "What it is, in words"),
  hint = { type = "string", doc = "What to do" },
  secret = { type = "string", doc = "Its first characters and its length" },
  hash = required("string", "Its name in the baseline"),
  file = required("string", "Where it is"),
  line = required("int", "Line in the file"),
  column = required("int", "Column in the line, in bytes"),
  where = required("enum", "In files of now, or only in the history", { one_of = { "files", "history" } }),
  count = required("int", "At how many places it was seen"),
  commit = { type = "string", doc = "The oldest commit that added it" },
  date = { type = "string", doc = "When that was written" },
  author = { type = "string", doc = "Who wrote that" },
  ignored = { type = "string", doc = "Why it does not count, as the baseline says" },
}

--- One error, as in the list of a problem.
M.error = {
  code = required("string", "Its code: usage, notfound, conflict, unavailable, ..."),
  msg = required("string", "What is wrong"),
  hint = { type = "string", doc = "What to do" },
  file = { type = "string", doc = "Where it is, when it is in a file" },
  line = { type = "int", doc = "Line in the file" },
  column = { type = "int", doc = "Column in the line" },
  path = { type = "string", doc = "The value it is about, from the root of its file: servers.web.disks[2].size" },
  expected = { type = "string", doc = "What a contract wants there" },
  found = { type = "string", doc = "What is there" },
  declared = {
    type = "record",
    fields = {
      file = { type = "string", doc = "The file of the extension" },
      line = { type = "int", doc = "The line in it" },
      of = { type = "string", doc = "Whose contract it is" },
      field = { type = "string", doc = "The field of the contract" },
    },
    doc = "Where the contract says so",
  },
  pointer = { type = "string", doc = "The field of the body it is about: a JSON pointer (RFC 6901)" },
  parameter = { type = "string", doc = "The parameter of path or query it is about" },
  header = { type = "string", doc = "The header it is about" },
  data = { type = "any", doc = "More, for programs" },
  cause = { type = "any", doc = "The error behind it, of the same form" },
}

local errors = { type = "list", of = { type = "record", fields = M.error } }

--- A job of the orchestrator.
M.job = {
  id = required("string", "Its id; sorts by time of creation", { example = "j01a21c5479530000" }),
  operation = required("string", "What it runs", { example = "apply" }),
  workspace = { type = "string", doc = "The workspace it is for" },
  state = required("enum", "Where it stands; dead: could not be brought to an end", {
    one_of = { "waiting", "running", "done", "failed", "canceled", "dead" },
  }),
  priority = required("int", "-100 to 100; higher goes first"),
  created = required("string", "When it was taken", { example = "2026-11-27T09:30:00.123Z" }),
  run_at = { type = "string", doc = "It waits until then" },
  started = { type = "string", doc = "When it began last" },
  ended = { type = "string", doc = "When it ended" },
  attempts = required("int", "How often it was begun"),
  max_attempts = required("int", "How often it is tried while it fails for passing reasons"),
  exit_code = { type = "int", doc = "Exit code of the operation" },
  key = { type = "string", doc = "While it has not ended, no other job is made with this key" },
  schedule = { type = "string", doc = "The schedule that made it" },
  reason = { type = "string", doc = "Why it failed or is dead" },
  params = { type = "any", doc = "Parameters of the operation" },
  timeout = { type = "number", doc = "Seconds after which it is cancelled" },
  result = { type = "any", doc = "What the operation gave" },
  errors = errors,
}
errors.doc = "Why it failed"

--- A plan, as people and tools see it.
local checks = {
  type = "list",
  of = {
    type = "record",
    fields = {
      name = required("string", "Its name"),
      status = required("string", "passed, failed, or unknown before an apply"),
      message = { type = "string", doc = "What it says when it fails" },
      severity = { type = "string", doc = "warning or error" },
    },
  },
  doc = "Checks of the infra",
}

M.plan = {
  checks = checks,
  version = required("int", "Version of the format"),
  prov = { type = "string", doc = "Version of prov that made it" },
  workspace = { type = "string", doc = "The workspace it is for" },
  revision = required("int", "Revision of the state it was made from"),
  hash = { type = "string", doc = "SHA-256 that binds a saved plan to its content" },
  out = { type = "string", doc = "The file it was saved to" },
  counts = required("map", "Number of steps by action", { of = { type = "int" } }),
  target = { type = "any", doc = "What it was limited to" },
  moves = {
    type = "list",
    of = {
      type = "record",
      fields = {
        from = { type = "string", doc = "Address before" },
        to = { type = "string", doc = "Address after" },
      },
    },
    doc = "What gets another address",
  },
  imports = {
    type = "list",
    of = {
      type = "record",
      fields = {
        address = { type = "string", doc = "Its address" },
        id = { type = "string", doc = "What its provider calls it" },
        provider = { type = "string", doc = "Its provider" },
      },
    },
    doc = "What exists already and is recorded",
  },
  removed = { type = "list", of = { type = "string" }, doc = "What prov lets go of, and leaves" },
  changed = { type = "bool", doc = "There is something to do" },
  detailed = { type = "bool", doc = "As asked with detailed_exitcode" },
  steps = required("list", "What is to be done", {
    of = {
      type = "record",
      fields = {
        id = required("string", "Action and address"),
        address = required("string", "Of what", { example = "server.web[1]" }),
        kind = { type = "string", doc = "Kind of resource" },
        action = required("string", "create, update, replace, delete, install, remove, ..."),
        provider = { type = "string", doc = "Provider of the resource" },
        name = { type = "string", doc = "Name of the task service" },
        reason = { type = "string", doc = "Why, where it is not plain" },
        replaces = { type = "bool", doc = "The old one is deleted" },
        needs = { type = "list", of = { type = "string" }, doc = "Ids of steps that come before" },
        changes = changes,
        drift = {
          type = "list",
          of = {
            type = "record",
            fields = {
              op = { type = "string", doc = "Host operation" },
              title = { type = "string", doc = "What it is about" },
              diff = { type = "string", doc = "What would change" },
            },
          },
          doc = "What differs on the host",
        },
        estimate_ms = { type = "int", doc = "How long it took before" },
      },
    },
  }),
}

local failures = {
  type = "list",
  of = {
    type = "record",
    fields = {
      step = { type = "string", doc = "Id of the step" },
      address = { type = "string", doc = "Of what" },
      error = { type = "string", doc = "What went wrong" },
      code = { type = "string", doc = "Code of the error" },
      hint = { type = "string", doc = "What to do" },
    },
  },
  doc = "Steps that failed, and why",
}

--- What an apply, a destroy or a rollback came to.
M.outcome = {
  checks = checks,
  run = { type = "string", doc = "Id of the run; none when there was nothing to do" },
  status = required("enum", "How it ended", { one_of = { "done", "failed", "interrupted" } }),
  error = { type = "record", fields = M.error, doc = "Why it was ended before its steps were done" },
  changed = required("bool", "There was something to do"),
  destroy = { type = "bool", doc = "It deleted everything" },
  counts = { type = "map", of = { type = "int" }, doc = "Number of steps by action" },
  imported = { type = "int", doc = "Resources that were taken over" },
  moved = { type = "int", doc = "Resources that got another address" },
  let_go = { type = "int", doc = "Resources that prov no longer has, and that stay" },
  done = required("int", "Steps that were done"),
  failed = required("int", "Steps that failed"),
  canceled = { type = "int", doc = "Steps that were cancelled" },
  skipped = required("int", "Steps that were not begun"),
  failures = failures,
  outputs = { type = "any", doc = "Outputs of the infra" },
  ms = { type = "int", doc = "Milliseconds it took" },
  rollback = {
    type = "record",
    fields = {
      run = { type = "string", doc = "Id of the run that undid it" },
      status = { type = "string", doc = "How that ended" },
      done = { type = "int", doc = "Steps that were done" },
      failures = failures,
    },
    doc = "What became of undoing it, with on_failure = rollback",
  },
}

--- Differences between two states.
M.state_diff = {
  from = required("int", "Revision"),
  to = required("int", "Revision"),
  changes = required("list", "What differs", {
    of = {
      type = "record",
      fields = {
        address = required("string", "Of what"),
        change = required("enum", "What became of it", { one_of = { "added", "removed", "changed" } }),
        changes = changes,
      },
    },
  }),
}

--- How the world differs from the record.
M.drift = {
  accepted = required("bool", "It was made the record"),
  changes = required("list", "What differs", {
    of = {
      type = "record",
      fields = {
        address = required("string", "Of what"),
        status = required("enum", "gone, changed, or a task service that drifted", {
          one_of = { "gone", "changed", "drifted" },
        }),
        changes = changes,
        ops = { type = "list", of = { type = "string" }, doc = "Host operations that would change something" },
        detail = { type = "string", doc = "Why, in words" },
      },
    },
  }),
}

--- A record of the state in a list.
M.record = {
  address = required("string", "Its address", { example = "server.web[1]" }),
  kind = required("string", "Kind of resource, or taskserv"),
  provider = { type = "string", doc = "Its provider" },
  id = { type = "string", doc = "What its provider calls it" },
}

--- A server in a list.
M.server = {
  name = required("string", "Its name"),
  address = required("string", "Its address", { example = "server.web[1]" }),
  provider = { type = "string", doc = "Its provider" },
  id = { type = "string", doc = "What its provider calls it" },
  ip = { type = "string", doc = "Its IP address" },
  status = required("string", "What it does: created, running, stopped, half made, ..."),
  ssh = { type = "string", doc = "user@host:port" },
}

--- What an edit of the infra's files changed.
M.infra_edit = {
  path = required("string", "Where in the infra", { example = "servers.web.plan" }),
  before = { type = "any", doc = "What its file said" },
  after = { type = "any", doc = "What it says now; absent when it was taken out" },
  file = required("string", "The file"),
}

--- A list of a provider's catalog.
M.catalog = {
  list = required("string", "plans, zones, images, prices or quotas"),
  provider = required("string", "Whose"),
  rows = required("list", "Its entries", { of = { type = "map" } }),
  searched = { type = "bool", doc = "Only rows with the words that were asked for" },
  currency = { type = "string", doc = "Of the prices" },
  as_of = { type = "string", doc = "The day of the prices, when they stand in a file" },
  source = { type = "string", doc = "Where they were read" },
  note = { type = "string", doc = "What the prices are, and what is not in them" },
}

--- What things cost.
M.cost = {
  rows = required("list", "Resources that have a price", { of = { type = "record", fields = {
    address = required("string", "Its address"),
    plan = { type = "string", doc = "Its plan" },
    before = required("number", "What it costs in a month now"),
    month = required("number", "What it will cost in a month"),
    hour = required("number", "The same in an hour"),
    change = required("number", "More or less in a month than now"),
    currency = required("string", "Of these"),
    lacking = {
      type = "list", of = { type = "string" },
      doc = "Parts of it that cost something nobody knows, and that are not in these",
    },
  } } }),
  totals = required("list", "Of each currency", { of = { type = "record", fields = {
    currency = required("string", "The currency"),
    before = required("number", "A month now"),
    month = required("number", "A month then"),
    hour = required("number", "An hour then"),
    change = required("number", "The difference in a month"),
  } } }),
  unpriced = required("list", "Addresses without a price", { of = { type = "string" } }),
  free = required("list", "Addresses of what costs nothing", { of = { type = "string" } }),
  notes = required("list", "What the prices are, and what is not in them", { of = { type = "string" } }),
  as_of = required("list", "Days of the prices that stand in files", { of = { type = "string" } }),
}

--- Something that exists and was, or may be, taken over.
M.imported = {
  address = required("string", "Its address"),
  id = { type = "string", doc = "What its provider calls it" },
  provider = { type = "string", doc = "Its provider" },
  status = {
    type = "string",
    doc = "imported; known: it was prov's already; none: nothing came of its interrupted creation",
  },
  differs = { type = "list", of = { type = "string" }, doc = "Fields in which it differs from the infra" },
}

--- A run that ended, or is open, as it is written down; times are seconds since 1970.
M.run = {
  id = required("string", "Its id", { example = "run-20261127T092647Z-e5c19e" }),
  what = required("string", "apply, destroy, rollback, ..."),
  status = required("string", "open, done, failed or interrupted"),
  started = required("int", "When it began: seconds since 1970"),
  ended = { type = "int", doc = "When it ended: seconds since 1970" },
  ms = { type = "int", doc = "Milliseconds it took, whatever the clock did" },
  number = { type = "int", doc = "Its place in the order of runs, whatever the clock did" },
  revision = { type = "int", doc = "Revision of the state before" },
  after = { type = "int", doc = "Revision of the state after" },
  target = { type = "int", doc = "The revision a rollback goes back to" },
  steps = { type = "int", doc = "Steps of its plan" },
  failed = { type = "int", doc = "Steps that failed" },
  skipped = { type = "int", doc = "Steps that were not begun" },
  failures = failures,
  error = { type = "record", fields = M.error, doc = "Why it was ended before its steps were done" },
  left = { type = "any", doc = "What it left undone" },
}

--- An extension in a list.
M.extension_row = {
  name = required("string", "Its name"),
  summary = { type = "string", doc = "What it is" },
  category = { type = "string", doc = "Its category" },
  path = required("string", "The file it is loaded from"),
}

local rows = {
  type = "list",
  of = {
    type = "record",
    fields = {
      name = required("string", "Name; fields of records as a.b, of lists as a[].b"),
      type = required("string", "Type in words"),
      required = { type = "bool", doc = "It must be given" },
      default = { type = "any", doc = "Its value when it is not given" },
      replace = { type = "bool", doc = "Changing it replaces the resource" },
      secret = { type = "bool", doc = "It is kept secret" },
      doc = { type = "string", doc = "What it says" },
      example = { type = "any", doc = "A value" },
    },
  },
}

local function described(doc)
  return { type = rows.type, of = rows.of, doc = doc }
end

--- Everything an extension declares.
M.extension = {
  kind = required("enum", "What it is", { one_of = { "provider", "taskserv", "cluster" } }),
  name = required("string", "Its name"),
  summary = { type = "string", doc = "What it is for" },
  description = { type = "string", doc = "More of it" },
  category = { type = "string", doc = "Its category" },
  path = { type = "string", doc = "The file it is loaded from" },
  needs = { type = "list", of = { type = "string" }, doc = "Task services that come before" },
  conflicts = { type = "list", of = { type = "string" }, doc = "Task services that must not be beside it" },
  platforms = { type = "list", of = { type = "string" }, doc = "Systems it works on" },
  limits = { type = "any", doc = "Rate and concurrency of a provider" },
  catalog = { type = "any", doc = "What a provider offers: plans, zones, images, prices" },
  config = described("Settings of a provider"),
  resources = {
    type = "map",
    of = {
      type = "record",
      fields = { fields = described("Its fields"), outputs = described("What is known of it once it is made") },
    },
    doc = "What a provider can create, by kind",
  },
  fields = described("Arguments of a taskserv or cluster"),
  outputs = described("Values it gives"),
}

--- What was done with a task service on a server.
M.installed = {
  address = required("string", "taskserv.NAME@server"),
  status = required("string", "How it went"),
  changed = { type = "int", doc = "Host operations that changed something" },
  ok = { type = "int", doc = "Host operations that had nothing to do" },
}

--- A named schema with more fields, or others.
---@param name string
---@param fields table<string, prov.Field>
---@return table<string, prov.Field>
function M.with(name, fields)
  local out = {}
  for key, field in pairs(M[name]) do
    out[key] = fields[key] or field
  end
  for key, field in pairs(fields) do
    out[key] = field
  end
  return out
end

--- A schedule of the orchestrator.
M.schedule = {
  name = required("string", "Its name"),
  cron = required("string", "When, as it was given"),
  zone = required("string", "Time zone of the times"),
  words = required("string", "When, in words"),
  missed = required("enum", "What becomes of missed times", { one_of = { "skip", "once", "all" } }),
  overlap = required("enum", "When the job before has not ended", { one_of = { "skip", "allow" } }),
  paused = required("bool", "It makes no jobs for now"),
  operation = required("string", "What it runs"),
  workspace = { type = "string", doc = "The workspace it is for" },
  params = { type = "map", of = { type = "any" }, doc = "Parameters of the operation" },
  priority = { type = "int", doc = "Of its jobs" },
  max_attempts = { type = "int", doc = "Of its jobs" },
  timeout = { type = "number", doc = "Seconds a job may take" },
  version = required("int", "Grows with each change; its entity tag"),
  next = { type = "string", doc = "Its next time" },
  times = { type = "list", of = { type = "string" }, doc = "Its next times" },
  last = { type = "string", doc = "The last time it made a job for" },
  last_job = { type = "string", doc = "The job it made last" },
  last_error = { type = "string", doc = "Why it could make none the last time" },
  skipped = required("int", "Times left out because the job before had not ended"),
}

--- A run of a workflow with its steps.
M.workflow_run = {
  id = required("string", "The run"),
  workflow = required("string", "What it is a run of"),
  status = required("string", "Where it stands"),
  error = { type = "string", doc = "Why it failed" },
  started = required("string", "When it began"),
  ended = { type = "string", doc = "When it ended" },
  owner = { type = "string", doc = "Who works on it" },
  outputs = { type = "any", doc = "Its outputs" },
  unknown = { type = "list", of = { type = "string" }, doc = "Steps nobody knows the end of" },
  workspace = required("string", "The workspace that owns it"),
  dir = required("string", "Its folder"),
  steps = { type = "list", required = true, of = { type = "record", fields = {
    step = required("string", "Its name"),
    status = required("string", "Where it stands"),
    run = required("string", "What it runs"),
    began = { type = "string", doc = "When it began" },
    ended = { type = "string", doc = "When it ended" },
    ms = { type = "int", doc = "How long it took" },
    attempt = { type = "int", doc = "The attempt, from the second on" },
    note = { type = "string", doc = "What it waits for, or why it failed" },
    code = { type = "string", doc = "The code of its error" },
    artifacts = { type = "any", doc = "Files it made" },
  } }, doc = "Its steps" },
}

return M
