return {
  kind = "operation",
  name = "doctor",
  summary = "Check program, machine, workspace and extensions, and say how to mend them",
  params = {
    area = {
      type = "enum",
      one_of = { "program", "machine", "workspace", "extensions" },
      positional = 1,
      doc = "Only this part",
    },
  },
  http = { method = "GET", path = "/v1/doctor" },
  result = {
    columns = { "area", "check", "status", "detail", "fix" },
    schema = {
      area = { type = "string", required = true, doc = "program, machine, workspace or extensions" },
      check = { type = "string", required = true, doc = "What was looked at" },
      status = { type = "enum", required = true, one_of = { "ok", "warning", "failed" }, doc = "What was found" },
      detail = { type = "string", doc = "More of it" },
      fix = { type = "string", doc = "What to do" },
    },
    list = true,
  },
  view = "doctor",
  run = function(ctx, p)
    return require("prov.doctor").run(ctx, p.area)
  end,
  exit_code = function(findings)
    for _, finding in ipairs(findings) do
      if finding.status == "failed" then
        return 1
      end
    end
    return 0
  end,
}
