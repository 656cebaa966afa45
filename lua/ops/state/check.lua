return {
  kind = "operation",
  name = "state check",
  summary = "Read every record of the store and compare its indexes",
  params = {},
  permission = { action = "read", resource = "State" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/state/check" },
  result = {},
  run = function(ctx)
    return assert(assert(assert(ctx:need_workspace()):store()):check())
  end,
  exit_code = function(value)
    return value.errors > 0 and 1 or 0
  end,
}
