--- Variables of an infra or module: declared in `inputs` as contracts, given values, read as `${var.name}`.

local contract = require("prov.contract")
local fields = require("prov.contract.fields")
local merge = require("prov.infra.merge")
local scalars = require("prov.contract.scalars")
local suggest = require("prov.suggest")
local value = require("prov.value")

local M = {}

local function error_at(source, path, msg, hint)
  return merge.error(source, path, msg, hint)
end

--- The value that a text of the command line or the environment means for a field.
---@param field prov.Field
---@param text string
---@return any
function M.from_text(field, text)
  local kind = type(field) == "table" and field.type or field
  if kind == "bool" then
    local words = { ["1"] = true, ["true"] = true, yes = true, ["0"] = false, ["false"] = false, no = false }
    local v = words[text:lower()]
    return v == nil and text or v
  elseif kind == "int" or kind == "number" or kind == "port" then
    return tonumber(text) or text
  elseif kind == "string" or kind == "secret" or kind ~= "union" and scalars[kind] then
    return text
  end
  local v, e = require("prov.yaml").decode(text)
  if require("prov.err").is(e) then
    return text
  end
  return v
end

---@class prov.Given values for the variables of one place, weakest first
---@field values table<string, any>
---@field place fun(name: string): prov.Source?, (string|integer)[]? where a value is written
---@field text? boolean they are texts
---@field source? fun(name: string): string said in an error, when there is no file

--- The schema of declared inputs; nil when one is no contract, which is noted.
local function schema_of(declared, errs)
  local schema, good = {}, true
  for name, field in next, declared.values do
    local source, path = merge.source_of(declared, name), { "inputs", name }
    if field == value.null then
      field = "any"
    end
    local ok, msg, hint, below = fields.check({ [name] = field })
    if not ok then
      good = false
      local keys = {}
      for key in (below or ""):gsub("^[^.]*%.?", ""):gmatch("[^.]+") do
        keys[#keys + 1] = key
      end
      table.move(keys, 1, #keys, 3, path)
      errs[#errs + 1] = error_at(source, path, msg, hint)
    else
      schema[name] = field
    end
  end
  return good and schema or nil
end

local function known_names(schema)
  local names = {}
  for name in next, schema do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

--- Completes the values of the declared variables. Errors name the place of the value, else of the declaration.
---@param declared prov.Part
---@param given prov.Given[]
---@param errs prov.Err[] filled
---@param missing? fun(name: string, declared_at: string): prov.Err for one that has no value and must
---@return table<string, any> values those that are good
function M.complete(declared, given, errs, missing)
  local schema = schema_of(declared, errs)
  local out = {}
  if not schema then
    return out
  end
  local raw, from = {}, {}
  for _, one in ipairs(given) do
    for name, v in next, one.values do
      local field = schema[name]
      if field == nil then
        local source, path = one.place(name)
        local e = source and error_at(source, path, ("there is no variable '%s'"):format(name))
          or suggest.unknown("variable", name, known_names(schema))
        e.hint = suggest.hint(name, known_names(schema))
          or #known_names(schema) == 0 and ("declare it: inputs: { %s: { type: string } }"):format(name) or e.hint
        errs[#errs + 1] = e
      else
        if one.text then
          v = M.from_text(field, v)
        end
        raw[name], from[name] = v, one
      end
    end
  end
  for name, field in next, schema do
    local done, problems = contract.compile({ [name] = field }).run({ [name] = raw[name] })
    if problems then
      local one = from[name]
      local source, path = nil, nil
      if one then
        source, path = one.place(name)
      end
      for _, p in ipairs(problems) do
        local e
        if source then
          local keys = table.move(path, 1, #path, 1, {})
          table.move(p.path, 2, #p.path, #keys + 1, keys)
          e = error_at(source, keys, p.msg, p.hint)
        elseif one then
          e = require("prov.err").new("usage", ("%s: %s"):format(one.source(name), p.msg), { hint = p.hint })
        elseif missing then
          e = missing(name, merge.place_text(merge.source_of(declared, name), { "inputs", name }))
        else
          e = error_at(merge.source_of(declared, name), { "inputs", name },
            ("the variable '%s' has no value"):format(name),
            ("give it with --var %s=..., PROV_VAR_%s, or vars in a file of environments/"):format(name, name))
        end
        errs[#errs + 1] = e
      end
    else
      out[name] = done[name] == nil and value.null or done[name]
    end
  end
  return out
end

return M
