--- Every setting of prov itself, by group: the contract of the configuration. What operations and extensions
-- bring is in prov.config.declared. Durations are seconds.

local MIB = 1024 * 1024

--- Settings of a group are read as settings.GROUP.NAME; tests/lint/settings.lua finds those that nothing reads.
local GROUPS = {}

GROUPS[""] = {
  parallelism = {
    type = "int",
    default = 256,
    min = 1,
    max = 10000,
    doc = "Steps at once, over all providers",
  },
  on_failure = {
    type = "enum",
    one_of = { "stop", "continue", "rollback" },
    default = "stop",
    doc = "After a failed step: stop starts no more, continue goes on with what does not need it, "
      .. "rollback undoes what this run did",
  },
  run_timeout = {
    type = "duration",
    default = 0,
    doc = "How long the steps of a run may take together; then running ones are cancelled. 0: as long as it takes",
    example = "2h",
  },
  step_timeout = {
    type = "duration",
    default = 0,
    doc = "How long one step may take, with all its tries and waits; then it is cancelled. 0: as long as it takes",
    example = "30m",
  },
  output = {
    type = "enum",
    one_of = { "table", "wide", "json", "yaml", "name" },
    default = "table",
    doc = "Form of results",
  },
  color = {
    type = "enum",
    one_of = { "auto", "always", "never" },
    default = "auto",
    doc = "Colours in the terminal",
  },
  remote = {
    type = "string",
    default = "",
    doc = "Address of the orchestrator that does the work, http://HOST:PORT or unix:PATH; empty: this process",
  },
  log_level = {
    type = "enum",
    one_of = { "debug", "info", "warn", "error" },
    default = "warn",
    doc = "Least important messages that are logged; PROV_LOG is stronger",
  },
  log_format = {
    type = "enum",
    one_of = { "text", "json" },
    default = "text",
    doc = "Form of log lines; PROV_LOG_FORMAT is stronger",
  },
}

GROUPS.ui = {
  refresh = { type = "duration", default = 0.1, min = 0.02, doc = "Between two pictures of the live view" },
  rows = { type = "int", default = 12, min = 1, max = 200, doc = "Steps the live view shows at once" },
  told_after = {
    type = "duration",
    default = 5,
    doc = "The shortest wait that gets a line when there is no live view",
  },
  estimate_every = { type = "duration", default = 1, doc = "How often the time that is left is estimated" },
  failures = { type = "int", default = 10, min = 1, doc = "Failed steps that the summary of a run names" },
}

GROUPS.http = {
  timeout = { type = "duration", default = 60, min = 0.001, doc = "For one request to a provider, with its answer" },
  max_body = { type = "size", default = 64 * MIB, doc = "The largest answer that is taken" },
  verify = { type = "bool", default = true, doc = "Check the certificates of servers" },
  ca = { type = "path", doc = "File of trusted certificates (PEM) instead of the system's" },
}

GROUPS.calls = {
  attempts = { type = "int", default = 5, min = 1, doc = "Tries of a provider call that fails for a while" },
  backoff = { type = "duration", default = 0.2, doc = "The first pause between two tries; it doubles, with jitter" },
  longest_backoff = { type = "duration", default = 30, doc = "The longest pause between two tries" },
  longest_wait = { type = "duration", default = 300, doc = "What a provider may ask for with Retry-After" },
  failures = { type = "int", default = 10, min = 1, doc = "Failures in a row that make all calls of an account pause" },
  told_after = { type = "duration", default = 1, doc = "The shortest pause that people are told of" },
  poll_every = { type = "duration", default = 1, min = 0.01, doc = "Between looks at something that becomes ready" },
  poll_timeout = { type = "duration", default = 600, doc = "Until something must have become ready" },
  list_from = { type = "int", default = 8, min = 1, doc = "Resources of a kind from which on a list replaces reads" },
}

GROUPS.ssh = {
  connect_timeout = { type = "duration", default = 15, min = 0.1, doc = "Until one login to a server must be done" },
  stopped_timeout = { type = "duration", default = 3, min = 0.1, doc = "The same for a server that is stopped" },
  patience = { type = "duration", default = 30, doc = "For a server made or started a moment ago to let one in" },
  keepalive = { type = "duration", default = 15, doc = "Silence after which a server is probed; 0: never" },
  reap_timeout = { type = "duration", default = 10, doc = "To end what a cancelled command left behind" },
}

