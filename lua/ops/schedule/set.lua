local submission = require("prov.orchestrator.request").SCHEMA

return {
  kind = "operation",
  name = "schedule set",
  where = "orchestrator",
  summary = "Let the orchestrator run an operation again and again",
  description = [[
CRON is five fields (minute hour day month weekday) as in crontab, @daily and its kin, or 'every 15m'. Times
are those of the wall in --zone, also when the clocks change. A schedule of this name is replaced.]],
  params = {
    name = {
      type = "string",
      required = true,
      positional = 1,
      pattern = "[a-zA-Z0-9][a-zA-Z0-9._-]*",
      max = 100,
      doc = "Its name",
    },
    cron = { type = "string", required = true, positional = 2, max = 200, doc = "When, such as '30 3 * * 1-5'" },
    operation = { type = "string", required = true, positional = 3, doc = submission.operation.doc },
    zone = { type = "string", default = "UTC", doc = "Time zone, such as Europe/Berlin" },
    missed = {
      type = "enum",
      one_of = { "skip", "once", "all" },
      default = "once",
      doc = "Times while it did not run: left out, made up for once, or one by one",
    },
    overlap = {
      type = "enum",
      one_of = { "skip", "allow" },
      default = "skip",
      doc = "When the job before has not ended: no new one, or one more",
    },
    paused = { type = "bool", default = false, doc = "It makes no jobs for now" },
    workspace = submission.workspace,
    params = submission.params,
    priority = submission.priority,
    max_attempts = submission.max_attempts,
    timeout = submission.timeout,
  },
  examples = {
    "prov schedule set nightly '30 3 * * *' apply --zone Europe/Berlin -w shop",
    "prov schedule set watch 'every 15m' drift -w shop",
  },
  permission = { action = "update", resource = "Schedule" },
  http = { method = "PUT", path = "/v1/schedules/{name}", match = true },
  result = { columns = { "name", "words", "operation", "workspace", "next", "paused" }, schema = "schedule" },
  run = function(ctx, p)
    p.workspace = p.workspace or ctx.flags.workspace
    return ctx.orchestrator:set_schedule(p, ctx.if_match)
  end,
}
