--- op.template: a file rendered from a template on prov's side.

return {
  name = "template",
  summary = "A file rendered from a template",
  doc = "Rendered before anything is sent, so the host needs nothing for it. {{ name }}, {{ a.b | join(', ') }} and "
    .. "any expression are values, {% if %} {% elif %} {% else %} {% endif %} chooses, "
    .. "{% for x in list %} {% endfor %} repeats; {{# list }}...{{/ list }} repeats (or shows when true), "
    .. "{{^ name }}...{{/ name }} shows when absent, {{ . }} is the item. A name that has no value is an error. "
    .. "See guides/infra.md.",
  example = 'op.template { "/etc/app.conf", template = "port={{ port }}\\n", vars = { port = 80 } }',
  positional = { "path" },
  schema = {
    path = { type = "path", required = true, doc = "absolute path on the host" },
    template = { type = "bytes", required = true, doc = "the template" },
    escape = {
      type = "enum",
      one_of = { "none", "shell", "yaml", "json" },
      default = "none",
      doc = "what values are escaped for",
    },
    vars = { type = "map", default = {}, doc = "values for it; secrets allowed" },
    mode = { type = "mode", default = "0644", doc = "permission bits, octal" },
    owner = { type = "string", doc = "user name or id" },
    group = { type = "string", doc = "group name or id" },
    validate = { type = "string", doc = "command that must succeed on the new file; %s is its path" },
    secret = { type = "bool", default = false, doc = "true: never shown in a diff" },
  },
  becomes = function(a, op)
    return op.file {
      a.path, text = require("prov.template").render(a.template, a.vars, a.escape), mode = a.mode, owner = a.owner,
      group = a.group, validate = a.validate, secret = a.secret, notify = a.notify,
    }
  end,
}
