--- The Hetzner Cloud API: its client, its errors, its actions. docs.hetzner.cloud; "actions" there are what is under
--- way, and a resource with one that runs is locked.

local M = {}

local PER_PAGE = 50 -- the most there is
local IDS = 25 -- of actions, in one question
local MISSING = 5 -- times that an action which was begun may be absent from an answer

M.UNPROTECT = "set 'protected: false' and apply that first"

-- Codes of the API (https://docs.hetzner.cloud/reference/cloud#errors): a code of prov; `safe`: nothing has come of
-- the request; `patience`: seconds for which it is worth trying again; `hint`. Statuses say less: go by the code.
local CODES = {
  not_found = { code = "notfound" },
  unauthorized = { code = "denied", hint = "the token is not valid: HCLOUD_TOKEN, or prov provider login hetzner" },
  forbidden = { code = "denied" },
  token_readonly = { code = "denied", hint = "the token may only read: make one that may read and write" },
  protected = { code = "denied", hint = M.UNPROTECT },
  resource_limit_exceeded = { code = "limit", hint = "ask Hetzner for a higher limit of the project" },
  server_limit_exceeded = { code = "limit", hint = "ask Hetzner for a higher limit of the project" },
  uniqueness_error = { code = "exists" },
  resource_unavailable = { code = "failed", hint = "try another zone or plan, or later" },
  placement_error = { code = "failed", hint = "the group has no place for one more: try another zone, or later" },
  rate_limit_exceeded = { code = "unavailable", safe = true },
  locked = { code = "unavailable", safe = true, patience = 300 },
  conflict = { code = "unavailable", safe = true, patience = 60 },
  resource_in_use = { code = "conflict", safe = true, patience = 60 },
  no_subnet_available = { code = "unavailable", safe = true, patience = 60 },
  ip_not_available = { code = "conflict", safe = true, patience = 60 },
  service_error = { code = "unavailable" },
  server_error = { code = "unavailable" },
  unavailable = { code = "unavailable" },
  timeout = { code = "unavailable" },
  bad_gateway = { code = "unavailable" },
  maintenance = { code = "unavailable" },
  invalid_input = { code = "invalid" },
  json_error = { code = "invalid" },
  must_be_unassigned = { code = "conflict" },
  server_not_stopped = { code = "conflict" },
  deprecated_api_endpoint = { code = "unsupported" },
  method_not_allowed = { code = "unsupported" },
}

-- What a change says when it is made already.
local DONE_ALREADY = {
  server_already_attached = true, server_already_added = true, firewall_already_applied = true,
  firewall_already_removed = true, target_already_defined = true, load_balancer_already_attached = true,
  primary_ip_already_assigned = false, -- that may be another server
}

--- The API's words with the fields they are about and the limits that were met.
local function words_of(e)
  local parts = { e.message or e.code }
  local details = type(e.details) == "table" and e.details or {}
  for _, field in ipairs(details.fields or {}) do
    parts[#parts + 1] = ("%s: %s"):format(field.name, table.concat(field.messages or {}, ", "))
  end
  for _, limit in ipairs(details.limits or {}) do
    parts[#parts + 1] = "limit " .. tostring(limit.name)
  end
  if details.announcement then
    parts[#parts + 1] = "see " .. tostring(details.announcement)
  end
  return table.concat(parts, "; ")
end

-- Fields that name what a catalog has.
local CATALOGS = { server_type = "plans", image = "images", location = "zones" }

local function hint_of(e)
  local details = type(e.details) == "table" and e.details or {}
  for _, field in ipairs(details.fields or {}) do
    if CATALOGS[field.name] then
      return ("prov catalog %s hetzner --refresh"):format(CATALOGS[field.name])
    end
  end
end

local function failure(_, body)
  local e = type(body) == "table" and type(body.error) == "table" and body.error
  if not e or type(e.code) ~= "string" then
    return nil
  end
  local known = CODES[e.code] or {}
  return {
    code = known.code, safe = known.safe, patience = known.patience, hint = known.hint or hint_of(e),
    cloud_code = e.code, msg = words_of(e),
  }
end

--- The client of the account.
function M.client(ctx)
  return ctx.cached("client", function()
    return ctx.api({
      url = ctx.config.endpoint:gsub("/+$", ""),
      headers = { Authorization = "Bearer " .. ctx.config.token },
      request_id = "X-Correlation-Id",
      hidden = { "root_password", "password" },
      error = failure,
    })
  end)
end

--- The number in an id of prov's; raises an error for what is none.
function M.number(ctx, id, what)
  local number = math.tointeger(tonumber(id))
  if not number then
    error(ctx.error("invalid", ("'%s' is no id of a %s at Hetzner, which is a number"):format(tostring(id), what)))
  end
  return number
end

--- Numbers of a list of ids.
function M.numbers(ctx, ids, what)
  local out = ctx.json.list({})
  for i, id in ipairs(ids or {}) do
    out[i] = M.number(ctx, id, what)
  end
  return out
end

--- Everything of a list, page by page.
function M.all(ctx, path, field, query)
  local client, out, page = M.client(ctx), {}, 1
  while page do
    local asked = { page = page, per_page = PER_PAGE }
    for name, v in pairs(query or {}) do
      asked[name] = v
    end
    local body, e = client:get(path, asked)
    if not body then
      return nil, e
    elseif type(body[field]) ~= "table" then
      return ctx.fail("protocol", "GET %s: the answer has no '%s'", path, field)
    end
    table.move(body[field], 1, #body[field], #out + 1, out)
    local pages = body.meta and body.meta.pagination
    page = pages and pages.next_page
  end
  return out
end

--- One object; nil alone when the API says that there is none.
function M.get(ctx, path, field)
  local body, e = M.client(ctx):get(path)
  if body and type(body[field]) == "table" then
    return body[field]
  elseif body then
    return ctx.fail("protocol", "GET %s: the answer has no '%s'", path, field)
  elseif e.code == "notfound" then
    return nil
  end
  return nil, e
end

--- The states of actions by id; `groups` are lists of ids joined with commas, one for each call that waits.
local function read_actions(ctx, groups)
  local ids, seen = {}, {}
  for _, group in ipairs(groups) do
    for id in group:gmatch("%d+") do
      if not seen[id] then
        seen[id] = { id = id, status = "missing" }
        ids[#ids + 1] = id
      end
    end
  end
  for first = 1, #ids, IDS do
    local asked = table.move(ids, first, math.min(first + IDS - 1, #ids), 1, {})
    local body, e = M.client(ctx):get("/actions", { id = asked, per_page = PER_PAGE })
    if not body then
      return nil, e
    end
    for _, action in ipairs(body.actions or {}) do
      seen[tostring(action.id)] = action
    end
  end
  local states = {}
  for _, group in ipairs(groups) do
    states[group] = {}
    for id in group:gmatch("%d+") do
      table.insert(states[group], seen[id])
    end
  end
  return states
end

--- True when all have succeeded, an error when one failed, nil while one runs. Only `status` counts: an `error` may
--- stand beside any status.
local function outcome(ctx, actions)
  local running = false
  for _, action in ipairs(actions) do
    if action.status == "error" then
      local e = action.error or {}
      local known = CODES[e.code] or {}
      return nil, ctx.error(known.code or "failed", ("action %s (%s): %s (%s)"):format(
        tostring(action.id), tostring(action.command), e.message or "it failed", e.code or "no code"), {
        hint = known.hint, data = { cloud_code = e.code, action = action.id },
      })
    elseif action.status ~= "success" then
      running = true
    end
  end
  return not running or nil
end

--- Waits for every action in an answer: `action`, `actions` and `next_actions`.
function M.wait(ctx, body, timeout)
  local actions = { body.action }
  for _, list in ipairs({ body.actions or {}, body.next_actions or {} }) do
    table.move(list, 1, #list, #actions + 1, actions)
  end
  local done, e = outcome(ctx, actions)
  if done or e then
    return done, e
  end
  local ids, missing = {}, 0
  for i, action in ipairs(actions) do
    ids[i] = tostring(math.tointeger(action.id))
  end
  return ctx.watch("action", table.concat(ids, ","), {
    read = function(groups)
      return read_actions(ctx, groups)
    end,
    done = function(states)
      for _, action in ipairs(states or {}) do
        if action.status == "missing" then
          missing = missing + 1
          if missing > MISSING then
            return ctx.fail("failed", "action %s: the API does not know it any more", action.id)
          end
        end
      end
      return outcome(ctx, states or {})
    end,
    batch = IDS, every = 0.5, max = 5, timeout = timeout or 600,
  })
end

--- Begins an action on something and waits for it. What is made already is no error.
function M.act(ctx, path, body, timeout)
  local answer, e = M.client(ctx):post(path, body)
  if answer then
    return M.wait(ctx, answer, timeout)
  elseif e.data and DONE_ALREADY[e.data.cloud_code] then
    return true
  end
  return nil, e
end

--- Waits until nothing is under way on something whose creation was answered by nobody.
function M.settle(ctx, path, timeout)
  local actions, e = M.all(ctx, path .. "/actions", "actions", { status = "running" })
  if not actions then
    return nil, e
  end
  return M.wait(ctx, { actions = actions }, timeout)
end

-- Labels that are prov's own: the key of the creation, and the workspace. They are not shown.
M.KEY, M.WORKSPACE = "prov-key", "prov-workspace"

--- A text as the value of a label.
function M.label(text)
  return (tostring(text):gsub("[^%w._-]", "-"):sub(1, 63):gsub("^[^%w]+", ""):gsub("[^%w]+$", ""))
end

--- The labels to send: those that are wanted, and prov's own.
function M.labels(ctx, wanted, present)
  local out = {}
  for name, v in pairs(wanted or {}) do
    out[name] = v
  end
  out[M.KEY] = ctx.key or present and present[M.KEY]
  out[M.WORKSPACE] = M.label(ctx.workspace.name)
  return out
end

--- The labels without prov's own.
function M.own_labels(labels)
  local out = {}
  for name, v in pairs(labels or {}) do
    if name ~= M.KEY and name ~= M.WORKSPACE then
      out[name] = v
    end
  end
  return out
end

--- The object that carries a key; nil when there is none, "conflict" when there are several.
function M.find(ctx, path, field, key)
  local found, e = M.all(ctx, path, field, { label_selector = ("%s==%s"):format(M.KEY, key) })
  if not found then
    return nil, e
  elseif #found > 1 then
    return ctx.fail("conflict", "the key %s is on %s %s and %s", key, path, tostring(found[1].id),
      tostring(found[2].id))
  end
  return found[1]
end

local TRIES = 5 -- of a creation nobody answered

--- Times to look for a creation that may not be seen yet: a name that was free before the first try and is taken now
--- is most likely ours.
local function looks(attempt, e)
  if e.code == "exists" then
    return attempt == 1 and 1 or 8
  end
  return 3
end

--- Creates something that carries ctx.key. When nobody answers, it is looked for by its key before it is tried
--- again; a name that is taken is an error, unless what has it carries the key: then it is the lost creation.
---@param list_path? string where they are listed, when that is another path
---@return table? object, table|prov.Err answer with what is under way
function M.create(ctx, path, list, field, body, list_path)
  local client, e = M.client(ctx), nil
  for attempt = 1, TRIES do
    local answer
    answer, e = client:post(path, body)
    if answer and type(answer[field]) == "table" then
      return answer[field], answer
    elseif answer then
      e = ctx.error("unavailable", ("POST %s: the answer has no '%s'"):format(path, field))
    elseif e.code ~= "exists" and e.code ~= "unavailable" or e.data and e.data.exhausted then
      return nil, e
    end
    local times = looks(attempt, e)
    for look = 1, times do
      local found, unknown = M.find(ctx, list_path or path, list, ctx.key)
      if found then
        return found, { lost = true }
      elseif unknown then
        return nil, unknown
      elseif look < times then
        ctx.sleep(math.min(2, 0.2 * 2 ^ look))
      end
    end
    if e.code == "exists" then
      e.hint = "give it another 'name', or import what has this one"
      return nil, e
    end
  end
  e.data = e.data or {}
  e.data.exhausted = true
  return nil, e
end

--- Calls fn(), which looks at what is there and does what is left, until its requests are answered. The end of a
--- creation is done so: were it to fail for a while, what is there would be found and taken for the whole.
function M.persist(ctx, fn)
  for attempt = 1, TRIES do
    local ok, e = fn()
    if ok or e.code ~= "unavailable" or e.data and e.data.exhausted or attempt == TRIES then
      return ok, e
    end
    ctx.sleep(math.min(2, 0.2 * 2 ^ attempt))
  end
end

--- Changes fields of something.
function M.put(ctx, path, fields)
  return M.client(ctx):put(path, fields)
end

--- True when it is so already, else what fn(...) gives.
function M.unless(is_so, fn, ...)
  if is_so then
    return true
  end
  return fn(...)
end

--- Calls each step in order until one fails.
function M.steps(...)
  for _, step in ipairs({ ... }) do
    local ok, e = step()
    if not ok then
      return nil, e
    end
  end
  return true
end

return M
