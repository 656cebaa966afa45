--- The services wanted on servers: checks their arguments, adds what they need.

local contract = require("prov.contract")
local deprecated = require("prov.contract.deprecated")
local expand = require("prov.infra.expand")
local from_settings = require("prov.infra.from_settings")
local merge = require("prov.infra.merge")
local value = require("prov.value")

local M = {}

--- `taskservs` of a server as a map of name to arguments; a list of names is allowed too.
local function as_map(loader, block, wanted)
  if wanted == value.null then
    return {}
  end
  if type(wanted) ~= "table" or value.is_marked(wanted) then
    loader:fail_at(block, { "taskservs" }, "expected a map of taskservs, or a list of names")
    return {}
  end
  local out = {}
  if value.is_list(wanted) then
    for i, name in ipairs(wanted) do
      if type(name) ~= "string" then
        loader:fail_at(block, { "taskservs", i }, "expected the name of a taskserv")
      else
        out[name] = {}
      end
    end
    return out
  end
  for name, args in next, wanted do
    if args == value.null or args == true then
      args = {}
    end
    if type(args) ~= "table" or value.is_marked(args) or value.is_list(args) and next(args) ~= nil then
      if args ~= false then
        loader:fail_at(block, { "taskservs", name }, "expected a map of fields")
      end
    else
      out[name] = args
    end
  end
  return out
end

--- Declaration and contract of a taskserv, once; nil after an error was noted.
local function declaration_of(loader, block, name)
  local found = loader.taskserv_kinds[name]
  if found == nil then
    local declaration, e = loader.registry:get("taskserv", name)
    found = { err = e }
    if declaration then
      local group = "taskserv." .. name
      local schema = from_settings.schema(loader, group, group .. ".", declaration.schema or {})
      found = { declaration = declaration, run = contract.compile(schema).run }
    end
    loader.taskserv_kinds[name] = found
  end
  if found.err then
    if found.err.code == "notfound" then
      loader:fail_at(block, { "taskservs", name }, tostring(found.err), found.err.hint)
    else
      loader:fail(found.err)
    end
    return nil
  end
  return found
end

--- Adds what the wanted ones need, with default arguments.
local function add_needed(loader, block, wanted)
  local queue = {}
  for name in next, wanted do
    queue[#queue + 1] = name
  end
  while #queue > 0 do
    local name = table.remove(queue)
    local found = declaration_of(loader, block, name)
    for _, needed in ipairs(found and found.declaration.needs or {}) do
      if not wanted[needed] then
        wanted[needed] = {}
        queue[#queue + 1] = needed
      end
    end
  end
end

local function check_conflicts(loader, block, wanted)
  for name in next, wanted do
    local found = loader.taskserv_kinds[name]
    for _, other in ipairs(found and found.declaration and found.declaration.conflicts or {}) do
      if wanted[other] then
        loader:fail_at(block, { "taskservs", name }, ("cannot be on the same server as '%s'"):format(other))
      end
    end
  end
end

--- Fields a taskserv may have besides those of its contract.
local function common(schema)
  return { needs = not schema.needs or nil, validate = not schema.validate or nil }
end

--- What the `validate` of a taskserv says, or nil.
local function validation(loader, block, name, given)
  if given == nil or given == value.null then
    return nil
  end
  local done, problems = contract.compile(expand.VALIDATE).run({ validate = given })
  if problems then
    loader:problems(block, problems, { "taskservs", name })
    return nil
  end
  return done.validate
end

--- Completed arguments of all taskservs of one server: a sorted list of { name, args, needs, local_needs }.
local function complete(loader, block, wanted)
  wanted = as_map(loader, block, wanted)
  add_needed(loader, block, wanted)
  check_conflicts(loader, block, wanted)
  local out, names = {}, {}
  for name in next, wanted do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local found = declaration_of(loader, block, name)
    if found then
      found.skip = found.skip or common(found.declaration.schema or {})
      local args, problems = found.run(wanted[name], found.skip)
      if problems then
        loader:problems(block, problems, { "taskservs", name })
      else
        loader:warn(block, deprecated.used(found.declaration.schema or {}, wanted[name]), { "taskservs", name })
        local before = {}
        for _, list in ipairs({ found.declaration.needs or {}, found.declaration.after or {} }) do
          for _, other in ipairs(list) do
            if wanted[other] and other ~= name then
              before[#before + 1] = other
            end
          end
        end
        out[#out + 1] = {
          name = name, args = args, needs = wanted[name].needs, before = before,
          validate = found.skip.validate and validation(loader, block, name, wanted[name].validate),
        }
      end
    end
  end
  return out
end

local function add(loader, block, server, done)
  for _, one in ipairs(done) do
    local needs = { server.address }
    for _, other in ipairs(one.before) do
      needs[#needs + 1] = ("taskserv.%s@%s"):format(other, server.address)
    end
    local taskserv = setmetatable({
      address = ("taskserv.%s@%s"):format(one.name, server.address),
      name = one.name,
      server = server.address,
      args = one.args,
      needs = one.needs,
    }, loader.taskserv_mt)
    if one.validate then
      taskserv.validate = one.validate
    end
    loader.block_of[taskserv] = block
    loader.fixed_needs[taskserv] = needs
    loader.taskservs[#loader.taskservs + 1] = taskserv
    loader.by_address[taskserv.address] = taskserv
  end
end

local function metatable_of(loader)
  return {
    __index = function(taskserv, field)
      if field ~= "origin" then
        return nil
      end
      local block = loader.block_of[taskserv]
      local line, column, file = block.source.place(merge.path_of(block, { "taskservs", taskserv.name }))
      local origin = { file = file or block.source.file, line = line, column = column }
      rawset(taskserv, "origin", origin)
      return origin
    end,
  }
end

--- Expands the taskservs of all servers into loader.taskservs.
function M.run(loader)
  loader.taskserv_kinds, loader.fixed_needs, loader.by_address = {}, {}, {}
  loader.taskserv_mt = metatable_of(loader)
  for _, block in ipairs(loader.blocks) do
    if block.taskservs then
      local done_of = {} -- instances of a count share what they want
      for _, one in ipairs(block.taskservs) do
        local done = done_of[one.wanted]
        if not done then
          done = complete(loader, block, one.wanted)
          done_of[one.wanted] = done
        end
        add(loader, block, one.resource, done)
      end
    end
  end
end

return M
