--- Lists of the API: filters, label selectors, sorting, pages.

local data = require("core.data")
local kit = require("prov.simulate.hetzner.kit")

local M = {}

local PER_PAGE, MOST = 25, 50

--- The parts of a selector: commas outside of parentheses divide it.
local function terms_of(selector)
  local out, depth, part = {}, 0, ""
  for c in (selector .. ","):gmatch(".") do
    depth = depth + (c == "(" and 1 or c == ")" and -1 or 0)
    if c == "," and depth == 0 then
      out[#out + 1] = part:match("^%s*(.-)%s*$")
      part = ""
    else
      part = part .. c
    end
  end
  return out
end

local function one_of(text)
  local set = {}
  for word in text:gmatch("[^,]+") do
    set[word:match("^%s*(.-)%s*$")] = true
  end
  return set
end

--- Compiles a label selector: k, !k, k=v, k==v, k!=v, "k in (a,b)", "k notin (a,b)", joined with commas.
---@param selector string
---@return (fun(labels: table<string, string>): boolean)?
function M.selector(selector)
  local tests = {}
  for _, term in ipairs(terms_of(selector)) do
    local key, op, rest = term:match("^([%w./_-]+)%s*(!?==?)%s*([%w._-]*)$")
    local name, word, set = term:match("^([%w./_-]+)%s+(%a+)%s*%((.*)%)$")
    if key and (op == "=" or op == "==") then
      tests[#tests + 1] = function(labels)
        return labels[key] == rest
      end
    elseif key and op == "!=" then
      tests[#tests + 1] = function(labels)
        return labels[key] ~= rest
      end
    elseif name and (word == "in" or word == "notin") then
      local values, wanted = one_of(set), word == "in"
      tests[#tests + 1] = function(labels)
        return (labels[name] ~= nil and values[labels[name]] == true) == wanted
      end
    elseif term:match("^!?[%w./_-]+$") then
      local absent, plain = term:match("^(!?)(.*)$")
      tests[#tests + 1] = function(labels)
        return (labels[plain] == nil) == (absent == "!")
      end
    else
      return nil
    end
  end
  return function(labels)
    for _, test in ipairs(tests) do
      if not test(labels) then
        return false
      end
    end
    return true
  end
end

--- True when a value is one of those asked for.
local function matches(value, wanted)
  for _, text in ipairs(wanted) do
    if tostring(value) == text then
      return true
    end
  end
  return false
end

local function number(call, name, otherwise, most)
  local text = call.query[name] and call.query[name][1]
  if not text then
    return otherwise
  end
  local n = math.tointeger(tonumber(text))
  if not n or n < 1 or most and n > most then
    return kit.invalid(name, most and ("must be between 1 and %d"):format(most) or "must be at least 1")
  end
  return n
end

local function sorted(call, objects, sorts)
  local keys = {}
  for _, text in ipairs(call.query.sort or {}) do
    local field, order = text:match("^([%w_]+):?(%a*)$")
    if not field or not sorts[field] or order ~= "" and order ~= "asc" and order ~= "desc" then
      return kit.invalid("sort", ("'%s' is not supported"):format(text))
    end
    keys[#keys + 1] = { get = sorts[field], down = order == "desc" }
  end
  if not keys[1] then
    return objects
  end
  table.sort(objects, function(a, b)
    for _, key in ipairs(keys) do
      local x, y = key.get(a), key.get(b)
      if x ~= y then
        if key.down then
          x, y = y, x
        end
        return x < y
      end
    end
    return a.seq < b.seq
  end)
  return objects
end

local function link(call, page, rel)
  local query, seen = {}, false
  for pair in call.request.query:gmatch("[^&]+") do
    if pair:match("^page=") then
      pair, seen = "page=" .. page, true
    end
    query[#query + 1] = pair
  end
  if not seen then
    query[#query + 1] = "page=" .. page
  end
  return ("<%s%s?%s>; rel=%s"):format(call.url, call.path, table.concat(query, "&"), rel)
end

--- What may be asked for everywhere.
local SORTS = {
  id = function(object)
    return object.id
  end,
  name = function(object)
    return object.name or ""
  end,
  created = function(object)
    return object.created
  end,
}

--- Answers a list: { plural = views, meta }.
---@param call prov.simulate.Call
---@param plural string
---@param objects prov.simulate.Object[] is not changed
---@param view fun(object: prov.simulate.Object): table
---@param how? { filters: table<string, fun(object: table): any>?, sorts: table<string, function>? }
--- filters: query parameter -> the value that is compared; name and label_selector are always there
---@return integer?, table|prov.Err
function M.answer(call, plural, objects, view, how)
  how = how or {}
  local tests = {}
  for name, wanted in pairs(call.query) do
    local get = how.filters and how.filters[name] or name == "name" and SORTS.name
    if name == "label_selector" then
      local test = M.selector(wanted[1])
      if not test then
        return kit.invalid("label_selector", "is not a valid label selector")
      end
      tests[#tests + 1] = function(object)
        return test(object.labels or {})
      end
    elseif get then
      tests[#tests + 1] = function(object)
        return matches(get(object), wanted)
      end
    end
  end
  local found = {}
  for _, object in ipairs(objects) do
    local fits = true
    for _, test in ipairs(tests) do
      fits = fits and test(object)
    end
    if fits then
      found[#found + 1] = object
    end
  end
  local e, page, per_page
  found, e = sorted(call, found, how.sorts or SORTS)
  if not found then
    return nil, e
  end
  page, e = number(call, "page", 1)
  if not page then
    return nil, e
  end
  per_page, e = number(call, "per_page", PER_PAGE, MOST)
  if not per_page then
    return nil, e
  end
  local last = math.max(1, (#found + per_page - 1) // per_page)
  local views = data.list({})
  for i = (page - 1) * per_page + 1, math.min(page * per_page, #found) do
    views[#views + 1] = view(found[i])
  end
  local links = {}
  if page > 1 then
    links[#links + 1] = link(call, page - 1, "prev")
  end
  if page < last then
    links[#links + 1] = link(call, page + 1, "next")
  end
  links[#links + 1] = link(call, last, "last")
  call.link = table.concat(links, ", ")
  return 200, {
    [plural] = views,
    meta = {
      pagination = {
        page = page,
        per_page = per_page,
        previous_page = page > 1 and page - 1 or data.null,
        next_page = page < last and page + 1 or data.null,
        last_page = last,
        total_entries = #found,
      },
    },
  }
end

return M
