--- Reads what a compiled script says on its way and makes the report of it.
--
-- Each line is `<token> <kind> <rest>`; lines without this run's token are noise (a login banner)
-- and are dropped. Kinds: b begin, s INDEX WHY an op starts to change something, r INDEX STATUS
-- WHY its result, d INDEX BASE64 a diff, o INDEX BASE64 output of a failure, n KEY something is
-- due, w KEY would be due, c KEY it was done, e end.

local err = require("prov.err")
local op = require("prov.host.op")
local quote = require("prov.host.quote")
local settings = require("prov.settings")
local text = require("prov.host.text")
local uv = require("luv")

local M = {}

local MAX_LINE = 1024 * 1024
local STATUS = { ok = true, changed = true, failed = true, would_change = true }
local NOTIFIED = { n = "pending", c = "done", w = "would" }
local RANK = { ok = 1, would_change = 2, changed = 3, failed = 4 }

---@class prov.HostReport
---@field changed integer
---@field failed integer
---@field ok integer
---@field skipped integer
---@field would_change integer
---@field ops table[]
---@field notified table<string, "pending"|"done"|"would">
---@field ms number
---@field done boolean the script came to its end

local Reader = {}
Reader.__index = Reader

--- A reader for one run.
---@param ops table[]
---@param token string
---@param on_event? fun(event: table)
---@param diff? boolean
function M.reader(ops, token, on_event, diff)
  local now = uv.hrtime()
  local secrets, rows = {}, {}
  for index, item in ipairs(ops) do
    for _, secret in ipairs(item.secrets or {}) do
      secrets[#secrets + 1] = secret
    end
    rows[index] = { index = index, name = item.op, title = item.title, status = "skipped", ms = 0 }
  end
  table.sort(secrets, function(a, b)
    return #a > #b
  end)
  for _, row in ipairs(rows) do
    row.title = text.mask(row.title, secrets)
  end
  return setmetatable({
    prefix = token .. " ", rows = rows, secrets = secrets, on_event = on_event, started = now, last = now,
    notified = {}, rest = "", ops = ops, diff = diff ~= false,
  }, Reader)
end

function Reader:emit(event)
  if self.on_event then
    self.on_event(event)
  end
end


-- Lines with a + in front, and how many. Not by patterns: they look again from every byte of a long line.
local function added(bytes)
  local out, at = {}, 1
  while at <= #bytes do
    local stop = bytes:find("\n", at, true)
    out[#out + 1] = "+" .. bytes:sub(at, stop or #bytes) .. (stop and "" or "\n\\ No newline at end of file\n")
    at = (stop or #bytes) + 1
  end
  return table.concat(out), #out
end

-- The diff of a file that is not there yet, from our own bytes.
function Reader:fresh_diff(index)
  local item = self.ops[index]
  local decl = op.declaration(item.op)
  local bytes = decl.fresh and decl.fresh(item.args)
  if not bytes or not self.diff then
    return nil
  end
  local head = ("--- /dev/null\n+++ %s\n"):format(item.args.path)
  if bytes:find("\0", 1, true) then
    return head .. ("Binary file of %d bytes\n"):format(#bytes)
  elseif bytes == "" then
    return head
  end
  local body, count = added(bytes:sub(1, settings.host.longest_diff))
  return head .. ("@@ -0,0 +1%s @@\n"):format(count > 1 and "," .. count or "") .. text.mask(body, self.secrets)
end

function Reader:result(row, status, why)
  local now = uv.hrtime()
  row.ms = row.ms + (now - self.last) / 1e6
  self.last = now
  if row.status == "skipped" or RANK[status] > RANK[row.status] then
    row.status = status
    row.reason = why ~= "" and text.mask(why, self.secrets) or nil
    if why == "absent" and not row.diff then
      row.diff = self:fresh_diff(row.index)
    end
  end
  if status ~= "failed" then
    self:emit({ kind = "op", op = row })
  end
end

local kinds = {}

function kinds.b(self)
  self.began = true
  self.last = uv.hrtime()
end

function kinds.s(self, row, rest)
  self:emit({ kind = "start", op = row, reason = text.mask(rest, self.secrets) })
end

function kinds.r(self, row, rest)
  local status, why = rest:match("^(%S+) ?(.*)$")
  if STATUS[status] then
    self:result(row, status, why)
  end
end

function kinds.d(self, row, rest)
  row.diff = text.mask(quote.unbase64(rest), self.secrets)
end

function kinds.o(self, row, rest)
  row.output = text.mask(quote.unbase64(rest), self.secrets)
end

function Reader:line(line)
  if line:sub(1, #self.prefix) ~= self.prefix then
    return
  end
  local kind, rest = line:sub(#self.prefix + 1):match("^(%a) ?(.*)$")
  if kind == "e" then
    self.ended = true
  elseif NOTIFIED[kind] then
    self.notified[rest] = NOTIFIED[kind]
  elseif kind == "b" then
    kinds.b(self)
  elseif kinds[kind] then
    local index, more = rest:match("^(%d+) ?(.*)$")
    local row = index and self.rows[tonumber(index)]
    if row then
      kinds[kind](self, row, more)
    end
  end
end

--- Takes bytes as they arrive.
function Reader:feed(bytes)
  local at = 1
  while true do
    local stop = bytes:find("\n", at, true)
    if not stop then
      break
    end
    self:line(self.rest .. bytes:sub(at, stop - 1))
    self.rest = ""
    at = stop + 1
  end
  if #self.rest + #bytes - at + 1 <= MAX_LINE then
    self.rest = self.rest .. bytes:sub(at)
  end
end

--- The report of what has been read so far.
---@return prov.HostReport
function Reader:report()
  local report = {
    changed = 0, failed = 0, ok = 0, skipped = 0, would_change = 0, ops = self.rows, notified = self.notified,
    ms = (uv.hrtime() - self.started) / 1e6, done = self.ended or false,
  }
  for _, row in ipairs(self.rows) do
    report[row.status] = report[row.status] + 1
    if row.status == "failed" then
      self:emit({ kind = "op", op = row })
    end
  end
  return report
end

--- Why there is no end of the report: an error.
---@param result table? what the session's exec gave
---@return prov.Err
function Reader:broken(result)
  local detail = result and (result.stderr or ""):gsub("%s+$", "") or ""
  if not self.began then
    return err.new("failed", "the host did not run the script" .. (detail ~= "" and ": " .. detail:sub(-500) or ""),
      { data = { code = result and result.code } })
  end
  return err.new("unknown", "the host stopped in the middle of the recipe" ..
    (detail ~= "" and ": " .. detail:sub(-500) or ""), { data = { report = self:report() } })
end

return M
