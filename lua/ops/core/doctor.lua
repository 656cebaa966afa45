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
  result = { columns = { "area", "check", "status", "detail", "fix" } },
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
