--- Contracts: a schema is compiled once into closures that check and complete values.
--
-- A schema is a plain table of fields (prov.contract.field). One walker does each thing with it: compile
-- (check and complete), describe (tables for help), json_schema, luacats, diff, example, deprecated.
--
-- A check takes a value and returns the completed value, or nil and a list of problems
-- (prov.contract.problem). Paths and places are only built when something is wrong, so a good value costs
-- one closure call per field.

local compile = require("prov.contract.compile")
local err = require("prov.err")
local field_of = require("prov.contract.field")
local origin = require("prov.contract.origin")
local path_of = require("prov.path")

local M = {}

---@class prov.Contract
---@field schema table<string, prov.Field>
---@field run fun(v: any, skip: table?): any, prov.Problem[]?
local Contract = {}
Contract.__index = Contract

--- Every type there is.
M.TYPES = field_of.TYPES

--- Notes where a schema is declared, for messages.
M.declare = origin.declare

--- Notes that a schema was made from another one, for messages.
M.derive = origin.derive

local compiled = setmetatable({}, { __mode = "k" })

--- Compiles a schema; the same table is compiled once. A schema with a mistake is a bug of
-- its author and raises.
---@param schema table<string, prov.Field>
---@return prov.Contract
function M.compile(schema)
  local contract = compiled[schema]
  if not contract then
    local check = compile.record(schema)
    contract = setmetatable({
      schema = schema,
      run = function(v, skip)
        local done, problems = check(v, skip)
        if problems and origin.of(schema) then
          for _, p in ipairs(problems) do
            p.schema, p.within = schema, table.move(p.path, 1, #p.path, 1, {})
          end
        end
        return done, problems
      end,
    }, Contract)
    compiled[schema] = contract
  end
  return contract
end

--- Writes a path of keys: `servers.web.disks[2].size`.
---@type fun(path: (string|integer)[]): string
M.path_text = path_of.format

---@class prov.At where a value stands
---@field path? (string|integer)[] keys from the root of its file
---@field file? string
---@field place? fun(path: (string|integer)[]): integer?, integer?, string? line, column and, of merged files, the file

--- Turns problems into errors with path, file, line and column; `declared` says where the contract is.
---@param problems prov.Problem[]
---@param at? prov.At
---@return prov.Err[]
function M.errors(problems, at)
  at = at or {}
  local out = {}
  for i, p in ipairs(problems) do
    local path = table.move(at.path or {}, 1, #(at.path or {}), 1, {})
    table.move(p.path, 1, #p.path, #path + 1, path)
    local line, column, file
    if at.place then
      line, column, file = at.place(path)
    end
    local text = M.path_text(path)
    out[i] = err.new("invalid", text ~= "" and text .. ": " .. p.msg or p.msg, {
      path = text,
      keys = path,
      file = file or at.file,
      line = line,
      column = column,
      hint = p.hint,
      declared = (p.schema or p.rule) and origin.find(p) or nil,
      expected = p.expected,
      found = p.found,
    })
  end
  table.sort(out, function(a, b)
    if a.line and b.line and a.line ~= b.line then
      return a.line < b.line
    end
    return a.msg < b.msg
  end)
  return out
end

--- Checks a value: returns a new table with defaults filled in, or nil and all errors.
---@param v any
---@param at? prov.At
---@return table? value, prov.Err[]? errors
function Contract:complete(v, at)
  local done, problems = self.run(v)
  if problems then
    return nil, M.errors(problems, at)
  end
  return done
end

--- Warnings about a value that may be good: the deprecated fields it uses, each with its place and what
-- takes its place.
---@param v any
---@param at? prov.At
---@return prov.Err[]
function Contract:warnings(v, at)
  return M.errors(require("prov.contract.deprecated").used(self.schema, v), at)
end

--- Rows for help: name, type, required, default, doc; nested fields as `a.b`.
---@param schema table<string, prov.Field>
function M.describe(schema)
  return require("prov.contract.describe").rows(schema)
end

--- The JSON Schema (2020-12) of a schema.
---@param schema table<string, prov.Field>
function M.json_schema(schema)
  return require("prov.contract.json_schema").of(schema)
end

return M
