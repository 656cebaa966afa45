local params = require("prov.sops.params")

return {
  kind = "operation",
  name = "secret set",
  summary = "Give a secret of the workspace its value, or change one value of a SOPS file",
  description = [[
What is the name of no file here names a secret of the workspace, which gets a new version; the next apply brings it to
all who use it.
The value comes from the standard input, or is asked for, unless it is given: other users of the machine can see the
command line. What did not change stays as it was, byte for byte.]],
  terminal = true,
  params = params.with({
    file = { type = "path", required = true, positional = 1, doc = "The encrypted file, or the name of a secret" },
    path = { type = "string", positional = 2, doc = "The path in the file; what is missing on the way is made" },
    value = { type = "string", positional = 3, doc = "The text; else of the standard input, or asked for" },
    yaml = { type = "bool", default = false, doc = "The value is YAML: 5 is a number, {a: 1} a map" },
    delete = { type = "bool", default = false, doc = "Take the value away" },
  }, "format", "identity"),
  examples = {
    "prov secret set hetzner/token",
    "prov secret set secrets.yaml db.password",
    "pwgen 32 1 | prov secret set secrets.yaml db.password",
    "prov secret set secrets.yaml db.port 5432 --yaml",
  },
  permission = { action = "update", resource = "Secret" },
  result = {
    schema = {
      file = { type = "string", doc = "The file" },
      name = { type = "string", doc = "Name of the secret" },
      version = { type = "int", doc = "Version of the secret" },
      changed = { type = "bool", required = true, doc = "Whether it was written" },
    },
  },
  run = function(ctx, p)
    local secrets = require("prov.secrets.command")
    if secrets.is_name(p.file) then
      if p.path then
        return nil, require("prov.err").new("usage", "the value of a secret does not stand on the command line, "
          .. "which others can see: it is asked for, or comes from the standard input", {
          hint = ("prov secret set %s"):format(p.file),
        })
      end
      return secrets.set(ctx, p)
    end
    local ok, e = secrets.is_file(p.file)
    if not ok then
      return nil, e
    elseif not p.path then
      return require("prov.err").fail("usage", "which value of %s? prov secret set FILE PATH", p.file)
    end
    return require("prov.sops.command").set(p)
  end,
}
