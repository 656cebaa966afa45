--- What the operations of `prov convert` share: files of other tools in, an infra and notes out.

local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")
local notes_of = require("prov.convert.notes")
local tree = require("prov.convert.tree")

local M = {}

--- The forms an infra can be written in.
M.FORMS = { "yaml", "toml", "json", "lua" }

-- Refuses notes when there may be none.
local function check_strict(notes, p)
  if p.strict and #notes.list > 0 then
    local errs = {}
    for i, note in ipairs(notes.list) do
      errs[i] = err.new("unsupported", note.what, { file = note.file, line = note.line, column = note.column,
        hint = note.todo })
    end
    return nil, errs
  end
  return true
end

-- Writes the files below a folder; nothing is written over without --force.
local function write_files(files, dir, force)
  if not force then
    for _, file in ipairs(files) do
      local path = dir .. "/" .. file.path
      if fs.exists(path) then
        return nil, err.new("exists", path .. " is there already", { hint = "--force writes over it" })
      end
    end
  end
  for _, file in ipairs(files) do
    local path = dir .. "/" .. file.path
    local ok, e = fs.mkdirp(path:match("^(.*)/"))
    if ok then
      ok, e = fs.write_atomic(path, file.text)
    end
    if not ok then
      return nil, e
    end
  end
  return true
end

--- Texts of trees, written to --out or given back; the notes are said at the end.
---@param ctx prov.Ctx
---@param trees { name: string, tree: prov.convert.Map }[]
---@param notes prov.convert.Notes
---@param p { to: string, out: string?, force: boolean?, strict: boolean? }
---@param copies? { from: string, to: string }[] files that go with them
function M.finish(ctx, trees, notes, p, copies)
  local ok, e = check_strict(notes, p)
  if not ok then
    return nil, e
  end
  local files = data.list({})
  for i, one in ipairs(trees) do
    local text
    text, e = tree.encode(one.tree, p.to)
    if not text then
      return nil, e
    end
    files[i] = { path = one.name .. "." .. p.to, text = text }
  end
  for _, copy in ipairs(p.out and copies or {}) do
    local text
    text, e = fs.read(copy.from)
    if not text then
      return nil, e
    end
    files[#files + 1] = { path = copy.to, text = text }
  end
  if p.out then
    ok, e = write_files(files, p.out, p.force)
    if not ok then
      return nil, e
    end
  end
  for _, note in ipairs(notes.list) do
    ctx.ui.warn("%s", notes_of.text(note))
  end
  if #notes.list > 0 then
    ctx.ui.info("%d %s to look at", #notes.list, #notes.list == 1 and "note" or "notes")
  end
  if p.out and not fs.exists(p.out .. "/prov.yaml") then
    ctx.ui.info("next: cd %s; prov workspace new .; prov validate", p.out)
  end
  return { files = files, notes = notes.list, written = p.out ~= nil, out = p.out }
end

-- What providers have, for those that are here.
local function target_of(ctx, p)
  local workspace = ctx.workspace
  local registry = require("prov.registry").open(workspace and workspace.dir)
  local known = {}
  local function provider(name)
    if known[name] == nil then
      known[name] = registry:get("provider", name) or false
    end
    return known[name]
  end
  if p.provider then
    local found, e = registry:get("provider", p.provider)
    if not found then
      return nil, e
    end
  end
  return {
    override = p.provider,
    schema = function(name)
      return provider(name) and provider(name).resources or nil
    end,
    catalog = function(name)
      local catalog = provider(name) and provider(name).catalog
      return type(catalog) == "table" and catalog or {} -- a cloud would have to be asked
    end,
  }
end

--- `prov convert terraform`.
function M.terraform(ctx, p)
  local target, e = target_of(ctx, p)
  if not target then
    return nil, e
  end
  local files, notes, copies = require("prov.convert.terraform").convert(p.path, target)
  if not files then
    return nil, notes
  end
  return M.finish(ctx, files, notes, p, copies)
end

--- `prov convert ansible`.
function M.ansible(ctx, p)
  local files, notes = require("prov.convert.ansible").convert(p.path, { provider = p.provider })
  if not files then
    return nil, notes
  end
  return M.finish(ctx, files, notes, p)
end

--- `prov convert infra`.
function M.infra(ctx, p)
  local workspace, e = ctx:need_workspace()
  if not workspace then
    return nil, e
  end
  local files, notes = require("prov.convert.infra").convert(workspace)
  if not files then
    return nil, notes
  end
  return M.finish(ctx, files, notes, p)
end

return M