GROUPS.host = {
  recipe_timeout = { type = "duration", default = 1800, min = 1, doc = "For the recipe of one service on one server" },
  facts_timeout = { type = "duration", default = 30, min = 1, doc = "For the facts of a server" },
  longest_diff = { type = "size", default = 65536, doc = "Of a file, that a diff shows" },
  longest_output = { type = "size", default = 16 * MIB, doc = "Of a program on this machine, that is kept" },
}

GROUPS.state = {
  lease = {
    type = "duration",
    default = 60,
    min = 3,
    doc = "How long the lock of a workspace holds without a sign of its owner",
  },
}

GROUPS.catalog = {
  keep = { type = "duration", default = 3600, doc = "How long what a provider says of its offers is believed" },
}

GROUPS.machine = {
  boot_timeout = { type = "duration", default = 60, min = 1, doc = "Until a server of this machine must be up" },
  grace = { type = "duration", default = 20, doc = "That a server of this machine has to stop by itself" },
  image_timeout = { type = "duration", default = 1800, min = 1, doc = "To build an image of this machine" },
  lock_timeout = { type = "duration", default = 60, doc = "To wait for another prov that changes the same lab" },
}

GROUPS.infra = {
  instances = { type = "int", default = 1000000, min = 1, doc = "The most that `count` may ask for" },
  errors = { type = "int", default = 100, min = 1, doc = "Mistakes of an infra that are listed" },
}

GROUPS.sandbox = {
  instructions = { type = "int", default = 200000000, min = 1000, doc = "Of one Lua file of an infra or extension" },
  memory = { type = "size", default = 1024 * MIB, doc = "That one such file may take" },
  string = { type = "size", default = 64 * MIB, doc = "The longest text it may build" },
  output = { type = "size", default = 256 * MIB, doc = "What it may hand back, written out" },
  seconds = { type = "duration", default = 2, min = 0.1, doc = "Processor time it may take" },
}

GROUPS.workflow = {
  depth = { type = "int", default = 8, min = 1, max = 50, doc = "How deep workflows may be nested" },
  notify_backoff = { type = "duration", default = 0.25, doc = "The first pause before a notification is sent again" },
  notify_longest_backoff = { type = "duration", default = 10, doc = "The longest such pause" },
}

GROUPS.orchestrator = {
  interruptions = { type = "int", default = 3, min = 1, doc = "Deaths of its process after which a job is dead" },
  retry = { type = "duration", default = 1, doc = "The longest first pause before a job is tried again; it doubles" },
  longest_retry = { type = "duration", default = 300, doc = "The longest pause before a job is tried again" },
  kill_after = {
    type = "duration",
    default = 10,
    min = 0.1,
    doc = "From the timeout of a job that is cancelled to the end of its process",
  },
  prune_every = { type = "duration", default = 10, min = 0.1, doc = "Between looks for old jobs that are forgotten" },
  prune_rows = { type = "int", default = 5000, min = 1, doc = "Jobs that one such look reads" },
  page_reads = { type = "int", default = 20000, min = 1, doc = "Jobs that one page of a filtered list looks at" },
  worker_start = { type = "duration", default = 30, min = 1, doc = "That a worker process has to become ready" },
  worker_pause = { type = "duration", default = 0.2, doc = "Before a worker process that ended is started again" },
  longest_worker_pause = { type = "duration", default = 30, doc = "The same when it ends again and again" },
  late = { type = "int", default = 60, min = 1, doc = "Seconds after which a time of a schedule counts as missed" },
  made_up = { type = "int", default = 100, min = 1, doc = "Missed times of a schedule that are made up for" },
  feed_length = { type = "int", default = 10000, min = 1, doc = "Changes of jobs kept for those who come back" },
  feed_lag = { type = "int", default = 1000, min = 1, doc = "Changes that wait for somebody who reads slowly" },
  longest_wait = { type = "int", default = 600, min = 1, doc = "Seconds a client of the REST API may wait for a job" },
}

GROUPS.client = {
  patience = {
    type = "int",
    default = 60,
    min = 0,
    doc = "Seconds for which a lost connection to the orchestrator is tried again",
  },
}

local keys = {}
for group, settings in pairs(GROUPS) do
  for name, spec in pairs(settings) do
    keys[(group ~= "" and group .. "." or "") .. name] = spec
  end
end
return keys
