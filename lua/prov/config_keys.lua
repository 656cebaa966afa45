--- Every setting there is: the contract of the configuration.

return {
  parallelism = { type = "int", default = 10, min = 1, max = 1000, doc = "Steps of a run that may work at once" },
  on_failure = {
    type = "enum", one_of = { "stop", "continue", "rollback" }, default = "stop",
    doc = "When a step fails: start no more, go on with what does not need it, or undo the run",
  },
  output = { type = "enum", one_of = { "table", "wide", "json", "yaml", "name" }, default = "table", doc = "Form of results" },
  color = { type = "enum", one_of = { "auto", "always", "never" }, default = "auto", doc = "Colours in the terminal" },
  log_level = {
    type = "enum", one_of = { "debug", "info", "warn", "error" }, default = "warn", doc = "Least important messages that are logged",
  },
}
