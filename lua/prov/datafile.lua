--- What the operations of `prov data` share: texts in, values and texts out. None needs a workspace.

local contract = require("prov.contract")
local data = require("core.data")
local err = require("prov.err")
local formats = require("prov.formats")
local fs = require("prov.fs")
local json = require("prov.json")
local path_of = require("prov.path")
local settings = require("prov.settings")
local suggest = require("prov.suggest")
local yaml = require("prov.yaml")

local M = {}


-- Text and shown name of a file, or of the standard input.
local function read(file)
  if file == nil or file == "-" then
    local text, e = require("prov.stdin").read(settings.data.file_size)
    return text, text and "stdin" or e
  end
  local text, e = fs.read(file, { max = settings.data.file_size })
  return text, text and file or e
end

-- Value, format, text, shown name and places of a text.
local function parse(format, text, shown, opts)
  local v, place = format:decode(text, { file = shown, all = opts and opts.all })
  if v == nil then
    if place.msg == "more than one document in a file" then
      place.msg = place.msg .. "; --all reads the list of them"
    end
    return nil, place
  end
  return { value = v, format = format, text = text, file = shown, place = place }
end

-- The same of what a file holds.
local function load(name, file, opts)
  local format = assert(formats.get(name))
  if opts and opts.all and format.name ~= "yaml" then
    return err.fail("usage", "--all is for streams of YAML documents: a %s text is one document", format.title)
  end
  local text, shown = read(file)
  if not text then
    return nil, shown
  end
  return parse(format, text, shown, opts)
end

local function at(e, source, path)
  e.file = source.file
  e.line, e.column = source.place(path)
  return e
end

-- The value as text; errors of writing are about the file it was read from.
local function write(v, format, source)
  local text, e = format:encode(v)
  if not text then
    e.file = source.file
  end
  return text, e
end

--- The text as JSON; `tagged`: with the type of every leaf, for formats that have more types than JSON.
---@async
function M.decode(p)
  local source, e = load(p.format, p.file, p)
  if not source then
    return nil, e
  end
  local v = source.value
  if p.tagged and source.format.tagged then
    v = source.format.tagged(v)
  end
  return write(v, formats.get("json"), source)
end

--- The JSON text in the format.
---@async
function M.encode(p)
  local format = assert(formats.get(p.format))
  local source, e = load("json", p.file)
  if not source then
    return nil, e
  end
  local v = source.value
  if p.tagged and format.untagged then
    v, e = format.untagged(v)
    if v == nil then
      e.file = e.file or source.file
      return nil, e
    end
  end
  return write(v, format, source)
end

--- The text of one format in another.
---@async
function M.convert(p)
  local to = assert(formats.get(p.to))
  local source, e = load(p.from, p.file, p)
  if not source then
    return nil, e
  end
  return write(source.value, to, source)
end

-- The name that was meant by the first key of a path that is not there.
local function meant(v, path)
  for _, key in ipairs(path) do
    if type(v) ~= "table" or data.kind(v) ~= "map" and data.kind(v) ~= "list" then
      return nil
    elseif v[key] == nil then
      return data.kind(v) == "map" and suggest.hint(tostring(key), data.keys(v)) or nil
    end
    v = v[key]
  end
end

--- The value at a path.
---@async
function M.get(p)
  local path = assert(path_of.parse(p.path))
  local source, e = load(p.format, p.file, p)
  if not source then
    return nil, e
  end
  path = path_of.resolve(source.value, path)
  local v = path_of.get(source.value, path)
  if v == nil then
    e = err.new("notfound", ("there is no %s"):format(path_of.format(path)), { hint = meant(source.value, path) })
    return nil, at(e, source, path)
  elseif type(v) ~= "string" then
    local text
    text, e = json.encode(v) -- .inf is no JSON
    if not text then
      return nil, at(e, source, path)
    end
  end
  return v
end

-- The text with the change; formats without an editor are written anew.
local function change(source, path, v, p)
  local editor = source.format.edit
  if editor then
    return editor.set(source.text, path, v)
  end
  local comments = source.format.comments
  if comments and source.text:find(comments) and not p.rewrite then
    return err.fail("unsupported", "writing %s anew would lose the comments; --rewrite does it", source.format.title)
  end
  local e
  path, e = path_of.fit(source.value, path)
  if not path then
    return nil, e
  end
  return source.format:encode(path_of.with(source.value, path, v))
end

-- The text of a source with the change. What YAML has not, a date, stays one where it was one.
local function changed(source, p, path, v)
  path = path_of.resolve(source.value, path)
  if type(v) == "string" and not p.string and data.kind(path_of.get(source.value, path)) == "time" then
    v = data.toml_time(v) or v
  end
  local text, e = change(source, path, v, p)
  if not text then
    return nil, e.file and e or at(e, source, path)
  end
  return text
end

--- The text with another value at a path; in the file itself when asked for.
---@async
function M.set(p)
  local path = assert(path_of.parse(p.path))
  if p.in_place and (p.file == nil or p.file == "-") then
    return err.fail("usage", "--in-place needs a file")
  end
  local v = p.value
  if not p.string then
    local why
    v, why = yaml.decode(p.value)
    if v == nil then
      return err.fail("usage", "the value is no YAML (%s); --string takes it as it is", why.msg)
    end
  end
  local ok, source, e
  if not p.in_place then
    source, e = load(p.format, p.file)
    if not source then
      return nil, e
    end
    return changed(source, p, path, v)
  end
  ok, e = fs.update(p.file, function(text)
    if not text then
      return fs.read(p.file) -- which says why
    end
    source, e = parse(formats.get(p.format), text, p.file)
    if not source then
      return nil, e
    end
    return changed(source, p, path, v)
  end, { max = settings.data.file_size })
  return ok and "" or nil, e
