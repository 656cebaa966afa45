--- One vocabulary over the clouds (docs/decisions/0061-clouds.md): a field that two providers have means the same in
--- both, so it has one type; and every field has words for people.
local field_of = require("prov.contract.field")
local registry = require("prov.registry")

local CLOUDS = { "hetzner", "upcloud", "aws" }

--- Where the clouds differ in what a text may be.
local SAME = { string = "text", ref = "text", ip = "text", cidr = "text", hostname = "text" }

--- What a field takes, as text; named types are followed.
local function shape(field, types, depth)
  field = field_of.full(type(field) == "string" and types[field] or field)
  while types[field.type] do
    field = field_of.full(types[field.type])
  end
  if depth > 6 then
    return "..."
  elseif field.type == "record" then
    return "record"
  elseif field.type == "list" or field.type == "map" then
    return field.type .. " of " .. shape(field.of, types, depth + 1)
  elseif field.type == "union" then
    local parts = {}
    for _, one in ipairs(field.of) do
      parts[shape(one, types, depth + 1)] = true
    end
    local names = {}
    for name in pairs(parts) do
      names[#names + 1] = name
    end
    table.sort(names)
    return table.concat(names, " or ")
  end
  return SAME[field.type] or field.type == "enum" and "text" or field.type
end

local function fields_of(field, types)
  field = field_of.full(type(field) == "string" and types[field] or field)
  while types[field.type] do
    field = field_of.full(types[field.type])
  end
  if field.type == "list" or field.type == "map" then
    return fields_of(field.of, types)
  end
  return field.type == "record" and field.fields or nil
end

describe("the clouds", function()
  local declared = {}
  local found = registry.open(nil, { path = "" })
  for _, name in ipairs(CLOUDS) do
    declared[name] = found:get("provider", name)
  end

  --- Calls fn(where, a, b) for each field that two clouds have, also inside of records.
  local function compare(fn)
    local function walk(where, a, a_types, b, b_types)
      for name, field in pairs(a) do
        if b[name] then
          fn(where .. "." .. name, shape(field, a_types, 0), shape(b[name], b_types, 0))
          local inner, other = fields_of(field, a_types), fields_of(b[name], b_types)
          if inner and other then
            walk(where .. "." .. name, inner, a_types, other, b_types)
          end
        end
      end
    end
    for i, first in ipairs(CLOUDS) do
      for j = i + 1, #CLOUDS do
        local a, b = declared[first], declared[CLOUDS[j]]
        for kind, resource in pairs(a and b and a.resources or {}) do
          local other = b.resources[kind]
          if other then
            local where = ("%s and %s: %s"):format(first, CLOUDS[j], kind)
            walk(where, resource.schema, a.types or {}, other.schema, b.types or {})
            walk(where .. " gives", resource.outputs or {}, a.types or {}, other.outputs or {}, b.types or {})
          end
        end
      end
    end
  end

  it("are there", function()
    assert.is_truthy(declared.hetzner)
    assert.is_truthy(declared.aws)
  end)

  it("call the same thing by one name and type", function()
    local count = 0
    compare(function(where, a, b)
      count = count + 1
      assert.equal(a, b, where)
    end)
    assert.is_true(count > 80, count .. " fields are common")
  end)

  it("have every kind's id, and are found by it", function()
    for name, declaration in pairs(declared) do
      for kind, resource in pairs(declaration.resources) do
        assert.is_truthy(resource.outputs and resource.outputs.id, name .. " " .. kind)
      end
    end
  end)
end)
