--- Every setting there is: the contract of the configuration.

return {
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
    doc = "Least important messages that are logged",
  },
}
