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
  log_file = { type = "path", doc = "File that log lines are added to, instead of stderr" },
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
  quiet = { type = "bool", default = false, doc = "Results and errors only, as with --quiet" },
  verbose = { type = "bool", default = false, doc = "Details and tracebacks, as with --verbose" },
  progress = { type = "bool", default = true, doc = "The live view on a terminal, as with --progress" },
  pager = {
    type = "string",
    default = "",
    doc = "Command that shows results longer than the terminal; empty: none",
    example = "less -FRX",
  },
  editor = { type = "string", default = "", doc = "For `edit` of config and secret; empty: $VISUAL, $EDITOR, vi" },
  width = { type = "int", default = 0, min = 0, max = 1000, doc = "Columns of tables; 0: those of the terminal" },
  narrowest = { type = "int", default = 8, min = 3, max = 200, doc = "Characters a column keeps when a table is cut" },
  first_column = { type = "int", default = 32, min = 3, max = 200, doc = "The same for the first one" },
  times = {
    type = "enum",
    one_of = { "utc", "local", "age" },
    default = "utc",
    doc = "Times in tables: in UTC, in the zone of this machine, or how long ago",
  },
  diff_context = { type = "int", default = 3, min = 0, max = 1000, doc = "Lines around a change that diffs show" },
  graph_name = { type = "int", default = 44, min = 8, max = 500, doc = "Characters of a name in pictures of graphs" },
}

GROUPS.repl = {
  history = { type = "int", default = 1000, min = 1, max = 100000, doc = "Lines that REPL and console remember" },
  prompt = { type = "string", default = "prov> ", doc = "What the REPL shows when it waits for a line" },
  more = { type = "string", default = "  ... ", doc = "The same when a line goes on" },
  console_prompt = { type = "string", default = "> ", doc = "The same of `prov console`" },
  banner = { type = "bool", default = true, doc = "Say at the start what it is" },
  startup = { type = "path", doc = "Lua file that the REPL runs first, for helpers of your own" },
  depth = { type = "int", default = 8, min = 1, max = 100, doc = "How deep printed tables go" },
  items = { type = "int", default = 100, min = 1, doc = "Members of a printed table" },
}

GROUPS.http = {
  timeout = { type = "duration", default = 60, min = 0.001, doc = "For one request to a provider, with its answer" },
  max_body = { type = "size", default = 64 * MIB, doc = "The largest answer that is taken" },
  verify = { type = "bool", default = true, doc = "Check the certificates of servers" },
  ca = { type = "path", doc = "File of trusted certificates (PEM) instead of the system's" },
  cert = { type = "path", doc = "Certificate (PEM) that prov shows to servers which ask for one" },
  key = { type = "path", doc = "Its private key (PEM)" },
  min_tls = { type = "enum", one_of = { "1.2", "1.3" }, default = "1.2", doc = "The oldest TLS that is spoken" },
  connect_timeout = { type = "duration", default = 15, min = 0.001, doc = "Of that, until a connection is there" },
  proxy = {
    type = "string",
    default = "",
    doc = "Proxy of requests to providers; empty: what http_proxy and https_proxy say",
    example = "http://proxy:3128",
  },
  no_proxy = { type = "string", default = "", doc = "Hosts that are asked without it; empty: what no_proxy says" },
  user_agent = { type = "string", default = "", doc = "What requests call prov; empty: prov/VERSION" },
}

