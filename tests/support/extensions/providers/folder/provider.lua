-- A provider for tests whose world is a folder: what it did can be counted from outside.
return {
  kind = "provider", api = 1, name = "folder", summary = "Things that are files in a folder",
  config = {
    dir = { type = "path", required = true, doc = "Where" },
    lose = { type = "string", doc = "Name of a thing whose create answer is lost after the effect" },
    fail = { type = "string", doc = "Name of a thing whose create is refused" },
    slow = { type = "duration", default = 0, doc = "Pause between the effect of a create and its answer" },
    mute = { type = "enum", one_of = { "nothing", "raise" }, doc = "What an update gives instead of an answer" },
    unreadable = { type = "bool", default = false, doc = "Reads fail" },
  },
  limits = { concurrency = 4 },
  resources = {
    thing = {
      body = "thing",
      schema = {
        label = { type = "string", default = "x", doc = "Text" },
        token = { type = "secret", doc = "Known to the state only" },
        after = { type = "any", doc = "Something to wait for" },
      },
      outputs = { id = { type = "string" } },
    },
  },
}
