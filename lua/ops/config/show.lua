return {
  kind = "operation",
  name = "config show",
  summary = "Show settings, their values and the layer that gives each",
  description = [[
The settings of prov itself, and those of operations and extensions that a file or the environment sets, by groups; a
layer stands behind those that are not the default. With the name of a group all of it: `prov config show
taskserv.nginx`. --match looks for a word in names and descriptions, of all there are; -o wide says what each is for.]],
  params = {
    group = { type = "string", positional = 1, complete = "config_group", doc = "Only this: ssh, taskserv.nginx" },
    match = { type = "string", metavar = "word", doc = "Only those with this word in their name or description" },
    set = { type = "bool", doc = "Only those that somebody has set" },
    all = { type = "bool", doc = "Settings of operations and extensions too that nobody has set" },
  },
  permission = { action = "read", resource = "Config" },
  http = { method = "GET", path = "/v1/config" },
  exit_code = function(all)
    for _, row in ipairs(all) do
      if row.err then
        return 1
      end
    end
    return 0
  end,
  result = {
    columns = { "key", "value", "layer" },
    wide = { "source", "doc" },
    schema = {
      key = { type = "string", required = true, doc = "Name of the setting" },
      value = { type = "any", doc = "Its value" },
      layer = { type = "string", doc = "The layer that gives it; none when it has no value" },
      source = { type = "string", doc = "File, variable or flag" },
      doc = { type = "string", doc = "What it is for" },
      err = { type = "string", doc = "What is wrong with it" },
    },
    list = true,
  },
  view = "config",
  run = function(ctx, p)
    return require("prov.config.ops").show(ctx, p)
  end,
}