GROUPS.rest = {
  head_size = { type = "size", default = 16384, min = 1024, max = MIB, doc = "Request line and header of a client" },
  body_size = { type = "size", default = MIB, min = 1024, max = 1024 * MIB, doc = "Body of a request" },
  stream_size = { type = "size", default = MIB, min = 65536, max = 1024 * MIB, doc = "Of a stream, that waits" },
  connections = { type = "int", default = 1024, min = 1, max = 100000, doc = "Connections at once" },
  connections_per_address = { type = "int", default = 256, min = 1, max = 100000, doc = "Of them, of one address" },
  head_timeout = { type = "duration", default = 10, min = 0.01, max = 86400, doc = "Until the header has come" },
  body_timeout = { type = "duration", default = 30, min = 0.01, max = 86400, doc = "Until the body has come" },
  idle_timeout = { type = "duration", default = 60, min = 0.01, max = 86400, doc = "Between two requests" },
  write_timeout = { type = "duration", default = 30, min = 0.01, max = 86400, doc = "Until a client must take some" },
  keep_alive = { type = "duration", default = 15, min = 0.05, max = 86400, doc = "Between signs of life" },
  drain = { type = "duration", default = 1, min = 0, max = 86400, doc = "For answers when it ends" },
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
  retry_every = { type = "duration", default = 0.5, min = 0.01, doc = "Between logins within ssh.patience" },
  logins = { type = "int", default = 256, min = 1, max = 10000, doc = "Logins at once, over all servers" },
  user = { type = "string", default = "root", min = 1, doc = "Account on servers whose provider names none" },
  port = { type = "port", default = 22, doc = "Port of servers whose provider names none" },
  identities = {
    type = "list",
    of = { type = "path" },
    default = {},
    doc = "Private keys that are tried after the workspace's own",
    example = "[/home/ops/.ssh/id_ed25519]",
  },
  certificate = {
    type = "string",
    default = "",
    doc = "Path of the workspace's vault that signs the workspace's key for each login, for servers that trust it",
    example = "ssh/sign/ops",
  },
  agent = { type = "bool", default = false, doc = "Use the keys of the agent at SSH_AUTH_SOCK too" },
  jump = {
    type = "string",
    default = "",
    pattern = "[%w@.:_%%%[%]-]*",
    doc = "Host that all servers are reached through; it is looked up in ssh.known_hosts",
    example = "ops@bastion.example:22",
  },
  known_hosts = { type = "path", doc = "File of known hosts, for servers whose key no provider told; "
    .. "without it the workspace keeps the key of the first connection" },
  strict = { type = "bool", default = true, doc = "Refuse hosts that are missing there; else they are added" },
  key_type = {
    type = "enum",
    one_of = { "ed25519", "ecdsa", "rsa" },
    default = "ed25519",
    doc = "Kind of the key that a workspace makes for its servers",
  },
  compression = { type = "bool", default = false, doc = "Compress what goes to servers, for slow lines" },
  longest_output = { type = "size", default = 64 * MIB, min = 1024, doc = "Of a command there, that is kept" },
  program = { type = "string", default = "ssh", min = 1, doc = "The program of `prov server ssh`" },
  options = {
    type = "list",
    of = { type = "string" },
    default = {},
    doc = "What `prov server ssh` adds to its command line",
    example = "[-o, ServerAliveInterval=10]",
  },
}

GROUPS.secrets = {
  file = {
    type = "path",
    doc = "SOPS file that holds the secrets of the workspace, for those who keep them in git; else its own vault does",
  },
  address = {
    type = "string",
    default = "",
    doc = "Vault that holds them instead, https://vault.example:8200; VAULT_TOKEN or ~/.vault-token opens it",
  },
  mount = { type = "string", default = "secret", min = 1, doc = "The kv engine, version 2, in a vault" },
}

GROUPS.host = {
  recipe_timeout = { type = "duration", default = 1800, min = 1, doc = "For the recipe of one service on one server" },
  facts_timeout = { type = "duration", default = 30, min = 1, doc = "For the facts of a server" },
  longest_diff = { type = "size", default = 65536, doc = "Of a file, that a diff shows" },
  longest_output = { type = "size", default = 16 * MIB, doc = "Of a program on this machine, that is kept" },
  health_timeout = { type = "duration", default = 1800, min = 1, doc = "For all health checks of a service" },
  wait_timeout = { type = "duration", default = 30, doc = "For one check that does not say for how long" },
  status_timeout = { type = "duration", default = 10, min = 1, doc = "To ask what became of a service that failed" },
  status_lines = { type = "int", default = 10, min = 0, max = 1000, doc = "Lines of its log that are shown then" },
}

