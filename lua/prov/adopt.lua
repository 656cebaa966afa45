--- Taking over what exists already: one thing by its id, or all that a provider lists, with infra written for it.

local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")
local merge = require("prov.infra.merge")
local source = require("prov.infra.source")
local units = require("prov.render.units")
local value = require("prov.value")

local M = {}

--- The fields of an observed state that a person would write: those of the schema that differ from their defaults,
-- where `defaults` of the infra say nothing else; sizes with their units.
local function written(schema, state, defaults)
  local out = {}
  for name, field in pairs(schema) do
    local v = state[name]
    local empty = type(v) == "table" and next(v) == nil and not field.required
    local shown = v ~= nil and not field.secret and field.type ~= "secret" and not value.is_marked(v) and not empty
    local is_default = field.default ~= nil and not defaults[name] and type(field.default) ~= "function"
    if shown and not (is_default and data.encode(field.default) == data.encode(v)) then
      out[name] = field.type == "size" and math.type(v) == "integer" and units.size(v) or v
    end
  end
  return out
end

--- A name of the infra for a thing: what it calls itself, with a number when that is taken.
local function name_for(state, id, taken)
  local base = tostring(state.name or state.hostname or state.title or id):gsub("[^%w_-]+", "-"):gsub("^[^%a_]+", "")
  base = base:gsub("%-+$", "")
  if base == "" then
    base = "r" .. tostring(id):gsub("[^%w]+", "")
  end
  local name, n = base, 2
  while taken[name] do
    name, n = base .. "-" .. n, n + 1
  end
  taken[name] = true
  return name
end

--- Ids inside of a value as references to what has them.
local function linked(v, addresses, own)
  if type(v) == "string" then
    local address = addresses[v]
    return address and address ~= own and "${" .. address .. "}" or (v:gsub("%${", "$${"))
  elseif type(v) ~= "table" or value.is_marked(v) then
    return v
  end
  local out = {}
  for key, item in pairs(v) do
    out[key] = linked(item, addresses, own)
  end
  return data.kind(v) == "list" and data.list(out) or out
end

