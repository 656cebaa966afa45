--- op.http: a health check.

return {
  name = "http",
  summary = "A URL answers",
  doc = "For health lists; waits until it is so, at most timeout seconds. The same as op.wait with http.",
  example = 'op.http { "http://127.0.0.1/", status = 200, contains = "welcome" }',
  positional = { "url" },
  schema = {
    url = { type = "string", required = true, doc = "http:// or https:// URL" },
    status = { type = "int", default = 200, doc = "the status it must answer" },
    contains = { type = "bytes", doc = "text that must be in the body" },
    timeout = { type = "number", min = 0, doc = "seconds until it counts as failed; else host.wait_timeout" },
  },
  becomes = function(a, op)
    return op.wait { http = a.url, status = a.status, contains = a.contains, timeout = a.timeout }
  end,
}