GROUPS.state = {
  backups = {
    type = "int",
    default = 0,
    min = 0,
    max = 1000,
    doc = "Copies of the state kept in .prov/backups, one made before each apply and destroy; 0: none",
  },
  import_size = { type = "size", default = 1024 * MIB, min = 1024, doc = "Of a file that `prov state import` reads" },
  rewrite_timeout = { type = "duration", default = 5, doc = "To wait for another rekey, compact or recover" },
  lease = {
    type = "duration",
    default = 60,
    min = 3,
    doc = "How long the lock of a workspace holds without a sign of its owner",
  },
}

GROUPS.kms = {
  timeout = { type = "duration", default = 10, min = 1, doc = "For one request to a KMS" },
  cache_ttl = {
    type = "duration",
    default = 300,
    doc = "How long a key that a KMS unwrapped is remembered in locked memory. 0: it is asked each time",
  },
  cache_uses = { type = "int", default = 1000, min = 1,
    doc = "How often such a key is used until the KMS is asked again" },
}

GROUPS.catalog = {
  keep = { type = "duration", default = 3600, doc = "How long what a provider says of its offers is believed" },
}

GROUPS.machine = {
  boot_timeout = { type = "duration", default = 60, min = 1, doc = "Until a server of this machine must be up" },
  grace = { type = "duration", default = 20, doc = "That a server of this machine has to stop by itself" },
  image_timeout = { type = "duration", default = 1800, min = 1, doc = "To build an image of this machine" },
  lock_timeout = { type = "duration", default = 60, doc = "To wait for another prov that changes the same lab" },
  folder = { type = "path", doc = "Folder of labs; PROV_LOCAL_DIR is stronger, /var/lib/prov/local else" },
  image_folder = { type = "path", doc = "Folder of images; PROV_IMAGE_DIR is stronger, /var/cache/prov/images else" },
  packages = {
    type = "list",
    of = { type = "string", pattern = "[a-z0-9][a-z0-9+.-]*" },
    default = {},
    doc = "Further packages in every image",
    example = "[vim, tcpdump]",
  },
  mirror = {
    type = "string",
    default = "",
    doc = "Where images get packages, but for security; empty: where this machine does",
    example = "http://mirror.example/debian",
  },
  apt_retries = { type = "int", default = 3, min = 0, max = 100, doc = "Tries again of a package that does not come" },
  archive = { type = "bool", default = true, doc = "Keep images as archives too, from which a lost one is unpacked" },
}

GROUPS.infra = {
  instances = { type = "int", default = 1000000, min = 1, doc = "The most that `count` may ask for" },
  errors = { type = "int", default = 100, min = 1, doc = "Mistakes of an infra that are listed" },
  imports = { type = "int", default = 50, min = 1, max = 150, doc = "How deep Lua files may import each other" },
  modules = { type = "int", default = 20, min = 1, max = 100, doc = "How deep modules may be nested" },
  file_size = { type = "size", default = MIB, min = 1, max = 64 * MIB, doc = "Of what file() and template() read" },
  function_instructions = { type = "int", default = 1000000, min = 1000, doc = "Of one function in an infra" },
  cluster_instructions = { type = "int", default = 50000000, min = 1000, doc = "Of one cluster template" },
  loop_cost = { type = "int", default = 2000000, min = 1, doc = "Rounds and made values of a loop in an expression" },
  numbers = { type = "int", default = 1000000, min = 1, doc = "The most that range() gives" },
}

GROUPS.template = {
  output = { type = "size", default = 16 * MIB, min = 1, doc = "Of one template, filled" },
  depth = { type = "int", default = 50, min = 1, max = 150, doc = "How deep its blocks may be nested" },
  rounds = { type = "int", default = 200000, min = 1, doc = "Rounds of its loops together" },
}

GROUPS.validation = {
  before_apply = {
    type = "enum",
    one_of = { "off", "error", "warning" },
    default = "off",
    doc = "The least severity of what a rule finds that stops plan --out and apply",
  },
  findings = { type = "int", default = 100, min = 1, doc = "Of one rule, that are listed" },
  instructions = { type = "int", default = 200000000, min = 1000, doc = "Of one rule of the workspace" },
  memory = { type = "size", default = 256 * MIB, min = MIB, doc = "That such a rule may take" },
  message = { type = "int", default = 2000, min = 40, doc = "Bytes of what such a rule says" },
}