--- Everything a provider lists that the state does not have: { kind, id, state }.
local function strangers(project, name, kinds)
  local declaration, e = project.providers:declaration(name)
  if not declaration then
    return nil, e
  end
  local known, out = {}, {}
  for _, record in pairs(project.state.records) do
    known[record.kind .. "\0" .. tostring(record.id)] = true
  end
  for _, kind in ipairs(kinds or data.keys(declaration.resources)) do
    if project.providers:has(name, kind, "list") then
      local states
      states, e = project.providers:call(name, kind, "list", {})
      if not states then
        return nil, (e or err.new("failed", "it gave no list")):wrap("list %s of %s", merge.plural(kind), name)
      end
      for _, state in ipairs(states) do
        if not known[kind .. "\0" .. tostring(state.id)] and not state.not_ours then
          out[#out + 1] = { kind = kind, id = tostring(state.id), state = state }
        end
      end
    elseif kinds then
      return err.fail("unsupported", "the provider '%s' cannot list its %s", name, merge.plural(kind))
    end
  end
  return out
end

--- The infra of things: a tree with their fields, references among them, and the list `import`.
---@param project prov.Project
---@param name string of the provider
---@param found { kind: string, id: string, state: table }[] gets `address`
---@return table tree
function M.infra_of(project, name, found)
  local taken, addresses = {}, {}
  for _, one in ipairs(project.infra.resources) do
    taken[one.kind] = taken[one.kind] or {}
    taken[one.kind][one.address:match("([^.]+)$"):gsub("%b[]$", "")] = true
  end
  for address, record in pairs(project.state.records) do
    addresses[tostring(record.id)] = address
  end
  for _, one in ipairs(found) do
    taken[one.kind] = taken[one.kind] or {}
    one.name = name_for(one.state, one.id, taken[one.kind])
    one.address = one.kind .. "." .. one.name
    addresses[one.id] = one.address
  end
  local tree, imports = {}, {}
  local default = project:default_provider()
  for i, one in ipairs(found) do
    local _, resource = project.providers:resource(name, one.kind)
    local entry = linked(written(resource.schema, one.state, project.infra.defaults or {}), addresses,
      one.address)
    entry.provider = name ~= default and name or nil
    local top = merge.plural(one.kind)
    tree[top] = tree[top] or {}
    tree[top][one.name] = entry
    imports[i] = { to = one.address, id = one.id }
  end
  tree.import = imports[1] and data.list(imports) or nil
  return tree
end

local function rows_of(found, name)
  local rows = data.list({})
  for i, one in ipairs(found) do
    rows[i] = { address = one.address, id = one.id, provider = name }
  end
  return rows
end

--- Says what comes next, and when a file was written that nobody will read.
local function tell(ctx, project, out, path)
  for _, read in ipairs(source.files(project.workspace.dir) or {}) do
    if fs.realpath(read) == fs.realpath(path) then
      return ctx.ui.info("%s is part of the infra now: 'prov plan' shows what the next apply takes over", out)
    end
  end
  ctx.ui.warn("%s is no part of the infra where it is: move it into the folder infra/ of the workspace", out)
end

local function discover(ctx, project, p, name)
  local found, e = strangers(project, name, p.kind and p.kind[1] and p.kind or nil)
  if not found then
    return nil, e
  end
  local tree = M.infra_of(project, name, found)
  if not p.out or #found == 0 then
    return rows_of(found, name)
  end
  local form = require("prov.formats").of_file(p.out)
  if not (form and form.tree) then
    return err.fail("usage", "--out %s: the infra is written as YAML, TOML or JSON", p.out)
  end
  local path = p.out:sub(1, 1) == "/" and p.out or project.workspace.dir .. "/" .. p.out
  if fs.exists(path) then
    return err.fail("conflict", "%s is there already; nothing was written", p.out)
  end
  local text
  text, e = form:encode(tree)
  text = text and require("prov.fmt").text(form.name, text) or text
  local ok = text and fs.mkdirp(path:match("^(.*)/"))
  if ok then
    ok, e = fs.write_atomic(path, text, { mode = 420 })
  end
  if not ok then
    return nil, e
  end
  tell(ctx, project, p.out, path)
  return rows_of(found, name)
end

local function declared(project, address)
  for _, one in ipairs(project.infra.resources) do
    if one.address == address then
      return one
    end
  end
end

--- Records a thing at an address of the infra; nothing in the world changes.
local function adopt(ctx, project, p)
  local lock <close> = assert(project:begin("import", { [p.address] = not p.none and p.id }))
  if p.none then
    return { address = p.address, status = "none" }
  end
  local past = project.infra.past or { moved = {}, import = {}, removed = {} }
  project.infra.past = past
  past.import[#past.import + 1] = { to = p.address, id = p.id, origin = {} }
  local plan = assert(project:plan({ target = { p.address } }))
  local differs = data.list({})
  for _, step in ipairs(plan.steps) do
    for _, change in ipairs(step.address == p.address and step.changes or {}) do
      differs[#differs + 1] = change.path
    end
  end
  local provider = declared(project, p.address).provider
  if #plan.imported == 0 then
    return { address = p.address, id = p.id, provider = provider, status = "known", differs = differs }
  end
  plan.steps, plan.moves, plan.forget = {}, {}, {}
  assert(require("prov.engine").apply({
    workspace = project.workspace,
    store = project.store,
    plan = plan,
    state = project.state,
    providers = project.providers,
    registry = project.registry,
    hosts = project.hosts,
    ui = ctx.ui,
    lock = lock,
    what = "import",
    parallelism = 1,
    on_failure = "stop",
  }))
  return { address = p.address, id = p.id, provider = provider, status = "imported", differs = differs }
end

--- Writes the declaration of a thing that the infra does not have yet.
local function declare(ctx, project, p, name)
  local kind, own = p.address:match("^([%a_][%w_-]*)%.([%a_][%w_-]*)$")
  if not kind then
    return err.fail("usage", "--write makes a resource such as server.web, not %s", p.address)
  end
  local state, e = project.providers:call(name, kind, "read",
    { address = p.address, recorded = { id = p.id } }, p.id)
  if not state then
    return nil, e or err.new("notfound", ("the provider '%s' has no %s with the id %s"):format(name, kind, p.id))
  end
  local one = { kind = kind, id = p.id, state = state }
  local tree = M.infra_of(project, name, { one })
  local entry = tree[merge.plural(kind)][one.name]
  return require("prov.infra.edit").apply(ctx.workspace, ctx.registry,
    { { path = { merge.plural(kind), own }, value = entry } })
end

--- The operation `import`.
---@async
---@param ctx prov.Ctx
---@param p { address: string?, id: string?, none: boolean?, all: boolean?, provider: string?, kind: string[]?,
--- out: string?, write: boolean? }
---@return table[]? rows, prov.Err|prov.Err[]|nil
function M.run(ctx, p)
  if not p.all and not (p.address and (p.id or p.none)) then
    return err.fail("usage", "name an address and an id, or --all")
  elseif p.none and (p.all or p.id or p.write) then
    return err.fail("usage", "--none takes an address only")
  end
  local project <close> = assert(require("prov.project").open(ctx, { infra = p.all and "try" or "need" }))
  local name, e = p.provider, nil
  if not name then
    name, e = project:default_provider()
  end
  if not name and (p.all or p.write) then
    return nil, e
  elseif p.all then
    return discover(ctx, project, p, name)
  end
  if not declared(project, p.address) then
    if not p.write then
      return nil, err.new("notfound", ("the infra declares no %s"):format(p.address), {
        hint = "declare it first, or let --write do it from what its provider says",
      })
    end
    local rows
    rows, e = declare(ctx, project, p, name)
    if not rows then
      return nil, e
    end
    local again <close> = assert(require("prov.project").open(ctx, { infra = "need" }))
    return data.list({ adopt(ctx, again, p) })
  end
  return data.list({ adopt(ctx, project, p) })
end

return M
