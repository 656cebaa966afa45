-- The same 20 operations as playbook.yml and deploy.py.
local function recipe(op)
  local ops = {
    op.dir { "/opt/app", mode = "0755" },
    op.file { "/opt/app/file.txt", text = ("0123456789abcdef"):rep(256), mode = "0644" },
    op.template { "/opt/app/app.conf", template = "port={{ port }}\nname={{ app }}\n",
      vars = { port = 8080, app = "app" } },
    op.line { "/opt/app/extra.conf", line = "port=8080", create = true },
    op.file { "/opt/app/motd", text = "hello\n", mode = "0644" },
    op.link { "/opt/app/motd.link", target = "/opt/app/motd" },
    op.group { "app", system = true },
    op.user { "app", system = true, group = "app", shell = "/usr/sbin/nologin" },
    op.dir { "/opt/app/data", mode = "0750", owner = "app", group = "app" },
    op.block { "/etc/hosts", name = "app", text = "10.9.9.9 app.internal\n" },
    op.exec { "echo made > /opt/app/made", creates = "/opt/app/made" },
    op.exec { "wc -c < /opt/app/file.txt > /opt/app/size", creates = "/opt/app/size" },
    op.file { "/etc/cron.d/none", absent = true },
    op.pkg { "procps" },
    op.service { "ssh", state = "running", enabled = true },
  }
  for i = 1, 5 do
    ops[#ops + 1] = op.file { ("/opt/app/part%d.conf"):format(i), text = ("part = %d\n"):format(i), mode = "0644" }
  end
  return ops
end

return {
  kind = "taskserv", api = 1, name = "bench", category = "test", summary = "20 operations for the benchmark",
  schema = {},
  recipe = recipe,
}