GROUPS.fmt = {
  file_size = { type = "size", default = 16 * MIB, min = 1, doc = "Of a file that fmt and lint read" },
  exclude = {
    type = "list",
    of = { type = "string" },
    default = {},
    doc = "Paths below the workspace that fmt and lint leave alone; * is any name, a folder is all in it",
    example = "[generated, infra/*.json]",
  },
  lua_indent = { type = "int", default = 2, min = 1, max = 8, doc = "Spaces of one level in Lua" },
  toml_indent = { type = "int", default = 2, min = 0, max = 8, doc = "Spaces of one level in lists of TOML" },
  json_indent = { type = "int", default = 2, min = 0, max = 8, doc = "Spaces of one level in JSON" },
}

local LINT = { "off", "note", "warning", "error" }

GROUPS.lint = {
  form = { type = "enum", one_of = LINT, default = "warning", doc = "A file that prov fmt would change" },
  tab = { type = "enum", one_of = LINT, default = "warning", doc = "A tab inside of a text or comment" },
  input_unused = { type = "enum", one_of = LINT, default = "warning", doc = "An input that no expression names" },
  global_set = { type = "enum", one_of = LINT, default = "warning", doc = "A Lua file that sets a global" },
  line_long = { type = "enum", one_of = LINT, default = "off", doc = "A line of more than lint.width characters" },
  width = { type = "int", default = 120, min = 20, max = 10000, doc = "The longest line for line_long" },
}

GROUPS.data = {
  file_size = { type = "size", default = 64 * MIB, min = 1, doc = "Of what `prov data` reads" },
}

GROUPS.convert = {
  file_size = { type = "size", default = 8 * MIB, min = 1, doc = "Of one Terraform file" },
  files = { type = "int", default = 2000, min = 1, doc = "Files of one Terraform module" },
  modules = { type = "int", default = 200, min = 1, doc = "Terraform modules of one project" },
  locals = { type = "int", default = 10000, min = 1, doc = "Values that locals stand for in one block" },
  hosts = { type = "int", default = 10000, min = 1, doc = "Names that a range of an Ansible inventory stands for" },
}

GROUPS.doctor = {
  free_space = { type = "size", default = 1024 * MIB, doc = "Of the workspace's disk; less is a warning" },
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
  steps = { type = "int", default = 2000, min = 1, max = 100000, doc = "Steps of a workflow, with all instances" },
  instances = { type = "int", default = 256, min = 1, max = 10000, doc = "Instances of one step with a matrix" },
  outputs = { type = "size", default = 256 * 1024, min = 16, max = 64 * MIB, doc = "Outputs of one step" },
  artifact = { type = "size", default = 16 * MIB, min = 16, max = 1024 * MIB, doc = "One artifact of a step" },
  inputs_size = { type = "size", default = MIB, min = 16, max = 64 * MIB, doc = "A file of inputs" },
  poll_every = { type = "duration", default = 0.25, min = 0.01, doc = "Between looks for answers of others" },
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
  result_size = { type = "size", default = 32 * MIB, min = 1024, max = 128 * MIB, doc = "Of what a job gives back" },
  event_size = { type = "size", default = 16 * MIB, min = 1024, max = 128 * MIB, doc = "Of one event of a job" },
  held_params = { type = "size", default = 4096, min = 0, doc = "Parameters of a waiting job that are kept in memory" },
  beat = { type = "duration", default = 1, min = 0.05, doc = "Between looks at the worker processes" },
  remember_keys = { type = "duration", default = 86400, min = 1, doc = "How long an Idempotency-Key is known" },
  clock_correction = { type = "duration", default = 10800, doc = "A clock set back by more was wrong before" },
  write_again = { type = "duration", default = 1, min = 0.05, doc = "After a write to the store that failed" },
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
