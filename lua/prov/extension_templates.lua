--- The files of a new extension. They work as they are, so that each change can be tried.

local M = {}

local provider = {}

provider["provider.lua"] = [==[
-- What prov needs to know of the provider: loaded for help, validation and planning.
---@type prov.Provider
return {
  kind = "provider",
  api = 1,
  name = "@NAME@",
  summary = "Notes kept as files, a start for a provider of your own",
  config = {
    dir = { type = "path", doc = "Folder of the notes; one in the workspace's state by default" },
  },
  limits = { concurrency = 10 }, -- calls at once
  resources = {
    note = {
      body = "note", -- note.lua beside this file has read, create, update, delete, find
      schema = {
        text = { type = "string", required = true, doc = "What the note says" },
        color = { type = "enum", one_of = { "yellow", "pink" }, default = "yellow", replace = true },
      },
      outputs = { file = { type = "path" } },
      timeout = { create = 60, delete = 60 },
    },
  },
}
]==]

provider["note.lua"] = [==[
-- How notes are read and changed. prov plans; these functions only look and do.
--   nil means gone; nil, err means that the world refused.

local M = {}

local function folder(ctx)
  return ctx.config.dir or (ctx.workspace.state_dir .. "/@NAME@")
end

-- A note is one file: its colour on the first line, then its text.
local function state_of(path, content)
  local color, text = content:match("^(%a+)\n(.*)$")
  return { id = path, color = color, text = text, file = path }
end

function M.read(ctx, id)
  local content, err = ctx.fs.read(id)
  if content then
    return state_of(id, content)
  elseif err.code == "notfound" then
    return nil
  end
  return nil, err
end

function M.create(ctx, want)
  assert(ctx.fs.mkdirp(folder(ctx)))
  local id = folder(ctx) .. "/" .. ctx.key -- the key of this creation: the same after a crash
  ctx.adopt(id) -- recorded before the work, so that a crash from here on leaks nothing
  return M.update(ctx, id, want)
end

function M.update(ctx, id, want)
  local content = want.color .. "\n" .. want.text
  assert(ctx.fs.write_atomic(id, content))
  return state_of(id, content)
end

function M.delete(ctx, id)
  assert(ctx.fs.remove(id))
  return true
end

-- Is there one that a crashed run of prov made under this key?
function M.find(ctx, key)
  return M.read(ctx, folder(ctx) .. "/" .. key)
end

return M
]==]

provider["README.md"] = [==[
# Provider @NAME@

Use it in a workspace:

```yaml
providers:
  @NAME@: {}
notes:
  hello: { provider: @NAME@, text: "Hello, world" }
```

`prov extension check provider/@NAME@` looks at the declaration, `prov plan` and `prov apply` use it.
]==]

local taskserv = {}

taskserv["taskserv.lua"] = [==[
-- A task service: a recipe is a pure function from arguments and facts to host operations.
---@type prov.Taskserv
return {
  kind = "taskserv",
  api = 1,
  name = "@NAME@",
  category = "@CATEGORY@",
  summary = "A greeting in a file, a start for a task service of your own",
  needs = {}, -- names of task services that must be there first
  schema = {
    greeting = { type = "string", default = "Hello", doc = "What it says" },
    file = { type = "path", default = "/etc/@NAME@.conf", doc = "Where it says it" },
  },
  recipe = function(op, want, facts)
    return {
      op.file({
        path = want.file,
        text = ("%s from %s\n"):format(want.greeting, facts.server.name),
        mode = "0644",
      }),
    }
  end,
  health = function(op, want)
    return { op.command({ "test -s '" .. want.file .. "'" }) }
  end,
  remove = function(op, want)
    return { op.file({ path = want.file, absent = true }) }
  end,
}
]==]

taskserv["README.md"] = [==[
# Task service @NAME@

```yaml
servers:
  web:
    taskservs:
      @NAME@: { greeting: "Good morning" }
```

`prov taskserv install @NAME@ web` tries it on a server at once.
]==]

local cluster = {}

cluster["cluster.lua"] = [==[
-- A cluster: a pure function from arguments to a tree as infra.yaml has it.
---@type prov.Cluster
return {
  kind = "cluster",
  api = 1,
  name = "@NAME@",
  summary = "A network with servers in it, a start for a cluster of your own",
  schema = {
    count = { type = "int", min = 1, max = 50, default = 2, doc = "Servers" },
    cidr = { type = "cidr", default = "10.77.30.0/24", doc = "Range of the network" },
  },
  expand = function(want)
    return {
      networks = { lan = { cidr = want.cidr } },
      servers = { node = { count = want.count, network = "${network.lan}" } },
      outputs = { addresses = "${server.node.ip}" },
    }
  end,
}
]==]

cluster["README.md"] = [==[
# Cluster @NAME@

```yaml
clusters:
  site: { template: @NAME@, count: 3 }
```
]==]

local workflow = {}

workflow[".yaml"] = [==[
# A workflow: operations of prov as steps, in one workspace or several. `prov workflow validate @NAME@`
# checks it, `prov workflow run @NAME@` runs it, `prov workflow graph @NAME@` draws it.
kind: workflow
api: 1
name: @NAME@
summary: Checks, plans and applies the workspace; an apply that fails is taken back
inputs:
  parallelism: { type: int, default: 10, min: 1, doc: Steps of the apply at once }
steps:
  - name: check
    run: validate
  - name: plan
    run: plan
    needs: [check]
    outputs: { changed: "${result.changed}" }
  - name: apply
    run: apply
    when: steps.plan.outputs.changed
    with: { parallelism: "${inputs.parallelism}", on_failure: rollback }
    outputs: { outputs: "${result.outputs}" }
  - name: look
    run: status
    needs: [apply]
    retries: { attempts: 3, delay: 5s }
]==]

local ALL = { provider = provider, taskserv = taskserv, cluster = cluster, workflow = workflow }

--- The files of a new extension: file name -> text.
---@param kind "provider"|"taskserv"|"cluster"|"workflow"
---@param name string
---@param category string of a taskserv
---@return table<string, string>
function M.files(kind, name, category)
  local files = {}
  for file, text in pairs(ALL[kind]) do
    files[file] = text:gsub("@(%u+)@", { NAME = name, CATEGORY = category })
  end
  return files
end

return M
