--- What `prov secret` does with the secrets of a workspace.

local address_of = require("prov.address")
local apply = require("prov.apply")
local clock = require("prov.clock")
local contract = require("prov.contract")
local data = require("core.data")
local due = require("prov.secrets.due")
local err = require("prov.err")
local fs = require("prov.fs")
local project = require("prov.project")
local secrets = require("prov.secrets")
local uv = require("luv")
local yaml = require("prov.yaml")

local M = {}

--- Whether a word names a secret of a workspace, and no file that is there.
---@param word string
---@return boolean
function M.is_name(word)
  return not fs.exists(word) and address_of.is_name(word, "secret")
end

--- Says so when a word is neither: no file, not named like one, and no name of a secret.
---@param word string
---@return true?, prov.Err?
function M.is_file(word)
  if fs.exists(word) or require("prov.sops").format_of(word) ~= "binary" then
    return true
  end
  local name = word:gsub("^/+", ""):gsub("/+$", ""):gsub("%.", "/")
  return nil, err.new("notfound", ("there is no file '%s', and no secret has such a name"):format(word), {
    hint = address_of.is_name(name, "secret") and ("is it '%s'?"):format(name)
      or "names of secrets are letters, digits, - and _, with / between parts",
  })
end

local function open(ctx)
  local workspace, e = ctx:need_workspace()
  if not workspace then
    return nil, e
  end
  return secrets.open(workspace)
end

--- One part of a secret.
---@async
---@return string?, prov.Err?
function M.get(ctx, p)
  local kept, e = open(ctx)
  if kept then
    kept, e = kept:need(p.file, p.revision)
  end
  if not kept then
    return nil, e
  end
  local part = kept.parts[p.path or "value"]
  if part == nil then
    return err.fail("notfound", "the secret '%s' has no '%s', but %s", p.file, p.path or "value",
      table.concat(data.keys(kept.parts), ", "))
  end
  return part
end

local function given_value(p)
  if p.value and p.value ~= "-" then
    return p.value
  elseif uv.guess_handle(0) == "tty" then
    return require("prov.ask").secret("Value of " .. p.file)
  end
  local text, e = require("prov.stdin").read(1 << 20)
  return text and text:gsub("\r?\n$", ""), e
end

--- A new version with a value that somebody gives.
---@async
function M.set(ctx, p)
  local store, e = open(ctx)
  if not store then
    return nil, e
  end
  local text
  text, e = given_value(p)
  if not text then
    return nil, e
  elseif text == "" then
    return err.fail("usage", "the value of '%s' is empty", p.file)
  end
  local before
  before, e = store:get(p.file)
  if e then
    return nil, e
  elseif before and before.parts.value == text then
    return { name = p.file, changed = false, version = before.version }
  end
  local kept
  kept, e = store:put(p.file, { value = text })
  return kept and { name = p.file, changed = true, version = kept.version }, e
end

-- FIELD=VALUE words as a rule, checked as an infra is.
local function rule_of(ctx, words)
  local given = {}
  for _, word in ipairs(words) do
    local field, text = word:match("^([^=]+)=(.*)$")
    local v, e = yaml.decode(text or "")
    if not field then
      return err.fail("usage", "'%s' is not FIELD=VALUE", word)
    elseif v == nil then
      return nil, e:wrap("%s", field)
    end
    given[field] = v
  end
  local declaration = assert(require("prov.registry").open(ctx:need_workspace().dir):get("provider", "secrets"))
  local rule, problems = contract.compile(declaration.resources.secret.schema).run(given)
  if problems then
    return nil, contract.errors(problems, { path = {}, file = "rule", place = function() end })[1]
  end
  return rule
end

--- A new secret by a rule.
---@async
function M.make(ctx, p)
  local ok, e = secrets.check_name(p.name)
  local store
  if ok then
    store, e = open(ctx)
  end
  if not store then
    return nil, e
  end
  local before
  before, e = store:get(p.name)
  if e then
    return nil, e
  elseif before then
    return nil, err.new("exists", ("there is a secret '%s' already"):format(p.name), {
      hint = ("prov secret rotate %s"):format(p.name),
    })
  end
  local rule, kept
  rule, e = rule_of(ctx, p.field or {})
  if not rule then
    return nil, e
  end
  kept, e = store:make(p.name, rule)
  return kept and { name = p.name, version = kept.version, public_key = kept.parts.public_key,
    certificate = kept.parts.certificate }, e
end

--- What there is, with its age.
---@async
function M.list(ctx)
  local store, e = open(ctx)
  if not store then
    return nil, e
  end
  local rows
  rows, e = store:list()
  if not rows then
    return nil, e
  end
  local now = clock.wall() // 1000
  local out = data.list({})
  for i, row in ipairs(rows) do
    out[i] = {
      name = row.name,
      type = row.rule and row.rule.type or "given",
      version = row.version,
      created = row.created,
      expires = row.expires,
      note = due.note(row.created, row.expires, row.rule and row.rule.max_age, now),
    }
  end
  return out
