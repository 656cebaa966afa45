return {
  kind = "operation",
  name = "state check",
  summary = "Read every record of the store and compare its indexes",
  params = {},
  permission = { action = "read", resource = "State" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/state/check" },
  result = {
    schema = {
      head = { type = "int", required = true, doc = "Last revision" },
      nodes = { type = "int", required = true, doc = "Records" },
      edges = { type = "int", required = true, doc = "Edges" },
      dangling = { type = "int", required = true, doc = "Edges that lead nowhere" },
      journal = { type = "int", required = true, doc = "Entries of the journal" },
      keys = { type = "int", required = true, doc = "Keys" },
      locks = { type = "int", required = true, doc = "Locks" },
      old_versions = { type = "int", required = true, doc = "Versions of the past" },
      file_size = { type = "int", required = true, doc = "Bytes of the file" },
      used_size = { type = "int", required = true, doc = "Bytes in use" },
      errors = { type = "int", required = true, doc = "How much is wrong" },
      first_error = { type = "string", doc = "What is wrong first" },
    },
  },
  run = function(ctx)
    return assert(assert(assert(ctx:need_workspace()):store()):check())
  end,
  exit_code = function(value)
    return value.errors > 0 and 1 or 0
  end,
}