end

-- The text without what stands at a path; formats without an editor are written anew.
local function without(source, path, p)
  if source.format.edit then
    return source.format.edit.delete(source.text, path)
  end
  local comments = source.format.comments
  if comments and source.text:find(comments) and not p.rewrite then
    return err.fail("unsupported", "writing %s anew would lose the comments; --rewrite does it", source.format.title)
  end
  local key, above = path[#path], path_of.get(source.value, table.move(path, 1, #path - 1, 1, {}))
  if data.kind(above) == "list" then
    table.remove(above, key)
  else
    above[key] = nil
  end
  return source.format:encode(source.value)
end

--- The text without the value at a path; in the file itself when asked for.
---@async
function M.unset(p)
  local path = assert(path_of.parse(p.path))
  if p.in_place and (p.file == nil or p.file == "-") then
    return err.fail("usage", "--in-place needs a file")
  end
  local source, e = load(p.format, p.file)
  if not source then
    return nil, e
  end
  path = path_of.resolve(source.value, path)
  if #path == 0 or path_of.get(source.value, path) == nil then
    return nil, at(err.new(#path == 0 and "usage" or "notfound",
      #path == 0 and "a path is missing: all of it cannot be taken away" or "there is no " .. path_of.format(path)),
      source, path)
  end
  local text
  text, e = without(source, path, p)
  if not text then
    return nil, e.file and e or at(e, source, path)
  elseif not p.in_place then
    return text
  end
  local real = assert(fs.realpath(p.file)) -- a link stays one
  local ok
  ok, e = fs.write_atomic(real, text, { mode = assert(fs.stat(real)).mode })
  return ok and "" or nil, e
end

local function differences(a, b, path, out)
  if data.encode(a) == data.encode(b) then
    return
  end
  local kind = type(a) == "table" and type(b) == "table" and data.kind(a) == data.kind(b) and data.kind(a)
  local function below(key)
    local to = table.move(path, 1, #path, 1, {})
    to[#to + 1] = key
    return to
  end
  local function one(key)
    if a[key] == nil then
      out[#out + 1] = { path = path_of.format(below(key)), change = "added", after = b[key] }
    elseif b[key] == nil then
      out[#out + 1] = { path = path_of.format(below(key)), change = "removed", before = a[key] }
    else
      differences(a[key], b[key], below(key), out)
    end
  end
  if kind == "list" then
    for i = 1, math.max(#a, #b) do
      one(i)
    end
  elseif kind == "map" then
    local all = {}
    for _, map in ipairs({ a, b }) do
      for key in pairs(map) do
        all[key] = true
      end
    end
    for _, key in ipairs(data.keys(all)) do
      one(key)
    end
  else
    out[#out + 1] = { path = path_of.format(path), change = "changed", before = a, after = b }
  end
end

--- What differs between two values, by path.
---@param a any
---@param b any
---@return { path: string, change: "added"|"removed"|"changed", before: any, after: any }[]
function M.differences(a, b)
  local out = data.list({})
  differences(a, b, {}, out)
  return out
end

--- What differs between two files, by path.
---@async
function M.diff(p)
  if (p.a == "-") and (p.b == "-") then
    return err.fail("usage", "only one of the two can be the standard input")
  end
  local a, e = load(p.format, p.a, p)
  if not a then
    return nil, e
  end
  local b
  b, e = load(p.to or p.format, p.b, p)
  if not b then
    return nil, e
  end
  local out = M.differences(a.value, b.value)
  return { same = #out == 0, changes = out }
end

-- A contract from a file: a map of fields, in any form of tree.
local function read_contract(file)
  local format = formats.of_file(file)
  if not format or not format.tree then
    return err.fail("usage", "%s: a contract is a JSON, YAML or TOML file", file)
  end
  local source, e = load(format.name, file)
  if not source then
    return nil, e
  end
  local ok, message, hint, below, keys = false, "a contract is a map of fields", nil, nil, nil
  if data.kind(source.value) == "map" then
    ok, message, hint, below, keys = require("prov.contract.fields").check(source.value)
  end
  if not ok then
    return nil, at(err.new("invalid", "not a contract: " .. (below and below ~= "" and below .. " " or "") .. message,
      { hint = hint }), source, keys or {})
  end
  return source.value
end

--- Nothing when the text is right, else every mistake of it.
---@async
function M.validate(p)
  local schema, e
  if p.schema then
    schema, e = read_contract(p.schema)
    if not schema then
      return nil, e
    end
  end
  local source
  source, e = load(p.format, p.file, p)
  if not source then
    return nil, e
  end
  if schema then
    if data.kind(source.value) ~= "map" then
      return nil, at(err.new("invalid", "the contract is about a map"), source, {})
    end
    local value, errs = contract.compile(schema):complete(source.value, { file = source.file, place = source.place })
    if not value then
      return nil, errs
    end
  end
  return { file = source.file, format = source.format.name, valid = true }
end

return M