end

--- The versions of one.
---@async
function M.history(ctx, p)
  local store, e = open(ctx)
  local rows
  if store then
    rows, e = store:history(p.name)
  end
  if rows and #rows == 0 then
    rows, e = store:need(p.name)
  end
  return rows and data.list(rows), e
end

--- Takes one away.
---@async
function M.remove(ctx, p)
  local store, e = open(ctx)
  local ok
  if store then
    ok, e = store:need(p.name)
  end
  if ok then
    ok, e = ctx.ui.confirm(("Remove the secret '%s'? 'prov secret restore' brings it back"):format(p.name))
  end
  if ok then
    ok, e = store:remove(p.name)
  end
  return ok and { name = p.name }, e
end

--- Brings one back.
---@async
function M.restore(ctx, p)
  local store, e = open(ctx)
  local ok
  if store then
    ok, e = store:restore(p.name, p.revision)
  end
  if ok then
    ok, e = store:need(p.name)
  end
  return ok and { name = p.name, version = ok.version }, e
end

-- Everything that gets something from what is rotated, one after another.
local function consumers(p, rotate)
  local found, list, changed = {}, {}, true
  for address in pairs(rotate) do
    found[address] = true
    list[#list + 1] = address
  end
  while changed do
    changed = false
    for _, nodes in ipairs({ p.infra.resources, p.infra.taskservs }) do
      for _, node in ipairs(nodes) do
        for _, need in ipairs(not found[node.address] and node.needs or {}) do
          if found[need] and not found[node.address] then
            found[node.address], changed = true, true
            list[#list + 1] = node.address
          end
        end
      end
    end
  end
  table.sort(list)
  return list
end

-- Those that no infra uses get a new value by the rule they were made by.
local function rotate_alone(ctx, names)
  local store, e = open(ctx)
  if not store then
    return nil, e
  end
  for _, name in ipairs(names) do
    local kept
    kept, e = store:need(name)
    if kept and not (kept.rule and kept.rule.type ~= "given") then
      kept, e = nil, err.new("invalid", ("somebody gave '%s' its value, there is no rule for it"):format(name), {
        hint = ("prov secret set %s, then prov apply"):format(name),
      })
    end
    if kept then
      kept, e = store:make(name, kept.rule)
    end
    if not kept then
      return nil, e
    end
  end
  return true
end

-- Adds the certificates that are signed by what is rotated, by those, and so on: who trusts the new issuer has to
-- trust them too.
local function add_signed(p, rotate)
  local grew
  repeat
    grew = false
    for _, node in ipairs(p.infra.resources) do
      local issuer = node.kind == "secret" and node.args.issuer
      if type(issuer) == "string" and rotate["secret." .. issuer] and p.state.records[node.address]
        and not rotate[node.address] then
        rotate[node.address], grew = true, true
      end
    end
  until not grew
end

-- The names apart: addresses of secrets of the infra, and those that no infra has.
local function sort_out(p, names)
  local rotate, alone = {}, {}
  local of = {}
  for _, node in ipairs(p.infra and p.infra.resources or {}) do
    if node.kind == "secret" then
      of[secrets.name_of(node.address)] = node
    end
  end
  for _, name in ipairs(names) do
    local node = of[name]
    if not node then
      alone[#alone + 1] = name
    elseif node.args.type == "given" then
      return nil, nil, err.new("invalid", ("somebody gives '%s' its value, there is no rule for it"):format(name), {
        hint = ("prov secret set %s, then prov apply"):format(name),
      })
    elseif not p.state.records[node.address] then
      return nil, nil, err.new("notfound", node.address .. " was not applied yet", { hint = "prov apply" })
    else
      rotate[node.address] = true
    end
  end
  add_signed(p, rotate)
  return rotate, alone
end

--- New values, for everybody who uses them, in the order of their needs.
---@async
---@param ctx prov.Ctx
---@param names string[]
---@param opts prov.ApplyOptions
---@return table? outcome as that of an apply
---@return prov.Err?
function M.rotate(ctx, names, opts)
  local rotate, alone, e
  do
    local p <close> = assert(project.open(ctx, { infra = "need" }))
    rotate, alone, e = sort_out(p, names)
  end
  if not rotate then
    return nil, e
  end
  if alone[1] then
    local ok
    ok, e = rotate_alone(ctx, alone)
    if not ok then
      return nil, e
    end
  end
  if not next(rotate) then
    return { status = "done", changed = true, done = #alone, failed = 0, skipped = 0, outputs = {}, ms = 0 }
  end
  opts.rotate = rotate
  opts.target_of = function(p)
    return consumers(p, rotate)
  end
  return apply.run(ctx, opts)
end

return M
