local params = require("prov.sops.params")
local shapes = require("prov.shapes")

local outcome = {
  file = { type = "string", doc = "The SOPS file" },
  added = { type = "list", of = { type = "string" }, doc = "Who can decrypt it now" },
  removed = { type = "list", of = { type = "string" }, doc = "Who cannot any more" },
}
for name, field in pairs(shapes.outcome) do
  outcome[name] = field
end

return {
  kind = "operation",
  name = "secret rotate",
  summary = "Give secrets, and all who use them, new values; or a SOPS file a new data key",
  description = [[
Secrets of the workspace are made anew by their rules: a plan shows who is changed by it, and is applied in the order of
their needs. Interrupted at any moment, the next apply goes on.

Every value of a file is encrypted anew, so who is a recipient no longer cannot read what the file holds from now on.
What they have read they have: change the secrets themselves.]],
  terminal = true,
  params = params.with({
    file = {
      type = "list",
      of = { type = "path" },
      required = true,
      positional = 1,
      doc = "Names of secrets, or the encrypted file",
    },
    add_recipient = { type = "list", of = { type = "string" }, doc = "One more who may decrypt" },
    remove_recipient = { type = "list", of = { type = "string" }, doc = "One who may not any more" },
    parallelism = { type = "int", min = 1, max = 10000, doc = "Steps at once (config: parallelism)" },
    timeout = { type = "duration", doc = "Cancel what still runs after this time (config: run_timeout)" },
    on_failure = {
      type = "enum",
      one_of = { "stop", "continue", "rollback" },
      doc = "After a failed step: start no more, go on elsewhere, or undo this run (config: on_failure)",
    },
  }, "format", "identity"),
  examples = {
    "prov secret rotate db/password",
    "prov secret rotate secrets.yaml",
    "prov secret rotate secrets.yaml --remove-recipient age1...",
  },
  permission = { action = "update", resource = "Secret" },
  again = true,
  result = { columns = { "address", "action", "status" }, schema = outcome },
  view = "apply",
  run = function(ctx, p)
    local secrets = require("prov.secrets.command")
    local names = 0
    for _, one in ipairs(p.file) do
      names = names + (secrets.is_name(one) and 1 or 0)
    end
    if names == #p.file then
      local apply = require("prov.apply")
      return secrets.rotate(ctx, p.file, apply.bounded(ctx, p, { on_failure = p.on_failure
        or assert(ctx.config:get("on_failure")) }))
    elseif #p.file > 1 then
      return require("prov.err").fail("usage", "one file at a time")
    end
    p.file = p.file[1]
    local ok, e = secrets.is_file(p.file)
    if not ok then
      return nil, e
    end
    return require("prov.sops.command").rotate(p)
  end,
  exit_code = function(value)
    return value.status == "interrupted" and 130 or value.status == "failed" and 1 or 0
  end,
}
