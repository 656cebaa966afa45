--- Runs rules over a scene and gives what they found as plain data.

local collector = require("prov.collector")
local contract = require("prov.contract")
local err = require("prov.err")
local fix = require("prov.validate.fix")
local guest = require("prov.validate.guest")
local settings = require("prov.settings")

local M = {}

local PAUSE = 400 -- little of what rules make stays: as in prov.infra

local RANK = { error = 1, warning = 2, note = 3 }
M.RANK = RANK

---@class prov.Finding a mistake that a rule has found
---@field rule string
---@field severity "error"|"warning"|"note"
---@field category string
---@field message string
---@field hint? string
---@field address? string
---@field more? integer further instances with the same mistake
---@field path? string of the field
---@field file? string
---@field line? integer
---@field column? integer
---@field related? { address: string, file: string, line: integer? }[]
---@field fix? table[] edits { file, path, value }
---@field ignored? string the reason why it does not count

--- The options of a rule, checked; defaults are filled in.
---@param rule prov.Rule
---@param options table
---@param at? prov.At
---@return table? options, prov.Err[]? errors
function M.options(rule, options, at)
  local done, problems = contract.compile(rule.options or {}).run(options)
  if problems then
    return nil, contract.errors(problems, at)
  end
  return done
end

--- What the settings say about a rule: severity and options, those that are set.
local function given(rule, config)
  local out, errs = {}, {}
  local function take(name)
    local v, e = config:given(("rules.%s.%s"):format(rule.id, name))
    out[name], errs[#errs + 1] = v, e
  end
  take("severity")
  for name in pairs(rule.options or {}) do
    take(name)
  end
  if errs[1] or next(out) == nil then
    return nil, errs
  end
  local severity = out.severity
  out.severity = nil
  local done, wrong = M.options(rule, out, { path = { "rules", rule.id } })
  if done then
    done.severity = severity
  end
  return done, wrong
end

--- What the settings say about rules: id -> { severity, option = value, ... }, those of which they say something.
---@param rules prov.Rule[]
---@param config prov.Config
---@return table<string, table>? settings, prov.Err[]? errors
function M.settings(rules, config)
  local out = {}
  if not config:mentions("rules") then
    return out
  end
  local errs, seen = {}, {}
  local function add(list)
    for _, e in ipairs(list or {}) do
      errs[#errs + 1], seen[tostring(e)] = not seen[tostring(e)] and e or nil, true
    end
  end
  add(config:check_group("rules"))
  for _, rule in ipairs(rules) do
    local wrong
    out[rule.id], wrong = given(rule, config)
    add(wrong)
  end
  if errs[1] then
    return nil, errs
  end
  return out
end

--- The severity a rule has here; "off" for none.
---@param rule prov.Rule
---@param setting? table
---@return string
function M.severity(rule, setting)
  return setting and setting.severity or rule.severity
end

--- Runs one rule over all it looks at.
local function apply(scene, rule, ctx)
  local fn = rule.check
  for _, what in ipairs(rule.applies) do
    if what == "infra" then
      fn(ctx)
    else
      for _, node in ipairs(scene:select(what, rule.instances)) do
        fn(ctx, node)
      end
    end
  end
end

--- What is told when a rule itself fails.
local function broken(rule, e)
  e = err.from(e)
  return {
    rule = rule.id,
    severity = "error",
    category = rule.category,
    message = "the rule failed: " .. e.msg,
    file = e.file or rule.file,
    line = e.line,
    column = e.column,
    hint = "'prov rule test' runs the examples of your rules",
  }
end

--- What was said of rules where a node is declared: at itself, its server, its cluster.
local function said_of(scene, node)
  local block, server = scene.infra.block_of[node], node.server and scene.by_address[node.server]
  return node.validate, server and server.validate, block.validate
end

--- The reason for which a rule does not count for a node, or nil.
local function reason(scene, node, id)
  local found
  for i = 1, 3 do
    local said = select(i, said_of(scene, node))
    if said and said.ignore and said.ignore[id] then
      scene.used[said] = scene.used[said] or {}
      scene.used[said][id] = true
      found = found or said.ignore[id]
    end
  end
  return found
end

local function reason_of(scene, finding)
  local found = reason(scene, finding.node, finding.rule.id)
  for _, node in ipairs(finding.related or {}) do
    found = found or reason(scene, node, finding.rule.id)
  end
  return found
end

local function edits(scene, finding)
  local out = {}
  for i, edit in ipairs(finding.fix or {}) do
    local source, keys, exact = scene:written(edit.node or finding.node, edit.path)
    if not exact or not fix.editor(source.file) then
      return nil
    end
    out[i] = { file = source.file, path = keys, value = edit.value }
  end
  return out[1] and out
end

--- True for a rule that is asked for each instance, not once for those that share their arguments.
local function is_of_each(rule)
  return rule.instances or rule.applies[1] == "infra"
end

--- How many more instances share the arguments of a node that stands for them.
local function others(scene, rule, node)
  if is_of_each(rule) then
    return nil
  end
  local n = 0
  for _, one in ipairs(scene:instances(node.server and scene.by_address[node.server] or node)) do
    if node.server then
      for _, taskserv in ipairs(scene:services(one)) do
        n = n + (taskserv ~= node and taskserv.args == node.args and 1 or 0)
      end
    else
      n = n + (one ~= node and one.args == node.args and 1 or 0)
    end
  end
  return n > 0 and n or nil
end

local function place(source, keys)
  local line, column = source.place(keys)
  return source.file, line, column
end

local function plain(scene, finding, severity)
  local rule, node = finding.rule, finding.node
  local source, keys = scene:written(node, finding.path)
  local out = {
    rule = rule.id,
    severity = severity,
    category = rule.category,
    message = finding.message,
    hint = finding.hint,
    address = node.address,
    path = contract.path_text(keys),
    ignored = reason_of(scene, finding),
    fix = edits(scene, finding),
    more = others(scene, rule, node),
  }
  out.file, out.line, out.column = place(source, keys)
  for i, other in ipairs(finding.related or {}) do
    out.related = out.related or {}
    local file, line = place(scene:written(other, finding.related_path))
    out.related[i] = { address = other.address, file = file, line = line }
  end
  return out
end

--- Findings as plain data: one for all instances of a count, at most validation.findings of a rule.
local function collect(scene, severities, out)
  local first, kept, counted, most = {}, {}, {}, settings.validation.findings
  for _, finding in ipairs(scene.findings) do
    local id = finding.rule.id
    local key = ("%s %s %s"):format(id, finding.message, contract.path_text(finding.path or {}))
    local block = scene.infra.block_of[finding.node]
    first[block] = first[block] or {}
    local before = first[block][key]
    if before then
      local args = finding.node.args
      if is_of_each(finding.rule) then
        before.more = (before.more or 0) + 1
      elseif not counted[before][args] then -- those with the same arguments are counted
        counted[before][args] = true
        before.more = (before.more or 0) + 1 + (others(scene, finding.rule, finding.node) or 0)
      end
    else
      kept[id] = (kept[id] or 0) + 1
      if kept[id] <= most then
        first[block][key] = plain(scene, finding, severities[id])
        counted[first[block][key]] = { [finding.node.args] = true }
        out[#out + 1] = first[block][key]
      end
    end
  end
  for id, n in pairs(kept) do
    if n > most then
      out[#out + 1] = {
        rule = id,
        severity = severities[id],
        category = "rules",
        message = ("%d more findings of this rule are not shown"):format(n - most),
      }
    end
  end
end

local function by_place(a, b)
  local x, y = a.file or "~", b.file or "~" -- without a place: last
  if x ~= y then
    return x < y
  end
  for _, field in ipairs({ "line", "column" }) do
    x, y = a[field] or math.huge, b[field] or math.huge
    if x ~= y then
      return x < y
    end
  end
  if a.rule ~= b.rule then
    return a.rule < b.rule
  end
  return a.message < b.message
end

local function catch(raised)
  return err.is(raised) and raised or err.from(raised, debug.traceback())
end

--- Rules of prov by what they look at: list of { what, instances, rule, rule, ... }.
local function groups_of(rules)
  local groups, by_key = {}, {}
  for _, rule in ipairs(rules) do
    for _, what in ipairs(rule.applies) do
      local key = ("%s %s"):format(what, rule.instances)
      local group = by_key[key]
      if not group then
        group = { what = what, instances = rule.instances }
        by_key[key], groups[#groups + 1] = group, group
      end
      group[#group + 1] = rule
    end
  end
  return groups
end

local INFRA = { false } -- for rules that are called once

local BATCH = 64 -- nodes that the processor keeps in its cache while one rule after the other looks at them

--- The end of the batch that begins at `from`: its resources are of one kind and provider.
local function batch_end(nodes, from)
  local first, last = nodes[from], math.min(from + BATCH - 1, #nodes)
  local provider, kind = first and first.provider, first and first.kind
  for i = from + 1, provider and last or from do
    if nodes[i].provider ~= provider or nodes[i].kind ~= kind then
      return i - 1
    end
  end
  return last
end

--- Runs the rules of a group, over a batch of nodes at a time. One that fails is told and left out from there on.
local function run_group(scene, group, failed, out)
  local nodes = group.what == "infra" and INFRA or scene:select(group.what, group.instances)
  local from, turn = 1, 1
  local function go()
    while from <= #nodes do
      local last = batch_end(nodes, from)
      while group[turn] do
        local rule = group[turn]
        local check = rule.check
        scene.rule = rule
        local about = not rule.about or rule.about(scene, nodes[from])
        for i = from, about and last or 0 do
          check(scene, nodes[i] or nil, about)
        end
        turn = turn + 1
      end
      from, turn = last + 1, 1
    end
  end
  while true do
    local ok, e = xpcall(go, catch)
    if ok then
      return
    end
    local rule = table.remove(group, turn)
    if not failed[rule] then
      failed[rule] = true
      out[#out + 1] = broken(rule, e)
    end
  end
end

local function run_all(scene, rules, out)
  local own, failed = {}, {}
  for _, rule in ipairs(rules) do
    own[#own + 1] = not rule.guest and rule or nil
  end
  for _, group in ipairs(groups_of(own)) do
    run_group(scene, group, failed, out)
  end
  for _, rule in ipairs(rules) do
    if rule.guest then
      scene.rule = rule
      local e = guest.run(scene, rule, apply)
      out[#out + 1] = e and broken(rule, e) or nil
    end
  end
end

--- Runs rules over a scene. Those marked `last` see what the others found and what was ignored.
---@param scene prov.Scene
---@param rules prov.Rule[]
---@return prov.Finding[] findings by place
---@return integer ran rules that ran
function M.run(scene, rules)
  local _ <close> = collector.pause(PAUSE)
  local out, severities, ran = {}, {}, 0
  scene.rules, scene.used, scene.off = {}, {}, {}
  for _, rule in ipairs(rules) do
    scene.rules[rule.id] = rule
    severities[rule.id] = M.severity(rule, scene.settings[rule.id])
    scene.off[rule.id] = severities[rule.id] == "off" or nil
  end
  for pass = 1, 2 do
    local turn = {}
    for _, rule in ipairs(rules) do
      turn[#turn + 1] = (pass == 2) == (rule.last == true) and not scene.off[rule.id] and rule or nil
    end
    ran = ran + #turn
    run_all(scene, turn, out)
    collect(scene, severities, out)
    scene.findings = {}
  end
  table.sort(out, by_place)
  return out, ran
end

return M
