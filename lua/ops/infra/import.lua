return {
  kind = "operation",
  name = "import",
  summary = "Take over what exists already: one thing by its id, or all that a provider has",
  description = [[
`prov import server.web 1234` records the thing with that id as the resource of the infra, and says in which fields
the two differ; nothing in the world changes. --write declares it in the infra first, as its provider tells it.
`prov import --all --out infra/found.yaml` writes infra for everything the provider lists that prov does not have, with
references between the things, and an `import` list by which the next apply takes them over.
A creation whose answer was lost, of something on which a provider cannot leave a mark, stops the next apply until
`prov import ADDRESS ID` says which one came of it, or `prov import ADDRESS --none` that none did.]],
  params = {
    address = { type = "string", positional = 1, doc = "Address in the infra: server.web" },
    id = { type = "string", positional = 2, doc = "What its provider calls it" },
    none = {
      type = "bool",
      default = false,
      doc = "Instead of an id: nothing came of the interrupted creation of this address",
    },
    all = { type = "bool", default = false, doc = "List what the provider has and prov does not" },
    provider = {
      type = "string",
      complete = "provider",
      doc = "The provider; the default of the workspace when absent",
    },
    kind = { type = "list", of = { type = "string" }, flag = true, doc = "With --all only things of this kind" },
    out = { type = "path", file = "out", doc = "With --all the new file that takes the infra" },
    write = { type = "bool", default = false, doc = "Declare the resource in the infra" },
  },
  examples = { "prov import server.web 1234", "prov import --all --provider demo --out infra/found.yaml" },
  permission = { action = "update", resource = "Workspace" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/import" },
  result = {
    columns = { "address", "id", "provider", "status", "differs" },
    schema = "imported",
    list = true,
    empty = "nothing that prov does not have",
  },
  run = function(ctx, p)
    return require("prov.adopt").run(ctx, p)
  end,
}
